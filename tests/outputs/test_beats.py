"""Where the parts of a beat fall: each exactly once, whatever the frames say."""

import math

from hypothesis import given
from hypothesis import strategies as st

from livegen.outputs.beats import NEVER_COUNTED, next_part


def parts(beats: list[float], beats_a_frame: float, parts_a_beat: float) -> list[tuple[int, float]]:
    """Return number and time, in frames, of the parts that some frames have."""
    number, found = NEVER_COUNTED, []
    for frame, begin in enumerate(beats):
        number, part = next_part(number, begin, beats_a_frame, parts_a_beat)
        while part < 1.0:
            found.append((number, frame + part))
            number, part = next_part(number + 1, begin, beats_a_frame, parts_a_beat)
    return found


@given(st.floats(20, 400), st.floats(-8, 8), st.sampled_from([1.0, 24.0]), st.floats(0, 1e-9))
def test_a_steady_beat_has_each_part_once_at_its_time(
    bpm: float, begin: float, parts_a_beat: float, error: float
) -> None:
    rate = bpm / 60 / 24
    beats = [begin + frame * rate + (error if frame % 2 else -error) for frame in range(100)]
    found = parts(beats, rate, parts_a_beat)
    first = math.ceil(begin * parts_a_beat - 1e-6)
    assert [number for number, _ in found] == list(range(first, first + len(found)))
    assert len(found) >= 100 * rate * parts_a_beat - 1
    for number, at in found:
        assert abs(begin + at * rate - number / parts_a_beat) < 1e-5


def test_a_beat_that_moves_a_little_is_caught_up_with_or_waited_for() -> None:
    assert [number for number, _ in parts([0.9, 1.1, 1.4, 1.2, 1.95], 0.1, 1.0)] == [1, 2]
    assert [number for number, _ in parts([0.9, 1.02, 1.1, 0.98, 1.9], 0.12, 1.0)] == [1, 2]


def test_a_beat_that_jumps_is_taken_up_where_it_is() -> None:
    assert [number for number, _ in parts([0.0, 0.1, 7.95, 8.05, 0.0], 0.1, 1.0)] == [0, 8, 0]
