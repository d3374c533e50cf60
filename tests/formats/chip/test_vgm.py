"""Register logs out of VGM files: what is read, what is passed over, what is refused, and that nothing else happens."""

import gzip
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vgm_files import CLOCK, END, log, vgm, wait, write

from livegen.apu import new_chip, write_register
from livegen.errors import FormatError
from livegen.formats.chip.vgm import MAX_VGM_BYTES, OPERAND_BYTES, RegisterLog, read_vgm
from livegen.formats.files import refuse
from livegen.units import CPU_CLOCK_HZ

ON = write(0x15, 0x0F)

Read = Callable[..., RegisterLog]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a file that has these bytes."""

    def read_bytes(data: bytes, loops: int = 1, warn: Callable[[str], None] = refuse) -> RegisterLog:
        path = tmp_path / "song.vgm"
        path.write_bytes(data)
        return read_vgm(path, loops=loops, warn=warn)

    return read_bytes


def assert_refused(read: Read, data: bytes, *words: str, loops: int = 1) -> None:
    with pytest.raises(FormatError) as refused:
        read(data, loops)
    sentence = str(refused.value)
    assert sentence.startswith("song.vgm ")
    assert "\n" not in sentence
    assert len(sentence) < 250
    for word in words:
        assert word in sentence


def read_cut(read: Read, data: bytes) -> RegisterLog:
    """Read a file that is cut off: one warning says so, and it is refused where damage is."""
    said: list[str] = []
    found = read(data, 1, said.append)
    assert len(said) == 1
    assert said[0].startswith("song.vgm is cut off at byte ")
    assert_refused(read, data, "cut off", "--strict")
    return found


def assert_first_cycles(found: RegisterLog, samples: list[int]) -> None:
    """Each write must be in the first CPU cycle of its sample at 44.1 kHz, 3125 / 77 cycles long."""
    late = 77 * found.cycle - 3125 * np.array(samples)
    assert late.min() >= 0
    assert late.max() <= 77


@pytest.mark.parametrize("n_bends", [1, 2])
def test_a_sweep_s_carry_within_a_sample_is_played(read: Read, n_bends: int) -> None:
    """A bend over a period's upper bits is five writes: the sweep goes off only after $4017 has clocked it."""
    notes = [(0, 0x15, 3), *((0, 4 * pulse + register, 0x08) for pulse in range(2) for register in (1, 2, 3))]
    bend = [(2, 0xFF), (1, 0x87), (0x17, 0x80), (1, 0x08), (2, 0x10)]
    bends = [
        (9, register if register == 0x17 else 4 * pulse + register, v)
        for pulse in range(n_bends)
        for register, v in bend
    ]
    found = read(vgm(log([*notes, *bends], 100)))
    chip = new_chip(cpu_clock_hz=found.cpu_clock_hz, sample_rate=44_100)
    for cycle, address, value in zip(found.cycle, found.address, found.value, strict=True):
        write_register(chip[0], cycle, address, value)
    assert chip["pulses"]["timer_period"][0, :n_bends].tolist() == [0x110] * n_bends


@pytest.mark.parametrize("clock", [500_000, 1_662_607, 1_789_773])
def test_no_write_leaves_its_sample_however_often_4017_is_written(read: Read, clock: int) -> None:
    writes = [(sample, register, 0) for sample in (5, 6, 8) for register in [0x17, 0] * 30]
    found = read(vgm(log([(0, 0x15, 15), *writes], 100), clock=clock))
    assert found.sample.tolist() == [0] + [5] * 60 + [6] * 60 + [8] * 60
    assert (np.diff(found.cycle) >= 0).all()


