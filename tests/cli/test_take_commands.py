"""Takes as a user has them: a jam that is recorded, killed, captured, listed, played again and cleared away."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import mido
import numpy as np
import pytest
from livegen_process import Jam, run_livegen
from waiting import wait_until

from livegen import cli
from livegen.cli.takes import replay, takes
from livegen.engines.checkpoint import load_engine
from livegen.errors import FormatError, TakeError
from livegen.takes.library import find_take
from livegen.takes.records import LOG_FILE, Kept, Played, Turned
from livegen.takes.replay import check
from livegen.takes.take import Take

SILENT = ("--audio", "null", "--midi-api", "none", "--seed", "7", "--no-web")


@pytest.fixture
def start_jam(model: Path, tmp_path: Path) -> Iterator[Callable[..., Jam]]:
    """Start jams that end with the test."""
    jams: list[Jam] = []

    def start(*arguments: str | Path) -> Jam:
        jams.append(Jam(tmp_path, *SILENT, "--model", model, *arguments))
        return jams[-1]

    yield start
    for jam in jams:
        jam.close()


def n_frames(folder: Path) -> int:
    return sum(isinstance(record, Played) for record in Take(find_take(str(folder))).records())


def play_a_little(jam: Jam, folder: Path, frames: int = 30) -> None:
    """Send a jam notes and controls by OSC until so many frames are in its take."""
    osc = jam.osc()
    osc.send("/livegen/note", 1, 60, 100)
    osc.send("/livegen/temperature", 0.7)
    assert wait_until(lambda: n_frames(folder) >= frames // 2, 20.0)
    osc.send("/livegen/note", 1, 60, 0)
    assert wait_until(lambda: n_frames(folder) >= frames, 20.0)


@pytest.mark.parametrize("patience_seconds", [0.1, 0.4, 0.9])
def test_a_jam_that_is_killed_leaves_all_but_a_moment(
    start_jam: Callable[..., Jam], model: Path, tmp_path: Path, patience_seconds: float
) -> None:
    jam = start_jam("--take", tmp_path / "takes")
    play_a_little(jam, tmp_path / "takes")
    time.sleep(patience_seconds)  # any moment between two writings
    jam.leave(signal.SIGKILL)
    died = datetime.now(UTC)
    take = Take(find_take(str(tmp_path / "takes")))
    assert take.end() is None
    turns = [record for record in take.records() if isinstance(record, Turned)]
    assert (died - datetime.fromisoformat(take.head.started)).total_seconds() - turns[-1].at_ns / 1e9 < 1.0
    outcome = check(take, load_engine(model))
    assert outcome.difference == ""
    assert turns[-1].calls[-1].to_frame - outcome.n_frames <= 3
    assert {event.source.partition(":")[0] for turned in turns for event in turned.events} == {"osc"}


def test_a_jam_is_recorded_unasked_and_comes_out_the_same(
    start_jam: Callable[..., Jam], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEGEN_DATA_DIR", str(tmp_path))
    jam = start_jam()
    play_a_little(jam, tmp_path / "takes")
    assert f"take: {tmp_path / 'takes'}" in jam.words
    assert jam.leave(signal.SIGINT) == 0
    checked = run_livegen("replay", "--check", folder=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.startswith("identical: ")
    listed = json.loads(run_livegen("takes", "--json", folder=tmp_path).stdout)
    (told,) = listed["takes"]
    assert (told["model"], told["patch"], told["is_whole"], told["events"]) == ("random", "plain", True, 3)
    assert told["notes"]["p1"] >= 1
    log = tmp_path / "takes" / told["name"] / LOG_FILE
    lines = log.read_text("utf-8").splitlines()
    frame = next(number for number, line in enumerate(lines) if line.startswith('{"frame":9,'))
    lines[frame] = lines[frame].replace(
        '"is":"' + lines[frame][17:19], '"is":"' + ("00" if "00" not in lines[frame][17:19] else "3c")
    )
    log.write_text("\n".join(lines) + "\n", "utf-8")
    checked = run_livegen("replay", "--check", folder=tmp_path)
    assert checked.returncode == cli.EXIT_OTHER
    assert checked.stderr.startswith("livegen: the take comes out otherwise: frame 9, P1, note: expected ")
    assert checked.stderr.count("\n") == 1


def test_a_jam_with_two_models_comes_out_the_same_and_says_which_is_missing(
    start_jam: Callable[..., Jam], tmp_path: Path
) -> None:
    jam, folder = start_jam("--take", tmp_path / "takes"), tmp_path / "takes"
    play_a_little(jam, folder)
    osc = jam.osc()
    osc.send("/livegen/register")
    osc.send("/livegen/model", "solo")
    assert osc.receive_from("/livegen/model") == ["solo"]
    assert wait_until(lambda: n_frames(folder) >= 90, 20.0)
    osc.send("/livegen/model", "random")
    assert osc.receive_from("/livegen/model") == ["random"]
    assert wait_until(lambda: n_frames(folder) >= 120, 20.0)
    assert jam.leave(signal.SIGINT) == 0
    checked = run_livegen("replay", folder, "--check", folder=tmp_path)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.startswith("identical: ")
    log = find_take(str(folder)) / LOG_FILE
    text = log.read_text("utf-8")
    assert text.count('{"model":"solo"') == 1
    (line,) = (line for line in text.splitlines() if line.startswith('{"model":"solo"'))
    log.write_text(text.replace(line, '{"model":"gone","folder":"/nowhere/gone","sha256":"0"}'), "utf-8")
    checked = run_livegen("replay", folder, "--check", folder=tmp_path)
    assert checked.returncode == cli.EXIT_USAGE
    assert (
        "the take was played by the model 'gone', which is not here: put it back into /nowhere/gone" in checked.stderr
    )
    assert "Traceback" not in checked.stderr


def test_no_take_records_nothing(
    start_jam: Callable[..., Jam], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEGEN_DATA_DIR", str(tmp_path / "data"))
    jam = start_jam("--no-take")
    assert "take: none" in jam.words
    assert jam.leave(signal.SIGINT) == 0
    assert not (tmp_path / "data").exists()


def test_a_place_that_somebody_named_and_cannot_be_written_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = run_livegen("jam", *SILENT, "--model", model, "--take", tmp_path / "file" / "x", folder=tmp_path)
    assert refused.returncode == cli.EXIT_USAGE
    assert "no take can be kept in" in refused.stderr


def test_the_usual_place_that_cannot_be_written_costs_the_take_and_not_the_music(
    start_jam: Callable[..., Jam], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LIVEGEN_DATA_DIR", str(tmp_path / "file"))
    jam = start_jam("--seconds", "1")
    assert wait_until(lambda: not jam.plays, 20.0)
    assert "note: this jam is not recorded: no take can be kept in" in jam.words
    assert "played 1." in jam.words


def test_the_last_bars_are_kept_while_the_jam_goes_on(start_jam: Callable[..., Jam], tmp_path: Path) -> None:
    jam = start_jam("--take", tmp_path / "takes", "--capture", "mid,wav,npz")
    play_a_little(jam, tmp_path / "takes", 60)
    jam.osc().send("/livegen/capture", 1)
    folder = find_take(str(tmp_path / "takes"))
    files = [folder / f"capture-1{ending}" for ending in (".mid", ".wav", ".npz")]
    assert wait_until(lambda: all(file.is_file() for file in files), 60.0)
    assert jam.plays
    assert jam.leave(signal.SIGINT) == 0
    kept = [record for record in Take(folder).records() if isinstance(record, Kept)]
    assert len(kept) == 1
    frames = [record.planned.frame for record in Take(folder).records() if isinstance(record, Played)]
    with np.load(files[2], allow_pickle=False) as stored:
        assert np.array_equal(stored["frames"], frames[kept[0].first : kept[0].end])
    assert mido.MidiFile(files[0]).length > 0


@pytest.fixture(scope="module")
def recorded(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a take of a second and a half."""
    folder = tmp_path_factory.mktemp("recorded")
    jam = Jam(folder, *SILENT, "--model", model, "--take", folder / "takes", "--seconds", "1.5")
    assert wait_until(lambda: not jam.plays, 30.0), jam.words
    return folder / "takes"


