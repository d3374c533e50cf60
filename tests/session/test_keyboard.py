"""Which key sounds: last-note priority, pedals, channels, and that nothing is ever left held."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.controls import DEFAULTS, ROLES, VOICE_PREFIX, Values, with_value
from livegen.events import ControlChange, Event, NoteOff, NoteOn, SetControl, SourceLost
from livegen.score import NOTE_RANGE, Voice
from livegen.session.keyboard import Keyboard, handle, voice_of_channel

ALL_PLAYER: Values = {**DEFAULTS, **{prefix + "role": "player" for prefix in VOICE_PREFIX.values()}}
SOURCES = ("keys", "pads")


def play(*events: Event | tuple[Event, str], values: Values = ALL_PLAYER) -> Keyboard:
    """Return the keyboard after events, each from the source "keys" unless it comes with another."""
    keyboard = Keyboard()
    for event in events:
        event, source = event if isinstance(event, tuple) else (event, "keys")
        if isinstance(event, SetControl):
            values = with_value(values, event.name, event.value)
        keyboard = handle(keyboard, event, source, values)
    return keyboard


def notes(keyboard: Keyboard) -> list[int]:
    """Return the note that each voice sounds, 0 for none."""
    return [0 if key is None else key.note for key in map(keyboard.sounding, Voice)]


def roles(*wanted: str) -> Values:
    return {**DEFAULTS, **{VOICE_PREFIX[voice] + "role": role for voice, role in zip(Voice, wanted, strict=True)}}


def test_the_last_key_pressed_sounds_and_the_one_before_comes_back() -> None:
    pressed = [NoteOn(0, 60, 100), NoteOn(0, 64, 100), NoteOn(0, 67, 100)]
    assert notes(play(*pressed))[0] == 67
    assert notes(play(*pressed, NoteOff(0, 64)))[0] == 67
    assert notes(play(*pressed, NoteOff(0, 67)))[0] == 64
    assert notes(play(*pressed, NoteOff(0, 64), NoteOff(0, 67)))[0] == 60
    assert notes(play(*pressed, NoteOff(0, 64), NoteOff(0, 67), NoteOff(0, 60)))[0] == 0


def test_a_key_pressed_again_is_one_key_with_a_new_attack() -> None:
    keyboard = play(NoteOn(0, 60, 100), NoteOn(0, 64, 100), NoteOn(0, 60, 20))
    assert [key.key for key in keyboard.held] == [64, 60]
    assert keyboard.sounding(Voice.P1).volume == 2
    assert play(NoteOn(0, 60, 100), NoteOn(0, 60, 100), NoteOff(0, 60)).held == ()


def test_velocity_becomes_volume_and_a_key_is_fitted_to_its_voice() -> None:
    for velocity, volume in ((1, 1), (64, 8), (127, 15)):
        assert play(NoteOn(0, 60, velocity)).sounding(Voice.P1).volume == volume
    for channel, voice in ((0, Voice.P1), (2, Voice.TR), (9, Voice.NO)):
        for key in range(128):
            lowest, highest = NOTE_RANGE[voice]
            assert lowest <= play(NoteOn(channel, key, 100)).sounding(voice).note <= highest


def test_a_pedal_keeps_the_keys_of_its_own_channel_and_source() -> None:
    down, up = ControlChange(0, 64, 127), ControlChange(0, 64, 0)
    assert notes(play(down, NoteOn(0, 60, 100), NoteOff(0, 60)))[0] == 60
    assert notes(play(down, NoteOn(0, 60, 100), NoteOff(0, 60), up))[0] == 0
    assert notes(play(down, NoteOn(0, 60, 100), up))[0] == 60  # still under the finger
    assert notes(play((down, "pads"), NoteOn(0, 60, 100), NoteOff(0, 60)))[0] == 0
    assert notes(play(down, NoteOn(1, 60, 100), NoteOff(1, 60)))[1] == 0
    assert notes(play(down, NoteOn(0, 60, 100), NoteOff(0, 60), ControlChange(0, 121, 0)))[0] == 0
    assert notes(play(ControlChange(0, 64, 63), NoteOn(0, 60, 100), NoteOff(0, 60)))[0] == 0


def test_a_key_that_its_pedal_keeps_can_be_played_again() -> None:
    again = play(
        ControlChange(0, 64, 127), NoteOn(0, 60, 100), NoteOff(0, 60), NoteOn(0, 60, 100), ControlChange(0, 64, 0)
    )
    assert notes(again)[0] == 60
    assert handle(again, NoteOff(0, 60), "keys", ALL_PLAYER).held == ()


@pytest.mark.parametrize("control", [120, 123, 124, 125, 126, 127])
def test_all_notes_off_is_for_its_channel_and_source(control: int) -> None:
    pressed = [NoteOn(0, 60, 100), NoteOn(1, 62, 100), (NoteOn(0, 64, 100), "pads")]
    after = play(*pressed, ControlChange(0, control, 0))
    assert sorted(key.key for key in after.held) == [62, 64]


def test_a_lost_source_takes_its_keys_pedals_and_touches_with_it() -> None:
    before = [NoteOn(0, 60, 100), ControlChange(0, 64, 127), (NoteOn(1, 64, 100), "pads")]
    after = play(*before, SourceLost())
    assert [key.source for key in after.held] == ["pads"]
    assert not after.pedals
    assert not after.is_touched(Voice.P1)
    assert after.is_touched(Voice.P2)


def test_panic_lets_go_of_everything_and_a_panic_that_is_not_fired_does_nothing() -> None:
    before = [NoteOn(0, 60, 100), ControlChange(0, 64, 127), (NoteOn(1, 64, 100), "pads")]
    assert play(*before, SetControl("panic", True)).held == ()
    assert play(*before, SetControl("panic", True)).pedals == frozenset()
    assert len(play(*before, SetControl("panic", False)).held) == 2


@pytest.mark.parametrize(
    ("wanted", "heard"),
    [  # voices of the channels 1, 2, 3, 10 and 5
        (("player", "player", "player", "player"), (0, 1, 2, 3, 0)),
        (("player", "model", "model", "model"), (0, None, None, None, 0)),
        (("model", "model", "player", "player"), (2, None, 2, 3, 2)),
        (("off", "player", "model", "model"), (1, 1, None, None, 1)),
        (("model", "model", "model", "model"), (None, None, None, None, None)),
    ],
)
def test_channels_1_2_3_10_have_a_voice_and_others_play_the_player_s_first(
    wanted: tuple[str, ...], heard: tuple[int | None, ...]
) -> None:
    assert tuple(voice_of_channel(channel, roles(*wanted)) for channel in (0, 1, 2, 9, 4)) == heard


def test_a_voice_that_is_taken_from_the_player_lets_go() -> None:
    held = [NoteOn(0, 60, 100), NoteOn(1, 64, 100)]
    after = play(*held, SetControl("p1.role", "model"))
    assert notes(after) == [0, 64, 0, 0]
    assert not after.is_touched(Voice.P1)
    assert notes(play(*held, SetControl("p1.role", "model"), SetControl("p1.role", "player"))) == [0, 64, 0, 0]


def test_a_key_comes_up_where_it_went_down_whatever_its_channel_means_by_then() -> None:
    after = play(NoteOn(4, 60, 100), SetControl("no.role", "off"), NoteOff(4, 60))
    assert after.held == ()


KEYS = st.integers(58, 64)
ROLE_NAMES = [prefix + "role" for prefix in VOICE_PREFIX.values()]
CHANNELS = st.sampled_from((0, 1, 2, 4, 9, 15))
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(NoteOn, CHANNELS, KEYS, st.integers(1, 127)),
    st.builds(NoteOff, CHANNELS, KEYS),
    st.builds(ControlChange, CHANNELS, st.sampled_from((64, 64, 64, 121, 123, 7)), st.sampled_from((0, 127))),
    st.builds(SetControl, st.sampled_from(ROLE_NAMES), st.sampled_from(ROLES)),
    st.just(SetControl("panic", True)),
    st.just(SourceLost()),
)
JAMS = st.lists(st.tuples(EVENTS, st.sampled_from(SOURCES)), max_size=60)


def let_go_of_all(how: str) -> Iterable[tuple[Event, str]]:
    for source in SOURCES:
        if how == "lost":
            yield SourceLost(), source
        if how == "panic":
            yield SetControl("panic", True), source
        if how == "fingers":
            yield from ((NoteOff(channel, key), source) for channel in range(16) for key in range(58, 65))
            yield from ((ControlChange(channel, 64, 0), source) for channel in range(16))


@given(JAMS, st.sampled_from(("fingers", "lost", "panic")))
def test_no_key_is_left_held(jam: list[tuple[Event, str]], how: str) -> None:
    after = play(*jam, *let_go_of_all(how))
    assert after.held == ()
    assert after.pedals == frozenset()


@given(JAMS)
def test_only_the_player_s_voices_sound_and_keys_are_held_once(jam: list[tuple[Event, str]]) -> None:
    values = ALL_PLAYER
    keyboard = Keyboard()
    for event, source in jam:
        if isinstance(event, SetControl):
            values = with_value(values, event.name, event.value)
        keyboard = handle(keyboard, event, source, values)
        orders = [key.order for key in keyboard.held]
        names = [(key.source, key.channel, key.key) for key in keyboard.held]
        assert orders == sorted(set(orders))
        assert len(names) == len(set(names))
        for voice in Voice:
            assert keyboard.sounding(voice) is None or values[VOICE_PREFIX[voice] + "role"] == "player"
            assert keyboard.sounding(voice) is None or keyboard.is_touched(voice)


def test_a_broken_keyboard_that_only_presses_holds_a_bounded_number_of_keys() -> None:
    events = [NoteOn(channel, key, 1) for channel in range(16) for key in range(128)]
    after = play(*events)
    assert len(after.held) == 256
    assert after.held[-1].key == 127
