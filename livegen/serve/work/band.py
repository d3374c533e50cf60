"""Models that stay warm, and the playing of an order: the same session as `livegen render` plays."""

import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Final

from livegen.engines.cast import Cast
from livegen.engines.checkpoint import load_cast
from livegen.engines.protocol import Engine
from livegen.formats.chip.register_files import write_registers
from livegen.formats.chip.register_log import VGM_RATE_HZ, Tags
from livegen.formats.score.kinds import write_piece
from livegen.instrument.compile import compile_all
from livegen.offline.batch import performed
from livegen.offline.render import RenderedFrame, record, render
from livegen.offline.rendition import Rendition
from livegen.patch import load_patch
from livegen.serve.jobs.order import Order, Prediction
from livegen.serve.jobs.port import Result
from livegen.serve.shelf.shelf import Shelf

_MAX_WARM: Final = 8  # models; shipped ones have up to 11 MB each


class StoppedError(Exception):
    """Whoever was told of a frame wants no more of them."""


class Band:
    """The models of a process, warm once they have played.

    Parameters
    ----------
    shelf : Shelf
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._engines: dict[tuple[str, str], Engine] = {}

    def warm(self, name: str, hash: str) -> Engine:
        """Return the engine of a model, loaded and compiled; raises CheckpointError."""
        folder = self._shelf.folder_of(name, hash)  # asked each time: one that was deleted plays no more
        key = (name, hash)
        if key not in self._engines:
            engine = load_cast(Cast(str(folder)))
            compile_all(engine, load_patch("plain"))
            while len(self._engines) >= _MAX_WARM:
                self._engines.pop(next(iter(self._engines)))
            self._engines[key] = engine
        self._engines[key] = self._engines.pop(key)  # the last one that is dropped
        return self._engines[key]

    def warm_own(self) -> None:
        """Warm up those models that livegen ships, with or without a queue; raises CheckpointError."""
        for model in self._shelf.own().values():
            self.warm(model.name, model.hash)

    def rendition(self, name: str, hash: str, asked: Prediction, n_frames: int) -> Rendition:
        """Return what a model plays in so many frames, as it is asked to; raises LivegenError."""
        engine, patch = self.warm(name, hash), load_patch(asked.patch)
        with tempfile.TemporaryDirectory(prefix="livegen-serve-") as folder:
            prompt = None
            if asked.prompt is not None:
                prompt = Path(folder) / f"prompt{asked.prompt.kind}"
                prompt.write_bytes(asked.prompt.content)
            events, played = performed(prompt, n_frames)
        return Rendition(engine, patch, n_frames, asked.seed or 0, {**played, **asked.controls}, events)

    def play(self, order: Order, on_frame: Callable[[float], bool] = lambda done: True) -> Result:
        """Play an order.

        Parameters
        ----------
        order : Order
        on_frame : callable
            Told after each frame which part is done, 0..1; returns whether to go on.

        Raises
        ------
        LivegenError
            If it cannot be played.
        StoppedError
            If `on_frame` said so.
        """
        rendition = self.rendition(order.model, order.model_hash, order.prediction, order.n_frames)
        instrument = rendition.instrument(VGM_RATE_HZ)
        frames = render(instrument, rendition.n_frames, rendition.events)
        tags = Tags(title=f"{order.model} {rendition.seed}")
        n_done = count(1)

        def watch(_: RenderedFrame) -> None:
            if not on_frame(next(n_done) / rendition.n_frames):
                raise StoppedError

        piece, log = record(instrument, frames, tags=tags, on_frame=watch)
        assert log is not None
        with tempfile.TemporaryDirectory(prefix="livegen-serve-") as folder:
            score, registers = Path(folder) / "score.mid", Path(folder) / "registers.vgm"
            write_piece(score, piece)
            write_registers(registers, log)
            return Result(score.read_bytes(), registers.read_bytes())
