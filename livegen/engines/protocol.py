"""What a predictor is: one frame in, a distribution over the next frame and a new state out.

A predictor never changes what it is given, and its states are values: the session keeps hundreds of them, goes
back to any, and plans on from there. A new kind of model is a new module behind these protocols.
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat
from livegen.score import N_VOICES, NOTE_RANGE, Voice

State = Any
"""What a predictor remembers: an opaque frozen value of a few kilobytes."""

ANY_PITCH_CLASS: Final = 0xFFF
"""The scale of all twelve pitch classes."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a predictor is told besides the frame that it hears.

    Attributes
    ----------
    beat : Beat or None
        The beat, with its phase in that frame; None where nobody knows it.
    memory : float
        0..1: how much of the time the model is shown what the song did before; at 0 it never takes up a motif on
        purpose.
    plan : int
        The lag in frames: the next frame is to go on as the song did so long ago. 0 where there is no plan.
    """

    beat: Beat | None = None
    memory: float = 1.0
    plan: int = 0


UNCONDITIONED: Final = Conditions()


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a draw is shaped.

    Attributes
    ----------
    temperature : float
        0..2: below 1 the likelier notes win more often; at 0 a voice that changes takes the likeliest. It shapes what
        a voice changes to, not when it changes.
    top_p : float
        0..1: notes are drawn from the fewest whose probabilities add up to this; likewise.
    voice_temperature : tuple of float
        What each voice's temperature is multiplied by.
    density : tuple of float
        Each voice's bias between holding and changing, in nats of log-odds: above 0 it changes more often.
    grid : float
        How strictly attacks keep to the quarters of the beat where it is known, in nats of log-odds: 0 leaves that to
        the network.
    silence : tuple of float
        What is added to the log-odds of each voice's silence: above 0 it falls silent sooner and enters later.
    copy : tuple of float
        What is added to the log-odds of what each voice did after its longest match in the song, where the model is
        shown its memory.
    lowest, highest : tuple of int
        The register of each voice: the notes that it may change to, both ends with it.
    scale : int
        The pitch classes that P1, P2 and TR may change to, bit 0 for C: `ANY_PITCH_CLASS` for all.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    voice_temperature: tuple[float, ...] = (1.0,) * N_VOICES
    density: tuple[float, ...] = (0.0,) * N_VOICES
    grid: float = 0.0
    silence: tuple[float, ...] = (0.0,) * N_VOICES
    copy: tuple[float, ...] = (0.0,) * N_VOICES
    lowest: tuple[int, ...] = tuple(lowest for lowest, _ in NOTE_RANGE.values())
    highest: tuple[int, ...] = tuple(highest for _, highest in NOTE_RANGE.values())
    scale: int = ANY_PITCH_CLASS


class Distribution(Protocol):
    """What a predictor expects of the next frame."""

    def sample(
        self,
        forced: NDArray[np.uint8],
        is_forced: NDArray[np.bool_],
        sampling: Sampling,
        *,
        seed: int,
        frame_index: int,
    ) -> NDArray[np.uint8]:
        """Draw a frame.

        The same arguments give the same frame: draws are named by (seed, frame index, voice, column).

        Parameters
        ----------
        forced : ndarray of uint8, shape (4, 3)
            The voices that are settled, kept as they are; the others' rows are ignored.
        is_forced : ndarray of bool, shape (4,)
            Which voices are settled. The rest are drawn in the order P1, P2, TR, NO, each given all before it.

        Returns
        -------
        ndarray of uint8, shape (4, 3)
            A new array, each drawn value within the ranges of `livegen.score`.
        """
        ...

    def note_log_probs(
        self, voice: Voice, frame: NDArray[np.uint8], is_known: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return the log-probabilities of a voice's note, before any shaping.

        Parameters
        ----------
        frame : ndarray of uint8, shape (4, 3)
            The known voices of the frame; the others' rows are ignored, and so is that of `voice`.
        is_known : ndarray of bool, shape (4,)

        Returns
        -------
        ndarray of float32, shape (109,)
            By note value; minus infinity where the voice has no such note.
        """
        ...

    def match_lengths(self, frame: NDArray[np.uint8]) -> tuple[int, ...]:
        """Return, by voice, how many onsets long the match in the song is that a frame goes on as; 0 for none.

        Parameters
        ----------
        frame : ndarray of uint8, shape (4, 3)
            The frame as it is planned or was played.

        Notes
        -----
        For showing it: a predictor without a motif memory returns zeros.
        """
        ...


class Predictor(Protocol):
    """A model, ready to play."""

    @property
    def name(self) -> str:
        """The name of the model's folder."""
        ...

    def initial_state(self) -> State:
        """Return the state before a song; ``step(SILENCE, initial_state())`` predicts its first frame."""
        ...

    def step(
        self, frame: NDArray[np.uint8], state: State, conditions: Conditions = UNCONDITIONED
    ) -> tuple[Distribution, State]:
        """Hear one frame, ``uint8 (4, 3)``, and return what may follow it, and the state after it."""
        ...

    def warm_up(self) -> None:
        """Compile everything that playing will call."""
        ...
