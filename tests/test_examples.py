"""The examples, each run as its first lines say."""

import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import mido
import pytest
from livegen_process import CHECKOUT, Jam, assert_left_well, environment
from programs import PATIENCE_SECONDS, free_port, needs
from waiting import wait_until

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def jam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jam]:
    devices = ("--audio", "null", "--midi-api", "none", "--web-port", "0")
    jam = Jam(tmp_path_factory.mktemp("jam"), *devices, "--no-take", "--seed", "3")
    yield jam
    try:
        assert_left_well(jam)
    finally:
        jam.close()


def on_the_jam(name: str, jam: Jam, folder: Path) -> Path:
    """Return a copy of an example that talks to this jam, and listens where nobody else does."""
    text = (EXAMPLES / name).read_text("utf-8")
    assert "9124" in text
    copy = folder / name
    copy.write_text(text.replace("9124", str(jam.osc_port)).replace("9126", str(free_port())), "utf-8")
    return copy


def test_pure_data_follows_the_jam(run_program, jam: Jam, tmp_path: Path) -> None:
    needs("pd")
    patch = on_the_jam("follow.pd", jam, tmp_path)
    pd = run_program("pd", "-nogui", "-noaudio", "-nomidi", "-nrt", "-stderr", "-open", patch)
    assert pd.has_printed(r"livegen: livegen temperature [\d.]+", r"livegen: livegen heartbeat"), pd.printed
    jam.osc().send("/livegen/temperature", 0.25)
    assert pd.has_printed(r"livegen: livegen temperature 0\.25"), pd.printed
    assert "error" not in pd.printed


def test_supercollider_plays_a_line(run_program, jam: Jam, tmp_path: Path) -> None:
    needs("sclang")
    script, runtime = on_the_jam("follow.scd", jam, tmp_path), tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    sclang = run_program(
        *("sclang", "-D", script),
        QT_QPA_PLATFORM="offscreen",
        QTWEBENGINE_DISABLE_SANDBOX="1",  # it has a browser in it, which refuses to run as root
        XDG_RUNTIME_DIR=str(runtime),
        HOME=str(tmp_path),
    )
    assert sclang.has_printed(r"livegen: .*/livegen/temperature, 0\.(7|69)", r"the line is over"), sclang.printed
    assert "ERROR" not in sclang.printed


def test_python_plays_a_midi_file(run_program, jam: Jam, tmp_path: Path) -> None:
    track = mido.MidiTrack([mido.Message("note_on", note=60, velocity=64), mido.Message("note_off", note=60, time=48)])
    file = mido.MidiFile()
    file.tracks.append(track)
    file.save(tmp_path / "keys.mid")
    duet = run_program(sys.executable, EXAMPLES / "duet.py", tmp_path / "keys.mid", "--port", str(jam.osc_port))
    assert duet.has_printed(r"^/livegen/temperature 0\.8", r"^/livegen/mode \w+", r"^the end"), duet.printed
    assert "Traceback" not in duet.printed


def test_a_page_by_oscquery_sets_what_its_sliders_say(run_program, jam: Jam) -> None:
    tree = jam.page.rstrip("/") + "/livegen"
    panel = run_program(
        sys.executable, EXAMPLES / "panel.py", "--livegen", tree, "--osc-port", str(jam.osc_port), "--port", "0"
    )
    assert panel.has_printed(r"^http://127"), panel.printed
    address = re.search(r"http://[\d.:]+/", panel.printed)
    assert address

    def page() -> str:
        with urllib.request.urlopen(address[0], timeout=20) as answer:
            return answer.read().decode()

    assert 'id="/livegen/temperature" min="0.0" max=' in page()
    posted = urllib.request.Request(address[0] + "livegen/swing", b"0.5", method="POST")
    with urllib.request.urlopen(posted, timeout=20) as answer:
        assert answer.status == 204
    slider = re.compile(r'id="/livegen/swing" [^>]*value="0\.5"')
    assert wait_until(lambda: slider.search(page()) is not None, PATIENCE_SECONDS)


def test_the_api_composes(tmp_path: Path) -> None:
    program = [sys.executable, EXAMPLES / "compose.py", tmp_path]
    done = subprocess.run(program, env=environment(), capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"seed [123], 4 s, \d+ % of frames have a new note\n", done.stdout)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.mid", "best.vgz", "best.wav"]


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no sh here")
def test_an_album_is_rendered(tmp_path: Path) -> None:
    """By the script's own words; but `livegen` is this Python's, which renders an instant of two tracks."""
    script = (EXAMPLES / "album.sh").read_text("utf-8")
    patches = re.search(r"in ((?:\w+ ?)+); do", script)
    assert patches
    assert all((CHECKOUT / "patches" / f"{patch}.toml").is_file() for patch in patches[1].split())
    (tmp_path / "album.sh").write_text(script.replace(patches[1], " ".join(patches[1].split()[:1])), "utf-8")
    livegen = tmp_path / "livegen"
    livegen.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m livegen "$@"\n', "utf-8")
    livegen.chmod(0o755)
    path = {"PATH": f"{tmp_path}:{environment()['PATH']}"}
    program = ["sh", "album.sh", "songs", "0.5"]
    subprocess.run(program, cwd=tmp_path, env={**environment(), **path}, check=True, capture_output=True, timeout=200)
    made = sorted(path.name for path in (tmp_path / "songs").iterdir())
    assert made == ["01-overworld.flac", "01-overworld.vgz"]


def test_the_table_lists_every_example() -> None:
    listed = re.findall(r"^\| \[([\w.]+)\]", (EXAMPLES / "README.md").read_text("utf-8"), re.M)
    assert sorted(listed) == sorted(
        path.name for path in EXAMPLES.iterdir() if path.name not in ("README.md", "__pycache__")
    )
