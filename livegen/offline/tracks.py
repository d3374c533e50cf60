"""The files that all songs of an NSF file become."""

from pathlib import Path

from livegen.errors import FormatError
from livegen.formats.chip.nsf_file import NSF_SOURCE_ENDINGS, read_nsf
from livegen.formats.chip.register_files import plain_name
from livegen.offline.batch import numbered


def song_targets(source: Path, target: Path) -> list[tuple[int, Path]]:
    """Return the songs of a file in the order of its playlist, each by its number, with a path that has it in its name.

    Raises
    ------
    FormatError
        If the file holds no songs by its name, or cannot be read.
    """
    if not plain_name(source).endswith(NSF_SOURCE_ENDINGS):
        endings = " or ".join(NSF_SOURCE_ENDINGS)
        raise FormatError(f"{source.name} holds one song: --tracks all is for {endings} files, leave it out")
    nsf = read_nsf(source)
    paths = numbered(target, nsf.n_songs)
    return [(song, paths[song - 1]) for song in dict.fromkeys(nsf.playlist)]
