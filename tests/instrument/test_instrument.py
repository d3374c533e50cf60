"""The instrument with the real callback, offline: keys to sound, frames to the table, and no note left hanging."""

from dataclasses import replace

import numpy as np
import pytest
from examples import examples
from hash_engine import HashEngine
from hypothesis import example, given, settings
from hypothesis import strategies as st
from offline_stage import FRAME_SAMPLES, RATE, Stage

from livegen.controls import BACKINGS, CHORDS, MODES, ROLES, VOICE_PREFIX, Value
from livegen.events import (
    Aftertouch,
    ClockTick,
    Continue,
    ControlChange,
    Event,
    NoteOff,
    NoteOn,
    PitchWheel,
    PolyTouch,
    SetControl,
    SongPosition,
    SourceLost,
    Start,
    Stop,
)
from livegen.instrument import instrument as instrument_module
from livegen.instrument.instrument import Instrument
from livegen.instrument.notation import notation_of
from livegen.outputs.callback import RING_SIZE
from livegen.outputs.native import play_offline
from livegen.patch import load_patch
from livegen.performance.turn import FrameReport
from livegen.score import Voice
from livegen.score_table import PLAYER, read_frame
from livegen.synth.commands import EXPRESS, KEY_DOWN, KEY_UP, SET_CHORD
from livegen.units import frame_to_sample


def test_a_key_sounds_in_the_next_block_and_is_in_the_score_a_frame_later() -> None:
    stage = Stage()
    stage.frames(3)
    stage.send(NoteOn(0, 60, 100))
    stage.render(32)
    assert stage.notes[0] == 60
    assert stage.instrument.state.timeline.at(3).planned.frame[0, 0] != 60
    stage.frame()
    assert stage.instrument.state.timeline.at(3).planned.frame[0, 0] == 60
    stage.frame(NoteOff(0, 60))
    stage.frames(3)
    assert stage.notes[0] == 0


def test_the_table_holds_what_the_timeline_plans() -> None:
    stage = Stage()
    stage.frame(NoteOn(0, 60, 100))
    stage.frame(SetControl("temperature", 0.3), NoteOn(4, 62, 100))
    state = stage.instrument.state
    for step in state.timeline.since(state.horizon):
        stored = read_frame(stage.instrument.table, step.planned.frame_index)
        assert np.array_equal(stored.frame, step.planned.frame)
        assert np.array_equal(stored.owner, step.planned.owner)


def test_the_callback_plays_the_model_s_notes_of_the_timeline() -> None:
    stage = Stage(sync="none")  # on a beat, notes begin within their frames
    for frame_index in range(40):
        stage.render(10)
        planned = stage.instrument.state.timeline.at(frame_index).planned
        assert stage.notes == [int(note) for note in planned.frame[:, 0]]
        stage.frame()
    assert stage.instrument.callback["stats"]["late_frames"] == 0
    assert stage.instrument.n_missed_plans == 0


def test_a_plan_that_comes_after_the_callback_took_the_old_one_leaves_that_one_standing() -> None:
    stage = Stage(sync="none")  # every frame may have new notes
    stage.frames(3)
    old = [read_frame(stage.instrument.table, k).frame for k in (4, 5)]
    stage.send(SetControl("temperature", 0.1))
    stage.render(2 * FRAME_SAMPLES + 10)  # the callback is in frame 5 already
    report = stage.instrument.play_frame(4, stage.clock.position_at)
    assert (stage.instrument.n_missed_plans, stage.instrument.n_late_follows) == (1, 1)
    assert report.horizon == 6
    for frame_index, frame in zip((4, 5), old, strict=True):
        assert np.array_equal(stage.instrument.state.timeline.at(frame_index).planned.frame, frame)
        assert np.array_equal(read_frame(stage.instrument.table, frame_index).frame, frame)
    assert [message.name for message in report.messages] == ["temperature"]
    stage.render(3 * FRAME_SAMPLES)
    stage.instrument.play_frame(7, stage.clock.position_at)
    assert (stage.instrument.n_missed_plans, stage.instrument.n_late_follows) == (2, 1)  # nothing had come in


