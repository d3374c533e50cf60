"""Macros: sequences that a sound engine steps through, one value a tick, while a note lasts.

The semantics are FamiTracker's (its `CSeqInstHandler`): a macro runs to its end and holds, or loops; with a release
point it waits there, or loops before it, until the key comes up, then jumps there and plays the rest. A macro is data;
the position in it is the note's: an index while the macro runs, and its length once it has ended.
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
    """Return the position one tick later; the macro's length means that it has ended."""
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
    """Return the position when the key comes up: the release point; a macro without one goes on as it is."""
    return macro.release if macro.release >= 0 else position


@kernel
def macro_value(macro: Record, position: int) -> int:
    """Return the value in force, the last one where the macro has ended."""
    return macro.values[min(position, macro.length - 1)]


@kernel
def has_ended(macro: Record, position: int) -> bool:
    """Tell whether the macro has nothing left to play."""
    return position >= macro.length


@kernel
def ends_by_itself(macro: Record) -> bool:
    """Tell whether a volume macro is that of a drum: it runs to silence however soon the key comes up."""
    return macro.loop < 0 and macro.release < 0 and macro.values[macro.length - 1] == 0
