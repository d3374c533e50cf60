"""How fast this machine is: the model's step, the chip, the audio callback, and the start of livegen.

Every figure is measured with the code that really plays, with the interpreter set up as while playing, after a warm-up
that is not counted. Only the session is measured in real time. The rest runs as fast as it can, in one thread on one
core. Other work on the machine shows in the figures, and in the maxima first.
"""

import contextlib
import os
import platform
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen import __version__
from livegen.apu import render_writes
from livegen.apu.workloads import Writes, busy_writes, worst_case_writes
from livegen.cli.benchmark.batch import measure_batch
from livegen.cli.benchmark.products import measure_products
from livegen.cli.benchmark.startup import measure_startup
from livegen.controls import DEFAULTS, with_value
from livegen.engines.checkpoint import load_engine, read_config
from livegen.engines.protocol import Engine, Sampling
from livegen.events import Event as InputEvent
from livegen.events import NoteOff, NoteOn, PitchWheel, StampedEvent
from livegen.instrument.compile import compile_all
from livegen.instrument.instrument import Instrument
from livegen.offline.clock import OfflineClock
from livegen.outputs.callback import N_BINS
from livegen.outputs.native import play_live
from livegen.patch import Patch, list_patches, load_patch
from livegen.performance.performance import advance, begin
from livegen.performance.timeline import HISTORY_FRAMES
from livegen.performance.turn import FrameReport
from livegen.score import MIDI_CHANNEL, N_VOICES, SILENCE, Voice
from livegen.session.build import build_session
from livegen.session.clock import AudioClock
from livegen.session.session import Session
from livegen.session.settings import Settings
from livegen.system.threads import raise_priority, real_time_process
from livegen.units import CPU_CLOCK_HZ, frame_to_sample

_SOURCE: Final = "bench"
_N_STEPS: Final = 2000
_N_TORCH_STEPS: Final = 300
_N_PLANS: Final = 300
_N_WARM: Final = 50
_LOOKAHEAD: Final = 12
_APU_SECONDS: Final = 10
_APU_RATE_HZ: Final = 48_000
_APU_RUNS: Final = 3
_PATCH_BLOCK_SAMPLES: Final = 64
_PATCH_FRAMES: Final = 300
_PATCH_STROKE_FRAMES: Final = 5
_PATCH_REST_SECONDS: Final = 0.0005  # Linux stops a real-time thread that never rests for 50 ms in every second
_DRUM_CHANNEL: Final = MIDI_CHANNEL[Voice.NO]
_EVENTS_PER_SECOND: Final = 20.0
_EVENT_MARGIN_NS: Final = 5_000_000
_POLL_SECONDS: Final = 0.05


Times = dict[str, NDArray[np.float64]]
"""How long each of many runs took, in milliseconds, by what was run."""


def measure(
    model_folder: Path,
    *,
    session_seconds: float = 5.0,
    audio: str | None = None,
    patch: str = "plain",
    times: Times | None = None,
) -> dict[str, Any]:
    """Measure this machine.

    Parameters
    ----------
    model_folder : Path
        A folder as `load_engine` takes.
    session_seconds : float
        How long the session plays.
    audio : str or None
        Device or host API of the session, ``"null"``, or None for the best device.
    patch : str
        Patch that the session plays: a name or a file.
    times : dict, optional
        Is filled with the times of which the figures of step, plan and products are percentiles.

    Returns
    -------
    dict
        ``step_ms plan12_ms``; ``products_ms``, see `measure_products`, and by each other maker's name
        ``products_over_numpy`` and so on, our median divided by its; ``batch``, the result of `measure_batch`;
        ``apu_realtime_factor apu_worst_case_realtime_factor``; ``busiest_patch``, the result of `measure_patches`; the
        figures of `measure_session`; ``startup_s``; if torch is installed, ``torch_step_ms`` and ``torch_over_step``
        (torch's median divided by the median of ``step_ms``); and ``machine``, which describes the
        machine. A dict of times holds percentiles, and of some the maximum.

    Raises
    ------
    LivegenError
        If the model or the audio device cannot be used, or `livegen jam` does not start.
    """
    engine = load_engine(model_folder)
    engine.warm_up()
    times = {} if times is None else times
    times["step"], frames = measure_step(engine)
    times["plan of 12"] = measure_plan(engine)
    products_ms = measure_products(engine) or {}
    times |= {f"products {maker}": of_maker for maker, of_maker in products_ms.items()}
    figures: dict[str, Any] = {
        "step_ms": _percentiles(times["step"], with_max=True),
        "plan12_ms": _percentiles(times["plan of 12"]),
        "products_ms": {maker: _percentiles(of_maker) for maker, of_maker in products_ms.items()},
        **{
            f"products_over_{maker}": float(np.median(products_ms["livegen"]) / np.median(of_maker))
            for maker, of_maker in products_ms.items()
            if maker != "livegen"
        },
        "batch": measure_batch(model_folder),
        "apu_realtime_factor": measure_apu(busy_writes(_APU_SECONDS)),
        "apu_worst_case_realtime_factor": measure_apu(worst_case_writes()),
        "busiest_patch": measure_patches(engine),
    }
    settings = Settings(audio=audio, midi_api="none", osc_port=0)
    figures |= measure_session(engine, load_patch(patch), session_seconds, settings)
    figures["startup_s"] = measure_startup(model_folder, audio)
    torch_ms = measure_torch_step(model_folder, frames)  # last: torch, once imported, is in the process for good
    if torch_ms is not None:
        figures["torch_step_ms"] = _percentiles(torch_ms)
        figures["torch_over_step"] = figures["torch_step_ms"]["p50"] / figures["step_ms"]["p50"]
        times["step torch"] = torch_ms
    figures["machine"] = {
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "livegen": __version__,
        "model": engine.name,
    }
    return figures


