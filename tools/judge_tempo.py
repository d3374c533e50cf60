"""Judge whether tempos are found: `PYTHONPATH=. python tools/judge_tempo.py [COUNT] [--seed 1] [--later]`.

Pieces of `tempo_pieces.HELD_OUT_STYLES`, on which nothing was fitted, or with `--later` of `LATER_STYLES`, at tempos
drawn from 60 to 200, as `livegen analyse` reads them: a tempo is right if it is within 0.2 % of the piece's own, in its
octave. A line for each style, and one for all.
"""

import argparse
import sys
from collections import Counter

import numpy as np
from tempo_pieces import HELD_OUT_STYLES, LATER_STYLES, piece_of

from livegen.analysis.bars import bars_of
from livegen.formats.score.downsample import samples_to_frames

EXACT = 0.002


def main() -> None:
    """Print how many tempos are right, and what the others are to the right ones."""
    parser = argparse.ArgumentParser()
    parser.add_argument("count", nargs="?", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--later", action="store_true")
    options = parser.parse_args()
    styles = LATER_STYLES if options.later else HELD_OUT_STYLES
    n_right = n_related = 0
    wrong: dict[str, list[str]] = {name: [] for name in styles}
    n_each: Counter[str] = Counter()
    for number in range(options.count):
        rng = np.random.default_rng((options.seed, number))
        name = list(styles)[number % len(styles)]
        bpm = float(rng.uniform(60.0, 200.0))
        piece = piece_of(styles[name], bpm, 10_000 * options.seed + number, on_ticks=number % 3 == 0)
        bars = bars_of(piece, samples_to_frames(piece.length))
        ratio = bars.bpm / bpm
        is_right = bars.is_beat and abs(ratio - 1.0) <= EXACT
        n_right += is_right
        n_related += bars.is_beat and any(abs(ratio / of - 1.0) <= EXACT for of in (0.25, 0.5, 1, 2, 4))
        n_each[name] += 1
        if not is_right:
            wrong[name].append(f"{bpm:.1f} as {bars.bpm:.1f}" if bars.is_beat else f"{bpm:.1f} not at all")
    for name, found in wrong.items():
        said = f": {', '.join(found)}" if found else ""
        sys.stdout.write(f"{name}: {n_each[name] - len(found)} of {n_each[name]}{said}\n")
    sys.stdout.write(f"{n_right} of {options.count} within 0.2 %, {n_related} with the octave left open\n")


if __name__ == "__main__":
    main()
