"""A session that a program plays: keys and controls go in, frames and sound come out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import mido
import numpy as np
from numpy.typing import NDArray

from livegen.api.checked import LONGEST_SECONDS, checked_controls, checked_seed
from livegen.api.live import Live, LiveClock
from livegen.api.model import Model, load_model
from livegen.api.score import Score
from livegen.api.stepped import SteppedClock
from livegen.controls import Value
from livegen.engines.checkpoint import load_conductor
from livegen.errors import ControlError, ScoreError
from livegen.inputs.midi import event_of
from livegen.instrument.compile import compile_all
from livegen.offline.rendition import Rendition
from livegen.patch import list_patches, load_patch


class Session:
    """A jam with a program as its performer, on the offline clock or, on devices, on the real one.

    On the offline clock time passes only in `run`, as fast as the machine can: the same calls make the same music to
    the last bit. On the real clock it plays from the start on, also between the calls, and `run` waits.

    Parameters
    ----------
    seed, controls, model, patch
        See `livegen.api.render`.
    live : Live, optional
        The devices of a session on the real clock; offline if left out.

    Attributes
    ----------
    seed : int
        Of all draws.

    Raises
    ------
    livegen.errors.LivegenError
        If the seed is out of range, there is no such control, model or patch, or a device cannot be opened.

    Examples
    --------
    >>> import mido
    >>> from livegen.api import Session
    >>> with Session(seed=7, controls={"mode": "accompany"}) as session:
    ...     session.send(mido.Message("note_on", note=64, velocity=90))
    ...     session.run(1)
    ...     session.send(mido.Message("note_off", note=64))
    ...     session.set("temperature", 0.5)
    ...     session.run(1)
    >>> session.score.is_player[:24, 0].all()
    np.True_
    >>> session.score.to_audio("session.wav")
    """

    def __init__(
        self,
        seed: int | None = None,
        controls: Mapping[str, object] | None = None,
        *,
        model: str | Path | Model = "default",
        patch: str | Path = "plain",
        live: Live | None = None,
    ) -> None:
        self.seed = checked_seed(seed)
        values, loaded_patch = checked_controls(controls), load_patch(patch)
        loaded = model if isinstance(model, Model) else load_model(model)
        compile_all(loaded.engine, loaded_patch, load_conductor(loaded.engine))
        rendition = Rendition(loaded.engine, loaded_patch, 0, self.seed, values)
        self._clock: SteppedClock | LiveClock
        if live is None:
            patches = {name: load_patch(name) for name in list_patches()}
            self._clock = SteppedClock(replace(rendition, patches=patches))
        else:
            self._clock = LiveClock(rendition, loaded.cast, str(patch), live)

    def send(self, message: Any, at: float | None = None) -> None:
        """Play a MIDI message, as a keyboard sends it.

        Parameters
        ----------
        message : mido.Message
            Keys, wheels, pressure, controllers, programs, clock. Which voice a key plays, its channel says.
        at : float, optional
            Time in seconds since the start; at once if left out, or past.

        Raises
        ------
        livegen.errors.ControlError
            If it is another kind of message.

        Examples
        --------
        >>> import mido
        >>> from livegen.api import Session
        >>> with Session(seed=7) as session:
        ...     session.send(mido.Message("note_on", note=60), at=0.5)
        ...     session.run(1)
        >>> session.frames[::6, 0, 0].tolist()[2:]
        [60, 60]
        """
        event = event_of(message) if isinstance(message, mido.Message) else None
        if event is None:
            raise ControlError(f"{message!r} says nothing to livegen: send a mido.Message of keys, wheels or a clock")
        self._clock.receive(event, at)

    def set(self, name: str, value: object = True, at: float | None = None) -> None:
        """Set a control, or ask for an action such as ``fill``, ``undo`` or ``end``.

        Parameters
        ----------
        name : str
            Full name, as `livegen controls` lists them.
        value : float, int, bool or str
            A number out of range is clamped.
        at : float, optional
            Time in seconds since the start; at once if left out, or past.

        Raises
        ------
        livegen.errors.ControlError
            If there is no such control, or the value is of another type; or if it is a model, on the offline clock.

        Examples
        --------
        >>> from livegen.api import Session
        >>> with Session(seed=7) as session:
        ...     session.set("p2.volume", 7)
        ...     session.run(0.5)
        >>> session.controls["p2.volume"]
        1.0
        """
        self._clock.set(name, value, at)

    def run(self, seconds: float) -> None:
        """Play on; on the real clock, wait meanwhile. Lengths add up without drifting.

        Parameters
        ----------
        seconds : float
            On the offline clock rounded to whole frames, 24 a second.

        Raises
        ------
        livegen.errors.ScoreError
            If that is negative, or the session would be longer than ten hours.

        Examples
        --------
        >>> from livegen.api import Session
        >>> session = Session(seed=7)
        >>> session.run(0.25)
        >>> session.run(0.25)
        >>> session.seconds
        0.5
        """
        if not 0.0 <= seconds <= LONGEST_SECONDS - self.seconds:
            raise ScoreError(f"a session cannot go on for {seconds} seconds: up to {LONGEST_SECONDS:.0f} is allowed")
        self._clock.run(seconds)

    @property
    def seconds(self) -> float:
        """How long it has played.

        Examples
        --------
        >>> from livegen.api import Session
        >>> Session(seed=7).seconds
        0.0
        """
        return self._clock.seconds

    @property
    def controls(self) -> Mapping[str, Value]:
        """The controls in force, by full name.

        Examples
        --------
        >>> from livegen.api import Session
        >>> Session(seed=7, controls={"temperature": 0.5}).controls["temperature"]
        0.5
        """
        return self._clock.controls

    @property
    def frames(self) -> NDArray[np.uint8]:
        """The frames so far, uint8 (N, 4, 3); on the real clock the last two are not known yet.

        Examples
        --------
        >>> from livegen.api import Session
        >>> session = Session(seed=7)
        >>> session.run(1)
        >>> session.frames.shape
        (24, 4, 3)
        """
        return self._clock.frames

    @property
    def warnings(self) -> Sequence[str]:
        """What the user should know about how ports and devices were chosen.

        Examples
        --------
        >>> from livegen.api import Session
        >>> Session(seed=7).warnings
        ()
        """
        return self._clock.warnings

    @property
    def score(self) -> Score:
        """What has been played so far; it stays so when the session goes on.

        Raises
        ------
        livegen.errors.LivegenError
            If that is nothing yet.

        Examples
        --------
        >>> from livegen.api import Session
        >>> session = Session(seed=7)
        >>> session.run(1)
        >>> bool((session.score.frames == session.frames).all())
        True
        """
        return Score(self._clock.source(), self.seed)

    def close(self) -> None:
        """End it: on the real clock, release every note and close every device. Calling it again does nothing.

        Examples
        --------
        >>> from livegen.api import Session
        >>> session = Session(seed=7)
        >>> session.close()
        """
        self._clock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
