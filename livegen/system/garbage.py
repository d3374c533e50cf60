"""How long the interpreter has collected garbage. Meanwhile no thread runs Python, whichever of them it fell to."""

import gc
import time
from types import TracebackType
from typing import Any


class GarbageClock:
    """Adds up the time of all collections in its `with` block.

    Attributes
    ----------
    total_ns : int
    """

    def __init__(self) -> None:
        self.total_ns = 0
        self._began_ns = 0

    def __enter__(self) -> "GarbageClock":
        gc.callbacks.append(self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        gc.callbacks.remove(self._note)

    def _note(self, phase: str, info: dict[str, Any]) -> None:
        now_ns = time.perf_counter_ns()
        if phase == "start":
            self._began_ns = now_ns
        else:
            self.total_ns += now_ns - self._began_ns