def test_one_plan_at_once_is_what_two_are_where_somebody_waits() -> None:
    played = [
        (NoteOn(0, 60, 100), NoteOn(1, 64, 100)),
        (SetControl("temperature", 0.3), NoteOff(0, 60)),
        (SetControl("bpm", 140.0), SetControl("mode", "trade")),
        (SetControl("rewind_frames", 6),),
        (SetControl("fill", True), NoteOff(1, 64)),
        (SetControl("undo", True), SetControl("reroll", True)),
    ]
    both = Stage(bpm=100.0), Stage(bpm=100.0)
    both[1].instrument.is_awaited = False
    planned = []
    for stage in both:
        for events in played:
            stage.frame(*events)
            stage.frames(7)
        planned.append([step.planned for step in stage.instrument.state.timeline.steps])
        there = [read_frame(stage.instrument.table, each.frame_index) for each in planned[-1][-12:]]
        assert [each.frame.tobytes() for each in there] == [each.frame.tobytes() for each in planned[-1][-12:]]
        assert [each.onset_offset.tolist() for each in there] == [
            each.onset_offset.tolist() for each in planned[-1][-12:]
        ]
    assert [each.frame.tobytes() for each in planned[0]] == [each.frame.tobytes() for each in planned[1]]
    assert [each.onset_offset.tolist() for each in planned[0]] == [each.onset_offset.tolist() for each in planned[1]]
    assert [each.owner.tolist() for each in planned[0]] == [each.owner.tolist() for each in planned[1]]


def test_levels_and_mutes_reach_the_mix_at_once() -> None:
    stage = Stage()
    stage.send(SetControl("volume", 0.25), SetControl("p2.volume", 0.5), SetControl("tr.mute", True))
    mix = stage.instrument.callback["mix"][0]
    assert mix["master"] == 0.25
    assert list(mix["gains"]) == [1.0, 0.5, 0.0, 1.0]
    assert stage.instrument.mutes == (False, False, True, False)
    assert stage.instrument.values["volume"] == 0.25
    assert stage.instrument.state.values["volume"] != 0.25  # the score follows with its next frame
    stage.frame()
    assert stage.instrument.state.values["volume"] == 0.25


def test_levels_of_the_patch_stand_from_the_first_sample_on_without_a_thump() -> None:
    """The triangle holds a level while it is silent, which a gain that moves would make heard."""
    controls: dict[str, Value] = {"tr.volume": 0.25, "p2.mute": True}
    silent = Instrument(HashEngine(), load_patch("plain"), RATE, controls=controls, n_channels=1)
    assert list(silent.callback["mix"]["gains_now"][0]) == [1.0, 0.0, 0.25, 1.0]
    samples = np.ones(4800, np.float32)
    play_offline(silent.callback, samples, 4800)
    assert np.abs(samples).max() < 1e-12


def test_the_patch_s_controls_are_in_force_and_those_given_win() -> None:
    assert Stage().instrument.values["p1.role"] == "player"
    assert Stage(p1_role="off").instrument.state.values["p1.role"] == "off"


def test_panic_silences_everything_now_and_the_model_until_start() -> None:
    stage = Stage()
    stage.frames(2)
    stage.frame(NoteOn(0, 60, 100), ControlChange(0, 64, 127))
    assert all(stage.notes)
    stage.send(SetControl("panic", True), source="osc")
    stage.render(1)
    assert stage.notes == [0, 0, 0, 0]
    stage.frames(5)
    assert stage.notes == [0, 0, 0, 0]
    stage.frame(SetControl("start", True))
    stage.frames(2)
    assert any(stage.notes)


