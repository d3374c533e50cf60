"""Where beats and their parts fall in a frame, for what sounds or leaves on the beat."""

import math
from typing import Final

from livegen.system.kernels import portable

NEVER_COUNTED: Final = -(1 << 62)
"""The next part before any was counted."""

REACH_BEATS: Final = 0.5
"""A count that is off by more than this is taken up anew where the beat is; less is caught up with, or waited for."""

_TOLERANCE: Final = 1e-6  # of a part: two neighbouring frames may round their common edge differently


@portable
def next_part(counted: int, beats: float, beats_a_frame: float, parts_a_beat: float) -> tuple[int, float]:
    """Return which part of a beat comes next, and when.

    Parameters
    ----------
    counted : int
        The part that would come next by counting, or `NEVER_COUNTED`. Parts are numbered from bar 1, beat 1.
    beats : float
        Beats since there, where the frame begins.
    beats_a_frame : float
        Over 0.
    parts_a_beat : float
        1 for beats, 24 for MIDI clock.

    Returns
    -------
    int
        Its number: `counted`, unless the beat has moved elsewhere.
    float
        When it is due, as a part of the frame, 0 or more; from 1 on it is due in a later frame.
    """
    start, length = beats * parts_a_beat, beats_a_frame * parts_a_beat
    reach = REACH_BEATS * parts_a_beat
    if counted < start - reach or counted > start + length + max(reach, 1.0):  # the one after the frame's last is near
        counted = math.ceil(start - _TOLERANCE)
    fraction = (counted - start + _TOLERANCE) / length
    if fraction >= 1.0:
        return counted, fraction
    return counted, max((counted - start) / length, 0.0)
