"""The state of a performance at one moment, and the messages that it gives: values."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from livegen.controls import Value, Values
from livegen.engines.cast import Cast
from livegen.engines.ensemble import Ensemble, assemble
from livegen.engines.protocol import Conducts, Engine
from livegen.performance.cues.count_in import CountIn
from livegen.performance.cues.cue import Cues
from livegen.performance.ears import Ears
from livegen.performance.harmony.walk import Walk
from livegen.performance.keyboard import HeldKey, Keyboard
from livegen.performance.modes import Playing
from livegen.performance.tempo import Tempo
from livegen.performance.time_machine import TimeMachine
from livegen.performance.timeline import Timeline
from livegen.score import DRUM_NOTES, N_VOICES


@dataclass(frozen=True, slots=True)
class ControlInForce:
    """A control took effect: a session sends this message to whoever watches its controls.

    Attributes
    ----------
    name : str
    value : Value
    source : str
        Who set it.
    is_consequence : bool
        Whether an undo or a recall has set it. The sound does not know of it yet.
    """

    name: str
    value: Value
    source: str
    is_consequence: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A request could not be carried out; `reason` is one sentence for the performer."""

    name: str
    reason: str
    source: str


Message = ControlInForce | Refused


@dataclass(frozen=True, slots=True)
class Tapped:
    """By voice, the key that went down in the frame of the last event, even if it has come up again."""

    frame_index: int = -2
    keys: tuple[HeldKey | None, ...] = (None,) * N_VOICES


@dataclass(frozen=True, slots=True)
class Notation:
    """How the score writes what the performer plays: the part of a patch that the music depends on.

    Attributes
    ----------
    timbres : tuple of int
        Timbre of the player's notes, by voice.
    drum_notes : mapping of int to int
        Noise note of the player's drums, by MIDI key.
    """

    timbres: tuple[int, ...] = (0,) * N_VOICES
    drum_notes: Mapping[int, int] = field(default_factory=lambda: DRUM_NOTES)


@dataclass(frozen=True, slots=True)
class State:
    """All that a performance is, at one moment.

    Attributes
    ----------
    engine : Engine
        The model in force, or several that play together. It plays; or it listens to the song first, and takes over
        when it has heard it.
    timeline : Timeline
        What was played and what is planned.
    horizon : int
        The first frame that may still change; all frames before it stand.
    values : Values
        The controls in force.
    keyboard : Keyboard
    tapped : Tapped
    tempo : Tempo
    notation : Notation
        Of the patch that plays.
    notations : mapping of str to Notation
        Of the patches that may take over, by name.
    seed : int
        Of all draws.
    is_running : bool
        False between stop, or panic, and start: the model is silent and hears nothing.
    playing : Playing
        When the player has played: the modes depend on it.
    machine : TimeMachine
        What can be gone back to.
    models : mapping of str to Engine
        Models that may take over, by name.
    ears : Ears or None
        How far the model in force has heard the song; None if it plays.
    cast : Cast
        Which model in force plays which voice, by their names in `models`.
    cues : Cues
        What the band was told to do.
    count_in : CountIn or None
        The beats that are counted before the model plays.
    walk : Walk
        The chords of the lattice that follow the one in force.
    conductor : Conducts or None
        Who tells the chord where a model's is asked for.
    song : str
        The name of the song that was begun last; empty without a set-list.
    song_from : int
        The frame that it began with.
    """

    engine: Engine
    timeline: Timeline
    values: Values
    seed: int
    notation: Notation = field(default_factory=Notation)
    horizon: int = 0
    keyboard: Keyboard = field(default_factory=Keyboard)
    tapped: Tapped = field(default_factory=Tapped)
    tempo: Tempo = field(default_factory=Tempo)
    is_running: bool = True
    playing: Playing = field(default_factory=Playing)
    machine: TimeMachine = field(default_factory=TimeMachine)
    notations: Mapping[str, Notation] = field(default_factory=dict)
    models: Mapping[str, Engine] = field(default_factory=dict)
    ears: Ears | None = None
    cast: Cast = field(default_factory=lambda: Cast(""))
    cues: Cues = field(default_factory=Cues)
    count_in: CountIn | None = None
    walk: Walk = field(default_factory=Walk)
    conductor: Conducts | None = None
    song: str = ""
    song_from: int = 0

    def runs_at(self, frame_index: int) -> bool:
        """Tell whether the model plays in a frame, as far as it is known: from a count-in on, and up to an ending."""
        if self.count_in is not None:
            return frame_index >= self.count_in.until.frame_index
        ending = self.cues.ending
        return self.is_running and (ending is None or frame_index < ending.until.frame_index)

    def band_enters_at(self, frame_index: int) -> bool:
        """Tell whether the band comes in together in a frame: after a count-in, or by a cue."""
        is_first = self.count_in is not None and frame_index == self.count_in.until.frame_index
        return is_first or self.cues.band_enters_at(frame_index)

    @property
    def bar_frames(self) -> float:
        """The length of a bar, in frames."""
        return int(self.values["beats_a_bar"]) * self.tempo.period_frames

    def with_cast(self, cast: Cast) -> "State":
        """Return the state with other models in force; all that the cast names must be there."""
        return self if cast == self.cast else replace(self, cast=cast, engine=assemble(cast, self.models))

    def with_engine(self, engine: Engine) -> "State":
        """Return the state with an engine in force that has played already."""
        if isinstance(engine, Ensemble):
            return replace(self, engine=engine, cast=engine.cast)
        names = (name for name, model in self.models.items() if model is engine)
        return replace(self, engine=engine, cast=Cast(next(names, engine.name)))


def switched(state: State, name: str, value: Value) -> State:
    """Return the state after an action that starts or stops the model or changes the patch; else `state` itself.

    Parameters
    ----------
    state : State
    name : str
    value : Value
        True for a trigger.
    """
    if name in ("start", "stop", "panic"):  # what the band was told before is void
        return replace(state, is_running=name == "start", cues=state.cues.cleared(), count_in=None)
    if name == "patch" and value in state.notations:
        return replace(state, notation=state.notations[str(value)])
    return state
