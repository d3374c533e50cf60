"""The soak's judgement, and its performer; an hour of the whole is `python tools/soak.py`."""

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jack_midi import MidiListener
from waiting import wait_until

pytest.importorskip("playwright", reason="the soak drives a browser")
pytest.importorskip("jack", reason="the soak plays on JACK")
sys.path.append(str(Path(__file__).parents[1] / "tools"))

from soak import Outcome, Report
from soak_performer import Heard, Performer
from soak_stage import Sight

WELL = Outcome("keyboard", late_frames=0, underflows=2, seconds=0.5, last=["the clock"], amiss=[], stuck=[])
STEADY = [(10.0 * i, {"music": 200.0, "page": 50.0}) for i in range(1, 41)]
GAUGES: dict[str, Any] = {
    "seconds": 10.0,
    "levels": [0.0, 0.5, 0.5, 0.5],
    "sound": "JACK: system",
    "model": "default",
    "tempo": {"source": "clock", "is_lost": False},
    "troubles": [],
}
HOME = Sight(Heard(5, 20, frozenset(), True), 240.0, True, 7, [], GAUGES)
LATER = Sight(Heard(6, 22, frozenset(), True), 264.0, True, 8, [62], {**GAUGES, "seconds": 11.0})


def report(*outcomes: Outcome, **changes: Any) -> Report:
    return Report(list(outcomes), **{"memory_mb": STEADY, "does_replay": True, **changes})


def missed(judged: Report) -> list[str]:
    return [figure.split(":")[0] for figure, is_met in judged.totals() if not is_met]


@pytest.mark.parametrize(
    ("judged", "bars"),
    [
        (report(WELL, replace(WELL, late_frames=1), WELL), []),
        (report(replace(WELL, late_frames=2)), ["late frames"]),
        (report(replace(WELL, stuck=["key 60 on the page"])), ["stuck notes"]),
        (report(WELL, crashes=["exit code 1"]), ["crashes"]),
        (report(WELL, does_replay=False), ["take"]),
        (report(WELL, memory_mb=[(seconds, {"music": 200 + seconds / 20}) for seconds, _ in STEADY]), ["memory in MB"]),
    ],
)
def test_each_bar_is_missed_by_what_it_is_about(judged: Report, bars: list[str]) -> None:
    assert missed(judged) == bars


def test_what_grows_while_it_warms_up_does_not_count() -> None:
    warming = [(seconds, {"music": min(100 + seconds, 150.0)}) for seconds, _ in STEADY]
    assert report(WELL, memory_mb=warming).growth_mb() == {"music": 0.0, "all": 0.0}


def test_the_table_has_a_line_for_each_fault_that_came() -> None:
    never = replace(WELL, fault="jack", seconds=math.inf, amiss=["the sound"])
    lines = report(WELL, replace(WELL, late_frames=3, seconds=1.5), never).table().splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["keyboard", "2", "3", "3", "4", "0", "1.0", "s", "1.5", "s", "0"],
        ["jack", "1", "0", "0", "2", "0", "nan", "s", "nan", "s", "1"],
    ]


@pytest.mark.parametrize(
    ("changes", "amiss"),
    [
        ({}, []),
        ({"heard": Heard(5, 22, frozenset(), True)}, ["the performer's keys"]),
        ({"keys": []}, ["the performer's keys"]),  # what was heard of P1 was the model
        ({"heard": Heard(6, 20, frozenset(), True)}, ["the model's notes"]),
        ({"heard": Heard(6, 22, frozenset(), False)}, ["the sound"]),
        ({"position": 240.0}, ["the page"]),
        ({"is_page_there": False}, ["the page"]),
        ({"n_answers": 7}, ["OSC"]),
        ({"gauges": GAUGES}, ["the page"]),
        ({"gauges": {**LATER.gauges, "sound": "JACK: system is gone, trying again"}}, ["the sound"]),
        ({"gauges": {**LATER.gauges, "model": "solo"}}, ["the model"]),
        ({"gauges": {**LATER.gauges, "tempo": {"source": "clock", "is_lost": True}}}, ["the clock"]),
        ({"gauges": {**LATER.gauges, "troubles": ["the take waits since 3 s: No space left"]}}, ["the take"]),
    ],
)
def test_what_is_amiss_is_told(changes: dict[str, Any], amiss: list[str]) -> None:
    assert replace(LATER, **changes).amiss(HOME, HOME) == amiss


def test_what_sounds_for_the_performer_is_told_and_not_what_the_model_plays() -> None:
    assert replace(LATER, keys=[]).sounds == []
    gauges = {**GAUGES, "levels": [0.3, 0.0, 0.0, 0.0]}
    held = replace(LATER, heard=Heard(6, 22, frozenset({60}), True), keys=[62], gauges=gauges)
    assert held.sounds == ["key 60 at the MIDI output", "key 62 on the page", "P1 at a level of 0.3"]


@pytest.mark.device
def test_the_performer_plays_and_lets_go(jack: str) -> None:
    from jack import Client

    performer = Performer(1)
    ear, patch_bay = MidiListener("ear"), Client("patch bay of a test", no_start_server=True)
    try:
        patch_bay.connect("keyboard:keys", "ear:in")
        performer.let(plays=True)
        assert wait_until(lambda: ear.n_notes() > 3)
        assert ear.hanging()
        performer.let(plays=False)
        assert wait_until(lambda: not ear.hanging())
        assert performer.listen().n_keys == 0  # nobody passes its keys on to it
    finally:
        performer.end()
        ear.unplug_midi()
        patch_bay.close()
