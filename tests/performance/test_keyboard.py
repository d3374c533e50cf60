"""Which key sounds, on which voice and with what expression, and that nothing is ever left held."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.controls import CHORDS, DEFAULTS, ROLES, VOICE_PREFIX, Value, Values, with_value
from livegen.events import (
    Aftertouch,
    ControlChange,
    Event,
    NoteOff,
    NoteOn,
    PitchWheel,
    PolyTouch,
    SetControl,
    SourceLost,
)
from livegen.performance.expression import Expression
from livegen.performance.keyboard import HeldKey, Keyboard, attacks, handle, voices_of
from livegen.score import DRUM_NOTES, NOTE_RANGE, Voice, fit_note

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
    for channel, voice in zip((0, 1, 2, 9, 4), heard, strict=True):
        assert next(iter(voices_of(channel, 60, roles(*wanted))), None) == voice


def test_a_voice_that_is_taken_from_the_player_lets_go() -> None:
    held = [NoteOn(0, 60, 100), NoteOn(1, 64, 100)]
    after = play(*held, SetControl("p1.role", "model"))
    assert notes(after) == [0, 64, 0, 0]
    assert not after.is_touched(Voice.P1)
    assert notes(play(*held, SetControl("p1.role", "model"), SetControl("p1.role", "player"))) == [0, 64, 0, 0]


def test_a_key_comes_up_where_it_went_down_whatever_its_channel_means_by_then() -> None:
    after = play(NoteOn(4, 60, 100), SetControl("no.role", "off"), NoteOff(4, 60))
    assert after.held == ()


def setting(**controls: Value) -> Values:
    """Return the controls with all voices the player's; `p1_key_low` stands for the control p1.key_low."""
    named = {f"{name[:2]}.{name[3:]}" if name[2] == "_" else name: value for name, value in controls.items()}
    return {**ALL_PLAYER, **named}


SPLIT = setting(p1_key_low=60, p2_key_low=60, tr_key_low=48, tr_key_high=59, no_key_high=47)


def test_a_split_keyboard_plays_the_voice_in_whose_zone_a_key_lies() -> None:
    assert notes(play(NoteOn(0, 72, 100), NoteOn(0, 50, 100), NoteOn(0, 36, 100), values=SPLIT)) == [72, 0, 50, 2]
    assert voices_of(0, 60, SPLIT) == (Voice.P1, Voice.P2)
    assert voices_of(0, 59, SPLIT) == (Voice.TR,)
    assert voices_of(0, 47, SPLIT) == (Voice.NO,)
    assert voices_of(6, 47, SPLIT) == (Voice.NO,)
    assert voices_of(1, 47, SPLIT) == (Voice.P2,)  # a voice's own channel knows no zones
    assert voices_of(9, 49, SPLIT) == (Voice.NO,)
    nobody = setting(p1_key_low=60, p2_key_low=60, tr_key_low=60, no_key_low=60)
    assert play(NoteOn(0, 47, 100), values=nobody) == Keyboard()


def test_an_input_with_a_voice_plays_that_on_every_channel_and_key() -> None:
    for channel in range(16):
        assert voices_of(channel, 12, SPLIT, Voice.TR) == (Voice.TR,)
    assert voices_of(0, 60, roles("player", "player", "model", "player"), Voice.TR) == ()
    both = [NoteOn(0, 60, 100, Voice.P1), (NoteOn(0, 60, 100, Voice.TR, -12), "minilab")]
    for values in (setting(), setting(chords="spread"), SPLIT):
        assert notes(play(*both, values=values)) == [60, 0, 48, 0]


def test_each_of_two_keyboards_on_one_channel_has_its_pedal_wheels_and_pressure() -> None:
    two = [NoteOn(0, 60, 100, Voice.P1), (NoteOn(0, 60, 100, Voice.TR, -12), "minilab")]
    after = play(*two, (ControlChange(0, 64, 127), "minilab"), (PitchWheel(0, -8192), "minilab"), Aftertouch(0, 127))
    assert after.expression(Voice.TR, 2) == Expression(bend=-2.0)
    assert after.expression(Voice.P1, 2) == Expression(pressure=1.0)
    released = play(*two, (ControlChange(0, 64, 127), "minilab"), (NoteOff(0, 60), "minilab"), NoteOff(0, 60))
    assert notes(released) == [0, 0, 48, 0]
    assert notes(play(*two, (SourceLost(), "minilab"))) == [60, 0, 0, 0]


