"""16-bit WAV files, and that a file appears whole or not at all."""

import wave

import numpy as np
import pytest
from scipy.io import wavfile

from livegen.errors import FormatError
from livegen.formats import wav
from livegen.formats.files import atomic_path
from livegen.formats.wav import WavWriter


def test_samples_are_rounded_and_clipped_to_16_bits(tmp_path):
    level = 1 / 32_767
    samples = [0.0, 1.0, -1.0, 2.0, -2.0, 0.4 * level, 0.6 * level, -0.6 * level, np.nan, np.inf, -np.inf]
    with WavWriter(tmp_path / "a.wav", 44_100) as file:
        file.write(np.array(samples, np.float32))
    rate, read = wavfile.read(tmp_path / "a.wav")
    assert rate == 44_100
    assert read.dtype == np.int16
    assert read.tolist() == [0, 32767, -32767, 32767, -32767, 0, 1, -1, 0, 32767, -32767]


@pytest.mark.parametrize("n_channels", [1, 2, 4])
def test_blocks_make_the_same_bytes_as_one_piece(tmp_path, n_channels):
    samples = np.random.default_rng(1).uniform(-1, 1, (1000, n_channels)).astype(np.float32)
    for name, cuts in (("one", []), ("many", [1, 5, 5, 700])):
        with WavWriter(tmp_path / f"{name}.wav", 48_000, n_channels) as file:
            for block in np.split(samples, cuts):
                file.write(block)
    assert (tmp_path / "one.wav").read_bytes() == (tmp_path / "many.wav").read_bytes()
    with wave.open(str(tmp_path / "one.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (n_channels, 2, 48_000)
        assert file.getnframes() == 1000
    _, read = wavfile.read(tmp_path / "one.wav")
    assert np.abs(read.reshape(1000, n_channels) / 32_767 - samples).max() <= 0.5 / 32_767 + 1e-7


def test_an_empty_file_is_a_wav_file(tmp_path):
    with WavWriter(tmp_path / "a.wav", 44_100):
        pass
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getnframes() == 0


def test_a_broken_render_leaves_what_was_there(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"the last take")
    with pytest.raises(KeyboardInterrupt), WavWriter(tmp_path / "a.wav", 44_100) as file:  # noqa: PT012
        file.write(np.zeros(10, np.float32))
        raise KeyboardInterrupt
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"the last take"]


def test_the_file_appears_at_the_end(tmp_path):
    with WavWriter(tmp_path / "a.wav", 44_100) as file:
        file.write(np.zeros(10, np.float32))
        assert not (tmp_path / "a.wav").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize(
    ("arguments", "says"), [((0,), "0 Hz"), ((10**6,), "1000000 Hz"), ((44_100, 0), "0 channels"), ((8000, 33), "33")]
)
def test_a_parameter_out_of_range_is_named(tmp_path, arguments, says):
    with pytest.raises(FormatError, match=says):
        WavWriter(tmp_path / "a.wav", *arguments)


@pytest.mark.parametrize("shape", [(10,), (10, 3), (10, 2, 1)])
def test_samples_of_another_shape_are_refused(tmp_path, shape):
    with WavWriter(tmp_path / "a.wav", 44_100, 2) as file, pytest.raises(FormatError, match="2 channels"):
        file.write(np.zeros(shape, np.float32))


def test_a_file_over_the_formats_limit_is_refused_and_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(wav, "_MAX_DATA_BYTES", 100)
    with pytest.raises(FormatError, match="4 GiB"), WavWriter(tmp_path / "a.wav", 44_100) as file:
        file.write(np.zeros(51, np.float32))
    assert not list(tmp_path.iterdir())


def test_writing_outside_the_block_is_refused(tmp_path):
    with pytest.raises(FormatError, match="not open"):
        WavWriter(tmp_path / "a.wav", 44_100).write(np.zeros(1, np.float32))


@pytest.mark.parametrize("name", ["none/a.wav", "folder"])
def test_a_place_that_cannot_be_written_is_named(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "full").touch()
    with pytest.raises(FormatError, match="cannot be written"), WavWriter(tmp_path / name, 44_100) as file:
        file.write(np.zeros(1, np.float32))
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_an_atomic_path_replaces_only_when_the_block_ends_well(tmp_path):
    target = tmp_path / "a.bin"
    with atomic_path(target) as partial:
        partial.write_bytes(b"one")
    with pytest.raises(ValueError, match="no"), atomic_path(target) as partial:  # noqa: PT012
        partial.write_bytes(b"two")
        raise ValueError("no")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"one"]
