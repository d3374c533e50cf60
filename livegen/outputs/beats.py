"""Where beats and their parts fall in a frame, for all that is played or sent on the beat."""

import math
from typing import Final

from livegen.system.kernels import portable

NEVER_COUNTED: Final = -(1 << 62)
"""Value of the next part's number while none has been counted."""

REACH_BEATS: Final = 0.5
"""Largest difference, in beats, between the count and the beat that is caught up with or waited for.

If the difference is larger, counting begins again where the beat is.
"""

_TOLERANCE: Final = 1e-6  # in parts: two neighbouring frames may round their common edge differently


@portable
def next_part(counted: int, beats: float, beats_a_frame: float, parts_a_beat: float) -> tuple[int, float]:
    """Return the number of the part of a beat that comes next, and when it is due.

    Parameters
    ----------
    counted : int
        Number of the part that comes next if counting goes on, or `NEVER_COUNTED`. Parts are numbered from bar 1,
        beat 1.
    beats : float
        Beats from bar 1, beat 1 to the start of the frame.
    beats_a_frame : float
        More than 0.
    parts_a_beat : float
        1 for beats, 24 for MIDI clock.

    Returns
    -------
    int
        Number of the next part: `counted`, unless the beat has jumped.
    float
        When it is due, as a fraction of the frame, 0 or more. From 1 on it is due in a later frame.
    """
    start, length = beats * parts_a_beat, beats_a_frame * parts_a_beat
    reach = REACH_BEATS * parts_a_beat
    # the part after the frame's last one is not too far
    if counted < start - reach or counted > start + length + max(reach, 1.0):
        counted = math.ceil(start - _TOLERANCE)
    fraction = (counted - start + _TOLERANCE) / length
    if fraction >= 1.0:
        return counted, fraction
    return counted, max((counted - start) / length, 0.0)
