"""MIDI files that most programs open and the standard does not know: what is whole is read, and one warning says so."""

import random
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from livegen.errors import FormatError
from livegen.formats.files import refuse
from livegen.formats.midi.band import read_midi_band
from livegen.formats.midi.file import midi_timeline, read_midi_piece, read_midi_score, write_midi_score
from livegen.formats.midi.smf import NOTE_OFF, NOTE_ON, read_song
from livegen.score import Column, Voice

TICKS = 96
END = b"\xff\x2f\x00"
Track = list[tuple[int, bytes]]
"""Delta times and events."""


def number(value: int, n_bytes: int = 1) -> bytes:
    """Return a number of variable length, of so many bytes at least."""
    low = [value & 0x7F]
    while value > 0x7F or len(low) < n_bytes:
        value >>= 7
        low.append(value & 0x7F | 0x80)
    return bytes(reversed(low))


def packed(track: Track) -> bytes:
    return b"".join(number(delta) + event for delta, event in track)


def chunk(body: bytes, name: bytes = b"MTrk", length: int | None = None) -> bytes:
    return name + struct.pack(">I", len(body) if length is None else length) + body


def header(n_tracks: int, kind: int = 1, division: int = TICKS, length: int = 6) -> bytes:
    return b"MThd" + struct.pack(">IHHh", length, kind, n_tracks, division)


def midi(tracks: list[Track]) -> bytes:
    return header(len(tracks)) + b"".join(chunk(packed(track)) for track in tracks)


def song(seed: int) -> list[Track]:
    """Return tracks of notes one after another, with controls, programs, names, words and tempos."""
    rng = random.Random(seed)
    tracks: list[Track] = [
        [(0, b"\xff\x03\x05music"), (0, b"\xff\x51\x03\x07\xa1\x20"), (400, b"\xff\x51\x03\x06\x00\x00")]
    ]
    for channel in (0, 1, 2, 9):
        track: Track = [(0, b"\xff\x03\x02t" + bytes([48 + channel])), (0, bytes([0xC0 | channel, 7]))]
        for _ in range(rng.randrange(15, 40)):
            key = rng.randrange(40, 90)
            track.append((rng.choice([0, 24, 130, 300]), bytes([NOTE_ON | channel, key, rng.randrange(1, 128)])))
            track.append((rng.randrange(10), bytes([0xB0 | channel, 11, rng.randrange(128)])))
            if rng.random() < 0.1:
                track.append((3, b"\xff\x05\x04la l"))
            track.append((rng.randrange(20, 200), bytes([NOTE_OFF | channel, key, 0])))
        tracks.append(track)
    return [[*track, (0, END)] for track in tracks]


Sounding = tuple[int, float, bytes]


def notes(path: Path, warn: Callable[[str], None] = lambda _: None) -> list[Sounding]:
    """Return track, seconds and bytes of every note that begins."""
    found = read_song(path, warn)
    return [
        (track, round(at, 6), message)
        for (_, track, message), at in zip(found.events, found.seconds.tolist(), strict=True)
        if message[0] & 0xF0 == NOTE_ON
    ]


def with_event(tracks: list[Track], rng: random.Random, event: bytes, delta: int = 0) -> bytes:
    """Return a file with one more event anywhere."""
    track = rng.choice(tracks)
    track.insert(rng.randrange(len(track)), (delta, event))
    return midi(tracks)


def riff(tracks: list[Track], rng: random.Random) -> bytes:
    data = midi(tracks)
    data += bytes(len(data) % 2)
    info = b"LIST" + struct.pack("<I", 4) + b"INFO"
    chunks = [info, b"data" + struct.pack("<I", len(data)) + data]
    rng.shuffle(chunks)
    body = b"RMID" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def macbinary(tracks: list[Track], _: random.Random) -> bytes:
    data = midi(tracks)
    head = bytearray(128)
    head[1:10] = b"\x08song.mid"
    head[65:73] = b"Midittxt"
    head[83:87] = struct.pack(">I", len(data))
    return bytes(head) + data + bytes(-len(data) % 128)


