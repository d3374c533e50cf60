"""Commands on their way to the audio callback: a ring for each source, and one for what has a sample of its own."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from livegen.outputs.callback import N_RINGS, RING_SIZE, TIMED_RING, publish_commands, stage_command
from livegen.performance.expression import Expression
from livegen.performance.keyboard import HeldKey
from livegen.score import Voice
from livegen.synth.commands import COMMAND, EXPRESS, USE_BANK


class CommandWriter:
    """Writes commands, which the callback sees with `publish`, all of a ring at once; one thread at a time.

    Parameters
    ----------
    callback : ndarray of CALLBACK, shape (1,)

    Attributes
    ----------
    rings : dict of str to int
        Ring of each source.
    sample : int or None
        At which what is staged now is to sound; None for the next block.
    """

    def __init__(self, callback: NDArray[np.void]) -> None:
        self._callback = callback
        self._command: NDArray[np.void] = np.zeros(1, COMMAND)  # scratch
        self._order = 0
        self._staged: set[int] = set()  # rings
        self.rings: dict[str, int] = {"session": 0}
        self.sample: int | None = None

    def strike(self, source: str, kind: int, voice: Voice, key: HeldKey | None, chord: Sequence[int]) -> bool:
        """Tell what a voice does, with the key and the chord that it sounds if any; False if the ring is full."""
        command = self._begin(kind, voice)
        if key is not None:
            command["note"], command["key"], command["volume"] = key.note, key.played_key, key.volume
            command["n_notes"] = len(chord)
            command["notes"][: len(chord)] = chord
        return self._stage(source, command)

    def express(self, source: str, voice: Voice, expression: Expression) -> bool:
        """Tell how the keys of a voice are bent and pressed; False if the ring is full."""
        command = self._begin(EXPRESS, voice)
        command["bend"] = expression.bend
        command["modulation"] = expression.modulation
        command["pressure"] = expression.pressure
        return self._stage(source, command)

    def use_bank(self, bank: int) -> bool:
        """Tell which bank of sounds is in force; False if the ring is full."""
        command = self._begin(USE_BANK, Voice.P1)
        command["note"] = bank
        return self._stage("session", command)

    def _begin(self, kind: int, voice: Voice) -> np.void:
        """Return a command to be filled in, and staged before the next one is begun."""
        self._order += 1
        self._command[:] = 0
        command: np.void = self._command[0]
        command["kind"], command["voice"], command["order"] = kind, int(voice), self._order
        command["sample"] = self.sample or 0
        return command

    def _stage(self, source: str, command: np.void) -> bool:
        """Put a command into the ring of its source; False if that is full."""
        ring = self._ring_of(source)
        self._staged.add(ring)
        return bool(stage_command(self._callback[0], ring, command))

    def publish(self) -> None:
        """Let the callback see all that was staged."""
        while self._staged:
            publish_commands(self._callback[0], self._staged.pop())

    def is_half_full(self, source: str) -> bool:
        """Tell whether half of the ring of a source is taken."""
        ring = self._callback["rings"][0, self._ring_of(source)]
        return bool(ring["written"][0] + ring["n_staged"] - ring["read"][0] >= RING_SIZE // 2)

    def _ring_of(self, source: str) -> int:
        if self.sample is not None:
            return TIMED_RING
        return self.rings.setdefault(source, min(len(self.rings), N_RINGS - 1))
