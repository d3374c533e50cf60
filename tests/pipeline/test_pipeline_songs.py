"""The whole pipeline of the project on a tiny data set: by its own runner and by DVC, to the same bytes."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("yaml", reason="PyYAML is not installed: install the extra train")

from forking_livegen import forking_livegen
from songs import song, write_split

from livegen.engines.checkpoint import load_engine
from livegen.pipeline.lock import read_lock
from livegen.pipeline.runner import run_pipeline

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="livegen is started by forks, which are not here")

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
    if os.environ.get("PYTHONDONTWRITEBYTECODE"):  # then each process would compile torch and DVC for itself
        monkeypatch.delenv("PYTHONDONTWRITEBYTECODE")
        monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / "compiled"))


def set_up(folder: Path) -> Path:
    """Make a folder with the project's dvc.yaml, a few small songs, and few and small models."""
    songs = folder / "songs"
    songs.mkdir(parents=True)
    write_split(songs / "made_train.npz", [song(i, 220) for i in range(4)])
    write_split(songs / "made_valid.npz", [song(100 + i, 220) for i in range(2)])
    shutil.copy(ROOT / "dvc.yaml", folder)
    (songs / "é.txt").write_bytes(b"a word\r\n")
    (folder / "params.toml").write_text(PARAMS, encoding="utf-8")
    (folder / ".dvc").mkdir()
    (folder / ".dvc" / "config").touch()
    return folder


def call(folder: Path, *words: str) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files_made(folder: Path) -> dict[str, bytes]:
    """Return the outputs of all stages, folders by their files."""
    outs = {entry["path"] for entry in outputs(read_lock(folder))}
    paths = [path for out in outs for path in [folder / out, *(folder / out).rglob("*")] if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def outputs(lock: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry for stage in lock.values() for entry in stage.get("outs", [])]


@pytest.fixture
def by_runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder in which the pipeline has run without DVC."""
    folder = set_up(tmp_path / "ours")
    with forking_livegen(tmp_path / "1", 1) as programs, monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(programs / "python"))  # beside it the runner looks for livegen
        assert sorted(run_pipeline(folder / "dvc.yaml")) == sorted(STAGES)
    assert run_pipeline(folder / "dvc.yaml") == []
    return folder


def test_the_runner_and_dvc_make_the_same_of_the_same_songs(
    by_runner: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for model, kind in (("solo", "lstm"), ("tonnetz", "tonnetz")):
        folder = by_runner / "build" / "pipeline" / model
        assert load_engine(folder).info.kind == kind
        card = (folder / "README.md").read_text(encoding="utf-8")
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        assert f"`{record['data']['train']['sha256']}`" in card
        assert f"    livegen train build/pipeline/data build/pipeline/{model} --engine {kind}" in card
        assert "## Licence\n\nmade by rule\n" in card

    pytest.importorskip("dvc", reason="DVC is not installed: install the extra pipeline")
    dvc = [sys.executable, "-m", "dvc"]
    folder = set_up(tmp_path / "theirs")
    with forking_livegen(tmp_path / "2", 2) as programs:
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        call(folder, "git", "init", "--quiet")
        call(folder, *dvc, "repro")
        assert read_lock(folder) == read_lock(by_runner)
        made = files_made(folder)
        assert len(made) == 12
        assert made == files_made(by_runner)

        (by_runner / ".dvc" / "config").write_text("[core]\nno_scm = true\n", encoding="utf-8")
        status = call(by_runner, *dvc, "status")  # its cache is all that it misses
        assert "not in cache" in status
        assert not re.search(r"new|deleted|modified|changed (?!outs)", status), status
        assert run_pipeline(folder / "dvc.yaml") == []

        call(folder, "git", "add", "dvc.lock", "dvc.yaml", "params.toml", ".dvc")
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        call(folder, "git", *who, "commit", "--quiet", "--message", "one")
        (folder / "params.toml").write_text(PARAMS.replace("steps = 2", "steps = 3"), encoding="utf-8")
        assert run_pipeline(folder / "dvc.yaml", is_dry=True)[0] == "train@solo"
        call(folder, *dvc, "repro", "eval@solo")
        changes = json.loads(call(folder, *dvc, "metrics", "diff", "--json"))
        assert list(changes) == ["build/pipeline/solo/figures.json"]
        changed = changes["build/pipeline/solo/figures.json"]["figures.note_nll_sum"]
        assert changed["old"] != changed["new"]
