"""The kinds of files of words, by the endings of their names."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from livegen.formats.files import Warn, ignore
from livegen.formats.midi.smf import Song
from livegen.formats.words.events import EVENTS_ENDING, read_events
from livegen.formats.words.tx1 import TX1_ENDING, read_tx1

_READERS: Final[dict[str, Callable[[Path, Warn], Song]]] = {TX1_ENDING: read_tx1, EVENTS_ENDING: read_events}

WORD_ENDINGS: Final = tuple(_READERS)


def read_words(path: Path, warn: Warn = ignore) -> Song:
    """Read a file whose name ends in one of `WORD_ENDINGS` as a song; raises FormatError as the kind's reader does."""
    read = next(read for ending, read in _READERS.items() if path.name.lower().endswith(ending))
    return read(path, warn)
