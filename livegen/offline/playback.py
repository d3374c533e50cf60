"""Plays a take without the model: its frames as they were played, and the player's events at their times."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.protocol import UNCONDITIONED, Conditions, Info
from livegen.formats.chip.register_files import is_register_file
from livegen.formats.chip.register_log import VGM_RATE_HZ, Tags
from livegen.offline.render import RenderedFrame, needs_sound, render_to, write_rendered
from livegen.takes.recording import Recording
from livegen.takes.replay import instrument_of
from livegen.units import FRAME_RATE_HZ, frame_to_sample

_AHEAD_FRAMES: Final = 12
_RUN_UP_FRAMES: Final = 2 * FRAME_RATE_HZ
_CATCH_UP_EVENTS: Final = 256


class _NoModel:
    """The engine of an instrument whose frames are given: it predicts nothing."""

    name = "none"
    info = Info("none")

    def initial_state(self) -> None:
        """Return nothing."""

    def step(self, frame: NDArray[np.uint8], state: Any, conditions: Conditions = UNCONDITIONED) -> tuple[Any, Any]:
        """Return nothing."""
        return None, None

    def warm_up(self) -> None:
        """Compile nothing."""


class Playback:
    """Plays a recording on an instrument of its own, from any frame on.

    The two seconds before that frame, the run-up, are played too but not heard, so that notes and envelopes that last
    into the frame are right. Keys and controls from before the run-up are in force.

    Parameters
    ----------
    recording : Recording
    sample_rate : int
        In Hz.
    first : int
        First frame that is heard.
    has_run_up : bool
        Whether the run-up is played; without it, notes that last into the first frame begin there.
    **options
        Further arguments of `Instrument`.

    Attributes
    ----------
    instrument : Instrument
    start : int
        Frame that is the instrument's frame 0.
    """

    def __init__(
        self,
        recording: Recording,
        sample_rate: int,
        first: int = 0,
        *,
        has_run_up: bool = True,
        **options: Any,
    ) -> None:
        self._recording = recording
        self._first = first
        self.instrument = instrument_of(recording.head, _NoModel(), sample_rate, **options)
        self.start = max(first - _RUN_UP_FRAMES, 0) if has_run_up else first
        self._sample_rate = sample_rate
        self._sounding = recording.sounding(self.start)
        self._events = [replace(event, position=event.position - self.start) for event in recording.events]
        self._n_published = 0
        self._n_received = 0
        if self.start:
            self._catch_up()
        for frame_index in range(self.start, min(first, len(recording.frames))):
            self.render(frame_index)

    def publish(self, frame_index: int) -> None:
        """Publish the frames up to half a second beyond this one."""
        at = frame_index - self.start
        end = at + _AHEAD_FRAMES
        self.instrument.publish(self._sounding[self._n_published : end], self._sounding[at].owner)
        self._n_published = max(self._n_published, end)

    def due_events(self, end_sample: int) -> Iterator[int]:
        """Yield the sample of each event before `end_sample`; the event sounds when the next one is asked for."""
        while self._n_received < len(self._events):
            stamped = self._events[self._n_received]
            sample = max(round(stamped.position * self._sample_rate / FRAME_RATE_HZ), 0)
            if sample >= end_sample:
                return
            yield sample
            self._n_received += 1
            self.instrument.receive(stamped.event, stamped.source, 0)

    def render(self, frame_index: int) -> NDArray[np.float32]:
        """Return the sound of the next frame, which must be `frame_index`, float32 (n, channels)."""
        self.publish(frame_index)
        end = frame_to_sample(frame_index - self.start + 1, self._sample_rate)
        pieces = [render_to(self.instrument, sample) for sample in self.due_events(end)]
        return np.concatenate([*pieces, render_to(self.instrument, end)])

    def frames(self, *, has_sound: bool = True) -> Iterator[RenderedFrame]:
        """Yield the frames from the first one that is heard, with or without their sound."""
        is_player, no_sound = self._recording.is_player, np.zeros((0, 1), np.float32)
        for frame_index in range(self._first, len(self._recording.frames)):
            samples = self.render(frame_index) if has_sound else no_sound
            beat = self._recording.beats.get(frame_index)
            yield RenderedFrame(self._recording.frames[frame_index], is_player[frame_index], samples, beat)

    def _catch_up(self) -> None:
        """Apply the events before the start, so that keys still held and controls are in force."""
        while self._n_received < len(self._events) and self._events[self._n_received].position < 0:
            stamped = self._events[self._n_received]
            self._n_received += 1
            self.instrument.receive(stamped.event, stamped.source, 0)
            if self._n_received % _CATCH_UP_EVENTS == 0:
                self.instrument.publish([], self._sounding[0].owner)
        render_to(self.instrument, 1)  # empties the rings, so that what did not fit can be sent again
        self.instrument.publish([], self._sounding[0].owner)


def write_recording(
    recording: Recording,
    path: Path,
    first: int = 0,
    *,
    rate: int | None = None,
    is_apart: bool = False,
    tags: Tags | None = None,
    loop_from: float | None = None,
    on_frame: Callable[[], None] = lambda: None,
) -> None:
    """Play a recording into a file of the kind that its name ends with.

    Parameters
    ----------
    recording : Recording
    path : Path
    first : int
        First frame that is heard.
    rate : int, optional
        Sample rate in Hz, for sound; else that of the jam.
    is_apart : bool
        Whether sound has a channel for each voice.
    tags, loop_from, on_frame
        See `livegen.offline.render.render_to_file`.

    Raises
    ------
    FormatError
        If the file cannot be written.
    """
    is_log = is_register_file(path)
    playback = Playback(
        recording,
        VGM_RATE_HZ if is_log else recording.head.sample_rate if rate is None else rate,
        first,
        has_run_up=not is_log,  # a log must not hold the two seconds before its file begins
        n_channels=1,
        is_apart=is_apart and not is_log,
    )
    frames = playback.frames(has_sound=needs_sound(path))
    n_frames = len(recording.frames) - first
    write_rendered(path, playback.instrument, frames, n_frames, tags=tags, loop_from=loop_from, on_frame=on_frame)
