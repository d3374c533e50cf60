from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lstm_weights import SMALL, random_arrays, random_engine

from livegen.engines.lstm import ear
from livegen.engines.lstm.lstm import LstmEngine
from livegen.engines.protocol import Conditions, Performer, Sampling
from livegen.score import NOTE_RANGE, SILENCE, Voice

P1_ALONE = (True, False, False, False)


def _rows(frames: list[np.ndarray], performed: int, keys: tuple[int, ...]) -> np.ndarray:
    profiles, rows = np.zeros((ear.N_PROFILES, 12), np.float32), np.empty((ear.N_EAR, 12), np.float32)
    for frame in frames:
        after = np.empty_like(profiles)
        ear.hear_harmony(frame, performed, ear.keys_mask(keys), ear.bass_of(keys, performed), profiles, after, rows)
        profiles = after
    return rows


def _frame(*notes: int) -> np.ndarray:
    frame = np.zeros((4, 3), np.uint8)
    frame[: len(notes), 0] = notes
    return frame


def test_what_is_performed_and_what_the_model_plays_are_kept_apart():
    rows = _rows([_frame(60, 64, 43)] * 10, 0b001, ())
    assert np.flatnonzero(rows[ear.SLOW]).tolist() == np.flatnonzero(rows[ear.FAST]).tolist() == [0]
    assert np.flatnonzero(rows[ear.MODEL]).tolist() == [4, 7]


def test_the_notes_of_drums_are_no_pitches():
    frame = _frame(0, 0, 0, 7)
    assert (_rows([frame] * 10, 0b1000, ()) == 0).all()


def test_a_profile_fades_the_fast_one_sooner():
    rows = _rows([_frame(60)] * 48 + [_frame()] * 48, 0b001, ())
    assert 0.05 < rows[ear.FAST, 0] < rows[ear.SLOW, 0] < 1


def test_keys_that_are_held_count_whether_they_sound_or_not():
    rows = _rows([_frame(67)] * 10, 0b001, (60, 64, 67))
    assert np.flatnonzero(rows[ear.KEYS]).tolist() == np.flatnonzero(rows[ear.SLOW]).tolist() == [0, 4, 7]
    assert np.flatnonzero(rows[ear.BASS]).tolist() == [0]


@pytest.mark.parametrize(
    ("keys", "performed", "bass"),
    [((), 0b001, ear.NO_BASS), ((60,), 0b001, ear.NO_BASS), ((43,), 0b100, 7), ((50, 66), 0b001, 2)],
)
def test_the_lowest_of_several_keys_is_the_bass_and_what_the_triangle_plays(keys, performed, bass):
    assert ear.bass_of(keys, performed) == bass


@given(st.integers(0, 108), st.integers(0, 108))
def test_a_large_interval_is_read_as_the_same_some_octaves_nearer(low, high):
    at = int(ear.INTERVAL[low, high]) - ear.MAX_INTERVAL
    assert (at - (high - low)) % 12 == 0
    assert abs(at) <= ear.MAX_INTERVAL
    assert at * (high - low) >= 0
    if abs(high - low) <= ear.MAX_INTERVAL:
        assert at == high - low


def test_a_song_is_heard_as_its_frames_are_one_by_one():
    generator = np.random.default_rng(0)
    frames = generator.integers(40, 80, (30, 4, 3)).astype(np.uint8)
    performed, keys = generator.integers(0, 16, 30).astype(np.uint8), generator.integers(0, 1 << 12, 30)
    bass = generator.integers(0, 13, 30).astype(np.uint8)
    heard = np.empty((30, ear.N_EAR, 12), np.float32)
    ear.listen_song(frames, performed, keys, bass, heard)
    profiles = np.zeros((ear.N_PROFILES, 12), np.float32)
    for t in range(30):
        after, rows = np.empty_like(profiles), np.empty((ear.N_EAR, 12), np.float32)
        before = frames[t - 1] if t else SILENCE
        ear.hear_harmony(before, int(performed[t]), int(keys[t]), int(bass[t]), profiles, after, rows)
        assert (rows == heard[t]).all()
        profiles = after


def _expected(engine: LstmEngine, frames: list[np.ndarray], performer: Performer) -> np.ndarray:
    state = engine.initial_state()
    for frame in [SILENCE, *frames[:-1]]:
        distribution, state = engine.step(frame, state, Conditions(performer=performer))
    is_known = np.array([True, False, False, False])
    return distribution.note_log_probs(Voice.P2, frames[-1], is_known)


def _only_relative(*names: str) -> LstmEngine:
    """Return a network that knows nothing but relative tables, of their biases alone."""
    arrays = {name: np.zeros_like(array) for name, array in random_arrays().items()}
    generator = np.random.default_rng(2)
    for name in names:
        arrays[name] = generator.standard_normal(arrays[name].shape).astype(np.float32)
    return LstmEngine.from_arrays("relative", SMALL, arrays)


