"""The shipped profiles against what the makers' documents say, which is written down here anew."""

import pytest

from livegen.profiles.profile import Kind, LampState, Profile
from livegen.profiles.reader import GENERIC, list_profiles, load_profile, profile_of

# Novation, "Launchpad X Programmer's reference manual" and "Launchpad Mini [MK3] Programmer's reference manual".

LAUNCHPAD_HEADERS = {"launchpad-x": "F0 00 20 29 02 0C", "launchpad-mini-mk3": "F0 00 20 29 02 0D"}
"""SysEx message format used by the device, page 6."""

PROGRAMMER_OR_LIVE, LIVE, PROGRAMMER = "0E", "00", "01"
"""Programmer / Live mode switch, page 7."""

LAUNCHPAD_CHANNELS = {
    0x90: "static",
    0x91: "flashing",
    0x92: "pulsing",
    0xB0: "static",
    0xB1: "flashing",
    0xB2: "pulsing",
}
"""Sending colours by MIDI events, page 13 of the manual of the X."""

LAUNCHPAD_COLOURS = {0: "blank", 5: "red", 13: "yellow", 19: "green", 21: "green", 37: "turquoise", 45: "blue"}
"""Examples and LED lighting SysEx message, pages 14 and 15 of the manual of the X."""

LAUNCHPAD_EXAMPLES = {11: "lower left", 12: "beside it", 13: "beside that", 18: "lower right", 81: "upper left"}
"""The same pages: pads that they name."""

LAUNCHPAD_LIGHTS_MAX = 81
"""LED lighting SysEx message: so many entries light the entire surface, the logo too."""

TURNING_OFF = "90 12 00"
"""Examples, page 14: the lower right pad."""


@pytest.mark.parametrize("name", LAUNCHPAD_HEADERS)
def test_a_launchpad_enters_programmer_mode_and_goes_back_to_live_mode(name: str) -> None:
    profile, header = load_profile(name), LAUNCHPAD_HEADERS[name]
    assert profile.start == (bytes.fromhex(f"{header} {PROGRAMMER_OR_LIVE} {PROGRAMMER} F7"),)
    assert profile.stop == (bytes.fromhex(f"{header} {PROGRAMMER_OR_LIVE} {LIVE} F7"),)


@pytest.mark.parametrize("name", LAUNCHPAD_HEADERS)
@pytest.mark.parametrize("kind", ["note", "cc"])
def test_a_launchpad_s_lights_are_the_channels_and_colours_of_the_manual(name: str, kind: Kind) -> None:
    profile = load_profile(name)

    def meaning(number: int, state: LampState) -> tuple[str, str, int]:
        (message,) = shown(profile, kind, 0, number, state)
        return LAUNCHPAD_CHANNELS[message[0]], LAUNCHPAD_COLOURS[message[2]], message[1]

    for number in LAUNCHPAD_EXAMPLES:
        assert meaning(number, "off") == ("static", "blank", number)
        assert meaning(number, "on") == ("static", "green", number)
        assert meaning(number, "waiting") == ("pulsing", "yellow", number)
        assert meaning(number, "pressed") == ("static", "turquoise", number)
    if kind == "note":
        assert shown(profile, "note", 0, 18, "off") == [bytes.fromhex(TURNING_OFF)]
    rows = [number for number in range(128) if profile.lamp_at(kind, 0, number) and number % 10]
    assert len(rows) == LAUNCHPAD_LIGHTS_MAX


# Akai Professional, "APC40 Mk2 Communications Protocol", version 1.2. Its channels count from 0.

APC_INTRODUCTION = "F0 47 7F 29 60 00 04"
"""Outbound Message Type 0: manufacturer, device, model, type and length; mode, three bytes of version and F7 follow."""

APC_MODES = {0x40: "generic", 0x41: "all LEDs by the host, rings by both", 0x42: "all LEDs by the host"}

ON = {0: "off", **dict.fromkeys(range(1, 128), "on")}
BLINK = {0: "off", 1: "on", 2: "blink", **dict.fromkeys(range(3, 128), "on")}
COLOURED = {0: "off", 1: "yellow", 2: "orange"}
APC_LEDS = {
    **dict.fromkeys((0x30, 0x31, 0x32, 0x33), ON),  # record arm, solo, activator, track select
    0x34: BLINK,  # clip stop
    **dict.fromkeys(range(0x3A, 0x42), ON),  # the buttons of the device
    0x42: COLOURED,  # crossfader A/B
    0x50: ON,  # master
    **dict.fromkeys(
        (0x57, 0x58, 0x59, 0x5A, 0x5B, 0x5D, 0x66), ON
    ),  # pan, sends, user, metronome, play, record, session
}
"""Outbound Message Type 1: what velocities mean, by note."""

APC_RGB = (*range(0x28), *range(0x52, 0x57))
"""The same: clip launch 1 to 40, scene launch 1 to 5."""

