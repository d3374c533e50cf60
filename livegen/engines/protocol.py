"""What an engine is: it hears one frame, and returns a distribution over the next frame and a new state.

An engine never changes what it is given, and its states are values: the session keeps hundreds of them, goes back to
any, and plans on from there. A new kind of model is a new package that implements these protocols.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat
from livegen.controls import Value
from livegen.engines.tonality import Key
from livegen.score import N_VOICES, NOTE_RANGE, Voice

State = Any
"""What an engine remembers: an opaque frozen value of a few kilobytes."""

ANY_PITCH_CLASS: Final = 0xFFF
"""The scale of all twelve pitch classes."""


@dataclass(frozen=True, slots=True)
class Performer:
    """What somebody plays beside the model.

    Attributes
    ----------
    voices : tuple of bool
        Which voices are the performer's in the next frame.
    keys : tuple of int
        The notes of all keys that are then held on pitched voices, as far as anybody knows, sounding or not.
    """

    voices: tuple[bool, ...] = (False,) * N_VOICES
    keys: tuple[int, ...] = ()


NOBODY: Final = Performer()
"""The model plays by itself."""

NO_KNOBS: Final[Mapping[str, Value]] = MappingProxyType({})
"""All of an engine's own controls at their defaults."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What an engine is told besides the frame that it hears.

    Attributes
    ----------
    beat : Beat or None
        The beat, with its phase in that frame; None where nobody knows it.
    memory : float
        0..1: share of the time in which the model is shown what the song did before; at 0 it never repeats a motif on
        purpose.
    plan : int
        A lag in frames: the next frame is to be as the song was that many frames before it. 0 if there is no plan.
    performer : Performer
        Who is listened to.
    bar : Beat or None
        The bar as if it were a slow beat, with its phase in that frame; None where nobody knows it.
    knobs : mapping of str to value
        The engine's own controls, named as `own_knobs` names them; those that are left out are at their defaults.
    is_led : bool
        Whether a conductor's chord is asked for.
    """

    beat: Beat | None = None
    memory: float = 1.0
    plan: int = 0
    performer: Performer = NOBODY
    bar: Beat | None = None
    knobs: Mapping[str, Value] = field(default_factory=lambda: NO_KNOBS)
    is_led: bool = False


UNCONDITIONED: Final = Conditions()


N_USUAL: Final = 4
"""A voice that plays no more notes than these is in a rut."""

NO_USUAL: Final = ((0,) * N_USUAL,) * N_VOICES
NO_LEAVE: Final = ((0.0,) * (N_USUAL - 1),) * N_VOICES
"""What a `Sampling` has where no voice is in a rut."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a draw is shaped.

    Attributes
    ----------
    temperature : float
        0..2: below 1 the likelier notes win more often; at 0 a voice that changes takes the likeliest. It shapes what
        a voice changes to, not when it changes.
    top_p : float
        0..1: a new note is drawn from the fewest likeliest notes whose probabilities add up to this. It does not shape
        when a voice changes either.
    voice_temperature : tuple of float
        Factor on the temperature, by voice.
    density : tuple of float
        Each voice's bias between holding and changing, in nats of log-odds: above 0 it changes more often.
    grid : float
        How strictly attacks keep to the quarters of the beat where it is known, in nats of log-odds: 0 leaves that to
        the network.
    silence : tuple of float
        By voice, what is added to the log-odds of silence: above 0 the voice falls silent sooner and enters later.
    copy : tuple of float
        By voice, what is added to the log-odds of going on as the voice did after its longest match in the song. It has
        no effect while the model is not shown its memory.
    follow : tuple of float
        By voice, what is added to the log-odds of going on as the voice did before, at the lag of a plan. It has no
        effect without a plan.
    usual : tuple of tuple of int
        By voice, its `N_USUAL` commonest notes of late, the commonest first; 0 where there are fewer.
    leave : tuple of tuple of float
        By voice, the least probability that a note to which it changes is none of its first two, three and four usual
        ones.
    lowest, highest : tuple of int
        The register of each voice: the lowest and the highest note that it may change to.
    scale : int
        The pitch classes that P1, P2 and TR may change to, bit 0 for C: `ANY_PITCH_CLASS` for all.
    harmony : float
        What is multiplied with all that the network makes of the performer's notes for the harmony of the others: 1 is
        as it has learnt, 0 is deaf to it.
    chord : int
        The pitch classes of the scale to which a voice may change in this frame. Where the two have none in common, it
        has no effect.
    leave_note : tuple of float
        By voice, what is added to the log-odds of a change in this frame, as the note that it holds does not fit. It
        has no effect on a model that settles a loop at a time.
    between : tuple of float
        How much less often attacks fall between the halves of the beat, and how much less between its quarters, in nats
        of log-odds. It has no effect at a grid of 0, nor on a model that makes a loop at a time.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    voice_temperature: tuple[float, ...] = (1.0,) * N_VOICES
    density: tuple[float, ...] = (0.0,) * N_VOICES
    grid: float = 0.0
    silence: tuple[float, ...] = (0.0,) * N_VOICES
    copy: tuple[float, ...] = (0.0,) * N_VOICES
    follow: tuple[float, ...] = (0.0,) * N_VOICES
    usual: tuple[tuple[int, ...], ...] = NO_USUAL
    leave: tuple[tuple[float, ...], ...] = NO_LEAVE
    lowest: tuple[int, ...] = tuple(lowest for lowest, _ in NOTE_RANGE.values())
    highest: tuple[int, ...] = tuple(highest for _, highest in NOTE_RANGE.values())
    scale: int = ANY_PITCH_CLASS
    harmony: float = 1.0
    chord: int = ANY_PITCH_CLASS
    leave_note: tuple[float, ...] = (0.0,) * N_VOICES
    between: tuple[float, float] = (0.0, 0.0)

    @property
    def pitch_classes(self) -> int:
        """The pitch classes that P1, P2 and TR may change to in this frame, bit 0 for C."""
        return self.scale & self.chord or self.scale


