"""The Tonnetz at play: the lattice, slices, the conductor's chord, and chords as it voices them alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tonnetz_weights import SMALL, random_engine

from livegen.beat import Beat
from livegen.engines.protocol import Conditions, Conducts, Performer, Sampling
from livegen.engines.tonality import Key
from livegen.engines.tonnetz.config import N_HEARD, TonnetzConfig
from livegen.engines.tonnetz.lattice import (
    CELLS_OF_PITCH,
    LOWEST_NOTE,
    N_COLUMNS,
    N_PITCHES,
    N_ROWS,
    PITCH_OF_CELL,
    pitch_of,
)
from livegen.engines.tonnetz.listener import Hearing
from livegen.engines.triads import fitting_triad, scale_pitch_classes, triad_pitch_classes
from livegen.errors import CheckpointError
from livegen.score import NOTE_RANGE, PITCHED, SILENCE, Column, Voice, validate_frames

BEAT = 12
ALL = np.ones(4, np.bool_)


def test_each_pitch_has_three_cells_and_rows_are_fifths_and_columns_thirds() -> None:
    assert np.array_equal(np.bincount(PITCH_OF_CELL), np.full(N_PITCHES, 3))
    assert np.array_equal(PITCH_OF_CELL[CELLS_OF_PITCH], np.repeat(np.arange(N_PITCHES), 3).reshape(-1, 3))
    classes = PITCH_OF_CELL.reshape(N_ROWS, N_COLUMNS) % 12
    assert (np.diff(classes, axis=1, append=classes[:, :1]) % 12 == 7).all()
    assert (np.diff(classes, axis=0) % 12 == 4).all()


@given(st.integers(1, 127))
def test_a_note_beyond_the_lattice_keeps_its_pitch_class(note: int) -> None:
    assert 0 <= pitch_of(note) < N_PITCHES
    assert (pitch_of(note) + LOWEST_NOTE - note) % 12 == 0


@given(st.integers(0, 11), st.booleans())
def test_the_pitch_classes_of_a_triad_speak_for_it(tonic: int, is_minor: bool) -> None:
    triad = Key(tonic, is_minor)
    chroma = np.array([float(triad_pitch_classes(triad) >> each & 1) for each in range(12)])
    assert fitting_triad(chroma) == triad


@pytest.mark.parametrize("wrong", [{"n_state": 0}, {"beats_a_slice": 0.1}, {"beats_a_slice": 9.0}, {"threshold": 1.0}])
def test_a_configuration_out_of_range_is_refused(wrong: dict) -> None:
    with pytest.raises(CheckpointError, match=next(iter(wrong))):
        TonnetzConfig(**wrong)


def chord(*notes: int) -> np.ndarray:
    frame = np.zeros((4, 3), np.uint8)
    for voice, note in zip(Voice, notes, strict=False):
        frame[voice] = (note, 0 if voice == Voice.TR else 9, 0) if note else 0
    return frame


def heard(frames: list[np.ndarray], beats_a_slice: float = 1.0, period: float | None = float(BEAT)) -> Hearing:
    """Return what was heard of frames at so many a beat, the first of which begins one."""
    hearing = Hearing().after(SILENCE, period and Beat(period, -1.0 / period % 1.0), beats_a_slice)
    for i, frame in enumerate(frames):
        hearing = hearing.after(frame, period and Beat(period, i / period % 1.0), beats_a_slice)
    return hearing


def sounding(hearing: Hearing, which: int) -> set[int]:
    return {LOWEST_NOTE + pitch for pitch in range(N_PITCHES) if hearing.recent[which] >> pitch & 1}


@pytest.mark.parametrize("period", [12.0, 7.3, 21.0, None])
def test_a_slice_is_what_sounds_in_a_beat_for_two_frames_or_more(period: float | None) -> None:
    n = round(3 * (period or 12.0)) + 2
    frames = [chord(60, 64, 48)] * n
    frames[2] = chord(72, 64, 48)
    hearing = heard(frames, period=period)
    assert len(hearing.recent) == 3
    assert [sounding(hearing, i) for i in range(3)] == [{60, 64, 48}] * 3


def test_percussion_is_not_heard_and_only_the_last_slices_are_remembered() -> None:
    drums = chord(0, 0, 0, 5)
    hearing = heard([drums] * (3 * (N_HEARD + 2)), period=3.0)
    assert hearing.recent == (0,) * N_HEARD


@pytest.mark.parametrize(("beats", "n_slices"), [(0.5, 16), (2.0, 4), (4.0, 2)])
def test_slices_may_be_shorter_or_longer(beats: float, n_slices: int) -> None:
    assert len(heard([chord(60)] * (8 * BEAT), beats).recent) == n_slices


@given(st.lists(st.floats(0.0, 1.0, exclude_max=True), min_size=1, max_size=60), st.floats(5.0, 24.0))
def test_a_beat_that_leaps_never_loses_count(phases: list[float], period: float) -> None:
    hearing = Hearing()
    for phase in phases:
        after = hearing.after(chord(60, 64), Beat(period, phase), 1.0)
        assert after.index >= hearing.index
        assert after.is_new == (after.index > hearing.index or hearing == Hearing())
        hearing = after


def play(engine, n_frames: int, sampling: Sampling | None = None, seed: int = 1, keys: tuple[int, ...] = ()):
    frame, state, frames = SILENCE, engine.initial_state(), []
    told = Performer(keys=keys)
    for i in range(n_frames):
        conditions = Conditions(Beat(float(BEAT), (i - 1) / BEAT % 1.0), performer=told)
        distribution, state = engine.step(frame, state, conditions)
        frame = distribution.sample(SILENCE, ~ALL, sampling or Sampling(), seed=seed, frame_index=i)
        frames.append(frame)
        if i == 3:  # somebody begins
            frame = chord(60, 64, 48)
    return np.array(frames)


def test_alone_it_plays_a_chord_a_beat_and_the_same_for_the_same_seed() -> None:
    engine = random_engine()
    played = play(engine, 20 * BEAT)
    validate_frames(played)
    notes = played[..., Column.NOTE].astype(int)
    assert (notes[4 * BEAT :, list(PITCHED)] > 0).all()
    assert (notes[:, Voice.NO] == 0).all()
    changes = np.flatnonzero((np.diff(notes, axis=0) != 0).any(1)) + 1
    assert set(changes[changes > 4] % BEAT) == {0}
    assert len(changes) > 2
    assert np.array_equal(played, play(engine, 20 * BEAT))
    assert not np.array_equal(played, play(engine, 20 * BEAT, seed=2))


def test_it_keeps_to_the_pitch_classes_and_registers_that_it_is_given() -> None:
    sampling = Sampling(scale=scale_pitch_classes(Key(2)), chord=triad_pitch_classes(Key(2)), lowest=(70, 21, 30, 0))
    played = play(random_engine(), 12 * BEAT, sampling)[4 * BEAT :]
    notes = played[..., Column.NOTE].astype(int)
    sounding = notes[notes > 0]
    assert len(sounding) > 100
    assert all(triad_pitch_classes(Key(2)) >> note % 12 & 1 for note in sounding)
    for voice in PITCHED:
        assert (notes[:, voice] >= max(sampling.lowest[voice], NOTE_RANGE[voice][0])).all()


def test_what_is_forced_stays_and_what_comes_later_is_left() -> None:
    engine = random_engine()
    distribution, _ = engine.step(chord(60, 64, 48), engine.initial_state())
    forced, is_later = chord(61, 0, 0, 3), np.array([False, True, False, False])
    drawn = distribution.sample(
        forced, np.array([True, False, False, True]), Sampling(), seed=0, frame_index=3, is_later=is_later
    )
    assert np.array_equal(drawn[[Voice.P1, Voice.NO]], forced[[Voice.P1, Voice.NO]])
    assert (drawn[Voice.P2] == 0).all()
    for voice in Voice:
        found = distribution.note_log_probs(voice, drawn, ~ALL)
        assert found.shape == (109,)
        assert np.exp(found).sum() == pytest.approx(1.0, abs=1e-4)


def test_a_conductor_tells_a_chord_once_it_is_asked_and_has_heard_three_pitch_classes() -> None:
    conductor = random_engine()
    assert isinstance(conductor, Conducts)

    def chord_after(frames: list[np.ndarray], asked_from: int) -> Key | None:
        ear = conductor.first_ear()
        for i, frame in enumerate(frames):
            told = Conditions(Beat(float(BEAT), i / BEAT % 1.0), is_led=i >= asked_from)
            ear = conductor.hear(frame, ear, told)
        return conductor.chord(ear)

    song = [chord(60 + i // BEAT % 3, 64, 48) for i in range(10 * BEAT)]
    assert chord_after(song, len(song)) is None
    assert chord_after([chord(60, 72, 48)] * (10 * BEAT), 0) is None
    assert chord_after(song, 0) is not None
    assert chord_after(song, 0) == chord_after(song, 0) == chord_after(song, 4 * BEAT)


def test_a_network_hears_the_slices_before_it_was_asked() -> None:
    network = random_engine().network
    before = network.hear((3, 5), network.hear((3,), None))
    assert np.array_equal(before.logits, network.hear((3, 5), network.hear((3,), None)).logits)
    assert not np.allclose(before.logits, network.hear((3, 5), None).logits)
    assert not np.allclose(before.logits, network.hear((9, 5), network.hear((3,), None)).logits)
    assert SMALL.n_state == before.h.shape[1]
    assert ((before.pitch_classes >= 0.0) & (before.pitch_classes <= 1.0)).all()
