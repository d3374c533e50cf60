"""Replays a take through the core: `advance` is called again as the log says, and every frame is compared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from livegen.engines.checkpoint import load_conductor
from livegen.engines.protocol import Engine
from livegen.errors import CheckpointError, TakeError
from livegen.instrument.instrument import Instrument
from livegen.patch import parse_patch
from livegen.performance.performance import advance, follow
from livegen.performance.state import Message, Refused, State
from livegen.score import Column, Voice
from livegen.score_table import PlannedFrame
from livegen.takes.log import beat_of
from livegen.takes.records import MAX_FRAMES, Gap, Head, Loaded, Played, Turned
from livegen.takes.take import Take

_OWNER_NAMES: Final = ("model", "player", "off")
_MAX_JUMP_FRAMES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a check.

    Attributes
    ----------
    n_frames : int
        Frames that were compared and are the same.
    difference : str
        The first difference in a sentence, or empty.
    n_missing : int
        Calls that the disk was too slow to record; nothing after them can be checked.
    """

    n_frames: int
    difference: str = ""
    n_missing: int = 0

    @property
    def is_same(self) -> bool:
        """Whether everything that was compared is the same."""
        return not self.difference


def warnings_of(head: Head, versions: Mapping[str, str], model_sha256: str) -> list[str]:
    """Return why a take may sound different here: another model, or other versions of code, libraries or processor."""
    said = other_model(head.model["name"], head.model["sha256"], model_sha256)
    for what, version in versions.items():
        was = head.versions.get(what, "unknown")
        if was != version:
            said.append(f"{what} was {was} and is {version}")
    return said


def other_model(name: str, was_sha256: str, sha256: str) -> list[str]:
    """Return why a take may sound different with a model of the same name: its files differ."""
    return [] if was_sha256 == sha256 else [f"the model {name} is not the one that played: its files differ"]


def instrument_of(head: Head, engine: Engine, sample_rate: int | None = None, **options: Any) -> Instrument:
    """Return the instrument that a take began with.

    Parameters
    ----------
    head : Head
    engine : Engine
    sample_rate : int, optional
        In Hz, if not that of the take.
    **options
        As `Instrument` takes them.
    """
    patches = {name: parse_patch(text, f"the take's patch {name}", name) for name, text in head.patches.items()}
    patch = patches[head.patch["name"]]
    rate = head.sample_rate if sample_rate is None else sample_rate
    return Instrument(
        engine,
        patch,
        rate,
        controls=head.values,
        seed=head.seed,
        patches=patches,
        conductor=load_conductor(engine),
        **options,
    )


def no_model(loaded: Loaded) -> Engine:
    """Refuse to load any further model: always raises CheckpointError."""
    raise CheckpointError(f"the take goes on with the model {loaded.name!r}, which is not here")


def check(
    take: Take,
    engine: Engine,
    *,
    load: Callable[[Loaded], Engine] = no_model,
    on_frame: Callable[[int], None] = lambda n_frames: None,
) -> Outcome:
    """Play a take again from its log alone, and compare every frame with what was played.

    Parameters
    ----------
    take : Take
    engine : Engine
        The model that the take began with.
    load : callable
        Returns a model that was loaded during the jam.
    on_frame : callable
        Called with the number of frames compared so far.

    Raises
    ------
    TakeError
        If the log is not that of a take, or has a call that no jam can have made.
    CheckpointError
        If a model that was loaded during the jam is not here.
    """
    state = instrument_of(take.head, engine).state
    n_frames = 0
    for record in take.records():
        if isinstance(record, Turned):
            state, messages = play(state, record)
            if messages != record.messages:
                return Outcome(n_frames, _control_difference(state.horizon, record.messages, messages))
        elif isinstance(record, Played):
            difference = _difference(record, state)
            if difference:
                return Outcome(n_frames, difference)
            n_frames = max(n_frames, record.planned.frame_index + 1)
            on_frame(n_frames)
        elif isinstance(record, Loaded):
            state = replace(state, models={**state.models, record.name: load(record)})
        elif isinstance(record, Gap):
            return Outcome(n_frames, n_missing=record.n_calls)
    return Outcome(n_frames)


def play(state: State, turned: Turned) -> tuple[State, tuple[Message, ...]]:
    """Return the state after a call of the log, and the messages that it gave.

    Raises
    ------
    TakeError
        If the call skips more frames than any jam does.
    """
    if not turned.calls:
        return follow(state, turned.events), ()
    first, *others = turned.calls
    for call in turned.calls:
        if call.to_frame > min(state.horizon + _MAX_JUMP_FRAMES, MAX_FRAMES):
            raise TakeError(f"the take leaps from frame {state.horizon} to {call.to_frame}, which no jam does")
    state, _, messages = advance(state, first.to_frame, turned.events, plan_to=first.plan_to)
    for call in others:
        state, _, _ = advance(state, call.to_frame, plan_to=call.plan_to)
    return state, tuple(messages)


def _difference(played: Played, state: State) -> str:
    """Return the first difference of a frame in a sentence, or an empty one."""
    expected, timeline = played.planned, state.timeline
    frame_index = expected.frame_index
    if not timeline.start <= frame_index < min(timeline.end, state.horizon):
        return f"frame {frame_index} was played, and does not stand yet when it is played again"
    step = timeline.at(frame_index)
    where = _differing(expected, step.planned)
    if where is not None:
        voice, column, before, after = where
        return f"frame {frame_index}, {voice.name}, {column}: expected {before}, found {after}"
    beat = beat_of(step)
    return "" if played.beat == beat else f"frame {frame_index}, beat: expected {played.beat}, found {beat}"


def _differing(expected: PlannedFrame, found: PlannedFrame) -> tuple[Voice, str, object, object] | None:
    for voice in Voice:
        for column in Column:
            before, after = int(expected.frame[voice, column]), int(found.frame[voice, column])
            if before != after:
                return voice, column.name.lower(), before, after
        if expected.owner[voice] != found.owner[voice]:
            was, now = (_OWNER_NAMES[int(planned.owner[voice])] for planned in (expected, found))
            return voice, "who plays", was, now
        if expected.onset_offset[voice] != found.onset_offset[voice]:
            return voice, "onset offset", float(expected.onset_offset[voice]), float(found.onset_offset[voice])
    return None


def _control_difference(frame_index: int, expected: tuple[Message, ...], found: tuple[Message, ...]) -> str:
    was, now = (", ".join(map(_told, messages)) or "none" for messages in (expected, found))
    return f"frame {frame_index}, controls that took effect: expected {was}, found {now}"


def _told(message: Message) -> str:
    return f"{message.name} refused" if isinstance(message, Refused) else f"{message.name}={message.value}"