def test_writes_come_at_the_cycle_of_their_own_sample(read: Read) -> None:
    rng = np.random.default_rng(3)
    samples = np.sort(rng.integers(0, 44_100 * 600, 500))
    writes = [(int(s), int(rng.integers(0, 0x18)), int(rng.integers(0, 16))) for s in samples]
    writes[0] = (writes[0][0], 0x15, 0x0F)
    found = read(vgm(log(writes, 44_100 * 600)))
    assert_first_cycles(found, [sample for sample, _, _ in writes])
    assert found.address.tolist() == [0x4000 + register for _, register, _ in writes]
    assert found.value.tolist() == [value for _, _, value in writes]
    assert (found.cpu_clock_hz, found.region, found.length) == (CPU_CLOCK_HZ["ntsc"], "ntsc", 44_100 * 600)
    assert (found.title, found.left_out) == ("", ())
    assert found.n_samples(48_000) == 48_000 * 600


def test_a_length_that_is_no_whole_number_of_samples_is_rounded_up(read: Read) -> None:
    assert read(vgm(wait(3) + END)).n_samples(48_000) == 4
    assert read(vgm(wait(441) + END)).n_samples(8_000) == 80


@pytest.mark.parametrize(
    ("commands", "length"),
    [
        (b"\x61\x34\x12", 0x1234),
        (b"\x62", 735),
        (b"\x63", 882),
        *((bytes([0x70 + n]), n + 1) for n in range(16)),
        *((bytes([0x80 + n]), n) for n in range(16)),
    ],
)
def test_every_wait_is_as_long_as_the_specification_says(read: Read, commands: bytes, length: int) -> None:
    found = read(vgm(ON + commands + write(0, 1) + b"\x70" + END))
    assert_first_cycles(found, [0, length])
    assert found.length == length + 1


SKIPPED = {
    **dict.fromkeys(range(0x30, 0x40), 1),
    **dict.fromkeys(range(0x40, 0x4F), 2),
    **dict.fromkeys((0x4F, 0x50), 1),
    **dict.fromkeys(range(0x51, 0x60), 2),
    **{0x64: 3, 0x68: 11, 0x90: 4, 0x91: 4, 0x92: 5, 0x93: 10, 0x94: 1, 0x95: 4},
    **dict.fromkeys(range(0xA0, 0xC0), 2),
    **dict.fromkeys(range(0xC0, 0xE0), 3),
    **dict.fromkeys(range(0xE0, 0x100), 4),
}
"""Operands of every command that is passed over, by https://vgmrips.net/wiki/VGM_Specification; $B4 is not one."""

KNOWN = {*SKIPPED, 0x61, 0x62, 0x63, 0x66, 0x67, *range(0x70, 0x90)}


@pytest.mark.parametrize("command", sorted(SKIPPED.keys() - {0xB4}))
def test_every_other_chip_s_command_is_passed_over(read: Read, command: int) -> None:
    operands = bytes([0x66] * SKIPPED[command])  # the end command, if it were taken for one
    found = read(vgm(ON + bytes([command]) + operands + write(3, 7) + wait(9) + END))
    assert found.address.tolist() == [0x4015, 0x4003]
    assert (found.length, found.left_out) == (9, ())


@pytest.mark.parametrize("command", sorted(set(range(256)) - KNOWN))
def test_a_byte_that_is_no_command_is_refused(read: Read, command: int) -> None:
    assert OPERAND_BYTES[command] == -1
    assert_refused(read, vgm(wait(9) + bytes([command]) + END), f"{command:02X} at 259")


@pytest.mark.parametrize("size", [0, 1, 5, 3000, 3000 | 1 << 31])
def test_a_data_block_is_passed_over(read: Read, size: int) -> None:
    block = b"\x67\x66\x07" + struct.pack("<I", size) + b"\x66" * (size & 0x7FFF_FFFF)
    assert read(vgm(ON + block + write(3, 7) + wait(9) + END)).address.tolist() == [0x4015, 0x4003]


