"""Keys: a scale's own key fits best, wherever it is transposed to, and nothing fits what says nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.engines.tonality import LISTENERS, MAJOR, MINOR, SCORES, key_fits

MAJOR_CHROMA = np.array([4, 0, 1, 0, 3, 1, 0, 3, 0, 1, 0, 1], float)
MINOR_CHROMA = np.array([4, 0, 1, 3, 0, 1, 0, 3, 1, 0, 0, 1], float)


@pytest.mark.parametrize("profiles", [LISTENERS, SCORES], ids=["listeners", "scores"])
@pytest.mark.parametrize(("chroma", "mode"), [(MAJOR_CHROMA, MAJOR), (MINOR_CHROMA, MINOR)], ids=["major", "minor"])
def test_the_key_that_a_chroma_is_made_of_fits_it_best(profiles, chroma, mode):
    for tonic in range(12):
        fits = key_fits(np.roll(chroma, tonic), profiles)
        assert np.unravel_index(fits.argmax(), fits.shape) == (tonic, mode)


@given(st.lists(st.floats(0, 100), min_size=12, max_size=12), st.integers(0, 11), st.floats(0.1, 10))
def test_fits_are_correlations_that_move_with_the_music_and_not_with_its_length(chroma, shift, length):
    chroma = np.round(chroma, 3)
    fits = key_fits(chroma, SCORES)
    assert np.abs(fits).max() <= 1.0 + 1e-9
    np.testing.assert_allclose(key_fits(np.roll(chroma, shift) * length, SCORES), np.roll(fits, shift, 0), atol=1e-6)


def test_no_key_fits_where_no_pitch_class_stands_out():
    assert not key_fits(np.zeros(12), SCORES).any()
    assert not key_fits(np.full(12, 3.0), LISTENERS).any()
