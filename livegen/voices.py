"""The four voices, apart from all that computes with them: a program that only names them need not load a compiler."""

from enum import IntEnum
from typing import Final


class Voice(IntEnum):
    """The four voices, in the order of NES-MDB."""

    P1 = 0
    P2 = 1
    TR = 2
    NO = 3


MAX_CHORD_NOTES: Final = 8
"""The most held keys that one voice runs through, one after another."""
