"""Reads songs for training: from packed splits, folders of scores, MIDI files and takes, and archives of such folders.

Songs that lie under folders named "train" and "valid" are those splits, as in NES-MDB's own archives
(https://github.com/chrisdonahue/nesmdb). If there is no folder "train", a tenth of the songs is the valid split. A hash
of a song's name decides to which split it belongs, so it stays there when other songs are added or removed.
"""

import gzip
import hashlib
import math
import os
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol, cast

import numpy as np

from livegen.beat import Beat
from livegen.errors import FormatError, TrainingError
from livegen.formats.files import refuse
from livegen.formats.score.kinds import SCORE_SOURCE_ENDINGS
from livegen.formats.score.nesmdb import MAX_SPLIT_FRAMES, load_split
from livegen.takes.records import LOG_FILE
from livegen.training.data.doubles import Doubles
from livegen.training.data.exact_onsets import exact_beats
from livegen.training.data.song_file import SongFile, read_song_file
from livegen.training.data.songs import UNKNOWN, Songs, songs_of
from livegen.training.profile import phase

TRAIN: Final = "train"
VALID: Final = "valid"

MAX_SONGS: Final = 100_000
_MAX_SONG_BYTES: Final = 64 * 2**20
_MAX_ARCHIVE_BYTES: Final = 8 * 2**30
"""Most bytes that a single file of an archive, of whatever kind, and the whole archive may unpack to."""

_ARCHIVES: Final = (".tar.gz", ".tgz", ".tar")
_VALID_SHARE: Final = 0.1
_FEWEST_PARTED: Final = 5
"""Share of the songs in the valid split; with this many songs or more, at least one is in it."""

_MOST_NAMED: Final = 5
"""Bad files and damaged ones that are named, each in a line of its own, before the rest are only counted."""


class Listener(Protocol):
    """Is told what happens while songs are read."""

    def progress(self, what: str, done: float) -> None:
        """Take what is being read, and how much of it is done, 0..1."""

    def warn(self, sentence: str) -> None:
        """Hear of a file that was left out, or read in spite of damage."""


class Heard:
    """A listener that keeps the warnings, and passes everything on to another listener if there is one."""

    def __init__(self, listener: Listener | None = None) -> None:
        self.warnings: list[str] = []
        self._listener = listener

    def progress(self, what: str, done: float) -> None:
        """Pass the progress on."""
        if self._listener is not None:
            self._listener.progress(what, done)

    def warn(self, sentence: str) -> None:
        """Keep the warning and pass it on."""
        self.warnings.append(sentence)
        if self._listener is not None:
            self._listener.warn(sentence)


def has_split(data: Path, split: str) -> bool:
    """Tell whether a folder or archive has songs of a split; a single file has no splits, packed or not."""
    if data.is_dir() and _packed(data):
        return any(split in path.name for path in _packed(data))
    if data.is_file() and not is_archive(data):
        return False
    return bool(_wanted(data, _names(data), split))


@phase("reading")
def load_songs(
    data: Path,
    split: str,
    listener: Listener | None = None,
    *,
    is_strict: bool = False,
    doubles: Doubles | None = None,
) -> Songs:
    """Read the songs of a split.

    Parameters
    ----------
    data : Path
        One of: a folder with a packed .npz for each split, which has the split's name in its own, and beside it the
        same songs as MIDI files in a .zip named likewise, by which their beats are known exactly; a packed .npz, which
        is taken as the split whatever its name; a folder, or a .tar.gz of one, with NES-MDB's pickles, MIDI files, VGM
        files, livegen's scores or takes at any depth; a single such song. Of doubles the first is taken.
    split : str
        "train" or "valid".
    listener : Listener, optional
        Is told of progress, of files that cannot be read, of doubles, both of which are left out, and of damaged files.
    is_strict : bool
        Whether damaged files are left out, too.
    doubles : Doubles, optional
        Songs of another split, whose doubles are left out of this one; this one's are added. Packed splits are taken as
        they are.

    Raises
    ------
    TrainingError
        If there is no such data, it cannot be read, or the split has no song that can be used.
    """
    listener = listener or Heard()
    if not data.exists():
        raise TrainingError(f"there is no data at {data}: give a folder of songs, its .tar.gz, or an .npz split")
    try:
        packed = _packed_split(data, split)
        if packed is None:
            files = _read_each(data, split, listener, doubles or Doubles(), is_strict=is_strict)
        else:
            files = _packed_songs(packed, split, listener)
    except OSError as error:
        raise TrainingError(f"{error.filename or data} cannot be read: {error.strerror or error}") from error
    except FormatError as error:
        raise TrainingError(str(error)) from error
    files = [file for file in files if len(file.frames)]
    if not files:
        raise TrainingError(f"{data} holds no songs for the {split} split: it needs at least one frame")
    return songs_of([file.frames for file in files], [file.beat for file in files], [file.is_learnt for file in files])


