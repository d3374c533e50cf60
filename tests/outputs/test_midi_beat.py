"""MIDI clock and the metronome: what leaves on the beat, and when."""

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.outputs.beats import NEVER_COUNTED
from livegen.outputs.midi_beat import ClockState, click_messages, clock_messages
from livegen.score_table import FrameBeat
from livegen.units import FRAME_RATE_HZ

RATE = 2.0 / 24  # 120 beats a minute


def ticking(*frames: tuple[float | None, bool], rate: float = RATE) -> list[tuple[float, mido.Message]]:
    """Return the messages of frames, given as beats and whether the model plays, with their times in frames."""
    state, sent = ClockState(), []
    for index, (beats, is_running) in enumerate(frames):
        beat = None if beats is None else FrameBeat(beats, rate)
        state, messages = clock_messages(state, beat, is_running=is_running)
        sent += [(index + message.time * FRAME_RATE_HZ, message) for message in messages]
    return sent


def words(sent: list[tuple[float, mido.Message]]) -> str:
    """Return messages in short: a dot is a tick."""
    short = {"clock": ".", "start": "S", "stop": "X", "continue": "C"}
    return "".join(f"P{m.pos}" if m.type == "songpos" else short[m.type] for _, m in sent)


def test_a_song_starts_on_its_first_tick_and_ticks_24_times_a_beat() -> None:
    sent = ticking(*((frame * RATE, True) for frame in range(24)))
    assert words(sent) == "S" + "." * 48
    times = [at for at, message in sent if message.type == "clock"]
    assert times == pytest.approx([tick / 2 for tick in range(48)])


def test_stop_and_start_of_the_model_stop_and_continue_on_a_sixteenth_while_the_clock_ticks_on() -> None:
    running = [frame not in (4, 5) for frame in range(12)]
    sent = ticking(*((frame * RATE, now) for frame, now in enumerate(running)))
    assert words(sent) == "S........X....P2C" + "." * 12


def test_a_jump_of_the_beat_stops_and_continues_from_where_it_is() -> None:
    sent = ticking((0.0, True), (RATE, True), (8.0 + RATE, True), (8.0 + 2 * RATE, True), (8.0 + 3 * RATE, True))
    assert words(sent) == "S....X....P33C.."


def test_an_unknown_beat_stops_and_says_nothing() -> None:
    assert words(ticking((0.0, True), (None, True), (None, True), (0.5, False))) == "S..X.."


beats = st.one_of(st.none(), st.floats(-4, 5000))


@given(st.lists(st.tuples(beats, st.booleans()), max_size=40), st.floats(20 / 1440, 400 / 1440))
def test_a_receiver_is_never_started_twice_nor_told_a_position_while_it_plays(
    frames: list[tuple[float | None, bool]], rate: float
) -> None:
    plays = False
    sent = ticking(*frames, rate=rate)
    for _, message in sent:
        if message.type in ("start", "continue"):
            assert not plays
            plays = True
        elif message.type == "stop":
            assert plays
            plays = False
        elif message.type == "songpos":
            assert not plays
        message.bytes()  # in MIDI's ranges
    assert [at for at, _ in sent] == sorted(at for at, _ in sent) or any(m.type == "songpos" for _, m in sent)


def test_the_metronome_strikes_each_beat_and_higher_at_the_bar() -> None:
    number, sent = NEVER_COUNTED, []
    for frame in range(24 * 4):
        number, messages = click_messages(number, FrameBeat(frame * RATE, RATE, 3), 9)
        sent += messages
    assert [m.note for m in sent if m.type == "note_on"] == [76, 77, 77, 76, 77, 77, 76, 77]
    assert [m.type for m in sent] == ["note_on", "note_off"] * 8
    assert {m.channel for m in sent} == {9}


def test_a_count_in_is_sent_with_the_metronome_off_and_the_receiver_starts_with_the_music() -> None:
    number, state, clicks, sent = NEVER_COUNTED, ClockState(), [], []
    for frame in range(24 * 4):
        beat = FrameBeat(frame * RATE - 4.0, RATE, 4, counted=(-4, 0))
        number, messages = click_messages(number, beat, 9, is_on=False)
        clicks += [(frame, message.note) for message in messages if message.type == "note_on"]
        state, messages = clock_messages(state, beat, is_running=True)
        sent += [(frame + message.time * FRAME_RATE_HZ, message) for message in messages]
    assert clicks == [(0, 76), (12, 77), (24, 77), (36, 77)]
    assert words(sent)[: 4 * 24 + 2] == "." * 96 + "S."
