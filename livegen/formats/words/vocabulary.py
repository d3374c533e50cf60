"""The 631 words of TX1, by their numbers: what a network of LakhNES's vocabulary reads and writes.

Word 0 is `<S>`, which stands before a song and behind it; then come the waits, then for each voice the end of a note
and the notes that may begin (Donahue, Mao, Li, Cottrell and McAuley, "LakhNES", ISMIR 2019;
https://github.com/chrisdonahue/LakhNES).
"""

from typing import Final

from livegen.score import Voice

NOTES: Final = {Voice.P1: (33, 108), Voice.P2: (33, 108), Voice.TR: (21, 108), Voice.NO: (1, 16)}
"""The lowest and the highest note of each voice that there is a word for."""

BEGIN_OR_END: Final = "<S>"

SOUND_OFF: Final = 0
"""Stands for a note in the word that ends one."""


def _waits() -> tuple[int, ...]:
    by_one, by_ten = range(1, 101), range(110, 1_001, 10)
    return (*by_one, *by_ten, *range(1_100, 10_001, 100), *range(11_000, 100_001, 1_000))


WAITS: Final = _waits()
"""The waits that a network has words for, in samples."""


def event_word(voice: Voice, note: int) -> str:
    """Return the word that begins a note of a voice, or ends one where the note is `SOUND_OFF`."""
    return f"{voice.name}_NOTEON_{note}" if note else f"{voice.name}_NOTEOFF"


def vocabulary() -> list[str]:
    """Return the 631 words, in the order of LakhNES: `<S>`, waits, and for each voice its end and its notes."""
    notes = [
        event_word(voice, note)
        for voice, (lowest, highest) in NOTES.items()
        for note in (SOUND_OFF, *range(lowest, highest + 1))
    ]
    return [BEGIN_OR_END, *(f"WT_{wait}" for wait in WAITS), *notes]