APC_RGB_CHANNELS = {0: "primary", **dict.fromkeys(range(1, 6), "one shot")}
APC_RGB_CHANNELS |= {**dict.fromkeys(range(6, 11), "pulsing"), **dict.fromkeys(range(11, 16), "blinking")}
"""RGB LEDs: the channel says how; pulsing and blinking are of a secondary colour, after the primary one was sent."""

APC_COLOURS = {0: "#000000", 13: "#FFFF00", 21: "#00FF00", 37: "#00A9FF"}
"""RGB LEDs: some of the colours."""

APC_TRACK_CHANNELS = {note: range(8) for note in (0x30, 0x31, 0x32, 0x33, 0x34, 0x42)}
"""Outbound Message Type 1: these tell tracks 1 to 8 by channels 0 to 7; other notes ignore the channel."""

APC_RINGS = {knob: knob + 8 for knob in (*range(0x10, 0x18), *range(0x30, 0x38))}
"""Outbound Message Type 2, Controller Value Update messages: by each knob's controller, that of its ring's type."""

APC_RING_TYPES = {0: "off", 1: "single", 2: "volume", 3: "pan"}


def test_the_apc40_is_told_its_mode_and_what_its_rings_look_like() -> None:
    profile = load_profile("apc40-mk2")
    (begin, *types), (end,) = profile.start, profile.stop
    for message, mode in ((begin, "all LEDs by the host, rings by both"), (end, "generic")):
        assert message[:7] == bytes.fromhex(APC_INTRODUCTION)
        assert APC_MODES[message[7]] == mode
        assert (len(message), message[-1]) == (12, 0xF7)
    assert [message[1] for message in types] == list(APC_RINGS.values())
    assert {(message[0], APC_RING_TYPES[message[2]]) for message in types} == {(0xB0, "volume")}


def test_the_apc40_s_leds_are_those_of_the_protocol_and_no_others() -> None:
    profile = load_profile("apc40-mk2")
    assert {note for note in range(128) if profile.lamp_at("note", 0, note)} == {*APC_LEDS, *APC_RGB}
    for note, meaning in APC_LEDS.items():
        for channel in APC_TRACK_CHANNELS.get(note, (0,)):

            def told(state: LampState, note: int = note, channel: int = channel) -> str:
                (message,) = shown(profile, "note", channel, note, state)
                assert message[:2] == bytes((0x90 | channel, note))
                return meaning[message[2]]  # noqa: B023

            assert told("off") == "off"
            assert told("on") in ("on", "yellow")
            assert told("waiting") == {0x34: "blink", 0x42: "orange"}.get(note, "on")


def test_the_apc40_s_pads_have_the_protocol_s_colours_and_blink_after_their_primary_colour() -> None:
    profile = load_profile("apc40-mk2")

    def told(note: int, state: LampState) -> list[tuple[str, str]]:
        messages = shown(profile, "note", 3, note, state)
        assert {message[1] for message in messages} == {note}
        return [(APC_RGB_CHANNELS[message[0] & 0x0F], APC_COLOURS[message[2]]) for message in messages]

    for note in APC_RGB:
        assert told(note, "off") == [("primary", "#000000")]
        assert told(note, "on") == [("primary", "#00FF00")]
        assert told(note, "waiting") == [("primary", "#FFFF00"), ("blinking", "#000000")]


def test_the_apc40_s_knobs_show_their_own_controllers_and_its_faders_do_not_move() -> None:
    profile = load_profile("apc40-mk2")
    assert {number for number in range(128) if profile.ring_at("cc", 0, number)} == set(APC_RINGS)
    ring = profile.ring_at("cc", 0, 0x10)
    assert ring is not None
    assert ring.messages(0, 0x10, 1.0) == (bytes((0xB0, 0x10, 127)),)
    assert profile.ring_at("cc", 0, 7) is None


# Behringer, "X-TOUCH MINI RX MIDI DATA".

X_TOUCH_MODE = ("CC", 127, {0: "standard", 1: "MC"})
X_TOUCH_RINGS = range(9, 17)
X_TOUCH_RING_VALUES = {0: "all off", **{value: f"light {value}" for value in range(1, 14)}}
X_TOUCH_RING_VALUES |= {**{value: f"light {value - 13} blinking" for value in range(14, 27)}, 27: "all on"}
X_TOUCH_BUTTONS = range(16)
X_TOUCH_BUTTON_VALUES = {0: "off", 1: "on", 2: "blinking"}

X_TOUCH_GLOBAL_CHANNEL, X_TOUCH_CHANNEL = 0, 10
"""Not in the document: as owners have recorded them, with factory settings."""

X_TOUCH_SENT_KEYS, X_TOUCH_SENT_CONTROLLERS = range(8, 24), range(1, 9)
"""Neither are these: the buttons and encoders of layer A."""


