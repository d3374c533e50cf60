"""Macros: sequences that a sound engine steps through, one value a tick, while a note lasts.

They work as in FamiTracker (its `CSeqInstHandler`). Without a release point, a macro runs to its end and keeps its last
value, or loops. With one, it waits there or loops before it while the key is held; when the key comes up, it jumps to
the release point and plays the rest. The position in a macro belongs to the note: an index while the macro runs, and
the length of the macro once it has ended.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.patch import Macro
from livegen.patch.keys import MACRO_LENGTH_MAX
from livegen.system.kernels import Record, kernel

MACRO: Final = np.dtype(
    [
        ("values", np.int16, MACRO_LENGTH_MAX),
        ("length", np.int64),  # 0: there is no such macro
        ("loop", np.int64),  # index to go back to, or -1
        ("release", np.int64),  # last index before the key comes up, or -1
    ],
    align=True,
)


def fill_macro(record: NDArray[np.void], macro: Macro) -> None:
    """Write a macro to a zeroed element of `MACRO`."""
    record["values"][: len(macro.values)] = macro.values
    record["length"] = len(macro.values)
    record["loop"] = -1 if macro.loop is None else macro.loop
    record["release"] = -1 if macro.release is None else macro.release


@kernel
def next_position(macro: Record, position: int, is_released: bool) -> int:
    """Return the position one tick later. It is the macro's length if the macro has ended."""
    after = position + 1
    if after >= macro.length or after == macro.release + 1:
        if position < macro.length and macro.loop >= 0 and not (is_released and macro.release >= 0):
            return macro.loop
        if after >= macro.length:
            return macro.length
        if not is_released:
            return position
    return after


@kernel
def released_position(macro: Record, position: int) -> int:
    """Return the position when the key comes up: the release point, or the same position if there is none."""
    return macro.release if macro.release >= 0 else position


@kernel
def macro_value(macro: Record, position: int) -> int:
    """Return the value at a position, or the last value if the macro has ended."""
    return macro.values[min(position, macro.length - 1)]


@kernel
def has_ended(macro: Record, position: int) -> bool:
    """Tell whether the macro has nothing left to play."""
    return position >= macro.length


@kernel
def ends_by_itself(macro: Record) -> bool:
    """Tell whether a volume macro runs to silence however soon the key comes up, as a drum's does."""
    return macro.loop < 0 and macro.release < 0 and macro.values[macro.length - 1] == 0
