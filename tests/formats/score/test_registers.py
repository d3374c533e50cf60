"""A log of register writes becomes the score that NES-MDB's own tools take from it."""

from pathlib import Path

import numpy as np
import pytest
from examples import examples
from format_samples import scores, song
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vgm_files import CLOCK, log, vgm

from livegen.errors import FormatError
from livegen.formats.chip.register_files import synth_log, write_registers
from livegen.formats.chip.register_log import Tags
from livegen.formats.chip.vgm import read_vgm
from livegen.formats.midi.file import read_midi_piece
from livegen.formats.score.kinds import read_piece, write_piece
from livegen.formats.score.registers import log_to_changes, log_to_piece
from livegen.score import VOLUME_MAX, Column, Voice, validate_frames
from livegen.synth.register_log import score_writes
from livegen.units import CPU_CLOCK_HZ, frame_to_sample, pulse_note_to_timer_period

SECOND = 44_100
TICK = 735
PAL = 1_662_607


def changes_of(tmp_path: Path, writes, length=SECOND, clock=CLOCK):
    (tmp_path / "a.vgm").write_bytes(vgm(log(writes, length), clock=clock))
    return log_to_changes(read_vgm(tmp_path / "a.vgm"))


def heard(changes, voice):
    """Return what a voice does: sample, note and volume of each change of these."""
    rows = [
        (start, *state[:2])
        for start, state in zip(changes.starts[voice].tolist(), changes.states[voice].tolist(), strict=True)
    ]
    return [row for before, row in zip([(0, 0, 0), *rows], rows, strict=False) if row[1:] != before[1:]]


def pulse(note, volume=15, base=0x00, clock=CLOCK, halt=0x20, constant=0x10, length=0x08):
    period = pulse_note_to_timer_period(note, clock)
    return [
        (base, 0x80 | halt | constant | volume),
        (base + 1, 0x08),
        (base + 2, period & 0xFF),
        (base + 3, length | period >> 8),
    ]


def at(sample, writes):
    return [(sample, *write) for write in writes]


@settings(max_examples=examples(40), deadline=None)
@given(frames=scores())
def test_a_score_that_the_synth_writes_is_read_back(frames) -> None:
    """But for what the chip cannot play: pulse note 32, volume 0 under a note, and timbre under silence."""
    if not len(frames):
        return
    length = frame_to_sample(len(frames), SECOND)
    got = log_to_piece(synth_log(score_writes(frames, SECOND), length, Tags())).frames
    want = frames.copy()
    pulses = want[:, :2, Column.NOTE]
    pulses[pulses == 32] = 33
    for voice in Voice:
        is_silent = want[:, voice, Column.NOTE] == 0
        if VOLUME_MAX[voice]:
            is_silent |= want[:, voice, Column.VOLUME] == 0
        want[is_silent, voice] = got[is_silent, voice, Column.TIMBRE, None] * [0, 0, 1]
    assert np.array_equal(got, want)


def test_a_note_lasts_as_its_length_counter(tmp_path: Path) -> None:
    """Length 2 half frames (entry 3): the note ends with the second half frame, of 120 a second."""
    changes = changes_of(tmp_path, at(100, [(0x15, 0x0F), (0x17, 0x40), *pulse(69, halt=0, length=3 << 3)]))
    (begin, *on), (end, *off) = heard(changes, Voice.P1)
    assert (begin, on, off) == (100, [69, 15], [0, 0])
    assert end - begin == pytest.approx(2 * SECOND / 120, abs=3)


