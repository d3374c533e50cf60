from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.beat import Beat
from livegen.engines.vae.grid import Grid


def walk(beat: Beat, n: int, bar: Beat | None = None) -> list[tuple[int, int, int]]:
    """Return place, window and steps gone of frames that follow each other, the beat's phase given before the first."""
    grid, found = Grid(), []
    for i in range(n):
        grid, gone = grid.after(beat.after(i), bar.after(i) if bar else None)
        found.append((grid.place, grid.window, gone))
    return found


def test_at_120_beats_a_minute_each_frame_is_a_step():
    found = walk(Beat(12.0, 11.0 / 12.0), 200)
    assert [place for place, _, _ in found] == [i % 96 for i in range(200)]
    assert [window for _, window, _ in found] == [i // 96 for i in range(200)]
    grid = Grid()
    for i in range(200):
        grid, gone = grid.after(None, None)
        assert (grid.place, grid.window, gone) == (i % 96, i // 96, 1)


@given(st.floats(5.0, 30.0), st.floats(0.0, 1.0))
def test_every_beat_begins_within_half_a_frame_of_where_it_is(period: float, phase: float):
    beat = Beat(period, phase)
    found = walk(beat, 300)
    on_beat = [i + 1 for i, (place, _, gone) in enumerate(found) if i and gone and place % 12 < gone]
    for frame in on_beat:
        at = phase + frame / period
        assert abs(at - round(at)) * period <= 0.5 + 1e-5
    assert len(on_beat) == pytest.approx(300 / period, abs=2.01)
    steps = [12 * (8 * window) + place for place, window, _ in found]
    assert all(b >= a for a, b in pairwise(steps))


def test_a_beat_that_falls_back_is_waited_for_and_a_leap_is_followed():
    grid = Grid(40, 0)  # step 4 of the beat
    assert grid.after(Beat(12.0, 2.0 / 12.0), None) == (grid, 0)
    assert grid.after(Beat(12.0, 7.0 / 12.0), None) == (Grid(44, 0), 4)
    assert Grid(46, 0).after(Beat(12.0, 0.0), None) == (Grid(49, 0), 3)
    assert Grid(95, 3).after(Beat(12.0, 1.0 / 12.0), None) == (Grid(2, 4), 3)


@pytest.mark.parametrize(("beats_a_bar", "length"), [(4, 8), (3, 6), (2, 8), (5, 5), (8, 8), (9, 8)])
def test_windows_are_whole_bars_where_the_bar_is_known(beats_a_bar: int, length: int):
    beat, bar = Beat(12.0, 0.0), Beat(12.0 * beats_a_bar, 2.0 / beats_a_bar)  # begins on the third beat
    found = walk(beat, 12 * 60, bar)
    seams = [i + 1 for i, (one, other) in enumerate(pairwise(found)) if one[1] != other[1]]
    assert {b - a for a, b in pairwise(seams[1:])} == {12 * length}
    if beats_a_bar <= 8:
        assert all((24 + seam + 1) % (12 * beats_a_bar) == 0 for seam in seams[1:])
