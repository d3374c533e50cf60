"""The commands as a user types them: what they write, what they say, and how they refuse."""

import importlib
import json
import os
import pickle
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np
import pytest
from livegen_process import CHECKOUT, LEAVE_SECONDS, START_SECONDS, Jam, environment, run_livegen
from safetensors.numpy import load_file, save, save_file
from vgm_files import log, vgm
from waiting import wait_until

from livegen import cli
from livegen.cli.layouts import LAYOUTS
from livegen.controls import CONTROLS, DEFAULTS, osc_address
from livegen.engines.checkpoint import CONFIG_FILE, WEIGHTS_FILE
from livegen.engines.lstm.lstm import SIZES
from livegen.formats.score.kinds import read_piece
from livegen.formats.score.nesmdb import load_npz
from livegen.offline.convert import CONVERSIONS
from livegen.offline.render import RENDER_ENDINGS
from livegen.score import Column, Voice
from livegen.system.resources import patches_folder

SILENT = ("--audio", "null", "--midi-api", "none", "--no-web")
SHORT = ("--seconds", "0.5", "--seed", "7")
COMMANDS = sorted(command.name or command.callback.__name__ for command in cli.app.registered_commands)


class Result(NamedTuple):
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run a command in this process."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def run_command(*arguments: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["livegen", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        said = capsys.readouterr()
        return Result(leaving.value.code or 0, said.out, said.err)

    yield run_command
    for number, handler in handlers.items():
        signal.signal(number, handler)


def run_in(*arguments: str | Path, folder: Path, **changes: str) -> Result:
    """Run a command in a process of its own, in a folder and with changes to the environment."""
    process = run_livegen(*arguments, folder=folder, **changes)
    return Result(process.returncode, process.stdout, process.stderr)


@pytest.fixture
def tune(tmp_path: Path) -> Path:
    """A MIDI file of two notes on channel 1, the last of which never ends."""
    track = mido.MidiTrack(
        [
            mido.Message("note_on", note=60, velocity=100, time=0),
            mido.Message("note_off", note=60, time=120),
            mido.Message("note_on", note=67, velocity=100, time=0),
        ]
    )
    path = tmp_path / "tune.mid"
    mido.MidiFile(tracks=[track], ticks_per_beat=480).save(path)
    return path


def assert_refused(result: Result, *words: str) -> None:
    """Assert that a command left with one sentence on stderr that has these words, and nothing else."""
    assert result.code == cli.EXIT_USAGE, result
    assert result.out == ""
    assert result.err.startswith("livegen: ")
    assert result.err.count("\n") == 1, result.err
    assert len(result.err) < 500
    assert all(character.isprintable() for character in result.err[:-1])
    for word in words:
        assert word in result.err


@pytest.mark.parametrize("ending", [".wav", ".flac", ".mid", ".npz", ".nsf", ".vgz"])
def test_the_same_seed_gives_the_same_bytes(run: Run, model: Path, tmp_path: Path, ending: str) -> None:
    files = [tmp_path / f"{name}{ending}" for name in ("one", "two", "other")]
    for file, seed in zip(files, ("7", "7", "8"), strict=True):
        result = run("render", file, "--model", model, "--seconds", "1", "--seed", seed)
        assert (result.code, result.out) == (0, "")
        assert result.err == f"wrote {file}: 1.0 s, seed {seed}\n"
    one, two, other = (file.read_bytes() for file in files)
    assert one == two != other


def test_without_a_seed_it_says_the_one_it_took(run: Run, model: Path, tmp_path: Path) -> None:
    first, again = tmp_path / "first.npz", tmp_path / "again.npz"
    seed = run("render", first, "--model", model, "--seconds", "0.5").err.split()[-1]
    run("render", again, "--model", model, "--seconds", "0.5", "--seed", seed)
    assert first.read_bytes() == again.read_bytes()


def test_a_count_numbers_files_and_seeds_and_says_what_failed(run: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "song-02.npz").mkdir()
    result = run("render", tmp_path / "song.npz", "--model", model, *SHORT, "--count", "3", "--seed", "7")
    lines = result.err.splitlines()
    assert (result.code, result.out, len(lines)) == (cli.EXIT_USAGE, "", 4)
    failed, *wrote = sorted(lines[:3])  # whichever is done first is told first
    assert failed.startswith(f"failed {tmp_path / 'song-02.npz'}: ")
    assert wrote == [f"wrote {tmp_path / f'song-0{n}.npz'}: 0.5 s, seed {seed}" for n, seed in ((1, 7), (3, 9))]
    assert lines[3] == "livegen: 1 of 3 files could not be rendered"
    run("render", tmp_path / "one.npz", "--model", model, *SHORT, "--seed", "9")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "song-03.npz").read_bytes()


def test_it_works_from_any_folder_and_without_portaudio(
    run: Run, model: Path, tmp_path: Path, without_portaudio: dict[str, str]
) -> None:
    run("render", tmp_path / "here.wav", "--model", model, *SHORT)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    shutil.copytree(model, folder / "mine")
    result = run_in("render", "there.wav", "--model", "mine", *SHORT, folder=folder, **without_portaudio)
    assert (result.code, result.out) == (0, "")
    assert (folder / "there.wav").read_bytes() == (tmp_path / "here.wav").read_bytes()


@pytest.fixture
def without_portaudio(tmp_path: Path) -> dict[str, str]:
    """Changes to the environment that make sounddevice fail as it does where PortAudio is not installed."""
    folder = tmp_path / "no portaudio"
    folder.mkdir()
    (folder / "sounddevice.py").write_text('raise OSError("PortAudio library not found")\n')
    return {"PYTHONPATH": f"{folder}{os.pathsep}{CHECKOUT}"}


