"""How a performer's subdivision of the beat binds the model."""

import numpy as np
import pytest

from livegen.controls import DEFAULTS
from livegen.events import NoteOn, StampedEvent
from livegen.performance.subdivision import binding_of
from livegen.performance.tempo import Tempo
from livegen.performance.tightness import Groove


def played(times: np.ndarray, bpm: float = 125.0, **values: float) -> Groove:
    """Return the groove after keys went down at some times, in beats of a tempo that is set."""
    values = {**DEFAULTS, "bpm": bpm, **values}
    tempo = Tempo.at_start(values)
    for beats in times:
        tempo = tempo.hear(StampedEvent(NoteOn(0, 60, 100), "keys", float(beats * 1440 / bpm)), values)
    return Groove.of(tempo, values)


def test_before_anything_is_played_little_is_bound():
    halves, quarters = binding_of(played(np.array([])))
    assert 0.5 < halves < binding_of(played(np.arange(0.0, 8.0, 0.5)))[0] - 1.0
    assert halves == quarters


def test_who_plays_eighths_binds_the_band_to_them_and_who_plays_sixteenths_only_to_those():
    halves, quarters = binding_of(played(np.arange(0.0, 16.0, 0.5)))
    assert halves > 3.0
    assert quarters > 3.0
    halves, quarters = binding_of(played(np.arange(0.0, 8.0, 0.25)))
    assert halves < 1.0 < 3.0 < quarters


def test_the_more_sixteenths_somebody_plays_the_less_is_bound():
    generator = np.random.default_rng(3)
    bound = []
    for share in (0.0, 0.2, 0.5, 0.9):
        moved = 0.25 * (generator.random(32) < share)
        bound.append(binding_of(played(np.arange(0.0, 16.0, 0.5) + moved))[0])
    assert bound == sorted(bound, reverse=True)
    assert bound[0] - bound[-1] > 3.0


def test_a_change_is_followed_within_the_last_onsets():
    eighths, sixteenths = np.arange(0.0, 20.0, 0.5), 20.0 + np.arange(0.0, 8.0, 0.25)
    after = binding_of(played(np.concatenate([eighths, sixteenths])))
    assert after == pytest.approx(binding_of(played(sixteenths)))


@pytest.mark.parametrize("swing", [0.5, 1.0])
def test_swung_sixteenths_are_sixteenths_and_swung_eighths_are_no_sixteenths(swing):
    late = swing / 12.0
    sixteenths = np.arange(32) * 0.25 + late * (np.arange(32) % 2)
    halves, quarters = binding_of(played(sixteenths, swing=swing))
    assert halves < 1.0 < quarters
    halves, quarters = binding_of(played(np.arange(0.0, 16.0, 0.5), swing=swing))
    assert halves > 3.0
    assert quarters > 3.0


def test_at_a_fast_tempo_eighths_are_what_the_model_calls_sixteenths():
    halves, quarters = binding_of(played(np.arange(0.0, 16.0, 0.5), bpm=180.0))
    assert halves < 1.0 < 3.0 < quarters