def test_no_ghost_of_the_player_s_note_after_the_keyboard_is_gone() -> None:
    stage = Stage(p2_role="off", tr_role="off", no_role="off")
    stage.frames(2)
    stage.frame(NoteOn(0, 60, 100))
    stage.frame()
    stage.render(FRAME_SAMPLES - 50)  # the next frame is planned with the key held, and stands
    stage.frame_index += 1
    stage.instrument.play_frame(stage.frame_index, stage.clock.position_at)
    stage.send(SourceLost())
    stage.render(60)
    assert stage.notes[0] == 0
    assert stage.sample > frame_to_sample(stage.frame_index, RATE)


def test_a_ring_that_overflows_loses_no_release() -> None:
    stage = Stage(p2_role="player")
    for _ in range(RING_SIZE):
        stage.send(NoteOn(0, 60, 100), NoteOff(0, 60), source="machine")
    stage.send(NoteOn(0, 62, 100), NoteOn(1, 70, 100), source="machine")
    assert stage.instrument.n_lost > 0
    stage.frames(2)
    assert stage.notes[:2] == [62, 70]  # what is held sounds, late
    for _ in range(RING_SIZE):
        stage.send(NoteOn(0, 60, 100), NoteOff(0, 60), source="machine")
    stage.send(NoteOff(0, 62), NoteOff(1, 70), source="machine")
    stage.frames(14)
    assert stage.notes[:2] == [0, 0]
    assert stage.agrees()


def test_events_that_are_too_many_are_lost_with_their_source_s_keys_and_nobody_else_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(instrument_module, "_MAX_PENDING", 8)
    stage = Stage(p2_role="player")
    stage.frame(NoteOn(1, 70, 100), source="pads")
    stage.frame(NoteOn(0, 50, 100))
    stage.send(NoteOff(1, 70), source="pads")
    stage.send(*[NoteOn(0, 60, 100)] * 20)
    stage.send(NoteOn(1, 71, 100), source="pads")
    assert stage.instrument.n_lost == 14
    stage.frame()
    assert stage.agrees()
    assert stage.instrument.state.keyboard.held == ()
    stage.frames(14)
    assert stage.notes[Voice.P2] != 71
    stage.frame(NoteOn(0, 64, 100))
    assert stage.notes[0] == 64


def test_panic_is_never_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instrument_module, "_MAX_PENDING", 4)
    stage = Stage()
    stage.frames(2)
    stage.send(*[NoteOn(0, 60, 100)] * 9, SetControl("panic", True))
    stage.render(1)
    assert stage.notes == [0, 0, 0, 0]
    stage.frames(3)
    assert not stage.instrument.state.is_running
    assert stage.notes == [0, 0, 0, 0]


class BrokenEngine(HashEngine):
    """An engine that raises when it is told to."""

    is_broken = False

    def step(self, frame, state, conditions=None):
        if self.is_broken:
            raise RuntimeError("no prediction")
        return super().step(frame, state)


def test_no_note_hangs_and_a_stop_is_a_stop_when_the_engine_raises() -> None:
    stage = Stage()
    engine = BrokenEngine()
    stage.instrument.state = replace(stage.instrument.state, engine=engine)
    stage.frame(NoteOn(0, 60, 100), ControlChange(0, 64, 127))
    engine.is_broken = True
    with pytest.raises(RuntimeError):
        stage.frame(NoteOff(0, 60), ControlChange(0, 64, 0), SetControl("stop", True), SetControl("volume", 0.1))
    engine.is_broken = False
    stage.frames(14)
    assert stage.agrees()
    assert stage.instrument.state.keyboard.held == ()
    assert not stage.instrument.state.is_running
    assert stage.instrument.state.values == stage.instrument.values
    assert stage.notes == [0, 0, 0, 0]


