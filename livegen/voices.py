"""The four voices, apart from all that computes with them: a program that only names them need not load a compiler."""

from enum import IntEnum


class Voice(IntEnum):
    """The four voices, in the order of NES-MDB."""

    P1 = 0
    P2 = 1
    TR = 2
    NO = 3
