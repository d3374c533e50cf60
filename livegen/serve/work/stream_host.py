"""The process that plays streams: endless jams, each a second ahead of its listener."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final

import numpy as np

from livegen.errors import LivegenError
from livegen.formats.chip.register_log import VGM_RATE_HZ
from livegen.offline.render import RenderedFrame
from livegen.serve.jobs.order import Prediction
from livegen.serve.place import Place
from livegen.serve.work.band import Band
from livegen.units import FRAME_RATE_HZ

SAMPLE_RATE_HZ: Final = VGM_RATE_HZ

_AHEAD_SECONDS: Final = 1.0
_LONGEST_FRAMES: Final = 365 * 86_400 * FRAME_RATE_HZ
_FULL_SCALE: Final = 32_767
_IDLE_SECONDS: Final = 0.5


@dataclass(slots=True)
class _Jam:
    frames: Iterator[RenderedFrame]
    began: float
    n_done: int = 0

    @property
    def due(self) -> float:
        return self.began + self.n_done / FRAME_RATE_HZ - _AHEAD_SECONDS


def run(pipe: Connection, place: Place) -> None:
    """Play what is asked for over a pipe, until it closes.

    It gets ``(key, None)`` to end a jam, and ``(key, (model, hash, prediction))`` to begin one, the prediction as JSON.
    It sends ``(key, samples)``, 16 bits each, ``(key, sentence)`` where a jam ends with an error, and first, when it is
    warm, ``("", b"")``.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    band = Band(place.open_shelf())
    for model in place.open_shelf().models().values():
        try:
            for _ in band.rendition(model.name, model.hash, Prediction(), 2).frames(SAMPLE_RATE_HZ):
                pass
        except LivegenError:  # whoever asks for it will hear what is wrong
            continue
    jams: dict[str, _Jam] = {}
    try:
        pipe.send(("", b""))
        while True:
            wait = min((jam.due for jam in jams.values()), default=time.monotonic() + _IDLE_SECONDS) - time.monotonic()
            while pipe.poll(max(wait, 0.0)):
                wait = 0.0
                key, asked = pipe.recv()
                jams.pop(key, None)
                if asked is not None:
                    name, hash, text = asked
                    try:
                        rendition = band.rendition(name, hash, Prediction.model_validate_json(text), _LONGEST_FRAMES)
                        jams[key] = _Jam(rendition.frames(SAMPLE_RATE_HZ), time.monotonic())
                    except LivegenError as error:
                        pipe.send((key, str(error)))
            for key, jam in list(jams.items()):
                if jam.due <= time.monotonic():
                    pipe.send((key, _samples(next(jam.frames))))
                    jam.n_done += 1
    except (EOFError, OSError):  # the server has ended
        os._exit(0)


def _samples(frame: RenderedFrame) -> bytes:
    levels = np.rint(np.clip(frame.samples[:, 0], -1.0, 1.0) * _FULL_SCALE)
    return levels.astype("<i2").tobytes()