def measure_step(engine: Engine) -> tuple[NDArray[np.float64], list[NDArray[np.uint8]]]:
    """Return the milliseconds that each of many prediction steps took, and the frames that they drew.

    A step hears the frame before and draws all four voices of the next. No player takes part.
    """
    state, frame = engine.initial_state(), SILENCE
    nothing_forced = np.zeros(N_VOICES, np.bool_)
    frames = [frame]

    def step() -> None:
        nonlocal state, frame
        distribution, state = engine.step(frame, state)
        frame = distribution.sample(SILENCE, nothing_forced, Sampling(), seed=0, frame_index=len(frames))
        frames.append(frame)

    return _time_each(step, _N_STEPS), frames


def measure_torch_step(model_folder: Path, frames: list[NDArray[np.uint8]]) -> NDArray[np.float64] | None:
    """Return milliseconds of single steps in torch on one thread of the CPU.

    None if torch is not installed, or the model is of a kind that livegen does not train. The network that was trained
    hears the same frames one by one, and computes the distributions of each voice of the next frame. Drawing from them
    is left out, which favours torch.
    """
    if read_config(model_folder)[0] != "lstm":
        return None
    try:
        from livegen.training.live_step import TorchStep, one_thread
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        return None
    torch_step = TorchStep(model_folder)
    pairs = pairwise(frames)
    with one_thread():
        return _time_each(lambda: torch_step.step(*next(pairs)), _N_TORCH_STEPS)


def measure_plan(engine: Engine) -> NDArray[np.float64]:
    """Return milliseconds of planning twelve frames again because of a key, after a full history.

    The key goes down or comes up in the frame that sounds, as when playing. The engine is restored to its state
    before that frame, hears the frame again, and draws the twelve after it.
    """
    state = begin(engine, with_value(DEFAULTS, "lookahead", _LOOKAHEAD), seed=0)
    state, _, _ = advance(state, HISTORY_FRAMES)

    def plan() -> None:
        nonlocal state
        sounding = state.horizon
        is_down = bool(state.keyboard.held)
        event: InputEvent = NoteOff(0, 69) if is_down else NoteOn(0, 69, 100)
        state, frames, _ = advance(state, sounding + 1, [StampedEvent(event, _SOURCE, sounding)])
        assert len(frames) == _LOOKAHEAD

    return _time_each(plan, _N_PLANS)


def measure_apu(writes: Writes) -> float:
    """Return how many times faster than real time the chip renders a register log, in the best of a few runs.

    It renders writes to samples at 48 kHz, with the console's mixer and filters. All runs do the same work, so the best
    is the one that other programs disturbed least.
    """

    def render(seconds: float) -> float:
        began = time.perf_counter()
        n_samples = round(seconds * _APU_RATE_HZ)
        render_writes(*writes, cpu_clock_hz=CPU_CLOCK_HZ["ntsc"], sample_rate=_APU_RATE_HZ, n_samples=n_samples)
        return time.perf_counter() - began

    render(0.1)
    return _APU_SECONDS / min(render(_APU_SECONDS) for _ in range(_APU_RUNS))


def measure_patches(engine: Engine) -> dict[str, Any]:
    """Play every shipped patch, and return how long filling a block takes with the slowest of them.

    Blocks have 64 samples at 48 kHz. They are filled faster than real time, on a thread with the priority that ours
    have while playing. Three keys and a drum are struck in every fifth frame, the pitch wheel always moves, and the
    model plays the other voices.

    Returns
    -------
    dict
        ``patch``, the one with the greatest p99; ``callback_us``, its percentiles and its longest time; and
        ``longest_share_of_block``, this longest time divided by the duration of a block.
    """
    names = list_patches()
    with real_time_process(), ThreadPoolExecutor(1, initializer=raise_priority) as pool:
        of_patch = dict(zip(names, pool.map(lambda name: _measure_patch(engine, name), names), strict=True))
    busiest = max(of_patch, key=lambda name: of_patch[name]["p99"])
    callback_us = of_patch[busiest]
    block_us = 1e6 * _PATCH_BLOCK_SAMPLES / _APU_RATE_HZ
    return {"patch": busiest, "callback_us": callback_us, "longest_share_of_block": callback_us["max"] / block_us}


