"""Judging a model as a partner: pieces whose figures are known by heart, and whole runs with a small model."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from songs import song, write_split

from livegen.errors import TrainingError
from livegen.events import NoteOff, NoteOn
from livegen.judge import answering, endurance, listening, pulse
from livegen.judge.answering import taken_up
from livegen.judge.endurance import are_dull, windows
from livegen.judge.listening import Duet, compare
from livegen.judge.partner import judge_partner
from livegen.judge.pulse import find_pulse
from livegen.judge.stage import keys_of
from livegen.score import Voice


def piece(n_frames: int = 960, **parts: list[int]) -> NDArray[np.uint8]:
    """Return a piece in which voices repeat notes, each for six frames."""
    frames = np.zeros((n_frames, 4, 3), np.uint8)
    for name, notes in parts.items():
        frames[:, Voice[name], 0] = np.resize(np.repeat(notes, 6), n_frames)
        frames[:, Voice[name], 1] = 12
    return frames


def test_a_part_is_played_as_keys() -> None:
    part = np.array([[0, 0, 0], [60, 10, 0], [60, 5, 0], [64, 15, 0], [0, 0, 0], [64, 1, 0]], np.uint8)
    assert [event for _, event in keys_of(part, Voice.P1)] == [
        *(NoteOn(0, 60, 100), NoteOff(0, 60), NoteOn(0, 64, 127), NoteOff(0, 64), NoteOn(0, 64, 46), NoteOff(0, 64)),
    ]
    assert [seconds for seconds, _ in keys_of(part, Voice.P1)] == pytest.approx(np.array([1, 3, 3, 4, 5, 6]) / 24)


def test_an_accompaniment_is_held_against_that_of_the_song() -> None:
    melody = [60, 62, 64, 65, 67, 69, 71, 72]
    original = piece(P1=melody, P2=[note - 12 for note in melody], TR=[48], NO=[4, 8])
    played = piece(P1=melody, P2=[note - 11 for note in melody], TR=[48])
    figures = compare([Duet(original, played, 12.0)] * 2, Voice.P1)
    assert figures["clash"]["P2"] == {"model": 1.0, "songs": 0.0}
    assert figures["clash"]["TR"]["model"] == figures["clash"]["TR"]["songs"] == pytest.approx(0.25, abs=0.01)
    assert figures["in_key"]["P2"]["songs"] == 1.0 > figures["in_key"]["P2"]["model"]
    assert figures["intervals"]["P2"] == {"distance": pytest.approx(1.0), "limit": 0.0}
    assert figures["onsets_a_second"]["NO"] == {"model": 0.0, "songs": pytest.approx(4.0, abs=0.1)}
    assert figures["coherence"]["P2"]["model"] == pytest.approx(1.0)
    assert figures["coherence"]["NO"]["model"] is None
    assert figures["entry_seconds"]["NO"] == {"model": 40.0, "songs": 0.0}


def test_an_answer_takes_up_intervals_and_pitch_classes() -> None:
    phrase = np.repeat([60, 64, 67, 72], 4)
    assert taken_up(phrase, np.repeat([62, 66, 69, 74], 4)).shares() == {
        "interval_pairs": 1.0,
        "pitch_classes": 0.0,
        "plays": 1.0,
    }
    shares = taken_up(phrase, np.repeat([0, 67, 64, 60], 4)).shares()
    assert shares == {"interval_pairs": 0.0, "pitch_classes": 1.0, "plays": 0.75}


def test_a_pulse_is_found_and_noise_has_none() -> None:
    found = find_pulse(piece(P1=[60, 64, 67, 64], TR=[36, 43]))
    assert found is not None
    assert found.of_parts > 0.95
    assert find_pulse(piece()) is None
    frames = np.zeros((960, 4, 3), np.uint8)
    frames[:, 0, 0] = np.repeat(np.arange(960) % 40 + 40, np.random.default_rng(0).geometric(0.2, 960))[:960]
    at_random = find_pulse(frames)
    assert at_random is not None
    assert at_random.of_parts < 0.4


def test_trills_are_dull_beside_tunes() -> None:
    tune = [60 + 2 * (i * 7 % 11) for i in range(11)]
    of_songs = np.concatenate([windows(piece(4 * 720, P1=tune[i:], P2=tune[i:], TR=tune[i:])) for i in range(3)])
    assert not are_dull(of_songs, of_songs).any()
    trill = piece(3 * 720, P1=[60, 64], P2=[52, 55], TR=tune)
    assert are_dull(windows(trill), of_songs).tolist() == [True, True, True]
    assert not are_dull(windows(piece(720, P1=[60, 64], P2=tune, TR=tune)), of_songs).any()
    assert are_dull(windows(piece(720)), of_songs).all()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_split(folder / "made_valid.npz", [song(100 + i, 1000) for i in range(3)])
    return folder


def test_a_model_is_judged_and_drawn(data: Path, model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(listening, "MELODY_SECONDS", 10)
    monkeypatch.setattr(listening, "_FEWEST_ONSETS", 10)
    monkeypatch.setattr(answering, "_N_PHRASES", 1)
    monkeypatch.setattr(answering, "_FEWEST_ONSETS", 10)
    monkeypatch.setattr(pulse, "N_RUNS", 2)
    monkeypatch.setattr(pulse, "_RUN_SECONDS", 10)
    monkeypatch.setattr(endurance, "N_SETS", 1)
    monkeypatch.setattr(endurance, "SET_SECONDS", 31)
    monkeypatch.setattr(listening, "N_SONGS", 2)
    monkeypatch.setattr(answering, "N_SONGS", 1)
    asked = ("listen", "answer", "pulse", "long")
    figures = json.loads(json.dumps(judge_partner(data, model, asked, picture=tmp_path / "page.png"), allow_nan=False))
    assert tuple(figures) == asked
    assert figures["listen"]["n_songs"] == 2
    assert set(figures["answer"]) == {"n_songs", "answer", "trade", "songs"}
    assert figures["pulse"]["songs"]["coherence"] > 0.8
    assert len(figures["long"]["sets"][0]) == 1
    for page in ("listen", "pulse", "long"):
        assert (tmp_path / f"page-{page}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("asked", ["listen", "answer", "pulse", "long"])
def test_data_without_a_song_that_serves_is_refused(model: Path, tmp_path: Path, asked: str) -> None:
    write_split(tmp_path / "short_valid.npz", [song(1, 100)])
    with pytest.raises(TrainingError, match=r"none of the 1 songs .*40 s|30 s"):
        judge_partner(tmp_path, model, [asked])
