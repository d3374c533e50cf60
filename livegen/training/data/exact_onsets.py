"""When the notes of NES-MDB's songs really begin: by its MIDI files, to the sample, where frames say it to a 24th.

Rows of game music are a few ticks of 60 Hz, which are no whole frames: by their frames half of the songs have a clear
beat, by these times two thirds.
"""

import tempfile
import zipfile
from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np

from livegen.beat import Beat, estimate_beat
from livegen.errors import FormatError
from livegen.formats.midi.smf import NOTE_ON, Song, read_song
from livegen.units import FRAME_RATE_HZ

_CLEAR: Final = 0.8
"""Coherence with halves or quarters of the beat over which a song has one: these times do not scatter."""

_MAX_BYTES: Final = 1 << 20
_ENDINGS: Final = (".pkl", ".exprsco", ".mid")


def exact_beats(archive: Path, names: Sequence[str], on_song: Callable[[float], None]) -> dict[str, Beat | None]:
    """Return the beats of songs, with their phase at the start, by name; those that are not there are left out.

    Parameters
    ----------
    archive : Path
        A .zip with NES-MDB's songs as MIDI files, at any depth.
    names : sequence of str
        Of the songs, with or without folders and endings.
    on_song : callable
        Told how much is done, 0..1.

    Raises
    ------
    FormatError
        If it is no archive, or a file in it is damaged.
    """
    wanted = {_stem(name): name for name in names}
    songs = archived_songs(archive, on_song, wanted)
    return {wanted[name]: exact_beat(song) for name, song in songs}


def archived_songs(
    archive: Path, on_song: Callable[[float], None], wanted: Container[str] | None = None
) -> Iterator[tuple[str, Song]]:
    """Yield the songs of a .zip of MIDI files with their names, which are without folders and endings.

    `on_song` is told how much is done, 0..1; `wanted` are the names of those to read, all if it is None. Raises
    FormatError as `exact_beats` does.
    """
    try:
        with zipfile.ZipFile(archive) as files, tempfile.TemporaryDirectory() as folder:
            members = [member for member in files.infolist() if member.filename.endswith(".mid")]
            members = [member for member in members if wanted is None or _stem(member.filename) in wanted]
            for i, member in enumerate(members):
                if member.file_size > _MAX_BYTES:
                    raise FormatError(f"{member.filename} in {archive} is over {_MAX_BYTES >> 20} MiB: that is no song")
                path = Path(folder) / "song.mid"
                path.write_bytes(files.read(member))
                yield _stem(member.filename), read_song(path)
                on_song((i + 1) / len(members))
    except (zipfile.BadZipFile, OSError) as error:
        raise FormatError(f"{archive} is no archive that can be read: {error}") from error


def exact_beat(song: Song) -> Beat | None:
    """Return the beat of a song by when its notes begin, with its phase at the start; None if none is clear."""
    onset_frames = np.sort(song.seconds[song.events.kind == NOTE_ON]) * FRAME_RATE_HZ
    return estimate_beat(onset_frames, clear=_CLEAR)


def _stem(name: str) -> str:
    stem = PurePosixPath(name).name
    for ending in _ENDINGS:
        stem = stem.removesuffix(ending)
    return stem