def _measure_patch(engine: Engine, name: str) -> dict[str, float]:
    patch = load_patch(name)
    compile_all(engine, patch)
    instrument = Instrument(engine, patch, _APU_RATE_HZ)
    callback, clock = instrument.callback, OfflineClock(_APU_RATE_HZ)
    block = np.zeros(_PATCH_BLOCK_SAMPLES * int(callback["n_channels"][0]), np.float32)
    generator = np.random.default_rng(0)
    held: list[tuple[int, int]] = []
    for frame_index in range(_PATCH_FRAMES):
        instrument.play_frame(frame_index, clock.position_at)
        if frame_index == _N_WARM:
            callback["stats"]["callback_ns"], callback["stats"]["callback_ns_max"] = 0, 0
        instrument.receive(PitchWheel(0, int(generator.integers(-8192, 8192))), _SOURCE)
        if frame_index % _PATCH_STROKE_FRAMES == 0:
            for channel, key in held:
                instrument.receive(NoteOff(channel, key), _SOURCE)
            held = [(0, int(key)) for key in generator.integers(40, 90, 3)] + [(_DRUM_CHANNEL, 36)]
            for channel, key in held:
                instrument.receive(NoteOn(channel, key, 100), _SOURCE)
        while int(callback["sample"][0]) < frame_to_sample(frame_index + 1, _APU_RATE_HZ):
            play_live(callback, block, _PATCH_BLOCK_SAMPLES)
        time.sleep(_PATCH_REST_SECONDS)
    return histogram_percentiles(callback["stats"]["callback_ns"][0], int(callback["stats"]["callback_ns_max"][0]))


def measure_hogged(model_folder: Path, patch: Patch, seconds: float, settings: Settings) -> dict[str, Any]:
    """Play a session while a loop of pure Python keeps the interpreter busy; return what `measure_session` returns.

    No keys are played here, so that a test outside can play them over MIDI and listen.
    """
    engine = load_engine(model_folder)
    with _busy_interpreter():
        return measure_session(engine, patch, seconds, settings, has_random_keys=False)


def measure_session(
    engine: Engine, patch: Patch, seconds: float, settings: Settings, *, has_random_keys: bool = True
) -> dict[str, Any]:
    """Play a session in real time with all four voices, and return the figures.

    The model plays P2, TR and NO, and random keys play P1. About twenty times a second a key goes down or comes up, at
    times that do not depend on frames or blocks. Each of these events voids the plan.

    Returns
    -------
    dict
        ``callback_us``
            Time that the callback took to fill a block, over all blocks from the first on. Percentiles are the upper
            edge of a bin of a microsecond.
        ``callbacks callback_misses``
            Number of blocks filled, and of blocks that took longer than they last or that the device reported as
            underflows; a block that was both counts twice. The null device reports no underflows.
        ``callback_share_of_block``
            The callback's p99 divided by the duration of a block, which is the time that it may take.
        ``event_to_frame``
            Number of events; percentage of them on which the model's voices were conditioned at the latest in the
            first frame that begins at least 5 ms and one block after the event; and the longest time from an event to
            the beginning of the first frame conditioned on it.
        ``frames``
            How many were played, how many were not planned in time, and how many were planned again too late.
        ``session``
            The device that it played on, and what else went wrong.
    """
    session = build_session(engine, patch, settings)
    waits = EventWaits(session.clock, session.clock.block_samples)
    session.observers.append(waits.observe)
    try:
        session.start(lambda: None)
        if has_random_keys:
            _play_random_keys(session, seconds)
        while session.seconds() < seconds:
            time.sleep(_POLL_SECONDS)
        played = session.seconds()
        stats = session.instrument.callback["stats"][0].copy()
    finally:
        session.stop()
    block_us = 1e6 * int(stats["block_samples_max"]) / session.clock.sample_rate
    callback_us = histogram_percentiles(stats["callback_ns"], int(stats["callback_ns_max"]))
    n_long = count_long(stats["callback_ns"], int(stats["callback_ns_max"]), block_us)
    return {
        "callback_us": callback_us,
        "callbacks": int(stats["callback_ns"].sum()),
        "callback_misses": n_long + int(stats["underflows"]),
        "callback_share_of_block": callback_us["p99"] / block_us,
        "event_to_frame": waits.figures(),
        "frames": {
            "played": int(stats["frame_taken"][0]) + 1,
            "late": int(stats["late_frames"]),
            "missed_plans": session.instrument.n_missed_plans,
        },
        "session": {
            "seconds": played,
            "audio": session.speaker.name,
            "sample_rate": session.clock.sample_rate,
            "block_samples": int(stats["block_samples_max"]),
            "events_lost": session.instrument.n_lost,
            "faults": session.status.faults,
        },
    }


