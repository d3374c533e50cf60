"""Every command that the README and the site tell to type is one that there is; it is run, or it is said why not."""

import os
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile
import typer
from written_commands import (
    PAGES,
    ROOT,
    blocks,
    is_to_be_typed,
    lines_to_type,
    osc_messages,
    shell_commands,
    typed_commands,
)

from livegen import cli
from livegen.cli.options import parse_controls, parse_models
from livegen.controls import CONTROLS, parse_value
from livegen.errors import ControlError
from livegen.inputs import midi_settings, osc
from livegen.inputs.command_line import HELP_WORDS, split
from livegen.inputs.osc_message import meaning_of
from livegen.inputs.osc_packet import Message
from livegen.offline.capture import capture_endings
from livegen.outputs.midi_settings import parse_settings
from livegen.patch import list_patches
from livegen.rig.reader import parse_rig
from livegen.rig.set_list import load_set_list
from livegen.system.resources import shipped_models

COMMANDS = sorted({command for page in PAGES for command in shell_commands(page)})
PORTS = {"livegen in", "livegen out"}
"""No commands, but names of ports."""

NAMED = (
    "livegen analyse",
    "livegen controls --layout",
    "livegen eval",
    "livegen eval --listen",
    "livegen infill",
    "livegen render",
    "livegen train",
)
"""Told of, but not to be typed so."""

NOT_RUN = {
    r"livegen COMMAND --help": "stands for all commands",
    r"livegen jam --patch NAME": "stands for all patches, which tests/instrument plays",
    r"make .*": ".ci/run types the README's two, and the workflow the others",
    r"(sudo|brew|pip|export|xcode-select) .*": "changes the machine",
    r"(uvx? |pipx |python3? -m|py -m|\. |\.venv).*": "installs, or runs what was; the workflow does so by pip",
    r"(python -c|dvc|docker) .*": "others; tests/api, tests/pipeline and tests/serve have what they stand for",
    r"(jackd|jack_connect|jack_midiseq|curl|oscsend|open-stage-control) .*": "others; tests/inputs has some",
    r"torchrun .*": "asks for torch and minutes; tests/training has several processes",
    r"livegen (train|imagine|eval|bench|models|latent|infill)\b.*": "takes minutes; has tests of its own",
    r"livegen (fetch|prepare|card|pipeline)\b.*": "asks for torch and songs; tests/pipeline has all stages",
    r"livegen (calibrate|jam|replay) .*--audio (?!null).*": "asks for a sound card; tests/session plays over JACK",
    r"livegen doctor --live.*": "asks for a jam that plays; tests/cli/test_live.py has one",
    r"livegen calibrate": "asks for a cable; tests/outputs/test_loopback.py has one on JACK",
    r"livegen jam .*--midi-(in|out) (?!thru|clock|voice).*": "asks for a device of that name; tests/session has ports",
    r"livegen jam .*--midi-api jack.*": "asks for a JACK server; tests/session has one",
    r"livegen jam .*--(rig gig|link|osc-host 0|web-host 0).*": "asks for a rig, an extra, or an open network",
    r"livegen jam .*(=|--model )(models/mine|solo|gan|vae|default|transformer|tonnetz|rest).*": "tests/engines has it",
    r"livegen convert tune.nsf .*--track 3": "asks for an NSF of several songs; tests/formats/chip has them",
    r"livegen (serve|worker|submit)\b.*": "asks for an extra, and for a service that plays; tests/serve has both",
    r"livegen replay.*": "asks for a take; tests/cli/test_take_commands.py has one",
}
"""Why a command is not run here, by what it looks like."""

A_FEW = 3
"""Jams that are played where `LIVEGEN_REQUIRE_COMMANDS` does not ask for all."""

SILENT = ("--audio", "null", "--midi-api", "none", "--no-web", "--no-take", "--osc-port", "0", "--seconds", "0.3")


