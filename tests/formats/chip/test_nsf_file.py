"""NSF files as they are read: what they say, what of it counts, and what is refused."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nsf_files import INIT, PLAY, chunk, nsf, nsfe, numbers, program

from livegen.errors import FormatError
from livegen.formats.chip.nsf_file import PICTURE_US, parse_nsf
from livegen.formats.chip.nsf_track import play_track
from livegen.units import CPU_CLOCK_HZ


def test_a_header_says_all_of_it() -> None:
    read = parse_nsf("a.nsf", nsf(songs=7, first=3, texts=(b"T\xc3\xa9a\0x", b"A\xe9", b"2001"), chips=0x21))
    assert (read.n_songs, read.first_song, read.init, read.play) == (7, 3, INIT, PLAY)
    assert (read.tags.title, read.tags.author, read.tags.date) == ("Téa", "Aé", "2001")
    assert read.chips == ("VRC6", "Sunsoft 5B")
    assert read.playlist == tuple(range(1, 8))
    assert read.bank(0)[:0x41] == program()
    assert read.bank(1) == bytes(0x1000)


@pytest.mark.parametrize("speed", [0, 16_666])
def test_what_means_once_a_picture_is_once_a_picture(speed: int) -> None:
    assert parse_nsf("a.nsf", nsf(speed=speed)).period_us == pytest.approx(1e6 / 60.0988, rel=1e-5)
    assert PICTURE_US["pal"] == pytest.approx(1e6 / 50.007, rel=1e-5)


@pytest.mark.parametrize(
    ("region", "expected"),
    [(0, ("ntsc", 5_000.0)), (1, ("pal", 6_000.0)), (2, ("ntsc", 5_000.0)), (3, ("ntsc", 5_000.0))],
)
def test_the_region_has_its_own_speed(region: int, expected: tuple[str, float]) -> None:
    read = parse_nsf("a.nsf", nsf(region=region, speed=5_000, pal_speed=6_000))
    assert (read.region, read.period_us) == expected


def test_a_program_lies_where_it_is_loaded() -> None:
    plain = parse_nsf("a.nsf", nsf(b"\x60\x61", load=0x9FFF, init=0x9FFF, play=0xA000))
    assert plain.banks == tuple(range(8))
    assert (plain.bank(1)[-1], plain.bank(2)[0]) == (0x60, 0x61)
    banked = parse_nsf("a.nsf", nsf(b"\x60\x61", load=0x8FFF, banks=bytes((1, 0, 9, 0, 0, 0, 0, 0))))
    assert banked.banks == (1, 0, 9, 0, 0, 0, 0, 0)
    assert (banked.bank(0)[-1], banked.bank(1)[0]) == (0x60, 0x61)


MORE = {
    b"auth": b"Game\0Writer\0(C) Me\0Ripper\0",
    b"time": numbers(90_000, -1, 1500),
    b"fade": numbers(0, 2500),
    b"tlbl": b"One\0\0Drei\0",
    b"taut": b"\0Another\0",
    b"plst": bytes((2, 0, 200)),
    b"text": b"anything",
    b"psfx": b"\1",
}


@pytest.mark.parametrize("kind", ["NSFe", "NSF2"])
def test_chunks_say_names_times_and_order(kind: str) -> None:
    behind = b"".join(chunk(name, body) for name, body in MORE.items()) + chunk(b"NEND") + b"trailing bytes"
    data = nsfe(songs=4, first=1, more=MORE) if kind == "NSFe" else nsf(songs=4, first=2, version=2, chunks=behind)
    read = parse_nsf("a", data)
    assert (read.n_songs, read.first_song, read.playlist) == (4, 2, (3, 1))
    assert (read.tags.title, read.tags.author, read.tags.date) == ("Game", "Writer", "(C) Me")
    assert [track.title for track in read.tracks] == ["One", "", "Drei", ""]
    assert [track.author for track in read.tracks] == ["", "Another", "", ""]
    assert [track.seconds for track in read.tracks] == [90.0, None, 1.5, None]
    assert [track.fade_seconds for track in read.tracks] == [0.0, 2.5, None, None]
    assert read.bank(0)[:0x41] == program()


def test_an_nsfe_has_banks_rates_and_a_region() -> None:
    more = {b"BANK": b"\0\1", b"RATE": struct.pack("<HH", 4_000, 8_000), b"regn": b"\2\1"}
    read = parse_nsf("a", nsfe(more=more))
    assert (read.banks, read.region, read.period_us) == ((0, 1, 0, 0, 0, 0, 0, 0), "pal", 8_000.0)


def test_damaged_names_of_an_nsf_2_are_left_out_with_a_warning_unless_they_count() -> None:
    chunks, told = chunk(b"time", b"", 4_294_967_295), list[str]()
    assert parse_nsf("a.nsf", nsf(version=2, chunks=chunks), told.append).tracks[0].seconds is None
    assert told == [
        "a.nsf has a chunk 'time' of 4,294,967,295 bytes at byte 193, where 0 are left: it is damaged, get another "
        "copy, and plays without its names and times"
    ]
    with pytest.raises(FormatError, match="at byte 193"):
        parse_nsf("a.nsf", nsf(version=2, chunks=chunks, flags=0x80))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "a.nsf is no NSF file, or it is damaged"),
        (b"NESM\x1a\1", "breaks off after 6 bytes"),
        (nsf(b""), "breaks off after 128 bytes"),
        (nsf(version=2, chunks=chunk(b"time", b"", 9))[:0x80] + b"", "breaks off"),
        (nsf(load=0x0070), r"is loaded at \$0070 by byte 8 of its header: \$8000 to \$FFFF is allowed"),
        (nsf(init=0x0040), r"has its INIT at \$0040 by byte 10 of its header"),
        (nsf(play=0x7FFF), r"has its PLAY at \$7FFF by byte 12 of its header"),
        (nsf(songs=0), "has 0 songs by byte 6"),
        (nsf(speed=999), "each 999 microseconds by byte 110: 1,000 or more"),
        (nsf(region=1, pal_speed=1), "each 1 microseconds by byte 120"),
        (nsf(version=2, flags=0x20), r"needs interrupts by its flags \$20"),
        (b"NSFE" + chunk(b"INFO", b"", 4_294_967_295), "'INFO' of 4,294,967,295 bytes at byte 4, where 0 are left"),
        (b"NSFE" + chunk(b"INFO", bytes(7)), "'INFO' of 7 bytes at byte 12: 8 are needed"),
        (b"NSFE" + chunk(b"INFO", bytes(8)), "ends at byte 20 without the chunk 'DATA'"),
        (b"NSFE", "ends at byte 4 without the chunk 'INFO'"),
        (nsfe(more={b"XTRA": b""}), "has a chunk 'XTRA' at byte 22, without which it must not be played"),
        (nsfe(more={b"NSF2": b"\x10"}), r"needs interrupts by its flags \$10"),
    ],
)
def test_what_cannot_be_played_is_refused_in_a_sentence(data: bytes, words: str) -> None:
    with pytest.raises(FormatError, match=words) as refused:
        parse_nsf("a.nsf", data)
    assert "\n" not in str(refused.value)


WHOLE = [nsf(songs=3, version=2, chunks=chunk(b"time", numbers(5000)) + chunk(b"NEND")), nsfe(songs=2, more=MORE)]


@settings(deadline=None)
@given(
    data=st.sampled_from(WHOLE),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 400),
)
def test_a_damaged_file_plays_or_is_refused_in_a_sentence(
    data: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    damaged = bytearray(data)
    for place, byte in changes:
        damaged[place % len(damaged)] = byte
    told: list[str] = []
    try:
        read = parse_nsf("a.nsf", bytes(damaged[: len(damaged) - cut % 64]), told.append)
        log = play_track(read, read.first_song, seconds=0.2, warn=told.append)
    except FormatError as error:
        told.append(str(error))
    else:
        assert (np.diff(log.cycle) >= 0).all()
        assert log.cpu_clock_hz == CPU_CLOCK_HZ[log.region]
    assert all(text.startswith(("a.nsf ", "song ")) and "\n" not in text for text in told)
