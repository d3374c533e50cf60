"""Many renders at once: the same files as one by one, and one that fails does not lose the others."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from livegen.engines.cast import Cast
from livegen.errors import FormatError
from livegen.offline import batch
from livegen.offline.batch import Rendered, Renders, numbered, render_all


@pytest.fixture
def renders(model: Path, tmp_path: Path) -> Renders:
    return Renders(numbered(tmp_path / "a.npz", 3), (5, 6, 7), 12, Cast(str(model)))


def test_the_names_are_numbered_and_sort() -> None:
    assert numbered(Path("x/a.wav"), 1) == (Path("x/a.wav"),)
    assert numbered(Path("x/a.exprsco.pkl"), 2) == (Path("x/a-01.exprsco.pkl"), Path("x/a-02.exprsco.pkl"))
    many = numbered(Path("a.mid"), 100)
    assert (many[0], many[-1]) == (Path("a-001.mid"), Path("a-100.mid"))
    assert list(many) == sorted(many)


def test_several_processes_render_what_one_does(renders: Renders, tmp_path: Path) -> None:
    told: list[int] = []
    done = list(render_all(renders, n_jobs=2, on_frame=lambda: told.append(1)))
    assert sorted(one.index for one in done) == [0, 1, 2]
    assert {one.error for one in done} == {None}
    assert len(told) == 3 * 12
    together = [path.read_bytes() for path in renders.paths]
    assert len(set(together)) == 3
    assert [one.index for one in render_all(renders)] == [0, 1, 2]
    assert [path.read_bytes() for path in renders.paths] == together
    alone = replace(renders, paths=(tmp_path / "b.npz",), seeds=(6,))
    assert list(render_all(alone)) == [Rendered(0)]
    assert (tmp_path / "b.npz").read_bytes() == together[1]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_one_that_fails_does_not_lose_the_others(renders: Renders, n_jobs: int) -> None:
    renders.paths[1].mkdir()
    done = {one.index: one.error for one in render_all(renders, n_jobs=n_jobs)}
    assert done[0] is done[2] is None
    assert str(renders.paths[1]) in str(done[1])
    assert renders.paths[0].is_file()
    assert renders.paths[2].is_file()
    assert len(list(renders.paths[0].parent.iterdir())) == 3


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_process_that_dies_loses_its_file_alone(renders: Renders, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[batch._Worker] = []
    begin = batch._Worker.begin

    def kill_the_first(worker: batch._Worker, index: int) -> None:
        if not begun:
            os.kill(worker.process.pid or 0, signal.SIGKILL)
        begun.append(worker)
        begin(worker, index)

    monkeypatch.setattr(batch._Worker, "begin", kill_the_first)
    done = {one.index: one.error for one in render_all(renders, n_jobs=2)}
    assert "its process ended (-9)" in str(done[0])
    assert done[1] is done[2] is None
    assert [path.is_file() for path in renders.paths] == [False, True, True]


def test_an_iteration_that_is_left_ends_its_processes(renders: Renders) -> None:
    many = replace(renders, n_frames=24 * 36_000)
    some = render_all(many, n_jobs=2, on_frame=lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    with pytest.raises(ZeroDivisionError):
        next(some)
    assert not batch.multiprocessing.active_children()
    assert not list(many.paths[0].parent.iterdir())


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        ("a.mid", {"is_apart": True}, "--audio-channels voices means nothing for a.mid"),
        ("a.npz", {"rate": 44_100}, "--rate means nothing for a.npz"),
        ("a.wav", {"loop_from": 1.0}, "--loop-from means nothing for a.wav"),
        ("a.wav", {"tags": batch.Tags("A")}, "--title means nothing for a.wav"),
        ("a.mid", {"tags": batch.Tags("A", "B")}, "--author means nothing for a.mid"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, name: str, fields: dict[str, object], words: str) -> None:
    renders = Renders((tmp_path / name,), (1,), 12, Cast(str(tmp_path)), **fields)  # type: ignore[arg-type]
    with pytest.raises(FormatError, match=words):
        renders.check()
