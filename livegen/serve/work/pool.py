"""The workers of this machine: processes that are started, watched, and started again when they die."""

import multiprocessing
import os
import signal
import threading
import uuid
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Final

from livegen.errors import OrderError
from livegen.serve.place import Place
from livegen.serve.work import worker
from livegen.system.processes import n_cores

MAX_WORKERS: Final = 64
"""Of a model, on any machine."""

_WORKERS_A_CORE: Final = 4

_PATIENCE_SECONDS: Final = 3.0


@dataclass(slots=True)
class _Team:
    """Workers that take the same models."""

    models: tuple[str, ...] | None
    n: int
    processes: list[BaseProcess]


class Pool:
    """Workers of this machine. Any thread may call it.

    Parameters
    ----------
    place : Place
    n : int
        Workers that take every model.

    Attributes
    ----------
    n_restarts : int
        Workers that were started because another one had died.
    """

    def __init__(self, place: Place, n: int) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._teams: dict[str, _Team] = {"": _Team(None, n, [])}
        self.n_restarts = 0

    def size_of(self, model: str) -> int:
        """Return how many workers take this model alone."""
        return self._teams[model].n if model in self._teams else 0

    def scale(self, model: str, n: int) -> None:
        """Have so many workers that take this model alone, beside those that take every one.

        Raises
        ------
        OrderError
            If this machine were to have more workers than it can bear: four for each of its cores.
        """
        most = _WORKERS_A_CORE * n_cores()
        with self._lock:
            n_others = sum(team.n for name, team in self._teams.items() if name != model)
            if n > 0 and n_others + n > most:
                raise OrderError(
                    f"{n} workers beside {n_others} others are too many for this machine: it bears {most} in all"
                )
            team = self._teams.setdefault(model, _Team((model,), 0, []))
            team.n = n
            self._fill(team)

    def tend(self) -> None:
        """Start a worker for each that has died."""
        with self._lock:
            for team in self._teams.values():
                for process in [process for process in team.processes if not process.is_alive()]:
                    process.join()
                    team.processes.remove(process)
                    self.n_restarts += len(team.processes) < team.n
                self._fill(team)

    def end(self) -> None:
        """End all workers; what they play is played again by others."""
        with self._lock:
            processes = [process for team in self._teams.values() for process in team.processes]
            self._teams.clear()
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(_PATIENCE_SECONDS)
            if process.is_alive():
                process.kill()
                process.join()

    def _fill(self, team: _Team) -> None:
        while len(team.processes) > team.n:
            team.processes.pop().terminate()
        while len(team.processes) < team.n:
            name = uuid.uuid4().hex[:12]
            process = multiprocessing.get_context("spawn").Process(
                target=_work, args=(self._place, name, team.models, os.getpid()), name="livegen worker", daemon=True
            )
            process.start()
            team.processes.append(process)


def _work(place: Place, name: str, models: tuple[str, ...] | None, parent: int) -> None:
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the server's terminal is its own business
    worker.run(place, name, models, parent)
