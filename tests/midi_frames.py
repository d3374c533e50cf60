"""Frames for the tests of MIDI out, and the count of what is left on."""

import mido
import numpy as np
from hypothesis import strategies as st

from livegen.outputs.midi_settings import CURVES, EXPRESSIONS, MidiOutSettings, VoiceOut
from livegen.score import NOTE_RANGE, TIMBRE_MAX, VOLUME_MAX, Voice
from livegen.score_table import MODEL, OFF, PLAYER, PlannedFrame


def planned(
    index: int = 0,
    *,
    p1: tuple[int, int] = (0, 0),
    p2: tuple[int, int] = (0, 0),
    tr: int = 0,
    no: tuple[int, int] = (0, 0),
    owner: tuple[int, int, int, int] = (MODEL,) * 4,
    offset: tuple[float, float, float, float] = (0.0,) * 4,
) -> PlannedFrame:
    frame = np.zeros((4, 3), np.uint8)
    frame[0, :2], frame[1, :2], frame[2, 0], frame[3, :2] = p1, p2, tr, no
    return PlannedFrame(index, frame, np.array(owner, np.uint8), np.array(offset))


@st.composite
def frames(draw: st.DrawFn) -> PlannedFrame | None:
    if draw(st.integers(0, 4)) == 0:
        return None
    frame = np.zeros((4, 3), np.uint8)
    for voice in Voice:
        lowest, highest = NOTE_RANGE[voice]
        frame[voice, 0] = draw(st.sampled_from([0, lowest, lowest + 1, highest]))
        frame[voice, 1] = draw(st.integers(0, VOLUME_MAX[voice]))
        frame[voice, 2] = draw(st.integers(0, TIMBRE_MAX[voice]))
    owner = draw(st.lists(st.sampled_from([MODEL, MODEL, PLAYER, OFF]), min_size=4, max_size=4))
    offset = draw(st.lists(st.sampled_from([0.0, 0.0, 0.25, 0.75]), min_size=4, max_size=4))
    return PlannedFrame(0, frame, np.array(owner, np.uint8), np.array(offset))


@st.composite
def rigs(draw: st.DrawFn) -> MidiOutSettings:
    """Settings of an output, often with voices that meet on a channel and drums that meet on a key."""
    channels = st.sampled_from([None, 0, 0, 1, 9])
    voices = tuple(
        VoiceOut(draw(channels), draw(st.integers(-48, 48)), draw(st.sampled_from(CURVES)), draw(st.integers(1, 127)))
        for _ in Voice
    )
    lowest, highest = NOTE_RANGE[Voice.NO]
    drums = {note: draw(st.sampled_from([36, 38, 60])) for note in range(lowest, highest + 1)}
    return MidiOutSettings(None, voices, drums, draw(st.sampled_from(EXPRESSIONS)), thru=draw(st.booleans()))


def still_on(messages: list[mido.Message], *, is_sure: bool = True) -> set[tuple[int, int]]:
    """Return channel and key of what sounds after the messages, and check that each strike was of a silent key.

    An output that is not sure what its port has heard may end keys that are not on, and JACK may lose an end, which is
    sent once more: then only what sounds at the end is looked at.
    """
    on: set[tuple[int, int]] = set()
    for message in messages:
        if message.type == "note_on":
            assert (message.channel, message.note) not in on or not is_sure
            assert 1 <= message.velocity <= 127
            on.add((message.channel, message.note))
        elif message.type == "note_off":
            assert (message.channel, message.note) in on or not is_sure
            on.discard((message.channel, message.note))
    return on
