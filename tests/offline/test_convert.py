"""One kind of file into another: the sound of a VGM file is the chip's own, and what makes no sense is refused."""

import gzip
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile
from format_samples import song
from numpy.typing import NDArray
from vgm_files import CLOCK, END, log, vgm, wait, write

from livegen.apu import FULL_SCALE, LATENCY_SAMPLES, render_writes
from livegen.apu.render import samples_to_cycles
from livegen.apu.workloads import busy_writes
from livegen.errors import FormatError
from livegen.formats.chip.register_log import Loop
from livegen.formats.chip.vgm import read_vgm
from livegen.formats.score.kinds import SCORE_ENDINGS, read_piece, read_score, write_piece, write_score
from livegen.formats.score.piece import Piece
from livegen.formats.words.kinds import WORD_ENDINGS
from livegen.formats.words.tx1 import TX1_ENDING
from livegen.offline.convert import CONVERSIONS, Options, Report, convert
from livegen.outputs.callback import new_callback
from livegen.outputs.native import play_offline
from livegen.patch import parse_patch
from livegen.patch.samples import encode_file
from livegen.score import Column
from livegen.score_table import PlannedFrame, write_frames
from livegen.units import CPU_CLOCK_HZ, frame_to_sample

LENGTH = 44_100


def tone(volume: int = 15, timer_period: int = 253) -> bytes:
    """Return the commands of a second of a square wave on P1."""
    registers = [(0x15, 1), (1, 8), (0, 0xB0 | volume), (2, timer_period & 0xFF), (3, 8 | timer_period >> 8)]
    return log([(0, register, value) for register, value in registers], LENGTH)


def busy() -> list[tuple[int, int, int]]:
    """Return what a busy game writes in a second: (sample at 44.1 kHz, register, value)."""
    cycle, address, value = busy_writes(1.0)
    samples = np.rint(cycle * 44_100 / CLOCK).astype(int)
    return list(zip(samples.tolist(), (address - 0x4000).tolist(), value.tolist(), strict=True))


@pytest.fixture
def busy_file(tmp_path: Path) -> Path:
    path = tmp_path / "busy.vgm"
    path.write_bytes(vgm(log(busy(), LENGTH)))
    return path


def expected(rate: int, **options: Any) -> NDArray[np.float64]:
    samples, registers, values = zip(*busy(), strict=True)
    return render_writes(
        samples_to_cycles(np.array(samples), cpu_clock_hz=CPU_CLOCK_HZ["ntsc"], sample_rate=44_100),
        [0x4000 + register for register in registers],
        values,
        cpu_clock_hz=CPU_CLOCK_HZ["ntsc"],
        sample_rate=rate,
        n_samples=rate,
        **options,
    )


@pytest.mark.parametrize("ending", [".wav", ".flac"])
@pytest.mark.parametrize(
    ("options", "same_as"),
    [
        ({}, {}),
        ({"rate": 44_100}, {}),
        ({"rate": 8_000}, {}),
        ({"rate": 192_000}, {}),
        ({"filters": False}, {"filters": False}),
        ({"mixer": "linear"}, {"mixer": "linear"}),
        ({"mixer": "linear", "filters": False}, {"mixer": "linear", "filters": False}),
        ({"voices": ("p1", "tr")}, {"voices": ("p1", "tr")}),
        ({"voices": ("no",)}, {"voices": ("no",)}),
    ],
)
def test_a_vgm_file_sounds_as_its_writes_do(
    busy_file: Path, ending: str, options: dict[str, Any], same_as: dict[str, Any]
) -> None:
    out = busy_file.with_suffix(ending)
    rate = options.get("rate", 48_000)
    report = convert(busy_file, out, Options(**options))
    read, found_rate = soundfile.read(out, dtype="int16")
    assert (found_rate, report.seconds) == (rate, 1.0)
    sound = expected(rate, **same_as)
    assert np.ptp(sound) > 0.01
    gain = 1.0 if options.get("filters") is False else FULL_SCALE
    assert (read == np.rint(np.minimum(sound * gain, 1) * 32_767)).all()


