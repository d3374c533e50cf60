"""A session on the real clock: devices, and the session of `livegen jam` on them."""

import contextlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.api.sources import Recorded, Source
from livegen.controls import Value, parse_value
from livegen.engines.cast import Cast
from livegen.errors import AudioError, LivegenError
from livegen.events import Event, SetControl
from livegen.inputs.midi_settings import parse_settings
from livegen.offline.render import Gathered
from livegen.offline.rendition import Rendition
from livegen.outputs import midi_settings as midi_out
from livegen.rig import Rig, load_library
from livegen.session.build import build_session
from livegen.session.settings import Settings, recorded_to
from livegen.takes.recording import Recording, read_recording
from livegen.takes.take import Take

_SOURCE: Final = "api"
_LONGEST_SLEEP_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Live:
    """The devices of a session that plays on the real clock; named as the options of `livegen jam`.

    Attributes
    ----------
    audio : str or None
        Name of an audio device or a host API, or ``"null"`` for none; None takes the best there is.
    rate, block : int or None
        Sample rate in Hz, and samples a block.
    midi_api : str
        auto, alsa, jack, coremidi, windows, or none.
    midi_in, midi_out : sequence of str
        Parts of the names of ports, and how they play, as ``--midi-in`` and ``--midi-out`` have it.
    osc_host : str
    osc_port : int or None
        UDP port, 0 for a free one; None takes the usual one, or a free one if that is in use.
    take : str or Path or None
        The folder in which the take is kept; None keeps none.

    Examples
    --------
    >>> from livegen.api import Live, Session
    >>> with Session(seed=7, live=Live(audio="null", midi_api="none", osc_port=0)) as session:
    ...     session.run(0.5)
    >>> session.score.seconds >= 0.5
    True
    """

    audio: str | None = None
    rate: int | None = None
    block: int | None = None
    midi_api: str = "auto"
    midi_in: Sequence[str] = ()
    midi_out: Sequence[str] = ()
    osc_host: str = "127.0.0.1"
    osc_port: int | None = None
    take: str | Path | None = None


class LiveClock:
    """Plays on devices as time passes; any thread may call it.

    Parameters
    ----------
    rendition : Rendition
        What is played; how long, and by which performer, is not asked.
    cast : Cast
    patch : str
        Name or file of the patch.
    live : Live

    Raises
    ------
    livegen.errors.LivegenError
        If a device that was asked for by name cannot be opened.
    """

    def __init__(self, rendition: Rendition, cast: Cast, patch: str, live: Live) -> None:
        self._gathered = Gathered(rendition.patch)
        self._until = 0.0
        self._recording: Recording | None = None
        self._unread: LivegenError | None = None
        self._is_open = True
        with contextlib.ExitStack() as opened:
            folder = Path(live.take or opened.enter_context(tempfile.TemporaryDirectory(prefix="livegen-")))
            rig = Rig(patch=patch, model=cast.model, models=dict(cast.own) or None)
            library = load_library(rig)
            settings = Settings(
                audio=live.audio,
                rate=live.rate,
                block=live.block,
                midi_api=live.midi_api,
                midi_ins=tuple(map(parse_settings, live.midi_in)),
                midi_outs=tuple(map(midi_out.parse_settings, live.midi_out)),
                osc_host=live.osc_host,
                osc_port=live.osc_port,
                seed=rendition.seed,
                controls=rendition.controls,
                take=recorded_to(folder, rig, library),
                library=library,
                rig=rig,
                has_keys=False,
            )
            self._session = build_session(rendition.engine, rendition.patch, settings)
            opened.callback(self._session.stop)
            self._session.observers.append(lambda _: self._gathered.follow(self._session.instrument))
            self._session.start(lambda: None)
            self._opened = opened.pop_all()
        self.warnings: Sequence[str] = tuple(self._session.warnings)

    @property
    def seconds(self) -> float:
        """How long it has played."""
        return max(self._session.seconds(), 0.0)

    @property
    def controls(self) -> Mapping[str, Value]:
        """Controls in force."""
        return self._session.instrument.values

    @property
    def frames(self) -> NDArray[np.uint8]:
        """The frames that stand, without the last two that were heard."""
        return self._gathered.frames

    def receive(self, event: Event, at: float | None) -> None:
        """Take an event at a time in seconds since the start, or at once."""
        self._check_open()
        ahead_ns = None if at is None else round((at - self._session.seconds()) * 1_000_000_000)
        due_ns = None if ahead_ns is None else time.perf_counter_ns() + ahead_ns
        self._session.receive_together((event,), _SOURCE, due_ns)

    def set(self, name: str, value: object, at: float | None) -> None:
        """Set a control; raises ControlError."""
        self.receive(SetControl(name, parse_value(name, value)), at)

    def run(self, seconds: float) -> None:
        """Wait until so many seconds have been played since the last call."""
        self._check_open()
        self._until += seconds
        while (left := self._until - self._session.seconds()) > 0.0:
            time.sleep(min(left, _LONGEST_SLEEP_SECONDS))

    def source(self) -> Source:
        """Return what has been played, as the take has it."""
        if self._unread is not None:
            raise self._unread
        return Recorded(self._read() if self._recording is None else self._recording)

    def close(self) -> None:
        """Release every note and close every device; calling it again does nothing."""
        if not self._is_open:
            return
        self._is_open = False
        self._session.stop()
        try:
            self._recording = self._read()
        except LivegenError as error:  # it is told to who asks for the score
            self._unread = error
        finally:
            self._opened.close()

    def _read(self) -> Recording:
        recorder = self._session.recorder
        if recorder is None:
            raise AudioError("this session is not recorded, so it has no score: is there room on the disk?")
        return read_recording(Take(recorder.folder))

    def _check_open(self) -> None:
        if not self._is_open:
            raise AudioError("this session is closed: begin another one")
