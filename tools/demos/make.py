"""Makes the demos: `python tools/demos/make.py [NAME ...]`, or `make demos` for all.

Runs each command of demos/README.md, measures what it has played, and packs it as Opus. It fails if a demo does not
keep to `check.BARS`. With NES-MDB beside the checkout, or in the folder that `--songs` names, it looks for the nearest
passage of a training song; without it that figure stays where the notes are the same as before.
"""

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
from check import misses
from figures import Songs, key_and_share, level, longest_trill
from numpy.typing import NDArray
from table import FIGURES, FOLDER, Demo, read_table
from tunes import write_tunes

from livegen.cli.app import app
from livegen.cli.output import say
from livegen.formats.score.kinds import read_piece
from livegen.formats.score.nesmdb import load_split
from livegen.formats.score.piece import Piece

RATE_HZ: Final = 48_000
FADE_SECONDS: Final = 2.0
PEAK: Final = 0.8
COMPRESSION: Final = 0.75
"""Of libsndfile, which makes 70 kbit/s of it."""

NESMDB: Final = FOLDER.parents[1] / "shared" / "data" / "nesmdb"


def main() -> int:
    """Make the demos that are named, or all, and tell their figures; return 1 if one misses a bar."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("names", nargs="*", help="which demos; else all")
    options.add_argument("--songs", type=Path, default=NESMDB, help="folder of NES-MDB's train split")
    given = options.parse_args()
    write_tunes(FOLDER / "tunes")
    songs = _songs(given.songs / "nesmdb24_exprsco_train.npz")
    demos = [demo for demo in read_table() if demo.name in (given.names or demo.name)]
    failed = 0
    for demo in demos:
        piece, samples = played(demo)
        _pack(demo, samples)
        figures = measured(demo, piece.frames, songs)
        _keep(demo, figures)
        missed = misses(figures)
        failed += bool(missed)
        told = [f"{name} {value}" for name, value in figures.items()]
        say("; ".join([demo.name, *told, *(missed or ["all well"])]))
    return int(failed > 0)


def played(demo: Demo) -> tuple[Piece, NDArray[np.float64]]:
    """Run a demo's command twice, for the notes and for the sound; return the score and samples (n,)."""
    with working_folder() as folder:
        samples, _ = soundfile.read(run(demo, folder, ".flac"))
        return read_piece(run(demo, folder, ".mid")), samples


def run(demo: Demo, folder: Path, ending: str) -> Path:
    """Run a demo's command in the working folder for a file of another kind, and return it."""
    path = folder / f"{demo.name}{ending}"
    app([demo.words[1], path.name, *demo.words[3:]], standalone_mode=False)
    return path


def measured(demo: Demo, frames: NDArray[np.uint8], songs: Songs | None) -> dict[str, Any]:
    """Return what is told of a demo: of its sound as it was packed, and of its notes."""
    heard, rate = soundfile.read(demo.sound)
    loud = level(heard, rate)
    key, in_key = key_and_share(frames)
    digest = hashlib.sha256(frames.tobytes()).hexdigest()
    before = _known().get(demo.name, {})
    known = before.get("nearest") if before.get("notes") == digest else None
    return {
        "seconds": round(len(heard) / rate, 2),
        "peak": round(loud.peak, 3),
        "rms": round(loud.rms, 3),
        "longest_silence": loud.longest_silence,
        "longest_trill": round(longest_trill(frames), 2),
        "key": key,
        "in_key": round(in_key, 3),
        "nearest": songs.nearest(frames).told() if songs else known,
        "notes": digest,
    }


def _keep(demo: Demo, figures: dict[str, Any]) -> None:
    known = _known() | {demo.name: figures}
    in_order = {each.name: known[each.name] for each in read_table() if each.name in known}
    FIGURES.write_text(json.dumps(in_order, indent=1) + "\n", encoding="utf-8")


def _known() -> dict[str, Any]:
    return dict(json.loads(FIGURES.read_text(encoding="utf-8"))) if FIGURES.is_file() else {}


def _pack(demo: Demo, samples: NDArray[np.float64]) -> None:
    """Write the sound as Opus: as loud as the others, and faded at its end, which is no end of the music."""
    n = round(FADE_SECONDS * RATE_HZ)
    samples[-n:] *= np.linspace(1.0, 0.0, n) ** 2
    samples *= PEAK / np.abs(samples).max()
    with soundfile.SoundFile(demo.sound, "w", RATE_HZ, 1, "OPUS", format="OGG", compression_level=COMPRESSION) as file:
        file.write(samples)


def _songs(path: Path) -> Songs | None:
    if not path.is_file():
        say(f"{path.name} is not there, so nobody looks for copies: name its folder by --songs")
        return None
    split = load_split(path)
    return Songs(split.frames, split.offsets, list(split.names))


@contextlib.contextmanager
def working_folder() -> Iterator[Path]:
    """Be in a folder for a while that has the tunes."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        shutil.copytree(FOLDER / "tunes", Path(name) / "tunes")
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(before)


if __name__ == "__main__":
    sys.exit(main())
