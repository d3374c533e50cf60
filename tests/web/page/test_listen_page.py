"""What "listen here" makes of sound that comes unevenly: how late it plays, what it misses, and no click ever."""

from typing import Any, Final

import numpy as np
import pytest

RATE: Final = 48_000
HZ: Final = 441.0
LEVEL: Final = 0.5
MESSAGES_A_SECOND: Final = 50
SCENE: Final = """async ({ rate, outputRate, seconds, lost, drift, hz, level, delays, stop }) => {
    const { JitterBuffer } = await import("/static/listen-buffer.js");
    const buffer = new JitterBuffer(rate, outputRate);
    const output = new Float32Array(Math.floor((seconds * outputRate) / 128) * 128);
    const size = rate / 50;
    const late = Object.fromEntries(delays);
    const reports = [];
    let n = 2 ** 32 - 5 * rate; // the number of a sample has 32 bits
    let arrived = 0;
    for (let i = 0, k = 0; i < output.length; i += 128) {
        if (i === Math.round((stop[0] * outputRate) / 128) * 128) arrived -= stop[1]; // nobody takes for so long
        for (;; k++, n += size) {
            const due = ((k + 1) / 50) * (1 - drift) + (late[k] ?? 0) - (i / outputRate >= stop[0] ? stop[1] : 0);
            arrived = Math.max(arrived, due); // none overtakes another one
            if (arrived > i / outputRate) break;
            const phase = (j) => (2 * Math.PI * hz * (k * size + j)) / rate;
            const pcm = Int16Array.from({ length: size }, (_, j) => 32767 * level * Math.sin(phase(j)));
            if (!lost.includes(k)) buffer.put(n % 2 ** 32, pcm);
        }
        buffer.take(output.subarray(i, i + 128));
        if (Math.floor(i / outputRate) > reports.length - 1) reports.push(buffer.report());
    }
    let bend = 0;
    for (let i = 2; i < output.length; i++) {
        if (Math.abs(i / outputRate - stop[0]) < 0.01) continue; // it was cut by whoever held it
        bend = Math.max(bend, Math.abs(output[i] - 2 * output[i - 1] + output[i - 2]));
    }
    return [[...output.slice(-2 * outputRate)], bend, [...reports, buffer.report()]];
}"""


def listen(modules: Any, seconds: float, *, hz: float = HZ, level: float = LEVEL, **changes: Any) -> tuple[Any, Any]:
    """Return the end of what is heard and a report of every second; it must not have clicked.

    `changes` are `outputRate`, `lost` and `delays` of messages by their numbers, `drift` of the sender's clock, and
    `stop`: when nobody takes any sound, and for how long.
    """
    scene = {"rate": RATE, "outputRate": RATE, "lost": [], "drift": 0.0, "delays": [], "stop": [1e9, 0.0]} | changes
    heard, bend, reports = modules.evaluate(SCENE, scene | {"seconds": seconds, "hz": hz, "level": level})
    omega = 2 * np.pi * hz / scene["outputRate"]
    ramps = level / 128 + 4 / 32_768  # what a fade over 128 samples bends, and the steps of 16 bits
    assert bend < 4 * level * omega**2 + ramps  # a click bends by the level
    return np.array(heard), reports


def every(seconds: float, first: float, end: float, late_seconds: float) -> list[tuple[int, float]]:
    """Return delays of single messages, every few seconds for a while."""
    times = np.arange(first, end, seconds)
    return [(round(at * MESSAGES_A_SECOND), late_seconds) for at in times.tolist()]


@pytest.mark.parametrize(
    ("output_rate", "drift", "lost", "n_gaps", "n_drop_outs"),
    [
        (48_000, 0.0, [], 0, 0),
        (44_100, 0.0, [], 0, 0),
        (48_000, 3e-4, [], 0, 0),
        (48_000, -3e-4, [], 0, 0),
        (48_000, 0.0, [200, 201, 300], 2, 0),
        (48_000, 0.0, list(range(200, 215)), 1, 1),
    ],
)
def test_it_is_in_tune_and_never_clicks(
    modules: Any, output_rate: int, drift: float, lost: list[int], n_gaps: int, n_drop_outs: int
) -> None:
    end, reports = listen(modules, 10, outputRate=output_rate, drift=drift, lost=lost)
    report = reports[-1]
    assert (report["nGaps"], report["nDropOuts"], report["nJumps"]) == (n_gaps, n_drop_outs, 0)
    spectrum = np.abs(np.fft.rfft(end * np.blackman(len(end)), 2**20))
    assert spectrum.argmax() * output_rate / 2**20 == pytest.approx(HZ, rel=0.003)
    assert np.sqrt(np.mean(end**2)) == pytest.approx(LEVEL / np.sqrt(2), rel=0.01)


def test_what_comes_evenly_soon_waits_no_longer_than_it_must(modules: Any) -> None:
    _, reports = listen(modules, 60)
    assert reports[5]["delay"] < 0.11
    assert 0.03 < reports[-1]["delay"] < 0.06
    assert reports[-1]["nDropOuts"] == 0


def test_one_that_is_late_once_is_not_waited_for_and_two_are(modules: Any) -> None:
    once = every(99, 40, 41, 0.25)
    _, reports = listen(modules, 80, delays=once)
    assert reports[-1]["nDropOuts"] == 1
    assert reports[45]["delay"] < 0.1  # what it was and a little more
    assert reports[-1]["delay"] < 0.07  # as if nothing had been
    _, reports = listen(modules, 80, delays=every(4, 40, 70, 0.15))
    assert reports[-1]["nDropOuts"] <= 2
    assert reports[65]["delay"] > 0.15


@pytest.mark.parametrize(
    ("sound", "most_late"),
    [({"level": 0.002}, 0.07), ({"hz": 441.0}, 0.1), ({"hz": 29.0}, 0.2)],
    ids=["it is quiet", "waves can be left out", "nothing can be left out"],
)
def test_a_wait_that_is_no_longer_needed_goes_again(modules: Any, sound: dict[str, float], most_late: float) -> None:
    """Of a tone of 29 Hz no piece of 20 ms is like the next one."""
    _, reports = listen(modules, 75, delays=every(1, 5, 15, 0.2), **sound)
    assert reports[20]["delay"] > 0.2
    assert reports[-1]["delay"] < most_late
    assert reports[-1]["nDropOuts"] <= 3
    assert reports[-1]["nJumps"] == 0


@pytest.mark.parametrize("seconds", [1.0, 60.0])
def test_a_browser_that_was_held_goes_on_where_the_music_is(modules: Any, seconds: float) -> None:
    _, reports = listen(modules, 40, stop=[20.0, seconds])
    assert reports[-1]["isPlaying"]
    assert reports[22]["delay"] < 0.12
    assert reports[-1]["nJumps"] + reports[-1]["nDropOuts"] <= 1


def test_a_sender_that_stood_still_is_followed_from_then_on(modules: Any) -> None:
    """As where its sound device lost time: every message from then on is as late."""
    n_late = 20 * MESSAGES_A_SECOND
    _, reports = listen(modules, 40, delays=[(k, 0.5) for k in range(n_late, 2 * n_late + MESSAGES_A_SECOND)])
    assert reports[-1]["isPlaying"]
    assert reports[-1]["nDropOuts"] <= 3
    assert reports[-1]["delay"] < 0.15
