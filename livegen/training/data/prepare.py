"""Songs of any kind as two packed splits, which are read in a moment and are the same bytes each time.

What a split of `livegen.training.data.sources.load_songs` says is kept: the frames, the beats, and what of a jam there
is to learn. Where NES-MDB's songs lie beside it as MIDI files, from whose exact times windows are cut, these come, too.
"""

import json
import shutil
from pathlib import Path
from typing import Any, Final

import numpy as np

from livegen.errors import TrainingError
from livegen.formats.files import atomic_path
from livegen.formats.score.nesmdb import Split, save_split
from livegen.training.data.doubles import Doubles
from livegen.training.data.songs import Songs
from livegen.training.data.sources import TRAIN, VALID, Heard, Listener, has_split, is_archive, load_songs, midi_archive

ABOUT_FILE: Final = "data.json"
_NO_BEAT: Final = (np.nan, np.nan)


def prepare(data: Path, out: Path, listener: Listener | None = None, *, is_strict: bool = False) -> dict[str, Any]:
    """Write songs as packed splits, which `livegen.training.data.sources.load_songs` takes as data.

    Parameters
    ----------
    data : Path
        Songs, as `load_songs` takes them, or a folder with nothing in it but an archive of them.
    out : Path
        A folder, made if need be: ``train.npz``, ``valid.npz`` if there is such a split, and ``data.json``, which says
        of each how many songs and frames it has and their hash, and what was left out.

    Returns
    -------
    dict
        What ``data.json`` says.

    Raises
    ------
    TrainingError
        If there is no such data, it cannot be read, or the folder cannot be written.
    FormatError
        If a file cannot be written.
    """
    heard, doubles = Heard(listener), Doubles()
    data = _only_archive(data) or data
    about: dict[str, Any] = {}
    try:
        out.mkdir(parents=True, exist_ok=True)
        for split in (TRAIN, VALID):
            if split == VALID and not has_split(data, VALID):
                continue
            songs = load_songs(data, split, heard, is_strict=is_strict, doubles=doubles)
            save_split(out / f"{split}.npz", _packed(songs))
            archive = midi_archive(data, split) if data.is_dir() else None
            if archive is not None:
                shutil.copyfile(archive, out / archive.name)
            about[split] = {"songs": len(songs), "frames": songs.n_frames, "sha256": songs.digest()}
    except OSError as error:
        raise TrainingError(f"{error.filename or out} cannot be used: {error.strerror or error}") from error
    about["left_out"] = heard.warnings
    with atomic_path(out / ABOUT_FILE) as partial:
        partial.write_text(json.dumps(about, indent=2) + "\n", "utf-8")
    return about


def read_prepared(data: Path) -> dict[str, Any]:
    """Return what `prepare` wrote of its songs; empty if the data is not its work."""
    try:
        found = json.loads((data / ABOUT_FILE).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _packed(songs: Songs) -> Split:
    beats = [_NO_BEAT if beat is None else (beat.period_frames, beat.phase) for beat in songs.beats]
    names = tuple(f"{i:05d}" for i in range(len(songs)))
    return Split(songs.frames, songs.offsets, names, np.array(beats, np.float64), songs.is_learnt)


def _only_archive(folder: Path) -> Path | None:
    """Return the archive, or packed split, that is all a folder has in it, as `livegen fetch` leaves it; else None."""
    found = list(folder.iterdir()) if folder.is_dir() else []
    return found[0] if len(found) == 1 and is_archive(found[0]) else None