def system_messages(tracks: list[Track], rng: random.Random) -> bytes:
    n_data = {0xF1: 1, 0xF2: 2, 0xF3: 1}
    for status in [0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, *range(0xF8, 0xFF)]:
        data = with_event(tracks, rng, bytes([status, *(rng.randrange(128) for _ in range(n_data.get(status, 0)))]))
    return data


def a_header(**fields: int) -> Callable[[list[Track], random.Random], bytes]:
    def damaged(tracks: list[Track], _: random.Random) -> bytes:
        return header(**{"n_tracks": len(tracks), **fields}) + b"".join(chunk(packed(track)) for track in tracks)

    return damaged


def a_length(wrong: Callable[[int, random.Random], int]) -> Callable[[list[Track], random.Random], bytes]:
    """Return a file with a wrong length of a track."""

    def damaged(tracks: list[Track], rng: random.Random) -> bytes:
        which = rng.randrange(len(tracks))
        data = header(len(tracks))
        for index, track in enumerate(tracks):
            body = packed(track)
            data += chunk(body, length=wrong(len(body), rng) if index == which else None)
        return data

    return damaged


def between(junk: Callable[[random.Random], bytes]) -> Callable[[list[Track], random.Random], bytes]:
    def damaged(tracks: list[Track], rng: random.Random) -> bytes:
        chunks = [chunk(packed(track)) for track in tracks]
        chunks.insert(rng.randrange(len(chunks) + 1), junk(rng))
        return header(len(tracks)) + b"".join(chunks)

    return damaged


def some_bytes(rng: random.Random) -> bytes:
    return rng.choice([rng.randbytes, bytes])(rng.randrange(1, 50))


def long_numbers(tracks: list[Track], rng: random.Random) -> bytes:
    data = header(len(tracks))
    for track in tracks:
        body = b"".join(number(delta, 5 if rng.random() < 0.1 else 1) + event for delta, event in track[:-1])
        data += chunk(body + number(0, rng.choice([5, 7])) + END)
    return data


def a_long_text(tracks: list[Track], rng: random.Random) -> bytes:
    return with_event(tracks, rng, b"\xff\x01" + number(3, 5) + b"abc")


def without_end(tracks: list[Track], rng: random.Random) -> bytes:
    for track in rng.sample(tracks, rng.randrange(1, len(tracks) + 1)):
        track.pop()
    return midi(tracks)


def an_early_end(tracks: list[Track], rng: random.Random) -> bytes:
    track = rng.choice(tracks[1:])
    track.insert(rng.randrange(len(track) - 1), (0, END))
    return midi(tracks)


def far_control(tracks: list[Track], rng: random.Random) -> bytes:
    hours = rng.choice([2, 7, 30, 5000])
    rng.choice(tracks[1:]).insert(-1, (hours * 3600 * 2 * TICKS, b"\xb0\x07\x40"))
    return midi(tracks)


def far_release(tracks: list[Track], rng: random.Random) -> bytes:
    track = rng.choice(tracks[1:])
    delta, event = track[-2]
    track[-2] = (delta + rng.choice([2, 30]) * 3600 * 2 * TICKS, event)
    return midi(tracks)


