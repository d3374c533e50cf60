"""The whole pipeline of the project on a tiny data set: by its own runner and by DVC, to the same bytes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("yaml", reason="PyYAML is not installed: install the extra train")

from forking_livegen import forking_livegen
from songs import song, write_split

from livegen.engines.checkpoint import load_engine
from livegen.pipeline.lock import read_lock
from livegen.pipeline.runner import run_pipeline

ROOT = Path(__file__).parents[2]
PARAMS = """
[data]
source = "songs"
sha256 = ""

[card]
licence = "made by rule"

[models.solo]
train = { engine = "lstm", size = "small", voices = "p1", lanes = 2, steps = 2, seed = 4, precision = "float32" }
eval = { seed = 0 }

[models.tonnetz]
train = { engine = "tonnetz", lanes = 4, steps = 3, seed = 0, precision = "float32" }
eval = { seed = 0 }
"""
STAGES = [
    "fetch",
    "prepare",
    *(f"{step}@{model}" for step in ("train", "eval", "card") for model in ("solo", "tonnetz")),
]


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Test this livegen, and tell neither MLflow nor DVC's makers of it."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))


def set_up(folder: Path) -> Path:
    """Make a folder with the project's dvc.yaml, a few small songs, and few and small models."""
    songs = folder / "songs"
    songs.mkdir(parents=True)
    write_split(songs / "made_train.npz", [song(i, 220) for i in range(4)])
    write_split(songs / "made_valid.npz", [song(100 + i, 220) for i in range(2)])
    shutil.copy(ROOT / "dvc.yaml", folder)
    (folder / "params.toml").write_text(PARAMS, encoding="utf-8")
    return folder


def call(folder: Path, programs: Path, *words: str) -> str:
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_runner_and_dvc_make_the_same_of_the_same_songs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dvc = [sys.executable, "-m", "dvc"]
    ours, theirs = set_up(tmp_path / "ours"), set_up(tmp_path / "theirs")
    with forking_livegen(tmp_path / "1", 1) as programs, monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(programs / "python"))  # beside it the runner looks for livegen
        assert sorted(run_pipeline(ours / "dvc.yaml")) == sorted(STAGES)
        assert run_pipeline(ours / "dvc.yaml") == []
    lock = read_lock(ours)
    assert sorted(lock) == sorted(STAGES)
    for model in ("solo", "tonnetz"):
        folder = ours / "build" / "pipeline" / model
        assert load_engine(folder).info.kind == ("lstm" if model == "solo" else "tonnetz")
        card = (folder / "README.md").read_text(encoding="utf-8")
        train = json.loads((folder / "run.json").read_text(encoding="utf-8"))["data"]["train"]
        assert train["sha256"] in card
        assert f"livegen train build/pipeline/data build/pipeline/{model}" in card
        assert card.splitlines()[-3] == "made by rule"

    pytest.importorskip("dvc", reason="DVC is not installed: install the extra pipeline")
    with forking_livegen(tmp_path / "2", 2) as programs:
        call(theirs, programs, "git", "init", "--quiet")
        call(theirs, programs, *dvc, "init", "--quiet")
        call(theirs, programs, *dvc, "repro")
        assert read_lock(theirs) == lock
        for stage in lock.values():
            for path in (entry["path"] for entry in stage.get("outs", []) if not entry["md5"].endswith(".dir")):
                assert (ours / path).read_bytes() == (theirs / path).read_bytes()
        call(theirs, programs, "git", "add", "dvc.lock", "dvc.yaml", "params.toml", ".dvc")
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        call(theirs, programs, "git", *who, "commit", "--quiet", "--message", "one")
        (theirs / "params.toml").write_text(PARAMS.replace("steps = 3", "steps = 4"), encoding="utf-8")
        call(theirs, programs, *dvc, "repro", "eval@tonnetz")
        found = json.loads(call(theirs, programs, *dvc, "metrics", "diff", "--json"))
        assert list(found) == ["build/pipeline/tonnetz/figures.json"]
