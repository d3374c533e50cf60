"""Macros: sequences that a sound engine steps through, one value a tick, while a note lasts.

The semantics are FamiTracker's (its `CSeqInstHandler`): a macro runs to its end and holds, or loops; with a release
point it waits there, or loops before it, until the key comes up, then jumps there and plays the rest.
"""

from typing import Final

import numpy as np

from livegen.kernels import Record, kernel

MAX_LENGTH: Final = 64

MACRO: Final = np.dtype(
    [
        ("values", np.int64, MAX_LENGTH),
        ("length", np.int64),
        ("loop", np.int64),  # index to go back to, or -1
        ("release", np.int64),  # last index before the key comes up, or -1
        ("position", np.int64),  # index of the value in force
    ],
    align=True,
)


@kernel
def restart_macro(macro: Record) -> None:
    """Go to the first value, as a new note does."""
    macro.position = 0


@kernel
def release_macro(macro: Record) -> None:
    """Jump to the release point, as a key that comes up does; a macro without one goes on as it is."""
    if macro.release >= 0:
        macro.position = macro.release


@kernel
def step_macro(macro: Record, is_released: bool) -> bool:
    """Move on by one tick; return False once a released macro has nothing left to play."""
    if macro.release >= 0 and not is_released and macro.position >= macro.release:
        if macro.loop >= 0:
            macro.position = macro.loop
        return True
    if macro.position + 1 < macro.length:
        macro.position += 1
        return True
    if macro.loop >= 0 and macro.release < 0:
        macro.position = macro.loop
        return True
    return not is_released


@kernel
def ends_by_itself(macro: Record) -> bool:
    """Tell whether a volume macro is that of a drum: it runs to silence however soon the key comes up."""
    return macro.loop < 0 and macro.release < 0 and macro.values[macro.length - 1] == 0


@kernel
def macro_value(macro: Record) -> int:
    """Return the value in force."""
    return macro.values[macro.position]
