"""A model that takes over hears the song first, a piece a frame, while the one before plays on.

What is in force and what plays may differ, then: a context goes on with the predictor that made it, whatever has been
asked for since. So a place that only another model knows, one that was stored or rewound to, is nothing special: that
model plays on from there until the one in force has heard what led to it.
"""

from dataclasses import dataclass, replace
from typing import Final

from livegen.engines.protocol import Predictor
from livegen.performance.form import HEARD_FRAMES
from livegen.performance.timeline import Context, Place, Step, Timeline, first_context

SONG_FRAMES: Final = HEARD_FRAMES
"""So much of the song a model hears before it takes over: what the form goes by, twenty seconds."""

PIECE_FRAMES: Final = 20
"""So much of it in one frame: a few milliseconds' work, beside what planning takes; all of it takes a second."""

LATE_FRAMES: Final = 8
"""A key is known late: so many of the last frames are heard again when it is."""

_AHEAD_FRAMES: Final = 2
"""The first frame that the new model plays, from the horizon on: an early onset in the one before may sound already."""

_CATCH_UP_FRAMES: Final = 4
"""With no more than this to hear it takes over at once."""


@dataclass(frozen=True, slots=True)
class Ears:
    """How far a model has heard the song that it is to take over.

    Attributes
    ----------
    context : Context
        What it knows so far.
    steps : tuple of Step
        What it has heard, as it would remember it.
    last : Step or None
        The last of them, as the song has it: where the song has another there, the model begins again.
    """

    context: Context
    steps: tuple[Step, ...] = ()
    last: Step | None = None

    def hear(self, song: tuple[Step, ...], then: Context, memory: float) -> "Ears":
        """Return the ears after more of the song, told what was told to the model that played it.

        Parameters
        ----------
        song : tuple of Step
            What comes after `last`.
        then : Context
            What the song has after it.
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
    timeline: Timeline, horizon: int, predictor: Predictor, ears: Ears | None, memory: float
) -> tuple[Timeline, Ears | None]:
    """Let the model in force hear a piece more of the song, or take over where little is left.

    Parameters
    ----------
    timeline : Timeline
        Planned up to the frame after the horizon, or further.
    horizon : int
    predictor : Predictor
        The model in force.
    ears : Ears or None
        How far it has heard the song.
    memory : float
        The control of that name.

    Returns
    -------
    Timeline
        The same; or, where the model takes over, what was played as it has heard it, up to the first frame that it is
        to play. It leaps there, to where it is: what the model knows now does not follow from the frame before.
    Ears or None
        How far the model has heard the song now, None where it plays.
    """
    if is_playing(timeline, horizon, predictor):
        return timeline, None
    at = _settled(timeline, horizon)
    then, song = timeline.at(at).context, timeline.cut(at).past()
    ears, todo = _go_on(song, then, predictor, ears)
    rest = song[len(song) - todo :]
    if todo > _CATCH_UP_FRAMES:
        then = rest[PIECE_FRAMES].context if todo > PIECE_FRAMES else then
        return timeline, ears.hear(rest[:PIECE_FRAMES], then, memory)
    ears = ears.hear(rest, then, memory)
    place = Place(ears.context, (*song[: len(song) - len(ears.steps)], *ears.steps))
    again = timeline.since(at)[: horizon + _AHEAD_FRAMES - at]
    return _heard_again(timeline.cut(at).leap(place), again, memory), None


def _heard_again(timeline: Timeline, steps: tuple[Step, ...], memory: float) -> Timeline:
    """Return a timeline with steps after it that stand, as the model hears them that knows its end."""
    context = timeline.tail
    for step in steps:
        if timeline.tail is None:  # not the first of them
            context = _after(timeline.steps[-1], step.context, memory)
        assert context is not None
        timeline = timeline.append(replace(step, context=context))
    return timeline


def is_playing(timeline: Timeline, horizon: int, predictor: Predictor) -> bool:
    """Tell whether a model plays the next frames itself."""
    return timeline.at(horizon + _AHEAD_FRAMES - 1).context.predictor is predictor


def _settled(timeline: Timeline, horizon: int) -> int:
    """Return the first frame that may still be heard otherwise, or where the song has leapt since."""
    leapt = [at for at, _ in timeline.leaps if at < horizon + _AHEAD_FRAMES]
    return max(horizon + _AHEAD_FRAMES - LATE_FRAMES, timeline.start, *leapt)


def _go_on(song: tuple[Step, ...], then: Context, predictor: Predictor, ears: Ears | None) -> tuple[Ears, int]:
    """Return the ears if what they have heard is of this song, or new ones, and how much of it is left for them."""
    if ears is not None and ears.last is not None and ears.context.predictor is predictor:
        todo = then.n_frames - ears.context.n_frames
        if 0 <= todo < len(song) and song[len(song) - todo - 1] is ears.last:
            return ears, todo
    todo = min(len(song), SONG_FRAMES)
    new = first_context(predictor)
    told = song[-todo].context if todo else then  # all but what a predictor knows is the song's
    return Ears(replace(told, predictor=predictor, distribution=new.distribution, state=new.state)), todo


def _after(step: Step, told: Context, memory: float) -> Context:
    """Return the context after a step, told what another model was told there."""
    return step.next_context(told.form, memory, told.beat, 0) if step.is_fed else step.context
