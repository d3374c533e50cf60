"""The scope: what each voice plays, while it plays, and nothing changed by looking."""

import numpy as np
import pytest
from test_tap import RATE, fill, playing_callback

from livegen.outputs.scope import Scope
from livegen.units import CPU_CLOCK_HZ, note_to_hz

HALF_A_FRAME = RATE // 48


def test_it_shows_what_sounds_and_at_which_sample() -> None:
    callback = playing_callback()
    fill(callback, HALF_A_FRAME)
    sample, waves = Scope(callback).read()
    assert sample == HALF_A_FRAME
    assert [len(wave.levels) for wave in waves] == [8, 8, 32, 256]
    assert [int(wave.levels.max()) for wave in waves[1:]] == [12, 15, 10]
    for wave, note in zip(waves[:3], (60, 67, 48), strict=True):
        hz = 1.0 / (wave.step_seconds * len(wave.levels))
        assert hz == pytest.approx(note_to_hz(note), rel=0.01)
    assert waves[3].step_seconds * CPU_CLOCK_HZ["ntsc"] == pytest.approx(160)  # note 9, index 7
    assert [wave.gain for wave in waves] == [1.0] * 4


def test_a_muted_voice_has_no_gain_and_a_silent_one_no_levels() -> None:
    callback = playing_callback()
    callback["mix"]["gains"][0, 1] = 0.0
    fill(callback, HALF_A_FRAME)
    _, waves = Scope(callback).read()
    assert [wave.gain for wave in waves] == [1.0, 0.0, 1.0, 1.0]
    callback["mix"]["is_model_audible"] = 0
    fill(callback, RATE)
    _, waves = Scope(callback).read()
    assert [len(wave.levels) for wave in waves] == [0, 0, 0, 0]


def test_who_looks_changes_nothing() -> None:
    seen, unseen = playing_callback(), playing_callback()
    scope = Scope(seen)
    for _ in range(20):
        scope.read()
        assert np.array_equal(fill(seen, 777), fill(unseen, 777))
