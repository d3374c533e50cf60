"""The look-ahead under load: it shrinks before plans take as long as frames, and grows back slowly.

A key voids the plan, so a plan of twelve frames is made within one. Where other programs take the processor a shorter
one is, and nobody hears the difference. What is set is a control as any other: it is in the take with its frame, and a
replay goes by that and by no clock.
"""

from typing import Final

from livegen.units import FRAME_RATE_HZ

_FULL: Final = 0.75
_AIM: Final = 0.5
"""A plan that takes more than the first share of a frame is too long: it is made short enough to take the other one."""

_LEAST_FRAMES: Final = 6
"""Shortest look-ahead that is set: planned frames sound while the process stands still, these for a quarter second."""

_AGAIN_PLANS: Final = FRAME_RATE_HZ
"""One plan that is too long is chance: there must be another within so many."""

_FORGETS: Final = 0.99
"""The longest plan of late counts so much less for each plan since: half after three seconds."""

_CALM_PLANS: Final = 3 * FRAME_RATE_HZ
"""Plans from one change to the next that makes the look-ahead longer, by one frame."""


class Lookahead:
    """How many frames are planned, by how long that takes; for the frame thread.

    Attributes
    ----------
    source : str
        Of the events that set it.
    asked : int
        The look-ahead that was asked for last by anybody else, 0 before the first plan.
    """

    source: Final = "pace"

    def __init__(self) -> None:
        self.asked = 0
        self._set = 0  # what was set last
        self._longest = 0.0  # of the plans of late, as a share of a frame
        self._long = 0.0  # the last that was too long
        self._since_long = _AGAIN_PLANS  # how many plans ago that was
        self._n_plans = 0  # since the last change

    def after(self, seconds: float, in_force: int) -> int | None:
        """Return the look-ahead that is to be set after a plan; None where it stays as it is.

        Parameters
        ----------
        seconds : float
            From when the plan was due until all of it was there.
        in_force : int
            The look-ahead that the plan was made with; what is returned is in force for the next one.
        """
        self._n_plans += 1
        if in_force != self._set:  # somebody else has set it
            self.asked = self._set = in_force
            self._longest, self._since_long = 0.0, _AGAIN_PLANS
        load = seconds * FRAME_RATE_HZ
        self._longest = max(load, _FORGETS * self._longest)
        self._since_long += 1
        if load > _FULL and in_force > _LEAST_FRAMES:
            since, self._since_long = self._since_long, 0
            sustained, self._long = min(load, self._long), load
            if since <= _AGAIN_PLANS:
                return self._change(max(int(in_force * _AIM / sustained), _LEAST_FRAMES))
        is_calm = self._n_plans >= _CALM_PLANS and self._longest * (in_force + 1) < _AIM * in_force
        return self._change(in_force + 1) if is_calm and in_force < self.asked else None

    def _change(self, n_frames: int) -> int:
        self._set, self._n_plans, self._since_long = n_frames, 0, _AGAIN_PLANS
        return n_frames
