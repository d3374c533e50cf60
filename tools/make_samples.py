"""Synthesises the samples that livegen ships: `python tools/make_samples.py` writes them to patches/samples.

A kick, whose pitch falls and whose beater clicks, and a snare, two modes of a skin and the rattle of wires. Nothing in
them is recorded. `python tools/make_samples.py --check` says whether the files are those that this script makes.
"""

import sys

import numpy as np
from numpy.typing import NDArray

from livegen.patch.delta import encode
from livegen.patch.samples import SAMPLE_RATE_DEFAULT
from livegen.system.resources import patches_folder

RATE_HZ = 48_000


def kick() -> NDArray[np.float64]:
    """Return a sine that falls from 190 to 48 Hz in a fifth of a second, and a click."""
    time = np.arange(round(0.17 * RATE_HZ)) / RATE_HZ
    hz = 48 + 142 * np.exp(-time / 0.022)
    skin = np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ) * np.exp(-time / 0.06)
    click = np.sin(2 * np.pi * 1800 * time) * np.exp(-time / 0.0025)
    return _faded(0.9 * skin + 0.25 * click)


def snare() -> NDArray[np.float64]:
    """Return two modes of a skin, at 185 and 330 Hz, and noise between 1 and 8 kHz that rings longer."""
    time = np.arange(round(0.16 * RATE_HZ)) / RATE_HZ
    skin = np.sin(2 * np.pi * 185 * time) + 0.6 * np.sin(2 * np.pi * 330 * time)
    spectrum = np.fft.rfft(np.random.default_rng(1).standard_normal(len(time)))
    hz = np.fft.rfftfreq(len(time), 1 / RATE_HZ)
    wires = np.fft.irfft(spectrum * np.exp(-((np.log2(np.maximum(hz, 1) / 2800) / 1.2) ** 2)), len(time))
    return _faded(0.45 * skin * np.exp(-time / 0.035) + 0.22 * wires / wires.std() * np.exp(-time / 0.05))


def samples() -> dict[str, bytes]:
    """Return the content of each file by its name."""
    sounds = {"kick.dmc": kick(), "snare.dmc": snare()}
    return {name: encode(sound, RATE_HZ, SAMPLE_RATE_DEFAULT).data for name, sound in sounds.items()}


def main() -> int:
    """Write the files, or check them."""
    folder = patches_folder() / "samples"
    made = samples()
    if "--check" in sys.argv[1:]:
        return int(any((folder / name).read_bytes() != data for name, data in made.items()))
    folder.mkdir(exist_ok=True)
    for name, data in made.items():
        (folder / name).write_bytes(data)
    return 0


def _faded(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    n = RATE_HZ // 100
    sound[-n:] *= np.linspace(1.0, 0.0, n)
    return sound / np.abs(sound).max()


if __name__ == "__main__":
    sys.exit(main())