def test_an_envelope_s_volumes_are_the_chip_s(tmp_path: Path) -> None:
    changes = changes_of(tmp_path, at(0, [(0x15, 0x0F), (0x17, 0x40), *pulse(69, volume=1, constant=0)]))
    volumes = [volume for _, _, volume in heard(changes, Voice.P1)]
    assert volumes == [*range(15, -1, -1)] * (len(volumes) // 16) + [*range(15, 15 - len(volumes) % 16, -1)]
    steps = np.diff([start for start, _, _ in heard(changes, Voice.P1)])
    assert steps == pytest.approx(2 * SECOND / 240, abs=6)  # the divider's period is 1, and the clocks are uneven


def test_a_linear_counter_ends_the_triangle(tmp_path: Path) -> None:
    changes = changes_of(tmp_path, at(0, [(0x15, 0x0F), (0x17, 0x40), (0x08, 24), (0x0A, 0xFD), (0x0B, 0x08)]))
    (begin, note, volume), (end, *silence) = heard(changes, Voice.TR)
    assert (note, volume, silence) == (57, 0, [0, 0])
    assert end - begin == pytest.approx(24 * SECOND / 240, abs=10)


@pytest.mark.parametrize(
    ("mute", "unmute"),
    [
        ([(0x15, 0x00)], [(0x15, 0x0F), *pulse(40)]),
        ([(0x01, 0x00)], [(0x01, 0x08)]),  # a sweep whose target is over the longest period, though it is off
        ([(0x00, 0xB0)], [(0x00, 0xBF)]),
        ([(0x02, 0x07), (0x03, 0x08)], pulse(40)),  # a period under 8
    ],
)
def test_what_mutes_the_chip_is_a_rest(tmp_path: Path, mute, unmute) -> None:
    writes = [*at(0, [(0x15, 0x0F), *pulse(40)]), *at(10_000, mute), *at(20_000, unmute)]
    assert [row[:2] for row in heard(changes_of(tmp_path, writes), Voice.P1)] == [(0, 40), (10_000, 0), (20_000, 40)]


def test_a_sweep_s_notes_are_those_that_it_reaches(tmp_path: Path) -> None:
    sweep = [*pulse(57)[:1], (0x01, 0x89), *pulse(57)[2:]]  # up by a 2nd of the period at each half frame
    notes = [note for _, note, _ in heard(changes_of(tmp_path, at(0, [(0x15, 0x0F), (0x17, 0xC0), *sweep])), Voice.P1)]
    assert notes[:4] == [57, 69, 81, 93]


def test_the_writes_of_a_burst_count_as_one(tmp_path: Path) -> None:
    """A wrong pitch between two writes of a period is no note, and voices written one after the other begin at once."""
    first, second = pulse(69), pulse(40)
    writes = [*at(0, [(0x15, 0x0F), *first]), *at(TICK, second[2:3]), *at(TICK + 3, second[3:])]
    writes += [*at(TICK + 30, pulse(52, base=4)), *at(TICK + 80, [(0x0C, 0x3A), (0x0E, 0x85), (0x0F, 0x08)])]
    changes = changes_of(tmp_path, writes)
    assert heard(changes, Voice.P1) == [(0, 69, 15), (TICK, 40, 15)]
    assert heard(changes, Voice.P2) == [(TICK, 52, 15)]
    assert heard(changes, Voice.NO) == [(TICK, 11, 10)]
    assert changes.states[Voice.NO][-1].tolist() == [11, 10, 1]


def test_a_burst_ends_with_a_pause_and_within_half_a_picture(tmp_path: Path) -> None:
    steady = [(i * 20, 0x00, 0xB1 + i % 14) for i in range(100)]  # another volume every 20 samples
    later = [*at(4000, pulse(70)), *at(4100, pulse(71))]
    changes = changes_of(tmp_path, [*at(0, [(0x15, 0x0F), *pulse(69)]), *steady, *later])
    starts = [start for start, _, _ in heard(changes, Voice.P1)]
    assert starts == [0, 380, 740, 1120, 1480, 1840, 4000, 4100]


@pytest.mark.parametrize("clock", [CLOCK, PAL])
def test_pitches_are_those_of_the_file_s_clock(tmp_path: Path, clock: int) -> None:
    notes = range(33 if clock == CLOCK else 32, 109)
    writes = [
        write for i, note in enumerate(notes) for write in at(i * TICK, [(0x15, 0x0F), *pulse(note, clock=clock)])
    ]
    changes = changes_of(tmp_path, writes, length=len(notes) * TICK, clock=clock)
    assert [row[:2] for row in heard(changes, Voice.P1)] == [(i * TICK, note) for i, note in enumerate(notes)]


def test_the_clocks_of_a_pal_console_are_slower(tmp_path: Path) -> None:
    writes = at(0, [(0x15, 0x0F), (0x17, 0x40), *pulse(69, halt=0, length=1 << 3, clock=PAL)])  # 254 half frames
    end = heard(changes_of(tmp_path, writes, length=4 * SECOND, clock=PAL), Voice.P1)[1][0]
    assert end == pytest.approx(254 * 33_254 / 2 / CPU_CLOCK_HZ["pal"] * SECOND, abs=200)


def test_samples_of_the_dmc_change_nothing(tmp_path: Path) -> None:
    writes = at(0, [(0x15, 0x0F), *pulse(69)])
    stream = [(200 + i * 5, 0x11, i % 128) for i in range(2000)]
    with_stream = changes_of(tmp_path, sorted([*writes, *stream, *at(5000, pulse(71))], key=lambda write: write[0]))
    assert heard(with_stream, Voice.P1) == [(0, 69, 15), (5000, 71, 15)]


def test_a_midi_file_has_the_onsets_to_the_sample_and_the_same_frames(tmp_path: Path) -> None:
    writes = [*at(0, [(0x15, 0x0F)]), *at(1234, pulse(60)), *at(23_456, pulse(60, volume=9)), *at(40_001, pulse(64))]
    (tmp_path / "a.vgm").write_bytes(vgm(log(writes, SECOND), title="Overworld"))
    piece = read_piece(tmp_path / "a.vgm")
    write_piece(tmp_path / "a.mid", piece)
    again = read_midi_piece(tmp_path / "a.mid")
    assert again.tags.title == "Overworld"
    assert np.array_equal(again.frames, piece.frames)
    assert heard(again.changes, Voice.P1) == [(1234, 60, 15), (23_456, 60, 9), (40_001, 64, 15)]
    assert again.changes.length == SECOND


@pytest.mark.parametrize("ending", [".vgm", ".vgz", ".vgm.gz", ".VGM"])
def test_a_file_of_writes_is_a_score_like_any_other(tmp_path: Path, ending: str) -> None:
    frames = song(96)
    write_registers(
        tmp_path / f"a{ending}", synth_log(score_writes(frames, SECOND), frame_to_sample(96, SECOND), Tags())
    )
    read = read_piece(tmp_path / f"a{ending}").frames
    assert np.array_equal(
        read[..., Column.NOTE], np.where(frames[..., Column.NOTE] == 32, 33, frames[..., Column.NOTE])
    )


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_file_holds_is_a_score_or_one_sentence(tmp_path: Path, data) -> None:
    writes = [
        write for i in range(4) for write in at(i * 900, [(0x15, 0x0F), *pulse(60 + i), (0x08, 0x84), (0x0B, 0x18)])
    ]
    content = bytearray(vgm(log(writes, 4000), title="A tune"))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.integers(0, 8))
        content[place : place + length] = data.draw(st.binary(max_size=8))
    path = tmp_path / "a.vgm"
    path.write_bytes(content)
    try:
        piece = read_piece(path)
    except FormatError as error:
        assert "a.vgm" in str(error)
        assert "\n" not in str(error)
    else:
        validate_frames(piece.frames)
        assert np.array_equal(piece.changes.frames(), piece.frames)