def test_a_key_beyond_the_range_after_transposition_is_its_own_key() -> None:
    held = [NoteOn(0, 126, 100, Voice.P1, 12), NoteOn(0, 114, 100, Voice.P1, 12)]
    assert notes(play(*held)) == [102, 0, 0, 0]  # MIDI key 126, which the voice takes as 102
    assert len(play(*held, NoteOff(0, 114)).held) == 1
    assert play(*held, NoteOff(0, 114), NoteOff(0, 126)).held == ()


def test_a_zone_that_moves_leaves_held_keys_where_they_are() -> None:
    before = play(NoteOn(0, 60, 100))
    after = play(NoteOn(0, 60, 100), SetControl("p1.key_low", 70), NoteOn(0, 61, 100))
    assert after.sounding(Voice.P1) == before.sounding(Voice.P1)
    assert after.sounding(Voice.P2).note == 61
    assert play(NoteOn(0, 60, 100), SetControl("p1.key_low", 70), NoteOff(0, 60)).held == ()


def test_transposition_counts_from_the_next_key_on_and_moves_drums_too() -> None:
    assert notes(play(NoteOn(0, 60, 100), values=setting(p1_transpose=-12)))[0] == 48
    assert notes(play(NoteOn(0, 60, 100), SetControl("p1.transpose", 7)))[0] == 60
    assert notes(play(NoteOn(0, 120, 100), values=setting(p1_transpose=48)))[0] % 12 == 0
    drum = play(NoteOn(9, 48, 100), values=setting(no_transpose=-12)).sounding(Voice.NO)
    assert (drum.key, drum.played_key, drum.note) == (48, 36, DRUM_NOTES[36])
    assert play(NoteOn(0, 60, 100), SetControl("p1.transpose", 7), NoteOff(0, 60)).held == ()


def test_drums_are_those_of_the_patch_and_one_hit_ends_the_one_before() -> None:
    mine = {60: 16, 62: 3}
    first = handle(Keyboard(), NoteOn(9, 60, 100), "pads", ALL_PLAYER, mine)
    assert first.sounding(Voice.NO).note == 16
    second = handle(first, NoteOn(9, 62, 100), "pads", ALL_PLAYER, mine)
    assert [key.note for key in second.held] == [3]
    assert handle(second, NoteOff(9, 62), "pads", ALL_PLAYER, mine).sounding(Voice.NO) is None


def test_a_spread_chord_takes_free_voices_first_and_then_steals_the_oldest_note() -> None:
    spread = setting(chords="spread")
    chord = [NoteOn(0, 60, 100), NoteOn(0, 64, 100), NoteOn(0, 67, 100)]
    assert notes(play(*chord, values=spread)) == [60, 64, 67, 0]
    assert notes(play(*chord, NoteOff(0, 64), NoteOn(0, 72, 100), values=spread)) == [60, 72, 67, 0]
    stolen = [*chord, NoteOn(0, 72, 100)]
    assert notes(play(*stolen, values=spread)) == [72, 64, 67, 0]
    assert notes(play(*stolen, NoteOff(0, 72), values=spread)) == [60, 64, 67, 0]  # what was stolen comes back
    assert notes(play(*stolen, NoteOn(0, 74, 100), values=spread)) == [72, 74, 67, 0]
    assert notes(play(*stolen, NoteOff(0, 60), NoteOff(0, 72), values=spread)) == [0, 64, 67, 0]


def test_a_chord_is_spread_over_the_voices_of_its_zone_alone() -> None:
    chord = [NoteOn(0, 60, 100), NoteOn(0, 64, 100), NoteOn(0, 67, 100)]
    assert notes(play(*chord, NoteOn(0, 50, 100), values={**SPLIT, "chords": "spread"})) == [67, 64, 50, 0]
    assert notes(play(NoteOn(0, 36, 9), NoteOn(0, 38, 9), values={**SPLIT, "chords": "spread"})) == [0, 0, 0, 9]
    assert notes(play(NoteOn(1, 60, 9), NoteOn(1, 64, 9), values={**SPLIT, "chords": "spread"})) == [0, 64, 0, 0]


ARPEGGIO = setting(chords="arpeggio")


def test_one_voice_runs_through_an_arpeggio_in_order_of_pitch() -> None:
    keyboard = play(NoteOn(0, 67, 100), NoteOn(0, 60, 100), NoteOn(0, 64, 100), values=ARPEGGIO)
    assert keyboard.chord(Voice.P1) == (60, 64, 67)
    assert keyboard.sounding(Voice.P1).note == 64  # in the score it is the last key pressed
    assert keyboard.chord(Voice.P2) == ()
    assert play(NoteOn(0, 67, 100), NoteOn(0, 60, 100)).chord(Voice.P1) == (60,)
    assert play(NoteOn(9, 36, 9), NoteOn(9, 38, 9), values=ARPEGGIO).chord(Voice.NO) == (DRUM_NOTES[38],)


