"""The reference of the site has every control, key, command, option and address that the code has."""

import re

import pytest
import typer
from reference_pages import PAGES, write_reference
from written_commands import ROOT

from livegen.cli import doctor
from livegen.cli.app import app
from livegen.controls import CONTROLS, TABLE, osc_address
from livegen.inputs import osc
from livegen.rig.keys import KNOB_KEYS, RIG_KEYS, SONG_KEYS

MADE = {name: page() for name, page in PAGES.items()}


def first_cells(page: str) -> set[str]:
    return set(re.findall(r"^\| `([^`]+)` \|", page, re.M))


def test_every_control_has_its_row() -> None:
    names = {control.name if control.scope == "global" else f"p1.{control.name}" for control in TABLE}
    assert first_cells(MADE["controls"]) == names


def test_every_address_has_its_row_and_every_command_of_osc_its_words() -> None:
    assert first_cells(MADE["osc"]) == set(map(osc_address, CONTROLS))
    assert all(address in MADE["osc"] for address in osc._COMMANDS)


def test_every_key_of_rigs_and_songs_has_its_row() -> None:
    assert first_cells(MADE["rig-keys"]) == {key.name for key in (*RIG_KEYS, *KNOB_KEYS, *SONG_KEYS)}


def test_every_command_has_its_section_with_all_its_options() -> None:
    root = typer.main.get_command(app)
    commands = {f"livegen {name}": command for name, command in root.commands.items() if name != "latent"}
    commands |= {f"livegen latent {name}": command for name, command in root.commands["latent"].commands.items()}
    found = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", MADE["commands"], re.M | re.S))
    assert found.keys() == commands.keys()
    for title, command in commands.items():
        options = {option for parameter in command.params if not parameter.hidden for option in parameter.opts[:1]}
        assert [option for option in options if option.startswith("--") and option not in found[title]] == [], title


@pytest.mark.parametrize("name", MADE)
def test_every_row_of_a_table_has_as_many_cells_as_its_head(name: str) -> None:
    for table in re.findall(r"(?:^\|.*\n)+", MADE[name], re.M):
        n_cells = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(n_cells) == 1, table.splitlines()[0]


def test_a_page_that_is_as_it_was_is_not_written_again(tmp_path) -> None:
    write_reference(tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert before.keys() == {f"{name}.md" for name in PAGES}
    write_reference(tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_troubleshooting_mirrors_the_doctor() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    assert [what for what in doctor._LOOKS if f"`{what}`" not in page] == []


def test_troubleshooting_knows_what_the_screen_counts() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    counted = ("late frames", "underflows", "the model followed a frame late", "keys that play no voice")
    told = (ROOT / "livegen" / "session" / "status.py", ROOT / "livegen" / "session" / "unheard.py")
    said = "".join(path.read_text(encoding="utf-8") for path in told)
    for words in (*counted, "knobs that set nothing", "messages on other channels"):
        assert words in said
        assert words in page