def test_the_x_touch_mini_s_rings_and_buttons_are_those_of_its_table() -> None:
    profile = load_profile("x-touch-mini")
    _, controller, modes = X_TOUCH_MODE
    (start,) = profile.start
    assert start[:2] == bytes((0xB0 | X_TOUCH_GLOBAL_CHANNEL, controller))
    assert modes[start[2]] == "standard"
    for sent, button in zip(X_TOUCH_SENT_KEYS, X_TOUCH_BUTTONS, strict=True):
        told = {}
        for state in ("off", "on", "waiting"):
            (message,) = shown(profile, "note", X_TOUCH_CHANNEL, sent, state)
            assert message[:2] == bytes((0x90 | X_TOUCH_GLOBAL_CHANNEL, button))
            told[state] = X_TOUCH_BUTTON_VALUES[message[2]]
        assert told == {"off": "off", "on": "on", "waiting": "blinking"}
    for sent, number in zip(X_TOUCH_SENT_CONTROLLERS, X_TOUCH_RINGS, strict=True):
        ring = profile.ring_at("cc", X_TOUCH_CHANNEL, sent)
        assert ring is not None
        positions = [ring.messages(X_TOUCH_CHANNEL, sent, step / 12)[0] for step in range(13)]
        assert {message[:2] for message in positions} == {bytes((0xB0 | X_TOUCH_GLOBAL_CHANNEL, number))}
        assert [X_TOUCH_RING_VALUES[message[2]] for message in positions] == [f"light {n}" for n in range(1, 14)]
        assert [X_TOUCH_RING_VALUES[message[2]] for message in ring.dark(X_TOUCH_CHANNEL, sent)] == ["all off"]
    assert profile.ring_at("cc", 0, 1) is None
    assert profile.lamp_at("note", X_TOUCH_CHANNEL, 32) is None  # layer B


# Behringer, "X-TOUCH EXTENDER Quick Start Guide", MIDI Receive, page 38.

EXTENDER_BUTTONS = range(8, 40)
EXTENDER_BUTTON_VALUES = {**dict.fromkeys(range(64), "off"), 64: "blinking", **dict.fromkeys(range(65, 128), "on")}
EXTENDER_ENCODERS, EXTENDER_FADERS = range(80, 88), range(70, 78)


def test_the_x_touch_extender_s_buttons_rings_and_motors_are_those_of_its_table() -> None:
    profile = load_profile("x-touch-extender")
    assert [note for note in range(128) if profile.lamp_at("note", 0, note)] == list(EXTENDER_BUTTONS)
    for state, meaning in (("off", "off"), ("on", "on"), ("waiting", "blinking")):
        (message,) = shown(profile, "note", 5, 8, state)
        assert message[:2] == bytes((0x95, 8))
        assert EXTENDER_BUTTON_VALUES[message[2]] == meaning
    for number in range(128):
        ring = profile.ring_at("cc", 5, number)
        assert (ring is not None) == (number in EXTENDER_ENCODERS or number in EXTENDER_FADERS)
        if ring is not None:
            assert [ring.messages(5, number, end) for end in (0.0, 1.0)] == [
                (bytes((0xB5, number, 0)),),
                (bytes((0xB5, number, 127)),),
            ]
            assert ring.dark(5, number) == ()


PORTS = {
    "Launchpad X:Launchpad X LPX MIDI In 24:1": "Launchpad X",
    "Launchpad X LPX MIDI Out": "Launchpad X",
    "MIDIIN2 (LPX MIDI)": "Launchpad X",
    "Launchpad X:Launchpad X MIDI 2 24:1": "Launchpad X",
    "Launchpad Mini MK3:Launchpad Mini MK3 LPMiniMK3 MI 20:1": "Launchpad Mini MK3",
    "APC40 mkII:APC40 mkII MIDI 1 24:0": "APC40 mkII",
    "X-TOUCH MINI:X-TOUCH MINI MIDI 1 28:0": "X-Touch Mini",
    "X-Touch-Ext:X-Touch-Ext X-TOUCH_INT 24:0": "X-Touch Extender",
    "Launchpad X:Launchpad X LPX DAW In 24:0": "any controller",
    "Keystation 49": "any controller",
}
"""Names that systems give to the ports of these controllers."""


@pytest.mark.parametrize("port", PORTS)
def test_a_port_s_name_picks_the_profile(port: str) -> None:
    assert profile_of(port).name == PORTS[port]


def test_no_two_profiles_are_of_one_port() -> None:
    profiles = [load_profile(name) for name in list_profiles()]
    assert all(profile.ports or profile == load_profile(GENERIC) for profile in profiles)
    for port in PORTS:
        assert sum(profile.is_of(port) for profile in profiles) <= 1


def shown(profile: Profile, kind: Kind, channel: int, number: int, state: LampState) -> list[bytes]:
    lamp = profile.lamp_at(kind, channel, number)
    assert lamp is not None, f"{profile.name} has no lamp for {kind} {number} on channel {channel + 1}"
    return list(lamp.messages(channel, number, state))
