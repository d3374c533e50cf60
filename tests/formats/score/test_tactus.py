"""The beat of whole pieces: its octave is told by how they move; `tools/judge_tempo.py` judges more of them."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[3] / "tools"))

from tempo_pieces import FITTED_STYLES, HELD_OUT_STYLES, piece_of

from livegen.beat import possible_beats
from livegen.formats.score.changes import Changes
from livegen.formats.score.tactus import attacks_of, beat_of, figures_of, rhythm_of
from livegen.formats.score.tactus_weights import WEIGHTS
from livegen.score import Voice
from livegen.units import period_to_bpm


def bpm_of(changes: Changes) -> float | None:
    beat = beat_of(changes)
    return None if beat is None else period_to_bpm(beat.period_frames)


@pytest.mark.parametrize("style", ["polka", "train beat", "lament", "synth pop", "swing", "chase", "sarabande"])
@pytest.mark.parametrize("bpm", [66.0, 97.3, 131.0, 188.8])
def test_a_style_that_nothing_was_fitted_on_is_heard_at_its_own_tempo(style: str, bpm: float) -> None:
    assert bpm_of(piece_of(HELD_OUT_STYLES[style], bpm, 3, seconds=25.0)) == pytest.approx(bpm, rel=2e-3)


def test_a_piece_on_an_engine_s_ticks_keeps_its_tempo() -> None:
    piece = piece_of(FITTED_STYLES["rock"], 137.7, 5, seconds=25.0, on_ticks=True)
    assert bpm_of(piece) == pytest.approx(137.7, rel=2e-3)


def test_chords_broken_tick_by_tick_are_no_rhythm() -> None:
    chords = replace(FITTED_STYLES["rock"], chords=("tick arpeggio",))
    piece = piece_of(chords, 118.0, 2, seconds=25.0, on_ticks=True)
    times, _ = attacks_of(piece)[Voice.P2]
    assert piece.is_onset(Voice.P2).sum() > 5 * len(times)
    assert bpm_of(piece) == pytest.approx(118.0, rel=2e-3)


def test_a_bass_drum_and_a_snare_that_take_turns_tell_the_octave() -> None:
    """The same onsets, of drums that take turns with every beat, or with every other one."""
    march = replace(FITTED_STYLES["march"], basses=("quarters",), chords=("none",), cells={(1.0,): 1.0})
    slow, fast = (bpm_of(piece_of(replace(march, drums=(drums,)), 150.0, 1)) for drums in ("k.k.s.s.", "k.s.k.s."))
    assert fast == pytest.approx(150.0, rel=1e-3)
    assert slow == pytest.approx(75.0, rel=1e-3)


def test_there_is_a_weight_for_each_figure() -> None:
    piece = piece_of(FITTED_STYLES["hymn"], 90.0, 1, seconds=20.0)
    beats = possible_beats(rhythm_of(piece))
    figures = figures_of(piece, attacks_of(piece), beats)
    assert figures.shape == (len(beats), len(WEIGHTS))
    assert np.isfinite(figures).all()


def test_a_piece_without_a_beat_has_none() -> None:
    rng = np.random.default_rng(0)
    none = np.zeros(1, np.int64), np.zeros((1, 3), np.uint8)
    starts = np.unique(np.append(0, rng.integers(0, 60 * 44_100, 400)))
    states = np.stack([rng.integers(40, 80, len(starts)), np.full(len(starts), 9), np.zeros(len(starts))], 1)
    voices = [(starts, states.astype(np.uint8)), none, none, none]
    scattered = Changes(tuple(v[0] for v in voices), tuple(v[1] for v in voices), 60 * 44_100)
    assert beat_of(scattered) is None
    assert beat_of(Changes((none[0],) * 4, (none[1],) * 4, 44_100)) is None
    assert beat_of(Changes((none[0],) * 4, (none[1],) * 4, 0)) is None