def _packed(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.npz")) if TRAIN in path.name or VALID in path.name]


def _packed_split(data: Path, split: str) -> Path | None:
    """Return the file of a packed split, or None if `data` is something else."""
    if data.is_dir():
        packed = _packed(data)
        if not packed:
            return None
        found = [path for path in packed if split in path.name]
        if len(found) != 1:
            raise TrainingError(
                f"the folder {data} holds {len(found)} files named *{split}*.npz, and needs exactly one"
            )
        return found[0]
    return data if data.suffix.lower() == ".npz" else None


def _packed_songs(packed: Path, split: str, listener: Listener) -> list[SongFile]:
    """Return the songs of a packed split, with their beats as far as it, or a .zip beside it, tells them."""
    songs = load_split(packed)
    if songs.beats is not None:
        learnt = [None] * len(songs) if songs.is_learnt is None else np.split(songs.is_learnt, songs.offsets[1:-1])
        beats = [None if math.isnan(period) else Beat(period, phase) for period, phase in songs.beats.tolist()]
        return [SongFile(songs.song(i), beats[i], learnt[i]) for i in range(len(songs))]
    archive = midi_archive(packed.parent, split)
    exact: dict[str, Beat | None] = {}
    if archive is not None:
        exact = exact_beats(archive, songs.names, lambda done: listener.progress(f"reading {split} beats", done))
    return [SongFile(songs.song(i), exact.get(name, UNKNOWN)) for i, name in enumerate(songs.names)]


def midi_archive(folder: Path, split: str) -> Path | None:
    """Return the .zip of a split's songs as MIDI files; None if a folder has none, or several."""
    found = [path for path in folder.glob("*.zip") if split in path.name and "midi" in path.name.lower()]
    return found[0] if len(found) == 1 else None


def is_archive(data: Path) -> bool:
    """Tell by a path's name whether it is an archive of songs."""
    return data.name.lower().endswith(_ARCHIVES)


def _is_song(name: str) -> bool:
    """Tell whether a path is a song's by its name; those that begin with a dot are no music but a system's notes."""
    own = PurePosixPath(name).name
    return own == LOG_FILE or (name.lower().endswith(SCORE_SOURCE_ENDINGS) and not own.startswith("."))


def _names(data: Path) -> list[str]:
    """Return the paths of the songs in a folder or archive, with forward slashes, in order."""
    if data.is_dir():
        found = sorted(_walk(data))
    elif is_archive(data):
        with _members(data) as members:
            found = [member.name for member, _ in members]
    else:
        found = [data.name] if _is_song(data.name) else []
    if not found:
        raise TrainingError(
            f"{data} holds no songs: takes are, and files that end in {', '.join(SCORE_SOURCE_ENDINGS)}, in folders of "
            "any depth"
        )
    return found


def _walk(folder: Path) -> Iterator[str]:
    """Yield the songs of a folder and of the folders in it; raises OSError if one cannot be listed."""

    def fail(error: OSError) -> None:
        raise error

    songs = (
        Path(where) / name for where, _, files in os.walk(folder, onerror=fail) for name in filter(_is_song, files)
    )
    for n, path in enumerate(songs):
        if n >= MAX_SONGS:
            raise TrainingError(f"{folder} holds more than {MAX_SONGS:,} songs: choose a smaller folder")
        yield path.relative_to(folder).as_posix()


class _Bounded:
    """A stream that gives at most `_MAX_SONG_BYTES` between two calls of `allow`, and `_MAX_ARCHIVE_BYTES` in all."""

    def __init__(self, file: Any, name: str) -> None:
        self.file = file
        self.name = name
        self.left = 0
        self.left_in_all = _MAX_ARCHIVE_BYTES
        self.allow()

    def allow(self) -> None:
        self.left = _MAX_SONG_BYTES

    def read(self, size: int) -> bytes:
        data = self.file.read(size)
        self.left -= len(data)
        self.left_in_all -= len(data)
        if min(self.left, self.left_in_all) < 0:
            raise FormatError(
                f"{self.name} unpacks to over {_MAX_ARCHIVE_BYTES / 2**30:.0f} GiB, or one file in it to over "
                f"{_MAX_SONG_BYTES / 2**20:.0f} MiB: that is no data set of songs"
            )
        return data


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]]:
    """Yield an iterator over the songs in an archive, in its order, each with the open archive."""

    def each(tar: tarfile.TarFile, stream: _Bounded) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
        for n, member in enumerate(tar):
            stream.allow()
            if n >= MAX_SONGS:
                raise FormatError(f"{archive} holds more than {MAX_SONGS:,} files: that is no data set of songs")
            if member.isreg() and not member.issparse() and _is_song(member.name):
                yield member, tar

    try:
        with archive.open("rb") as raw:
            unpacked: Any = raw if archive.suffix.lower() == ".tar" else gzip.GzipFile(fileobj=raw)
            stream = _Bounded(unpacked, str(archive))
            with tarfile.open(fileobj=cast(Any, stream), mode="r|") as tar:
                yield each(tar, stream)
    except (FormatError, TrainingError):
        raise
    except Exception as error:  # what gzip, zlib and tarfile raise on broken bytes has no common base
        raise FormatError(f"{archive} is no archive that can be read, or it is damaged: {error}") from error


