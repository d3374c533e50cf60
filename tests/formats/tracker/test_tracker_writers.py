"""Scores as trackers' texts: they follow the grammars, lie in bars at the tempo, and read back as they were."""

import numpy as np
import pytest
from examples import examples
from format_samples import scores, song
from hypothesis import given, settings
from hypothesis import strategies as st
from tracker_grammars import check_famistudio, check_famitracker

from livegen.errors import FormatError
from livegen.formats.chip.register_log import Tags
from livegen.formats.score.piece import Piece
from livegen.formats.tracker.famistudio_player import play_song
from livegen.formats.tracker.famistudio_reader import read_famistudio
from livegen.formats.tracker.famistudio_writer import famistudio_text
from livegen.formats.tracker.famitracker_player import play_track
from livegen.formats.tracker.famitracker_reader import read_famitracker
from livegen.formats.tracker.famitracker_writer import famitracker_text
from livegen.formats.tracker.grid import bars_of
from livegen.patch import parse_patch
from livegen.score import Column, Voice

BEAT = 12  # frames at 120 beats a minute


def fail(sentence):
    raise AssertionError(sentence)


def from_famitracker(text):
    module = read_famitracker("a", text, fail)
    piece, left_out = play_track("a", module, module.tracks[0])
    assert not left_out | set(module.left_out)
    return piece


def from_famistudio(text):
    project = read_famistudio("a", text, fail)
    assert not project.left_out
    return play_song("a", project, project.songs[0])


TRACKERS = {
    "famitracker": (famitracker_text, check_famitracker, from_famitracker),
    "famistudio": (famistudio_text, check_famistudio, from_famistudio),
}
trackers = pytest.mark.parametrize("tracker", TRACKERS)


def heard(frames):
    """Return a score without what does not sound: notes and silences with a volume of their own."""
    frames = frames.copy()
    for voice in (Voice.P1, Voice.P2, Voice.NO):
        is_silent = (frames[:, voice, Column.NOTE] == 0) | (frames[:, voice, Column.VOLUME] == 0)
        frames[is_silent, voice, : Column.TIMBRE] = 0
    return frames


@trackers
@settings(max_examples=examples(12))
@given(frames=scores(), bpm=st.none() | st.floats(20, 400), at=st.integers(0, 8))
def test_a_score_reads_back_as_it_sounds(tracker, frames, bpm, at):
    write, check, read = TRACKERS[tracker]
    tempos = () if bpm is None else ((0, bpm), (at, bpm * 1.07))
    text = write(Piece(frames, tempos=tempos), "a")
    check(text)
    assert np.array_equal(read(text).frames[: len(frames)], heard(frames))
    assert len(read(text).frames) == max(len(frames), int(tracker == "famistudio"))


@trackers
@pytest.mark.parametrize("bpm", [66.7, 100.0, 120.0, 140.0, 151.3])
def test_a_song_of_notes_in_every_voice_reads_back_exactly(tracker, bpm):
    write, check, read = TRACKERS[tracker]
    text = write(Piece(song(300), tempos=((0, bpm),)), "a")
    check(text)
    assert np.array_equal(read(text).frames, song(300))


@trackers
def test_title_and_author_stand_in_the_text(tracker):
    write, check, read = TRACKERS[tracker]
    text = write(Piece(song(), tags=Tags('A "quoted"\nname', "Me")), "a")
    check(text)
    assert read(text).tags.title == 'A "quoted" name'
    assert read(text).tags.author == "Me"


@trackers
def test_the_players_part_keeps_its_own_instruments(tracker):
    write, check, read = TRACKERS[tracker]
    player = np.zeros((48, 4), bool)
    player[:, Voice.P1] = player[20:30, Voice.NO] = True
    text = write(Piece(song(), player), "a")
    check(text)
    piece = read(text)
    assert '"P1 player"' in text
    assert np.array_equal(piece.frames, song())
    assert np.array_equal(piece.player, player & (song()[..., Column.NOTE] > 0))


