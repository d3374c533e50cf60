"""The runner by a pipeline of plain commands; `test_pipeline_songs` runs the project's, and DVC beside it."""

import os
import shutil
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed: install the extra train")

from livegen.errors import PipelineError  # noqa: E402
from livegen.pipeline.runner import run_pipeline  # noqa: E402

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are those of a POSIX shell")

PIPELINE = """
vars: [params.toml]
stages:
  copy:
    cmd: cp -r songs copied && echo copy >> ran
    deps: [songs]
    outs: [copied]
  count:
    foreach: ${models}
    do:
      cmd: cat copied/*.txt | head -n ${item.lines} > ${key}.txt && echo ${key} >> ran
      deps: [copied]
      params: [{params.toml: ["models.${key}"]}]
      outs: [{"${key}.txt": {cache: false}}]
  tell:
    cmd: cat one.txt two.txt > /dev/null && echo tell >> ran
    deps: [one.txt, two.txt]
"""
ALL = ["copy", "count@one", "count@two", "tell"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dvc.yaml").write_text(PIPELINE, encoding="utf-8")
    set_lines(tmp_path, 1, 2)
    (tmp_path / "songs" / "deep").mkdir(parents=True)
    (tmp_path / "songs" / "a.txt").write_text("a\nb\nc\n", encoding="utf-8")
    (tmp_path / "songs" / "deep" / "é.bin").write_bytes(b"\x00\r\n")
    return tmp_path


def set_lines(folder: Path, one: int, two: int) -> None:
    text = f"[models]\none = {{ lines = {one} }}\ntwo = {{ lines = {two} }}\n"
    (folder / "params.toml").write_text(text, encoding="utf-8")


def run(folder: Path, *targets: str, **how: bool) -> list[str]:
    return run_pipeline(folder / "dvc.yaml", targets, **how)


def test_a_stage_runs_only_when_something_has_changed(folder: Path) -> None:
    assert run(folder) == ALL
    assert (folder / "two.txt").read_text(encoding="utf-8") == "a\nb\n"
    assert run(folder) == []
    set_lines(folder, 1, 3)
    assert run(folder) == ["count@two", "tell"]
    (folder / "songs" / "a.txt").write_text("a\nb\nd\n", encoding="utf-8")
    assert run(folder) == ALL
    (folder / "songs" / "a.txt").write_text("a\nb\nd\ne\n", encoding="utf-8")
    assert run(folder) == ["copy", "count@one", "count@two"]  # what these make is as before, so nobody tells of it
    (folder / "one.txt").unlink()
    assert run(folder) == ["count@one"]
    (folder / "copied" / "more.txt").write_text("x", encoding="utf-8")
    assert run(folder) == ["copy"]  # which makes again what it made
    text = (folder / "dvc.yaml").read_text(encoding="utf-8")
    (folder / "dvc.yaml").write_text(text.replace("cat one.txt two.txt", "cat two.txt one.txt"), encoding="utf-8")
    assert run(folder) == ["tell"]


def test_a_dry_run_says_what_would_run_and_why_and_does_nothing(folder: Path) -> None:
    said: list[str] = []
    assert run_pipeline(folder / "dvc.yaml", is_dry=True, say=said.append) == ALL
    assert said[0].startswith("copy: would run, for it has not run yet: cp -r songs copied")
    assert said[3].startswith("tell: may run, after count@one, count@two")
    assert not (folder / "ran").exists()
    assert not (folder / "dvc.lock").exists()
    run(folder)
    set_lines(folder, 2, 2)
    said.clear()
    assert run_pipeline(folder / "dvc.yaml", is_dry=True, say=said.append) == ["count@one", "tell"]
    assert said[:2] == [
        "copy: nothing has changed",
        "count@one: would run, for models.one of params.toml has changed: "
        "cat copied/*.txt | head -n 2 > one.txt && echo one >> ran",
    ]


def test_targets_run_with_what_they_need_and_by_force(folder: Path) -> None:
    assert run(folder, "count@two") == ["copy", "count@two"]
    assert run(folder, "count") == ["count@one"]
    assert run(folder, "count@one", is_forced=True) == ["count@one"]
    with pytest.raises(PipelineError, match="no stage 'learn': there is copy, count@one"):
        run(folder, "learn")


def test_what_ran_before_a_stage_failed_stands(folder: Path) -> None:
    text = (folder / "dvc.yaml").read_text(encoding="utf-8")
    (folder / "dvc.yaml").write_text(text.replace("cat one.txt", "exit 3; cat one.txt"), encoding="utf-8")
    with pytest.raises(PipelineError, match="stage tell failed with exit code 3"):
        run(folder)
    (folder / "dvc.yaml").write_text(text, encoding="utf-8")
    assert run(folder) == ["tell"]


def test_a_stage_must_make_its_outputs_and_have_its_dependencies(folder: Path) -> None:
    text = (folder / "dvc.yaml").read_text(encoding="utf-8")
    (folder / "dvc.yaml").write_text(text.replace("cp -r songs copied", "true"), encoding="utf-8")
    with pytest.raises(PipelineError, match="stage copy has not made copied"):
        run(folder)
    shutil.rmtree(folder / "songs")
    with pytest.raises(PipelineError, match=r"stage copy needs songs, which is not there: .* another in dvc"):
        run(folder)


@pytest.mark.parametrize("text", ["schema: '1.0'", "[1]", "stages: 3\nschema: '2.0'"])
def test_a_damaged_lock_is_told_of(folder: Path, text: str) -> None:
    (folder / "dvc.lock").write_text(text, encoding="utf-8")
    with pytest.raises(PipelineError, match="delete it"):
        run(folder)
