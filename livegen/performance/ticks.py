"""Following a MIDI clock: when its last tick was, how long a tick takes, and how that changes.

Ticks come with jitter (a poll, an audio block, a busy host), get lost, and speed up. A parabola is fitted recursively
to the times of the ticks; it is exact while the tempo changes steadily. The first ticks weigh much in the fit and later
ones less, down to a smallest weight: the expanding, then fading memory filters of P. Zarchan and H. Musoff,
"Fundamentals of Kalman Filtering", chapters 3 and 6. Times are in frames, as real numbers.
"""

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from livegen.units import FRAME_RATE_HZ, MIDI_CLOCK_PPQN, bpm_to_period

LOST_FRAMES: Final = FRAME_RATE_HZ // 2
"""A clock that is silent for this long, half a second, has stopped or is unplugged."""

N_ACQUIRED: Final = 6
"""Number of ticks after which the tempo is followed: those of a sixteenth note."""

FASTEST_BPM: Final = 400.0
SLOWEST_BPM: Final = 20.0
_SHORTEST: Final = bpm_to_period(FASTEST_BPM) / MIDI_CLOCK_PPQN
_LONGEST: Final = bpm_to_period(SLOWEST_BPM) / MIDI_CLOCK_PPQN

_REMEMBERED_FRAMES: Final = 18.0
_FEWEST_REMEMBERED: Final = 16
_MOST_REMEMBERED: Final = 48
"""The fit remembers about the ticks of 18 frames, 16 to 48 of them. Fewer ticks follow a change of tempo sooner, more
ticks smooth the jitter better. A span of time is set, because jitter does not grow with the length of a tick."""

_STEADY_TIMES: Final = 4
_STEADY_SHARE: Final = 0.6
_BIAS_TICKS: Final = 12
"""A clock is steady while the bias of its ticks is less than `_STEADY_SHARE` of their spread. The fit then remembers
`_STEADY_TIMES` as many ticks. The bias is averaged over about `_BIAS_TICKS` ticks."""

_TICKS_AHEAD: Final = MIDI_CLOCK_PPQN / 2
"""Number of ticks for which a change of tempo is expected to go on: half a beat."""

_N_STRAYS: Final = 4
_MOST_STRAYS: Final = 12
"""A stray is a tick that came where none was expected. `_N_STRAYS` evenly spaced ones in a row are believed; after
`_MOST_STRAYS` the fit begins anew."""

_ON_TRIAL: Final = 2 * N_ACQUIRED
"""A slower tempo that was believed can still turn out to be lost ticks until the fit remembers this many."""

_SAME: Final = 0.25
"""Two times are the same, and two periods too, if they differ by no more than this part of a tick."""

_WIDEST_GATE: Final = 0.75
_NARROWEST_GATE_FRAMES: Final = 0.1
_GATE_SPREADS: Final = 6.0
"""A tick is a stray if it comes further from its expected time than `_GATE_SPREADS` times the spread. This limit lies
between `_NARROWEST_GATE_FRAMES` and `_WIDEST_GATE` of a tick."""


