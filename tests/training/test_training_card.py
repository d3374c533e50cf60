"""A model's card, by records as a run leaves them, and figures that tell what a clock has measured."""

import json
from pathlib import Path

import pytest

from livegen.errors import CheckpointError, TrainingError
from livegen.training.card import write_card
from livegen.training.logged import flat, keep_figures, read_figures, read_record

RECORD = {
    "seed": 4,
    "settings": {"minutes": 60.0, "steps": 20, "seed": 4, "n_lanes": 8, "precision": "float32"},
    "data": {
        "path": "/songs",
        "train": {"songs": 4502, "frames": 3_500_000, "sha256": "ab12"},
        "valid": {"songs": 403, "frames": 267_229, "sha256": "cd34"},
        "left_out": [f"left out {i}.mid: it is bad" for i in range(7)],
    },
    "processes": 1,
    "start_from": "default",
    "parts": [
        {
            "command": "livegen train '/home/me/my songs' me --steps 20",
            "started": "2026-01-02T03:04:05+00:00",
            "ended": "2026-01-02T04:04:05+00:00",
            "status": "finished",
            "versions": {"livegen": "0.2.0", "commit": "abcdef012", "python": "3.11.7"},
            "machine": {"system": "Linux-6.1.0-x86_64", "cores": 2, "gpu": None},
        }
    ],
    "figures": {"step": 20, "minutes": 93.0, "loss": 2.5, "valid_note_nll": 1.456_78},
}
FIGURES = {"model": "me", "note_nll": {"p1": 0.25, "no": 2}, "slice_ms": {"p50": 0.25}, "deep": {"decode_ms": 3.0}}


@pytest.fixture
def folder(model: Path, tmp_path: Path) -> Path:
    for file in model.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "run.json").write_text(json.dumps(RECORD), encoding="utf-8")
    return tmp_path


def test_a_clock_s_figures_go_into_the_record_and_all_others_into_a_file_that_is_the_same_again(folder: Path) -> None:
    keep_figures(folder, FIGURES, {"seed": 7})
    kept = read_figures(folder)
    assert (kept["figures"], kept["seed"]) == ({"model": "me", "note_nll": {"p1": 0.25, "no": 2}, "deep": {}}, 7)
    assert read_record(folder) == {**RECORD, "clock": {"slice_ms.p50": 0.25, "deep.decode_ms": 3.0}}
    before = (folder / "figures.json").read_bytes()
    keep_figures(folder, {**FIGURES, "slice_ms": {"p50": 9.0}}, {"seed": 7})
    assert (folder / "figures.json").read_bytes() == before
    assert list(flat({"a": {"b": 1, "c": {"d": 2}}, "e": 3})) == [("a.b", 1), ("a.c.d", 2), ("e", 3)]


def test_figures_at_tempos_are_kept_by_their_numbers(folder: Path) -> None:
    keep_figures(folder, {"beat": {75: {"on": 0.5, "run_seconds": 3.0}}, 4: 1}, {})
    assert read_figures(folder)["figures"] == {"beat": {"75": {"on": 0.5, "run_seconds": 3.0}}, "4": 1}
    assert list(flat({75: {"on": 0.5}, 4: 1})) == [("75.on", 0.5), ("4", 1)]


def test_a_card_says_what_was_logged(folder: Path) -> None:
    keep_figures(folder, FIGURES, {"seed": 7, "data": {"sha256": "cd34"}})
    (folder / "curve.png").write_bytes(b"")
    (folder / "notes.md").write_text("## What it is for\n\nFor me.\n", encoding="utf-8")
    text = write_card(folder, "CC BY 4.0").read_text(encoding="utf-8")
    for line in (
        "![How it learnt](curve.png)",
        "| split | songs | frames | SHA-256 |",
        "| train | 4,502 | 3,500,000 | `ab12` |",
        "| valid | 403 | 267,229 | `cd34` |",
        "- left out 4.mid: it is bad",
        "- and 2 more",
        "    livegen train 'my songs' me --steps 20",
        "| seed | 4 |",
        "| steps | 20 |",
        "| hours | 1.55 |",
        "| machine | Linux, 2 cores, no GPU |",
        "| versions | livegen 0.2.0, commit abcdef012, python 3.11.7 |",
        "| n_lanes | 8 |",
        "| valid_note_nll | 1.457 |",
        "| note_nll.p1 | 0.25 |",
        "| slice_ms.p50 | 0.25 |",
        "Seed 7, on songs with the hash `cd34`.",
        "CC BY 4.0",
        "For me.",
    ):
        assert line in text.splitlines(), line
    assert "left out 5" not in text
    assert "| note_nll.no | 2 |" in text
    assert "minutes" not in text  # it was counted in steps


def test_a_card_says_what_is_not_known(folder: Path) -> None:
    text = write_card(folder).read_text(encoding="utf-8")
    assert "It has not been measured" in text
    assert "Nobody has said under which licence" in text
    assert "curve.png" not in text


def test_without_a_record_or_a_model_there_is_no_card(folder: Path) -> None:
    (folder / "config.toml").unlink()
    with pytest.raises(CheckpointError, match="there is no model"):
        write_card(folder)
    (folder / "run.json").unlink()
    with pytest.raises(TrainingError, match=r"has no run\.json, of which a card is made"):
        write_card(folder)
    assert not (folder / "README.md").exists()
