"""16-bit WAV and FLAC files, and that a file appears whole or not at all."""

import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from nearly_full import room_for

from livegen.errors import FormatError
from livegen.formats.audio import file as audio_file
from livegen.formats.audio.file import AudioWriter
from livegen.formats.files import atomic_path

ENDINGS = [".wav", ".flac"]

each_ending = pytest.mark.parametrize("ending", ENDINGS)


@each_ending
def test_samples_are_rounded_and_clipped_to_16_bits(tmp_path, ending):
    level = 1 / 32_767
    samples = [0.0, 1.0, -1.0, 2.0, -2.0, 0.4 * level, 0.6 * level, -0.6 * level, np.nan, np.inf, -np.inf]
    path = tmp_path / f"a{ending}"
    with AudioWriter(path, 44_100) as file:
        file.write(np.array(samples, np.float32))
        assert file.n_clipped == 4
    read, rate = soundfile.read(path, dtype="int16")
    assert rate == 44_100
    assert soundfile.info(path).subtype == "PCM_16"
    assert soundfile.info(path).format == ending[1:].upper()
    assert read.tolist() == [0, 32767, -32767, 32767, -32767, 0, 1, -1, 0, 32767, -32767]


@each_ending
@pytest.mark.parametrize("n_channels", [1, 2, 4])
def test_blocks_make_the_same_bytes_as_one_piece(tmp_path, n_channels, ending):
    samples = np.random.default_rng(1).uniform(-1, 1, (9000, n_channels)).astype(np.float32)
    for name, cuts in (("one", []), ("many", [1, 5, 5, 700])):
        with AudioWriter(tmp_path / f"{name}{ending}", 48_000, n_channels) as file:
            for block in np.split(samples, cuts):
                file.write(block)
    one, many = (tmp_path / f"{name}{ending}" for name in ("one", "many"))
    assert one.read_bytes() == many.read_bytes()
    read, rate = soundfile.read(one, dtype="int16", always_2d=True)
    assert (read.shape, rate) == (samples.shape, 48_000)
    assert np.abs(read / 32_767 - samples).max() <= 0.5 / 32_767 + 1e-7


def test_a_wav_file_has_the_plain_header_that_everything_reads(tmp_path):
    with AudioWriter(tmp_path / "a.WAV", 8_000, 4) as file:
        file.write(np.zeros((10, 4)))
    with wave.open(str(tmp_path / "a.WAV")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (4, 2, 8_000, 10)
    assert (tmp_path / "a.WAV").stat().st_size == 44 + 80


def test_an_empty_wav_file_is_one_and_an_empty_flac_file_is_refused(tmp_path):
    with AudioWriter(tmp_path / "a.wav", 44_100):
        pass
    assert soundfile.info(tmp_path / "a.wav").frames == 0
    with pytest.raises(FormatError, match="empty"), AudioWriter(tmp_path / "a.flac", 44_100):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


@each_ending
def test_a_broken_render_leaves_what_was_there(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    path.write_bytes(b"the last take")
    for n_samples in (0, 10):
        with pytest.raises(KeyboardInterrupt), AudioWriter(path, 44_100) as file:  # noqa: PT012
            file.write(np.zeros(n_samples, np.float32))
            raise KeyboardInterrupt
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"the last take"]


@each_ending
def test_the_file_appears_at_the_end(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    with AudioWriter(path, 44_100) as file:
        file.write(np.zeros(10, np.float32))
        assert not path.exists()
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("a.wav", (0,), "0 Hz"),
        ("a.wav", (10**6,), "1000000 Hz"),
        ("a.wav", (44_100, 0), "0 channels"),
        ("a.wav", (8000, 33), "33"),
        ("a.flac", (8000, 9), "9 channels: 1 to 8"),
        ("a.flac", (96_001,), "96001 Hz.*multiples of ten"),
        ("a.ogg", (8000,), r"a\.ogg.*\.wav or \.flac"),
        ("a", (8000,), r"\.wav or \.flac"),
    ],
)
def test_a_parameter_out_of_range_is_named(tmp_path, name, arguments, says):
    with pytest.raises(FormatError, match=says):
        AudioWriter(tmp_path / name, *arguments)


