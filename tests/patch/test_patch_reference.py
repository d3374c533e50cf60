"""The reference page is what the code says."""

import pytest

from livegen.controls import TABLE
from livegen.patch import DRUM_KEYS, PATCH_KEYS, VOICE_KEYS, list_patches, load_patch, reference_page
from livegen.patch.keys import MACRO_SUFFIXES
from livegen.system.resources import patches_folder

PAGE = reference_page({name: load_patch(name) for name in list_patches()})


def test_the_page_in_the_tree_is_the_one_that_the_code_makes() -> None:
    """`livegen patches --reference > patches/README.md` makes it so."""
    assert (patches_folder() / "README.md").read_text(encoding="utf-8") == PAGE


def test_the_page_has_a_row_for_every_key_control_and_patch() -> None:
    rows = [line.split("|")[1].strip() for line in PAGE.splitlines() if line.startswith("| `")]
    controls = [control for control in TABLE if not control.is_action]
    names = [key.name for key in (*PATCH_KEYS, *VOICE_KEYS, *DRUM_KEYS)]
    names += [control.name if control.scope == "global" else f"p1.{control.name}" for control in controls]
    assert sorted(rows) == sorted(f"`{name}`" for name in (*names, *list_patches()))
    assert all(f"`volume_{suffix}`" in PAGE for suffix in MACRO_SUFFIXES)


@pytest.mark.parametrize("line", [line for line in PAGE.splitlines() if line.startswith("|")])
def test_every_row_of_a_table_has_its_columns(line: str) -> None:
    assert line.count("|") in (3, 5)


@pytest.mark.parametrize(
    "row",
    [
        "| `timbre` | macro of 0..3 (p1, p2); 0..1 (no) | 0 |",
        "| `envelope` | -1..15 (p1, p2, no) | -1 |",
        "| `portamento` | 0..2400 (p1, p2, tr) semitones a second | 0 |",
        '| `model_sound` | "score", "patch" | "score" |',
        "| `legato` | true or false | false |",
        "| `note` | 1..16 |  |",
        "| `kick` | list of 21..108 |  |",
        "| `p1.role` |",
        "| `plain` | one lead for the player, a band for the model |",
    ],
)
def test_a_row_says_what_is_allowed_where_and_by_default(row: str) -> None:
    assert row in PAGE
