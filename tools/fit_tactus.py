"""Fit the weights by which the beat of a piece is told.

    PYTHONPATH=. python tools/fit_tactus.py nesmdb_midi_train.zip

Pieces of `tempo_pieces.FITTED_STYLES` at tempos from 60 to 200, and of styles that are mixed of these, have known
beats. NES-MDB's songs have none: of those that keep to a beat the one of 95 to 148 a minute is taken for it, where
people tap whatever else is possible, and each is also moved to another tempo. It prints
`formats.score.tactus_weights`.
"""

import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tempo_pieces import FITTED_STYLES, Style, piece_of

from livegen.beat import coherence, possible_beats
from livegen.formats.score.changes import Changes
from livegen.formats.score.kinds import read_piece
from livegen.formats.score.tactus import attacks_of, figures_of, rhythm_of
from livegen.units import FRAME_RATE_HZ, period_to_bpm

N_EACH: Final = 25
N_MIXED: Final = 300
N_SONGS: Final = 300
SLOWEST, FASTEST = 60.0, 200.0
SAME_TEMPO: Final = 0.003
_TAPPED: Final = (95.0, 148.0)
_CLEAR: Final = 0.7
_SHORTEST_SAMPLES: Final = 20 * 44_100
_PENALTY: Final = 1.0

Case = tuple[NDArray[np.float64], int]
"""The figures of the beats that a piece can have, and which of them it has."""


def case_of(changes: Changes, bpm: float) -> Case | None:
    """Return a piece of a known tempo as a case, None if that is not among its possible ones."""
    beats = possible_beats(rhythm_of(changes))
    errors = [abs(period_to_bpm(beat.period_frames) / bpm - 1.0) for beat in beats]
    if not beats or min(errors) > SAME_TEMPO:
        return None
    return figures_of(changes, attacks_of(changes), beats), int(np.argmin(errors))


def made_cases() -> Iterator[Case | None]:
    """Yield cases of pieces that are made."""
    for index, style in enumerate(FITTED_STYLES.values()):
        for number in range(N_EACH):
            yield _made(style, 1000 * index + number)
    for number in range(N_MIXED):
        yield _made(_mixed(np.random.default_rng((1, number))), 50_000 + number)


def song_cases(archive: Path) -> Iterator[Case | None]:
    """Yield cases of NES-MDB's songs, at their own tempo and at another."""
    rng = np.random.default_rng(6)
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(archive) as songs:
        names = sorted(name for name in songs.namelist() if name.endswith(".mid"))
        path = Path(folder) / "song.mid"
        for name in rng.permutation(names)[:N_SONGS]:
            path.write_bytes(songs.read(name))
            changes = read_piece(path).exact
            bpm = tapped_bpm(changes) if changes.length > _SHORTEST_SAMPLES else None
            if bpm is not None:
                other = float(rng.uniform(SLOWEST, FASTEST))
                yield case_of(changes, bpm)
                yield case_of(moved(changes, bpm / other), other)


def tapped_bpm(changes: Changes) -> float | None:
    """Return the tempo of a song at which most people tap, None where it is not clear."""
    times = rhythm_of(changes)
    beats = possible_beats(times)
    times = np.unique(times[times < 60 * FRAME_RATE_HZ])
    worth = []
    for beat in beats:
        of_beat, of_half, of_quarter = (abs(coherence(times, beat.period_frames, m)) for m in (1, 2, 4))
        is_clear = max(of_half, of_quarter) >= _CLEAR
        octaves = np.log2(period_to_bpm(beat.period_frames) / 120.0)
        worth.append((of_beat + of_half + 0.7 * of_quarter) * np.exp(-0.5 * (octaves / 0.6) ** 2) * is_clear)
    if not any(worth):
        return None
    bpm = period_to_bpm(beats[int(np.argmax(worth))].period_frames)
    return bpm if _TAPPED[0] <= bpm <= _TAPPED[1] else None


def moved(changes: Changes, factor: float) -> Changes:
    """Return a piece that lasts so many times as long."""
    starts = tuple(np.rint(times * factor).astype(np.int64) for times in changes.starts)
    return replace(changes, starts=starts, length=round(changes.length * factor))


def fitted(cases: list[Case]) -> NDArray[np.float64]:
    """Return the weights with which the beats that pieces have are likeliest, by Newton's method."""
    weights = np.zeros(cases[0][0].shape[1])
    for _ in range(30):
        slope, bend = -_PENALTY * 2 * weights, 2 * _PENALTY * np.eye(len(weights))
        for figures, which in cases:
            worth = figures @ weights
            share = np.exp(worth - worth.max())
            share /= share.sum()
            mean = share @ figures
            slope += figures[which] - mean
            bend += figures.T @ (share[:, None] * figures) - np.outer(mean, mean)
        weights = weights + np.linalg.solve(bend, slope)
    return weights


def main() -> None:
    """Print the weights, and in how many cases they find the beat."""
    cases = [case for case in (*made_cases(), *song_cases(Path(sys.argv[1]))) if case is not None]
    weights = np.round(fitted(cases), 2)
    n_right = sum(int(np.argmax(figures @ weights)) == which for figures, which in cases)
    sys.stdout.write(f"{n_right} of {len(cases)}\n{', '.join(f'{weight:g}' for weight in weights)}\n")


def _made(style: Style, seed: int) -> Case | None:
    rng = np.random.default_rng((2, seed))
    bpm = float(rng.uniform(SLOWEST, FASTEST))
    return case_of(piece_of(style, bpm, seed, seconds=float(rng.choice((30, 45))), on_ticks=seed % 3 == 0), bpm)


def _mixed(rng: np.random.Generator) -> Style:
    """Return a style whose parts come from several."""
    styles = list(FITTED_STYLES.values())
    base = styles[rng.integers(len(styles))]
    alike = [style for style in styles if style.beats == base.beats and style.in_thirds == base.in_thirds]
    bass, chord, drum, stay = (alike[index] for index in rng.integers(0, len(alike), 4))
    return replace(base, basses=bass.basses, chords=chord.chords, drums=drum.drums, bars_a_chord=stay.bars_a_chord)


if __name__ == "__main__":
    main()
