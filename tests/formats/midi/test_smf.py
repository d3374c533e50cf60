"""MIDI files that are damaged, hostile or absurd: one clear error, soon, and in little memory."""

import contextlib
import random
import struct

import mido
import numpy as np
import pytest
from format_samples import song

from livegen.errors import FormatError
from livegen.formats.midi import clock as midi_clock
from livegen.formats.midi.band import read_midi_band
from livegen.formats.midi.daw import write_daw_midi
from livegen.formats.midi.file import midi_timeline, read_midi_piece, read_midi_score, write_midi_score
from livegen.formats.midi.smf import MAX_EVENTS, read_song
from livegen.formats.score.piece import Piece

NOTE = b"\x00\x90\x3c\x40\x40\x80\x3c\x00"
END = b"\x00\xff\x2f\x00"


def midi(*tracks, kind=1, division=480, n_tracks=None):
    count = len(tracks) if n_tracks is None else n_tracks
    chunks = b"".join(b"MTrk" + struct.pack(">I", len(track)) + track for track in tracks)
    return b"MThd" + struct.pack(">IHHh", 6, kind, count, division) + chunks


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a MIDI file"),
        (b"RIFF" + bytes(40), "not a MIDI file"),
        (midi(NOTE + END)[:10], "not a MIDI file"),
        (midi(NOTE + END, n_tracks=65535)[:23], "not one note"),
        (midi(b"\xff" * 1000), "no event, passed over.*not one note"),
        (midi(b"\x00"), "breaks off.*not one note"),
        (midi(b"\x00\x3c\x40"), "no event, passed over.*not one note"),
        (midi(b"\x00\xf4\x40"), "a system message, passed over.*not one note"),
        (midi(b"\x00\x90\x3c"), "breaks off.*not one note"),
        (midi(b"\x00\xc0"), "breaks off.*not one note"),
        (midi(b"\x00\xff"), "breaks off.*not one note"),
        (midi(b"\x00\xff\x51\x03\x00\x00\x00"), "tempo of 0.*not one note"),
        (midi(b"\x00\x90\x3c\x00", kind=2), "no notes"),
        (midi(b"\xff\xff\xff\x7f\x90\x3c\x40" + END, division=1), "hours"),
        (midi(END), "no notes"),
        (midi(), "no notes"),
    ],
)
def test_a_bad_file_is_told_from_a_good_one_in_one_sentence(tmp_path, data, says):
    path = tmp_path / "bad.mid"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=says) as caught:
        read_midi_score(path)
    assert str(caught.value).startswith("bad.mid")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("event", [b"\x00\x90\x3c\x40", b"\x01\xff\x51\x03\x01\x00\x00", b"\x00\x3c\x40"])
def test_endless_events_are_refused(tmp_path, event):
    (tmp_path / "a.mid").write_bytes(midi(b"\x00\x90\x3c\x40" + event * MAX_EVENTS + END))
    with pytest.raises(FormatError, match="more than 2,000,000 events"):
        read_midi_score(tmp_path / "a.mid")


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "a.mid").open("wb") as file:
        file.truncate(2**33)
    with pytest.raises(FormatError, match="at most 16 MiB"):
        read_midi_score(tmp_path / "a.mid")


@pytest.mark.parametrize("name", ["none.mid", "."])
def test_what_is_no_file_is_refused(tmp_path, name):
    with pytest.raises(FormatError, match="is not a file"):
        read_midi_score(tmp_path / name)


def test_running_status_survives_meta_events_and_sysex(tmp_path):
    (tmp_path / "a.mid").write_bytes(
        midi(b"\x00\x90\x3c\x40\x0a\xff\x01\x01x\x0a\xf0\x02\x01\xf7\x0a\x3c\x00\x00\xc5\x07" + END)
    )
    assert [(tick, data) for tick, _, data in read_song(tmp_path / "a.mid").events] == [
        (0, b"\x90\x3c\x40"),
        (30, b"\x80\x3c\x00"),
        (30, b"\xc5\x07"),
    ]