NO_COMMANDS = {*PORTS, *NAMED}


def reason_not_to_run(command: str) -> str | None:
    return next((why for looks, why in NOT_RUN.items() if re.fullmatch(looks, command)), None)


TO_RUN = [command for command in COMMANDS if command not in NO_COMMANDS and reason_not_to_run(command) is None]
JAMS = [command for command in TO_RUN if command.startswith("livegen jam")]


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that some words begin with, and the words behind it."""
    command: Any = typer.main.get_command(cli.app)
    while hasattr(command, "commands"):
        assert words, "no command"
        assert words[0] in command.commands, words[0]
        command, words = command.commands[words[0]], words[1:]
    return command, words


def check_livegen(words: list[str]) -> None:
    """Check the options of a command and what they say, as far as that takes no device and no file."""
    command, rest = command_of(words)
    if rest[-1:] == ["..."]:
        return
    given = command.make_context(words[0], rest).params
    own = words[0] != "latent"
    parse_controls(given.get("set_") if own else None)
    models = given.get("model") or ()
    parse_models(list(models) if not isinstance(models, str) else [models])
    for name in [models] if isinstance(models, str) else models:
        assert name.partition("=")[2 * ("=" in name)] in {*shipped_models(), "models/mine", "models/yours"}, name
    for text in given.get("midi_in") or ():
        midi_settings.parse_settings(text)
    for text in given.get("midi_out") or ():
        parse_settings(text)
    patch = given.get("patch")
    assert patch in (None, "NAME", *list_patches()) or patch.endswith(".toml"), patch
    if "capture" in given:
        capture_endings(given["capture"])


def test_commands_are_found() -> None:
    assert len(COMMANDS) > 80
    assert "livegen jam --audio Ardour --audio-channels voices" in COMMANDS  # over two lines of a page
    assert "livegen replay" in COMMANDS  # with a remark beside it


@pytest.mark.parametrize("page", [page for page in PAGES if not page.startswith("docs/reference/")])
def test_no_line_of_a_block_is_left_out(page: str) -> None:
    """What is no command, such as a screen or a file, stands in a block that names its language."""
    assert [line for line in lines_to_type(page) if line and not is_to_be_typed(line)] == []


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in NO_COMMANDS])
def test_a_command_is_one_that_there_is(command: str) -> None:
    words = shlex.split(command.partition(" > ")[0].replace("\\", "\\\\"))  # Windows' are no escapes
    if words[0] == "torchrun":
        words = words[words.index("-m") + 1 :]
    if words[0] in ("uvx", r".venv\Scripts\livegen"):
        words = ["livegen", *words[max(i for i, word in enumerate(words) if word.endswith("livegen")) + 1 :]]
    if words[0] == "make":
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
        goals = [word for word in words[1:] if "=" not in word]
        assert set(goals) <= set(targets)
        arguments = [word.removeprefix("ARGS=") for word in words[1:] if word.startswith("ARGS=")]
        for text in arguments if goals == ["jam"] else []:
            check_livegen(["jam", *shlex.split(text)])
    elif words[0] == "livegen" and words[1] not in ("COMMAND", "--version"):
        check_livegen(words[1:])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("jam --blok 64", "--blok"),
        ("jam --set temprature=1", "temprature"),
        ("jom", "jom"),
        ("jam --midi-out moog,p5.channel=1", "p5"),
    ],
)
def test_a_command_that_is_wrong_is_noticed(words: str, says: str) -> None:
    with pytest.raises((Exception,), match=says):  # whatever the command itself raises
        check_livegen(shlex.split(words))


def test_no_mark_is_there_for_nothing() -> None:
    assert [looks for looks in NOT_RUN if not any(re.fullmatch(looks, command) for command in COMMANDS)] == []


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with the files that the pages name, and a clean set of signals after the command."""
    song = mido.MidiFile(tracks=[mido.MidiTrack()])
    for note in (60, 64, 67, 72) * 8:
        song.tracks[0] += [
            mido.Message("note_on", note=note, velocity=90),
            mido.Message("note_off", note=note, time=200),
        ]
    for name in ("song.mid", "theme.mid"):
        song.save(tmp_path / name)
    shutil.copytree(ROOT / "demos" / "tunes", tmp_path / "tunes")
    soundfile.write(tmp_path / "kick.wav", np.sin(np.arange(4800) / 80.0), 48_000)
    (tmp_path / "mine.toml").write_text(blocks("docs/patches.md", "toml")[0], encoding="utf-8")
    (tmp_path / "friday.toml").write_text(set_list(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield tmp_path
    for number, handler in handlers.items():
        signal.signal(number, handler)


def run(words: list[str], monkeypatch: pytest.MonkeyPatch) -> int | str | None:
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as leaving:
        cli.main()
    return leaving.value.code


def without_model(words: list[str]) -> list[str]:
    """Return a command without the model of all voices, in whose place there is a small one."""
    said = [i for i, word in enumerate(words) if word == "--model" and "=" not in words[i + 1]]
    return [word for i, word in enumerate(words) if i not in said and i - 1 not in said]


@pytest.mark.parametrize("command", TO_RUN)
def test_a_command_runs(
    command: str, folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Shortened: without sound, ports and takes, and with a small model."""
    words = shlex.split(command.partition(" > ")[0])
    if command in JAMS[A_FEW:] and os.environ.get("LIVEGEN_REQUIRE_COMMANDS") != "1":
        pytest.skip(f"only {A_FEW} jams are played, but for LIVEGEN_REQUIRE_COMMANDS=1")
    for name in (word for word in words if word.endswith((".vgz", ".nsf"))):
        assert run(["livegen", "convert", "song.mid", name, "--loop-from", "1"], monkeypatch) in (0, None)
    if words[1] == "jam":
        words += [*SILENT, "--model", str(model)]
    if words[1] == "render":
        words = [*without_model(words), "--seconds", "0.5", "--jobs", "1", "--model", str(model)]
        words += ["--count", "2"] if "--count" in words else []
    code = run(words, monkeypatch)
    assert code in (0, None), capsys.readouterr().err


@pytest.mark.parametrize("page", PAGES)
def test_what_is_typed_into_a_jam_is_understood(page: str) -> None:
    for line in typed_commands(page):
        name, given = split(line)
        assert name in (*CONTROLS, *HELP_WORDS), line
        if given:
            parse_value(name, given)


@pytest.mark.parametrize("page", PAGES)
def test_an_osc_message_means_something(page: str) -> None:
    said = {f"/livegen/{word}" for word in ("error", "news", "heartbeat")}
    for address, *words in osc_messages(page):
        if address in said:
            continue
        if address == "/livegen/midi" or (address == "/livegen/note" and not words):
            continue
        numbers = [float(word) for word in words if re.fullmatch(r"-?[\d.]+", word)]
        arguments = numbers or ([" ".join(words)] if words else [])
        meaning = meaning_of(Message(address, tuple(arguments)), osc._COMMANDS)
        assert not meaning.refused, (address, words)


def set_list() -> str:
    return next(text for text in blocks("docs/set-lists.md", "toml") if text.startswith("# a set-list"))


def test_the_rig_and_the_set_list_of_the_site_open(folder: Path) -> None:
    rig = next(text for text in blocks("docs/set-lists.md", "toml") if text.startswith("# a rig"))
    assert parse_rig(rig, folder / "gig.toml").midi_outs
    assert [song.name for song in load_set_list(folder / "friday.toml").songs] == ["Opening", "Night drive", "Boss"]


def test_an_unknown_address_is_noticed() -> None:
    with pytest.raises(ControlError):
        meaning_of(Message("/livegen/temprature", (1.0,)), osc._COMMANDS)
