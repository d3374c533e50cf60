"""`livegen infill` as a user types it: bars and seconds, and how it refuses."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from livegen import cli
from livegen.analysis.bars import bars_of
from livegen.formats.score.kinds import read_piece, read_score, write_score


@pytest.fixture
def tune(tmp_path: Path) -> Path:
    """Return a score of 20 seconds with a beat of 12 frames: a note a beat in P1 and TR."""
    frames = np.zeros((480, 4, 3), np.uint8)
    for i in range(480):
        frames[i, 0] = 60 + i // 12 % 7, 10, 1
        frames[i, 2] = 40 + i // 24 % 5, 0, 0
    write_score(tmp_path / "tune.npz", frames)
    return tmp_path / "tune.npz"


def test_bars_or_seconds_are_rewritten(
    tune: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["livegen", "infill", *map(str, arguments)])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        said = capsys.readouterr()
        return int(leaving.value.code or 0), said.out, said.err

    out, by = tmp_path / "out.npz", ("--model", model, "--candidates", "2")
    code, told, _ = run(tune, out, "--from", "3", "--to", "5", "--voices", "p2,tr", *by, "--json")
    assert code == 0
    figures = json.loads(told)
    bars = bars_of(read_piece(tune).exact, 480)
    assert figures["to_seconds"] - figures["from_seconds"] == pytest.approx(8 * bars.period_frames / 24, abs=0.1)
    assert len(figures["nats_after"]) == 2
    was, now = read_score(tune), read_score(out)
    first, end = (round(24 * figures[name]) for name in ("from_seconds", "to_seconds"))
    assert np.array_equal(np.delete(now, range(first, end), 0), np.delete(was, range(first, end), 0))
    assert np.array_equal(now[:, [0, 3]], was[:, [0, 3]])
    assert (now[first:end] != was[first:end]).any()
    code, _, told = run(tune, tmp_path / "out.mid", "--from", "2s", "--to", "4.5s", *by)
    assert (code, "new from 2.0 to 4.5 s" in told) == (0, True)
    for wrong, words in (
        (("--from", "5", "--to", "3"), "is no gap in tune.npz"),
        (("--from", "3", "--to", "99"), "is no gap in tune.npz"),
        (("--from", "three", "--to", "5"), "is no place: write it as a bar"),
        (("--from", "nans", "--to", "5"), "is no place: write it as a bar"),
        (("--from", "3", "--to", "5", "--voices", "p1,p7"), "allowed is one or more of p1, p2, tr, no"),
    ):
        code, _, told = run(tune, out, *wrong, *by)
        assert code == 2
        assert words in " ".join(told.split())
    assert run(tune, tmp_path / "out.wav", "--from", "3", "--to", "5", *by)[0] == 2
