"""The four voices.

They have a module of their own so that a program that only names them need not load Numba's compiler.
"""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final


class Voice(IntEnum):
    """The four voices, in the order of NES-MDB."""

    P1 = 0
    P2 = 1
    TR = 2
    NO = 3


VOICE_OF_NAME: Final[Mapping[str, Voice]] = MappingProxyType({voice.name.lower(): voice for voice in Voice})
"""The voices by their names in files, options and addresses."""

MAX_CHORD_NOTES: Final = 8
"""Largest number of held keys that one voice runs through as an arpeggio."""
