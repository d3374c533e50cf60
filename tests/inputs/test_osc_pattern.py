"""Address patterns of OSC 1.0, and the two slashes of 1.1."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.controls import ADDRESSES
from livegen.inputs.osc_pattern import MAX_PATTERN_LENGTH, is_pattern, matches

VOICES = ("p1", "p2", "tr", "no")


def of(pattern: str) -> set[str]:
    return {address.removeprefix("/livegen/") for address in ADDRESSES if matches(pattern, address)}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("/livegen/{p1,p2}/volume", {"p1/volume", "p2/volume"}),
        ("/livegen/*/mute", {f"{voice}/mute" for voice in VOICES}),
        ("/livegen//volume", {"volume", *(f"{voice}/volume" for voice in VOICES)}),
        ("//mute", {f"{voice}/mute" for voice in VOICES}),
        ("/livegen/p?/role", {"p1/role", "p2/role"}),
        ("/livegen/p[1-2]/role", {"p1/role", "p2/role"}),
        ("/livegen/p[!1]/role", {"p2/role"}),
        ("/livegen/[!p]?/mute", {"tr/mute", "no/mute"}),
        ("/livegen/[a-o]*/density", {"no/density"}),
        ("/livegen/{p,t}[12r]/key_*", {f"{voice}/key_{end}" for voice in VOICES[:3] for end in ("low", "high")}),
        ("/livegen/re*", {"rest_beats", "rewind", "rewind_frames", "reroll", "reset", "recall"}),
        ("/livegen/*_frames", {"rewind_frames"}),
        ("/*/{store,recall}", {"store", "recall"}),
        ("/livegen/tr/{lowest,highest}", {"tr/lowest", "tr/highest"}),
        ("/livegen/vol*e*", {"volume"}),
        ("/livegen/volume*", {"volume"}),
        ("/livegen/p1", set()),
        ("/livegen/p[1", set()),
        ("/livegen/{p1,p2/volume", set()),
        ("/livegen/p[2-1]/mute", {"p1/mute", "p2/mute"}),
        ("/livegen/{p1,p2}/volumes", set()),
        ("/livegen/*/", set()),
    ],
)
def test_a_pattern_finds(pattern: str, found: set[str]) -> None:
    assert of(pattern) == found


def test_a_star_and_a_question_mark_stay_within_a_part() -> None:
    assert not any("/" in name for name in of("/livegen/*"))
    assert of("/livegen?volume") == set()


def test_plain_addresses_are_no_patterns() -> None:
    assert not any(map(is_pattern, ADDRESSES))
    assert all(map(is_pattern, ("/a/*", "/a?", "/[a]", "/{a}", "//a")))


@given(st.text("abc*?", max_size=12), st.text("abc", max_size=12))
def test_stars_and_question_marks_are_those_of_a_regular_expression(pattern: str, address: str) -> None:
    expected = re.fullmatch(pattern.replace("*", "[^/]*").replace("?", "[^/]"), address) is not None
    assert matches(pattern, address) is expected


@given(st.text("ab/*?[]{}!-,", max_size=24), st.text("ab/", max_size=24))
def test_any_pattern_matches_or_does_not(pattern: str, address: str) -> None:
    assert matches(pattern, address) in (True, False)
    assert not matches(f"*{pattern}" + "*" * MAX_PATTERN_LENGTH, address)