@pytest.mark.parametrize("size", [5, 1 << 20, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_a_data_block_beyond_the_end_is_the_end(read: Read, size: int) -> None:
    assert read_cut(read, vgm(wait(9) + b"\x67\x66\x00" + struct.pack("<I", size) + END)).length == 9


def block(address: int, data: bytes, size: int | None = None) -> bytes:
    content = struct.pack("<H", address) + data
    return b"\x67\x66\xc2" + struct.pack("<I", len(content) if size is None else size) + content


def test_blocks_of_samples_are_the_memory_of_the_dmc(read: Read) -> None:
    first = block(0xC000, b"\x55\xaa") + block(0xC001, b"\x01\x02")
    found = read(vgm(first + write(0x15, 0x1F) + wait(9) + block(0xFFFF, b"\x07") + write(0x15, 0x0F) + wait(9) + END))
    assert found.memory.first == bytes(0x4000) + b"\x55\x01\x02"
    (change,) = found.memory.changes
    assert (change.offset, change.data, found.sample_of(change)) == (0x7FFF, b"\x07", 9)
    assert change.cycle <= found.cycle[-1]
    assert found.left_out == ()


def test_blocks_within_the_loop_come_again(read: Read) -> None:
    head = block(0xC000, b"\1") + ON + wait(10)
    data = vgm(head + block(0xC000, b"\2") + wait(5) + block(0xC000, b"\3") + wait(5) + END, loop=len(head))
    found = read(data, loops=2)
    assert [(found.sample_of(change), change.data) for change in found.memory.changes] == [
        *((10, b"\2"), (15, b"\3")),
        *((20, b"\2"), (25, b"\3")),
    ]


def test_the_second_chip_s_block_is_passed_over(read: Read) -> None:
    data = block(0xC000, b"\1\2", 4 | 1 << 31)
    assert not read(vgm(ON + data + wait(9) + END)).memory


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (block(0x7FFF, b"\1"), "from $7FFF on"),
        (block(0xFFFF, b"\1\2"), "from $FFFF on"),
        (block(0x8000, bytes(0x8001)), "32,769 bytes"),
        (block(0, b"", 0)[:-2], "without an address"),
        (block(0, b"", 1)[:-1], "without an address"),
    ],
)
def test_a_block_of_samples_that_lies_is_refused_with_its_place(read: Read, lie: bytes, words: str) -> None:
    assert_refused(read, vgm(ON + lie + wait(9) + END), "at 259", words, "$8000 to $FFFF")


def test_a_block_of_samples_that_fits_exactly_is_read(read: Read) -> None:
    assert read(vgm(ON + block(0x8000, b"\1" * 0x8000) + wait(9) + END)).memory.changes[0].data == b"\1" * 0x8000


def test_what_is_not_the_apu_s_is_left_out_and_said_so(read: Read) -> None:
    others = write(0x14, 1) + write(0x16, 1) + write(0x18, 1) + write(0x1F, 1)
    found = read(vgm(ON + others + wait(9) + END))
    assert (found.address.tolist(), found.left_out) == ([0x4015, 0x4014, 0x4016], ())
    for commands, name in {
        write(0x20, 1): "FDS",
        write(0x3F, 1): "FDS",
        write(0x7F, 1): "FDS",
        write(0x80, 1): "a second NES APU",
        write(0x15, 0x1F): "samples of the DMC",
        b"\x90\x00\x14\x00\x11": "streamed samples",
    }.items():
        assert read(vgm(ON + commands * 3 + wait(9) + END)).left_out == (name,)
    assert read(vgm(clock=CLOCK | 1 << 31)).left_out == ("FDS",)
    assert read(vgm(header={0x0C: 3_579_545, 0x74: 1_789_773})).left_out == ("SN76489", "AY8910")


def test_chips_are_looked_for_in_the_header_alone(read: Read) -> None:
    """Commands may begin, and an extra header may stand, where a longer header has clocks."""
    assert read(vgm(write(1, 0x77) * 50 + wait(9) + END, start=0x88)).left_out == ()
    assert read(vgm(start=0xC0, header={0xBC: 0})).left_out == ()
    assert read(vgm(header={0xBC: 4, 0xC0: 12, 0xC4: 99, 0xC8: 99})).left_out == ()
    assert read(vgm(header={0xBC: 0x20, 0xC0: 3_072_000})).left_out == ("WonderSwan",)


