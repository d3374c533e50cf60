"""What FamiTracker's text sounds like: effects, sequences, speeds and order lists, tick by tick.

The modules here have 24 ticks a second and no tempo, so that a tick is a frame and a row as many as its speed says.
"""

import math

import pytest

from livegen.errors import FormatError
from livegen.formats.tracker.famitracker_player import play_track
from livegen.formats.tracker.famitracker_reader import read_famitracker
from livegen.score import Voice


def module(rows, *, head="", speed=4, tempo=0, n_rows=None, orders=("00 00 00 00 00",), columns=2, patterns=()):
    """Return the text of a module whose first pattern has some cells of the first pulse, and others what is said."""
    n_rows = n_rows or len(rows)
    lines = ["# FamiTracker text export 0.4.2", 'TITLE "Test"', "MACHINE 0", "FRAMERATE 24", "EXPANSION 0", "VIBRATO 1"]
    lines += [head, 'INST2A03 0 -1 -1 -1 -1 -1 "plain"', f'TRACK {n_rows} {speed} {tempo} "song"']
    lines += [f"COLUMNS : {columns} 1 1 1 1", *(f"ORDER {at:02X} : {order}" for at, order in enumerate(orders))]
    for number, cells in enumerate([rows, *patterns]):
        lines.append(f"PATTERN {number:02X}")
        for row, cell in enumerate(cells):
            lines.append(f"ROW {row:02X} : {padded(cell, columns)}" + " : ... .. . ..." * 4)
    return "\n".join([*lines, "# End of export", ""])


def padded(cell, columns):
    parts = cell.split() if cell else ["...", "..", "."]
    return " ".join(parts + ["..."] * (3 + columns - len(parts)))


def play(*args, voice=Voice.P1, **options):
    text = module(*args, **options)
    said = read_famitracker("a.txt", text, lambda sentence: pytest.fail(sentence))
    piece, left_out = play_track("a.txt", said, said.tracks[0])
    assert not left_out
    return piece.frames[:, voice].tolist()


def column(frames, which):
    return [frame[which] for frame in frames]


NOTE, VOLUME, TIMBRE = 0, 1, 2
REST = ""


def test_notes_are_at_their_pitches_until_they_are_cut():
    frames = play(["A-3 00 F", REST, "C-4 00 8", "--- .. ."])
    assert column(frames, NOTE) == [69] * 8 + [72] * 4 + [0] * 4
    assert column(frames, VOLUME) == [15] * 8 + [8] * 4 + [0] * 4


def test_a_note_without_an_instrument_is_silent_until_one_was_said():
    assert column(play(["A-3 .. F", "A-3 00 ."]), NOTE) == [0] * 4 + [69] * 4


@pytest.mark.parametrize(
    ("rows", "notes"),
    [
        (["C-3 00 F 047", REST], [60, 64, 67, 60, 64, 67, 60, 64]),
        (["C-3 00 F 040"], [60, 64, 60, 64]),
        (["C-3 00 F 037", "... .. . 000"], [60, 63, 67, 60, 60, 60, 60, 60]),
        (["C-3 00 F T05", REST], [65, 65, 65, 65, 65, 65, 65, 65]),
        (["C-3 00 F T24", REST], [60, 60, 64, 64, 64, 64, 64, 64]),
        (["C-3 00 F TA4", REST], [60, 60, 56, 56, 56, 56, 56, 56]),
        (["C-3 00 F S02", REST], [60, 60, 0, 0, 0, 0, 0, 0]),
        (["C-3 00 F", "E-3 00 . G02"], [60, 60, 60, 60, 60, 60, 64, 64]),
        (["C-3 00 F", "E-3 00 . G07", "... .. ."], [60] * 8 + [64] * 4),
        (["C-3 00 F K02"], [72, 72, 72, 72]),
        (["C-3 00 F", "D-3 00 .", "^-1 00 ."], [60] * 4 + [62] * 4 + [60] * 4),
    ],
)
def test_effects_of_pitch(rows, notes):
    assert column(play(rows), NOTE) == notes


def nearest(periods):
    """Return the MIDI notes nearest to timer periods of a pulse, by https://www.nesdev.org/wiki/APU_Pulse."""
    return [round(69 + 12 * math.log2(1_789_773 / 16 / (period + 1) / 440)) for period in periods]


