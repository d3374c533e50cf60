"""Several models that play together: each voice has one of them, and what one plays is known to the next.

In a frame the performer comes first. Then the engines play one after the other: the one of the coarsest grain first,
since its window or loop is settled before the frame is drawn, and the finest last, since it can follow all the others.
Engines of one grain play in the order of their first voice. Each draws its voices in the order P1, P2, TR, NO.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.cast import Cast
from livegen.engines.protocol import (
    NONE_LATER,
    UNCONDITIONED,
    Conditions,
    Distribution,
    Engine,
    Info,
    MakesAhead,
    Sampling,
    State,
    own_knobs,
)
from livegen.score import Voice

KIND: Final = "ensemble"


def cast_of(engine: Engine) -> Cast:
    """Return which model plays which voice of an engine: of an `Ensemble`, or of one that plays alone."""
    return engine.cast if isinstance(engine, Ensemble) else Cast(engine.name)


def models_of(engine: Engine) -> Mapping[str, Engine]:
    """Return the engines that an engine is made of, by the names of their models: of one that plays alone, itself."""
    return engine.models if isinstance(engine, Ensemble) else {engine.name: engine}


def assemble(cast: Cast, models: Mapping[str, Engine]) -> Engine:
    """Return the engine that plays a cast: where one model plays all voices, that model's own.

    Parameters
    ----------
    cast : Cast
    models : mapping of str to Engine
        By name, at least those of the cast.
    """
    names = {cast[voice] for voice in Voice}
    if len(names) == 1:
        return models[names.pop()]
    return Ensemble(cast, {name: models[name] for name in cast.models})


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What one engine of an ensemble expects and remembers.

    Attributes
    ----------
    engine : Engine
    distribution : Distribution
    state : State
    """

    engine: Engine
    distribution: Distribution
    state: State


class Ensemble:
    """Several models that play as one.

    Parameters
    ----------
    cast : Cast
    models : mapping of str to Engine
        Those of the cast, by name; one that plays no voice is kept, and hears nothing.
    """

    def __init__(self, cast: Cast, models: Mapping[str, Engine]) -> None:
        self.cast = cast
        self.models = models
        of_voice = [cast[voice] for voice in Voice]
        players = sorted(set(of_voice), key=lambda name: (-models[name].info.grain_frames, of_voice.index(name)))
        self.players: tuple[Engine, ...] = tuple(models[name] for name in players)
        self._is_theirs = [np.array([name == own for own in of_voice]) for name in players]
        self._player_of = tuple(players.index(name) for name in of_voice)
        plays = tuple(voice for voice in Voice if voice in models[cast[voice]].info.voices)
        self.info = Info(KIND, plays, max(engine.info.grain_frames for engine in self.players))

    @property
    def name(self) -> str:
        """The models by their names."""
        return str(self.cast)

    def initial_state(self) -> State:
        """Return the states of all engines before a song; see `livegen.engines.protocol.Engine`."""
        return tuple(engine.initial_state() for engine in self.players)

    def step(
        self, frame: NDArray[np.uint8], state: State, conditions: Conditions = UNCONDITIONED
    ) -> tuple[Distribution, State]:
        """Let all engines hear one frame; see `livegen.engines.protocol.Engine`."""
        steps = [
            engine.step(frame, before, told_to(engine, conditions))
            for engine, before in zip(self.players, state, strict=True)
        ]
        distributions = tuple(distribution for distribution, _ in steps)
        return self._together(distributions), tuple(after for _, after in steps)

    def warm_up(self) -> None:
        """Compile everything that playing will call."""
        for engine in self.models.values():
            engine.warm_up()

    def prepare(self, state: State, conditions: Conditions, seed: int, sampling: Sampling) -> None:
        """Let all engines make ahead what they will need; see `livegen.engines.protocol.MakesAhead`."""
        for engine, own in zip(self.players, state, strict=True):
            if isinstance(engine, MakesAhead):
                engine.prepare(own, told_to(engine, conditions), seed, sampling)

    def parts(self, distribution: Distribution, state: State) -> list[Part]:
        """Return what each engine expects and remembers."""
        assert isinstance(distribution, _Together)
        each = zip(self.players, distribution.distributions, state, strict=True)
        return [Part(*part) for part in each]

    def of_parts(self, parts: Sequence[Part]) -> tuple[Distribution, State]:
        """Return what all engines expect and remember; `parts` are in the order of `players`."""
        return self._together(tuple(part.distribution for part in parts)), tuple(part.state for part in parts)

    def _together(self, distributions: tuple[Distribution, ...]) -> "_Together":
        return _Together(distributions, self._is_theirs, self._player_of)


def told_to(engine: Engine, conditions: Conditions) -> Conditions:
    """Return conditions as an engine is told them: with its own controls alone. An ensemble hands on all of them."""
    if not conditions.knobs or isinstance(engine, Ensemble):
        return conditions
    return replace(conditions, knobs=own_knobs(engine.info.kind, conditions.knobs))


@dataclass(frozen=True, slots=True, eq=False)
class _Together:
    """What the engines of an ensemble expect of the next frame."""

    distributions: tuple[Distribution, ...]
    is_theirs: Sequence[NDArray[np.bool_]]  # (4,) each: the voices that it plays
    player_of: tuple[int, ...]  # by voice, the place of its distribution

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
        frame, is_known = np.where(is_forced[:, None], forced, 0).astype(np.uint8), is_forced | is_later
        for distribution, is_theirs in zip(self.distributions, self.is_theirs, strict=True):
            is_drawn = is_theirs & ~is_known
            if is_drawn.any():
                rest = (~is_known & ~is_theirs) | is_later
                drawn = distribution.sample(
                    frame, is_known & ~is_later, sampling, seed=seed, frame_index=frame_index, is_later=rest
                )
                frame, is_known = np.where(is_drawn[:, None], drawn, frame), is_known | is_drawn
        return frame

    def note_log_probs(
        self, voice: Voice, frame: NDArray[np.uint8], is_known: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return the log-probabilities of a voice's note, of the engine that plays it."""
        return self.distributions[self.player_of[voice]].note_log_probs(voice, frame, is_known)

    def match_lengths(self, frame: NDArray[np.uint8]) -> tuple[int, ...]:
        """Return, by voice, the length of the match, of the engine that plays it."""
        each = [distribution.match_lengths(frame) for distribution in self.distributions]
        return tuple(each[player][voice] for voice, player in enumerate(self.player_of))


def kept(
    engine: Engine, distribution: Distribution, state: State, playing: tuple[Engine, Distribution, State]
) -> tuple[Distribution, State]:
    """Return what an engine expects and remembers, with what its members know that play already.

    Parameters
    ----------
    engine : Engine
    distribution : Distribution
    state : State
        What it knows at a place of a song, of which it has heard the last seconds alone.
    playing : (Engine, Distribution, State)
        The engine that has played until there. A member of both has heard the whole song.
    """
    known = {id(part.engine): part for part in _parts_of(*playing)}
    parts = [known.get(id(part.engine), part) for part in _parts_of(engine, distribution, state)]
    return engine.of_parts(parts) if isinstance(engine, Ensemble) else (parts[0].distribution, parts[0].state)


def _parts_of(engine: Engine, distribution: Distribution, state: State) -> list[Part]:
    return engine.parts(distribution, state) if isinstance(engine, Ensemble) else [Part(engine, distribution, state)]