@pytest.mark.parametrize(
    ("clock", "exact", "region"),
    [
        (1_789_773, CPU_CLOCK_HZ["ntsc"], "ntsc"),
        (1_789_772, CPU_CLOCK_HZ["ntsc"], "ntsc"),
        (1_662_607, CPU_CLOCK_HZ["pal"], "pal"),
        (1_773_448, 1_773_448, "ntsc"),
    ],
)
def test_the_region_is_the_one_whose_clock_is_nearer(read: Read, clock: int, exact: float, region: str) -> None:
    found = read(vgm(clock=clock))
    assert (found.cpu_clock_hz, found.region) == (exact, region)
    assert set(CPU_CLOCK_HZ) == {"ntsc", "pal"}


def test_where_nobody_switches_the_voices_on_it_is_done_as_players_do(read: Read) -> None:
    found = read(vgm(wait(7) + write(0, 0xBF) + wait(9) + END, loop=3), loops=2)
    assert found.address.tolist() == [0x4015, 0x4000, 0x4000]
    assert found.value.tolist() == [0x0F, 0xBF, 0xBF]
    assert found.cycle[0] == 0
    assert len(read(vgm()).cycle) == 0


def test_notes_before_the_first_write_to_4015_are_heard_and_so_is_that(read: Read) -> None:
    early = [(5, 0, 0xBF), (5, 3, 8)]
    found = read(vgm(log([*early, (50, 0x15, 0x01), (60, 3, 8)], 100)))
    assert found.address.tolist() == [0x4015, 0x4000, 0x4003, 0x4015, 0x4003]
    assert found.value.tolist() == [0x0F, 0xBF, 8, 0x01, 8]
    assert_first_cycles(found, [0, 5, 5, 50, 60])
    for writes in ([(5, 0, 0xBF), (50, 0x15, 0x0F)], [*early, (5, 0x15, 0x0F)]):  # no note was begun before
        assert len(read(vgm(log(writes, 100))).cycle) == len(writes)


def test_the_loop_is_played_as_often_as_asked(read: Read) -> None:
    commands = ON + wait(100) + write(0, 1) + wait(50) + write(1, 2) + wait(30) + END
    data = vgm(commands, loop=6)
    once, thrice = read(data), read(data, loops=3)
    assert (once.length, thrice.length) == (180, 340)
    assert thrice.address.tolist() == [0x4015] + [0x4000, 0x4001] * 3
    assert thrice.value.tolist() == [15] + [1, 2] * 3
    samples = [0, 100, 150, 180, 230, 260, 310]
    assert_first_cycles(thrice, samples)
    assert thrice.cycle[:3].tolist() == once.cycle.tolist()


@pytest.mark.parametrize(
    ("loop", "loops", "words"),
    [
        (None, 2, "no loop"),
        (1, 2, "no loop"),  # inside a command
        (9, 2, "no loop"),  # at the end
        (1 << 20, 2, "no loop"),
        (3, 0, "0 loops"),
        (3, -1, "-1 loops"),
        (3, 10**9, "fewer loops"),
    ],
)
def test_a_loop_that_cannot_be_played_is_refused(read: Read, loop: int | None, loops: int, words: str) -> None:
    data = vgm(ON + wait(44_100) + write(0, 1) + END, loop=loop)
    assert_refused(read, data, words, loops=loops)
    assert read(data).length == 44_100


def test_many_writes_in_a_short_loop_do_not_fill_the_memory(read: Read) -> None:
    assert_refused(read, vgm(write(0, 1) * 20_000 + b"\x70" + END, loop=0), "fewer loops", loops=1000)


@pytest.mark.parametrize("name", ["Overworld", "さくら", ""])
def test_the_title_is_read(read: Read, name: str) -> None:
    assert read(vgm(title=name)).title == name


def test_a_title_is_one_short_line_whatever_it_holds(read: Read) -> None:
    assert read(vgm(title="a\n\x1b[31m" + "b" * 5000)).title == "a[31m" + "b" * 95
    whole = vgm(title="Overworld")
    for end in range(len(whole) - 45, len(whole)):
        data = bytearray(whole[:end])
        struct.pack_into("<I", data, 4, end - 4)
        assert "Overworld".startswith(read(bytes(data)).title.rstrip("�"))


