"""16-bit PCM WAV files, written as the samples come."""

import wave
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.errors import FormatError
from livegen.formats.files import atomic_path

_SAMPLE_BYTES: Final = 2
_FULL_SCALE: Final = 32_767
_MAX_DATA_BYTES: Final = 2**32 - 2**10  # the header counts in 32 bits


class WavWriter:
    """Write a WAV file bit by bit; it appears under its name when it is whole, or not at all.

    Samples are rounded to the nearest level, without dither: the chip's own steps are far coarser than 16 bits,
    and the same samples give the same bytes. What is beyond -1..1 clips, and what is no number is silence.

    Parameters
    ----------
    path : Path
    sample_rate : int
        In Hz, 1..384000.
    n_channels : int, optional
        1..32.

    Raises
    ------
    FormatError
        If a parameter is out of range, the file cannot be written, or it would grow over 4 GiB.
    """

    def __init__(self, path: Path, sample_rate: int, n_channels: int = 1) -> None:
        if not 1 <= sample_rate <= 384_000:
            raise FormatError(f"{path.name} cannot have a sample rate of {sample_rate} Hz: 1 to 384000 is allowed")
        if not 1 <= n_channels <= 32:
            raise FormatError(f"{path.name} cannot have {n_channels} channels: 1 to 32 is allowed")
        self.path, self.sample_rate, self.n_channels = path, sample_rate, n_channels
        self._stack = ExitStack()
        self._file: wave.Wave_write | None = None
        self._n_bytes = 0

    def __enter__(self) -> "WavWriter":
        with ExitStack() as stack:
            partial = stack.enter_context(atomic_path(self.path))
            raw = stack.enter_context(partial.open("wb"))
            file = stack.enter_context(wave.open(raw, "wb"))
            file.setparams((self.n_channels, _SAMPLE_BYTES, self.sample_rate, 0, "NONE", "not compressed"))
            self._stack = stack.pop_all()
        self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file = None
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
        if self._n_bytes > _MAX_DATA_BYTES:
            raise FormatError(f"{self.path.name} would grow over 4 GiB, the most that a WAV file can hold: render less")
        bounded = np.clip(np.nan_to_num(columns, nan=0.0), -1.0, 1.0)
        self._file.writeframesraw(np.rint(bounded * _FULL_SCALE).astype("<i2").tobytes())
