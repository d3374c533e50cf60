"""16-bit WAV and FLAC files, written as the samples come.

libsndfile writes them. The package soundfile, which contains it, is imported when a file is opened, so that everything
else works where the library is missing.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.errors import FormatError
from livegen.formats.files import atomic_path

_FORMATS: Final = {".wav": "WAV", ".flac": "FLAC"}

DEFAULT_SAMPLE_RATE_HZ: Final = 48_000
AUDIO_ENDINGS: Final = tuple(_FORMATS)
"""How the name of an audio file may end."""

_SAMPLE_BYTES: Final = 2
_FULL_SCALE: Final = 32_767
_MAX_SAMPLE_RATE_HZ: Final = 384_000
_MAX_WAV_DATA_BYTES: Final = 2**32 - 2**10  # the header counts in 32 bits
_MAX_CHANNELS: Final = {"WAV": 32, "FLAC": 8}
# From here on FLAC counts the sample rate in tens of hertz: https://www.rfc-editor.org/rfc/rfc9639#section-9.1.2.
_FLAC_TENS_FROM_HZ: Final = 65_536


class AudioWriter:
    """Writes an audio file piece by piece. The file appears under its name only when it is complete.

    Samples are rounded to the nearest level of 16 bits, without dither: the chip's own steps are far coarser, and
    the same samples then always give the same bytes. Samples beyond -1..1 clip, and NaN becomes silence.

    Parameters
    ----------
    path : Path
        Its ending, .wav or .flac, decides the format.
    sample_rate : int
        In Hz, 1..384000; for FLAC a multiple of ten from 65,536 on.
    n_channels : int, optional
        1..32; for FLAC 1..8.

    Attributes
    ----------
    n_clipped : int
        Number of samples so far that were beyond -1..1.

    Raises
    ------
    FormatError
        If a parameter is out of range, the file cannot be written, a WAV file would grow over 4 GiB, or a FLAC file
        would be empty.
    """

    def __init__(self, path: Path, sample_rate: int, n_channels: int = 1) -> None:
        kind = _FORMATS.get(path.suffix.lower())
        if kind is None:
            raise FormatError(f"{path.name} is no audio file by its name: it must end in {' or '.join(_FORMATS)}")
        if not 1 <= sample_rate <= _MAX_SAMPLE_RATE_HZ:
            raise FormatError(
                f"{path.name} cannot have a sample rate of {sample_rate} Hz: 1 to {_MAX_SAMPLE_RATE_HZ} is allowed"
            )
        if kind == "FLAC" and sample_rate >= _FLAC_TENS_FROM_HZ and sample_rate % 10:
            raise FormatError(
                f"{path.name} cannot have a sample rate of {sample_rate} Hz: from {_FLAC_TENS_FROM_HZ} on, FLAC has "
                "multiples of ten"
            )
        if not 1 <= n_channels <= _MAX_CHANNELS[kind]:
            raise FormatError(f"{path.name} cannot have {n_channels} channels: 1 to {_MAX_CHANNELS[kind]} is allowed")
        self.path, self.sample_rate, self.n_channels, self.n_clipped = path, sample_rate, n_channels, 0
        self._format = kind
        self._stack = ExitStack()
        self._file: Any = None
        self._n_bytes = 0

    def __enter__(self) -> "AudioWriter":
        soundfile = _soundfile()
        with ExitStack() as stack:
            partial = stack.enter_context(atomic_path(self.path))
            partial.open("wb").close()  # Python says why a file cannot be made; libsndfile does not
            stack.enter_context(_one_sentence(self.path))
            name = str(partial) if sys.platform == "win32" else os.fsencode(partial)
            file = soundfile.SoundFile(name, "w", self.sample_rate, self.n_channels, "PCM_16", format=self._format)
            self._file = stack.enter_context(file)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file = None
        if kind is None and self._n_bytes == 0 and self._format == "FLAC":  # libsndfile would leave it without a header
            error = FormatError(f"{self.path.name} would be empty, which FLAC cannot be: write a .wav file")
            self._stack.__exit__(FormatError, error, None)
            raise error
        self._stack.__exit__(kind, error, trace)

    def write(self, samples: NDArray[np.floating]) -> None:
        """Append samples of -1..1, shape (n,) for one channel or (n, n_channels)."""
        if self._file is None:
            raise FormatError(f"{self.path.name} is not open: write inside the with block")
        columns = samples[:, None] if samples.ndim == 1 else samples
        if columns.ndim != 2 or columns.shape[1] != self.n_channels:
            raise FormatError(
                f"{self.path.name} has {self.n_channels} channels, and samples {samples.shape} do not fit"
            )
        self._n_bytes += columns.size * _SAMPLE_BYTES
        if self._format == "WAV" and self._n_bytes > _MAX_WAV_DATA_BYTES:
            raise FormatError(
                f"{self.path.name} would grow over 4 GiB, the most that a WAV file can hold: write .flac, or less"
            )
        numbers = np.nan_to_num(columns, nan=0.0)
        self.n_clipped += int(np.count_nonzero(np.abs(numbers) > 1.0))
        levels = np.rint(np.clip(numbers, -1.0, 1.0) * _FULL_SCALE).astype(np.int16)
        with _one_sentence(self.path):
            self._file.write(levels)


def _soundfile() -> Any:
    try:
        import soundfile
    except OSError as error:
        raise FormatError(
            "the system library libsndfile is missing: install it (Debian: apt install libsndfile1; macOS: brew "
            "install libsndfile)"
        ) from error
    return soundfile


@contextmanager
def _one_sentence(path: Path) -> Iterator[None]:
    """Turn an error of libsndfile into one sentence for the user."""
    try:
        yield
    except _soundfile().LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        raise FormatError(f"{path} cannot be written ({reason}): is there room on the disk?") from error
