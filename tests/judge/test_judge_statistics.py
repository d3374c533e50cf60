import numpy as np
import pytest
from songs import song

from livegen.judge.statistics import (
    N_INTERVALS,
    WIDEST_INTERVAL,
    count,
    distances,
    further_distances,
    grid_coherence,
    limits,
    longest_loop,
    silent_voices,
    total,
)
from livegen.score import Voice


def _p1(notes: list[int]) -> np.ndarray:
    frames = np.zeros((len(notes), 4, 3), np.uint8)
    frames[:, Voice.P1, 0] = notes
    frames[:, Voice.P1, 1] = np.where(np.array(notes) > 0, 10, 0)
    return frames


def test_what_a_small_piece_does_is_counted():
    of = count(_p1([0] * 4 + [60] * 2 + [72] * 3 + [0] * 5 + [60] * 10))
    assert of.onsets.tolist() == [3, 0, 0, 0]
    assert of.silent_frames.tolist() == [9, 24, 24, 24]
    assert of.lengths[Voice.P1].tolist() == [0, 1, 1, 0, 1, 0, 0, 0]
    middle = WIDEST_INTERVAL + 1
    expected = np.zeros(N_INTERVALS, int)
    expected[[middle + 12, middle - 12]] = 1
    assert of.intervals[Voice.P1].tolist() == expected.tolist()
    assert of.rates()["onset_rate"][Voice.P1] == pytest.approx(3.0)
    assert count(_p1([60] * 300)).long_notes.tolist() == [1, 0, 0, 0]


def test_a_tune_that_is_played_twice_reuses_its_motifs():
    tune = [60, 62, 64, 65, 67, 69]
    once, twice = count(_p1(np.repeat(tune, 3).tolist())), count(_p1(np.repeat(tune * 2, 3).tolist()))
    assert once.rates()["motif_reuse"][Voice.P1] == 0
    # Eight changes have four before them; only the last two follow four that were heard before.
    assert (twice.motif_chances[Voice.P1], twice.motifs_reused[Voice.P1]) == (8, 2)


def test_what_else_a_piece_does_is_counted():
    riff = [60, 60, 72, 0] * 12  # two seconds
    of = count(_p1(riff * 4))
    assert of.changes.tolist() == [3 * 48 - 1, 0, 0, 0]
    assert of.rests[Voice.P1].tolist() == [48, 0, 0, 0, 0, 0, 0, 0]
    assert (of.rests[Voice.P2].sum(), of.rests[Voice.P2][-1]) == (1, 1)
    assert of.pitch_classes[Voice.P1].tolist() == [96, *[0] * 15]
    assert of.similarities[Voice.P1].tolist() == [*[0] * 9, 7]  # lags of 1, 1.5 ... 4 s, all of them whole riffs
    assert (of.loops.sum(), of.loops[-1]) == (1, 1)


def test_what_else_tells_music_apart_is_a_distance_too():
    tunes = [count(song(i, 240)) for i in range(4)]
    one, other = total(tunes[:2]), total(tunes[2:])
    assert set(further_distances(one, one).values()) == {0.0}
    far = further_distances(one, other)
    assert not set(far) & set(distances(one, other))
    assert all(0 <= of <= 1 for what, of in far.items() if not what.startswith("note_change_rate"))
    assert set(limits(tunes, one, measure=further_distances)) == set(far)


def test_counts_of_pieces_add_up():
    pieces = [count(song(i)) for i in range(4)]
    together = total(pieces)
    assert together.n_frames == sum(int(of.n_frames[0]) for of in pieces)
    assert (together.lengths == sum(of.lengths for of in pieces)).all()
    assert max(distances(together, together).values()) == pytest.approx(0.0)


def test_real_excerpts_are_mostly_within_their_own_limits_and_noise_is_not():
    excerpts = [count(song(i, 300)) for i in range(40)]
    reference = total(excerpts)
    limit = limits(excerpts, reference)
    noise = np.zeros((300, 4, 3), np.uint8)
    noise[:, :3, 0] = np.random.default_rng(0).integers(40, 100, (300, 3))
    noise[..., 1] = 9
    near, far = distances(total(excerpts[::2]), reference), distances(count(noise), reference)
    assert limit.keys() == near.keys()
    assert np.mean([near[what] <= limit[what] for what in limit]) > 0.9
    assert np.mean([far[what] <= limit[what] for what in limit]) < 0.5


def test_a_loop_is_counted_and_a_held_chord_is_none():
    assert longest_loop(_p1([60] * 200)) == 1
    assert longest_loop(_p1(([60] * 3 + [64] * 3) * 10)) == 10
    melody = np.random.default_rng(1).integers(40, 100, 60)
    assert longest_loop(_p1(melody.tolist() * 2)) == 2


def test_silent_voices_are_those_that_never_sound():
    assert silent_voices([_p1([0, 60]), _p1([0, 0])]).tolist() == [0.5, 1.0, 1.0, 1.0]


def test_onsets_on_the_grid_fit_it_and_no_other():
    beat = 12.0
    frames = _p1([60 if t % 6 < 3 else 0 for t in range(1200)])
    assert grid_coherence(frames, beat) == pytest.approx(1.0)
    assert grid_coherence(frames, beat, 0.3) == pytest.approx(1.0)
    assert grid_coherence(frames, beat * 1.09) < 0.15
    assert grid_coherence(_p1([0] * 10), beat) == 0.0