def test_a_take_is_played_live(recorded: Path, tmp_path: Path) -> None:
    played = run_livegen("replay", recorded, "--audio", "null", "--from", "1s", folder=tmp_path)
    assert (played.returncode, played.stdout) == (0, "")


def test_a_stretch_of_a_take_is_written_to_files(recorded: Path, tmp_path: Path) -> None:
    replay(str(recorded), out_files=[tmp_path / "a.npz", tmp_path / "a.wav"], from_="6", to="1s")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        assert len(stored["frames"]) == 18
    assert (tmp_path / "a.wav").stat().st_size > 40_000


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"take": "yesterday"}, TakeError, "there is no take 'yesterday'"),
        ({"from_": "soon", "out_files": [Path("a.wav")]}, FormatError, "'soon' is no place in a take"),
        ({"from_": "-3", "out_files": [Path("a.wav")]}, FormatError, "'-3' is no place in a take"),
        ({"to": "infs", "out_files": [Path("a.wav")]}, FormatError, "'infs' is no place in a take"),
        ({"from_": "9999", "out_files": [Path("a.wav")]}, TakeError, "nothing to play from frame 9999 on"),
        ({"from_": "9999", "audio": "null"}, TakeError, "nothing to play from frame 9999 on"),
        ({"out_files": [Path("a.ogg")]}, FormatError, "a.ogg cannot be rendered"),
    ],
)
def test_what_cannot_be_replayed_is_refused(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict, error: type, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=words):
        replay(**({"take": str(recorded)} | given))


def test_clearing_away_needs_to_know_what_may_go(recorded: Path) -> None:
    with pytest.raises(TakeError, match="--keep N, --older-than DAYS or --max-size MB"):
        takes(prune=True, folder=recorded)
    with pytest.raises(TakeError, match="--keep means nothing without --prune"):
        takes(keep=3, folder=recorded)


def test_the_list_and_what_was_removed_are_said(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (old,) = recorded.iterdir()
    copy = tmp_path / "takes" / old.name
    copy.mkdir(parents=True)
    (copy / LOG_FILE).write_bytes((old / LOG_FILE).read_bytes())
    takes(folder=tmp_path / "takes")
    assert old.name in capsys.readouterr().out
    takes(prune=True, keep=1, folder=tmp_path / "takes")
    assert capsys.readouterr().out == "nothing to remove\n"
    takes(prune=True, keep=0, folder=tmp_path / "takes")
    assert capsys.readouterr().out == f"removed {copy}\n"
