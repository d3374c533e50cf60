import json
import sys
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hash_engine import HashEngine

from livegen.cli import bench
from livegen.cli.benchmark import batch, products
from livegen.engines.cast import Cast
from livegen.errors import CheckpointError, LivegenError
from livegen.events import NoteOn, StampedEvent
from livegen.outputs.callback import N_BINS
from livegen.patch import list_patches, load_patch
from livegen.performance.turn import FrameReport
from livegen.session.session import Settings


@pytest.fixture(scope="module")
def figures(model) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as shorter:
        shorter.setattr(bench, "_N_PLANS", 60)
        shorter.setattr(bench, "_PATCH_FRAMES", 72)
        shorter.setattr(products, "_N_RUNS", 20)
        shorter.setattr(batch, "_N_SONGS", 2)
        shorter.setattr(batch, "_N_FRAMES", 24)
        return bench.measure(model, session_seconds=0.5, audio="null")


def test_the_times_of_the_model_are_in_order(figures):
    step = figures["step_ms"]
    assert 0 < step["p50"] <= step["p99"] <= step["max"]
    plan = figures["plan12_ms"]
    assert step["p50"] < plan["p50"] <= plan["p99"]


def test_the_products_are_measured_beside_those_of_others(figures):
    products_ms = figures["products_ms"]
    assert {"livegen", "numpy"} <= set(products_ms)
    for maker, of_maker in products_ms.items():
        assert 0 < of_maker["p50"] <= of_maker["p99"]
        if maker != "livegen":
            ratio = products_ms["livegen"]["p50"] / of_maker["p50"]
            assert figures[f"products_over_{maker}"] == pytest.approx(ratio)


def test_a_batch_is_the_same_at_once_as_one_by_one(figures):
    measured = figures["batch"]
    assert measured["is_same"]
    assert measured["times"] == pytest.approx(measured["at_once_fps"] / measured["one_at_a_time_fps"])


def test_torch_is_measured_where_it_is_installed(figures):
    pytest.importorskip("torch")
    assert 0 < figures["torch_step_ms"]["p50"] <= figures["torch_step_ms"]["p99"]
    ratio = figures["torch_step_ms"]["p50"] / figures["step_ms"]["p50"]
    assert figures["torch_over_step"] == pytest.approx(ratio)