def test_patch_and_hold_are_in_force_on_both_sides_when_the_engine_raises() -> None:
    stage = Stage(bpm=120.0)
    boss, engine = load_patch("boss_fight"), BrokenEngine()
    patches = stage.instrument._patches | {"boss_fight": boss}
    stage.instrument._patches = patches
    notations = {name: notation_of(patch) for name, patch in patches.items()}
    stage.instrument.state = replace(stage.instrument.state, engine=engine, notations=notations)
    stage.frames(20)
    stage.frame(SetControl("hold", True))
    engine.is_broken = True
    with pytest.raises(RuntimeError):
        stage.frame(SetControl("hold", False), SetControl("patch", "boss_fight"), SetControl("mode", "free"))
    engine.is_broken = False
    stage.frames(3)
    assert stage.instrument.state.machine.loop is None
    assert stage.instrument.state.notation.drum_notes == boss.drum_notes
    stage.frame(NoteOn(9, 35, 100), SetControl("no.role", "player"), NoteOn(9, 35, 100))
    assert stage.agrees()


def test_what_took_effect_is_announced_with_the_first_frame_and_before_the_others() -> None:
    stage = Stage(sync="none")  # every frame may have new notes
    stage.frames(3)
    instrument, told, frame_index = stage.instrument, [], stage.frame_index + 1
    before = [read_frame(instrument.table, frame_index + n).frame for n in range(4)]

    def announce(report: FrameReport) -> None:
        now = [read_frame(instrument.table, frame_index + n).frame for n in range(4)]
        told.append((report.horizon, [message.name for message in report.messages]))
        told.append([bool((now[n] != before[n]).any()) for n in range(4)])

    instrument.announce = announce
    stage.frame(SetControl("reroll", True))
    assert told == [(frame_index, ["reroll"]), [True, False, False, False]]
    assert (read_frame(instrument.table, frame_index + 3).frame != before[3]).any()


def test_what_was_announced_stays_in_force_when_the_engine_raises_after_it() -> None:
    stage = Stage()
    engine = BrokenEngine()
    stage.instrument.state = replace(stage.instrument.state, engine=engine)
    stage.frames(30)
    turns = []

    def announce(_report: FrameReport) -> None:
        engine.is_broken = True

    stage.instrument.announce, stage.instrument.watch = announce, turns.append
    with pytest.raises(RuntimeError):
        stage.frame(SetControl("rewind_frames", 20), SetControl("temperature", 0.25))
    engine.is_broken = False
    (turn,) = turns
    assert [message.name for message in turn.report.messages] == ["rewind_frames", "temperature"]
    assert len(turn.calls) == 1
    assert stage.instrument.state is turn.after
    assert stage.instrument.state.values["temperature"] == 0.25
    assert stage.instrument.state.timeline.leaps[-1][0] == turn.report.horizon


def test_an_arpeggio_is_struck_once_and_its_chord_follows_the_keys() -> None:
    stage = Stage(chords="arpeggio")
    stage.send(NoteOn(0, 67, 100), NoteOn(0, 60, 100), NoteOn(0, 64, 100))
    assert stage.commands(Voice.P1) == [KEY_DOWN, SET_CHORD, SET_CHORD]
    stage.frame()
    assert stage.chord(Voice.P1) == [60, 64, 67]
    stage.send(NoteOff(0, 60), NoteOff(0, 64))
    assert stage.commands(Voice.P1) == [SET_CHORD, SET_CHORD]
    stage.frame()
    assert stage.chord(Voice.P1) == [67]
    stage.send(NoteOff(0, 67))
    assert stage.commands(Voice.P1) == [KEY_UP]
    stage.frames(14)
    assert stage.notes[Voice.P1] == 0


def test_a_spread_chord_sounds_on_all_the_player_s_voices() -> None:
    stage = Stage(chords="spread", p2_role="player", tr_role="player")
    stage.frame(NoteOn(0, 60, 100), NoteOn(0, 64, 100), NoteOn(0, 67, 100))
    assert stage.notes[:3] == [60, 64, 67]
    stage.frame(NoteOff(0, 64))
    stage.frames(14)
    assert [stage.notes[voice] for voice in (Voice.P1, Voice.P2, Voice.TR)] == [60, 0, 67]


