"""Replaying from the log alone: whatever a jam was made of, and however late, it comes out the same bit for bit."""

import json
import re
from pathlib import Path

import pytest
from examples import examples
from hash_engine import HashEngine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorded_jam import RATE, RecordedJam

from livegen.controls import CHORDS, CONTROLS, MODES, ROLES, SYNCS, WHENS
from livegen.engines.checkpoint import load_engine
from livegen.errors import CheckpointError
from livegen.events import (
    ClockTick,
    ControlChange,
    Event,
    LinkBeat,
    NoteOff,
    NoteOn,
    PitchWheel,
    SetControl,
    SourceLost,
    Start,
)
from livegen.patch import load_patch
from livegen.takes.library import versions
from livegen.takes.records import LOG_FILE, Loaded
from livegen.takes.replay import Outcome, check, warnings_of
from livegen.takes.take import Take

NS = 1_000_000_000
FRAME_SAMPLES = RATE // 24
KEYS = st.sampled_from((36, 60, 64, 67))
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(NoteOn, st.sampled_from((0, 1, 9)), KEYS, st.sampled_from((1, 100))),
    st.builds(NoteOff, st.sampled_from((0, 1, 9)), KEYS),
    st.builds(ControlChange, st.just(0), st.sampled_from((64, 123)), st.sampled_from((0, 127))),
    st.builds(PitchWheel, st.just(0), st.integers(-8192, 8191)),
    st.builds(SetControl, st.sampled_from(("p1.role", "p2.role", "no.role")), st.sampled_from(ROLES)),
    st.builds(SetControl, st.sampled_from(("start", "stop", "panic", "reset")), st.just(True)),
    st.builds(SetControl, st.sampled_from(("fill", "drop", "tutti", "end")), st.just(True)),
    st.builds(SetControl, st.sampled_from(("break", "build")), st.integers(1, 4)),
    st.builds(SetControl, st.just("solo"), st.sampled_from(("p1", "tr", "nobody"))),
    st.builds(SetControl, st.just("cue_when"), st.sampled_from(WHENS)),
    st.builds(SetControl, st.just("start"), st.integers(2, 16)),
    st.builds(SetControl, st.sampled_from(("temperature", "p1.density", "memory")), st.floats(0, 1)),
    st.builds(SetControl, st.sampled_from(("reroll", "tap", "undo")), st.just(True)),
    st.builds(SetControl, st.just("hold"), st.booleans()),
    st.builds(SetControl, st.sampled_from(("rewind", "rewind_frames")), st.integers(1, 9)),
    st.builds(SetControl, st.sampled_from(("store", "recall")), st.sampled_from(("1", "verse"))),
    st.builds(SetControl, st.just("mode"), st.sampled_from(MODES)),
    st.builds(SetControl, st.just("model"), st.sampled_from(("hash", "other", "nobody", ""))),
    st.builds(
        SetControl, st.sampled_from(("p2.model", "no.model")), st.sampled_from(("hash", "other", "same", "nobody", ""))
    ),
    st.builds(SetControl, st.just("sync"), st.sampled_from(SYNCS)),
    st.builds(SetControl, st.just("bpm"), st.sampled_from((0.0, 133.7))),
    st.builds(ClockTick),
    st.builds(Start),
    st.builds(LinkBeat, st.floats(-100, 100), st.sampled_from((90.0, 120.0)), st.integers(0, 2)),
    st.builds(SetControl, st.just("lookahead"), st.integers(2, 48)),
    st.builds(SetControl, st.just("chords"), st.sampled_from(CHORDS)),
    st.builds(SetControl, st.just("chord_from"), st.sampled_from(CONTROLS["chord_from"].choices)),
    st.just(SourceLost()),
)
JAMS = st.lists(
    st.tuples(
        st.lists(EVENTS, max_size=4),
        st.sampled_from(("keys", "osc")),
        st.sampled_from((False, False, False, True)),  # whether the plan comes late
        st.sampled_from((0.01, 0.3, 0.999)),
        st.sampled_from((0, 0, 0, 0, 3, 30)),  # frames that are lost before
    ),
    max_size=30,
)


class Fallible(HashEngine):
    """An engine that raises when it is told to."""

    is_broken = False

    def step(self, frame, state, conditions=None):
        if self.is_broken:
            raise RuntimeError("no prediction")
        return super().step(frame, state)


@settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JAMS, st.sets(st.integers(0, 30), max_size=3))
def test_any_jam_comes_out_the_same(tmp_path: Path, jam_played: list, failing: set) -> None:
    (tmp_path / LOG_FILE).unlink(missing_ok=True)
    engine = Fallible()
    jam = RecordedJam(tmp_path, engine=engine)
    jam.load("other", HashEngine("other"))
    try:
        for number, (events, source, is_late, place, n_lost) in enumerate(jam_played):
            if n_lost:
                jam.instrument.play_frame(jam.horizon + n_lost, jam.clock.position_at)
            engine.is_broken = number in failing
            try:
                jam.frame(*events, source=source, is_late=is_late, place=place)
            except RuntimeError:
                engine.is_broken = False
                jam.frame()
            engine.is_broken = False  # also where nothing was to be planned
    finally:
        jam.stop()
    outcome = check(Take(tmp_path), HashEngine(), load=lambda loaded: HashEngine(loaded.name))
    assert outcome.difference == ""
    assert outcome.n_frames == jam.horizon


