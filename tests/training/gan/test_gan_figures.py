import numpy as np
import pytest

from livegen.score import NOTE_RANGE, Voice
from livegen.training.gan.copies import copied_share, copies
from livegen.training.gan.figures import (
    coverage_and_density,
    drawn_evenly,
    features,
    histograms,
    rhythm_and_harmony,
    standardised,
)

N_STEPS = 96


def phrases(n: int, seed: int = 0, every: int = 6) -> np.ndarray:
    """Return phrases whose voices change to random notes every few steps, with rests."""
    generator = np.random.default_rng(seed)
    made = np.zeros((n, N_STEPS, 4, 3), np.uint8)
    for voice in Voice:
        lowest, highest = NOTE_RANGE[voice]
        notes = generator.integers(max(lowest, 1), highest + 1, (n, N_STEPS // every))
        notes[generator.random(notes.shape) < 0.2] = 0
        made[:, :, voice, 0] = np.repeat(notes, every, 1)
        made[:, :, voice, 1] = (made[:, :, voice, 0] > 0) * 8 * (voice is not Voice.TR)
    return made


def by_definition(real, made, k):
    """Count as the paper's definitions say, point by point."""
    radius = [sorted(np.linalg.norm(real - x, axis=1))[k] for x in real]
    inside = [[np.linalg.norm(x - y) < r for y in made] for x, r in zip(real, radius, strict=True)]
    return np.mean([any(row) for row in inside]), np.sum(inside) / (k * len(made))


@pytest.mark.parametrize("spread", [0.3, 1.0, 3.0])
def test_coverage_and_density_are_those_of_the_paper(spread):
    generator = np.random.default_rng(1)
    real, made = generator.normal(size=(60, 4)), spread * generator.normal(size=(40, 4))
    assert coverage_and_density(real, made) == pytest.approx(by_definition(real, made, 5))


def test_alike_is_near_one_and_one_mode_covers_little():
    generator = np.random.default_rng(2)
    real, alike = generator.normal(size=(400, 3)), generator.normal(size=(400, 3))
    coverage, density = coverage_and_density(real, alike)
    assert coverage > 0.9
    assert density == pytest.approx(1.0, abs=0.15)
    coverage, density = coverage_and_density(real, np.zeros((400, 3)))
    assert coverage < 0.1
    assert density > 1.2


def test_features_are_finite_and_blind_to_transposition_but_for_the_register():
    some = phrases(20)
    some[..., :3, 0] = np.where(some[..., :3, 0] > 0, np.clip(some[..., :3, 0], 40, 90), 0)
    up = some.copy()
    up[..., :3, 0] += (up[..., :3, 0] > 0).astype(np.uint8) * 2
    one, other = features(some), features(up)
    assert np.isfinite(one).all()
    moved = np.flatnonzero(np.abs(one - other).max(0) > 1e-9)
    assert len(moved) == 3  # the mean height of three voices
    assert (features(phrases(4, every=12))[:, 0] < features(phrases(4, every=3))[:, 0]).all()


def test_silence_has_features():
    silent = features(np.zeros((2, N_STEPS, 4, 3), np.uint8))
    assert silent.shape == (2, 66)
    assert np.isfinite(silent).all()


def test_standardised_by_the_reference():
    real, made = np.random.default_rng(0).normal(5, 3, (50, 4)), np.full((2, 4), 5.0)
    one, other = standardised(real, made)
    assert one.mean(0) == pytest.approx(0, abs=1e-9)
    assert one.std(0) == pytest.approx(1)
    assert np.abs(other).max() < 1


def test_histograms_count_places_bars_and_pitch_classes():
    phrase = np.zeros((1, N_STEPS, 4, 3), np.uint8)
    phrase[0, 6:48, Voice.P1] = (60, 9, 0)
    phrase[0, 12:24, Voice.TR] = (40, 0, 0)
    counts = histograms(phrase)
    places = counts["onset_places"].reshape(4, 12)
    assert places[Voice.P1].tolist() == [0] * 6 + [1] + [0] * 5
    assert places[Voice.TR].tolist() == [1] + [0] * 11
    assert np.flatnonzero(counts["empty_bars"][0]).tolist() == [0, 0b101]
    assert np.flatnonzero(counts["pitch_classes"][0]).tolist() == [0, 2]


def test_other_music_is_beyond_the_limits_and_the_same_is_within():
    valid, groups = phrases(120, 1), np.arange(120) // 4
    same = rhythm_and_harmony(phrases(120, 2), valid, groups)
    other = rhythm_and_harmony(phrases(120, 2, every=4), valid, groups)
    assert same["onset_places"] < 2 * same["onset_places_limit"]
    assert other["onset_places"] > 5 * other["onset_places_limit"]


def test_a_transposed_phrase_is_a_copy_and_another_is_none():
    train, made = phrases(30, 3), phrases(4, 4)
    made[1] = train[7]
    made[1, ..., :3, 0] += (made[1, ..., :3, 0] > 0).astype(np.uint8)  # up by a semitone, all three
    made[2] = train[8]
    made[2, :, Voice.TR, 0] += (made[2, :, Voice.TR, 0] > 0).astype(np.uint8)  # one voice alone
    assert copies(made, train).tolist() == [False, True, False, False]
    assert copied_share(made, train) == 0.25


@pytest.mark.parametrize(("wrong", "is_copy"), [(19, True), (20, False)])
def test_a_copy_has_95_percent_of_the_cells(wrong, is_copy):
    train = phrases(3, 5)
    made = train[1:2].copy()
    made[0, :wrong, Voice.NO, 0] = made[0, :wrong, Voice.NO, 0] % 16 + 1
    assert (made[0, ..., 0] != train[1, ..., 0]).sum() == wrong  # of 384
    assert copies(made, train).tolist() == [is_copy]


def test_songs_are_drawn_evenly():
    songs = np.array([0] * 50 + [1] * 2 + [2] + [3] * 30)
    drawn = drawn_evenly(songs, 2, 5)
    assert np.bincount(songs[drawn]).tolist() == [2, 2, 1, 2]
    assert drawn.tolist() == drawn_evenly(songs, 2, 5).tolist() != drawn_evenly(songs, 2, 6).tolist()