@dataclass(frozen=True, slots=True)
class Ticks:
    """What is known of a clock after some ticks: a value.

    Attributes
    ----------
    number : int
        Number of the last tick; 0 is bar 1, beat 1.
    time : float
        When that tick was, smoothed.
    period : float
        Frames a tick.
    growth : float
        By how much the period grows from tick to tick.
    n_fitted : int
        Number of ticks that the fit remembers, 0 before the first.
    n_heard : int
        Number of ticks heard.
    heard : float
        When a tick was last heard.
    spread : float
        How many frames off their expected times ticks are, on average.
    bias : float
        How many frames later than expected the last ticks came, on average; small for a steady clock.
    strays : tuple of float
        When the last ticks were heard, if they came where none was expected.
    is_new_place : bool
        Whether the next tick's number was set from outside, so that its time may be any.
    before : Ticks or None
        The clock as it was known before a slower tempo was believed, while that is on trial: every second tick lost
        sounds like half the tempo, until a tick comes between two.
    """

    number: int = -1
    time: float = 0.0
    period: float = bpm_to_period(120.0) / MIDI_CLOCK_PPQN
    growth: float = 0.0
    n_fitted: int = 0
    n_heard: int = 0
    heard: float = -math.inf
    spread: float = 0.0
    bias: float = 0.0
    strays: tuple[float, ...] = ()
    is_new_place: bool = False
    before: "Ticks | None" = None

    @property
    def is_acquired(self) -> bool:
        """Whether the tempo can be followed."""
        return self.n_heard >= N_ACQUIRED

    def at(self, frame: float) -> float:
        """Return the number of the tick at a time, a real number. A change of tempo goes on for half a beat."""
        n_ahead = (frame - self.time) / self.period
        reach = min(max(n_ahead, -_TICKS_AHEAD), _TICKS_AHEAD)
        period = self.period + 0.5 * self.growth * reach
        return self.number + (frame - self.time) / min(max(period, _SHORTEST), _LONGEST)

    def go_to(self, number: int) -> "Ticks":
        """Return the clock with the number of its next tick set: after start, continue or a song position."""
        return replace(self, number=number - 1, is_new_place=True)

    def hear(self, time: float) -> "Ticks":
        """Return the clock after its next tick, which came at `time`."""
        heard, time = self.heard, max(time, self.heard)  # the audio clock's fit may move back a little
        after = replace(self, n_heard=self.n_heard + 1, heard=time)
        if self.n_fitted == 0:
            return replace(after, number=self.number + 1, time=time, n_fitted=1, is_new_place=False)
        if self.n_fitted == 1 and time - heard <= LOST_FRAMES:
            return after._begin(time, _clamped(time - self.time))
        if time - heard > LOST_FRAMES:
            return after._resume(time)
        surprise = time - self._next()
        if self.is_new_place and abs(surprise) > _SAME * self.period:
            return after._begin(time, self.period)
        if surprise < -_SAME * self.period and self.before is not None and self.before._expects(time):
            return after._return_to(self.before, time)
        if abs(surprise) > self._gate():
            return after._stray(time)
        return after._fit(surprise)

    def _next(self) -> float:
        return self.time + self.period + 0.5 * self.growth

    def _expects(self, time: float) -> bool:
        return _is_whole((time - self.time) / self.period)

    def _gate(self) -> float:
        if self.n_fitted < N_ACQUIRED:
            return 2.0 * _WIDEST_GATE * self.period
        if self.n_fitted < MIDI_CLOCK_PPQN:
            return _WIDEST_GATE * self.period
        return min(max(_GATE_SPREADS * self.spread, _NARROWEST_GATE_FRAMES), _WIDEST_GATE * self.period)

    def _fit(self, surprise: float) -> "Ticks":
        n_remembered = min(max(round(_REMEMBERED_FRAMES / self.period), _FEWEST_REMEMBERED), _MOST_REMEMBERED)
        bias = self.bias + (surprise - self.bias) / _BIAS_TICKS
        is_steady = abs(bias) < _STEADY_SHARE * self.spread
        n = min(self.n_fitted + 1, _STEADY_TIMES * n_remembered if is_steady else n_remembered)
        norm = n * (n + 1) * (n + 2)
        growth = self.growth + 60.0 / norm * surprise
        period = _clamped(self.period + self.growth + 18.0 * (2 * n - 1) / norm * surprise)
        return replace(
            self,
            number=self.number + 1,
            time=self._next() + 3.0 * (3 * n * n - 3 * n + 2) / norm * surprise,
            period=period,
            growth=min(max(growth, -0.05 * period), 0.05 * period),
            n_fitted=n,
            spread=self.spread + (abs(surprise) - self.spread) / min(n, n_remembered),
            bias=bias,
            strays=(),
            is_new_place=False,
            before=self.before if n < _ON_TRIAL else None,
        )

    def _begin(self, time: float, period: float) -> "Ticks":
        """Begin a new fit at a tick, with a period that is roughly known."""
        return replace(
            self,
            number=self.number + 1,
            time=time,
            period=period,
            growth=0.0,
            n_fitted=2,
            strays=(),
            is_new_place=False,
            before=None,
        )

    def _resume(self, time: float) -> "Ticks":
        """Go on after a silence: the number of the tick is the one that the beat has run on to, unless it was set."""
        n_missed = 0 if self.is_new_place else max(round((time - self.time) / self.period) - 1, 0)
        return replace(self, number=self.number + n_missed)._begin(time, self.period)

    def _return_to(self, before: "Ticks", time: float) -> "Ticks":
        """Take up the tempo before a slower one: ticks were only lost, and here one came between two."""
        number = before.number + round((time - before.time) / before.period)
        after = replace(before, number=number, time=time, growth=0.0, n_fitted=N_ACQUIRED, bias=0.0, strays=())
        return replace(after, n_heard=self.n_heard, heard=self.heard)

    def _stray(self, time: float) -> "Ticks":
        """Take a tick that came where none was expected: it is ignored unless the ticks after it confirm it."""
        expected = self._next()
        strays = (*self.strays, time)
        after = replace(self, number=self.number + 1, time=expected, growth=0.0, strays=strays)
        if len(strays) < _N_STRAYS:
            return after
        steps = [later - sooner for sooner, later in pairwise(strays[-_N_STRAYS:])]
        step = sum(steps) / len(steps)
        is_even = max(steps) - min(steps) <= 2.0 * _SAME * step and _SHORTEST <= step <= _LONGEST
        if self._has_lost_some(steps) or (is_even and abs(step - self.period) <= _SAME * self.period):
            n_lost = round((time - expected) / self.period)  # 0 if the clock was moved by a part of a tick
            return replace(after, number=after.number + n_lost, time=time, n_fitted=N_ACQUIRED, strays=())
        if is_even:
            is_doubtful = self.n_fitted >= MIDI_CLOCK_PPQN and step > (2.0 - _SAME) * self.period
            before = replace(self, before=None) if is_doubtful else None
            return replace(after, time=time, period=step, n_fitted=N_ACQUIRED, strays=(), before=before)
        if len(strays) == _MOST_STRAYS:  # the fit is useless: begin anew
            return replace(after, number=self.number)._begin(time, _clamped((time - strays[0]) / (_MOST_STRAYS - 1)))
        return after  # a burst after a pause, or noise

    def _has_lost_some(self, steps: list[float]) -> bool:
        """Return whether ticks came at the clock's own pace with some lost between them."""
        n_ticks = [step / self.period for step in steps]
        return all(map(_is_whole, n_ticks)) and round(min(n_ticks)) == 1


def _is_whole(n_ticks: float) -> bool:
    return abs(n_ticks - round(n_ticks)) <= _SAME


def _clamped(period: float) -> float:
    return min(max(period, _SHORTEST), _LONGEST)