def beaten(n_beats, period, every=1):
    """Return a score with a note of P1 at beats, eight different ones, twice the same eight and so on."""
    frames = np.zeros((round(n_beats * period) + 1, 4, 3), np.uint8)
    for beat in range(0, n_beats, every):
        at = round(beat * period)
        frames[at : at + 4, Voice.P1, : Column.TIMBRE] = 60 + beat % 8, 10
        frames[at : at + 2, Voice.NO, : Column.TIMBRE] = 3, 10
    return frames[: round(n_beats * period)]


def test_patterns_are_bars_and_those_that_repeat_are_shared():
    said = check_famitracker(famitracker_text(Piece(beaten(32, BEAT), tempos=((0, 120.0),)), "a"))
    assert [order[0] for order in said["orders"]][:8] == [0, 1] * 4
    assert len({order[1] for order in said["orders"]}) == 1
    objects = check_famistudio(famistudio_text(Piece(beaten(32, BEAT, 4), tempos=((0, 120.0),)), "a"))
    channel = [o for o in objects if o[2].get("Channel", {}).get("Type") == "Square1"]
    kinds = [kind for kind, _, _ in channel]
    assert kinds.count("Pattern") < kinds.count("PatternInstance")  # bars are not all of as many whole ticks there


@pytest.mark.parametrize("bpm", [75.0, 97.0, 118.0, 133.0, 187.0])
def test_rows_go_at_the_tempo(bpm):
    """Every note on a beat is in a row whose number says so, and at the end no bar is off by more than a tick."""
    period = 1440.0 / bpm
    piece = Piece(beaten(64, period), tempos=((0, bpm),))
    bars = bars_of(piece, 60.0988)
    for number, bar in enumerate(bars[:16]):
        assert abs(bar.start - number * 4 * period * 60.0988 / 24) <= 1.8  # half a frame, and half a tick
    said = check_famitracker(famitracker_text(piece, "a"))
    n_rows = said["tracks"][0][0]
    starts = [
        row
        for order in said["orders"][:16]
        for row, cells in enumerate(said["patterns"][order[0]])
        if cells[0][0] not in ".-"
    ]
    assert len(starts) == 64
    assert sum(row % (n_rows // 4) == 0 for row in starts) > 30  # others begin a frame's rounding before their beat
    assert n_rows == 16


def test_a_groove_is_there_where_rows_are_no_whole_ticks_and_only_there():
    even = 60 * 60.0988 / 28  # 28 ticks a beat: four rows of seven
    said = check_famitracker(famitracker_text(Piece(beaten(16, 1440 / even), tempos=((0, even),)), "a"))
    assert (said["grooves"], said["tracks"][0]) == ({}, (16, 7, 150))
    odd = 60 * 60.0988 / 26  # rows of six and a half
    said = check_famitracker(famitracker_text(Piece(beaten(16, 1440 / odd), tempos=((0, odd),)), "a"))
    assert set(map(sorted_groove, said["grooves"].values())) == {(6, 7)}
    objects = check_famistudio(famistudio_text(Piece(beaten(16, 1440 / even), tempos=((0, even),)), "a"))
    (found,) = [o[1] for o in objects if o[0] == "Song"]
    assert (found["NoteLength"], found["Groove"], found["BeatLength"], found["PatternLength"]) == ("7", "7", "4", "16")
    objects = check_famistudio(famistudio_text(Piece(beaten(16, 1440 / odd), tempos=((0, odd),)), "a"))
    (found,) = [o[1] for o in objects if o[0] == "Song"]
    assert sorted_groove(map(int, found["Groove"].split("-"))) == (6, 7)


def sorted_groove(groove):
    return tuple(sorted(set(groove)))


def test_a_tempo_that_changes_all_the_time_has_no_more_grooves_than_fit():
    tempos = tuple((at * 40, 100.0 + at % 37) for at in range(40))
    piece = Piece(song(1600), tempos=tempos)
    said = check_famitracker(famitracker_text(piece, "a"))
    assert 1 < len(said["grooves"]) <= 32
    assert np.array_equal(from_famitracker(famitracker_text(piece, "a")).frames, song(1600))
    assert np.array_equal(from_famistudio(famistudio_text(piece, "a")).frames, song(1600))


@trackers
def test_a_piece_that_is_too_long_is_refused_in_a_sentence(tracker, monkeypatch):
    monkeypatch.setattr("livegen.formats.tracker.famitracker_rows.MAX_ORDERS", 3)
    monkeypatch.setattr("livegen.formats.tracker.famitracker_rows._USUAL_ORDERS", 2)
    monkeypatch.setattr("livegen.formats.tracker.famistudio_columns.MAX_PATTERNS", 2)
    with pytest.raises(FormatError, match=r"long\.txt would be too long: .* minutes"):
        TRACKERS[tracker][0](Piece(song(4000), tempos=((0, 120.0),)), "long.txt")


PATCH = """
[p1]
volume = [15, 12, 9, 6, 3]
volume_release = 2
timbre = [0, 2]
arpeggio = [0, 12, 0]
vibrato_depth = 40
vibrato_speed = 6
vibrato_delay = 20
slide_from = -2
detune = 10
tremolo_depth = 4
[p2]
model_sound = "patch"
volume = [15, 8]
volume_loop = 0
portamento = 60
"""


def test_a_patch_gives_instruments_its_macros_and_notes_its_bends():
    frames = np.zeros((96, 4, 3), np.uint8)
    frames[:40, Voice.P1] = 60, 15, 0
    frames[:20, Voice.P2] = 50, 15, 0
    frames[20:40, Voice.P2] = 57, 15, 0
    frames[:40, Voice.TR, Column.NOTE] = 40
    player = np.zeros((96, 4), bool)
    player[:, Voice.P1] = True
    piece = Piece(frames, player, ((0, 120.0),), patch=parse_patch(PATCH, "test", "test"))
    text = famitracker_text(piece, "a")
    said = check_famitracker(text)
    assert "MACRO       0   0  -1   2   0 : 15 12 9 6 3 0" in text
    assert "MACRO       4   0  -1  -1   0 : 0 2" in text
    assert "MACRO       0   1   0  -1   0 : 15 8" in text
    effects = " ".join(cell for order in said["orders"] for cells in said["patterns"][order[0]] for cell in cells[:1])
    assert "A#2 " in effects  # two semitones under the note, and up to it
    assert " Q" in effects
    assert " 4" in effects
    assert "===" in effects
    of_p2 = " ".join(cell for order in said["orders"] for cells in said["patterns"][order[1]] for cell in cells[1:2])
    assert " 3" in of_p2
    objects = check_famistudio(famistudio_text(piece, "a"))
    notes = [o[1] for o in objects if o[0] == "Note" and o[2]["Channel"]["Type"] == "Square1"]
    assert (notes[0]["Value"], notes[0]["SlideTarget"]) == ("A#2", "C3")
    assert "Release" in notes[0] or "Release" in notes[1]
    assert any(int(note.get("VibratoDepth", 0)) for note in notes)
    envelopes = {(o[2]["Instrument"]["Name"], o[1]["Type"]): o[1] for o in objects if o[0] == "Envelope"}
    volume = envelopes["P1 player", "Volume"]
    assert (volume["Values"], volume["Loop"], volume["Release"]) == ("15,12,9,6,3,0", "2", "3")
    for read, written in ((from_famitracker, text), (from_famistudio, famistudio_text(piece, "a"))):
        back = read(written)
        assert np.array_equal(back.frames[:40, Voice.TR], frames[:40, Voice.TR])
        assert 0 < back.frames[39, Voice.P1, Column.VOLUME] <= 9
        assert back.frames[95, Voice.P1, Column.NOTE] == 0
        assert (back.frames[10:40, Voice.P1, Column.NOTE] == 60).all()
