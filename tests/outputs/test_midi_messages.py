"""What a frame and a key mean in MIDI, through any settings, and that what is struck is ended."""

import itertools

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st
from midi_frames import frames, planned, rigs, still_on

from livegen.outputs.midi_messages import (
    KeyBook,
    OutputState,
    ThruKey,
    farewell_messages,
    frame_messages,
    hush,
    panic_messages,
    release,
    thru_messages,
)
from livegen.outputs.midi_settings import DRUM_KEYS, MidiOutSettings, VoiceOut, parse_settings
from livegen.score import DRUM_NOTES, NOTE_RANGE, Voice
from livegen.score_table import MODEL, OFF, PLAYER, RELEASE_AFTER_FRAMES, PlannedFrame
from livegen.units import FRAME_RATE_HZ


def play(*frames: PlannedFrame | None) -> list[list[tuple[str, int, int, int]]]:
    """Return type, channel, key and velocity of the messages of each frame."""
    state, played = OutputState(), []
    for frame in frames:
        state, messages = frame_messages(state, frame)
        played.append([(m.type, m.channel, m.note, m.velocity) for m in messages])
    return played


def test_each_voice_has_its_channel_and_velocity_follows_volume() -> None:
    assert play(planned(p1=(60, 15), p2=(64, 1), tr=40, no=(2, 8))) == [
        [("note_on", 0, 60, 127), ("note_on", 1, 64, 8), ("note_on", 2, 40, 100), ("note_on", 9, 36, 68)]
    ]


def test_a_held_note_says_nothing_and_an_onset_strikes_again() -> None:
    assert play(planned(p1=(60, 8)), planned(p1=(60, 7)), planned(p1=(60, 10)), planned(p1=(62, 10)), planned()) == [
        [("note_on", 0, 60, 68)],
        [],
        [("note_off", 0, 60, 0), ("note_on", 0, 60, 85)],
        [("note_off", 0, 60, 0), ("note_on", 0, 62, 85)],
        [("note_off", 0, 62, 0)],
    ]


def test_volume_0_releases_and_a_slow_rise_from_it_sounds() -> None:
    frames = [planned(p1=(60, volume)) for volume in (3, 0, 1, 2, 3)]
    assert play(*frames) == [[("note_on", 0, 60, 25)], [("note_off", 0, 60, 0)], [("note_on", 0, 60, 8)], [], []]


@pytest.mark.parametrize("owner", [PLAYER, OFF])
def test_only_the_model_s_voices_leave(owner: int) -> None:
    taken = planned(p1=(60, 8), owner=(owner, MODEL, MODEL, MODEL))
    assert play(taken) == [[]]
    assert play(planned(p1=(60, 8)), taken, planned(p1=(60, 8))) == [
        [("note_on", 0, 60, 68)],
        [("note_off", 0, 60, 0)],
        [("note_on", 0, 60, 68)],
    ]


def test_a_muted_voice_is_released_and_comes_back() -> None:
    state, _ = frame_messages(OutputState(), planned(p1=(60, 8), p2=(64, 8)))
    state, messages = frame_messages(state, planned(p1=(60, 8), p2=(64, 8)), (True, False, False, False))
    assert [(m.type, m.channel) for m in messages] == [("note_off", 0)]
    state, messages = frame_messages(state, planned(p1=(60, 8), p2=(64, 8)))
    assert [(m.type, m.channel) for m in messages] == [("note_on", 0)]


def test_missing_frames_hold_for_half_a_second_and_then_release() -> None:
    played = play(planned(tr=40), *[None] * 30, planned(tr=40))
    assert RELEASE_AFTER_FRAMES == FRAME_RATE_HZ / 2
    assert played[RELEASE_AFTER_FRAMES] == [("note_off", 2, 40, 0)]
    assert [frame for frame in played[1:-1] if frame] == [[("note_off", 2, 40, 0)]]
    assert played[-1] == [("note_on", 2, 40, 100)]


def test_a_hushed_voice_waits_for_its_next_onset() -> None:
    state, _ = frame_messages(OutputState(), planned(p1=(60, 8)))
    state, messages = hush(state)
    assert [(m.type, m.note) for m in messages] == [("note_off", 60)]
    state, messages = frame_messages(state, planned(p1=(60, 8)))
    assert messages == []
    state, messages = frame_messages(state, planned(p1=(60, 12)))
    assert [(m.type, m.note) for m in messages] == [("note_on", 60)]


def test_every_noise_note_has_a_drum_and_known_drums_come_back() -> None:
    lowest, highest = NOTE_RANGE[Voice.NO]
    assert sorted(DRUM_KEYS) == list(range(lowest, highest + 1))
    assert len(set(DRUM_KEYS.values())) == len(DRUM_KEYS)
    for noise_note in set(DRUM_NOTES.values()):
        assert DRUM_NOTES[DRUM_KEYS[noise_note]] == noise_note


def test_the_offset_of_an_onset_is_in_its_messages() -> None:
    _, messages = frame_messages(OutputState(), planned(p1=(60, 8), tr=40, offset=(-0.5, 0, 0.25, 0)))
    assert [m.time * FRAME_RATE_HZ for m in messages] == pytest.approx([-0.5, 0.25])


def sent_by(settings: MidiOutSettings, *frames: PlannedFrame) -> list[tuple[int, ...]]:
    """Return status, first and second data byte of all messages of some frames."""
    state, sent = OutputState(), []
    for frame in frames:
        state, messages = frame_messages(state, frame, settings=settings)
        sent += [tuple(message.bytes()) for message in messages]
    return sent