def test_what_is_held_is_not_struck_again_when_chords_and_zones_change() -> None:
    stage = Stage(p2_role="player")
    stage.frame(NoteOn(0, 60, 100), NoteOn(0, 64, 100))
    turns = [("chords", "arpeggio"), ("p1.key_low", 70), ("chords", "spread"), ("p1.transpose", 3), ("chords", "last")]
    stage.send(*[SetControl(*turn) for turn in turns])
    assert stage.commands(Voice.P1) == [SET_CHORD, SET_CHORD]
    stage.frame()
    assert stage.chord(Voice.P1) == [64]
    stage.frame(NoteOff(0, 64), NoteOff(0, 60))
    stage.frames(14)
    assert stage.notes[0] == 0


def test_a_drum_carries_its_key() -> None:
    stage = Stage(no_role="player", no_transpose=-12)
    stage.send(NoteOn(9, 48, 100))
    ring = stage.instrument.callback["rings"][0, stage.instrument._commands.rings["keys"]]
    assert (ring["commands"][0]["key"], ring["commands"][0]["note"]) == (36, 2)


def test_chord_ticks_are_a_live_level() -> None:
    stage = Stage(chord_ticks=3)
    assert stage.instrument.callback["synth"]["chord_ticks"] == 3
    stage.send(SetControl("chord_ticks", 2))
    assert stage.instrument.callback["synth"]["chord_ticks"] == 2


def test_a_voice_is_bent_before_its_note_begins_and_only_where_something_changed() -> None:
    stage = Stage(p2_role="player")
    stage.send(PitchWheel(0, 8191))
    stage.send(NoteOn(0, 60, 100))
    assert stage.commands(Voice.P1) == [EXPRESS, KEY_DOWN]
    stage.send(NoteOn(1, 64, 100), PitchWheel(0, 8191), Aftertouch(2, 9), ControlChange(0, 7, 9))
    assert stage.commands(Voice.P1) == [EXPRESS, KEY_DOWN]
    assert stage.commands(Voice.P2) == [KEY_DOWN]
    stage.render(1)
    assert (stage.bend(Voice.P1), stage.bend(Voice.P2)) == (2.0, 0.0)
    stage.send(SetControl("bend_range", 12), source="osc")
    stage.render(1)
    assert stage.bend(Voice.P1) == 12.0
    stage.send(SourceLost())
    stage.render(1)
    assert stage.bend(Voice.P1) == 0.0


def test_a_flood_of_wheels_takes_no_room_from_keys_and_its_last_word_counts() -> None:
    stage = Stage(p2_role="player")
    stage.send(NoteOn(0, 60, 100), NoteOn(1, 64, 100))
    for pitch in range(-2000, 2000, 8):  # half a second of a wheel that is never at rest, and no block in between
        stage.send(PitchWheel(0, pitch), PitchWheel(1, pitch))
    stage.send(NoteOn(0, 62, 100), NoteOff(1, 64), PitchWheel(0, 8191))
    assert stage.instrument.n_lost == 0
    stage.render(1)
    assert stage.notes[0] == 62
    assert stage.bend(Voice.P1) < 0
    stage.frame()
    assert stage.bend(Voice.P1) == 2.0
    assert stage.bend(Voice.P2) == 2 * 1992 / 8192
    assert stage.agrees()


def test_more_sources_than_rings_still_play() -> None:
    stage = Stage()
    for number in range(20):
        stage.send(NoteOn(0, 40 + number, 100), source=f"osc:{number}")
        stage.render(8)
        assert stage.notes[0] == 40 + number
    for number in range(20):
        stage.send(SourceLost(), source=f"osc:{number}")
    stage.render(1)
    assert stage.notes[0] == 0


