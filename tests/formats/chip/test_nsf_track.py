"""Songs of NSF files: what their programs write and when, where they end, and programs that go wrong."""

import numpy as np
import pytest
from format_samples import song as score
from hypothesis import given
from hypothesis import strategies as st
from nsf_files import COUNTING, RTS, busy, counting_to, lda_sta, log_of, nsf, nsfe, numbers, program

from livegen.cpu.memory import LOG_WRITES
from livegen.errors import FormatError
from livegen.formats.chip import nsf_machine
from livegen.formats.chip.nsf import TICK_US, nsf_bytes
from livegen.formats.chip.nsf_end import Repeat, find_repeat
from livegen.formats.chip.nsf_file import NsfFile, parse_nsf
from livegen.formats.chip.nsf_machine import NsfMachine
from livegen.formats.chip.nsf_stream import log_ticks
from livegen.formats.chip.nsf_track import DEFAULT_SECONDS, FADE_SECONDS, play_track
from livegen.formats.chip.register_log import VGM_RATE_HZ, RegisterLog, with_loop
from livegen.formats.score.registers import log_to_piece
from livegen.score import Column, Voice
from livegen.units import CPU_CLOCK_HZ

PICTURE_CYCLES = 29780.5


def file(init: bytes = RTS, play: bytes = RTS, **said: object) -> NsfFile:
    return parse_nsf("a.nsf", nsf(program(init, play), **said))  # type: ignore[arg-type]


def written(log: RegisterLog, address: int) -> list[int]:
    return log.value[log.address == address].tolist()


def seconds(log: RegisterLog) -> float:
    return log.length / VGM_RATE_HZ


@pytest.mark.parametrize("frames", [busy(300), score(96)])
def test_the_log_of_a_written_file_is_what_was_written(frames: np.ndarray) -> None:
    """To the letter, in order, and in its tick."""
    log = log_of(frames)
    expected, _ = log_ticks(log, TICK_US["ntsc"])
    machine = NsfMachine(parse_nsf("a.nsf", nsf_bytes(log)), 1)
    machine.play(len(expected) + 1)
    _, address, value = machine.log()
    for tick, writes in enumerate(expected):
        part = slice(machine.tick_writes[tick], machine.tick_writes[tick + 1])
        played = zip(address[part].tolist(), value[part].tolist(), strict=True)
        assert [(at - 0x4000, byte) for at, byte in played if at < 0x5FF8] == list(writes)


def test_a_score_comes_back_out_of_its_file() -> None:
    frames = np.repeat(busy(12), 8, axis=0)
    read = log_to_piece(play_track(parse_nsf("a.nsf", nsf_bytes(log_of(frames))), 1))
    sure = np.arange(len(frames)) % 8 == 4  # in the middle of a note, whatever its tick
    for voice in Voice:
        sounding = frames[sure][:, voice, Column.NOTE] > 32  # the chip has no pulse note 32
        played, written = read.frames[: len(frames)][sure][sounding, voice], frames[sure][sounding, voice]
        assert (played[:, Column.NOTE] == written[:, Column.NOTE]).all()


def test_play_is_called_once_a_picture_from_one_picture_on() -> None:
    log = play_track(file(play=COUNTING), 1, seconds=10)
    cycles = log.cycle[log.address == 0x4002][1:]  # a player itself writes the first
    due = (np.arange(len(cycles)) + 1) * PICTURE_CYCLES
    assert len(cycles) == 600
    assert written(log, 0x4002)[-3:] == [n % 256 for n in (598, 599, 600)]
    assert (np.abs(cycles - due - 12) <= 1.0).all()  # inc, lda and sta take 12 cycles


