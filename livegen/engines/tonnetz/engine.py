"""The Tonnetz as an engine: it plays a chord a slice, voiced over the pulses and the triangle.

In the first frame of a slice each voice goes to a note that the network expects, near the one that it has played, and
in the chord that fits best; then it stays until the next slice begins.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from livegen.engines.protocol import NONE_LATER, UNCONDITIONED, Conditions, Info, Sampling
from livegen.engines.sampling import draw, seed_bits, uniform
from livegen.engines.tonnetz.conductor import Conductor, Heard
from livegen.engines.tonnetz.config import TonnetzConfig
from livegen.engines.tonnetz.lattice import LOWEST_NOTE, N_PITCHES
from livegen.engines.tonnetz.network import Network
from livegen.engines.triads import triad_pitch_classes
from livegen.score import N_VOICES, NOTE_RANGE, PITCHED, SILENCE, TIMBRE_MAX, VOLUME_MAX, Column, Voice

_IN_CHORD_NATS: Final = 3.0
_AGAIN_NATS: Final = -3.0
_BESIDE_NATS: Final = -6.0
"""Added to the log-odds of a note that is in the chord; of one that another of its voices plays, in any octave; and of
one a semitone from a note that is played."""

_LEAP_NATS: Final = 0.25
"""Taken from those for each semitone that a voice goes."""

_REGISTER: Final = {Voice.P1: (60, 84), Voice.P2: (55, 76), Voice.TR: (36, 57)}
"""Where voices play, of what the controls let them."""

_VOLUME, _TIMBRE = 9, 2

_NOTE: Final = Column.NOTE


@dataclass(frozen=True, slots=True, eq=False)
class TonnetzDistribution:
    """The next frame as the Tonnetz expects it."""

    conductor: Conductor
    heard: Heard
    last: NDArray[np.uint8]  # (4, 3)
    keys: tuple[int, ...]  # that a performer holds

    def sample(
        self,
        forced: NDArray[np.uint8],
        is_forced: NDArray[np.bool_],
        sampling: Sampling,
        *,
        seed: int,
        frame_index: int,
        is_later: NDArray[np.bool_] = NONE_LATER,
    ) -> NDArray[np.uint8]:
        """Draw a frame; see `livegen.engines.protocol.Distribution`."""
        frame = np.where(is_forced[:, None], forced, SILENCE)
        sounding = [int(frame[voice, _NOTE]) for voice in PITCHED if is_forced[voice]]
        for voice in PITCHED:
            if is_forced[voice] or is_later[voice]:
                continue
            frame[voice] = self.last[voice]
            numbers = [uniform(seed_bits(seed), frame_index, int(voice), int(column)) for column in Column]
            if self._changes(voice, sampling, numbers[1]):
                is_silent = numbers[2] < 1.0 - math.exp(-max(sampling.silence[voice], 0.0))
                note = 0 if is_silent else self._drawn(voice, sounding, sampling, numbers[0])
                volume = min(_VOLUME, VOLUME_MAX[voice])
                frame[voice] = (note, volume, min(_TIMBRE, TIMBRE_MAX[voice])) if note else 0
            sounding.append(int(frame[voice, _NOTE]))
        return frame

    def _changes(self, voice: Voice, sampling: Sampling, number: float) -> bool:
        """Tell whether a voice goes to a note in this frame: where a slice begins, or its note does not fit."""
        if sampling.leave_note[voice] > 0.0:
            return True
        stays = self.last[voice, _NOTE] > 0 and number < 1.0 - math.exp(min(sampling.density[voice], 0.0))
        return self.heard.hearing.is_new and not stays

    def _drawn(self, voice: Voice, sounding: list[int], sampling: Sampling, number: float) -> int:
        """Return the note to which a voice goes, 0 where nothing was heard yet or none is allowed."""
        foretold, before = self.heard.foretold, int(self.last[voice, _NOTE])
        if foretold is None:
            return before
        lowest, highest = max(NOTE_RANGE[voice][0], sampling.lowest[voice]), sampling.highest[voice]
        low, high = (min(max(bound, lowest), highest) for bound in _REGISTER[voice])
        notes = np.arange(low, min(high, LOWEST_NOTE + N_PITCHES - 1) + 1)
        notes = notes[(sampling.pitch_classes >> notes % 12 & 1).astype(bool)]
        if len(notes) == 0:
            return 0
        scores = foretold.logits[notes - LOWEST_NOTE].copy()
        chord = self.conductor.chord(self.heard)
        if chord is not None:
            scores[(triad_pitch_classes(chord) >> notes % 12 & 1).astype(bool)] += _IN_CHORD_NATS
        for other in (*filter(None, sounding), *self.keys):
            apart = (notes - other) % 12
            scores[apart == 0] += _AGAIN_NATS
            scores[(apart == 1) | (apart == 11)] += _BESIDE_NATS
        if before:
            scores -= _LEAP_NATS * np.abs(notes - before)
        temperature = sampling.temperature * sampling.voice_temperature[voice]
        chosen = draw(scores.astype(np.float32), temperature, sampling.top_p, number, np.empty(len(notes)))
        return int(notes[chosen])

    def note_log_probs(
        self, voice: Voice, frame: NDArray[np.uint8], is_known: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return a voice's log-probabilities by note: where no slice begins, it is sure to go on."""
        lowest, highest = NOTE_RANGE[voice]
        found = np.full(NOTE_RANGE[Voice.P1][1] + 1, -np.inf, np.float32)
        foretold = self.heard.foretold
        if voice not in PITCHED or foretold is None or not self.heard.hearing.is_new:
            found[int(self.last[voice, _NOTE]) if voice in PITCHED else 0] = 0.0
            return found
        notes = np.arange(lowest, min(highest, LOWEST_NOTE + N_PITCHES - 1) + 1)
        logits = foretold.logits[notes - LOWEST_NOTE].astype(np.float64)
        found[notes] = logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())
        return found

    def match_lengths(self, frame: NDArray[np.uint8]) -> tuple[int, ...]:
        """Return zeros: it has no motif memory."""
        return (0,) * N_VOICES


@dataclass(frozen=True, eq=False)
class TonnetzEngine(Conductor):
    """The Tonnetz, ready to play; see `livegen.engines.protocol.Engine`. Safe to call from several threads."""

    name: str

    @classmethod
    def from_arrays(cls, name: str, config: TonnetzConfig, arrays: Mapping[str, NDArray]) -> Self:
        """Build it from arrays that are named and shaped as ``config.shapes()`` says."""
        return cls(Network.from_arrays(config, arrays), name)

    @property
    def info(self) -> Info:
        """What it is: a chord is settled for a slice."""
        return Info("tonnetz", self.network.config.voices, self.network.config.slice_steps)

    def initial_state(self) -> Heard:
        """Return the state before a song."""
        return self.first_ear()

    def step(
        self, frame: NDArray[np.uint8], state: Heard, conditions: Conditions = UNCONDITIONED
    ) -> tuple[TonnetzDistribution, Heard]:
        """Hear one frame, ``uint8 (4, 3)``, and return what may follow it, and the state after it."""
        after = state.after(frame, conditions, self.network, is_asked=True)
        return TonnetzDistribution(self, after, frame.copy(), conditions.performer.keys), after

    def warm_up(self) -> None:
        """Compile everything that playing will call."""
        super().warm_up()
        draw(np.zeros(2, np.float32), 1.0, 1.0, 0.5, np.empty(2))
        uniform(seed_bits(0), 0, 0, 0)
