"""A model that takes over hears the song first, one piece in each frame. Meanwhile the model before it plays on.

So the model in force and the model that plays may differ: a context always goes on with the engine that made it.
A place that was stored or rewound to may belong to a model that is no longer in force. No special case is needed: that
model plays on from there until the model in force has heard what led to the place.
"""

from dataclasses import dataclass, replace
from typing import Final

from livegen.engines.protocol import Engine
from livegen.performance.form import HEARD_FRAMES
from livegen.performance.timeline import Context, Place, Step, Timeline, first_context
from livegen.score import Column

SONG_FRAMES: Final = HEARD_FRAMES
"""Frames of the song that a model hears before it takes over: 20 seconds, as many as the form looks at. A long
rest before the song's first note it does not hear: no song that it has learnt begins so."""

_LONG_REST_FRAMES: Final = 48
"""Frames of silence that are a long rest: two seconds."""

PIECE_FRAMES: Final = 20
"""Frames of the song that it hears in one frame: a few milliseconds of work beside the planning. All take a second."""

LATE_FRAMES: Final = 8
"""Number of the last frames that are heard again. A key may become known only after its frame was planned."""

_AHEAD_FRAMES: Final = 2
"""Frames from the horizon to the first one that the new model plays. In the frame before that one, an onset that is
moved early may sound already."""

_CATCH_UP_FRAMES: Final = 4
"""The model takes over at once if it has no more frames than this left to hear."""


@dataclass(frozen=True, slots=True)
class Ears:
    """How far a model has heard the song that it is to take over.

    Attributes
    ----------
    context : Context
        What it knows so far.
    steps : tuple of Step
        What it has heard, each with the context that this model had before it.
    last : Step or None
        The last of these as it is in the song. If the song has another step there, the model begins again.
    """

    context: Context
    steps: tuple[Step, ...] = ()
    last: Step | None = None

    def hear(self, song: tuple[Step, ...], then: Context, memory: float) -> "Ears":
        """Return the ears after more of the song. The model is told what the model that played it was told.

        Parameters
        ----------
        song : tuple of Step
            The steps after `last`.
        then : Context
            The song's context after these steps.
        memory : float
            The control of that name.
        """
        if not song:
            return self
        context, steps = self.context, list(self.steps)
        for step, told in zip(song, [*(step.context for step in song[1:]), then], strict=True):
            steps.append(replace(step, context=context))
            context = _after(steps[-1], told, memory)
        return Ears(context, tuple(steps), song[-1])


def listen(
    timeline: Timeline, horizon: int, engine: Engine, ears: Ears | None, memory: float
) -> tuple[Timeline, Ears | None]:
    """Let the model in force hear a piece more of the song, or take over where little is left.

    Parameters
    ----------
    timeline : Timeline
        Planned up to the frame after the horizon, or further.
    horizon : int
    engine : Engine
        The model in force.
    ears : Ears or None
        How far it has heard the song.
    memory : float
        The control of that name.

    Returns
    -------
    Timeline
        The same if the model still listens. If it takes over: what was played, as the model has heard it, up to the
        first frame that it is to play. The timeline then has a leap, because what the model knows does not follow from
        the frame before.
    Ears or None
        How far the model has heard the song now; None if it plays.
    """
    if is_playing(timeline, horizon, engine):
        return timeline, None
    at = _settled(timeline, horizon)
    then, song = timeline.at(at).context, timeline.cut(at).past()
    ears, todo = _go_on(song, then, engine, ears)
    rest = song[len(song) - todo :]
    if todo > _CATCH_UP_FRAMES:
        then = rest[PIECE_FRAMES].context if todo > PIECE_FRAMES else then
        return timeline, ears.hear(rest[:PIECE_FRAMES], then, memory)
    ears = ears.hear(rest, then, memory)
    place = Place(ears.context.keeping(then), (*song[: len(song) - len(ears.steps)], *ears.steps))
    again = timeline.since(at)[: horizon + _AHEAD_FRAMES - at]
    return _heard_again(timeline.cut(at).leap(place), again, memory), None


def _heard_again(timeline: Timeline, steps: tuple[Step, ...], memory: float) -> Timeline:
    """Return a timeline with standing steps appended, as they are heard by the model that the timeline ends with."""
    context = timeline.tail
    for step in steps:
        if timeline.tail is None:  # not at the first of the steps
            context = _after(timeline.steps[-1], step.context, memory)
        assert context is not None
        timeline = timeline.append(replace(step, context=context))
    return timeline


def is_playing(timeline: Timeline, horizon: int, engine: Engine) -> bool:
    """Tell whether a model plays the next frames itself."""
    return timeline.at(horizon + _AHEAD_FRAMES - 1).context.engine is engine


def _settled(timeline: Timeline, horizon: int) -> int:
    """Return the first frame that may still be heard differently, or the frame of a later leap of the song."""
    leapt = [at for at, _ in timeline.leaps if at < horizon + _AHEAD_FRAMES]
    return max(horizon + _AHEAD_FRAMES - LATE_FRAMES, timeline.start, *leapt)


def _go_on(song: tuple[Step, ...], then: Context, engine: Engine, ears: Ears | None) -> tuple[Ears, int]:
    """Return the ears, or new ones if these heard another song, and the number of frames that are left to hear."""
    if ears is not None and ears.last is not None and ears.context.engine is engine:
        todo = then.n_frames - ears.context.n_frames
        if 0 <= todo < len(song) and song[len(song) - todo - 1] is ears.last:
            return ears, todo
    todo = _n_since_long_rest(song[-SONG_FRAMES:])
    new = first_context(engine, then.told.knobs)
    told = song[-todo].context if todo else then  # beat and form are the song's; distribution and state are new
    return Ears(replace(told, engine=engine, distribution=new.distribution, state=new.state)), todo


def _n_since_long_rest(song: tuple[Step, ...]) -> int:
    """Return the number of frames of a song, but for a long rest that it begins with."""
    n_silent = next((k for k, step in enumerate(song) if step.heard[:, Column.NOTE].any()), len(song))
    return len(song) - n_silent if n_silent >= _LONG_REST_FRAMES else len(song)


def _after(step: Step, then: Context, memory: float) -> Context:
    """Return the context after a step, if the model is told what another model was told there."""
    return step.next_context(then.form, replace(then.told, memory=memory, plan=0)) if step.is_fed else step.context
