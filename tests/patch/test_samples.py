"""Samples: what a patch may name, one bit deep and what that costs, and where they lie in memory."""

import runpy
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.io import wavfile

from livegen.apu.dmc import LONGEST_SAMPLE_BYTES
from livegen.errors import FormatError, PatchError
from livegen.patch import load_patch, parse_patch, patch_text
from livegen.patch.delta import REST, bit_rate_hz, encode, padded
from livegen.patch.samples import MEMORY_MAX, encode_file, read_sample, sample_places
from livegen.system.resources import patches_folder

RATE = 48_000


def levels_of(data: bytes) -> NDArray[np.int64]:
    """Return the level after each bit, from 0 on, as the page APU_DMC says."""
    level, levels = 0, []
    for bit in np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little").tolist():
        if bit and level <= 125:
            level += 2
        elif not bit and level >= 2:
            level -= 2
        levels.append(level)
    return np.array(levels)


def sine(hz: float, seconds: float, level: float = 0.5) -> NDArray[np.float64]:
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


@pytest.mark.parametrize(("rate", "least_db"), [(15, 25), (12, 20), (8, 12)])
def test_a_low_tone_is_followed_and_its_noise_is_what_is_said(rate: int, least_db: float) -> None:
    encoded = encode(sine(100, 0.2), RATE, rate)
    levels, n = levels_of(encoded.data), round(0.2 * bit_rate_hz(rate))
    time = np.arange(n) / bit_rate_hz(rate)
    begin = round(0.002 * bit_rate_hz(rate))
    tone = 31.5 * np.sin(2 * np.pi * 100 * time)
    error = (levels[:n] - 31.5 - tone)[begin:]
    noise_db = 10 * np.log10(np.sum(tone[begin:] ** 2) / np.sum(error**2))
    assert encoded.noise_db == pytest.approx(noise_db, abs=0.3)
    assert encoded.noise_db > least_db


@settings(max_examples=examples(40))
@given(
    st.lists(st.floats(-2, 2), max_size=400).map(np.array),
    st.sampled_from([8_000.0, 44_100.0, 192_000.0]),
    st.integers(0, 15),
)
def test_any_sound_begins_and_ends_at_rest(sound: NDArray[np.float64], sample_rate: float, rate: int) -> None:
    encoded = encode(sound.astype(np.float64), sample_rate, rate)
    assert len(encoded.data) % 16 == 1
    levels = levels_of(encoded.data)
    assert levels[-1] <= 4
    assert levels.max() <= 127


def test_a_sound_that_is_too_long_is_refused_with_what_fits() -> None:
    with pytest.raises(FormatError, match=r"lasts 1\.00 s.*sample_rate 15.*plays 0\.97 s"):
        encode(sine(100, 1.0), RATE, 15)
    assert len(encode(sine(100, 1.0), RATE, 14).data) <= LONGEST_SAMPLE_BYTES


@pytest.mark.parametrize(("n", "expected"), [(1, 1), (2, 17), (17, 17), (18, 33), (4081, 4081)])
def test_a_length_that_the_chip_cannot_count_is_filled_with_rest(n: int, expected: int) -> None:
    data = padded(b"\1" * n)
    assert (len(data), data[:n], set(data[n:])) == (expected, b"\1" * n, {REST} if expected > n else set())


@pytest.mark.parametrize("n", [4082, 5000, 32_768, 1 << 17])
def test_a_dmc_file_longer_than_the_chip_can_address_is_refused(tmp_path: Path, n: int) -> None:
    (tmp_path / "long.dmc").write_bytes(bytes(n))
    with pytest.raises(PatchError) as refused:
        patch_with(tmp_path, "long.dmc")
    sentence = str(refused.value)
    assert sentence.count("\n") == 0
    assert "line 2" in sentence
    assert f"{min(n, 32_768):,} bytes" in sentence
    assert "cut it off at byte 4,081" in sentence


