"""Count how soon the voices of a data set's songs leave a few notes, for what keeps a model from going round in them.

    python tools/fit_ruts.py ../shared/data/nesmdb

It prints, by how many of a voice's last changes were to none of its two, three and four commonest notes, how likely the
next one is, as `performance.ruts.LEAVES` has it.
"""

import sys
from pathlib import Path

import numpy as np

from livegen.judge.notes import in_turn, notes_of
from livegen.performance.ruts import N_CHANGES, RUT_SIZES, usual_notes
from livegen.score import PITCHED
from livegen.training.data.sources import TRAIN, load_songs

MOST_OTHERS = 12


def main() -> None:
    """Read the songs in the folder that is named, and print the table."""
    n_left, n_changes = np.zeros((2, len(RUT_SIZES), MOST_OTHERS))
    songs = load_songs(Path(sys.argv[1]), TRAIN)
    for index in range(len(songs)):
        for voice in PITCHED:
            notes = bytes(in_turn(notes_of(songs.song(index), voice)).tolist())
            for at in range(N_CHANGES, len(notes)):
                usual, n_others = usual_notes(notes[at - N_CHANGES : at])
                for i, (size, n) in enumerate(zip(RUT_SIZES, n_others, strict=True)):
                    if n < MOST_OTHERS:
                        n_changes[i, n] += 1
                        n_left[i, n] += notes[at] not in usual[:size]
    for left, changes in zip(n_left, n_changes, strict=True):
        sys.stdout.write(f"    ({', '.join(f'{share:.3f}' for share in left / changes)}),  # of {changes.sum():.0f}\n")


if __name__ == "__main__":
    main()
