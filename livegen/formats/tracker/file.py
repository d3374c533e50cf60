"""Texts of trackers as files: which tracker's one is, reading it as a score, and writing a score as one."""

from pathlib import Path
from typing import Final

from livegen.errors import FormatError
from livegen.formats.files import Warn, atomic_path, ignore
from livegen.formats.score.piece import Piece
from livegen.formats.tracker.famistudio_player import play_song
from livegen.formats.tracker.famistudio_reader import read_famistudio
from livegen.formats.tracker.famistudio_writer import famistudio_text
from livegen.formats.tracker.famitracker_player import play_track
from livegen.formats.tracker.famitracker_reader import COMMANDS, read_famitracker
from livegen.formats.tracker.famitracker_writer import famitracker_text
from livegen.formats.tracker.text import chosen, read_text

FAMITRACKER_ENDING: Final = ".ftm.txt"
FAMISTUDIO_ENDING: Final = ".fs.txt"
TRACKER_ENDINGS: Final = (FAMITRACKER_ENDING, FAMISTUDIO_ENDING)
"""What the names of texts end in that are written."""

TEXT_ENDING: Final = ".txt"
"""What both trackers call their texts; the first lines say whose one is."""


def read_tracker(path: Path, warn: Warn = ignore, track: int | None = None) -> Piece:
    """Read a song of either tracker's text as a score: the song as the tracker plays it, once.

    Parameters
    ----------
    path : Path
    warn : callable
        Hears what is left out.
    track : int, optional
        Which of several songs, from 1; else the first.

    Raises
    ------
    FormatError
        If the text is neither tracker's, is damaged, has no such song, or lasts over an hour; or as `warn` does.
    """
    text = read_text(path)
    name = path.name
    if _is_famistudio(text):
        project = read_famistudio(name, text, warn)
        song = project.songs[chosen(name, len(project.songs), track)]
        piece, left_out = play_song(name, project, song), set(project.left_out)
    elif _is_famitracker(text):
        module = read_famitracker(name, text, warn)
        piece, left_out = play_track(name, module, module.tracks[chosen(name, len(module.tracks), track)])
        left_out |= set(module.left_out)
    else:
        raise FormatError(f"{name} is no text of FamiTracker or FamiStudio: export it there as text")
    if left_out:
        warn(f"{name}: left out {', '.join(sorted(left_out))}")
    return piece


def write_famitracker(path: Path, piece: Piece) -> None:
    """Write a score as FamiTracker's text; raises ScoreError if it breaks the ranges, FormatError if it is too long."""
    _write(path, famitracker_text(piece, path.name))


def write_famistudio(path: Path, piece: Piece) -> None:
    """Write a score as FamiStudio's text; raises as `write_famitracker` does."""
    _write(path, famistudio_text(piece, path.name))


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def _is_famistudio(text: str) -> bool:
    return text.lstrip().startswith("Project ")


def _is_famitracker(text: str) -> bool:
    """Tell by the first line that is a command, or by the comment that says what made the file."""
    for line in text[:100_000].splitlines():
        if "FamiTracker text export" in line:
            return True
        if line.strip() and not line.startswith("#"):
            return line.split()[0].upper() in COMMANDS
    return False