def test_chunks_of_other_kinds_and_what_follows_the_tracks_are_stepped_over(tmp_path):
    data = midi(NOTE + END)
    alien = b"XFIH" + struct.pack(">I", 5) + b"hello"
    (tmp_path / "a.mid").write_bytes(data[:14] + alien + data[14:] + b"garbage at the end")
    assert len(read_song(tmp_path / "a.mid").events) == 2


@pytest.mark.parametrize(
    ("frame_rate", "ticks_per_frame", "ticks_per_second"), [(25, 40, 1000), (29, 100, 3_000_000 / 1001), (30, 80, 2400)]
)
def test_smpte_time_ignores_the_tempo(tmp_path, frame_rate, ticks_per_frame, ticks_per_second):
    division = (-frame_rate << 8) | ticks_per_frame
    (tmp_path / "a.mid").write_bytes(midi(b"\x00\xff\x51\x03\x01\x00\x00" + NOTE + END, division=division))
    assert read_song(tmp_path / "a.mid").seconds[1] == pytest.approx(64 / ticks_per_second)


def test_damaged_files_are_read_or_refused_and_nothing_else(tmp_path):
    random_bytes = random.Random(5)
    path = tmp_path / "a.mid"
    write_midi_score(path, song())
    ordinary = mido.MidiFile(ticks_per_beat=96)
    ordinary.tracks.append(mido.MidiTrack(mido.Message("note_on", note=key, time=9) for key in range(128)))
    ordinary.save(tmp_path / "b.mid")
    originals = [path.read_bytes(), (tmp_path / "b.mid").read_bytes()]
    refused = 0
    for _ in range(400):
        data = bytearray(random_bytes.choice(originals))
        for _ in range(random_bytes.choice([1, 2, 8])):
            at = random_bytes.randrange(len(data))
            data[at] = random_bytes.randrange(256)
        del data[random_bytes.choice([len(data), random_bytes.randrange(len(data))]) :]
        path.write_bytes(data)
        for read in (read_midi_score, midi_timeline):
            try:
                read(path)
            except FormatError:
                refused += 1
    assert 0 < refused < 800


STRIKE = b"\x00\x90\x3c\x40"
HOSTILE = {
    "a track for each of 20,000 notes": lambda: midi(
        *[bytes((0x80 | i & 7, i & 0x7F)) + STRIKE[1:] for i in range(20_000)]
    ),
    "one key struck 100,000 times": lambda: midi(b"\x01\x90\x3c\x40" * 100_000),
    "100,000 tempos": lambda: midi(b"\x01\xff\x51\x03\x01\x02\x03" * 100_000 + STRIKE),
    "a million tempos": lambda: midi(b"\x01\xff\x51\x03\x01\x02\x03" * 1_000_000 + STRIKE),
    "100,000 markers": lambda: midi(b"\x00\xff\x06\x04abcd" * 100_000 + STRIKE),
    "the end of a song 100,000 times": lambda: midi(b"\x00\xff\x58\x02\x01\x00" * 100_000 + STRIKE),
}
"""Files that take a reader minutes or hours that is quadratic in something."""


@pytest.mark.parametrize("reader", [read_midi_piece, read_midi_band, midi_timeline])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_made_to_be_slow_is_read_or_refused(tmp_path, name, reader):
    path = tmp_path / "a.mid"
    path.write_bytes(HOSTILE[name]())
    with contextlib.suppress(FormatError):
        piece = reader(path)
        if isinstance(piece, Piece):
            assert len(piece.tempos) + len(piece.markers) <= 20_000


def test_a_score_with_more_notes_than_are_read_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(midi_clock, "MAX_EVENTS", 2_000)
    frames = np.zeros((1_000, 4, 3), np.uint8)
    frames[:, 0, 0] = np.where(np.arange(1_000) % 2, 60, 62)
    for write in (write_midi_score, lambda path, frames: write_daw_midi(path, Piece(frames))):
        with pytest.raises(FormatError, match="2,000 events"):
            write(tmp_path / "a.mid", frames)
    assert not list(tmp_path.iterdir())
