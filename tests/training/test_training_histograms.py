import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from livegen.training.histograms import jensen_shannon


@given(arrays(np.int64, 9, elements=st.integers(0, 50)), arrays(np.int64, 9, elements=st.integers(0, 50)))
def test_the_distance_is_a_symmetric_one_from_0_to_1(one, other):
    far = jensen_shannon(one, other)
    assert 0.0 <= far <= 1.0 + 1e-12
    assert far == pytest.approx(jensen_shannon(other, one))
    assert jensen_shannon(one, 3 * one) == pytest.approx(0.0, abs=1e-7)
    if one.sum():
        assert jensen_shannon(np.append(one, one * 0), np.append(one * 0, one)) == pytest.approx(1.0)


def test_what_has_nothing_in_common_is_as_far_apart_as_can_be():
    assert jensen_shannon(np.array([3, 0]), np.array([0, 5])) == pytest.approx(1)
