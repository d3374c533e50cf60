"""Following a clock: how near it keeps to the sender's beat, through jitter, ramps, losses and jumps."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from livegen.performance.ticks import LOST_FRAMES, Ticks
from livegen.units import FRAME_RATE_HZ, MIDI_CLOCK_PPQN

FRAMES_A_MS = FRAME_RATE_HZ / 1000
POLL_FRAMES = 0.5 * FRAMES_A_MS


def period_of(bpm: float) -> float:
    return 60 * FRAME_RATE_HZ / bpm / MIDI_CLOCK_PPQN


def follow(times: np.ndarray, ticks: Ticks | None = None) -> Ticks:
    ticks = ticks or Ticks()
    for time in times.tolist():
        ticks = ticks.hear(time)
    return ticks


def errors_ms(times: np.ndarray, heard: np.ndarray, ahead: int = 3) -> np.ndarray:
    """Return how far the time of a tick that is still to come is expected from where it was sent, after four beats."""
    ticks, errors = Ticks(), []
    for number, time in enumerate(heard.tolist()):
        ticks = ticks.hear(time)
        if number >= 4 * MIDI_CLOCK_PPQN and number + ahead < len(times):
            late = ticks.at(times[number + ahead]) - (number + ahead)
            errors.append(late * ticks.period / FRAMES_A_MS)
    return np.abs(errors)


def ramp(first_bpm: float, last_bpm: float, seconds: float) -> np.ndarray:
    """Return when the ticks of a steady ramp are sent, held at both ends for eight seconds, in frames."""
    at = np.linspace(0, seconds + 16, 100_000)
    bpm = np.interp(at, [8, seconds + 8], [first_bpm, last_bpm])
    n = np.concatenate([[0], np.cumsum((bpm[1:] + bpm[:-1]) / 2 * np.diff(at))]) * MIDI_CLOCK_PPQN / 60
    return np.interp(np.arange(int(n[-1])), n, at) * FRAME_RATE_HZ


@pytest.mark.parametrize("bpm", [60, 90, 120, 160, 200])
def test_a_clean_clock_is_followed_within_a_millisecond_or_two(bpm: float) -> None:
    times = 7.3 + np.arange(1000) * period_of(bpm)
    heard = times + np.random.default_rng(0).uniform(0, POLL_FRAMES, 1000)
    assert np.percentile(errors_ms(times, heard), 99) < 1.5
    assert follow(heard).period == pytest.approx(period_of(bpm), rel=2e-3)


@pytest.mark.parametrize("seconds", [10, 30])
@pytest.mark.parametrize(("first", "last"), [(60, 200), (200, 60)])
def test_a_ramp_is_followed_within_5_ms(first: float, last: float, seconds: float) -> None:
    times = ramp(first, last, seconds)
    heard = times + np.random.default_rng(0).uniform(0, POLL_FRAMES, len(times))
    assert np.percentile(errors_ms(times, heard), 99) < 5.0


@pytest.mark.parametrize("bpm", [60, 120, 200])
def test_a_host_that_jitters_by_3_ms_is_followed_within_5_ms(bpm: float) -> None:
    times = np.arange(1500) * period_of(bpm)
    heard = times + np.random.default_rng(1).uniform(-3, 3, 1500) * FRAMES_A_MS
    assert np.percentile(errors_ms(times, heard), 99) < 5.0


@example(bpm=60, lost={128, 132, 134, 136}, seed=0)  # every second tick lost is not half the tempo
@given(st.floats(60, 200), st.sets(st.integers(100, 400), max_size=8), st.integers(0, 99))
def test_ticks_that_are_lost_cost_no_beat(bpm: float, lost: set[int], seed: int) -> None:
    times = np.arange(440) * period_of(bpm)
    heard = times + np.random.default_rng(seed).uniform(0, POLL_FRAMES, 440)
    ticks = follow(np.delete(heard, sorted(lost)))
    assert ticks.at(times[-1]) == pytest.approx(439, abs=0.2)


def test_a_tick_that_comes_far_too_late_is_passed_over() -> None:
    times = np.arange(400) * period_of(120)
    heard = times.copy()
    heard[300] += 15 * FRAMES_A_MS
    assert errors_ms(times, heard).max() < 0.5


def test_ticks_that_were_held_up_come_at_once_and_change_nothing() -> None:
    times = np.arange(400) * period_of(120)
    heard = times.copy()
    heard[300:305] = times[305]
    assert errors_ms(times, heard).max() < 1.0


@pytest.mark.parametrize(("before", "after"), [(120, 60), (60, 120), (100, 140), (180, 90)])
def test_a_sudden_tempo_is_found_within_a_beat(before: float, after: float) -> None:
    first = np.arange(200) * period_of(before)
    then = first[-1] + period_of(after) * np.arange(1, 1 + MIDI_CLOCK_PPQN)
    ticks = follow(np.concatenate([first, then]))
    assert ticks.period == pytest.approx(period_of(after), rel=0.02)
    assert ticks.at(then[-1]) == pytest.approx(199 + MIDI_CLOCK_PPQN, abs=0.2)


def test_a_clock_that_stops_goes_on_and_its_bars_too_when_it_comes_back() -> None:
    times = np.arange(1000) * period_of(120)
    ticks = follow(times[:300])
    assert ticks.at(times[600]) == pytest.approx(600, abs=0.1)
    back = follow(times[601:], ticks)
    assert times[601] - times[299] > LOST_FRAMES
    assert back.at(times[-1]) == pytest.approx(999, abs=0.05)
    assert back.is_acquired


def test_the_next_tick_can_be_given_a_number() -> None:
    times = np.arange(300) * period_of(120)
    started = follow(times[200:], follow(times[:200]).go_to(0))
    assert started.at(times[-1]) == pytest.approx(99, abs=1e-6)
    moved = follow(times[200:] + 0.3 * period_of(120), follow(times[:200]).go_to(96))
    assert moved.at(times[-1] + 0.3 * period_of(120)) == pytest.approx(96 + 99, abs=1e-3)


@given(st.lists(st.one_of(st.floats(-1e3, 1e6), st.floats(0, 2)), max_size=60), st.booleans(), st.floats(-1e6, 1e7))
def test_any_times_give_a_finite_positive_tempo(times: list[float], are_steps: bool, at: float) -> None:
    ticks = Ticks()
    now = 0.0
    for time in times:
        now = now + time if are_steps else time
        ticks = ticks.hear(now)
        assert 0.0 < ticks.period < math.inf
        assert math.isfinite(ticks.at(at))