@given(st.integers(-6, 6))
def test_relative_tables_say_the_same_in_every_key(shift):
    engine = _only_relative("relative.P2.bias")
    notes = np.array([[60, 64, 43], [62, 65, 43], [60, 64, 48]])
    was, moved = ([_frame(*row) for row in notes + by] for by in (0, shift))
    keys = Performer(P1_ALONE, (48, 60)), Performer(P1_ALONE, (48 + shift, 60 + shift))
    one, other = (_expected(engine, heard, who) for heard, who in zip((was, moved), keys, strict=True))
    lowest, highest = NOTE_RANGE[Voice.P2]
    inner = np.arange(lowest + 6, highest - 5)
    assert other[inner + shift] - other[inner[0] + shift] == pytest.approx(one[inner] - one[inner[0]], abs=1e-4)


def test_the_held_note_has_a_term_of_its_own():
    engine = _only_relative()
    bias = np.zeros(ear.N_RELATIVE, np.float32)
    bias[ear.HELD_OF_OTHERS + 4] = 3.0  # held a major third over P1
    engine.weights.relative_bias[Voice.P2] = bias
    held_third = _expected(engine, [_frame(60, 64)] * 2, Performer(P1_ALONE))
    assert held_third[64] - held_third[65] == pytest.approx(3.0, abs=1e-5)
    held_other = _expected(engine, [_frame(60, 65)] * 2, Performer(P1_ALONE))
    assert np.ptp(held_other[40:90]) == pytest.approx(0.0, abs=1e-5)


def test_without_harmony_a_draw_is_deaf_to_the_performer_and_not_to_the_model():
    engine = _only_relative("relative.P2.bias")
    nothing = np.array([True, False, False, False])

    def drawn(lead: int, harmony: float, other: int = 43) -> list[int]:
        frame, performer = _frame(lead, 64, other), Performer(P1_ALONE, (lead,))
        distribution, _ = engine.step(frame, engine.initial_state(), Conditions(performer=performer))
        shape = Sampling(harmony=harmony)
        frames = [distribution.sample(frame, nothing, shape, seed=1, frame_index=i) for i in range(40)]
        return [int(each[Voice.P2, 0]) for each in frames]

    assert drawn(60, 0.0) == drawn(61, 0.0)
    assert drawn(60, 1.0) != drawn(61, 1.0)
    assert drawn(60, 0.0) != drawn(60, 0.0, other=50)


def _stays(held: int, lead: int, keys: tuple[int, ...] = (), voice: Voice = Voice.P2, harmony: float = 1.0) -> int:
    """Return in how many of 200 draws a voice stays on its note beside a performer's P1."""
    engine, frame = _only_relative(), _frame(lead)
    frame[voice, 0] = held
    known = np.arange(4) != voice
    distribution, _ = engine.step(frame, engine.initial_state(), Conditions(performer=Performer(P1_ALONE, keys)))
    shape = Sampling(harmony=harmony, density=(-5.0,) * 4)
    drawn = [distribution.sample(frame, known, shape, seed=1, frame_index=i)[voice, 0] for i in range(200)]
    return sum(int(note) == held for note in drawn)


@pytest.mark.parametrize("interval", [1, 2, 6, 10, 11, 13, -1, -2])
@pytest.mark.parametrize("voice", [Voice.P2, Voice.TR])
def test_a_note_that_clashes_with_the_performer_s_is_left_sooner(interval: int, voice: Voice) -> None:
    clashing, fitting = (_stays(64, 64 + by, voice=voice) for by in (interval, 7))
    assert clashing < 0.8 * fitting
    assert _stays(64, 64 + interval, voice=voice, harmony=0.0) == _stays(64, 71, voice=voice, harmony=0.0)
    assert _stays(64, 64 + interval, voice=voice, harmony=3.0) < clashing


def test_over_held_keys_that_do_not_sound_there_is_room_for_seconds_but_not_for_semitones() -> None:
    alone = _stays(62, 55)
    assert _stays(62, 55, keys=(55, 60, 64)) == alone  # a D over C, E and G, of which G sounds
    assert _stays(65, 60, keys=(60, 64)) < 0.8 * _stays(65, 60)  # an F beside E
    assert _stays(6, 55, keys=(5,), voice=Voice.NO) == _stays(6, 55, voice=Voice.NO)


def test_a_network_that_listens_and_has_learnt_nothing_of_it_plays_as_one_that_does_not():
    engine, nothing = random_engine(), np.zeros(4, np.bool_)
    arrays, deaf = random_arrays(), replace(SMALL, listens=False)
    for name in arrays:
        if name.partition(".")[0] in ("relative", "performed", "performed_rows", "hold"):
            arrays[name] = np.zeros_like(arrays[name])
    listens = LstmEngine.from_arrays("listens", SMALL, arrays)
    older = LstmEngine.from_arrays("older", deaf, {name: arrays[name] for name in deaf.shapes()})
    frame, told = _frame(60, 64, 43), Conditions(performer=Performer(P1_ALONE, (60,)))
    one, other = (each.step(frame, each.initial_state(), told)[0] for each in (listens, older))
    for voice in Voice:
        assert (one.note_log_probs(voice, frame, nothing) == other.note_log_probs(voice, frame, nothing)).all()
    assert engine.step(frame, engine.initial_state(), told)[1].profiles.any()