def patch_with(folder: Path, sample: str, more: str = "") -> bytes | None:
    path = folder / "kit.toml"
    path.write_text(f'[drums.36]\nsample = "{sample}"\n{more}', encoding="utf-8")
    return load_patch(path).drums[36].sample


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        ("nope.dmc", "not a file"),
        ("kick.mp3", ".dmc or .wav"),
        ("empty.dmc", "empty"),
        ("folder.dmc", "not a file"),
        ("text.wav", "no sound that can be read"),
        ("silent.wav", "no sound in it"),
        ("long.wav", "sample_rate 15"),
        ("hours.wav", "over 10 s"),
        ("data:", "empty"),
        ("data:!!", "damaged"),
        ("data:é", "damaged"),
        ("x" * 300 + ".dmc", "no name of a file"),
    ],
)
def test_what_is_no_sample_is_refused_in_a_sentence(tmp_path: Path, sample: str, words: str) -> None:
    (tmp_path / "empty.dmc").touch()
    (tmp_path / "folder.dmc").mkdir()
    (tmp_path / "text.wav").write_text("RIFF, but not really")
    for name, sound in (("silent", np.zeros(0)), ("long", sine(50, 2)), ("hours", np.zeros(11 * RATE))):
        wavfile.write(tmp_path / f"{name}.wav", RATE, (sound * 32_767).astype(np.int16))
    with pytest.raises(PatchError, match=words) as refused:
        patch_with(tmp_path, sample)
    assert "kit.toml, line 2" in str(refused.value)
    assert len(str(refused.value)) < 400


def test_a_wav_file_is_encoded_for_its_rate(tmp_path: Path) -> None:
    wavfile.write(tmp_path / "kick.wav", RATE, (sine(80, 0.1) * 32_767).astype(np.int16))
    for rate in (15, 9):
        assert (
            patch_with(tmp_path, "kick.wav", f"sample_rate = {rate}") == encode_file(tmp_path / "kick.wav", rate).data
        )


def test_the_text_of_a_patch_carries_its_samples_into_a_take(tmp_path: Path) -> None:
    (tmp_path / "kick.dmc").write_bytes(b"\x0f" * 33)
    patch_with(tmp_path, "kick.dmc", "note = 3 # a remark\n[drums.38]\nnote = 9\n")
    text = patch_text(tmp_path / "kit.toml")
    assert "# a remark" in text
    assert parse_patch(text, "the take", "kit") == load_patch(tmp_path / "kit.toml")
    plain = (patches_folder() / "plain.toml").read_text(encoding="utf-8")
    assert patch_text("plain") == plain


def test_samples_that_have_no_room_together_are_refused(tmp_path: Path) -> None:
    text = ""
    for key in range(5):
        (tmp_path / f"{key}.dmc").write_bytes(bytes([key]) * 4081)
        text += f'[drums.{key}]\nsample = "{key}.dmc"\n'
    with pytest.raises(PatchError, match=r"line 8: drums\.3\.sample has no room.*16,320"):
        parse_patch(text, "kit.toml", "kit", tmp_path)
    alike = "".join(f'[drums.{key}]\nsample = "0.dmc"\n' for key in range(20))
    assert len(parse_patch(alike, "kit.toml", "kit", tmp_path).drums) == 20


@given(st.lists(st.integers(0, 255).map(lambda n: padded(bytes([n]) * (16 * n + 1))), max_size=12))
def test_samples_lie_apart_where_the_chip_can_begin(samples: list[bytes]) -> None:
    places = sample_places(samples)
    spans = sorted((place, place + len(sample)) for sample, place in places.items())
    assert all(begin % 64 == 0 for begin, _ in spans)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))
    assert all(end <= MEMORY_MAX for _, end in spans)


@settings(max_examples=examples(100))
@given(st.binary(max_size=300), st.sampled_from([".dmc", ".wav"]), st.integers(0, 15))
def test_any_bytes_are_a_sample_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, ending: str, rate: int
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{ending}"
    path.write_bytes(content)
    try:
        sample = read_sample(path.name, path.parent, rate)
    except FormatError as error:
        assert "\n" not in str(error)
    else:
        assert len(sample) % 16 == 1
        assert len(sample) <= LONGEST_SAMPLE_BYTES


@settings(max_examples=examples(100))
@given(st.text())
def test_any_text_is_a_sample_or_one_sentence(text: str) -> None:
    for named in (text, f"data:{text}", f"{text}.dmc"):
        try:
            assert len(read_sample(named, patches_folder() / "samples", 15)) % 16 == 1
        except FormatError as error:
            assert "\n" not in str(error)


def test_the_samples_that_ship_are_those_that_the_script_makes() -> None:
    made = runpy.run_path(str(patches_folder().parent / "tools" / "make_samples.py"))["samples"]()
    there = {path.name: path.read_bytes() for path in (patches_folder() / "samples").iterdir()}
    assert there.keys() == made.keys()
    for name, data in there.items():
        assert data == made[name]