def test_a_packed_file_sounds_the_same(busy_file: Path) -> None:
    packed = busy_file.with_name("busy.VGZ")
    packed.write_bytes(gzip.compress(busy_file.read_bytes()))
    for source in (busy_file, packed):
        convert(source, source.with_suffix(f"{source.suffix}.wav"), Options())
    assert busy_file.with_suffix(".vgm.wav").read_bytes() == packed.with_suffix(".VGZ.wav").read_bytes()


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("clock", [CLOCK, 1_662_607])
def test_the_pitch_is_that_of_the_file_s_clock(tmp_path: Path, rate: int, clock: int) -> None:
    (tmp_path / "a.vgm").write_bytes(vgm(tone(), clock=clock))
    convert(tmp_path / "a.vgm", tmp_path / "a.wav", Options(rate=rate, filters=False))
    sound, _ = soundfile.read(tmp_path / "a.wav")
    sound = sound[rate // 10 :] - np.median(np.unique(sound[rate // 10 :]))
    rising = np.flatnonzero((sound[:-1] < 0) & (sound[1:] >= 0))
    places = rising - sound[rising] / (sound[rising + 1] - sound[rising])
    hz = rate * (len(places) - 1) / (places[-1] - places[0])
    assert abs(1200 * np.log2(hz / (clock / 16 / 254))) < 0.1


def test_without_filters_there_is_room_for_4011(tmp_path: Path) -> None:
    loudest = [(0x15, 0x0F), (0x08, 0xFF), (0x0A, 0xFF), (0x0B, 0x0F), (0x0C, 0x3F), (0x0E, 0x0F), (0x0F, 0x08)]
    for base in (0, 4):
        loudest += [(base + 1, 8), (base, 0xFF), (base + 2, 0xFF), (base + 3, 0x0F)]
    (tmp_path / "a.vgm").write_bytes(vgm(log([(0, *w) for w in [*loudest, (0x11, 100)]], LENGTH)))
    report = convert(tmp_path / "a.vgm", tmp_path / "a.wav", Options(filters=False))
    sound, _ = soundfile.read(tmp_path / "a.wav")
    assert 0.9 < sound.max() < 1
    assert report.remarks == ()


def test_without_filters_the_samples_are_the_mixer_s_with_their_constant_part(tmp_path: Path) -> None:
    (tmp_path / "a.vgm").write_bytes(vgm(write(0x11, 100) + wait(4410) + END))
    convert(tmp_path / "a.vgm", tmp_path / "a.wav", Options(filters=False))
    sound, _ = soundfile.read(tmp_path / "a.wav")
    held = 159.79 / (1 / (15 / 8227 + 100 / 22638) + 100)  # the triangle stands at 15 from power-up
    assert sound[100:] == pytest.approx(held, abs=1e-4)


def test_the_loop_is_played_once_or_as_often_as_asked(tmp_path: Path) -> None:
    (tmp_path / "a.vgm").write_bytes(vgm(tone()[:-1] + wait(4410) + END, loop=15))
    for loops, seconds in ((None, 1.1), (1, 1.1), (3, 3.3)):
        report = convert(tmp_path / "a.vgm", tmp_path / "a.flac", Options(loops=loops))
        assert report.seconds == pytest.approx(seconds)
        assert soundfile.info(tmp_path / "a.flac").frames == round(seconds * 48_000)


def test_it_says_what_was_left_out_and_how_far_it_is(tmp_path: Path) -> None:
    header = {0x0C: 3_579_545, 0x84: CLOCK | 1 << 31}
    (tmp_path / "a.vgm").write_bytes(vgm(write(0x23, 1) + tone(), header=header, title="Overworld"))
    done: list[float] = []
    report = convert(tmp_path / "a.vgm", tmp_path / "a.wav", Options(rate=192_000), progress=done.append)
    assert report.remarks == ('"Overworld"', "left out: SN76489, FDS")
    assert done == sorted(done)
    assert done[0] > 0
    assert done[-1] == 1
    assert len(done) == 3


def test_a_sound_becomes_a_sample_and_what_that_costs_is_said(tmp_path: Path) -> None:
    time = np.arange(4800) / 48_000
    soundfile.write(tmp_path / "kick.wav", 0.5 * np.sin(2 * np.pi * 90 * time), 48_000)
    report = convert(tmp_path / "kick.wav", tmp_path / "kick.dmc", Options())
    size, cost = report.remarks
    data = (tmp_path / "kick.dmc").read_bytes()
    assert data == encode_file(tmp_path / "kick.wav", 15).data
    assert size == f"{len(data)} bytes"
    assert cost.startswith("one bit deep at 33.1 kHz, ")
    assert float(cost.split()[-5]) > 20
    assert cost.endswith(" dB signal to noise")


@pytest.mark.parametrize("target", SCORE_ENDINGS)
@pytest.mark.parametrize("source", SCORE_ENDINGS)
def test_every_kind_of_score_becomes_every_other(tmp_path: Path, source: str, target: str) -> None:
    first, second = tmp_path / f"in{source}", tmp_path / f"out{target}"
    write_score(first, song())
    report = convert(first, second, Options())
    assert report.seconds == 2.0
    assert report.remarks == (("left out: volumes and timbres",) if target == ".seprsco.pkl" else ())
    assert (read_score(second)[..., Column.NOTE] == read_score(first)[..., Column.NOTE]).all()


@pytest.mark.parametrize("ending", WORD_ENDINGS)
@pytest.mark.parametrize("source", [".mid", ".npz", ".seprsco.pkl"])
def test_every_kind_of_score_becomes_words_and_comes_back(tmp_path: Path, source: str, ending: str) -> None:
    write_score(tmp_path / f"in{source}", song())
    report = convert(tmp_path / f"in{source}", tmp_path / f"a{ending}", Options())
    assert report.seconds == pytest.approx(2.0, abs=0.1)
    assert report.remarks == (() if source == ".mid" else ("left out: volumes and timbres",))
    convert(tmp_path / f"a{ending}", tmp_path / "out.mid", Options())
    before, after = read_score(tmp_path / f"in{source}")[..., Column.NOTE], read_score(tmp_path / "out.mid")
    n_frames = min(len(before), len(after))
    assert n_frames > 40
    assert (before[:n_frames] == after[:n_frames, :, Column.NOTE]).mean() > (0.99 if ending == TX1_ENDING else 0.8)


def test_a_midi_file_of_many_parts_is_words_in_full_and_four_voices_in_tx1(tmp_path: Path) -> None:
    text = (
        " ".join(f"i{i}:v90:{50 + i}" for i in range(6))
        + " wait:16 "
        + " ".join(f"end:i{i}:v90:{50 + i}" for i in range(6))
    )
    (tmp_path / "a.events.txt").write_text(f"start tempo:120 {text} finish")
    convert(tmp_path / "a.events.txt", tmp_path / "b.mid", Options())
    convert(tmp_path / "b.mid", tmp_path / "b.events.txt", Options())
    assert (tmp_path / "b.events.txt").read_text().splitlines()[1] == f"start tempo:120 {text} finish"
    report = convert(tmp_path / "b.mid", tmp_path / "b.tx1.txt", Options())
    assert report.remarks == ("as the four voices play it, at 24 frames a second",)
    assert (tmp_path / "b.tx1.txt").read_text().count("NOTEON") == 3


@pytest.mark.parametrize(
    ("source", "target", "options", "words"),
    [
        ("a.ogg", "b.wav", {}, "a.ogg cannot be converted: its name must end in .vgm, .vgz, .nsf, .nsfe, .mid"),
        ("a.wav", "b.mid", {}, "a.wav cannot become b.mid: that name must end in .dmc"),
        ("a.vgm", "b.ogg", {}, "a.vgm cannot become b.ogg: that name must end in .wav, .flac, .vgm"),
        ("a.vgm", "b", {}, "cannot become b"),
        ("a.mid", "b.ogg", {}, r"a.mid cannot become b.ogg: that name must end in .mid, .*seprsco.pkl"),
        ("a.mid", "b.vgm", {"loop_from": 2.0}, "loop cannot begin at 2.00 s of 2.00 s"),
        ("a.mid", "b.wav", {"audio_channels": "voices", "voices": ("p1",)}, "--voices means nothing with a channel"),
        ("a.mid", "b.wav", {"loop_from": 1.0}, "--loop-from means nothing from a.mid to b.wav"),
        ("empty.npz", "b.wav", {}, "the score has no frames"),
        ("a.mid", "b.npz", {"rate": 8_000}, "--rate means nothing from a.mid to b.npz"),
        ("a.mid", "b.npz", {"filters": False}, "--filters means nothing"),
        ("a.mid", "b.npz", {"voices": ("p1",)}, "--voices means nothing"),
        ("a.mid", "a.mid", {}, "a.mid is the file to convert"),
        ("a.mid", "link.mid", {}, "link.mid is the file to convert"),
        ("a.mid", "no/b.npz", {}, "no folder .*no: make it"),
        ("a.mid", "folder.npz", {}, "folder.npz is a folder"),
        ("a.mid", "n" * 300 + ".npz", {}, "nnn.npz cannot be written"),
        ("none.vgm", "b.wav", {}, "none.vgm is not a file"),
        ("a.vgm", "b.wav", {"voices": ("p1", "p3")}, "voice is 'p3'; it must be one of p1, p2, tr, no, dm"),
        ("a.vgm", "b.wav", {"voices": ("",)}, "voice is ''"),
        ("a.vgm", "b.wav", {"mixer": "loud"}, "mixer is 'loud'; it must be one of nonlinear, linear"),
        ("a.vgm", "b.wav", {"rate": 7_000}, "sample rate is 7000"),
        ("a.vgm", "b.flac", {"rate": 96_001}, "multiples of ten"),
        ("a.vgm", "b.wav", {"loops": 2}, "no loop"),
        ("a.mid", "b.tx1.txt", {"limits": "drop"}, "--limits means nothing from a.mid to b.tx1.txt"),
    ],
)
def test_what_is_refused_is_refused_before_anything_is_written(
    tmp_path: Path, source: str, target: str, options: dict[str, Any], words: str
) -> None:
    (tmp_path / "a.vgm").write_bytes(vgm(tone()))
    write_score(tmp_path / "a.mid", song())
    write_score(tmp_path / "empty.npz", song(0))
    (tmp_path / "link.mid").symlink_to(tmp_path / "a.mid")
    (tmp_path / "folder.npz").mkdir()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(FormatError, match=words) as refused:
        convert(tmp_path / source, tmp_path / target, Options(**options))
    assert "\n" not in str(refused.value)
    assert sorted(tmp_path.iterdir()) == before


def test_every_option_belongs_to_some_conversion() -> None:
    every = Options(1, (), False, "", 1, 1, 1.0, "", 0.0, "", "", "", "")
    assert every.given().keys() == set().union(*(conversion.options for conversion in CONVERSIONS))
    assert Options().given() == {}


def test_a_score_sounds_as_the_callback_plays_it(tmp_path: Path) -> None:
    frames = song(60)
    write_score(tmp_path / "a.npz", frames)
    report = convert(tmp_path / "a.npz", tmp_path / "a.wav", Options())
    read, rate = soundfile.read(tmp_path / "a.wav")
    callback = new_callback(rate, parse_patch("", "plain", "plain"), n_channels=1)
    callback["mix"]["master"] = callback["mix"]["master_now"] = 1.0
    nobody = np.zeros(4)
    write_frames(callback["table"], [PlannedFrame(i, f, nobody.astype(np.uint8), nobody) for i, f in enumerate(frames)])
    sound = np.zeros(frame_to_sample(60, rate), np.float32)
    play_offline(callback, sound, len(sound))
    sound = np.concatenate([sound[LATENCY_SAMPLES:], np.zeros(LATENCY_SAMPLES, np.float32)])
    end = len(sound) - rate // 50
    assert report.seconds == 2.5
    assert len(read) == len(sound)
    assert np.abs(sound).max() > 0.1
    assert np.abs(read[:end] - sound[:end]).max() < 2 / 32_768
    assert read[-1] == 0


def test_the_voices_of_a_score_are_channels(tmp_path: Path) -> None:
    write_score(tmp_path / "a.npz", song())
    convert(tmp_path / "a.npz", tmp_path / "apart.wav", Options(audio_channels="voices"))
    apart, _ = soundfile.read(tmp_path / "apart.wav")
    assert apart.shape == (2 * 48_000, 4)
    for channel, voice in enumerate(("p1", "p2", "tr", "no")):
        convert(tmp_path / "a.npz", tmp_path / "one.wav", Options(voices=(voice,)))
        assert np.array_equal(apart[:, channel], soundfile.read(tmp_path / "one.wav")[0])


def test_a_score_s_vgm_file_sounds_as_the_score(tmp_path: Path) -> None:
    write_score(tmp_path / "a.npz", song())
    convert(tmp_path / "a.npz", tmp_path / "a.vgz", Options(title="Mine", author="Me"))
    report = convert(tmp_path / "a.vgz", tmp_path / "b.wav", Options(rate=44_100))
    convert(tmp_path / "a.npz", tmp_path / "a.wav", Options(rate=44_100))
    assert report == Report(2.0, ('"Mine"',))
    a, b = (soundfile.read(tmp_path / name)[0][: 44_100 * 2 - 500] for name in ("a.wav", "b.wav"))
    assert np.array_equal(a, b)


def test_what_is_said_of_a_vgm_file_goes_into_another(tmp_path: Path) -> None:
    (tmp_path / "a.vgm").write_bytes(vgm(tone(), title="Overworld"))
    convert(tmp_path / "a.vgm", tmp_path / "b.vgm", Options(author="Koji", loop_from=0.5))
    log = read_vgm(tmp_path / "b.vgm")
    assert (log.tags.title, log.tags.author, log.loop) == ("Overworld", "Koji", Loop(22_050, 5))
    assert read_vgm(tmp_path / "b.vgm", loops=3).length == 2 * LENGTH


def test_midi_for_a_daw_is_another_file(tmp_path: Path) -> None:
    write_score(tmp_path / "a.npz", song())
    report = convert(tmp_path / "a.npz", tmp_path / "a.mid", Options(midi_layout="daw", title="Song"))
    assert report.remarks == ("left out: timbres",)
    convert(tmp_path / "a.npz", tmp_path / "b.mid", Options(midi_layout="exact", title="Song"))
    assert np.array_equal(read_score(tmp_path / "b.mid"), song())
    loudest = [max(m.velocity for m in mido.MidiFile(tmp_path / n) if m.type == "note_on") for n in ("a.mid", "b.mid")]
    assert loudest[0] > 15 >= loudest[1]


def test_who_played_goes_from_file_to_file(tmp_path: Path) -> None:
    player = np.zeros((48, 4), bool)
    player[:, 0] = True
    write_piece(tmp_path / "a.mid", Piece(song(), player))
    convert(tmp_path / "a.mid", tmp_path / "a.npz", Options())
    convert(tmp_path / "a.npz", tmp_path / "a.svg", Options())
    found = read_piece(tmp_path / "a.npz")
    assert found.player is not None
    sounds = song()[..., Column.NOTE] > 0
    assert np.array_equal(found.player & sounds, player & sounds)
    assert ">player<" in (tmp_path / "a.svg").read_text()
