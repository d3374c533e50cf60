"""The samples of a patch's drums: where they come from, and where they lie in the console's memory.

A patch names a file beside it, or holds the bytes itself, as a patch in a take does: ``"data:"`` and base64.
"""

import base64
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np

from livegen.apu.dmc import FIRST_SAMPLE_OFFSET, LONGEST_SAMPLE_BYTES, MEMORY_BYTES, SAMPLE_ALIGNMENT
from livegen.errors import FormatError
from livegen.patch.delta import Encoded, encode, padded
from livegen.toml.text import TEXT_LENGTH_MAX

MEMORY_MAX: Final = MEMORY_BYTES - FIRST_SAMPLE_OFFSET - SAMPLE_ALIGNMENT
"""Bytes from $C000 on that samples can take; the last 64 are kept for a rest."""

SAMPLE_RATE_DEFAULT: Final = 15
"""Rate index of a drum that says none: 33.1 kHz."""

SAMPLE_ENDINGS: Final = (".dmc", ".wav")
SOUND_SECONDS_MAX: Final = 10  # the longest sample at the slowest rate lasts 7.8 s
FILE_BYTES_MAX: Final = 32 << 20

_DATA: Final = "data:"
_WAV_BEGINNINGS: Final = (b"RIFF", b"RIFX", b"RF64", b"riff")


def read_sample(text: str, folder: Path | None, rate: int) -> bytes:
    """Return the bytes of a sample that a patch names, as many as the chip can count.

    Parameters
    ----------
    text : str
        What the patch says.
    folder : Path or None
        Where its file lies; None if it has none, and then only data are read.
    rate : int
        Rate index at which it is played; a sound is encoded for it.

    Raises
    ------
    FormatError
        If there is no such sample, or it is longer than the chip can play. It does not say where the patch says so.
    """
    if text.startswith(_DATA):
        try:
            return _checked("the sample", base64.b64decode(text.removeprefix(_DATA), validate=True))
        except ValueError as error:
            raise FormatError(f"the sample's data are damaged ({error}): name its file instead") from None
    if not text.lower().endswith(SAMPLE_ENDINGS):
        raise FormatError(f"{text!r} is no sample: give a file that ends in {' or '.join(SAMPLE_ENDINGS)}")
    if folder is None:
        raise FormatError(f"{text!r} cannot be found, because the patch is in no folder: give its path")
    if not text.isprintable() or len(text) > TEXT_LENGTH_MAX:
        raise FormatError(f"{text[:40]!r} is no name of a file: a line of up to {TEXT_LENGTH_MAX} characters is one")
    path = folder / text
    if path.suffix.lower() == ".dmc":
        return read_dmc(path)
    return encode_file(path, rate).data


def read_dmc(path: Path) -> bytes:
    """Return the bytes of a .dmc file, with a rest up to a length that the chip can count; raises FormatError."""
    _check_file(path)
    try:
        with path.open("rb") as file:
            return _checked(path.name, file.read(MEMORY_BYTES + 1))
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror}") from None


def encode_file(path: Path, rate: int) -> Encoded:
    """Return a .wav file, its channels as one, as a sample for a rate index; raises FormatError."""
    import soundfile

    _check_file(path)
    try:
        with path.open("rb") as opened:
            if opened.read(4) not in _WAV_BEGINNINGS:  # as others libsndfile would try MPEG, which talks on stderr
                raise FormatError(f"{path.name} is no sound that can be read: save it as a WAV file")
        with soundfile.SoundFile(path) as file:
            sample_rate = file.samplerate
            if file.frames > min(SOUND_SECONDS_MAX * sample_rate, FILE_BYTES_MAX):
                raise FormatError(f"{path.name} lasts over {SOUND_SECONDS_MAX} s, and no sample does: cut it")
            sound = file.read(file.frames, dtype="float64", always_2d=True)
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror}") from None
    except soundfile.LibsndfileError as error:
        raise FormatError(f"{path.name} is no sound that can be read: {error.error_string}") from None
    if not len(sound) or not np.isfinite(sound).all():
        raise FormatError(f"{path.name} has no sound in it, or numbers that are none: save it again")
    try:
        return encode(sound.mean(axis=1), float(sample_rate), rate)
    except FormatError as error:
        raise FormatError(f"{path.name}: {error}") from None


def embedded(text: str, samples: dict[str, bytes]) -> str:
    """Return the TOML of a patch with the samples of its drums in it, by their keys, instead of the files' names."""
    if not samples:
        return text
    import tomlkit

    patch: Any = tomlkit.parse(text)
    for key, data in samples.items():
        patch["drums"][key]["sample"] = _DATA + base64.b64encode(data).decode("ascii")
    return tomlkit.dumps(patch)


def sample_places(samples: Iterable[bytes]) -> dict[bytes, int]:
    """Return where samples lie, in bytes from $C000, each content once; those that find no room have no place."""
    places: dict[bytes, int] = {}
    end = 0
    for sample in samples:
        n_bytes = -(-len(sample) // SAMPLE_ALIGNMENT) * SAMPLE_ALIGNMENT
        if sample not in places and end + n_bytes <= MEMORY_MAX:
            places[sample] = end
            end += n_bytes
    return places


def _check_file(path: Path) -> None:
    try:
        if not path.is_file():
            raise FormatError(f"{path} is not a file: give the name of a file that lies beside the patch")
        if path.stat().st_size > FILE_BYTES_MAX:
            raise FormatError(f"{path.name} has over {FILE_BYTES_MAX >> 20} MiB, more than any sample: cut it")
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror}") from None


def _checked(name: str, data: bytes) -> bytes:
    if not data:
        raise FormatError(f"{name} is empty: a sample has 1 to {LONGEST_SAMPLE_BYTES:,} bytes")
    if len(data) > LONGEST_SAMPLE_BYTES:
        over = "over " if len(data) > MEMORY_BYTES else ""
        raise FormatError(
            f"{name} has {over}{min(len(data), MEMORY_BYTES):,} bytes, and the chip plays up to "
            f"{LONGEST_SAMPLE_BYTES:,}: cut it off at byte {LONGEST_SAMPLE_BYTES:,}"
        )
    return padded(data)