@pytest.mark.parametrize("tag", [1, 0x100, 1 << 20, 0xFFFF_FFFF])
def test_a_tag_that_is_not_there_is_no_title(read: Read, tag: int) -> None:
    found = read(vgm(wait(9) + END, header={0x14: tag}) + b"more")
    assert (found.title, found.length) == ("", 9)


def test_the_commands_end_where_the_tag_begins(read: Read) -> None:
    assert read(vgm(wait(9), title="no end command")).length == 9


def test_a_missing_end_command_is_passed_over_where_nothing_else_is_missing(read: Read) -> None:
    assert read(vgm(ON + wait(9))).length == 9
    assert read(vgm(ON + wait(9), header={0x04: 0})).length == 9
    assert read_cut(read, vgm(ON + wait(9), header={0x04: 0x200})).length == 9
    assert read(vgm(ON + wait(9) + END, header={0x04: 0x200})).length == 9


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "'Vgm '"),
        (b"Vgn " + vgm()[4:], "'Vgm '"),
        (b"Vgm ", "after 4 bytes"),
        (vgm(version=0x160), "1.60"),
        (vgm(version=0x150), "1.50"),
        (vgm(version=0x200), "2.00"),
        (vgm(version=0xFFFF_FFFF), "ffffff.ff"),
        (vgm(clock=0), "no NES APU"),
        (vgm(start=0x40), "no NES APU"),
        (vgm(header={0x34: 0}), "no NES APU"),
        (vgm(clock=1 << 31), "no NES APU"),
        (vgm(clock=1000), "1,000 Hz"),
        (vgm(clock=1_000_000_000), "1,000,000,000 Hz"),
        (vgm(header={0x34: 1}), "at byte 53"),
        (vgm(header={0x34: 0x1000}), "4,148"),
        (vgm(header={0x34: 0xFFFF_FFFF}), "4,294,967,347"),
        (vgm(END), "nothing to hear"),
        (vgm(write(0, 1) + END), "nothing to hear"),
        (vgm(b"\x61\xff\xff" * 10_000 + END), "3 hours"),
        (vgm(write(0, 1) + b"\x61"), "nothing to hear"),
    ],
)
def test_what_is_refused(read: Read, data: bytes, words: str) -> None:
    assert_refused(read, data, words)


def test_three_hours_are_read_and_no_more(read: Read) -> None:
    longest = 3 * 3600 * 44_100
    assert read(vgm(wait(longest) + END)).length == longest
    assert_refused(read, vgm(wait(longest) + b"\x70" + END), "3 hours")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"none\.vgm is not a file"):
        read_vgm(tmp_path / "none.vgm")


SMALL = vgm(log([(0, 0x15, 0x0F), (0, 0, 0xBF), (9, 2, 0x40), (30, 3, 8), (30, 0x11, 9)], 40), start=0x88)


def test_a_file_that_is_cut_off_plays_to_the_cut(read: Read) -> None:
    whole = read(SMALL)
    first_wait = 0x88 + 2 * 3 + 3
    for end in range(first_wait):
        assert_refused(read, SMALL[:end])
    lengths = []
    for end in range(first_wait, len(SMALL)):
        found = read_cut(read, SMALL[:end])
        assert found.address.tolist() == whole.address.tolist()[: len(found.address)]
        assert found.cycle.tolist() == whole.cycle.tolist()[: len(found.cycle)]
        lengths.append(found.length)
    assert sorted(set(lengths)) == [9, 30, 40]
    assert lengths == sorted(lengths)
    assert whole.length == 40


def test_of_two_chips_the_first_is_played(read: Read) -> None:
    commands = ON + write(3, 7) + write(0x83, 9) + wait(9) + END
    for clock in (CLOCK | 1 << 30, CLOCK | 3 << 30):
        found = read(vgm(commands, clock=clock))
        assert found.address.tolist() == [0x4015, 0x4003]
        assert found.left_out.count("a second NES APU") == 1
        assert "a second NES APU" in read(vgm(clock=clock)).left_out


