"""Macros against FamiTracker's rules, written down once more in plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.patch import Macro
from livegen.patch.keys import MACRO_LENGTH_MAX
from livegen.synth.macros import (
    MACRO,
    ends_by_itself,
    fill_macro,
    has_ended,
    macro_value,
    next_position,
    released_position,
)


def new(values: list[int], loop: int | None = None, release: int | None = None) -> np.void:
    record = np.zeros(1, MACRO)
    fill_macro(record[0], Macro(tuple(values), loop, release))
    return record[0]


def run(macro: np.void, n_held: int, n_released: int) -> list[int]:
    """Return the values by tick: the key is held for `n_held` of them and up from then on, until the macro ends."""
    position = 0
    values = [macro_value(macro, position)]
    for _ in range(n_held - 1):
        position = next_position(macro, position, False)
        values.append(macro_value(macro, position))
    position = released_position(macro, position)
    for _ in range(n_released):
        position = next_position(macro, position, True)
        if has_ended(macro, position):
            break
        values.append(macro_value(macro, position))
    return values


@pytest.mark.parametrize(
    ("loop", "release", "held", "released"),
    [
        (None, None, [1, 2, 3, 4, 4, 4], []),  # runs to its end and holds
        (1, None, [1, 2, 3, 4, 2, 3, 4, 2], None),  # loops
        (0, None, [1, 2, 3, 4, 1, 2], None),
        (3, None, [1, 2, 3, 4, 4, 4], None),
        (None, 1, [1, 2, 2, 2, 2], [3, 4]),  # waits at the release point, then plays the rest and ends
        (1, 1, [1, 2, 2, 2, 2], [3, 4]),
        (0, 1, [1, 2, 1, 2, 1], [3, 4]),  # loops before it, and leaves the loop at once
        (None, 2, [1, 2], [4]),  # a key that comes up early jumps to the release point
        (None, 3, [1, 2, 3, 4, 4], []),  # nothing follows the release point
        (2, 3, [1, 2, 3, 4, 3, 4, 3], []),
    ],
)
def test_a_macro_runs_as_in_famitracker(
    loop: int | None, release: int | None, held: list[int], released: list[int] | None
) -> None:
    macro = new([1, 2, 3, 4], loop, release)
    if released is not None:
        assert run(macro, len(held), 100) == held + released
    assert run(macro, len(held), 0) == held


@given(st.data())
def test_a_released_macro_ends_unless_only_its_loop_goes_on(data: st.DataObject) -> None:
    values = data.draw(st.lists(st.integers(-128, 127), min_size=1, max_size=MACRO_LENGTH_MAX))
    release = data.draw(st.none() | st.integers(0, len(values) - 1))
    loop = data.draw(st.none() | st.integers(0, len(values) - 1 if release is None else release))
    n_held = data.draw(st.integers(1, 150))
    played = run(new(values, loop, release), n_held, 200)
    assert set(played) <= set(values)
    if release is not None:  # and plays exactly what follows its release point
        assert played[n_held:] == values[release + 1 :]
    elif loop is None:
        assert played[n_held:] == values[n_held:]
    else:
        assert len(played) == n_held + 200


def test_an_ended_macro_stays_ended_and_keeps_its_last_value() -> None:
    macro = new([5, 6])
    position = 0
    for _ in range(3):
        position = next_position(macro, position, False)
    assert has_ended(macro, position)
    assert macro_value(macro, position) == 6
    assert next_position(macro, position, True) == position


def test_a_drum_is_a_macro_that_runs_to_silence() -> None:
    assert ends_by_itself(new([15, 8, 0]))
    assert not ends_by_itself(new([15, 8]))
    assert not ends_by_itself(new([15, 0], loop=0))
    assert not ends_by_itself(new([15, 0], release=0))