@pytest.mark.parametrize(
    ("speed", "region", "halves"),
    [(16_639, 0, 2 * 29_780), (8_333, 0, 2 * 14_914), (19_997, 1, 2 * 33_247), (0, 1, 66_495)],
)
def test_a_period_that_a_file_gives_is_whole_halves_of_a_cycle(speed: int, region: int, halves: int) -> None:
    log = play_track(file(play=COUNTING, speed=speed, pal_speed=speed, region=region), 1, seconds=5)
    calls = log.cycle[log.address == 0x4002][1:] - 12
    assert len(calls) == round(5 * 2 * log.cpu_clock_hz / halves) - 1
    assert calls.tolist() == [halves // 2 + call * halves // 2 for call in range(len(calls))]


def test_the_song_and_the_region_are_told_to_the_program() -> None:
    init = bytes.fromhex("8D0040 8E0440 60".replace(" ", ""))  # sta $4000, stx $4004
    log = play_track(file(init, songs=9, region=1), 7, seconds=1)
    assert (written(log, 0x4000)[-1], written(log, 0x4004)[-1]) == (6, 1)
    assert (log.region, log.cpu_clock_hz) == ("pal", CPU_CLOCK_HZ["pal"])


def test_a_call_that_takes_long_leaves_out_those_that_fall_into_it() -> None:
    wait = bytes.fromhex("E600 A500 8D0240 A228 A000 88 D0FD CA D0FA 60".replace(" ", ""))  # 40 times 1,279 cycles
    log = play_track(file(play=wait), 1, seconds=2)
    assert written(log, 0x4002) == list(range(60 + 1))  # every other picture


def test_banks_that_the_program_switches_are_where_the_dmc_looks() -> None:
    code = lda_sta((0x5FFC, 2), (0x4010, 0x0F), (0x4012, 0), (0x4013, 1), (0x4015, 0x1F))
    data = program(play=code).ljust(0x2000, b"\0") + b"\xaa" * 0x1000
    log = play_track(parse_nsf("a.nsf", nsf(data, banks=bytes((0, 1, 0, 0, 1, 0, 0, 0)))), 1, seconds=0.5)
    assert len(log.memory.first) == 0x8000
    (change,) = log.memory.changes  # the later calls change nothing
    assert (change.offset, change.data) == (0x4000, b"\xaa" * 0x1000)
    assert change.cycle < log.cycle[log.address == 0x4010][-1]
    assert not play_track(file(play=COUNTING), 1, seconds=0.5).memory


def test_chips_beside_the_console_s_are_named() -> None:
    log = play_track(file(lda_sta((0x9000, 5), (0x4001, 8)), chips=0b100001), 1, seconds=0.5)
    assert log.left_out == ("VRC6", "Sunsoft 5B")
    assert written(log, 0x4001)[-1] == 8


def test_a_song_that_repeats_itself_loops_and_fades() -> None:
    plain = play_track(file(play=counting_to(200)), 1)
    assert plain.loop is not None
    assert plain.length - plain.loop.start == pytest.approx(
        200 * PICTURE_CYCLES / plain.cpu_clock_hz * VGM_RATE_HZ, abs=1
    )
    assert plain.value[plain.loop.first_write] == 0
    assert plain.fade == 0
    thrice = play_track(file(play=counting_to(200)), 1, loops=3, fades=True)
    assert thrice.loop is None
    assert thrice.fade / VGM_RATE_HZ == pytest.approx(FADE_SECONDS, abs=0.02)
    assert thrice.length - thrice.fade == pytest.approx(3 * plain.length - 2 * plain.loop.start, abs=3)


def test_a_loop_of_ours_is_found() -> None:
    log = with_loop(log_of(busy(240)), 3 * VGM_RATE_HZ)
    read = play_track(parse_nsf("a.nsf", nsf_bytes(log)), 1)
    assert read.loop is not None
    assert read.loop.start == pytest.approx(log.loop.start if log.loop else 0, abs=VGM_RATE_HZ / 30)
    assert read.length == pytest.approx(log.length, abs=VGM_RATE_HZ / 20)


def test_a_song_that_ends_sounds_on_for_a_second_and_does_not_fade() -> None:
    read = play_track(parse_nsf("a.nsf", nsf_bytes(log_of(busy(240)))), 1, fades=True)
    assert (read.loop, read.fade) == (None, 0)
    assert seconds(read) == pytest.approx(11.0, abs=0.1)


def test_what_neither_ends_nor_repeats_itself_plays_for_the_usual_time() -> None:
    # a counter of 16 bits, which comes round after 18 minutes
    play = bytes.fromhex("E600 D002 E601 A500 8D0240 A501 8D0640 60".replace(" ", ""))
    read = play_track(file(play=play), 1, fades=True)
    assert seconds(read) == pytest.approx(DEFAULT_SECONDS + FADE_SECONDS, abs=0.05)


@pytest.mark.parametrize(
    ("times", "fades", "expected"),
    [((7000,), (2000,), (9.0, 2.0)), ((7000,), (0,), (7.0, 0.0)), ((7000,), (-1,), (7.0 + FADE_SECONDS, FADE_SECONDS))],
)
def test_a_file_s_own_times_count(times: tuple[int], fades: tuple[int], expected: tuple[float, float]) -> None:
    more = {b"time": numbers(*times), b"fade": numbers(*fades), b"tlbl": b"Name\0", b"auth": b"Game\0"}
    read = play_track(parse_nsf("a", nsfe(program(play=COUNTING), more=more)), 1, fades=True)
    assert (seconds(read), read.fade / VGM_RATE_HZ) == pytest.approx(expected, abs=0.02)
    assert (read.tags.title, read.tags.game) == ("Name", "Game")


@pytest.mark.parametrize(
    ("init", "play", "words"),
    [
        (b"\x02", RTS, r"comes to a halt in the INIT of song 1, at \$8000, byte 128 of the file"),
        (b"\x4c\x00\x30", RTS, r"comes to a halt in the INIT of song 1, at \$3000, where no program is"),
        (b"\x4c\x00\x80", RTS, r"does not return from the INIT of song 1 within 10 s, and stands at \$8000, byte 128"),
        (RTS, b"\x4c\x40\x80", r"does not return from the PLAY of song 1 within 10 s, and stands at \$8040, byte 192"),
        (b"\xee\x11\x40\x4c\x00\x80", RTS, "does not return from the INIT of song 1 within 10 s"),
    ],
)
def test_a_program_that_goes_wrong_at_once_is_refused(init: bytes, play: bytes, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        play_track(file(init, play), 1)


# ldy #n, ldx #0, sta $4011, dex, bne, dey, bne, rts: n times 256 writes
MANY, ENDLESS = bytes.fromhex("A00C A200 8D1140 CA D0FA 88 D0F7 60"), bytes.fromhex("EE1140 4C4080")


@pytest.mark.parametrize(("play", "n_ticks"), [(MANY, 4), (MANY.replace(b"\xa0\x0c", b"\xa0\x01"), 39), (ENDLESS, 1)])
def test_a_program_that_writes_without_end_has_no_more_than_a_log(
    monkeypatch: pytest.MonkeyPatch, play: bytes, n_ticks: int
) -> None:
    """Whether it fills what the processor keeps within a call, or between calls, or does not come back."""
    monkeypatch.setattr(nsf_machine, "MOST_WRITES", 10_000)
    machine = NsfMachine(file(play=play), 1)
    machine.play(1000)
    assert machine.fault == "writes to the chip more than 10,000 times in song 1"
    assert n_ticks <= machine.n_ticks <= n_ticks + 16  # what a call leaves is taken once it fills half a log
    assert 10_000 <= len(machine.log()[0]) == machine.n_writes < 10_000 + LOG_WRITES


def test_a_program_that_goes_wrong_later_plays_up_to_there() -> None:
    # inc $00, lda $00, sta $4002, cmp #60, bne to rts, halt
    play = bytes.fromhex("E600 A500 8D0240 C93C D001 02 60".replace(" ", ""))
    told: list[str] = []
    read = play_track(file(play=play), 1, warn=told.append)
    assert told == [
        "a.nsf comes to a halt in the PLAY of song 1, at $804B, byte 203 of the file: it plays up to there, 1.0 s"
    ]
    assert written(read, 0x4002) == [0, *range(1, 60)]
    assert seconds(read) == pytest.approx(1.0, abs=0.03)


def test_what_is_asked_for_must_be_there() -> None:
    with pytest.raises(FormatError, match=r"a.nsf has no song 3: 1 to 2 is allowed"):
        play_track(file(songs=2), 3)
    with pytest.raises(FormatError, match=r"plays 596.5 hours: at most 3 are allowed"):
        play_track(parse_nsf("a", nsfe(more={b"time": numbers(2**31 - 1)})), 1)


@given(
    intro=st.lists(st.integers(0, 3), max_size=20),
    part=st.lists(st.integers(0, 3), min_size=1, max_size=12),
    n=st.integers(3, 6),
)
def test_a_repeated_part_is_found_as_the_whole_does_it(intro: list[int], part: list[int], n: int) -> None:
    ticks = (intro + part * n)[: len(intro) + len(part) * n - len(part) // 2]
    values = np.array(ticks, np.uint8)
    found = find_repeat(np.full(len(ticks), 0x4002, np.int64), values, list(range(len(ticks) + 1)))
    assert found is not None or len(part) * n < len(intro) + len(part)
    if found is not None:
        again = values[found.start + found.n_ticks :]
        assert (again == values[found.start : len(values) - found.n_ticks]).all()
        assert found.start <= len(intro) or len(part) * n < len(intro) + len(part)


def test_no_repeat_in_what_only_ends_alike() -> None:
    values = np.array([*range(100), 1, 2, 3, 1, 2, 3], np.uint8)
    assert find_repeat(np.full(106, 0x4002, np.int64), values, list(range(107))) is None
    assert find_repeat(np.zeros(0, np.int64), np.zeros(0, np.uint8), [0] * 11) == Repeat(0, 1)