def test_an_arpeggio_has_eight_different_notes_at_most_the_last_ones_pressed() -> None:
    keys = [NoteOn(0, key, 100) for key in (60, 40, 41, 42, 43, 44, 45, 46, 47)]
    assert play(*keys, values=ARPEGGIO).chord(Voice.P1) == (40, 41, 42, 43, 44, 45, 46, 47)
    twice = [NoteOn(0, 60, 100), (NoteOn(4, 60, 100), "pads"), NoteOn(0, 64, 100)]
    assert play(*twice, values=ARPEGGIO).chord(Voice.P1) == (60, 64)


def attacked(*events: Event, values: Values = ARPEGGIO) -> list[bool]:
    """Tell which of the events attack a note of P1."""
    heard, keyboard = [], Keyboard()
    for event in events:
        if isinstance(event, SetControl):
            values = with_value(values, event.name, event.value)
        before, keyboard = keyboard, handle(keyboard, event, "keys", values)
        heard.append(attacks(before, keyboard, Voice.P1))
    return heard


def test_a_key_that_joins_or_leaves_an_arpeggio_is_no_attack() -> None:
    on, off = NoteOn(0, 60, 100), NoteOff(0, 60)
    assert attacked(on, NoteOn(0, 64, 100), off, on, NoteOff(0, 64), off, on) == [
        True, False, False, False, False, False, True,
    ]  # fmt: skip
    assert attacked(on, on) == [True, True]  # where a release was lost
    assert attacked(on, NoteOn(0, 64, 100), NoteOff(0, 64), values=ALL_PLAYER) == [True, True, True]


def test_under_a_pedal_an_arpeggio_is_struck_anew_once_all_fingers_are_up() -> None:
    down = ControlChange(0, 64, 127)
    assert attacked(down, NoteOn(0, 60, 9), NoteOff(0, 60), NoteOn(0, 64, 9), NoteOn(0, 67, 9)) == [
        False, True, False, True, False,
    ]  # fmt: skip
    kept = play(down, NoteOn(0, 60, 9), NoteOff(0, 60), NoteOn(0, 64, 9), values=ARPEGGIO)
    assert kept.chord(Voice.P1) == (60, 64)


def test_another_way_with_chords_strikes_nothing_anew() -> None:
    keys = [NoteOn(0, 60, 100), NoteOn(0, 64, 100)]
    turns = [SetControl("chords", chords) for chords in ("arpeggio", "last", "spread", "arpeggio")]
    assert attacked(*keys, *turns, values=ALL_PLAYER)[2:] == [False] * 4
    assert play(*keys, turns[0]).chord(Voice.P1) == (60, 64)
    assert play(*keys, *turns[:2]).chord(Voice.P1) == (64,)


def expression(*events: Event | tuple[Event, str], voice: Voice = Voice.P1, bend_range: int = 2) -> Expression:
    return play(*events).expression(voice, bend_range)


def test_wheels_and_pressure_are_for_the_voices_that_sound_their_channel_s_keys() -> None:
    wheels = [PitchWheel(0, 4096), ControlChange(0, 1, 127), Aftertouch(0, 127)]
    keys = [NoteOn(0, 60, 100), NoteOn(1, 60, 100)]
    assert expression(*wheels) == Expression()
    assert expression(*wheels, *keys) == expression(*keys, *wheels) == Expression(1.0, 1.0, 1.0)
    assert expression(*wheels, *keys, voice=Voice.P2) == Expression()
    assert expression(*wheels, (keys[0], "pads")) == Expression()
    assert expression(*wheels, *keys, bend_range=12).bend == 6.0


def test_a_bend_goes_on_through_the_release_and_follows_the_key_that_sounds() -> None:
    bent = [NoteOn(0, 60, 100), PitchWheel(0, -8192)]
    assert expression(*bent, NoteOff(0, 60)).bend == -2.0
    assert expression(*bent, NoteOff(0, 60), PitchWheel(0, 8191)).bend == 2.0
    other = NoteOn(5, 64, 100)  # P1's as well, from a channel whose wheel rests
    assert expression(*bent, other).bend == 0.0
    assert expression(*bent, other, NoteOff(5, 64)).bend == -2.0


