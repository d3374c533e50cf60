"""Small scores and the data set's folder, for the tests of the file formats."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from livegen.score import NOTE_RANGE, TIMBRE_MAX, VOLUME_MAX, Column, Voice

NESMDB = Path(__file__).parents[2] / "shared" / "data" / "nesmdb"


needs_nesmdb = pytest.mark.skipif(not NESMDB.is_dir(), reason=f"NES-MDB is not at {NESMDB}")


@st.composite
def scores(draw, max_frames=12):
    """Any score within the ranges, the odd ones too: volume 0 under a note, volume and timbre under silence."""
    n_frames = draw(st.integers(0, max_frames))
    frames = np.zeros((n_frames, 4, 3), np.uint8)
    for voice in Voice:
        lowest, highest = NOTE_RANGE[voice]
        few = st.sampled_from([0, lowest, lowest + 1, highest])
        limits = {Column.VOLUME: VOLUME_MAX[voice], Column.TIMBRE: TIMBRE_MAX[voice]}
        frames[:, voice, Column.NOTE] = draw(hnp.arrays(np.uint8, n_frames, elements=few))
        for column, limit in limits.items():
            frames[:, voice, column] = draw(hnp.arrays(np.uint8, n_frames, elements=st.integers(0, limit)))
    return frames


def song(n_frames=48, seed=0):
    """A score with notes of a few frames each in every voice."""
    rng = np.random.default_rng(seed)
    frames = np.zeros((n_frames, 4, 3), np.uint8)
    for voice in Voice:
        lowest, highest = NOTE_RANGE[voice]
        notes = rng.integers(lowest, highest + 1, n_frames) * (rng.random(n_frames) < 0.8)
        frames[:, voice, Column.NOTE] = np.repeat(notes, 4)[:n_frames]
        sounds = frames[:, voice, Column.NOTE] > 0
        frames[:, voice, Column.VOLUME] = rng.integers(min(1, VOLUME_MAX[voice]), VOLUME_MAX[voice] + 1) * sounds
        frames[:, voice, Column.TIMBRE] = rng.integers(0, TIMBRE_MAX[voice] + 1)
    return frames