def test_a_rig_says_channel_key_velocity_and_drum_of_each_voice() -> None:
    settings = parse_settings("x,p1.channel=5,p1.transpose=-12,p1.curve=fixed,p1.velocity=77,p2.channel=0,drums.2=60")
    assert sent_by(settings, planned(p1=(60, 15), p2=(64, 9), tr=40, no=(2, 15)), planned()) == [
        *((0x94, 48, 77), (0x92, 40, 100), (0x99, 60, 127)),
        *((0x84, 48, 0), (0x82, 40, 0), (0x89, 60, 0)),
    ]
    assert settings.channels == (4, 2, 9)


def test_a_key_beyond_midi_comes_back_in_octaves() -> None:
    settings = parse_settings("p1.transpose=48,tr.transpose=-48")
    assert [sent[1] for sent in sent_by(settings, planned(p1=(108, 8), tr=21))] == [120, 9]


@pytest.mark.parametrize(("curve", "middle"), [("soft", 90), ("linear", 64), ("hard", 32), ("fixed", 100)])
def test_velocity_curves_bend_between_the_same_ends(curve: str, middle: int) -> None:
    voice = VoiceOut(0, curve=curve)
    assert abs(voice.velocity_of(0.5) - middle) <= 1
    if curve != "fixed":
        assert (voice.velocity_of(0.0), voice.velocity_of(1.0)) == (1, 127)


def test_expression_as_nesmdb_writes_it_tells_every_change_once() -> None:
    frames = [planned(p1=(60, volume), tr=40) for volume in (9, 9, 8, 7, 7)]
    frames[2].frame[Voice.P1, 2] = 3
    sent = [message for message in sent_by(MidiOutSettings(expression="nesmdb"), *frames) if message[0] == 0xB0]
    assert sent == [(0xB0, 11, 9), (0xB0, 12, 0), (0xB0, 11, 8), (0xB0, 12, 3), (0xB0, 11, 7), (0xB0, 12, 0)]


def test_relative_expression_begins_every_note_at_full() -> None:
    frames = [planned(p1=(60, volume)) for volume in (10, 5)] + [planned(p1=(62, 4))]
    sent = [message for message in sent_by(MidiOutSettings(expression="relative"), *frames) if message[1] != 12]
    assert sent == [
        *((0xB0, 11, 127), (0x90, 60, 85), (0xB0, 11, 64)),
        *((0x80, 60, 0), (0xB0, 11, 127), (0x90, 62, 34)),
    ]


def test_a_receiver_is_left_at_full_volume() -> None:
    settings = MidiOutSettings(expression="relative")
    state, _ = frame_messages(OutputState(), planned(p1=(60, 10)), settings=settings)
    state, _ = frame_messages(state, planned(p1=(60, 5)), settings=settings)
    state, _ = release(state, settings)
    assert [0xB0, 11, 127] in [message.bytes() for message in farewell_messages(state, settings)]


def test_panic_lifts_the_pedal_then_ends_notes_and_sound() -> None:
    assert [tuple(message.bytes()) for message in panic_messages((3,))] == [
        (0xB3, 64, 0),
        (0xB3, 123, 0),
        (0xB3, 120, 0),
    ]


def key(order: int, *, voice: Voice = Voice.P1, key: int = 60, note: int = 60, velocity: int = 64) -> ThruKey:
    return ThruKey("midi:keys", voice, key, note, velocity, order)


def test_what_is_played_leaves_on_the_channel_of_its_voice_and_each_key_ends() -> None:
    settings = parse_settings("thru=on,p1.transpose=12")
    first, second, drum = key(1), key(2, key=64), key(3, voice=Voice.NO, key=37, note=2)
    steps = [(), (first,), (first, second), (second, drum), ()]
    sent = [tuple(m.bytes()) for was, now in itertools.pairwise(steps) for m in thru_messages(was, now, settings)]
    assert sent == [
        *((0x90, 72, 64), (0x90, 76, 64), (0x80, 72, 0)),
        *((0x99, DRUM_KEYS[2], 64), (0x80, 76, 0), (0x89, DRUM_KEYS[2], 0)),
    ]


def test_a_key_that_is_struck_anew_ends_first() -> None:
    assert [m.type for m in thru_messages((key(1),), (key(2),), MidiOutSettings())] == ["note_off", "note_on"]


def through(book: KeyBook, messages: list[mido.Message]) -> list[mido.Message]:
    return [sent for message in messages for sent in book.admit(message)]


held_keys = st.lists(
    st.builds(
        key,
        st.integers(0, 1000),
        voice=st.sampled_from(Voice),
        key=st.sampled_from([59, 60, 61]),
        note=st.integers(1, 16),
        velocity=st.integers(1, 127),
    ),
    max_size=4,
)


@given(
    rigs(),
    st.lists(
        st.tuples(frames(), st.lists(st.booleans(), min_size=4, max_size=4), st.booleans(), held_keys), max_size=40
    ),
)
def test_after_a_release_every_note_on_has_its_note_off_whatever_the_rig(
    settings: MidiOutSettings, steps: list[tuple[PlannedFrame | None, list[bool], bool, list[ThruKey]]]
) -> None:
    state, book, sent = OutputState(), KeyBook(), []
    held: list[ThruKey] = []
    for frame, muted, is_hushed, now_held in steps:
        state, messages = frame_messages(state, frame, muted, settings)
        sent += through(book, messages + thru_messages(held, now_held, settings))
        held = now_held
        assert still_on(sent) == set(book.on)
        assert {message.channel for message in sent} <= set(settings.channels)
        if is_hushed:
            state, messages = hush(state, settings)
            sent += through(book, messages + thru_messages(held, [], settings))
            held = []
            assert still_on(sent) == set()
    state, messages = release(state, settings)
    sent += through(book, messages + thru_messages(held, [], settings))
    assert still_on(sent) == set()
