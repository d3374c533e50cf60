"""The worker of RQ that runs one function of ours, and refuses every other.

Whoever can write to Redis can put a job there that names any function that Python can import. So nothing of a job is
looked up: its function is always ours, and one that names another, or asks for callbacks, is thrown away before it is
begun. What it brings is JSON, of which a size is checked before it is unpacked; nothing is a pickle.
"""

import json
import zlib
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.worker import SimpleWorker

from livegen.errors import OrderError
from livegen.serve.jobs.order import MAX_PROMPT_BYTES, parse_order

FUNCTION: Final = "livegen.play"
"""What our jobs name; there is no such function, and none is looked for."""

_DATA_BYTES_MAX: Final = 2 * MAX_PROMPT_BYTES + (1 << 16)
_FOREIGN: Final = (
    "success_callback_name",
    "failure_callback_name",
    "stopped_callback_name",
    "webhooks",
    "dependency_id",
    "dependency_ids",
    "repeats_left",
    "repeat_intervals",
    "retries_left",
    "retry_intervals",
    "group_id",
)
"""What a job of ours never asks for."""

_IDLE_SECONDS: Final = 2

WORKER_SECONDS: Final = 15 + _IDLE_SECONDS
"""A worker's time to live as RQ has it, which waits 15 seconds less for a job."""

_MORE_SECONDS: Final = 2.0


def guarded_job(play: Callable[[str], None], count_refused: Callable[[], object]) -> type[Job]:
    """Return the class of the jobs that a worker takes from Redis.

    Parameters
    ----------
    play : callable
        The one function; it gets the order as JSON.
    count_refused : callable
        Called for each job that is thrown away.
    """

    class GuardedJob(Job):
        @property
        def func(self) -> Callable[[str], None]:
            """The function, whatever the job names."""
            return play

        def restore(self, raw_data: Any) -> Any:
            """Take over what Redis holds; raises NoSuchJobError, with which RQ goes on, if it is not ours."""
            if not is_ours(raw_data):
                self.connection.delete(self.key)
                count_refused()
                raise NoSuchJobError(f"{self.key} was refused: it is no order")
            return super().restore(raw_data)

    return GuardedJob


def is_ours(raw: dict[bytes, bytes]) -> bool:
    """Tell whether a job in Redis is an order and nothing else."""
    if any(raw.get(name.encode()) for name in _FOREIGN):
        return False
    packed = raw.get(b"data", b"")
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(packed, _DATA_BYTES_MAX)
    except zlib.error:
        return False
    if unpacker.unconsumed_tail or not unpacker.eof:
        return False
    try:
        name, instance, given, named = json.loads(data)
        if (name, instance, named) != (FUNCTION, None, {}) or len(given) != 1 or not isinstance(given[0], str):
            return False
        parse_order(given[0])
    except (ValueError, TypeError, RecursionError, OrderError):
        return False
    return True


class GuardedWorker(SimpleWorker):
    """RQ's worker that does not fork, so that models stay warm; its jobs are of the class `guarded_job` returns."""

    max_connection_wait_time = _MORE_SECONDS
    log_result_lifespan = False

    def serve(self, is_asked_to_leave: Callable[[], bool], greet: Callable[[], None]) -> None:
        """Take jobs until there have been none for some seconds, or until asked to leave.

        Parameters
        ----------
        is_asked_to_leave, greet : callable
            The second one says that the worker is there.
        """
        self._is_asked_to_leave, self._greet = is_asked_to_leave, greet
        self.work(logging_level="CRITICAL", max_idle_time=_IDLE_SECONDS)

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Say that the worker is there, to RQ and to us, and look whether to end."""
        super().heartbeat(timeout, pipeline)
        self._greet()
        self._stop_requested = self._is_asked_to_leave()

    def _install_signal_handlers(self) -> None:
        """Leave signals as they are: whoever runs this worker has set them."""

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Do nothing: RQ's commands over Redis are not for this worker."""

    def handle_payload(self, message: str) -> None:
        """Do nothing: RQ's commands over Redis, such as to stop, are not for this worker."""

    def subscribe(self) -> None:
        """Listen to no commands."""

    def unsubscribe(self) -> None:
        """Listen to no commands."""
