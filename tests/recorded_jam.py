"""Jams that are recorded on the offline clock: whole takes in a moment."""

import errno
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from hash_engine import HashEngine

from livegen.controls import Value
from livegen.engines.checkpoint import load_conductor
from livegen.engines.protocol import Engine
from livegen.events import Event
from livegen.instrument.instrument import Instrument
from livegen.offline.capture import Captures
from livegen.offline.clock import OfflineClock
from livegen.outputs.native import play_offline
from livegen.patch import load_patch, patch_text
from livegen.takes.library import TakeSettings, head_of
from livegen.takes.recorder import Recorder
from livegen.takes.records import LOG_FILE, Loaded
from livegen.units import frame_to_sample

RATE = 24_000
STARTED = datetime(2026, 5, 1, 20, 15, tzinfo=UTC)
PATCHES = {name: patch_text(name) for name in ("plain", "drums")}
TOLD = TakeSettings(None, {"name": "hash", "folder": "nowhere"}, "plain", PATCHES)


class FullDisk:
    """A log file on a disk that has room for so many bytes."""

    def __init__(self, n_bytes: int) -> None:
        self.data = b""
        self.is_closed = False
        self.n_bytes = n_bytes

    def write(self, data: bytes) -> None:
        if len(data) > self.n_bytes - len(self.data):
            raise OSError(errno.ENOSPC, "No space left on device")
        self.data += data

    def sync(self) -> None:
        pass

    def close(self) -> None:
        self.is_closed = True


class RecordedJam:
    """An instrument on the offline clock, recorded to a folder, or to a log file that a test brings."""

    def __init__(self, folder: Path, *, log=None, captures=None, engine=None, **controls: Value) -> None:
        named = {f"{name[:2]}.{name[3:]}" if name[2] == "_" else name: value for name, value in controls.items()}
        engine = HashEngine() if engine is None else engine
        patches = {name: load_patch(name) for name in PATCHES}
        self.instrument = Instrument(
            engine,
            patches["plain"],
            RATE,
            controls=named,
            seed=5,
            n_channels=1,
            patches=patches,
            conductor=load_conductor(engine),
        )
        self.clock = OfflineClock(RATE)
        folder.mkdir(exist_ok=True)
        captures = Captures(folder) if captures is None else captures
        self.recorder = Recorder(folder, head_of(TOLD, self.instrument, STARTED), captures, log)
        self.recorder.start()
        self.instrument.watch = self.recorder.record
        self.path = folder / LOG_FILE
        self.instrument.play_frame(0, self.clock.position_at)

    def load(self, name: str, engine: Engine) -> None:
        """Load a model to change to."""
        self.recorder.load(Loaded(name, "nowhere", "0"))
        self.instrument.add_model(name, engine)

    @property
    def horizon(self) -> int:
        return self.instrument.state.horizon

    def frame(self, *events: Event, source: str = "keys", is_late: bool = False, place: float = 0.3) -> None:
        """Play a frame whole, with events somewhere in it; a late one plans when the next has begun."""
        begin, end = (frame_to_sample(self.horizon + n, RATE) for n in (0, 1))
        self._render(begin + round(place * (end - begin)))
        for event in events:
            self.instrument.receive(event, source, self._sample * 1_000_000_000 // RATE)
        self._render(end + 10 if is_late else end - 100)
        self.instrument.play_frame(self.horizon + 1, self.clock.position_at)

    def frames(self, moments: Sequence[Sequence[Event]] | int) -> None:
        for events in [()] * moments if isinstance(moments, int) else moments:
            self.frame(*events)

    def stop(self) -> Path:
        """End it; return where the log is."""
        self.recorder.stop()
        return self.path

    @property
    def _sample(self) -> int:
        return int(self.instrument.callback["sample"][0])

    def _render(self, sample: int) -> None:
        n_samples = max(sample - self._sample, 0)
        play_offline(self.instrument.callback, np.zeros(n_samples, np.float32), n_samples)