def test_what_was_played_is_reported_with_its_frames() -> None:
    stage = Stage()
    stage.frames(2)
    stage.render(300)
    stage.send(NoteOn(0, 60, 100), SetControl("volume", 0.5), source="osc")
    report = stage.instrument.play_frame(3, stage.clock.position_at)
    assert report.horizon == 3
    assert [(stamped.source, stamped.frame_index) for stamped in report.events] == [("osc", 2)] * 2
    assert report.times_ns == (2300 * 1_000_000_000 // RATE,) * 2
    assert [message.name for message in report.messages] == ["volume"]


CHANNELS = st.sampled_from((0, 0, 0, 1, 2, 9, 5))
KEYS = st.sampled_from((60, 60, 64, 36))
ROLE_NAMES = [prefix + "role" for prefix in VOICE_PREFIX.values()]
MUTE_NAMES = [prefix + "mute" for prefix in VOICE_PREFIX.values()]
NOTES = st.one_of(st.builds(NoteOn, CHANNELS, KEYS, st.sampled_from((1, 100))), st.builds(NoteOff, CHANNELS, KEYS))
EVENTS: st.SearchStrategy[Event] = st.one_of(
    *[NOTES] * 8,
    st.builds(ControlChange, CHANNELS, st.sampled_from((64, 64, 120, 121, 123)), st.sampled_from((0, 127))),
    st.builds(SetControl, st.sampled_from(ROLE_NAMES), st.sampled_from(ROLES)),
    st.builds(SetControl, st.sampled_from(MUTE_NAMES), st.booleans()),
    st.builds(SetControl, st.sampled_from(("start", "stop", "panic", "reset", "reroll", "undo")), st.just(True)),
    st.builds(SetControl, st.just("mode"), st.sampled_from(MODES)),
    st.builds(SetControl, st.just("backing"), st.sampled_from(BACKINGS)),
    st.builds(SetControl, st.sampled_from(("rest_beats", "hold_beats")), st.sampled_from((0.25, 0.4))),
    st.builds(SetControl, st.just("hold"), st.booleans()),
    st.builds(SetControl, st.just("rewind_frames"), st.integers(1, 30)),
    st.builds(SetControl, st.sampled_from(("store", "recall")), st.sampled_from(("verse", "chorus"))),
    st.builds(SetControl, st.just("bpm"), st.sampled_from((0.0, 400.0))),
    st.sampled_from((ClockTick(), Start(), Stop(), Continue(), SongPosition(4))),
    st.builds(SetControl, st.sampled_from(("temperature", "volume", "p1.volume")), st.sampled_from((0.1, 0.9))),
    st.builds(SetControl, st.just("lookahead"), st.sampled_from((2, 7))),
    st.builds(SetControl, st.just("chords"), st.sampled_from(CHORDS)),
    st.builds(SetControl, st.sampled_from(("p1.key_low", "tr.key_high")), st.sampled_from((0, 50, 62))),
    st.builds(SetControl, st.sampled_from(("p2.transpose", "no.transpose")), st.sampled_from((-12, 0, 48))),
    st.builds(PitchWheel, CHANNELS, st.sampled_from((-8192, 0, 8191))),
    st.builds(PolyTouch, CHANNELS, KEYS, st.sampled_from((0, 127))),
    st.just(SourceLost()),
)
SOURCES = ("keys", "osc", "file")
JAMS = st.lists(
    st.tuples(st.lists(EVENTS, max_size=4), st.sampled_from(SOURCES), st.sampled_from((0, 0, 5, FRAME_SAMPLES))),
    max_size=25,
)


def assert_voices_are_their_owners(stage: Stage) -> None:
    """The callback takes a voice for the player's exactly where the score does, once the frame begins."""
    stage.render(1)
    owner = stage.instrument.state.timeline.at(stage.instrument.state.horizon).planned.owner
    is_player = stage.instrument.callback["synth"]["voices"]["is_player"][0]
    for voice in Voice:
        if stage.instrument._keyboard.sounding(voice) is not None:
            assert owner[voice] == PLAYER
            assert is_player[voice]
        elif owner[voice] != PLAYER:
            assert not is_player[voice]


def assert_sound_follows_keys(stage: Stage) -> None:
    """What the synth was told is what the keyboard says: the note or the chord of each voice, and its expression."""
    keyboard, bend_range = stage.instrument._keyboard, int(stage.instrument.values["bend_range"])
    for voice in Voice:
        chord = list(keyboard.chord(voice))
        assert stage.bend(voice) == keyboard.expression(voice, bend_range).bend
        if chord and stage.notes[voice]:  # a note may have ended by itself
            assert stage.chord(voice) == chord


@settings(max_examples=examples(100))
@given(JAMS, st.sampled_from(MODES), st.sampled_from(("panic", "lost and stop")))
@example(
    [([NoteOn(0, 60, 1)], "keys", 0), ([SetControl("p1.role", "model"), SetControl("panic", True)], "keys", 0)],
    "accompany",
    "panic",
)
def test_every_note_is_released_whatever_was_played(jam: list, mode: str, how: str) -> None:
    stage = Stage(lookahead=3, mode=mode, trade_bars=1, beats_a_bar=1, rest_beats=0.25)
    for events, source, late in jam:
        stage.render(late)  # the frame thread may be late, by more than a frame
        stage.frame_index = max(stage.frame_index, stage.sample // FRAME_SAMPLES)
        stage.frame(*events, source=source)
        assert stage.agrees()
        assert stage.instrument.values == stage.instrument.state.values
        assert_sound_follows_keys(stage)
        for _ in range(8 if late == 5 else 1):  # long enough for a turn to change
            stage.frame()
            assert_voices_are_their_owners(stage)
    if how == "panic":
        stage.send(SetControl("panic", True), source="osc")
    else:
        for source in SOURCES:
            stage.send(SourceLost(), source=source)
        stage.send(SetControl("stop", True))
    stage.frames(3)
    assert stage.instrument.state.keyboard.held == ()
    assert stage.agrees()
    assert stage.midi_sounding == set()  # two frames later at most
    stage.release_midi()
    assert stage.midi_sounding == set()
    stage.render(RATE // 2)  # releases ring out
    assert stage.notes == [0, 0, 0, 0]
    assert stage.instrument.n_lost == 0


@settings(max_examples=examples(30))
@given(JAMS)
def test_the_midi_output_is_balanced_at_any_moment(jam: list) -> None:
    stage = Stage(lookahead=3)
    for events, source, _ in jam:
        stage.frame(*events, source=source)
    stage.release_midi()
    assert stage.midi_sounding == set()


def test_the_beat_of_each_frame_is_in_the_table_and_fresh_when_it_is_due() -> None:
    stage = Stage(sync="set")
    stage.frame()
    assert read_frame(stage.instrument.table, 1).beat is None
    stage.send(SetControl("bpm", 120.0), SetControl("beats_a_bar", 3))
    stage.frames(2)
    first = read_frame(stage.instrument.table, 3).beat
    assert (first.beats_a_frame, first.beats_a_bar) == (pytest.approx(2 / 24), 3)
    stage.send(SetControl("bpm", 240.0))
    stage.frames(2)
    beats = [read_frame(stage.instrument.table, index).beat for index in (5, 6)]
    assert beats[0].beats_a_frame == pytest.approx(4 / 24)
    assert beats[1].beats - beats[0].beats == pytest.approx(4 / 24)


def test_a_frame_that_a_late_plan_was_for_is_planned_again_when_it_is_due() -> None:
    """So a key that comes in between is answered in it, and not a frame later."""
    stage = Stage(sync="none")
    stage.frames(3)
    stage.send(NoteOn(0, 60, 100))
    stage.render(2 * FRAME_SAMPLES)  # the callback has taken two frames more by the time at which the plan comes
    late = stage.instrument.play_frame(stage.frame_index + 1, stage.clock.position_at).horizon
    assert late == stage.frame_index + 2
    stage.send(NoteOn(4, 62, 100))
    again = stage.instrument.play_frame(late, stage.clock.position_at)
    assert (again.horizon, len(again.events)) == (late, 1)
    state = stage.instrument.state
    assert [key.key for key in state.keyboard.held] == [60, 62]
    for step in state.timeline.since(late):
        stored = read_frame(stage.instrument.table, step.planned.frame_index)
        assert np.array_equal(stored.frame, step.planned.frame)
    assert state.timeline.end == late + state.values["lookahead"]
