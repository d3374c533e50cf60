"""Count the tempos of a data set's songs, for the tempo that a session draws where nobody gives one.

    python tools/fit_tempos.py nesmdb_midi_train.zip

An archive of MIDI files in NES-MDB's layout is read, whose onsets are exact to a sample at 44.1 kHz. It prints how many
songs have a clear beat of so many engine ticks (of 60.0988 a second), as `performance.pulse.OWN_TICKS` has it.
"""

import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

from livegen.beat import estimate_beat
from livegen.errors import FormatError
from livegen.formats.midi.smf import NOTE_ON, read_song
from livegen.units import ENGINE_RATE_HZ, FRAME_RATE_HZ

LONGEST_SECONDS = 60.0


def beat_ticks(path: Path) -> int | None:
    """Return a song's beat in whole engine ticks, None where it has no clear one or cannot be read."""
    try:
        song = read_song(path)
    except FormatError:
        return None
    times = np.unique(song.seconds[song.events.kind == NOTE_ON])
    beat = estimate_beat(FRAME_RATE_HZ * times[times < LONGEST_SECONDS])
    return None if beat is None else round(beat.period_frames / FRAME_RATE_HZ * ENGINE_RATE_HZ)


def main() -> None:
    """Read the archive that is named, and print the table."""
    counts: Counter[int] = Counter()
    n_songs = 0
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(sys.argv[1]) as archive:
        for name in archive.namelist():
            if not name.lower().endswith((".mid", ".midi")):
                continue
            path = Path(folder) / "song.mid"
            path.write_bytes(archive.read(name))
            ticks = beat_ticks(path)
            n_songs += 1
            if ticks is not None:
                counts[ticks] += 1
    table = ", ".join(f"{ticks}: {counts[ticks]}" for ticks in sorted(counts))
    sys.stdout.write(f"{sum(counts.values())} of {n_songs} songs have a clear beat\n{{{table}}}\n")


if __name__ == "__main__":
    main()
