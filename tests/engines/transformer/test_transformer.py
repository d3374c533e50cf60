"""The Transformer as an engine: frames as words and back, what shapes a draw, and jams that come out the same."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lstm_weights import random_engine as random_lstm
from recorded_jam import RecordedJam
from transformer_weights import random_engine

from livegen.beat import Beat
from livegen.engines.cast import Cast
from livegen.engines.ensemble import assemble
from livegen.engines.protocol import Conditions, Engine, Performer, Sampling
from livegen.engines.transformer.draws import FRAME
from livegen.engines.transformer.engine import TransformerEngine, event_of
from livegen.engines.transformer.words import NOTE_OF, SAMPLES_OF, VOICE_OF
from livegen.events import NoteOff, NoteOn, SetControl
from livegen.score import SILENCE, Column, Voice, onsets, validate_frames
from livegen.takes.replay import check
from livegen.takes.take import Take

NOTHING = np.zeros(4, np.bool_)
P1 = np.array([True, False, False, False])


@pytest.fixture(scope="module")
def engine() -> TransformerEngine:
    return random_engine()


def tune(n: int) -> np.ndarray:
    """Return what a performer plays on P1."""
    frames = np.zeros((n, 4, 3), np.uint8)
    for t in range(n):
        if t % 9 < 7:
            frames[t, 0] = 60 + (t // 9) % 7, 12 - t % 9, 1
    return frames


def play(engine, n, *, seed=1, forced=NOTHING, sampling=None, told=None, theirs=None):
    """Return n frames, and the distributions and states before them."""
    theirs, told = tune(n) if theirs is None else theirs, told or Conditions()
    state, frame, frames, states = engine.initial_state(), SILENCE, [], []
    for i in range(n):
        distribution, state = engine.step(frame, state, told)
        frame = distribution.sample(theirs[i], forced, sampling or Sampling(), seed=seed, frame_index=i)
        frames.append(frame)
        states.append((distribution, state))
    return np.array(frames), states


def test_frames_are_in_range_and_the_same_again_also_by_another_engine(engine) -> None:
    frames, _ = play(engine, 150)
    validate_frames(frames)
    assert (onsets(frames).sum(0) > 3).all()
    for again in (engine, random_engine()):
        assert np.array_equal(play(again, 150)[0], frames)
    assert not np.array_equal(play(engine, 150, seed=2)[0], frames)


def test_any_frame_is_planned_again_from_its_state(engine) -> None:
    frames, states = play(engine, 120)
    for i in (0, 1, 50, 119):
        distribution, state = states[i]
        cold = replace(distribution, network=random_engine().network)  # with nothing in its cache
        for each in (distribution, cold):
            assert np.array_equal(each.sample(SILENCE, NOTHING, Sampling(), seed=1, frame_index=i), frames[i])
        with pytest.raises(ValueError, match="read-only"):
            state.heard[0] = 1


def test_what_is_heard_are_waits_and_events_whose_times_are_within_their_frames(engine) -> None:
    frames, states = play(engine, 200, forced=P1)
    words = states[-1][1].node.song.since(0)
    times = np.cumsum(2 * SAMPLES_OF[words])
    heard = [(int(VOICE_OF[word]), int(NOTE_OF[word]), at) for word, at in zip(words, times, strict=True)]
    events = [each for each in heard if each[0] >= 0]
    played = [
        (int(voice), int(frame[voice, Column.NOTE]), i)
        for i, (before, frame) in enumerate(zip([SILENCE, *frames], frames[:-1], strict=False))
        for voice in Voice
        if event_of(voice, before[voice], frame[voice]) is not None
    ]
    first = played[0][2]
    in_frames = sorted((at // FRAME + first, voice, note) for voice, note, at in events)
    assert in_frames == sorted((frame_index, voice, note) for voice, note, frame_index in played)


def test_long_silence_is_heard_as_longest_waits(engine) -> None:
    note = np.array([[60, 9, 1], *[[0, 0, 0]] * 3], np.uint8)
    theirs = np.concatenate([note[None], np.zeros((200, 4, 3), np.uint8), note[None], note[None]])
    _, states = play(engine, len(theirs), forced=~NOTHING, theirs=theirs)
    words = states[-1][1].node.song.since(0)
    assert len(words) == 1 + 1 + 2 + 3 + 2  # <S>, a note, its end after a wait, three longest waits, a wait and a note
    assert abs(2 * SAMPLES_OF[words].sum() - 201 * FRAME) < FRAME


def test_a_performers_voice_is_kept_and_the_others_hear_it(engine) -> None:
    alone, _ = play(engine, 60)
    forced, states = play(engine, 60, forced=P1)
    assert np.array_equal(forced[:, 0], tune(60)[:, 0])
    assert (forced[:, 1:] != alone[:, 1:]).any()
    frame, seen = np.zeros((4, 3), np.uint8), []
    for note in (48, 72):
        frame[0] = note, 12, 0
        seen.append(states[30][0].note_log_probs(Voice.P2, frame, P1).astype(np.float64))
        assert np.exp(seen[-1]).sum() == pytest.approx(1.0, abs=1e-4)
    assert np.abs(np.exp(seen[0]) - np.exp(seen[1])).max() > 1e-4


def test_a_voice_that_is_drawn_later_is_known_to_nobody(engine) -> None:
    distribution, _ = play(engine, 20)[1][19]
    later = np.array([False, False, True, False])
    for frame_index in range(30):
        where = {"seed": 1, "frame_index": frame_index, "is_later": later}
        garbled = np.full((4, 3), 9, np.uint8)
        drawn = [distribution.sample(each, NOTHING, Sampling(), **where) for each in (SILENCE, garbled)]
        assert np.array_equal(drawn[0], drawn[1])
        assert (drawn[0][Voice.TR] == 0).all()


def test_probabilities_are_those_that_are_drawn(engine) -> None:
    """What is drawn of a voice often, where the others go on as they were, is what its log-probabilities say."""
    for distribution, state in play(engine, 31)[1][10::10]:
        expected = np.exp(distribution.note_log_probs(Voice.P1, state.heard, ~P1).astype(np.float64))
        n = 400
        drawn = [distribution.sample(state.heard, ~P1, Sampling(), seed=7, frame_index=i)[0, 0] for i in range(n)]
        found = np.bincount(drawn, minlength=109) / n
        assert np.abs(found - expected).max() < 4.0 * np.sqrt(0.25 / n)


def test_the_likelier_frame_is_the_one_that_is_drawn_more_often(engine) -> None:
    distribution, state = play(engine, 30)[1][-1]
    drawn = [distribution.sample(SILENCE, NOTHING, Sampling(), seed=7, frame_index=i)[:, 0] for i in range(300)]
    is_same = (np.array(drawn) == state.heard[:, 0]).all(1)
    nothing_comes = np.exp(distribution.log_prob(state.heard))
    assert abs(is_same.mean() - nothing_comes) < 4.0 * np.sqrt(0.25 / 300)
    other = state.heard.copy()
    other[Voice.P1, Column.NOTE] = 99
    assert distribution.log_prob(other) < distribution.log_prob(state.heard)


def test_it_keeps_to_the_pitch_classes_and_registers_that_it_is_given(engine) -> None:
    sampling = Sampling(scale=0b101010110101, chord=0b000010010001, lowest=(60, 50, 40, 3), highest=(80, 90, 60, 9))
    frames, _ = play(engine, 300, sampling=sampling)
    notes = frames[..., Column.NOTE].astype(int)
    for voice in Voice:
        sounding = notes[notes[:, voice] > 0, voice]
        assert len(sounding) > 10
        assert sampling.lowest[voice] <= sounding.min() <= sounding.max() <= sampling.highest[voice]
        if voice is not Voice.NO:
            assert set(sounding % 12) <= {0, 4, 7}


def test_density_silence_and_temperature_are_heeded(engine) -> None:
    def played(**shaped) -> np.ndarray:
        return play(engine, 300, sampling=Sampling(**shaped))[0]

    usual = onsets(played()).sum()
    assert onsets(played(density=(-1.5,) * 4)).sum() < 0.8 * usual
    assert onsets(played(density=(1.5,) * 4)).sum() > 1.2 * usual
    silent = played(silence=(0.0, 6.0, 0.0, 0.0))[..., 0] == 0
    assert silent[:, 1].mean() > 0.8 > silent[:, 0].mean()


def test_a_cold_draw_takes_the_likeliest_note(engine) -> None:
    distribution, state = play(engine, 20)[1][-1]
    drawn = {
        temperature: {
            int(distribution.sample(state.heard, ~P1, sampling, seed=3, frame_index=i)[0, 0])
            for sampling in (Sampling(temperature, density=(5.0,) * 4),)
            for i in range(300)
        }
        for temperature in (0.0, 1.0)
    }
    assert len(drawn[0.0]) < len(drawn[1.0]) / 2
    assert drawn[0.0] <= drawn[1.0]


def test_with_a_grid_notes_are_struck_on_sixteenths(engine) -> None:
    def share(grid: float) -> float:
        state, frame, on_grid, n = engine.initial_state(), SILENCE, 0, 0
        for i in range(400):
            distribution, state = engine.step(frame, state, Conditions(Beat(12.0, (i - 1) / 12.0 % 1.0)))
            now = distribution.sample(SILENCE, NOTHING, Sampling(grid=grid), seed=1, frame_index=i)
            struck = int(onsets(np.stack([frame, now]))[1].sum())
            on_grid, n, frame = on_grid + struck * (i % 3 == 0), n + struck, now
        return on_grid / n

    assert share(3.0) > share(0.0) + 0.2


def test_it_goes_out_of_the_way_of_what_a_performer_holds(engine) -> None:
    theirs = np.zeros((400, 4, 3), np.uint8)
    theirs[:, 0] = 60, 9, 1
    told = Conditions(performer=Performer((True, False, False, False), (60,)))

    def clashes(harmony: float) -> float:
        sampling = Sampling(harmony=harmony)
        frames, _ = play(engine, 400, forced=P1, theirs=theirs, told=told, sampling=sampling)
        struck = frames[onsets(frames)[:, Voice.TR], Voice.TR, Column.NOTE].astype(int)
        return float(np.isin(struck % 12, (1, 11)).mean())

    assert clashes(3.0) < clashes(0.0)


def test_a_note_that_is_repeated_is_heard_and_one_that_only_fades_is_not(engine) -> None:
    rows = np.array([[60, 12, 1], [60, 10, 1], [60, 13, 1], [61, 13, 1], [0, 0, 0], [0, 0, 0]], np.uint8)
    before, found = np.zeros(3, np.uint8), []
    for row in rows:
        found.append(event_of(Voice.P1, before, row))
        before = row
    assert [None if word is None else int(NOTE_OF[word]) for word in found] == [60, None, 60, 61, 0, None]


def alone() -> Engine:
    return random_engine()


def with_an_lstm() -> Engine:
    models = {"lstm": random_lstm(), "random": random_engine()}
    return assemble(Cast("lstm", ("same", "random", "same", "random")), models)


@pytest.mark.parametrize("make", [alone, with_an_lstm])
def test_a_jam_that_goes_back_stores_and_recalls_comes_out_the_same(tmp_path: Path, make) -> None:
    jam = RecordedJam(tmp_path, engine=make(), p1_role="player")
    jam.frames([(), (NoteOn(0, 60, 100),), *[()] * 12, (NoteOff(0, 60),), *[()] * 20])
    jam.frame(SetControl("store", "verse"))
    for number in range(40):
        keys = [NoteOn(0, 60 + number % 7, 100)] if number % 5 == 0 else [NoteOff(0, 60 + (number - 3) % 7)]
        jam.frame(*keys, is_late=number % 17 == 16)
    for move in (("rewind_frames", 30), ("recall", "verse"), ("undo", True), ("reset", True)):
        jam.frame(SetControl(*move))
        jam.frames(15)
    jam.stop()
    outcome = check(Take(tmp_path), make())
    assert (outcome.difference, outcome.n_frames) == ("", jam.horizon)


def test_a_jam_that_was_rewound_plays_what_it_played_there(engine) -> None:
    frames, states = play(engine, 100)
    _, state = states[60]
    played, frame = [], frames[59]
    distribution = states[60][0]
    for i in range(60, 100):  # with another plan meanwhile, from the same state, that is thrown away
        distribution.sample(SILENCE, NOTHING, Sampling(), seed=9, frame_index=i)
        frame = distribution.sample(SILENCE, NOTHING, Sampling(), seed=1, frame_index=i)
        engine.step(np.roll(frame, 1, 0), state)
        played.append(frame)
        distribution, state = engine.step(frame, state)
    assert np.array_equal(np.array(played), frames[60:])
