"""The service: its parts, and what keeps them going. All routes work on one of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from livegen.errors import LivegenError
from livegen.serve.http.metrics import Metrics
from livegen.serve.http.settings import ServeSettings
from livegen.serve.jobs.port import Job, Jobs, State
from livegen.serve.place import Place
from livegen.serve.shelf.shelf import Shelf
from livegen.serve.work.made import Made
from livegen.serve.work.pool import Pool
from livegen.serve.work.streams import Streams

_TEND_SECONDS: Final = 1.0
_CLEAR_SECONDS: Final = 60.0
_FIRST_LOOK_SECONDS: Final = 0.02
_LAST_LOOK_SECONDS: Final = 0.25


class Service:
    """The parts of a service.

    Parameters
    ----------
    place : Place
    settings : ServeSettings
    n_workers : int
        Processes of this machine that take every model.

    Raises
    ------
    LivegenError
        If the queue or the models cannot be used.
    """

    def __init__(self, place: Place, settings: ServeSettings, n_workers: int) -> None:
        self.settings = settings
        self.jobs: Jobs = place.open_jobs()
        self.shelf: Shelf = place.open_shelf()
        self.pool = Pool(place, n_workers)
        self.made = Made(place.folder / "made")
        self.streams = Streams(place, settings.limits.streams)
        self.metrics = Metrics()
        self.metrics.watch(self._gauges)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep all parts going for the body."""
        tending = asyncio.create_task(self._tend())
        try:
            yield
        finally:
            tending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await tending
            self.streams.end()
            self.made.end()
            await asyncio.get_running_loop().run_in_executor(None, self.pool.end)

    async def ended(self, id: str, seconds: float) -> Job | None:
        """Return a job as soon as it is done or failed, or as it stands after so many seconds; None if it is gone."""
        loop = asyncio.get_running_loop()
        deadline, look = loop.time() + seconds, _FIRST_LOOK_SECONDS
        while True:
            job = await loop.run_in_executor(None, self.jobs.find, id)
            if job is None or job.state in (State.DONE, State.FAILED) or loop.time() >= deadline:
                return job
            await asyncio.sleep(min(look, max(deadline - loop.time(), 0.0)))
            look = min(2 * look, _LAST_LOOK_SECONDS)

    async def _tend(self) -> None:
        loop, cleared = asyncio.get_running_loop(), 0.0
        while True:
            with contextlib.suppress(LivegenError, OSError):  # whoever asks meanwhile is told
                self.streams.tend()
                await loop.run_in_executor(None, self.pool.tend)
                await loop.run_in_executor(None, self.jobs.tend, self.settings.keep_seconds)
                if loop.time() - cleared > _CLEAR_SECONDS:
                    cleared = loop.time()
                    await loop.run_in_executor(None, self.made.clear, self._is_there)
            await asyncio.sleep(_TEND_SECONDS)

    def _is_there(self, id: str) -> bool:
        return self.jobs.find(id) is not None

    def _gauges(self) -> tuple[dict[str, float], dict[str, float]]:
        counts = self.jobs.counts()
        now: dict[str, float] = {f"jobs_{state}": counts[state] for state in (State.QUEUED, State.RUNNING)}
        now |= {
            "workers": len(self.jobs.workers()),
            "streams": self.streams.n_playing,
            "models": len(self.shelf.models()),
        }
        counted: dict[str, float] = {f"jobs_{name}": n for name, n in self.jobs.totals().items()}
        return now, counted | {"workers_restarted": self.pool.n_restarts}
