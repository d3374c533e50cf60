"""How far ahead a model is planned, and which models are too slow."""

import math

import pytest
from lstm_weights import random_engine

from livegen.engines.pace import frames_ahead, ms_per_second
from livegen.errors import CheckpointError


def test_a_small_network_plays_a_second_of_music_in_much_less() -> None:
    engine = random_engine()
    engine.warm_up()
    assert 0.0 < ms_per_second(engine) < 500.0


@pytest.mark.parametrize(("pace_ms", "ahead"), [(0.0, 12), (10.0, 12), (80.0, 12), (81.0, 11), (240.0, 4), (480.0, 2)])
def test_a_slow_model_is_planned_less_far_ahead(pace_ms: float, ahead: int) -> None:
    assert frames_ahead("band", pace_ms, 12) == ahead


def test_one_that_is_too_slow_is_refused_with_what_to_do() -> None:
    with pytest.raises(CheckpointError, match=r"the model band takes 481 ms .* and may take 480: choose a smaller one"):
        frames_ahead("band", 481.0, 12)
    with pytest.raises(CheckpointError, match="the model band takes inf ms"):
        frames_ahead("band", math.inf, 12)