KINDS = {
    "in a RIFF file": riff,
    "behind a MacBinary header": macbinary,
    "behind other bytes": lambda tracks, rng: some_bytes(rng) + midi(tracks),
    "system and real-time messages": system_messages,
    "a reset": lambda tracks, rng: with_event(tracks, rng, b"\xff"),
    "a sysex without its length": lambda tracks, rng: with_event(tracks, rng, b"\xf0\x7e\x7f\x09\x01\xf7"),
    "a tempo of 0": lambda tracks, rng: with_event(tracks, rng, b"\xff\x51\x03\x00\x00\x00"),
    "a tempo without its bytes": lambda tracks, rng: with_event(tracks, rng, b"\xff\x51\x01\x07"),
    "format 2": a_header(kind=2),
    "format 3": a_header(kind=3),
    "format 29697": a_header(kind=29697),
    "fewer tracks than it says": a_header(n_tracks=9),
    "far fewer": a_header(n_tracks=65535),
    "more tracks than it says": a_header(n_tracks=2),
    "more tracks than none": a_header(n_tracks=0),
    "a header of 0 bytes": a_header(length=0),
    "a header of 5": a_header(length=5),
    "a header of 10": a_header(length=10),
    "a header of billions": a_header(length=0xFFFF_FFFF),
    "a track length of 0": a_length(lambda length, rng: 0),
    "one too short": a_length(lambda length, rng: rng.randrange(length)),
    "one short by some bytes": a_length(lambda length, rng: length - rng.randrange(1, 9)),
    "one too long": a_length(lambda length, rng: length + rng.randrange(1, 300)),
    "one far too long": a_length(lambda length, rng: 0x7FFF_FFFF),
    "one of billions": a_length(lambda length, rng: 0xFFFF_FFFF),
    "chunks of unknown type": between(lambda rng: chunk(rng.randbytes(rng.randrange(50)), name=b"XFIH")),
    "one of a wrong length": between(lambda rng: chunk(b"junk", name=b"XFIH", length=10_000_000)),
    "junk between tracks": between(some_bytes),
    "numbers of five bytes and more": long_numbers,
    "a length of five bytes": a_long_text,
    "no end of track": without_end,
    "an end in the middle": an_early_end,
    "a control hours after the rest": far_control,
    "a release hours after the rest": far_release,
}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_of_what_is_whole_and_one_warning_says_what_was_not(
    tmp_path: Path, kind: str, seed: int
) -> None:
    path = tmp_path / "a.mid"
    path.write_bytes(midi(song(seed)))
    whole, frames = notes(path, refuse), read_midi_score(path)
    damaged = KINDS[kind](song(seed), random.Random(seed))
    path.write_bytes(damaged)
    said: list[str] = []
    assert notes(path, said.append) == whole
    assert read_midi_score(path).shape[0] <= len(frames) + 60
    assert len(said) == 1
    assert said[0].startswith("a.mid ")
    assert "\n" not in said[0]
    assert any(f"{place} at byte " in said[0] for place in ("header", *(f"track {number}" for number in range(1, 7))))
    for read in (read_midi_score, read_midi_piece, read_midi_band, midi_timeline):
        warned: list[str] = []
        read(path, warned.append)
        assert warned == said
        with pytest.raises(FormatError, match="--strict"):
            read(path, refuse)


@pytest.mark.parametrize("seed", range(20))
def test_a_data_byte_over_127_is_127(tmp_path: Path, seed: int) -> None:
    rng, path = random.Random(seed), tmp_path / "a.mid"
    tracks = song(seed)
    path.write_bytes(midi(tracks))
    whole = read_song(path)
    for _ in range(rng.choice([1, 3, 9])):
        index = rng.randrange(1, len(tracks))
        place = rng.choice([n for n, (_, event) in enumerate(tracks[index]) if event[0] < 0xF0])
        delta, event = tracks[index][place]
        byte = rng.randrange(1, len(event))
        tracks[index][place] = delta, event[:byte] + bytes([rng.randrange(128, 256)]) + event[byte + 1 :]
    path.write_bytes(midi(tracks))
    said: list[str] = []
    found = read_song(path, said.append)
    assert len(said) == 1
    assert "over 127" in said[0]
    now = {(track, tick): set() for tick, track, _ in found.events}
    for tick, track, message in found.events:
        now[track, tick].add(message)
    for tick, track, message in whole.events:
        could_be = [[byte, 127] for byte in message[1:]]
        assert any(
            all(byte in bytes_ for byte, bytes_ in zip(after[1:], could_be, strict=False)) for after in now[track, tick]
        )
    assert len(found.events) <= len(whole.events) + 9  # a key whose release is damaged is let up at the end