def reads_or_refuses(read: Read, data: bytes) -> None:
    try:
        found = read(data)
    except FormatError as error:
        assert "\n" not in str(error)
        return
    assert len(found.cycle) == len(found.address) == len(found.value)
    assert (np.diff(found.cycle) >= 0).all()
    assert 0 < found.length <= 3 * 3600 * 44_100
    assert ((found.address >= 0x4000) & (found.address <= 0x4017)).all()


def test_any_flipped_bit_is_read_or_refused(read: Read) -> None:
    for place in range(len(SMALL) * 8):
        damaged = bytearray(SMALL)
        damaged[place >> 3] ^= 1 << (place & 7)
        reads_or_refuses(read, bytes(damaged))


fuzzed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(200))


@fuzzed
@given(commands=st.binary(max_size=200), start=st.sampled_from([0x40, 0x88, 0xC0, 0x100]))
def test_any_commands_are_read_or_refused(read: Read, commands: bytes, start: int) -> None:
    reads_or_refuses(read, vgm(commands, start=start))


@fuzzed
@given(
    header=st.dictionaries(
        st.sampled_from([0x04, 0x08, 0x14, 0x1C, 0x20, 0x34, 0x84, 0xBC]),
        st.integers(0, 0xFFFF_FFFF) | st.integers(0, 0x200) | st.sampled_from([0xFFFF_FF00, 0x7FFF_FFFF]),
    ),
    loops=st.integers(-1, 5),
)
def test_any_header_is_read_or_refused(read: Read, header: dict[int, int], loops: int) -> None:
    data = vgm(wait(9) + END, header={0x08: 0x171, **header}, title="x")
    reads_or_refuses(lambda d: read(d, loops), data)


def test_gzip_is_unpacked_whatever_the_name_says(read: Read) -> None:
    plain = read(SMALL)
    halves = gzip.compress(SMALL[:150]) + gzip.compress(SMALL[150:])
    for packed in (gzip.compress(SMALL), halves, gzip.compress(SMALL) + b"\0" * 9, gzip.compress(SMALL) + b"more"):
        found = read(packed)
        assert found.length == plain.length
        assert (found.cycle == plain.cycle).all()
        assert found.value.tolist() == plain.value.tolist()


def test_gzip_that_is_cut_off_plays_to_the_cut(read: Read) -> None:
    rng = np.random.default_rng(1)
    packed = gzip.compress(vgm(log([(n, 0, int(rng.integers(256))) for n in range(0, 9000, 3)], 9000)))
    lengths = [read_cut(read, packed[:end]).length for end in range(len(packed) // 2, len(packed), 97)]
    assert lengths == sorted(lengths)
    assert 0 < lengths[0] < lengths[-1]


def test_gzip_that_is_damaged_or_breaks_off_in_its_header_is_refused(read: Read) -> None:
    packed = gzip.compress(SMALL)
    for end in range(2, 12):
        assert_refused(read, packed[:end], "gzip")
    wrong_sum = bytearray(packed)
    wrong_sum[-8] ^= 1
    assert_refused(read, bytes(wrong_sum), "gzip and damaged")
    assert read_cut(read, packed + b"\x1f\x8b").length == 40
    assert_refused(read, gzip.compress(b"") * 101, "100 parts")
    assert_refused(read, gzip.compress(gzip.compress(SMALL)), "'Vgm '")


def gzip_bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    piece = b"\x70" * (1 << 20)
    return b"".join(packer.compress(piece) for _ in range(size >> 20)) + packer.flush()


@pytest.mark.parametrize(("n_parts", "part_bytes"), [(1, 1 << 28), (30, 2 << 20)])
def test_a_bomb_takes_no_more_memory_than_the_largest_file(read: Read, n_parts: int, part_bytes: int) -> None:
    data = gzip_bomb(part_bytes) * n_parts
    assert len(data) < 1 << 19
    tracemalloc.start()
    assert_refused(read, data, "more than 16 MiB")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * MAX_VGM_BYTES
