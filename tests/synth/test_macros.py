"""Macros against FamiTracker's rules, written down once more in plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.synth.macros import (
    MACRO,
    MAX_LENGTH,
    ends_by_itself,
    macro_value,
    release_macro,
    restart_macro,
    step_macro,
)


def new(values: list[int], loop: int = -1, release: int = -1) -> np.void:
    macro = np.zeros(1, MACRO)
    macro["values"][0, : len(values)] = values
    macro["length"], macro["loop"], macro["release"] = len(values), loop, release
    return macro[0]


def run(macro: np.void, n_held: int, n_released: int) -> list[int]:
    """Return the values by tick: the key is held for `n_held` of them and up from then on, until the macro ends."""
    restart_macro(macro)
    values = [macro_value(macro)]
    for _ in range(n_held - 1):
        assert step_macro(macro, False)
        values.append(macro_value(macro))
    release_macro(macro)
    for _ in range(n_released):
        if not step_macro(macro, True):
            break
        values.append(macro_value(macro))
    return values


@pytest.mark.parametrize(
    ("loop", "release", "held", "released"),
    [
        (-1, -1, [1, 2, 3, 4, 4, 4], []),  # runs to its end and holds
        (1, -1, [1, 2, 3, 4, 2, 3, 4, 2], None),  # loops
        (0, -1, [1, 2, 3, 4, 1, 2], None),
        (-1, 1, [1, 2, 2, 2, 2], [3, 4]),  # waits at the release point, then plays the rest and ends
        (0, 1, [1, 2, 1, 2, 1], [3, 4]),  # loops before it, and leaves the loop at once
        (-1, 2, [1, 2], [4]),  # a key that comes up early jumps to the release point
        (-1, 3, [1, 2, 3, 4, 4], []),  # nothing follows the release point
    ],
)
def test_a_macro_runs_as_in_famitracker(loop: int, release: int, held: list[int], released: list[int] | None) -> None:
    macro = new([1, 2, 3, 4], loop, release)
    if released is not None:
        assert run(macro, len(held), 100) == held + released
    assert run(macro, len(held), 0) == held


@given(st.data())
def test_a_released_macro_ends_unless_only_its_loop_goes_on(data: st.DataObject) -> None:
    values = data.draw(st.lists(st.integers(0, 15), min_size=1, max_size=MAX_LENGTH))
    release = data.draw(st.integers(-1, len(values) - 1))
    loop = data.draw(st.integers(-1, len(values) - 1 if release < 0 else release))
    n_held = data.draw(st.integers(1, 150))
    played = run(new(values, loop, release), n_held, 200)
    assert set(played) <= set(values)
    if release >= 0:  # and plays exactly what follows its release point
        assert played[n_held:] == values[release + 1 :]
    elif loop < 0:
        assert played[n_held:] == values[n_held:]


def test_a_drum_is_a_macro_that_runs_to_silence() -> None:
    assert ends_by_itself(new([15, 8, 0]))
    assert not ends_by_itself(new([15, 8]))
    assert not ends_by_itself(new([15, 0], loop=0))
    assert not ends_by_itself(new([15, 0], release=0))