def test_polyphonic_aftertouch_is_for_its_own_key() -> None:
    keys = [NoteOn(0, 60, 100), NoteOn(0, 64, 100)]
    assert expression(*keys, PolyTouch(0, 60, 127)).pressure == 0.0
    assert expression(*keys, PolyTouch(0, 60, 127), NoteOff(0, 64)).pressure == 1.0
    assert expression(*keys, PolyTouch(0, 64, 127), Aftertouch(0, 9)).pressure == 1.0
    assert expression(*keys, PolyTouch(0, 64, 127), NoteOff(0, 64), NoteOff(0, 60)).pressure == 0.0
    assert expression(*keys, PolyTouch(0, 64, 127), ControlChange(0, 121, 0)).pressure == 0.0


@pytest.mark.parametrize("end", [ControlChange(0, 121, 0), SourceLost(), SetControl("panic", True)], ids=repr)
def test_what_lets_go_of_the_wheels(end: Event) -> None:
    moved = [NoteOn(0, 60, 100), PitchWheel(0, 99), ControlChange(0, 1, 9), Aftertouch(0, 9), PolyTouch(0, 60, 9)]
    assert expression(*moved, end) == Expression()
    assert expression(*moved, end, NoteOn(0, 62, 100)) == Expression()


def test_the_bend_range_is_the_channel_s_own_until_the_control_is_set() -> None:
    bent = [NoteOn(0, 60, 100), PitchWheel(0, 8191)]
    own = [ControlChange(0, 101, 0), ControlChange(0, 100, 0), ControlChange(0, 6, 12)]
    assert expression(*own, *bent).bend == expression(*bent, *own).bend == 12.0
    assert expression(*bent, *own, ControlChange(0, 121, 0), PitchWheel(0, 8191)).bend == 12.0
    assert expression(*bent, *own, SetControl("bend_range", 5), bend_range=5).bend == 5.0
    assert expression(*[(event, "pads") for event in own], *bent).bend == 2.0


KEYS = st.integers(58, 64)
ROLE_NAMES = [prefix + "role" for prefix in VOICE_PREFIX.values()]
CHANNELS = st.sampled_from((0, 1, 4, 9))
VOICE_NAMES = st.sampled_from(list(VOICE_PREFIX.values()))
PLAYING: st.SearchStrategy[Event] = st.one_of(
    st.builds(NoteOn, CHANNELS, KEYS, st.integers(1, 127)), st.builds(NoteOff, CHANNELS, KEYS)
)
WHEELS: st.SearchStrategy[Event] = st.one_of(
    st.builds(PitchWheel, CHANNELS, st.sampled_from((-8192, 0, 1, 8191))),
    st.builds(Aftertouch, CHANNELS, st.sampled_from((0, 127))),
    st.builds(PolyTouch, CHANNELS, KEYS, st.sampled_from((0, 127))),
    st.builds(ControlChange, CHANNELS, st.sampled_from((1, 101, 100, 6, 98)), st.sampled_from((0, 24, 127))),
    st.builds(SetControl, st.just("bend_range"), st.integers(0, 24)),
)
SETTINGS: st.SearchStrategy[Event] = st.one_of(
    st.builds(SetControl, st.sampled_from(ROLE_NAMES), st.sampled_from(ROLES)),
    st.builds(SetControl, st.just("chords"), st.sampled_from(CHORDS)),
    st.builds(SetControl, VOICE_NAMES.map("{}key_low".format), st.sampled_from((0, 60, 62))),
    st.builds(SetControl, VOICE_NAMES.map("{}key_high".format), st.sampled_from((60, 61, 127))),
    st.builds(SetControl, VOICE_NAMES.map("{}transpose".format), st.integers(-48, 48)),
)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    PLAYING,
    PLAYING,
    WHEELS,
    SETTINGS,
    st.builds(ControlChange, CHANNELS, st.sampled_from((64, 64, 64, 121, 123, 7)), st.sampled_from((0, 127))),
    st.just(SetControl("panic", True)),
    st.just(SourceLost()),
)
JAMS = st.lists(st.tuples(EVENTS, st.sampled_from(SOURCES)), max_size=60)
Jam = list[tuple[Event, str]]


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
def test_no_key_is_left_held(jam: Jam, how: str) -> None:
    after = play(*jam, *let_go_of_all(how))
    assert after.held == ()
    assert after.pedals == frozenset()
    assert [after.chord(voice) for voice in Voice] == [()] * 4
    if how != "fingers":
        assert [after.expression(voice, 24) for voice in Voice] == [Expression()] * 4