@pytest.mark.parametrize("sample_rate", [1, 8_000, 11_025, 44_101, 65_535, 65_540, 96_000, 192_000, 384_000])
def test_a_rate_that_is_allowed_can_be_written(tmp_path, sample_rate):
    for ending in ENDINGS:
        with AudioWriter(tmp_path / f"a{ending}", sample_rate) as file:
            file.write(np.zeros(10))
        assert soundfile.info(tmp_path / f"a{ending}").samplerate == sample_rate


@pytest.mark.parametrize("shape", [(10,), (10, 3), (10, 2, 1)])
def test_samples_of_another_shape_are_refused(tmp_path, shape):
    with AudioWriter(tmp_path / "a.wav", 44_100, 2) as file, pytest.raises(FormatError, match="2 channels"):
        file.write(np.zeros(shape, np.float32))


def test_a_wav_file_over_the_format_s_limit_is_refused_and_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(audio_file, "_MAX_WAV_DATA_BYTES", 100)
    with pytest.raises(FormatError, match="4 GiB"), AudioWriter(tmp_path / "a.wav", 44_100) as file:
        file.write(np.zeros(51, np.float32))
    assert not list(tmp_path.iterdir())
    with AudioWriter(tmp_path / "a.flac", 44_100) as file:
        file.write(np.zeros(51, np.float32))


@pytest.mark.parametrize(("ending", "n_blocks"), [(".wav", 20), *((e, n) for e in ENDINGS for n in (21, 25, 60))])
def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path, ending, n_blocks):
    noise = np.random.default_rng(0).uniform(-1, 1, (n_blocks, 1000))
    path = tmp_path / f"a{ending}"

    def write() -> None:
        with AudioWriter(path, 8_000) as file:
            for block in noise:
                file.write(block)

    with room_for(40_000), pytest.raises(FormatError, match="room on the disk"):
        write()
    assert not list(tmp_path.iterdir())


def test_a_machine_without_libsndfile_says_so(tmp_path, monkeypatch):
    (tmp_path / "soundfile.py").write_text('raise OSError("sndfile library not found")\n')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "soundfile")
    with pytest.raises(FormatError, match="libsndfile is missing"), AudioWriter(tmp_path / "a.wav", 8_000):
        pass


def test_writing_outside_the_block_is_refused(tmp_path):
    with pytest.raises(FormatError, match="not open"):
        AudioWriter(tmp_path / "a.wav", 44_100).write(np.zeros(1, np.float32))


@each_ending
@pytest.mark.parametrize("name", ["none/a", "folder"])
def test_a_place_that_cannot_be_written_is_named(tmp_path, name, ending):
    (tmp_path / f"folder{ending}").mkdir()
    (tmp_path / f"folder{ending}" / "full").touch()
    with (
        pytest.raises(FormatError, match="cannot be written"),
        AudioWriter(tmp_path / f"{name}{ending}", 44_100) as file,
    ):
        file.write(np.zeros(1, np.float32))
    assert [path.name for path in tmp_path.iterdir()] == [f"folder{ending}"]


@each_ending
def test_a_name_that_is_no_utf_8_works(tmp_path: Path, ending: str) -> None:
    try:
        (tmp_path / "o\udcfc").touch()
    except OSError:
        pytest.skip("this file system has no such names")
    with AudioWriter(tmp_path / f"o\udcfc{ending}", 8_000) as file:
        file.write(np.zeros(9))
    assert (tmp_path / f"o\udcfc{ending}").is_file()


def test_an_atomic_path_replaces_only_when_the_block_ends_well(tmp_path):
    target = tmp_path / "a.bin"
    with atomic_path(target) as partial:
        partial.write_bytes(b"one")
    with pytest.raises(ValueError, match="no"), atomic_path(target) as partial:  # noqa: PT012
        partial.write_bytes(b"two")
        raise ValueError("no")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"one"]