def test_without_portaudio_jam_keeps_time_and_a_device_is_refused(
    model: Path, tmp_path: Path, without_portaudio: dict[str, str]
) -> None:
    arguments = ("jam", "--midi-api", "none", "--osc-port", "0", "--model", model, "--seconds", "0.5")
    result = run_in(*arguments, folder=tmp_path, **without_portaudio)
    assert (result.code, result.out) == (0, "")
    assert "sound: null" in result.err
    assert_refused(run_in(*arguments, "--audio", "JACK", folder=tmp_path, **without_portaudio), "PortAudio", "null")


def test_a_jam_whose_voices_have_models_of_their_own_replays(model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(model, other)
    arguments = ("jam", "--midi-api", "none", "--osc-port", "0", "--audio", "null", "--no-web", "--seconds", "1")
    models = ("--model", model, "--model", f"no={other}", "--model", f"p1={other}")
    assert run_in(*arguments, *models, "--take", tmp_path / "takes", folder=tmp_path).code == 0
    (take,) = (tmp_path / "takes").iterdir()
    assert run_in("replay", take, "--check", folder=tmp_path).out.startswith("identical: ")
    weights = load_file(other / "weights.safetensors")
    save_file({name: array * np.float32(0.5) for name, array in weights.items()}, other / "weights.safetensors")
    result = run_in("replay", take, "--check", folder=tmp_path)
    assert "the model other is not the one that played: its files differ" in result.err
    assert "the take comes out otherwise: frame " in result.err


@pytest.mark.parametrize("command", ["devices", "doctor"])
def test_without_portaudio_the_examiners_say_so(
    tmp_path: Path, without_portaudio: dict[str, str], command: str
) -> None:
    result = run_in(command, "--json", folder=tmp_path, **without_portaudio)
    assert result.code == 0
    assert "PortAudio is missing" in result.out


def test_a_prompt_is_played_by_the_player(run: Run, model: Path, tmp_path: Path, tune: Path) -> None:
    alone, prompted = tmp_path / "alone.npz", tmp_path / "prompted.npz"
    run("render", alone, "--model", model, *SHORT, "--set", "p1.role=off")
    run("render", prompted, "--model", model, *SHORT, "--prompt", tune)
    notes = load_npz(prompted)[:, Voice.P1, Column.NOTE].tolist()
    assert notes == [60] * 3 + [67] * 9
    assert not load_npz(alone)[:, Voice.P1].any()
    assert load_npz(alone)[:, Voice.P2].any()


def test_the_solo_model_plays_p1_and_the_player_any_voice(run: Run, tmp_path: Path, tune: Path) -> None:
    file = tmp_path / "a.npz"
    roles = ("--set", "p1.role=model", "--set", "tr.role=player", "--set", "p1.density=1")
    result = run("render", file, "--model", "solo", "--seconds", "6", "--seed", "7", "--prompt", tune, *roles)
    assert result.code == 0
    notes = load_npz(file)[..., Column.NOTE].astype(int)
    assert (np.diff(notes[:, Voice.P1]) != 0).sum() > 3
    assert notes[:12, Voice.TR].tolist() == [60] * 3 + [67] * 9
    assert not notes[:, [Voice.P2, Voice.NO]].any()


def test_a_control_that_is_set_is_in_force(run: Run, model: Path, tmp_path: Path) -> None:
    scores = []
    for number, temperature in enumerate(("0", "2")):
        file = tmp_path / f"{number}.npz"
        run("render", file, "--model", model, *SHORT, "--set", f"temperature={temperature}", "--set", "no.role=off")
        scores.append(load_npz(file))
    assert not any(score[:, Voice.NO].any() for score in scores)
    assert not np.array_equal(*scores)


@pytest.mark.parametrize("command", ["train", "eval"])
@pytest.mark.parametrize("name", ["nowhere", "empty", "bad", "bad/a.mid", "bad.tar.gz"])
def test_data_that_cannot_be_used_is_refused_before_anything_is_made(run: Run, model, tmp_path, command, name):
    pytest.importorskip("torch")
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    for path in (tmp_path / "bad" / "a.mid", tmp_path / "bad.tar.gz"):
        path.write_bytes(b"no music")
    arguments = (tmp_path / "made",) if command == "train" else ("--model", model)
    result = run(command, tmp_path / name, *arguments)
    assert result.code == 2
    assert name in result.err.splitlines()[-1]
    assert not result.out
    assert not (tmp_path / "made").exists()


def test_train_makes_the_network_that_its_options_say(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    given = []
    trainers = importlib.import_module("livegen.training.trainers")
    monkeypatch.setattr(trainers, "train_lstm", lambda *_, **settings: given.append(settings))
    network = ["--size", "small", "--voices", "tr,p1", "--leave-out", "memory", "--leave-out", "ages"]
    assert run("train", "data", "out", *network, "--steps", "7", "--seed", "3").code == 0
    assert run("train", "data", "out", "--minutes", "5").code == 0
    assert run("train", "data", "out", "--resume").code == 0
    small = replace(SIZES["small"], voices=(Voice.P1, Voice.TR), leaves_out=("memory", "ages"))
    assert [settings["config"] for settings in given] == [small, SIZES["full"], None]
    assert [(of["settings"].steps, of["settings"].minutes, of["settings"].seed) for of in given[:2]] == [
        (7, 60.0, 3),
        (None, 5.0, 0),
    ]
    assert_refused(run("train", "data", "out", "--voices", "p1,dmc"), "voices", "dmc", "p1, p2, tr, no")
    assert_refused(run("train", "data", "out", "--leave-out", "beat"), "--leave-out", "memory")


def test_train_trains_the_kind_that_is_asked_for_and_refuses_what_it_does_not_take(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    trainers, given = importlib.import_module("livegen.training.trainers"), []
    for name in ("train_vae", "train_gan", "train_dcgan"):
        monkeypatch.setattr(
            trainers, name, lambda data, out, name=name, **more: given.append((name, more["settings"], more["resume"]))
        )
    assert run("train", "data", "out", "--engine", "gan", "--steps", "7", "--seed", "3").code == 0
    assert run("train", "data", "out", "--engine", "gan", "--arch", "dcgan", "--resume").code == 0
    assert run("train", "data", "out", "--engine", "vae", "--learning-rate", "0.5").code == 0
    assert [name for name, _, _ in given] == ["train_gan", "train_dcgan", "train_vae"]
    assert [is_resumed for _, _, is_resumed in given] == [False, True, False]
    assert (given[0][1].steps, given[0][1].seed, given[2][1].learning_rate) == (7, 3, 0.5)
    assert_refused(run("train", "data", "out", "--engine", "gan", "--size", "full"), "--size", "--engine lstm")
    assert_refused(run("train", "data", "out", "--arch", "dcgan"), "--arch", "--engine gan")
    (tmp_path / "run.json").write_text('{"parts": [], "figures": {"copies": 0.125}}')
    assert "12.5% of what it makes is a copy" in run("train", "data", tmp_path, "--engine", "gan").err


def test_an_option_stands_over_the_rig_and_the_rig_over_its_patch(run: Run, model: Path, tmp_path: Path) -> None:
    rig = tmp_path / "gig.toml"
    rig.write_text(
        f'patch = "lead"\nmodel = "{model}"\naudio = "null"\nmidi_api = "none"\nosc_port = 0\nrate = 44100\n'
        "web = false\n[controls]\nvolume = 0.25\ntemperature = 0.5\n"
    )
    result = run("jam", "--rig", rig, "--rate", "32000", "--set", "temperature=0.75", "--seconds", "0.2")
    assert result.code == 0
    assert "sound: null, 32000 Hz" in result.err
    assert_refused(run("jam", "--rig", tmp_path / "none.toml"), "there is no rig", "none.toml")
    rig.write_text("# a gig\nblcok = 64\n")
    assert_refused(run("jam", "--rig", rig), f"{rig}, line 2: blcok is no key")
    rig.write_text("# a gig\nweb_port = 70000\n")
    assert_refused(run("jam", "--rig", rig), f"{rig}, line 2: web_port", "0 to 65535")


def test_rigs_are_listed_with_their_inputs_and_doctor_names_one_that_does_not_open(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEGEN_CONFIG_DIR", str(tmp_path))
    folder = tmp_path / "rigs"
    folder.mkdir()
    (folder / "duo.toml").write_text(
        'midi_in = [{port = "keystation", voice = "p1"}, {port = "minilab", voice = "tr", transpose = -12}]\n'
    )
    (folder / "solo.toml").write_text('midi_in = "keystation"\n')
    assert run("rigs").out.splitlines() == [
        "duo: keystation (plays P1), minilab (plays TR, -12 semitones)",
        "solo: keystation",
    ]
    found = json.loads(run("doctor", "--json").out)["rigs"]
    assert found["is_fine"]
    assert "duo (not now: no MIDI input port has 'keystation' in its name" in found["says"]
    (folder / "bad.toml").write_text('[[midi_in]]\nvoice = "bass"\n')
    assert "bad: cannot be opened: " in run("rigs").out
    found = json.loads(run("doctor", "--json").out)["rigs"]
    assert (found["is_fine"], "midi_in.voice cannot be 'bass'" in found["says"]) == (False, True)


def test_a_jam_is_saved_by_osc_and_listed_and_opened_again(run: Run, model: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("LIVEGEN_CONFIG_DIR", str(tmp_path / "config"))
    jam = Jam(tmp_path, *SILENT, "--model", model, "--patch", "lead", "--set", "temperature=0.75")
    try:
        osc = jam.osc()
        assert osc.ask("/livegen/p2/mute", 1) == ("/livegen/p2/mute", [1])
        assert osc.ask("/livegen/save", "gig") == ("/livegen/save", ["gig"])
        assert jam.leave(signal.SIGTERM) == 0
    finally:
        jam.close()
    assert run("rigs").out == "gig\n"
    again = Jam(tmp_path, "--rig", "gig")
    try:
        osc = again.osc()
        assert osc.ask("/livegen/temperature") == ("/livegen/temperature", [0.75])
        assert osc.ask("/livegen/p2/mute") == ("/livegen/p2/mute", [1])
        assert osc.ask("/livegen/patch") == ("/livegen/patch", ["lead"])
        assert again.leave(signal.SIGTERM) == 0
    finally:
        again.close()


def test_layouts_are_printed_byte_for_byte(run: Run) -> None:
    for program, (file, make) in LAYOUTS.items():
        assert run("controls", "--layout", program).out == make()
        assert (patches_folder() / "layouts" / file).is_file()
    assert_refused(run("controls", "--layout", "lemur"), "'lemur'", "open-stage-control and touchosc")


def test_whoever_asks_for_the_version_or_for_help_waits_for_no_compiler() -> None:
    program = "import sys, livegen.cli; print(*{'numpy', 'numba', 'mido'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == []


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert result.code == 0
    assert f"Example: livegen {command}" in result.out


@pytest.mark.parametrize("command", ["render", "convert"])
def test_the_help_names_every_ending_that_the_command_knows(run: Run, command: str) -> None:
    converted = {ending for row in CONVERSIONS for ending in (*row.sources, *row.targets)}
    known = set(RENDER_ENDINGS) if command == "render" else converted
    named = {word.strip(",") for word in run(command, "--help").out.split()}
    assert known - {".midi"} <= named  # which is said with .mid


def test_no_command_shows_the_help_and_is_an_error(run: Run) -> None:
    result = run()
    assert result.code == cli.EXIT_USAGE
    assert all(command in result.out for command in COMMANDS)
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("command", ["devices", "doctor", "controls"])
def test_json_is_one_object_and_nothing_else(run: Run, command: str) -> None:
    result = run(command, "--json")
    assert (result.code, result.err) == (0, "")
    assert isinstance(json.loads(result.out), dict)


def test_figures_as_json_are_one_object_and_nothing_else(
    run: Run, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = {"step_ms": {"p50": 0.1, "p99": 0.2}, "startup_s": 1.5}
    monkeypatch.setattr("livegen.cli.bench.measure", lambda folder, **settings: figures)
    result = run("bench", "--json", "--model", model)
    assert (result.code, json.loads(result.out), result.err) == (0, figures, "")
    assert "p99 0.2" in run("bench", "--model", model).out


@pytest.mark.parametrize("command", ["devices", "doctor", "controls", "patches", "models"])
def test_the_lists_are_for_people_without_json(run: Run, command: str) -> None:
    result = run(command)
    assert (result.code, result.err) == (0, "")
    assert len(result.out.splitlines()) >= 1


def test_the_shipped_patch_and_every_control_are_listed(run: Run) -> None:
    assert "plain" in run("patches").out
    listed = json.loads(run("controls", "--json").out)
    assert set(listed) == set(CONTROLS)
    assert listed["p1.role"]["osc"] == "/livegen/p1/role"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], ["nonsense"]),
        (["render"], ["OUT"]),
        (["render", "a.wav", "--nonsense"], ["--nonsense"]),
        (["render", "a.ogg"], ["a.ogg", ".wav", ".flac", ".mid", ".npz"]),
        (["render", "a"], [".wav", ".nsf", ".png"]),
        (["render", "a.mid", "--audio-channels", "voices"], ["--audio-channels", "a.mid"]),
        (["render", "a.nsf", "--rate", "44100"], ["--rate", "a.nsf"]),
        (["render", "a.wav", "--count", "0"], ["--count", "1"]),
        (["render", "a.nsf", *SHORT, "--loop-from", "9"], ["9.00 s", "0.50 s"]),
        (["render", "no such folder/a.wav"], ["no such folder", "make it"]),
        (["render", "/proc/a.wav"], ["/proc/a.wav"]),
        (["render", "n" * 300 + ".wav"], ["nnn"]),
        (["render", "a.wav", "--seconds", "nan"], ["--seconds"]),
        (["render", "a.wav", "--seed", "-1"], ["--seed"]),
        (["render", "a.wav", "--rate", "7"], ["--rate", "8000"]),
        (["render", "a.wav", "--set", "temperature"], ["name=value"]),
        (["render", "a.wav", "--set", "temperature=hot"], ["temperature", "hot", "0 to 2"]),
        (["render", "a.wav", "--set", "temperature=nan"], ["temperature", "nan"]),
        (["render", "a.wav", "--set", "speed=1"], ["speed", "livegen controls"]),
        (["render", "a.wav", "--set", "p1.role=drummer"], ["p1.role", "player"]),
        (["render", "a.wav", "--set", "panic=1"], ["panic"]),
        (["render", "a.wav", "--model", "no such model"], ["no such model", "default"]),
        (["render", "a.wav", "--model", "n" * 300], ["nnn"]),
        (["render", "a.wav", "--model", "two\nlines\x1b[31m"], ["two"]),
        (["render", "a.wav", "--patch", "no such patch"], ["no such patch", "plain"]),
        (["render", "a.wav", "--prompt", "none.mid"], ["none.mid"]),
        (["render", "a.wav", "--prompt", "n" * 300], ["nnn"]),
        (["render", "a.wav", "--prompt", "."], ["not a file"]),
        (["jam", "--audio", "no such device"], ["no such device", "--audio null"]),
        (["jam", *SILENT, "--midi-api", "telepathy"], ["telepathy", "jack"]),
        (["jam", *SILENT, "--midi-in", "moog"], ["MIDI"]),
        (["jam", *SILENT, "--midi-in", "moog,voice=bass"], ["--midi-in 'moog,voice=bass'", "p1, p2, tr, no"]),
        (["jam", *SILENT, "--midi-in", "moog,transpose=99"], ["transpose", "'99'", "-48 to 48"]),
        (["jam", *SILENT, "--midi-out", "moog,thru=on,thru=off"], ["--midi-out 'moog", "thru is there twice"]),
        (["jam", *SILENT, "--osc-port", "70000"], ["--osc-port"]),
        (["jam", *SILENT, "--osc-host", "192.0.2.1"], ["192.0.2.1", "127.0.0.1"]),
        (["jam", *SILENT, "--osc-host", ""], ["127.0.0.1"]),
        (["jam", *SILENT, "--osc-host", "\udcff"], ["127.0.0.1"]),
        (["jam", *SILENT, "--osc-port", "0", "--block", "1"], ["--block", "16"]),
        (["jam", *SILENT, "--play", "none.mid"], ["none.mid"]),
        (["bench", "--model", "no such model"], ["no such model"]),
        (["convert"], ["IN"]),
        (["convert", "a.vgm"], ["OUT"]),
        (["convert", "none.vgm", "a.wav"], ["none.vgm", "not a file"]),
        (["convert", "/etc/passwd", "a.wav"], ["passwd", ".vgm", ".mid"]),
        (["convert", "none.vgm", "no such folder/a.wav"], ["no such folder", "make it"]),
        (["convert", "none.vgm", "a.wav", "--rate", "7"], ["--rate", "8000"]),
        (["convert", "none.vgm", "a.wav", "--loops", "0"], ["--loops", "1"]),
        (["convert", "none.mid", "a.npz", "--no-filters"], ["--filters"]),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    if "--model" not in arguments and arguments[0] in ("jam", "render"):
        arguments = [*arguments, "--model", str(model)]
    assert_refused(run(*arguments), *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".wav", ".mid", ".npz"])
def test_a_folder_is_no_output(run: Run, tmp_path: Path, ending: str) -> None:
    (tmp_path / f"folder{ending}").mkdir()
    assert_refused(run("render", tmp_path / f"folder{ending}", *SHORT, "--model", "none"), "is a folder")


def test_a_port_in_use_is_refused(run: Run, model: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = str(other.getsockname()[1])
        assert_refused(run("jam", *SILENT, "--model", model, "--osc-port", port), port, "--osc-port")


def test_a_page_that_cannot_be_served_is_refused_before_any_sound(run: Run, model: Path) -> None:
    silent = ("--audio", "null", "--midi-api", "none", "--osc-port", "0", "--model", model)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused = run("jam", *silent, "--web-port", port)
        assert_refused(refused, port, "--web-port")
        assert "sound:" not in refused.err
    assert_refused(run("jam", *silent, "--web-host", "192.0.2.1"), "192.0.2.1", "--web-host")


SCRIPT = """import sys
from livegen.__main__ import main
if __name__ == "__main__":
    sys.exit(main())
"""
"""What an installer writes as the program livegen."""


@pytest.mark.parametrize(("program", "number"), [("module", signal.SIGINT), ("script", signal.SIGHUP)])
def test_a_jam_serves_its_page_and_takes_it_away(program: str, number: int, model: Path, tmp_path: Path) -> None:
    (tmp_path / "livegen.py").write_text(SCRIPT)
    started = ["-m", "livegen"] if program == "module" else ["-P", tmp_path / "livegen.py"]
    silent = ["--audio", "null", "--midi-api", "none", "--osc-port", "0", "--model", str(model)]
    words = tmp_path / "words.txt"
    with words.open("wb") as said:
        jam = subprocess.Popen(
            [sys.executable, *started, "jam", *silent, "--web-port", "0"],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        assert wait_until(lambda: "page: http://127.0.0.1:" in words.read_text() or jam.poll() is not None, 120.0)
        address = re.search(r"page: (http://127\.0\.0\.1:\d+/)", words.read_text())
        assert address, words.read_text()
        asked = urllib.request.Request(address[1], headers={"Accept": "text/html"})
        with urllib.request.urlopen(asked, timeout=20.0) as page:
            assert "<title>livegen</title>" in page.read().decode()
        before = words.read_text()
        os.killpg(jam.pid, number)  # as Ctrl-C or the end of the terminal do: to all that belongs to it
        assert jam.wait(LEAVE_SECONDS) == 0
        said_last = words.read_text().removeprefix(before)
        assert re.fullmatch(r"played .*\n", said_last)  # and nothing of any process
        assert "restarts" not in said_last
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(address[1], timeout=5.0)
    finally:
        if jam.poll() is None:
            jam.kill()
            jam.wait()


@pytest.mark.device
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")
def test_the_sound_card_s_driver_does_not_outlive_a_jam_that_is_killed(jack_jam: Callable[..., Jam]) -> None:
    jam = jack_jam()
    pids = {
        path.parent.name
        for path in Path("/proc").glob("[0-9]*/stat")
        if path.parent.name != str(jam.pid) and _is_below(path.parent.name, jam.pid)
    }
    assert len(pids) == 3  # the driver's host and its worker, and the process of Python's that tidies up
    jam.close()
    assert wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def _is_below(pid: str, ancestor: int) -> bool:
    """Tell whether a process was started by another one, or by one that was."""
    while pid not in ("0", "1"):
        try:
            pid = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
        except OSError:  # it has ended
            return False
        if pid == str(ancestor):
            return True
    return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")
def test_the_page_s_server_does_not_outlive_a_jam_that_is_killed(model: Path, tmp_path: Path) -> None:
    jam = Jam(tmp_path, "--audio", "null", "--midi-api", "none", "--model", model, "--web-port", "0")
    try:
        with urllib.request.urlopen(jam.page, timeout=20.0):
            children = Path(f"/proc/{jam.pid}/task")
            pids = {pid for task in children.iterdir() for pid in (task / "children").read_text().split()}
        assert len(pids) == 2  # the server, and the one of Python's that tidies up
    finally:
        jam.close()
    assert wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 10.0)


@pytest.fixture
def vgm_file(tmp_path: Path) -> Path:
    """A VGM file of a tenth of a second: a tone on pulse 1, and a write to the FDS."""
    header = bytearray(0x100)
    header[:4] = b"Vgm "
    struct.pack_into("<I", header, 0x08, 0x171)
    struct.pack_into("<I", header, 0x34, 0x100 - 0x34)
    struct.pack_into("<I", header, 0x84, 1_789_773)
    writes = [(0x15, 1), (0x01, 8), (0x00, 0xBF), (0x02, 0xFD), (0x03, 0x08), (0x20, 0)]
    path = tmp_path / "tone.vgm"
    path.write_bytes(header + b"".join(bytes((0xB4, *write)) for write in writes) + b"\x61\x3a\x11\x66")
    return path


def test_a_vgm_file_is_converted_and_what_is_left_out_is_said(run: Run, vgm_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "tone.wav"
    result = run("convert", vgm_file, out, "--rate", "44100", "--voices", "P1, tr", "--no-filters", "--mixer", "linear")
    assert (result.code, result.out) == (0, "")
    assert result.err == f"wrote {out}: 0.1 s, left out: FDS\n"
    assert out.stat().st_size == 44 + 2 * 4410
    assert_refused(run("convert", vgm_file, out, "--voices", "p1,p9"), "p9", "p1, p2, tr, no, dm")
    assert_refused(run("convert", vgm_file, out, "--mixer", "loud"), "loud", "nonlinear, linear")
    assert_refused(run("convert", vgm_file, out, "--loops", "2"), "no loop")
    assert run("convert", vgm_file, vgm_file.with_suffix(".mid")).code == 0
    packed = tmp_path / "packed.vgm.gz"
    assert run("convert", vgm_file, packed).code == 0
    assert packed.read_bytes()[:2] == b"\x1f\x8b"
    assert run("convert", packed, out).err == f"wrote {out}: 0.1 s\n"
    vgm_file.write_bytes(vgm_file.read_bytes()[:-1] + b"\x61\x3a")
    result = run("convert", vgm_file, out)
    assert result.code == 0
    assert result.err.startswith("warning: tone.vgm is cut off at byte 277: it plays up to there, 0.1 s\n")
    assert_refused(run("convert", vgm_file, out, "--strict"), "tone.vgm", "cut off")


def test_a_score_is_converted(run: Run, tune: Path, tmp_path: Path) -> None:
    out = tmp_path / "tune.npz"
    result = run("convert", tune, out)
    assert (result.code, result.out) == (0, "")
    assert result.err.startswith(f"wrote {out}: ")
    assert load_npz(out)[0, Voice.P1, Column.NOTE] == 60
    for name in ("tune.wav", "tune.vgz", "tune.nsf", "tune.png", "tune.svg"):
        assert run("convert", tune, tmp_path / name).code == 0
        assert (tmp_path / name).stat().st_size > 100
    assert_refused(run("convert", tune, tune), "tune.mid", "another name")


def chunk(track: bytes) -> bytes:
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480) + b"MTrk" + struct.pack(">I", len(track)) + track


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"MThd\x00\x00\x00\x06",
        chunk(b"\x00\x90\x3c\x40")[:-2],
        chunk(b"\xff" * 50),
        chunk(b"\x00\x3c\x40"),
        chunk(b"\x00\xff\x51\x03\x00\x00\x00"),
        chunk(b"\xff\xff\xff\x7f\x90\x3c\x40" * 200),
    ],
    ids=["empty", "text", "header", "cut", "delta", "running status", "tempo 0", "eternity"],
)
def test_bad_midi_files_are_refused(run: Run, model: Path, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bad.mid"
    file.write_bytes(content)
    assert_refused(run("render", tmp_path / "a.wav", "--model", model, "--prompt", file), "bad.mid")
    assert_refused(run("jam", *SILENT, "--osc-port", "0", "--model", model, "--play", file), "bad.mid")


def test_a_damaged_midi_file_is_read_with_one_warning_and_refused_by_strict(
    run: Run, model: Path, tmp_path: Path
) -> None:
    file, wav = tmp_path / "worn.mid", tmp_path / "a.wav"
    file.write_bytes(chunk(b"\x00\x90\x3c\x40" * 3).replace(b"MTrk\x00", b"MTrk\xff"))
    jam = ("jam", *SILENT, "--osc-port", "0", "--no-take", "--model", model, *SHORT, "--play", file)
    render = ("render", wav, "--model", model, *SHORT, "--prompt", file)
    batch = ("render", wav, "--model", model, *SHORT, "--count", "2", "--jobs", "2", "--prompt", file)
    for arguments in (("convert", file, wav), render, batch, jam):
        word = "note" if arguments is jam else "warning"
        result = run(*arguments)
        assert result.code == 0
        assert result.err.count("worn.mid is damaged") == 1
        assert f"{word}: worn.mid is damaged or not to the standard: track 1 at byte 34" in result.err
        assert_refused(run(*arguments, "--strict"), "worn.mid is damaged", "track 1 at byte 34", "--strict")


def test_what_is_played_to_a_model_is_strict_too(run: Run, model: Path, tmp_path: Path) -> None:
    songs = tmp_path / "valid"
    songs.mkdir()
    (songs / "worn.mid").write_bytes(chunk(b"\x00\x90\x3c\x40" * 3).replace(b"MTrk\x00", b"MTrk\xff"))
    judge = ("eval", songs, "--model", model, "--pulse")
    assert "none of the 1 songs lasts 30 s" in run(*judge).err
    strict = run(*judge, "--strict")
    assert strict.code == cli.EXIT_USAGE
    assert "none of the 1 songs" not in strict.err


def test_midi_files_of_other_endings_are_read(run: Run, tune: Path, tmp_path: Path) -> None:
    data = tune.read_bytes()
    data += bytes(len(data) % 2)
    body = b"RMIDdata" + struct.pack("<I", len(data)) + data
    (tmp_path / "tune.rmi").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    (tmp_path / "tune.kar").write_bytes(tune.read_bytes())
    run("convert", tune, tmp_path / "tune.npz")
    for name in ("tune.rmi", "tune.kar"):
        assert run("convert", tmp_path / name, tmp_path / "again.npz").code == 0
        assert np.array_equal(load_npz(tmp_path / "again.npz"), load_npz(tmp_path / "tune.npz"))
        assert_refused(run("convert", tune, tmp_path / name), ".mid")


@pytest.mark.parametrize(
    "content",
    [
        b"[",
        b"\xff\xfe",
        b"\x00",
        b"speed = 1",
        b"a = " + b"[" * 5000,
        b"[p1]\nvolume = " + b"9" * 5000,
        b"[" + b"a." * 5000 + b"a]",
        b"[controls]\ntemperature = 3",
        b"[controls]\npanic = true",
        b'[controls]\n"two\\nlines\\u001b[31m" = 1',
    ],
)
def test_bad_patches_are_refused(run: Run, model: Path, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bad.toml"
    file.write_bytes(content)
    assert_refused(run("render", tmp_path / "a.wav", "--model", model, "--patch", file), "bad.toml")


class Trap:
    """Touches a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def damaged_models(model: Path, trap: Path) -> Iterator[tuple[str, str, bytes | None]]:
    """Yield what is damaged, the file, and its bytes; None is a folder in its place."""
    weights, config = (model / WEIGHTS_FILE).read_bytes(), (model / CONFIG_FILE).read_bytes()
    arrays = load_file(model / WEIGHTS_FILE)
    name, array = next(iter(sorted(arrays.items())))
    yield "cut", WEIGHTS_FILE, weights[:-10]
    yield "empty", WEIGHTS_FILE, b""
    yield "huge header", WEIGHTS_FILE, struct.pack("<Q", 2**62) + weights[8:]
    yield "pickle", WEIGHTS_FILE, pickle.dumps(Trap(trap))
    yield "NaN", WEIGHTS_FILE, save({**arrays, name: np.full_like(array, np.nan)})
    yield "shape", WEIGHTS_FILE, save({**arrays, name: array[:-1].copy()})
    yield "dtype", WEIGHTS_FILE, save({**arrays, name: array.astype(np.int32)})
    yield "extra", WEIGHTS_FILE, save({**arrays, "extra": array})
    yield "folder", WEIGHTS_FILE, None
    yield "no kind", CONFIG_FILE, b""
    yield "binary", CONFIG_FILE, b"\xff\xfe"
    yield "deep", CONFIG_FILE, b"a = " + b"[" * 5000
    yield "long", CONFIG_FILE, b"#" * 100_000
    yield "size", CONFIG_FILE, config.replace(b"n_state = 20", b"n_state = 99999999999")
    yield "folder", CONFIG_FILE, None


def test_the_models_are_listed_with_what_they_are_for(run: Run) -> None:
    figures = json.loads(run("models", "--json").out)
    assert {"default", "solo"} <= set(figures)
    assert (figures["solo"]["kind"], figures["solo"]["voices"]) == ("lstm", "P1")
    assert all(figure["about"] for figure in figures.values())
    assert all(figure["megabytes"] > 0.1 for name, figure in figures.items() if name != "rest")
    assert all(0.0 < figure["ms_per_second"] < 1000.0 for figure in figures.values())
    listed = run("models").out
    assert all(name in listed for name in figures)
    assert all(" ".join(figure["about"].split()[:2]) in listed for figure in figures.values())  # more is wrapped


def test_damaged_models_are_refused_and_never_unpickled(run: Run, model: Path, tmp_path: Path) -> None:
    for number, (_, name, content) in enumerate(damaged_models(model, tmp_path / "trapped")):
        folder = tmp_path / str(number)
        shutil.copytree(model, folder)
        (folder / name).unlink()
        if content is None:
            (folder / name).mkdir()
        else:
            (folder / name).write_bytes(content)
        assert_refused(run("render", tmp_path / "a.wav", "--model", folder), str(folder))
    assert not (tmp_path / "trapped").exists()


def test_what_cannot_be_read_is_refused(run: Run, model: Path, tmp_path: Path) -> None:
    if os.name != "posix" or not Path("/proc/self/mem").exists():
        pytest.skip("there is no file here that can be opened and not read")
    for option in ("--patch", "--prompt"):
        result = run("render", tmp_path / "a.wav", "--model", model, option, "/proc/self/mem")
        assert_refused(result, "/proc/self/mem", "cannot be read")


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are Unicode elsewhere")
def test_names_that_are_no_utf_8_work(model: Path, tmp_path: Path, tune: Path) -> None:
    folder = tmp_path / "\udcff"
    shutil.copytree(model, folder)
    shutil.copy(tune, folder / "t\udcfc.mid")
    arguments = ("render", folder / "o\udcfc.wav", "--model", folder, *SHORT, "--prompt")
    assert run_in(*arguments, folder / "t\udcfc.mid", folder=tmp_path).code == 0
    assert (folder / "o\udcfc.wav").stat().st_size > 10_000
    assert_refused(run_in(*arguments, folder / "n\udcfc.mid", folder=tmp_path), "is not a file")


@pytest.fixture
def start_jam(model: Path, tmp_path: Path) -> Iterator[Callable[..., Jam]]:
    """Start `livegen jam` without sound and MIDI; the process is gone after the test."""
    started: list[Jam] = []

    def start(*arguments: str | Path) -> Jam:
        started.append(Jam(tmp_path, *SILENT, "--model", model, *arguments))
        return started[-1]

    yield start
    for jam in started:
        jam.close()


@pytest.mark.parametrize("plays_a_file", [False, True])
def test_jam_plays_as_long_as_it_is_told(model: Path, tmp_path: Path, tune: Path, plays_a_file: bool) -> None:
    arguments = ("--play", tune) if plays_a_file else ()
    result = run_in("jam", *SILENT, "--osc-port", "0", "--model", model, "--seconds", "1", *arguments, folder=tmp_path)
    assert (result.code, result.out) == (0, "")
    assert "sound: null, 48000 Hz" in result.err
    assert result.err.splitlines()[-1].startswith("played 1.")
    assert "fault" not in result.err


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_jam_well(start_jam: Callable[..., Jam], signal_number: int) -> None:
    jam = start_jam()
    assert jam.leave(signal_number) == 0
    assert jam.words.splitlines()[-1].startswith("played ")
    assert "Traceback" not in jam.words


def test_a_render_that_is_ended_leaves_nothing_behind(model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "livegen", "render", "long.wav", "--seconds", "36000", "--model", model]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), stderr=subprocess.DEVNULL) as process:
        assert wait_until(lambda: any(tmp_path.iterdir()) or process.poll() is not None, START_SECONDS)
        process.send_signal(signal.SIGTERM)
        assert process.wait(START_SECONDS) == cli.EXIT_OTHER
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_is_interrupted_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("livegen.cli.doctor.find_devices", interrupt)
    assert run("devices") == Result(cli.EXIT_OTHER, "", "livegen: interrupted\n")


def test_what_livegen_got_wrong_is_no_traceback_either(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livegen.cli.doctor.find_devices", lambda: [][0])
    result = run("devices")
    assert (result.code, result.out) == (cli.EXIT_OTHER, "")
    assert result.err.count("\n") == 1
    assert "IndexError" in result.err


def test_osc_asks_sets_clamps_refuses_registers_and_dumps(start_jam: Callable[..., Jam]) -> None:
    jam = start_jam("--set", "temperature=0.25")
    performer, page = jam.osc(), jam.osc()
    assert performer.ask("/livegen/temperature") == ("/livegen/temperature", [0.25])
    assert performer.ask("/livegen/temperature", 0.5) == ("/livegen/temperature", [0.5])
    assert performer.ask("/livegen/temperature") == ("/livegen/temperature", [0.5])
    assert performer.ask("/livegen/temperature", 9) == ("/livegen/temperature", [2.0])
    assert performer.ask("/livegen/p2/role", "PLAYER") == ("/livegen/p2/role", ["player"])
    for address, *arguments in (
        ("/livegen/temperature", "hot"),
        ("/livegen/p1/role", "drummer"),
        ("/livegen/speed", 1),
        ("/livegen/note", 17, 60, 100),
        ("/livegen/top_p", 0.1, 0.2),
    ):
        reply, [complaint] = performer.ask(address, *arguments)
        assert reply == "/livegen/error"
        assert isinstance(complaint, str)
        assert complaint
    page.send("/livegen/register")
    page.receive_from("/livegen/heartbeat")
    performer.send("/livegen/lookahead", 20)
    assert page.receive_from("/livegen/lookahead") == [20]
    assert performer.receive_from("/livegen/lookahead") == [20]
    page.send("/livegen/dump")
    dumped = {page.receive()[0] for _ in DEFAULTS}
    assert len(dumped - {"/livegen/heartbeat"}) >= len(DEFAULTS) - 1
    assert dumped <= {*map(osc_address, DEFAULTS), "/livegen/heartbeat"}
    page.send("/livegen/unregister")
    assert performer.ask("/livegen/top_p", 0.5) == ("/livegen/top_p", [0.5])
    assert jam.leave(signal.SIGTERM) == 0
    assert "fault" not in jam.words


@pytest.fixture
def chip_tune(tmp_path: Path) -> Path:
    """Return a VGM file of a scale in eighths at 100 beats a minute, in P2, after a second of silence."""
    writes = [(0, 0x15, 0x0F)]
    for i in range(40):
        sample = 44_100 + round(i * 0.3 * 44_100)
        writes += [(sample, 0x04, 0xBF), (sample, 0x06, 0xFD - 16 * (i % 8)), (sample, 0x07, 0x08)]
    (tmp_path / "tune.vgm").write_bytes(vgm(log(writes, 14 * 44_100), title="Scale"))
    return tmp_path / "tune.vgm"


def test_a_tune_s_voice_is_the_performer(run: Run, model: Path, chip_tune: Path, tmp_path: Path) -> None:
    rendered = tmp_path / "a.npz"
    roles = ("--set", "p2.role=player", "--set", "p1.role=model")
    arguments = ("render", rendered, "--model", model, "--seconds", "4", "--seed", "7", *roles, "--prompt", chip_tune)
    assert run(*arguments).code == 0
    piece = read_piece(rendered)
    begins = np.flatnonzero(np.diff(piece.frames[:, 1, 0].astype(int), prepend=0))
    assert piece.is_player[:90, 1].all()
    assert begins[:8].tolist() == [int(i * 0.3 * 24) for i in range(8)]
    jam = ("jam", *SILENT, "--osc-port", "0", "--no-take", "--model", model, *SHORT)
    assert run(*jam, "--play", chip_tune, "--play-voices", "p2").code == 0
    assert_refused(run(*jam, "--play", chip_tune, "--play-voices", "p5"), "'p5' is no voice", "p1, p2, tr, no")
    assert_refused(run(*jam, "--play-voices", "p1"), "--play FILE")


def test_a_tune_is_analysed_and_drawn(run: Run, chip_tune: Path, tmp_path: Path) -> None:
    result = run("analyse", chip_tune, "--json", "--picture", tmp_path / "page.png")
    assert result.code == 0
    figures = json.loads(result.out)
    assert figures["tempo"]["bpm"] in (pytest.approx(100, rel=1e-3), pytest.approx(200, rel=1e-3))
    assert figures["voices"]["p2"]["notes"] == 40
    assert (tmp_path / "page.png").stat().st_size > 1000
    shown = run("analyse", chip_tune)
    assert shown.code == 0
    assert "sounds 93% of the time, 40 notes" in shown.out
    chip_tune.write_bytes(chip_tune.read_bytes()[:200])
    assert_refused(run("analyse", chip_tune), "tune.vgm")
