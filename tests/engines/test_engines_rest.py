"""An engine that rests, and the model of it that livegen ships."""

import numpy as np

from livegen.engines.checkpoint import load_engine, read_about, read_config, write_config
from livegen.engines.protocol import Sampling
from livegen.engines.rest import REST, RestEngine
from livegen.score import SILENCE, Voice
from livegen.system.resources import model_folder


def test_it_rests_in_every_voice_that_is_not_settled() -> None:
    engine = load_engine(model_folder(REST))
    assert isinstance(engine, RestEngine)
    assert (engine.name, engine.info.voices) == (REST, tuple(Voice))
    played = np.array([[60, 9, 1], [64, 9, 1], [48, 1, 0], [3, 9, 0]], np.uint8)
    distribution, state = engine.step(played, engine.initial_state())
    settled = np.array([True, False, False, True])
    frame = distribution.sample(played, settled, Sampling(), seed=1, frame_index=0)
    assert np.array_equal(frame, np.where(settled[:, None], played, 0))
    assert frame.dtype == np.uint8
    for voice in Voice:
        assert np.exp(distribution.note_log_probs(voice, SILENCE, settled)).tolist() == [1.0] + [0.0] * 108
    assert distribution.match_lengths(frame) == (0, 0, 0, 0)
    assert engine.step(frame, state)[1] is None


def test_its_folder_says_what_it_is(tmp_path) -> None:
    assert "rests" in read_about(model_folder(REST))
    kind, config = read_config(model_folder(REST))
    write_config(tmp_path, config)
    assert read_config(tmp_path) == (kind, config) == (REST, config)