C3, D3, E3, BB2, C4 = 427, 380, 338, 479, 213  # timer periods of MIDI notes 60, 62, 64, 58 and 72


@pytest.mark.parametrize(
    ("rows", "periods"),
    [
        (["C-4 00 F 208", REST, REST], [C4 + 8 * tick for tick in range(1, 13)]),
        (["C-3 00 F 108", REST, REST], [C3 - 8 * tick for tick in range(1, 13)]),
        (["C-3 00 F Q12", *[REST] * 5], [max(C3 - 3 * tick, D3) for tick in range(1, 25)]),
        (["C-3 00 F RF2", REST], [min(C3 + 31 * tick, BB2) for tick in range(1, 9)]),
        (["C-3 00 F", "E-3 00 . 310", REST], [C3] * 4 + [max(C3 - 16 * tick, E3) for tick in range(1, 9)]),
        (["C-3 00 F P90", REST], [C3 - 16] * 8),
    ],
)
def test_slides_count_in_periods_of_the_timer(rows, periods):
    assert column(play(rows), NOTE) == nearest(periods)


def test_a_linear_pitch_slides_by_parts_of_a_semitone():
    frames = play(["C-3 00 F 110", REST], head="LINEARPITCH 1")
    assert column(frames, NOTE)[1::2] == [61, 62, 63, 64]


def test_a_vibrato_swings_over_and_over():
    swung = column(play(["C-5 00 F 48F", REST, REST, REST]), NOTE)
    assert min(swung) < 84 < max(swung)
    assert swung[:8] == swung[8:]


@pytest.mark.parametrize(
    ("rows", "volumes"),
    [
        (["C-3 00 F A08", REST], [14, 13, 12, 11, 10, 9, 8, 7]),
        (["C-3 00 4 A80", REST], [5, 6, 7, 8, 9, 10, 11, 12]),
        (["C-3 00 4 A80", "... .. . A00", "C-3 00 ."], [5, 6, 7, 8, 8, 8, 8, 8, 8, 8, 8, 8]),
        (["C-3 00 F M28"], [15, 15, 8, 8]),
        (["C-3 00 A N84"], [9, 8, 7, 6]),
        (["C-3 00 6 N84", REST], [5, 4, 4, 4, 4, 4, 4, 4]),
        (["C-3 00 F", "... .. 3"], [15] * 4 + [3] * 4),
    ],
)
def test_effects_of_volume(rows, volumes):
    assert column(play(rows), VOLUME) == volumes


def test_a_tremolo_dips_the_volume():
    volumes = column(play(["C-3 00 F 74A", *[REST] * 7]), VOLUME)
    assert max(volumes) == 15
    assert min(volumes) < 8


def test_the_duty_is_kept_for_the_next_notes():
    assert column(play(["C-3 00 F V02", "C-3 00 .", "--- .. .", "C-3 00 . V01"]), TIMBRE) == [2] * 12 + [1] * 4


SEQUENCES = """
MACRO 0 0 1 2 0 : 15 10 9 4 2 0
MACRO 0 1 -1 -1 0 : 12 6
MACRO 1 0 -1 -1 0 : 0 12 0
MACRO 1 1 -1 -1 1 : 40 41
MACRO 1 2 -1 -1 2 : 1 2
MACRO 2 0 0 -1 0 : 8
MACRO 4 0 1 -1 0 : 3 0 1
INST2A03 1 0 -1 -1 -1 -1 "loop and release"
INST2A03 2 1 0 -1 -1 0 "arpeggio"
INST2A03 3 -1 1 -1 -1 -1 "fixed"
INST2A03 4 -1 2 -1 -1 -1 "relative"
INST2A03 5 -1 -1 0 -1 -1 "falling"
"""


