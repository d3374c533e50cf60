"""Composes with livegen's Python API: a theme of ours, three answers to it, and the best of them as files.

python compose.py [FOLDER]
"""

import sys
from pathlib import Path

import mido

from livegen.api import Score, load_model, render

THEME = [(0.0, 64), (0.5, 67), (1.0, 71), (1.5, 69), (2.0, 67), (3.0, 64)]
SECONDS = 4.0


def theme() -> list[tuple[float, mido.Message]]:
    """Return what the performer plays: each key until the next one."""
    ends = [at for at, _ in THEME[1:]] + [SECONDS]
    played: list[tuple[float, mido.Message]] = []
    for (at, key), end in zip(THEME, ends, strict=True):
        played.append((at, mido.Message("note_on", note=key, velocity=90)))
        played.append((end, mido.Message("note_off", note=key)))
    return sorted(played, key=lambda timed: timed[0])


def busyness(score: Score) -> float:
    """Return how many notes of the model begin in a frame, on the average."""
    notes = score.frames[:, 1:, 0]
    return float(((notes[1:] != notes[:-1]) & (notes[1:] > 0)).mean())


def main(folder: Path) -> None:
    """Write the busiest answer."""
    model = load_model("default")
    answers = [render(SECONDS, seed, {"temperature": 0.9}, theme(), model=model) for seed in (1, 2, 3)]
    best = max(answers, key=busyness)
    best.to_audio(folder / "best.wav")
    best.to_midi(folder / "best.mid", layout="daw", title="Theme and answer")
    best.to_vgm(folder / "best.vgz", title="Theme and answer", loop_from=0)
    print(f"seed {best.seed}, {best.seconds:.0f} s, {100 * busyness(best):.0f} % of frames have a new note")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
