"""What FamiStudio's text sounds like: notes, envelopes, slides and effects, and how time goes on in grooves."""

import numpy as np
import pytest

from livegen.formats.chip.register_log import Tags
from livegen.formats.tracker.famistudio_channel import Channel
from livegen.formats.tracker.famistudio_columns import padding_ticks
from livegen.formats.tracker.famistudio_player import Groove, play_song
from livegen.formats.tracker.famistudio_reader import read_famistudio
from livegen.formats.tracker.famistudio_song import Envelope, Note, Project
from livegen.score import Voice

INSTRUMENTS = {
    "plain": {},
    "decay": {"Volume": Envelope((15, 10, 5))},
    "held": {"Volume": Envelope((15, 8, 4, 2, 0), loop=1, release=2)},
    "duty": {"DutyCycle": Envelope((2, 1), loop=0)},
    "arp": {"Arpeggio": Envelope((0, 4, 7), loop=0)},
    "falling": {"Pitch": Envelope((9,), loop=0, is_relative=True)},
}


def ticks(notes, n_ticks, voice=Voice.P1, slide=0.0, volume_slide=0.0):
    """Return what a channel sounds in some ticks, each a unit of time."""
    project = Project(Tags(), False, 440.0, False, INSTRUMENTS, {"major": Envelope((0, 4, 7), loop=0)}, (), ())
    channel, sounding = Channel(voice, project), []
    for at in range(n_ticks):
        channel.advance(notes.get(at), slide, volume_slide, 1000 - at)
        sounding.append(channel.tick())
    return [[said[which] for said in sounding] for which in range(3)]


def note(value=46, duration=100, **said):
    return Note(value=value, duration=duration, instrument=said.pop("instrument", "plain"), **said)


def test_a_note_lasts_as_long_as_it_says():
    notes, volumes, _ = ticks({1: note(duration=3, volume=9)}, 6)
    assert notes == [0, 69, 69, 69, 0, 0]
    assert volumes == [0, 9, 9, 9, 0, 0]


@pytest.mark.parametrize(
    ("instrument", "which", "values"),
    [
        ("decay", 1, [15, 10, 5, 5, 5, 5]),
        ("held", 1, [15, 8, 8, 4, 2, 0]),
        ("duty", 2, [2, 1, 2, 1, 2, 1]),
        ("arp", 0, [69, 73, 76, 69, 73, 76]),
    ],
)
def test_envelopes_run_a_value_a_tick(instrument, which, values):
    assert ticks({0: note(instrument=instrument, release=3 if instrument == "held" else 0)}, 6)[which] == values


def test_a_relative_pitch_envelope_bends_further_at_every_tick():
    notes = ticks({0: note(instrument="falling")}, 20)[0]
    assert notes == sorted(notes, reverse=True)
    assert notes[-1] < notes[0] - 5


@pytest.mark.parametrize(
    ("said", "which", "values"),
    [
        ({"arpeggio": "major"}, 0, [69, 73, 76, 69]),
        ({"duty": 3}, 2, [3, 3, 3, 3]),
        ({"cut_delay": 2}, 0, [69, 69, 0, 0]),
        ({"delay": 2}, 0, [0, 0, 69, 69]),
        ({"volume": 8, "volume_target": 4}, 1, [7, 6, 5, 4]),
        ({"slide_target": 50}, 0, [70, 71, 72, 73]),
    ],
)
def test_effects(said, which, values):
    played = {0: note(**said)} if "delay" not in said else {0: note(**said), 5: note()}
    found = []
    if "delay" in said:
        project = Project(Tags(), False, 440.0, True, INSTRUMENTS, {}, (), ())
        channel = Channel(Voice.P1, project)
        channel.advance(played[0], 0.0, 0.0, 100)
        found = [channel.tick()[which] for _ in range(4)]
    else:
        found = ticks(played, 4, slide=4.0, volume_slide=4.0)[which]
    assert found == values


def test_fine_pitch_and_vibrato_bend():
    straight, bent = (ticks({0: note(96, fine_pitch=fine)}, 1)[0][0] for fine in (0, 1))
    assert bent < straight
    assert len(set(ticks({0: note(70, vibrato=(8, 15))}, 16)[0])) > 3


def test_the_noise_and_the_triangle_have_their_own_pitches():
    assert ticks({0: note(32 + 5)}, 1, Voice.NO)[0] == [6]
    assert ticks({0: note(46)}, 1, Voice.TR)[:2] == [[57], [0]]


@pytest.mark.parametrize(("padding", "expected"), [("Middle", [3, 16]), ("End", [6, 19])])
def test_a_groove_is_padded_where_it_says(padding, expected):
    groove = Groove((7, 6), padding)
    found = []
    for tick in range(26):
        found += [tick] if groove.is_padding else []
        groove.step()
    assert found == expected == padding_ticks((7, 6), padding, 26)


TEXT = """Project Version="4.4.0" TempoMode="{mode}" Name="{name}" Author="Me"
	Instrument Name="Lead"
		Envelope Type="Volume" Length="1" Values="12"
	Song Name="One" Length="2" LoopPoint="0" PatternLength="4" BeatLength="4" {tempo}
		PatternCustomSettings Time="1" Length="2" BeatLength="4" {custom}
		Channel Type="Square1"
			Pattern Name="P"
				Note Time="0" Value="A3" Duration="200" Instrument="Lead"
			PatternInstance Time="0" Pattern="P"
		Channel Type="Square2"
		Channel Type="Triangle"
		Channel Type="Noise"
		Channel Type="DPCM"
"""


@pytest.mark.parametrize(
    ("mode", "tempo", "custom", "n_ticks"),
    [
        ("FamiTracker", 'FamiTrackerTempo="150" FamiTrackerSpeed="10"', "", 60),
        ("FamiTracker", 'FamiTrackerTempo="75" FamiTrackerSpeed="5"', "", 60),
        ("FamiStudio", 'NoteLength="10" Groove="10" GroovePaddingMode="Middle"', 'NoteLength="10" Groove="10"', 60),
        ("FamiStudio", 'NoteLength="9" Groove="10-9" GroovePaddingMode="End"', 'NoteLength="10" Groove="10"', 58),
        ("FamiStudio", 'NoteLength="9" Groove="10-9" GroovePaddingMode="Middle"', 'NoteLength="9" Groove="9-10"', 57),
    ],
)
def test_a_song_lasts_as_its_tempo_says(mode, tempo, custom, n_ticks):
    text = TEXT.format(mode=mode, tempo=tempo, custom=custom, name='A ""song""')
    project = read_famistudio("a", text, pytest.fail)
    piece = play_song("a", project, project.songs[0])
    assert abs(len(piece.frames) - n_ticks * 24 / 60.0988) < 1
    assert np.array_equal(np.unique(piece.frames[:, 0], axis=0), [[69, 12, 0]])
    assert (piece.tags.title, piece.tags.author) == ('A "song"', "Me")