@pytest.mark.parametrize("seed", range(20))
def test_a_file_that_is_cut_off_is_read_up_to_the_cut_and_no_note_hangs(tmp_path: Path, seed: int) -> None:
    rng, path = random.Random(seed), tmp_path / "a.mid"
    tracks = song(seed)
    data = midi(tracks)
    cut = rng.randrange(len(data) // 3, len(data) - 1)
    path.write_bytes(data)
    whole = notes(path)
    expected, at = [], 14
    for index, track in enumerate(tracks):
        at += 8
        for delta, event in track:
            at += len(number(delta)) + len(event)
            if event[0] & 0xF0 == NOTE_ON and at <= cut:
                expected.append((index, event))
    path.write_bytes(data[:cut])
    said: list[str] = []
    found = notes(path, said.append)
    assert sorted((track, message) for track, _, message in found) == sorted(expected)
    assert set(found) <= set(whole)
    assert len(said) == 1
    assert f"at byte {cut}" in said[0] or f"tracks, where {len(tracks)} should be" in said[0]
    held = set()
    for _, track, message in read_song(path).events:
        if message[0] & 0xF0 in (NOTE_ON, NOTE_OFF):
            key = track, message[0] & 0x0F, message[1]
            (held.add if message[0] & 0xF0 == NOTE_ON else held.discard)(key)
    assert not held


def test_where_bytes_are_no_events_reading_goes_on_behind_them(tmp_path: Path) -> None:
    first = [(0, bytes([NOTE_ON, key, 90])) for key in range(60, 64)]
    second = [(10, bytes([NOTE_ON, key, 90])) for key in range(70, 75)]
    for junk in (b"\xff" * 30, b"\x00\xff\x7f\xff\xff\xff\x7f", b"\xf4" * 9, b"\x80" * 40):
        body = packed(first) + junk + packed(second) + b"\x00" + END
        path = tmp_path / "a.mid"
        path.write_bytes(header(1) + chunk(body))
        keys = [message[1] for _, _, message in read_song(path).events if message[0] == NOTE_ON]
        assert keys[:4] == [60, 61, 62, 63]
        assert keys[-4:] == [71, 72, 73, 74]


@pytest.mark.parametrize("kind", ["a header of 0 bytes", "no end of track", "one far too long", "a tempo of 0"])
def test_several_kinds_at_once_are_one_warning(tmp_path: Path, kind: str) -> None:
    tracks = song(1)
    path = tmp_path / "a.mid"
    path.write_bytes(midi(song(1)))
    whole = notes(path)
    with_event(tracks, random.Random(2), b"\xf8")
    damaged = bytes(7) + KINDS[kind](tracks, random.Random(3))
    path.write_bytes(damaged)
    said: list[str] = []
    assert notes(path, said.append) == whole
    assert len(said) == 1
    assert said[0].count(" at byte ") == 3


def test_a_file_without_a_header_is_read_from_its_first_track(tmp_path: Path) -> None:
    path = tmp_path / "a.mid"
    path.write_bytes(midi(song(4)))
    whole = notes(path)
    path.write_bytes(midi(song(4))[14:])
    assert [(track, message) for track, _, message in notes(path)] == [(track, message) for track, _, message in whole]
    with pytest.raises(FormatError, match="no header"):
        read_song(path, refuse)


@pytest.mark.parametrize("division", [0, -0x1900])
def test_where_no_ticks_are_counted_some_are_guessed(tmp_path: Path, division: int) -> None:
    path = tmp_path / "a.mid"
    path.write_bytes(a_header(division=division)(song(5), random.Random()))
    said: list[str] = []
    read_song(path, said.append)
    assert "the header at byte 12: 0 ticks a beat" in said[0]


def test_a_pause_of_hours_that_music_follows_is_kept(tmp_path: Path) -> None:
    tracks = song(2)
    for track in tracks[1:]:
        track[3] = track[3][0] + 2 * 3600 * 2 * TICKS, track[3][1]
    path = tmp_path / "a.mid"
    path.write_bytes(midi(tracks))
    assert read_song(path, refuse).seconds[-1] > 3600


def test_what_lies_beyond_the_longest_score_is_left_out_and_said(tmp_path: Path) -> None:
    tracks = song(2)
    tracks[1].insert(-1, (11 * 3600 * 2 * TICKS, bytes([NOTE_ON, 60, 90])))
    for _ in range(40):
        tracks[1].insert(-1, (1700 * 2 * TICKS, bytes([NOTE_ON, 60, 90])))
    path = tmp_path / "a.mid"
    path.write_bytes(midi(tracks))
    said: list[str] = []
    found = read_song(path, said.append)
    assert found.seconds[-1] < 11.6 * 3600
    assert len(said) == 1


@pytest.mark.parametrize("byte", [2, 1])
def test_nesmdb_s_layout_survives_damage(tmp_path: Path, byte: int) -> None:
    """A velocity of 127 is none of that layout's, and still its other notes are read exactly."""
    frames = np.zeros((80, 4, 3), np.uint8)
    for voice in (Voice.P1, Voice.P2, Voice.NO):
        frames[:, voice, Column.NOTE] = np.repeat([5, 9, 12, 7] if voice is Voice.NO else [60, 64, 67, 72], 20)
        frames[:, voice, Column.VOLUME] = 9
    path = tmp_path / "a.mid"
    write_midi_score(path, frames)
    data = bytearray(path.read_bytes())
    at = data.index(bytes([0x91, 64, 9]))
    data[at + byte] = 200
    path.write_bytes(data)
    said: list[str] = []
    found = read_midi_score(path, said.append)
    assert len(said) == 1
    assert np.array_equal(found[:, [Voice.P1, Voice.TR, Voice.NO]], frames[:, [Voice.P1, Voice.TR, Voice.NO]])
    assert np.array_equal(found[:20], frames[:20])
    assert np.array_equal(found[40:], frames[40:])


def test_a_large_file_takes_little_memory(tmp_path: Path) -> None:
    rng = random.Random(6)
    body = b"".join(
        number(rng.randrange(20)) + bytes([NOTE_ON, key, 90]) + number(rng.randrange(9)) + bytes([NOTE_OFF, key, 0])
        for key in rng.choices(range(40, 90), k=100_000)
    )
    path = tmp_path / "a.mid"
    path.write_bytes(header(2) + 2 * chunk(body + b"\x00" + END))
    read_song(path)
    tracemalloc.start()
    found = read_song(path, refuse)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.events) == 400_000
    assert peak < 60 * len(found.events)


@pytest.mark.parametrize(
    "event",
    [
        b"\x00\x90\xff\xff",  # too large
        b"\x00\xf4",
        b"\x00\xff\x01\x7f",
        b"\x00\x90\x80",
        b"\xff" * 7,
        b"\x00\xf0\x01",
        b"\x00\xff\x51\x03\x00\x00\x00",
        b"\x80\x80\x80\x80\x00\x90\x3c\x40",
        b"MTrk\x00\x00\x00\x03\x00\x90\x3c",
        b"XFIH\x00\x00\x00\x00",
    ],
)
def test_a_file_of_nothing_but_damage_is_read_or_refused(tmp_path: Path, event: bytes) -> None:
    path = tmp_path / "a.mid"
    path.write_bytes(header(1) + chunk(event * (60_000 // len(event)) + b"\x00\x90\x3c\x40"))
    said: list[str] = []
    try:
        read_song(path, said.append)
    except FormatError as error:
        said.append(str(error))
    assert len(said) == 1
    assert len(said[0]) < 500
