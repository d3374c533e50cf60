"""The Tonnetz as a conductor: it hears what all play, and tells the chord of each slice, whatever model draws notes."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.protocol import Conditions
from livegen.engines.tonality import Key
from livegen.engines.tonnetz.config import N_RECENT
from livegen.engines.tonnetz.listener import Hearing
from livegen.engines.tonnetz.network import Foretold, Network
from livegen.engines.triads import fitting_triad

_FEWEST: Final = 3
"""Pitch classes that have to be heard before it tells a chord."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What a Tonnetz remembers.

    Attributes
    ----------
    hearing : Hearing
    foretold : Foretold or None
        What it expects of the slice in which the next frame is; None where it was not asked.
    """

    hearing: Hearing = field(default_factory=Hearing)
    foretold: Foretold | None = None

    def after(self, frame: NDArray[np.uint8], told: Conditions, network: Network, *, is_asked: bool) -> "Heard":
        """Return what it remembers after one more frame, ``uint8 (4, 3)``.

        Where it was not asked before, and is now, it makes up for the last slices that it has heard.
        """
        hearing = self.hearing.after(frame, told.beat, network.config.beats_a_slice)
        if not is_asked:
            return Heard(hearing)
        foretold = self.foretold
        if hearing.recent and (foretold is None or hearing.is_new):
            missed = hearing.recent[-N_RECENT:] if foretold is None else ()
            for end in range(1, len(missed)):
                foretold = network.hear(missed[:end], foretold)
            foretold = network.hear(hearing.recent, foretold)
        return Heard(hearing, foretold)


@dataclass(frozen=True, eq=False)
class Conductor:
    """A Tonnetz that tells chords; see `livegen.engines.protocol.Conducts`. Safe to call from several threads."""

    network: Network

    def first_ear(self) -> Heard:
        """Return what it remembers before a song."""
        return Heard()

    def hear(self, frame: NDArray[np.uint8], ear: Heard, told: Conditions) -> Heard:
        """Return what it remembers after one more frame."""
        return ear.after(frame, told, self.network, is_asked=told.is_led)

    def chord(self, ear: Heard) -> Key | None:
        """Return the triad that fits what it expects best; None where it was not asked, or has not heard enough."""
        if ear.foretold is None or _n_pitch_classes(ear.hearing.recent[-N_RECENT:]) < _FEWEST:
            return None
        return fitting_triad(ear.foretold.pitch_classes)

    def warm_up(self) -> None:
        """Compile everything that playing will call."""
        self.network.hear((0, 1), self.network.hear((0,), None))


def _n_pitch_classes(slices: tuple[int, ...]) -> int:
    together = 0
    for sounded in slices:
        while sounded:
            together |= sounded & 0xFFF
            sounded >>= 12
    return together.bit_count()