BUNDLES = st.lists(
    st.tuples(
        st.integers(1, 20 * FRAME_SAMPLES), st.lists(EVENTS, min_size=1, max_size=3), st.sampled_from(("osc", "web"))
    ),
    max_size=12,
)


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BUNDLES, st.lists(st.lists(EVENTS, max_size=2), min_size=12, max_size=24), st.sampled_from((0, 240, 900)))
def test_what_came_with_a_time_is_the_same_again(
    tmp_path_factory: pytest.TempPathFactory,
    bundles: list[tuple[int, list[Event], str]],
    live: list[list[Event]],
    keys_samples: int,
) -> None:
    """However the sound and the score are told of it: one before the other, and live events between."""
    jam = RecordedJam(tmp_path_factory.mktemp("jam"), p2_role="player")
    keys_ns = keys_samples * NS // RATE
    for sample, events, source in bundles:
        jam.instrument.receive_ahead(events, source, sample * NS // RATE, sample)
    for frame_index, events in enumerate([*live, *[()] * 24]):
        jam.instrument.sound_until((frame_index * FRAME_SAMPLES + 300) * NS // RATE, keys_ns)
        jam.frame(*events)
    jam.frame(SetControl("panic", True))
    jam.frames(2)
    assert jam.instrument._keyboard.held == jam.instrument.state.keyboard.held == ()
    assert jam.instrument._keyboard.n_pressed == jam.instrument.state.keyboard.n_pressed
    assert jam.instrument.values == jam.instrument.state.values
    outcome = check(Take(jam.stop().parent), HashEngine(), load=lambda loaded: HashEngine())
    assert outcome.difference == ""
    assert outcome.n_frames == jam.horizon


def test_a_patch_that_took_over_takes_over_again(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path, p1_role="player", no_role="player")
    jam.frame(NoteOn(0, 60, 100))
    jam.frame(SetControl("patch", "drums"), NoteOff(0, 60))
    jam.frame(NoteOn(0, 64, 100), NoteOn(9, 37, 100))
    jam.frames(5)
    assert jam.instrument.state.notation.drum_notes == load_patch("drums").drum_notes
    jam.stop()
    assert check(Take(tmp_path), HashEngine()).difference == ""


def test_a_model_that_took_over_takes_over_again_in_the_same_frame(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path)
    jam.frames(90)
    jam.load("other", HashEngine("other"))
    jam.frame(SetControl("model", "other"))
    assert jam.instrument.state.ears is not None
    jam.frames([(), (NoteOn(0, 60, 100),), (), (NoteOff(0, 60),), *[()] * 20])
    timeline = jam.instrument.state.timeline
    assert timeline.at(jam.horizon).context.engine.name == "other"
    jam.frame(SetControl("rewind_frames", 40))
    jam.frames(10)
    jam.frame(SetControl("model", "hash"))
    jam.frames(20)
    jam.stop()
    loaded: list[Loaded] = []

    def load(record: Loaded) -> HashEngine:
        loaded.append(record)
        return HashEngine(record.name)

    assert check(Take(tmp_path), HashEngine(), load=load) == Outcome(jam.horizon)
    assert loaded == [Loaded("other", "nowhere", "0")]
    with pytest.raises(CheckpointError, match="the take goes on with the model 'other', which is not here"):
        check(Take(tmp_path), HashEngine())


def test_a_tempo_that_was_drawn_is_drawn_again_and_taken_over_again(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path, p1_role="player")
    jam.frames(30)
    seen = [jam.instrument.state.tempo]
    for number in range(60):
        jam.frame(*([NoteOn(0, 60, 100)] if number % 7 == 0 else [NoteOff(0, 60)]))
    seen.append(jam.instrument.state.tempo)
    jam.frame(SetControl("reset", True))
    jam.frames(30)
    seen.append(jam.instrument.state.tempo)
    assert [tempo.source for tempo in seen] == ["own", "player", "own"]
    assert len({tempo.period_frames for tempo in seen}) == 3
    jam.stop()
    assert check(Take(tmp_path), HashEngine()) == Outcome(jam.horizon)


def test_a_jam_with_a_network_comes_out_the_same(tmp_path: Path, model: Path) -> None:
    jam = RecordedJam(tmp_path, engine=load_engine(model), p2_role="player")
    for number in range(120):
        moves = [NoteOn(0, 60 + number % 7, 100)] if number % 5 == 0 else [NoteOff(0, 60 + (number - 3) % 7)]
        knobs = [SetControl("temperature", number / 97)] if number % 11 == 0 else []
        jam.frame(*moves, *knobs, is_late=number % 37 == 36)
    jam.stop()
    told: list[int] = []
    outcome = check(Take(tmp_path), load_engine(model), on_frame=told.append)
    assert (outcome.difference, outcome.n_frames) == ("", jam.horizon)
    assert told[-1] == jam.horizon


def changed(path: Path, frame_index: int, change) -> Path:
    """Write a take again with one of its frames changed."""
    lines = []
    for line in path.read_text("utf-8").splitlines():
        record = json.loads(line)
        lines.append(json.dumps(change(record) if record.get("frame") == frame_index else record))
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda record: record | {"is": "00" * 9 + "0c" + record["is"][20:]},
            r"frame 7, P1, note: expected 0, found \d+",
        ),
        (lambda record: record | {"by": "mmpm"}, "frame 7, TR, who plays: expected player, found model"),
        (lambda record: record | {"offset": [0, 0.25, 0, 0]}, r"frame 7, P2, onset offset: expected 0.25, found 0.0"),
        (lambda record: record | {"beat": [12.0, 0.5]}, "frame 7, beat: expected Beat"),
    ],
)
def test_the_first_difference_is_told(tmp_path: Path, change, words: str) -> None:
    jam = RecordedJam(tmp_path, sync="none")
    jam.frames(12)
    changed(jam.stop(), 7, change)
    outcome = check(Take(tmp_path), HashEngine())
    assert not outcome.is_same
    assert outcome.n_frames == 7
    assert re.match(words, outcome.difference)


