"""The four voices.

They have a module of their own so that a program that only names them need not load Numba's compiler.
"""

from enum import IntEnum
from typing import Final


class Voice(IntEnum):
    """The four voices, in the order of NES-MDB."""

    P1 = 0
    P2 = 1
    TR = 2
    NO = 3


MAX_CHORD_NOTES: Final = 8
"""Largest number of held keys that one voice runs through as an arpeggio."""
