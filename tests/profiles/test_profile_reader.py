"""Profiles as files: what is read of them, and what is refused in a sentence."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.errors import ProfileError
from livegen.profiles.profile import Lamp, Profile, Ring, Span
from livegen.profiles.reader import list_profiles, load_profile, parse_profile

OWN = """
name = "desk"
ports = ["My Desk"]
start = ["F0 7D 01 F7"]

[[lamp]]
notes = [8, 23]
channel = 11
led = 0
led_channel = 1
off = 0
on = [[1, 5], [15, 0]]

[[ring]] # motors stay where they are
ccs = [1, 9]
"""


def test_a_profile_of_one_s_own_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "desk.toml"
    path.write_text(OWN, encoding="utf-8")
    lamp = Lamp(Span("note", 8, 23, 10, 0, 0), {"off": ((None, 0),), "on": ((0, 5), (14, 0))})
    assert load_profile(str(path)) == Profile(
        "desk", ("my desk",), (bytes.fromhex("F07D01F7"),), (), (lamp,), (Ring(Span("cc", 1, 9)),)
    )


def test_a_state_that_a_profile_does_not_say_is_on_or_for_a_press_off() -> None:
    (lamp,) = parse_profile(OWN, "desk.toml").lamps
    assert lamp.messages(10, 9, "off") == (bytes((0x90, 1, 0)),)
    assert lamp.messages(10, 9, "waiting") == lamp.messages(10, 9, "on") == (bytes((0x90, 1, 5)), bytes((0x9E, 1, 0)))
    assert lamp.messages(10, 9, "pressed") == lamp.messages(10, 9, "off")


@given(st.floats(0.0, 1.0), st.integers(0, 95))
def test_a_pair_says_a_position_in_14_bits(position: float, number: int) -> None:
    upper, lower = Ring(Span("cc", 0, 127)).messages(3, number, position, is_pair=True)
    assert upper[:2] == bytes((0xB3, number))
    assert lower[:2] == bytes((0xB3, number + 32))
    assert abs((upper[2] * 128 + lower[2]) / 16_383 - position) <= 0.5 / 16_383


@given(st.floats(0.0, 1.0), st.integers(0, 127), st.integers(0, 127))
def test_any_position_is_within_the_values_of_its_ring(position: float, one: int, other: int) -> None:
    lowest, highest = sorted((one, other))
    (message,) = Ring(Span("cc", 0, 127), lowest, highest).messages(0, 5, position)
    assert lowest <= message[2] <= highest


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "x.toml has no name: add one"),
        ('name = "x"\nport = "y"', "line 2: port is no key: allowed are name, ports, start, stop, lamp, ring"),
        ('name = "x"\nports = "y"', "line 2: ports cannot be 'y': allowed is a list of up to 64 texts"),
        ('name = "x"\nstart = ["F0 01"]', "line 2: start cannot be 'F0 01': allowed is a MIDI message"),
        ('name = "x"\nstart = ["B0 7F"]', "start cannot be 'B0 7F'"),
        ('name = "x"\nstart = ["B0 FF 00"]', "start cannot be 'B0 FF 00'"),
        ('name = "x"\nstart = ["on"]', "start cannot be 'on'"),
        ('name = "x"\nstart = [""]', "start cannot be ''"),
        (f'name = "x"\nstart = ["F0 {"00 " * 20}F7"]', "a MIDI message of up to 16 bytes"),
        ('name = "x"\n[[lamp]]\nnotes = [0, 9]\noff = 0', "line 2: lamp has no on: add one"),
        ('name = "x"\n[[lamp]]\noff = 0\non = 1', "needs either notes or ccs"),
        ('name = "x"\n[[lamp]]\nnotes = [0, 9]\nccs = [0, 9]\noff = 0\non = 1', "needs either notes or ccs"),
        (
            'name = "x"\n[[lamp]]\nnotes = [9, 0]\noff = 0\non = 1',
            "notes cannot be 0: allowed is a whole number from 9",
        ),
        ('name = "x"\n[[lamp]]\nnotes = [0, 9]\noff = 0\non = [1, 2]', "line 5: lamp.on cannot be [1, 2]: allowed is"),
        ('name = "x"\n[[lamp]]\nnotes = [0, 9]\noff = 0\non = [[0, 2]]', "on cannot be 0: allowed is a whole number"),
        ('name = "x"\n[[lamp]]\nnotes = [0, 9]\noff = 0\non = true', "on cannot be true"),
        ('name = "x"\n[[lamp]]\nnotes = [0, 9]\nled = 120\noff = 0\non = 1', "led cannot be 120"),
        ('name = "x"\n[[ring]]\nccs = [0, 9]\nvalues = 3', "line 4: ring.values cannot be 3: allowed is the first"),
        ('name = "x"\n[[ring]]\nccs = [0, 9]\nencoders = 1', "encoders cannot be 1: allowed is true or false"),
        ("[[lamp", "is not TOML"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_line(text: str, says: str) -> None:
    with pytest.raises(ProfileError) as refusal:
        parse_profile(text, "x.toml")
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_profile_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(
        ProfileError, match=r"there is no profile 'moog': there is .*launchpad-x.*, or give a \.toml file"
    ):
        load_profile("moog")
    assert list_profiles() == (
        *("apc40-mk2", "generic", "launchpad-mini-mk3", "launchpad-x"),
        *("x-touch-extender", "x-touch-mini"),
    )