def test_another_seed_or_control_is_a_difference(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path)
    jam.frames(4)
    jam.frame(SetControl("temperature", 0.5))
    jam.frames(4)
    log = jam.stop().read_text("utf-8")
    for was, now, words in (
        ('"seed":5', '"seed":6', "frame 0, P"),
        (
            '["set","temperature",0.5',
            '["set","temperature",0.6',
            "controls that took effect: expected temperature=0.6",
        ),
        ('"set_control","temperature",0.5', '"set_control","temperature",0.6', "expected temperature=0.5"),
    ):
        assert was in log
        jam.path.write_text(log.replace(was, now), "utf-8")
        assert words in check(Take(tmp_path), HashEngine()).difference


def test_what_the_disk_lost_is_told_and_no_difference(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path)
    jam.frames(12)
    lines = jam.stop().read_bytes().splitlines(keepends=True)
    jam.path.write_bytes(b"".join([*lines[:12], b'{"gap":3}\n', *lines[16:]]))
    outcome = check(Take(tmp_path), HashEngine())
    assert outcome.is_same
    assert outcome.n_missing == 3
    assert 0 < outcome.n_frames < 12


def test_another_model_or_version_is_said_first(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path)
    jam.stop()
    head = Take(tmp_path).head
    assert warnings_of(head, versions(), "") == []
    said = warnings_of(head, versions() | {"numpy": "9.9"}, "0123")
    assert "the model hash is not the one that played" in said[0]
    assert said[1].startswith("numpy was ")
    assert said[1].endswith(" and is 9.9")


def test_a_voice_gets_and_loses_a_model_of_its_own_in_the_same_frames(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path)
    jam.frames(90)
    jam.load("other", HashEngine("other"))
    jam.frame(SetControl("no.model", "other"))
    jam.frames([(), (NoteOn(0, 60, 100),), (), (NoteOff(0, 60),), *[()] * 40])
    names = [step.context.engine.name for step in jam.instrument.state.timeline.steps]
    assert "hash, no=other" in names
    jam.frame(SetControl("model", "other"), SetControl("store", "a"))
    jam.frames(40)
    jam.frame(SetControl("no.model", "same"), SetControl("recall", "a"))
    jam.frames(40)
    jam.stop()
    assert check(Take(tmp_path), HashEngine(), load=lambda loaded: HashEngine(loaded.name)) == Outcome(jam.horizon)


def test_a_set_with_every_cue_under_a_clock_that_starts_anew_is_the_same_again(tmp_path: Path) -> None:
    given: list[tuple[int, Event]] = [
        (30, SetControl("fill", True)),
        (100, SetControl("break", 1)),
        (200, SetControl("drop", True)),
        (260, SetControl("build", 2)),
        (300, Start()),
        (380, SetControl("solo", "p2")),
        (420, SetControl("tutti", True)),
        (430, SetControl("undo", True)),
        (450, SetControl("end", True)),
        (570, SetControl("start", 4)),
        (700, SetControl("cue_when", "now")),
        (701, SetControl("end", True)),
    ]
    jam = RecordedJam(tmp_path)
    n_ticks = 0
    for frame_index in range(800):
        events = [event for at, event in given if at == frame_index]
        while n_ticks * 0.45 < frame_index:
            events.append(ClockTick())
            n_ticks += 1
        jam.frame(*events)
    jam.stop()
    outcome = check(Take(tmp_path), HashEngine())
    assert outcome.is_same, outcome.difference
    assert outcome.n_frames > 780
    assert not jam.instrument.state.is_running