def test_without_torch_there_is_no_figure_of_it(model, monkeypatch):
    for module in [name for name in sys.modules if name.startswith("livegen.training")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert bench.measure_torch_step(model, []) is None


def test_the_densest_sound_takes_the_chip_longer_than_music(figures):
    assert 0 < figures["apu_worst_case_realtime_factor"] < figures["apu_realtime_factor"]


def test_every_patch_was_played_and_the_busiest_is_named(figures):
    busiest = figures["busiest_patch"]
    assert busiest["patch"] in list_patches()
    callback = busiest["callback_us"]
    assert 0 < callback["p50"] <= callback["p99"] <= callback["max"]
    assert busiest["longest_share_of_block"] == pytest.approx(callback["max"] * 48_000 / 64e6)


def test_a_session_played_in_real_time_on_the_null_clock(figures):
    session = figures["session"]
    assert session["audio"] == "null"
    assert 0.5 <= session["seconds"] < 5.0
    n_blocks = session["seconds"] * session["sample_rate"] / session["block_samples"]
    assert figures["callbacks"] == pytest.approx(n_blocks, rel=0.1, abs=4)
    assert figures["frames"]["played"] == pytest.approx(24 * session["seconds"], abs=2)
    assert session["faults"] == session["events_lost"] == 0


def test_the_callback_was_timed(figures):
    callback = figures["callback_us"]
    assert 0 < callback["p50"] <= callback["p99"] <= callback["max"]
    session = figures["session"]
    block_us = 1e6 * session["block_samples"] / session["sample_rate"]
    assert figures["callback_share_of_block"] == pytest.approx(callback["p99"] / block_us)
    assert 0 <= figures["callback_misses"] <= figures["callbacks"]


def test_the_events_of_the_session_reached_the_model(figures):
    events = figures["event_to_frame"]
    assert events["events"] >= 3
    assert 0 <= events["on_time_percent"] <= 100
    assert events["worst_ms"] > 0


def test_the_start_of_jam_was_timed(figures):
    assert 0.1 < figures["startup_s"] < 60


def test_the_figures_are_json_and_say_what_they_were_measured_on(figures):
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert figures["machine"]["model"] == "random"
    assert figures["machine"]["cpus"] >= 1


def test_a_hogged_session_plays_on(model):
    settings = Settings(audio="null", midi_api="none", osc_port=0)
    figures = bench.measure_hogged(model, load_patch("plain"), 0.2, settings)
    assert figures["callbacks"] > 0
    assert figures["event_to_frame"]["events"] == 0
    assert not [thread for thread in threading.enumerate() if "hog" in thread.name]


def test_no_model_is_an_error(tmp_path):
    with pytest.raises(CheckpointError):
        bench.measure(tmp_path)


def test_a_jam_that_does_not_start_is_an_error(tmp_path):
    with pytest.raises(LivegenError, match="did not start"):
        bench.measure_startup(tmp_path)


def test_percentiles_of_a_histogram_are_upper_edges():
    counts = np.zeros(N_BINS, np.int64)
    counts[10], counts[20], counts[30] = 90, 9, 1
    assert bench.histogram_percentiles(counts, 30_250) == {"p50": 11.0, "p99": 21.0, "max": 30.25}


def test_a_percentile_is_never_over_the_longest():
    counts = np.zeros(N_BINS, np.int64)
    counts[10] = 5
    assert bench.histogram_percentiles(counts, 10_400) == {"p50": 10.4, "p99": 10.4, "max": 10.4}
    counts[:] = 0
    counts[-1] = 3  # the open bin: all that is known is the longest
    assert bench.histogram_percentiles(counts, 9_000_000)["p50"] == 9000.0


@pytest.mark.parametrize(
    ("block_us", "longest_us", "n_long"),
    [(5.5, 8, 3), (7.0, 8, 2), (9.0, 8, 0), (6000.0, 5000, 0), (6000.0, 6001, 1)],
)
def test_callbacks_longer_than_their_block_are_counted(block_us, longest_us, n_long):
    counts = np.zeros(N_BINS, np.int64)
    counts[2], counts[5], counts[7] = 100, 1, 2
    assert bench.count_long(counts, longest_us * 1000, block_us) == n_long


@pytest.mark.parametrize(
    ("time_ms", "on_time_percent"),
    [
        (89.0, 100.0),  # 5 ms and a block of 6 later it is 100: frame 10 begins at 100 itself
        (80.0, 100.0),
        (78.5, 0.0),  # frame 9 began at 90, late enough: frame 10 is one too late
    ],
)
def test_an_event_is_on_time_in_the_first_frame_that_begins_late_enough(time_ms, on_time_percent):
    clock = SimpleNamespace(sample_rate=1000, time_of_frame=lambda frame_index: frame_index * 10_000_000)
    waits = bench.EventWaits(clock, lambda: 6)
    event = StampedEvent(NoteOn(0, 60, 100), "bench", 7)
    other = StampedEvent(NoteOn(0, 61, 100), "midi:keys", 0)
    waits.observe(FrameReport(10, (other, event), (0, round(time_ms * 1e6)), (), Cast("hash"), HashEngine()))
    assert waits.figures() == {
        "events": 1,
        "on_time_percent": on_time_percent,
        "worst_ms": pytest.approx(100.0 - time_ms),
    }


def test_a_session_without_events_has_no_share_of_them():
    waits = bench.EventWaits(SimpleNamespace(sample_rate=1000), lambda: 6)
    waits.observe(FrameReport(10, (), (), (), Cast("hash"), HashEngine()))
    assert waits.figures() == {"events": 0, "on_time_percent": None, "worst_ms": None}
