"""How much each figure of a possible beat counts in `formats.score.tactus`; `tools/fit_tactus.py` prints them."""

from typing import Final

import numpy as np

_COHERENCE: Final = (
    # with the beat and its halves, thirds, quarters, sixths and eighths: of the pulses, the triangle, the noise
    (0.14, 0.85, 0.85, 1.19, 0.55, 0.62),
    (1.32, 0.27, 0.01, 1.01, -0.13, 1.44),
    (0.12, -0.23, 0.12, 0.57, -0.46, 0.34),
)
_WAITS: Final = (
    # up to 0.18 of a beat, 0.29, 0.41, 0.58, 0.85, 1.2, 1.7, 2.4, 3.4, and longer: of P1, P2, TR, NO
    (-1.19, -0.14, 1.09, 1.37, 0.01, -0.39, -0.18, 0.4, -0.14, -0.82),
    (-0.4, 0.51, 0.09, 0.21, 0.14, 0.23, -0.56, -0.58, -0.28, 0.65),
    (-0.39, 0.38, -0.49, 1.08, 0.37, 0.12, -1.16, 0.64, -0.19, -0.37),
    (-0.39, 0.38, 0.9, 0.38, -0.38, 0.13, -0.18, -0.79, -0.1, 0.04),
)
_LIKENESS: Final = (
    # after half a beat, 1, 2, 3, 4, 6 and 8: of drums, bass, harmony, onsets, and the lead's notes
    (0.02, -0.27, 1, -0.34, 1.7, 0.45, 0.49),
    (0.25, -0.57, -0.19, -0.68, -0.49, -0.47, -0.79),
    (-0.42, 1.52, -0.19, 0.2, -1.19, -0.71, -0.84),
    (-0.17, 1.88, 0.8, 1.62, 1.04, -0.18, 0.19),
    (0.44, 0.1, -0.34, 0.57, -0.79, -0.29, -0.95),
)
_TEMPO: Final = (-0.93, -0.35)
_DENSITY: Final = (0.93, -0.71)

WEIGHTS: Final = np.concatenate([np.ravel(part) for part in (_COHERENCE, _WAITS, _LIKENESS, _TEMPO, _DENSITY)])
"""Weights of `formats.score.tactus.figures_of`, in its order."""