def _wanted(data: Path, names: Iterable[str], split: str) -> list[str]:
    """Return the songs of a folder or archive that belong to a split."""
    names = list(names)
    if not data.is_dir() and not is_archive(data):
        return names
    if data.name in (TRAIN, VALID):
        return names if data.name == split else []
    if any(TRAIN in PurePosixPath(name).parts[:-1] for name in names):
        return [name for name in names if split in PurePosixPath(name).parts[:-1]]
    place = {name: _place(name) for name in names}
    bound = _VALID_SHARE
    if len(names) >= _FEWEST_PARTED:  # at least one song must be in the valid split
        bound = max(bound, min(place.values()))
    elif max(place.values()) <= bound:
        bound = -1.0  # else there would be no song to learn from
    return [name for name in names if (place[name] <= bound) == (split == VALID)]


def _place(name: str) -> float:
    """Return the hash of a song's name, without folders and ending, as a number within 0..1; a take is its folder's."""
    path = PurePosixPath(name)
    stem = (path.parent if path.name == LOG_FILE else path).name.lower()
    for ending in SCORE_SOURCE_ENDINGS:
        stem = stem.removesuffix(ending)
    first = hashlib.blake2b(stem.encode("utf-8", "surrogateescape"), digest_size=4).digest()
    return int.from_bytes(first) / 2**32


def _read_each(data: Path, split: str, listener: Listener, doubles: Doubles, *, is_strict: bool) -> list[SongFile]:
    names = _names(data)
    wanted = _wanted(data, names, split)
    if not wanted:
        raise TrainingError(
            f"none of the {len(names)} songs in {data} are of the {split} split: put them into folders "
            f"named {TRAIN} and {VALID}, or give more songs"
        )
    songs: list[SongFile] = []
    n_frames, n_bad, n_doubles = 0, 0, 0
    damaged: list[str] = []

    def hear(sentence: str) -> None:
        damaged.append(sentence)
        if len(damaged) <= _MOST_NAMED:
            listener.warn(f"read what is whole of {name}: {sentence}")

    warn = refuse if is_strict else hear
    for i, (name, path) in enumerate(_files(data, set(wanted), wanted)):
        listener.progress(f"reading {split} songs", i / len(wanted))
        try:
            song = read_song_file(path, warn)
        except FormatError as error:
            n_bad += 1
            if n_bad <= _MOST_NAMED:
                listener.warn(f"left out {name}: {error}")
            continue
        first = doubles.first_of(song.frames)
        if first is not None:
            n_doubles += 1
            if n_doubles <= _MOST_NAMED:
                listener.warn(f"left out {name}: it is the same music as {first}")
            continue
        doubles.add(name, song.frames)
        n_frames += len(song.frames)
        if n_frames > MAX_SPLIT_FRAMES:
            raise TrainingError(f"{data} holds more than {MAX_SPLIT_FRAMES:,} frames: choose a smaller folder")
        songs.append(song)
    listener.progress(f"reading {split} songs", 1.0)
    if n_bad > _MOST_NAMED:
        listener.warn(f"left out {n_bad} of {len(wanted)} {split} songs that cannot be read")
    if n_doubles > _MOST_NAMED:
        listener.warn(f"left out {n_doubles} of {len(wanted)} {split} songs that are there under two names")
    if len(damaged) > _MOST_NAMED:
        listener.warn(f"read what is whole of {len(damaged)} of {len(wanted)} {split} songs that are damaged")
    if not songs and n_doubles:
        raise TrainingError(
            f"none of the {split} songs in {data} is left, for other files have the same music: take these away, or "
            "give more songs"
        )
    if not songs:
        raise TrainingError(f"not one of the {len(wanted)} {split} songs in {data} can be read: get another copy")
    return songs


def _files(data: Path, wanted: set[str], in_order: list[str]) -> Iterator[tuple[str, Path]]:
    """Yield the wanted songs as files; a file from an archive exists until the next one is asked for."""
    if data.is_file() and not is_archive(data):
        yield data.name, data
    elif data.is_dir():
        yield from ((name, data / name) for name in in_order)
    else:
        with _members(data) as members, tempfile.TemporaryDirectory() as folder:
            for member, tar in members:
                file = tar.extractfile(member) if member.name in wanted else None
                if file is None:
                    continue
                path = Path(folder) / PurePosixPath(member.name).name[-100:]
                path.write_bytes(file.read())
                yield member.name, path
                path.unlink()
