"""How long the keys of a MIDI channel are held: by their releases, by the sustain pedal, and by what ends all notes."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.formats.midi.smf import CONTROL_CHANGE, NOTE_OFF, NOTE_ON

_SUSTAIN: Final = 64
_ALL_SOUND_OFF: Final = 120
_RESET: Final = 121
_ALL_NOTES_OFF: Final = 123
_PEDAL_DOWN: Final = 64
"""MIDI's numbers of the controls that end notes, and the value from which on the sustain pedal is down."""


@dataclass(frozen=True, slots=True)
class Held:
    """The notes of a channel, in the order in which they are struck.

    Places are indices of the channel's messages; their number stands for the end of the song.

    Attributes
    ----------
    strike : ndarray of int64, shape (n,)
        Where each note is struck.
    up : ndarray of int64, shape (n,)
        Where its key comes up: by a release, because it is struck again, or because all notes end.
    release : ndarray of int64, shape (n,)
        The same, but where the pedal is down then, where it comes up or all notes end.
    again : ndarray of int64, shape (n,)
        Where the same key is struck again.
    """

    strike: NDArray[np.int64]
    up: NDArray[np.int64]
    release: NDArray[np.int64]
    again: NDArray[np.int64]


def held_notes(messages: NDArray[np.uint8], keys: NDArray[np.integer]) -> Held:
    """Return the notes of a channel.

    Parameters
    ----------
    messages : ndarray of uint8, shape (n, 3)
        In the order of time; a `NOTE_ON` has a velocity over 0.
    keys : ndarray of int, shape (n,)
        Which key a note's message is for: with what else must be the same for a release to end a note. The fewer bits
        its type has, the sooner it is sorted.
    """
    end = len(messages)
    kind, number = messages[:, 0] & 0xF0, messages[:, 1]
    is_on = kind == NOTE_ON
    notes = np.flatnonzero(is_on | (kind == NOTE_OFF))
    notes = notes[np.argsort(keys[notes], kind="stable")]
    strikes = notes[is_on[notes]]
    up, again = np.full(end, end), np.full(end, end)
    up[notes] = _next_of_key(notes, keys, end)
    again[strikes] = _next_of_key(strikes, keys, end)

    is_control = kind == CONTROL_CHANGE
    is_end = is_control & ((number == _ALL_SOUND_OFF) | (number == _ALL_NOTES_OFF))
    is_pedal = is_control & ((number == _SUSTAIN) | (number == _RESET))
    is_down = is_pedal & (number == _SUSTAIN) & (messages[:, 2] >= _PEDAL_DOWN)
    strike = np.flatnonzero(is_on)
    up = np.minimum(up[strike], _first_from(np.flatnonzero(is_end), strike, end))
    pedals = np.flatnonzero(is_pedal)
    is_held = np.append(False, is_down[pedals])[np.searchsorted(pedals, up)]
    lets_go = np.flatnonzero(is_end | (is_pedal & ~is_down))
    release = np.where(is_held, _first_from(lets_go, up, end), up)
    return Held(strike, up, release, again[strike])


def _next_of_key(places: NDArray[np.int64], keys: NDArray[np.integer], end: int) -> NDArray[np.int64]:
    """Return for each of some places, sorted by key, the next one of its key, or the end."""
    following = np.append(places[1:], end)
    following[:-1][keys[places[1:]] != keys[places[:-1]]] = end
    return following[: len(places)]


def _first_from(places: NDArray[np.int64], begin: NDArray[np.int64], end: int) -> NDArray[np.int64]:
    """Return for each beginning the first of some places that is not before it, or the end."""
    return np.append(places, end)[np.searchsorted(places, begin)]