@pytest.mark.parametrize(
    ("rows", "which", "values"),
    [
        (["C-3 01 F", REST, "=== .. .", REST], VOLUME, [15, 10, 9, 10, 9, 10, 9, 10, 9, 4, 2, 0, 0, 0, 0, 0]),
        (["C-3 01 F L02", REST], VOLUME, [15, 10, 9, 4, 2, 0, 0, 0]),
        (["C-3 02 A", REST], VOLUME, [8, 4, 4, 4, 4, 4, 4, 4]),
        (["C-3 02 F", REST], NOTE, [60, 72, 60, 60, 60, 60, 60, 60]),
        (["C-3 02 F", REST], TIMBRE, [3, 0, 1, 0, 1, 0, 1, 0]),
        (["C-3 03 F"], NOTE, [64, 65, 60, 60]),
        (["C-3 04 F"], NOTE, [61, 63, 63, 63]),
        (["C-3 02 F", "C-3 && ."], VOLUME, [12, 6, 6, 6, 6, 6, 6, 6]),
    ],
)
def test_sequences_run_a_value_a_tick(rows, which, values):
    frames = play(rows, head=SEQUENCES)
    assert column(frames, which) == values


def test_a_pitch_sequence_bends_further_at_every_tick():
    notes = column(play(["C-4 05 F", REST, REST], head=SEQUENCES), NOTE)
    assert notes == sorted(notes, reverse=True)
    assert notes[-1] < notes[0] - 4


@pytest.mark.parametrize(
    ("options", "lengths"),
    [
        ({"speed": 3}, [3, 3, 3]),
        ({"speed": 3, "tempo": 60}, [3, 3, 3]),
        ({"speed": 3, "tempo": 40}, [5, 4, 5]),
        ({"speed": 0, "head": "GROOVE 0 2 : 5 2\nUSEGROOVE : 1"}, [5, 2, 5]),
    ],
)
def test_rows_last_as_speed_tempo_and_grooves_say(options, lengths):
    text = module(["C-3 00 F", "D-3 00 F", "E-3 00 F"], **options)
    said = read_famitracker("a", text, pytest.fail)
    frames = play_track("a", said, said.tracks[0])[0].frames[:, 0, 0].tolist()
    assert [frames.count(note) for note in (60, 62, 64)] == lengths


@pytest.mark.parametrize(
    ("rows", "options", "notes"),
    [
        (["C-3 00 F F02", "D-3 00 ."], {}, [60, 60, 62, 62]),
        (["C-3 00 F O00", "D-3 00 .", "E-3 00 ."], {"head": "GROOVE 0 2 : 1 2"}, [60, 62, 62, 64]),
        (["C-3 00 F", "D-3 00 . C00", "E-3 00 ."], {}, [60] * 4),
        (["C-3 00 F D01", "D-3 00 ."], {"orders": ("00 00 00 00 00",) * 2}, [60] * 4 + [62] * 4),
        (["C-3 00 F B02", "D-3 00 ."], {"orders": ("00 00 00 00 00",) * 3}, [60] * 8),
        (["C-3 00 F B00", "D-3 00 ."], {}, [60] * 4),
    ],
)
def test_effects_that_steer_the_song(rows, options, notes):
    assert column(play(rows, **options), NOTE) == notes


def test_the_other_voices_have_their_own_pitches():
    silent = "... .. . ..."
    cells = ["A-3 00 F ... ...", "A-3 00 F ...", "A-3 00 F ...", "5-# 00 F V01", silent]
    text = module([REST]).replace(f"ROW 00 : {silent} ..." + f" : {silent}" * 4, "ROW 00 : " + " : ".join(cells))
    said = read_famitracker("a", text, pytest.fail)
    frames = play_track("a", said, said.tracks[0])[0].frames
    assert frames[0].tolist() == [[69, 15, 0], [69, 15, 0], [57, 0, 0], [6, 15, 1]]


def test_other_chips_and_samples_are_named():
    head = 'EXPANSION 1\nMACROVRC6 0 0 -1 -1 0 : 15\nDPCMDEF 0 16 "kick"\nDPCM : 00 FF'
    said = read_famitracker("a", module(["C-3 00 F H12"], head=head), pytest.fail)
    assert said.left_out == ("VRC6", "DPCM samples")
    assert play_track("a", said, said.tracks[0])[1] == {"the chip's sweep (H, I)"}


@pytest.mark.parametrize(
    "options", [{"speed": 255, "tempo": 1}, {"speed": 255, "n_rows": 256, "orders": ("00 00 00 00 00",) * 256}]
)
def test_a_song_that_does_not_end_is_refused(options):
    said = read_famitracker("a.txt", module(["C-3 00 F"], **options), pytest.fail)
    with pytest.raises(FormatError, match=r"a\.txt does not end within 60 minutes"):
        play_track("a.txt", said, said.tracks[0])