def moments(jam: Jam) -> Iterable[tuple[Keyboard, Event, str, Keyboard, Values]]:
    """Yield the keyboard before and after each event, with the controls in force after it."""
    values = ALL_PLAYER
    keyboard = Keyboard()
    for event, source in jam:
        if isinstance(event, SetControl):
            values = with_value(values, event.name, event.value)
        before, keyboard = keyboard, handle(keyboard, event, source, values)
        yield before, event, source, keyboard, values


@given(JAMS)
def test_only_the_player_s_voices_sound_and_keys_are_held_once(jam: Jam) -> None:
    for _, _, _, keyboard, values in moments(jam):
        orders = [key.order for key in keyboard.held]
        names = [(key.source, key.channel, key.key) for key in keyboard.held]
        assert orders == sorted(set(orders))
        assert len(names) == len(set(names))
        for voice in Voice:
            now = keyboard.sounding(voice)
            assert now is None or values[VOICE_PREFIX[voice] + "role"] == "player"
            assert now is None or keyboard.is_touched(voice)
            assert now is None or now.order == max(key.order for key in keyboard.held if key.voice is voice)


@given(JAMS)
def test_every_key_pressed_gets_one_voice_of_its_zone_and_nobody_else_s_note_moves(jam: Jam) -> None:
    for before, event, source, after, values in moments(jam):
        if not isinstance(event, NoteOn):
            assert after.n_pressed == before.n_pressed
            continue
        voices = voices_of(event.channel, event.note, values)
        if not voices:
            assert after == before
            continue
        pressed = after.held[-1]
        assert (pressed.source, pressed.channel, pressed.key) == (source, event.channel, event.note)
        assert pressed.voice in voices
        assert pressed.note == fit_note(pressed.voice, pressed.played_key)
        others = [
            key for key in before.held if (key.source, key.channel, key.key) != (source, event.channel, event.note)
        ]
        kept = [key for key in others if Voice.NO not in (key.voice, pressed.voice) or key.voice is not pressed.voice]
        assert list(after.held[:-1]) == kept
        if values["chords"] == "spread" and pressed.voice is not Voice.NO:
            assert_is_spread(others, pressed, [voice for voice in voices if voice is not Voice.NO])
        else:
            assert pressed.voice is voices[0]


def assert_is_spread(others: list[HeldKey], pressed: HeldKey, voices: list[Voice]) -> None:
    """The key got the first free voice, or the one whose note is the oldest of those that sound."""
    last = {key.voice: key.order for key in others}
    free = [voice for voice in voices if voice not in last]
    if free:
        assert pressed.voice is free[0]
    else:
        assert last[pressed.voice] == min(last[voice] for voice in voices)


@given(JAMS)
def test_what_sounds_follows_from_attacks_changes_of_the_chord_and_ends(jam: Jam) -> None:
    """What the audio side is told is enough for it to know what sounds, and no held note is struck twice."""
    sounds: dict[Voice, tuple[int, ...]] = dict.fromkeys(Voice, ())
    for before, event, _, after, _ in moments(jam):
        for voice in Voice:
            was, now = before.sounding(voice), after.sounding(voice)
            if now is None:
                sounds[voice] = ()
            elif attacks(before, after, voice):
                is_pressed = now.order >= before.n_pressed
                comes_back = was is not None and was.order > now.order and not after.is_arpeggio
                assert isinstance(event, NoteOn) if is_pressed else comes_back
                sounds[voice] = after.chord(voice)
            elif before.chord(voice) != after.chord(voice):
                assert sounds[voice]
                sounds[voice] = after.chord(voice)
            assert sounds[voice] == after.chord(voice)
            assert (now is None) == (sounds[voice] == ())
            assert now is None or now.note in sounds[voice]
            assert list(sounds[voice]) == sorted(set(sounds[voice]))


@given(JAMS)
def test_expression_is_in_range_and_changes_no_music(jam: Jam) -> None:
    for before, event, _, after, values in moments(jam):
        for voice in Voice:
            heard = after.expression(voice, int(values["bend_range"]))
            assert -24 <= heard.bend <= 24
            assert 0 <= heard.modulation <= 1
            assert 0 <= heard.pressure <= 1
            assert heard == Expression() or after.is_touched(voice)
        is_control = isinstance(event, SetControl) and not event.name.endswith("role") and event.name != "panic"
        if is_control or isinstance(event, (PitchWheel, Aftertouch, PolyTouch)):
            assert after.is_same_music(before)


def test_a_broken_keyboard_that_only_presses_holds_a_bounded_number_of_keys() -> None:
    events = [NoteOn(channel, key, 1) for channel in range(16) if channel != 9 for key in range(128)]
    after = play(*events)
    assert len(after.held) == 256
    assert after.held[-1].key == 127
