"""Where the time of a run goes: `livegen train --profile`.

A piece of work is named by `phase` where it is done, as in ``with phase("forward"):``. It costs next to nothing unless
`profiling` is under way. A phase within another counts for itself alone, so the phases add up to the whole.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ContextDecorator, contextmanager
from typing import Any, Final

PHASES: Final = ("reading", "batch", "forward", "backward", "optimiser", "measuring", "writing")
"""Reading the songs; making a step's batch of them; the network on it, and all else in a step; its gradients; what is
done with these; the figures of songs that are not learnt; models, curves and checkpoints."""

REST: Final = "rest"
"""What is in no phase."""


class Profile:
    """The seconds that each phase has taken, and how many frames were learnt from.

    Parameters
    ----------
    wait : callable
        Waits until all that was begun is done: a GPU's work goes on behind the program.
    clock : callable
        Returns seconds.

    Attributes
    ----------
    n_frames : int
        Frames that were learnt from, or steps of the beat, or words.
    seconds : dict of str to float
        By phase, without those within it.
    """

    def __init__(
        self, wait: Callable[[], object] = lambda: None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.n_frames = 0
        self.seconds = dict.fromkeys((*PHASES, REST), 0.0)
        self._clock, self._wait = clock, wait
        self._phases = [REST]
        self._since = clock()

    def enter(self, name: str) -> None:
        """Begin a phase; the one around it waits."""
        self._pass()
        self._phases.append(name)

    def leave(self) -> None:
        """End the phase that was begun last."""
        self._pass()
        self._phases.pop()

    def report(self) -> dict[str, Any]:
        """Return ``frames``, and by phase its ``seconds``, its ``share`` of all, 0..1, and ``frames_per_second``.

        These are the frames of the whole run for each second of the phase; None where it has taken no time.
        """
        self._pass()
        total = sum(self.seconds.values()) or 1.0
        return {
            "frames": self.n_frames,
            "phases": {
                name: {
                    "seconds": seconds,
                    "share": seconds / total,
                    "frames_per_second": self.n_frames / seconds if seconds else None,
                }
                for name, seconds in self.seconds.items()
            },
        }

    def _pass(self) -> None:
        """Give the time since the last change to the phase that was under way."""
        self._wait()
        now = self._clock()
        self.seconds[self._phases[-1]] += now - self._since
        self._since = now


_under_way: list[Profile] = []


@contextmanager
def profiling(profile: Profile) -> Iterator[Profile]:
    """Measure all phases of this process until the block ends."""
    _under_way.append(profile)
    try:
        yield profile
    finally:
        _under_way.remove(profile)


def learnt(n_frames: int) -> None:
    """Count frames that were learnt from."""
    if _under_way:
        _under_way[-1].n_frames += n_frames


def profiled() -> dict[str, Any] | None:
    """Return the report of the profile that is under way; None where there is none."""
    return _under_way[-1].report() if _under_way else None


class phase(ContextDecorator):  # noqa: N801 - it reads as a word of the code that it names, as `contextlib`'s do
    """Name what a block, or a function that it decorates, does: one of `PHASES`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        """Begin the phase."""
        if _under_way:
            _under_way[-1].enter(self._name)

    def __exit__(self, *_: object) -> None:
        """End it."""
        if _under_way:
            _under_way[-1].leave()
