"""How many threads torch computes with: whichever of some numbers learns faster while the machine is as it is.

Beside another busy process, threads that wait for each other may be ten times slower than one alone. So a run whose
budget is time tries each number with its first steps, and again when it has become slow. What sums come to may depend
on the number of threads: a run of so many steps keeps one, and comes out the same again.
"""

from collections.abc import Sequence
from statistics import median
from typing import Final

TRIAL_STEPS: Final = 3
"""Steps that each number of threads is tried with; the median counts, since the first is slower."""

WATCHED_STEPS: Final = 9
SLOW: Final = 0.75
"""When the median speed of so many steps falls under this share of what it was in the trial, there is another."""


class Threads:
    """Chooses among numbers of threads by the speed of steps; of one alone, that.

    Parameters
    ----------
    choices : sequence of int
        Those that are tried, in this order; the same number twice is tried once.

    Attributes
    ----------
    n : int
        How many threads the next step is to be done with.
    """

    def __init__(self, choices: Sequence[int]) -> None:
        self._choices = tuple(dict.fromkeys(choices))
        self._begin_trial()

    def hear(self, speed: float) -> None:
        """Take the speed of a step that was done with `n` threads, in frames a second."""
        if len(self._choices) == 1:
            return
        self._speeds[self.n].append(speed)
        if self._is_trial:
            self._try()
        elif median(self._speeds[self.n][-WATCHED_STEPS:]) < SLOW * self._tried:
            self._begin_trial()
        else:
            del self._speeds[self.n][:-WATCHED_STEPS]

    def _begin_trial(self) -> None:
        self.n, self._is_trial, self._tried = self._choices[0], True, 0.0
        self._speeds: dict[int, list[float]] = {n: [] for n in self._choices}

    def _try(self) -> None:
        """Go on with the number that is to be tried next, or with the best of all."""
        left = [n for n in self._choices if len(self._speeds[n]) < TRIAL_STEPS]
        self.n = left[0] if left else max(self._choices, key=lambda n: median(self._speeds[n]))
        if not left:
            self._is_trial, self._tried = False, median(self._speeds[self.n])
            self._speeds[self.n] = [self._tried] * WATCHED_STEPS
