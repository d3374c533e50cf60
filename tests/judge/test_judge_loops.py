from dataclasses import dataclass

import numpy as np
import pytest
from gan_weights import CONFIG, arrays, write_gan
from songs import write_splits

from livegen.engines.gan.engine import GanEngine
from livegen.errors import TrainingError
from livegen.judge import loops
from livegen.judge.loops import judge_loops, make, seam, timed
from livegen.training.gan.figures import NEIGHBOURS


@dataclass(frozen=True)
class Listener:
    """An LSTM that expects each frame to have the note of the frame before, and is told how much less others are."""

    wrong: float = -3.0
    name = "listener"

    def initial_state(self):
        return np.zeros((4, 3), np.uint8)

    def step(self, frame, state, conditions=None):
        return Expected(frame, self.wrong), frame


@dataclass(frozen=True)
class Expected:
    frame: np.ndarray
    wrong: float

    def note_log_probs(self, voice, frame, is_known):
        assert is_known[:voice].all()
        assert not is_known[voice:].any()
        probabilities = np.full(109, self.wrong, np.float32)
        probabilities[self.frame[voice, 0]] = 0.0
        return probabilities


def test_a_seam_is_what_is_unexpected_there():
    smooth = np.zeros((2, 96, 4, 3), np.uint8)
    smooth[:, ::12, 0, 0] = 60  # a note on each beat, also on that after the seam
    found = seam(Listener(), smooth)
    assert found["ratio"] == pytest.approx(1.0)
    assert found["inside"] == pytest.approx(2 * 3 / 12)
    torn = np.full((2, 96, 4, 3), 40, np.uint8)
    torn[:, 48:] = 50
    found = seam(Listener(), torn)
    assert found["across"] == pytest.approx(4 * 3 / 12)
    assert found["inside"] == pytest.approx(4 * 3 / 84)


def test_loops_of_different_seeds_differ_and_the_next_one_is_timed():
    player = GanEngine.from_arrays("tiny", CONFIG, arrays())
    made = make(player, 3, 1)
    assert made.shape == (3, 96, 4, 3)
    assert (made[0] != made[1]).any()
    assert (made == make(player, 3, 1)).all()
    new, kept = timed(player, 4, 3), timed(player, 4, 3)
    assert 0 < new["median"] <= new["p99"]
    assert kept["median"] < new["median"]  # the same loops, which are in the cache by then


def test_a_folder_with_one_valid_song_has_all_figures_but_those_of_neighbours(tmp_path, monkeypatch):
    from livegen.system.resources import model_folder

    monkeypatch.setattr(loops, "N_COPIES", 10)
    monkeypatch.setattr(loops, "N_SEAMS", 1)
    monkeypatch.setattr(loops, "timed", lambda *_: {})
    figures = loops.judge_loops(
        write_splits(tmp_path, 1, 1), write_gan(tmp_path / "gan"), model_folder("solo"), is_strict=True
    )
    assert 0 < figures["phrases"] <= NEIGHBOURS
    for name in ("made", "train"):
        assert {"onset_places", "empty_bars", "pitch_classes"} <= set(figures[name])
        assert "coverage" not in figures[name]
    assert figures["copies"]["made"] == 0.0


def test_only_a_gan_is_judged(tmp_path):
    from livegen.system.resources import model_folder

    with pytest.raises(TrainingError, match="no gan"):
        judge_loops(tmp_path, model_folder("solo"), model_folder("solo"))
    with pytest.raises(TrainingError):
        judge_loops(tmp_path / "nothing", write_gan(tmp_path / "gan"), model_folder("solo"))