NONE_LATER: Final[NDArray[np.bool_]] = np.zeros(N_VOICES, np.bool_)
NONE_LATER.flags.writeable = False


class Distribution(Protocol):
    """What an engine expects of the next frame."""

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
        """Draw a frame.

        The same arguments give the same frame: draws are named by (seed, frame index, voice, column).

        Parameters
        ----------
        forced : ndarray of uint8, shape (4, 3)
            The rows of the settled voices are kept as they are; the other rows are ignored.
        is_forced : ndarray of bool, shape (4,)
            Which voices are settled. The rest are drawn in the order P1, P2, TR, NO, each given all before it.
        is_later : ndarray of bool, shape (4,)
            Which of the rest are not drawn here but by another engine after this one: nobody knows them yet.

        Returns
        -------
        ndarray of uint8, shape (4, 3)
            A new array, each drawn value within the ranges of `livegen.score`. Rows of voices that are drawn later have
            no meaning.
        """
        ...

    def note_log_probs(
        self, voice: Voice, frame: NDArray[np.uint8], is_known: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return the log-probabilities of a voice's note, before any shaping.

        Parameters
        ----------
        frame : ndarray of uint8, shape (4, 3)
            The known voices of the frame; the other rows are ignored, and so is that of `voice`.
        is_known : ndarray of bool, shape (4,)

        Returns
        -------
        ndarray of float32, shape (109,)
            By note value; minus infinity where the voice has no such note.
        """
        ...

    def match_lengths(self, frame: NDArray[np.uint8]) -> tuple[int, ...]:
        """Return, by voice, the length in onsets of the match in the song that a frame continues; 0 for none.

        Parameters
        ----------
        frame : ndarray of uint8, shape (4, 3)
            The frame as it is planned or was played.

        Notes
        -----
        The page shows it. An engine without a motif memory returns zeros.
        """
        ...


@dataclass(frozen=True, slots=True)
class Info:
    """What an engine says of itself.

    Attributes
    ----------
    kind : str
        The kind of model, as `config.toml` names it.
    voices : tuple of Voice
        The voices that it plays; it leaves the others silent.
    grain_frames : int
        How many frames it settles at a time: 1 for a model that draws frame by frame, more for a window or a loop.
    """

    kind: str
    voices: tuple[Voice, ...] = tuple(Voice)
    grain_frames: int = 1


class Engine(Protocol):
    """A model, ready to play."""

    @property
    def name(self) -> str:
        """The name of the model's folder."""
        ...

    @property
    def info(self) -> Info:
        """What it is."""
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


@runtime_checkable
class Scores(Protocol):
    """A distribution that tells how likely a frame is as a whole, where that is more than its notes one by one."""

    def log_prob(self, frame: NDArray[np.uint8]) -> float:
        """Return the log-probability of what the voices do in a frame, ``uint8 (4, 3)``, before any shaping."""
        ...


@runtime_checkable
class MakesAhead(Protocol):
    """An engine of which something is costly: what it will need next is made before it is due, on another thread.

    What is made is a pure function of what it is made from, so whether it was made ahead changes when it is there, and
    never what is played.
    """

    def prepare(self, state: State, conditions: Conditions, seed: int, sampling: Sampling) -> None:
        """Make what will be drawn from after the present window or loop, if all goes on as it is."""
        ...


@runtime_checkable
class Conducts(Protocol):
    """What tells a chord for each frame, whatever engine draws its notes. What it remembers is a value, as a state."""

    def first_ear(self) -> State:
        """Return what it remembers before a song."""
        ...

    def hear(self, frame: NDArray[np.uint8], ear: State, told: Conditions) -> State:
        """Return what it remembers after one more frame, ``uint8 (4, 3)``; see `Engine.step`."""
        ...

    def chord(self, ear: State) -> Key | None:
        """Return the triad of the next frame; None where there is none, or it was not asked for."""
        ...

    def warm_up(self) -> None:
        """Compile everything that playing will call."""
        ...


@runtime_checkable
class HasLatents(Protocol):
    """An engine that plays from a place among latents, the first of which have names and are live controls."""

    @property
    def latents(self) -> tuple[str, ...]:
        """The names of the first latents, in the order of their controls, ``z1`` and so on."""
        ...


def number_of(knobs: Mapping[str, Value], name: str, default: float, lowest: float, highest: float) -> float:
    """Return an engine's own control as a number within a range, whatever it holds.

    It is the default where the control is left out or is a word, and the lowest where it is NaN.
    """
    value = knobs.get(name, default)
    return min(max(lowest, float(value)), highest) if isinstance(value, int | float) else default


def own_knobs(kind: str, knobs: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return the controls of one kind of engine as it names them itself.

    Parameters
    ----------
    kind : str
    knobs : mapping of str to value
        Controls of all kinds by their full names: ``gan.morph``, and ``no.gan.lock`` for one that every voice has.

    Returns
    -------
    mapping of str to value
        ``morph`` and ``no.lock``, for the kind "gan".
    """
    return {own: knobs[name] for own, name in _own_names(kind, tuple(knobs)).items()}


@lru_cache(maxsize=64)
def _own_names(kind: str, names: tuple[str, ...]) -> Mapping[str, str]:
    """Return the full names of one kind of engine's controls by those that it uses itself."""
    prefix = f"{kind}."
    own = {}
    for name in names:
        before, found, after = name.rpartition(prefix)
        if found and (not before or before.endswith(".")):
            own[before + after] = name
    return own