class EventWaits:
    """Measures how soon the model's voices answer the events of the bench.

    Parameters
    ----------
    clock : AudioClock
    block_samples : callable
        Returns the length of the device's blocks.
    """

    def __init__(self, clock: AudioClock, block_samples: Callable[[], int]) -> None:
        self._clock = clock
        self._block_samples = block_samples
        self._n_on_time = 0
        self._waits_ns: list[int] = []

    def observe(self, report: FrameReport) -> None:
        """Take a frame's report. Called on the session's frame thread."""
        times_ns = [
            time_ns for event, time_ns in zip(report.events, report.times_ns, strict=True) if event.source == _SOURCE
        ]
        if not times_ns:
            return
        margin_ns = _EVENT_MARGIN_NS + self._block_samples() * 1_000_000_000 // self._clock.sample_rate
        begins_ns = self._clock.time_of_frame(report.horizon)
        before_ns = self._clock.time_of_frame(report.horizon - 1)
        # on time, if the frame before begins so soon after the event that it need not be conditioned on it
        self._n_on_time += sum(before_ns < time_ns + margin_ns for time_ns in times_ns)
        self._waits_ns += [begins_ns - time_ns for time_ns in times_ns]

    def figures(self) -> dict[str, Any]:
        """Return ``events``, ``on_time_percent`` and ``worst_ms``; the last two are None without an event."""
        n = len(self._waits_ns)
        return {
            "events": n,
            "on_time_percent": 100.0 * self._n_on_time / n if n else None,
            "worst_ms": max(self._waits_ns) / 1e6 if n else None,
        }


def histogram_percentiles(counts: NDArray[np.int64], longest_ns: int) -> dict[str, float]:
    """Return p50, p99 and max in microseconds, from a histogram in bins of one microsecond whose last bin is open.

    A percentile is the upper edge of its bin. It is the longest time instead if that is less, or in the open bin.
    """
    longest = longest_ns / 1000.0
    below = np.cumsum(counts)

    def percentile(share: float) -> float:
        at = int(np.searchsorted(below, share * below[-1]))
        return longest if at >= len(counts) - 1 else min(at + 1.0, longest)

    return {"p50": percentile(0.5), "p99": percentile(0.99), "max": longest}


def count_long(counts: NDArray[np.int64], longest_ns: int, block_us: float) -> int:
    """Return how many callbacks in such a histogram took longer than their block.

    The bin that holds the duration of a block counts as a whole. If a block is longer than the histogram reaches, the
    answer is only whether there was any: 1 or 0.
    """
    if block_us >= N_BINS - 1:
        return int(longest_ns > 1000.0 * block_us)
    return int(counts[int(block_us) :].sum())


def _play_random_keys(session: Session, seconds: float) -> None:
    generator = np.random.default_rng(0)
    held: int | None = None
    next_at = time.perf_counter()
    while session.seconds() < seconds:
        next_at += generator.uniform(0.5, 1.5) / _EVENTS_PER_SECOND
        time.sleep(max(next_at - time.perf_counter(), 0.0))
        if held is None:
            held = int(generator.integers(48, 84))
            session.instrument.receive(NoteOn(0, held, int(generator.integers(30, 128))), _SOURCE)
        else:
            session.instrument.receive(NoteOff(0, held), _SOURCE)
            held = None


@contextlib.contextmanager
def _busy_interpreter() -> Iterator[None]:
    """Keep the interpreter busy with a loop of pure Python while the body runs."""
    stop = Event()

    def spin() -> None:
        while not stop.is_set():
            for _ in range(1000):
                pass

    thread = Thread(target=spin, name="livegen hog", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _time_each(run: Callable[[], object], n: int) -> NDArray[np.float64]:
    """Return the milliseconds of each of `n` calls, after warm-up calls that are not counted."""
    times_ns = np.empty(n, np.int64)
    for _ in range(_N_WARM):
        run()
    with real_time_process():
        for i in range(n):
            began_ns = time.perf_counter_ns()
            run()
            times_ns[i] = time.perf_counter_ns() - began_ns
    return times_ns / 1e6


def _percentiles(times: NDArray[np.float64], *, with_max: bool = False) -> dict[str, float]:
    figures = {"p50": float(np.percentile(times, 50)), "p99": float(np.percentile(times, 99))}
    return figures | {"max": float(times.max())} if with_max else figures
