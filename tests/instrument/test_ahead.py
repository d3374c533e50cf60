"""Events with a time to come: to the sample for the sound, to the frame for the score, and never after a panic."""

import numpy as np
import pytest
from offline_stage import FRAME_SAMPLES, RATE, Stage

from livegen.controls import MODEL_CONTROLS
from livegen.events import Event, NoteOff, NoteOn, SetControl, SourceLost
from livegen.instrument.ahead import is_said_again
from livegen.outputs.callback import TIMED_RING
from livegen.score import Column, Voice
from livegen.score_table import PLAYER, read_frame

NS = 1_000_000_000
OSC = "osc:10.0.0.7"
KEYS_NS = NS // 100


class Ahead(Stage):
    """A stage whose events to come sound when they are due, as a session has it."""

    def expect(self, sample: int, *events: Event, source: str = OSC) -> None:
        self.instrument.receive_ahead(events, source, sample * NS // RATE, sample)

    def play_to(self, sample: int, step: int = 40) -> np.ndarray:
        """Play on, asking for what is due at every step, and planning each frame a little before it begins."""
        heard = []
        while self.sample < sample:
            self.instrument.sound_until(self.sample * NS // RATE, KEYS_NS)
            if self.sample >= (self.frame_index + 1) * FRAME_SAMPLES - 100:
                self.frame_index += 1
                self.instrument.play_frame(self.frame_index, self.clock.position_at)
            heard.append(self.render(min(step, sample - self.sample)))
        return np.concatenate(heard)


@pytest.mark.parametrize("at", [3 * FRAME_SAMPLES, 3 * FRAME_SAMPLES + 1, 3777, 4 * FRAME_SAMPLES - 1])
def test_a_key_sounds_at_its_sample_and_is_in_the_score_in_its_frame(at: int) -> None:
    stage = Ahead(p2_role="off", tr_role="off", no_role="off")
    stage.expect(at, NoteOn(0, 69, 127))
    stage.play_to(at)
    assert stage.notes[Voice.P1] != 69
    stage.play_to(at + 1)
    assert stage.notes[Voice.P1] == 69
    stage.play_to(6 * FRAME_SAMPLES)
    frame = at // FRAME_SAMPLES
    step = stage.instrument.state.timeline.at(frame)
    assert (step.planned.frame[Voice.P1, Column.NOTE], step.planned.owner[Voice.P1]) == (69, PLAYER)
    assert stage.instrument.state.timeline.at(frame - 1).planned.owner[Voice.P1] != PLAYER
    assert stage.agrees()


@pytest.mark.parametrize("at", [4000, 4001, 4400, 4999])
def test_a_control_shapes_the_frame_in_which_it_falls(at: int) -> None:
    stage = Ahead()
    stage.expect(at, SetControl("tr.role", "off"), SetControl("no.mute", True))
    stage.play_to(at)
    assert not stage.instrument.values["no.mute"]
    assert stage.instrument.callback["mix"]["gains"][0, Voice.NO] == 1.0
    stage.play_to(at + 41)
    assert stage.instrument.values["no.mute"]
    assert stage.instrument.callback["mix"]["gains"][0, Voice.NO] == 0.0
    stage.play_to(7 * FRAME_SAMPLES)
    timeline = stage.instrument.state.timeline
    assert [timeline.at(frame).planned.owner[Voice.TR] for frame in (3, 4, 5)] == [0, 2, 2]


def test_the_notes_of_a_bundle_begin_together_and_a_role_in_it_counts_for_them() -> None:
    stage = Ahead(p2_role="model")
    stage.expect(5000, SetControl("p2.role", "player"), NoteOn(0, 60, 100), NoteOn(1, 67, 100))
    stage.play_to(5000, step=7)
    assert (stage.notes[Voice.P1], stage.notes[Voice.P2]) != (60, 67)
    stage.play_to(5001)
    assert (stage.notes[Voice.P1], stage.notes[Voice.P2]) == (60, 67)
    stage.play_to(8000)
    assert stage.agrees()


def test_the_score_takes_what_is_known_too_late_as_it_takes_a_live_key() -> None:
    stage = Ahead()
    stage.play_to(4950)  # frame 5 was planned at 4900
    stage.expect(4960, NoteOn(0, 60, 100))
    stage.play_to(7 * FRAME_SAMPLES)
    assert stage.instrument.state.timeline.at(4).planned.owner[Voice.P1] == PLAYER
    assert stage.agrees()


@pytest.mark.parametrize("end", [SetControl("panic", True), SourceLost()])
@pytest.mark.parametrize("now", [4000, 4890, 4920, 4990])
def test_a_panic_or_a_lost_source_ends_what_is_to_come(end: Event, now: int) -> None:
    stage = Ahead()
    stage.expect(5000, NoteOn(0, 60, 100), SetControl("tr.mute", True))
    stage.play_to(now)
    stage.send(end, source=OSC)
    stage.play_to(9 * FRAME_SAMPLES)
    assert stage.instrument.held_keys == ()
    assert stage.instrument.state.keyboard.held == ()
    assert stage.agrees()
    assert stage.instrument.values["tr.mute"] == stage.instrument.state.values["tr.mute"]
    ring = stage.instrument.callback["rings"][0, TIMED_RING]
    assert ring["read"][0] == ring["written"][0]
    assert not stage.instrument.callback["synth"]["voices"]["is_player"][0, Voice.P1] or end != SourceLost()


def test_another_source_that_is_lost_takes_nothing_with_it() -> None:
    stage = Ahead()
    stage.expect(5000, NoteOn(0, 60, 100))
    stage.send(SourceLost(), source="osc:10.0.0.8")
    stage.play_to(5001)
    assert stage.notes[Voice.P1] == 60


def test_live_keys_around_a_key_to_come_leave_nothing_hanging() -> None:
    random = np.random.default_rng(3)
    stage = Ahead(tr_role="player")
    for at in range(2000, 20_000, 700):
        key = int(random.integers(40, 80))
        stage.expect(at, NoteOn(0, key, 100))
        stage.expect(at + int(random.integers(1, 900)), NoteOff(0, key))
    while stage.sample < 24_000:
        stage.play_to(stage.sample + int(random.integers(50, 500)))
        stage.send(NoteOn(0, 50, 90))
        stage.play_to(stage.sample + int(random.integers(50, 500)))
        stage.send(NoteOff(0, 50))
    stage.play_to(30_000)
    assert stage.instrument.held_keys == ()
    assert stage.instrument.state.keyboard.held == ()
    assert stage.instrument.state.keyboard.n_pressed == stage.instrument._keyboard.n_pressed


def test_a_recall_while_a_key_is_to_come_keeps_both_sides_as_one() -> None:
    stage = Ahead()
    stage.send(SetControl("store", "1"))
    stage.play_to(2500)
    stage.send(SetControl("temperature", 0.3))
    stage.play_to(3950)
    stage.send(SetControl("recall", "1"))
    stage.expect(5000, NoteOn(0, 60, 100))
    stage.play_to(4999)
    stage.send(SetControl("undo", True))
    stage.play_to(9000)
    assert stage.agrees()
    assert stage.notes[Voice.P1] == 60


def test_too_much_to_come_is_counted_and_holds_no_key() -> None:
    stage = Ahead()
    for at in range(5000, 5000 + 4096):
        stage.expect(at, NoteOn(0, 60, 100))
    assert stage.instrument.n_lost == 0
    stage.expect(9999, NoteOff(0, 60))
    assert stage.instrument.n_lost == 1


def test_planned_frames_of_before_a_bundle_stand() -> None:
    stage = Ahead()
    stage.play_to(4000)
    before = [read_frame(stage.instrument.table, frame).frame.copy() for frame in range(1, 5)]
    stage.expect(6000, SetControl("temperature", 0.0), SetControl("tr.role", "off"))
    stage.play_to(8000)
    timeline = stage.instrument.state.timeline
    for frame, was in zip(range(1, 5), before, strict=True):
        np.testing.assert_array_equal(timeline.at(frame).planned.frame, was)


def test_what_is_due_later_has_the_last_word_whatever_came_between() -> None:
    stage = Ahead()
    stage.expect(5900, SetControl("temperature", 0.25), SetControl("stop", True))
    stage.play_to(5300)  # frame 5 was planned on it at 4900
    stage.send(SetControl("temperature", 1.5), SetControl("start", True))
    stage.play_to(5899)
    assert stage.instrument.values["temperature"] == 1.5
    stage.play_to(9000)
    assert stage.instrument.values["temperature"] == stage.instrument.state.values["temperature"] == 0.25
    assert not stage.instrument.is_model_audible
    assert not stage.instrument.state.is_running
    assert stage.agrees()


def test_a_key_that_is_let_go_of_before_the_one_to_come_holds_on_neither_side_alone() -> None:
    stage = Ahead()
    stage.expect(5900, NoteOn(0, 60, 100))
    stage.play_to(5300)
    stage.send(NoteOff(0, 60), source=OSC)  # of a key that the score knows of, and that does not sound yet
    stage.play_to(12_000)
    assert stage.agrees()
    stage.send(NoteOff(0, 60), source=OSC)
    stage.play_to(15_000)
    assert stage.instrument.held_keys == ()
    assert stage.agrees()


def test_a_model_that_was_overtaken_is_told_again_of_a_voice_as_of_all() -> None:
    assert all(is_said_again(SetControl(name, "other")) for name in MODEL_CONTROLS)
    assert not is_said_again(SetControl("gan.reroll", "no"))
