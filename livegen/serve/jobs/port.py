"""The port: what the service and its workers ask of a queue. Each adapter is one class that does all of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from livegen.serve.jobs.order import Order

SILENCE_SECONDS: Final = 10.0
"""A job whose worker has been silent for so long is given to another."""

BEAT_SECONDS: Final = 0.5
"""How often a worker says that it is there, and asks whether its job is still wanted."""

MAX_ATTEMPTS: Final = 5
"""How many workers may fall silent over a job before it has failed."""


class State(StrEnum):
    """How a job stands. One that was cancelled is gone."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """A job, as it stands.

    Attributes
    ----------
    id : str
    order : Order
    state : State
    created : float
        In seconds since 1970.
    progress : float
        The part that is rendered, 0..1.
    attempts : int
        How often a worker has begun it.
    error : str
        Why it failed, in a sentence; else empty.
    """

    id: str
    order: Order
    state: State
    created: float
    progress: float = 0.0
    attempts: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A job that a worker has begun. The token is its own: what another attempt says of the job does not count."""

    id: str
    order: Order
    token: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a job makes; all other files are converted from these two.

    Attributes
    ----------
    score : bytes
        A MIDI file in NES-MDB's layout, from which every frame can be read back.
    registers : bytes
        A VGM file: all that was written to the chip.
    """

    score: bytes
    registers: bytes


Perform = Callable[[Attempt], None]
"""Plays a job, and tells the queue what came of it; never raises LivegenError."""


class Jobs(Protocol):
    """A queue of jobs. Every method may be called from any thread, and raises QueueError if the queue is not there."""

    def submit(self, order: Order, client: str) -> Job:
        """Return the job of an order: the one that there is, or a new one. One that has failed is begun anew."""
        ...

    def find(self, id: str) -> Job | None:
        """Return a job, or None if there is none."""
        ...

    def recent(self, n: int) -> Sequence[Job]:
        """Return the newest jobs, the newest first."""
        ...

    def counts(self) -> Mapping[State, int]:
        """Return how many jobs there are in each state."""
        ...

    def n_open(self, client: str) -> int:
        """Return how many jobs of a client are queued or running."""
        ...

    def totals(self) -> Mapping[str, int]:
        """Return counts since the queue was made: done, failed, retried, refused."""
        ...

    def forget(self, id: str) -> bool:
        """Cancel a job that is not done, delete all that there is of it, and tell whether there was one."""
        ...

    def result(self, id: str) -> Result | None:
        """Return what a job has made, and note that it was fetched."""
        ...

    def tend(self, keep_seconds: float) -> None:
        """Give jobs whose workers are silent to others, and delete what nobody has fetched for so long."""
        ...

    def workers(self) -> Mapping[str, Sequence[str] | None]:
        """Return the workers that are there, and the models that each takes; None if it takes any."""
        ...

    def beat(self, attempt: Attempt, progress: float) -> bool:
        """Say that a worker is at work, and tell whether the job is still its own; if not, it should stop."""
        ...

    def finish(self, attempt: Attempt, result: Result) -> bool:
        """Give in the result, all of it or nothing, and tell whether it counts: only the first one does."""
        ...

    def fail(self, attempt: Attempt, sentence: str) -> None:
        """Give a job up for good."""
        ...

    def work(
        self, name: str, models: Sequence[str] | None, perform: Perform, is_asked_to_leave: Callable[[], bool]
    ) -> None:
        """Perform one job after another, of these models or of any, until asked to leave."""
        ...
