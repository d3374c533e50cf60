from dataclasses import replace

import numpy as np
import pytest
from vae_weights import random_engine, small_config

from livegen.beat import Beat
from livegen.engines.checkpoint import read_config, write_config
from livegen.engines.protocol import Conditions, Sampling
from livegen.engines.vae.config import VaeConfig
from livegen.engines.vae.place import drawn_place
from livegen.engines.vae.vae import VaeEngine
from livegen.errors import CheckpointError
from livegen.score import SILENCE, Voice, validate_frames

NOTHING = np.zeros(4, np.bool_)
P1 = np.array([True, False, False, False])


@pytest.fixture(scope="module")
def engine() -> VaeEngine:
    return random_engine()


def tune(n: int) -> np.ndarray:
    """Return what a performer plays on P1."""
    frames = np.zeros((n, 4, 3), np.uint8)
    for t in range(n):
        if t % 9 < 7:
            frames[t, 0] = 60 + (t // 9) % 7, 12 - t % 9, 1
    return frames


def play(engine, n, *, seed=1, beat=None, bar=None, knobs=None, forced=NOTHING, sampling=None, start=0, state=None):
    """Return n frames, and the states before them with the distributions."""
    theirs = tune(start + n)
    state = state or engine.initial_state()
    frame, frames, states = SILENCE, [], []
    told = {} if knobs is None else knobs
    for i in range(start, start + n):
        conditions = Conditions(
            beat=beat.after(i) if beat else None,
            bar=bar.after(i) if bar else None,
            knobs=told(i) if callable(told) else told,
        )
        distribution, state = engine.step(frame, state, conditions)
        frame = distribution.sample(theirs[i], forced, sampling or Sampling(), seed=seed, frame_index=i)
        frames.append(frame)
        states.append((distribution, state))
    return np.array(frames), states


def test_frames_are_in_range_and_the_same_again_also_by_another_engine(engine):
    frames, _ = play(engine, 150, beat=Beat(10.3, 0.2))
    validate_frames(frames)
    assert len(np.unique(frames[..., 0])) > 5
    for again in (engine, random_engine()):
        assert (play(again, 150, beat=Beat(10.3, 0.2))[0] == frames).all()
    assert (play(engine, 150, beat=Beat(10.3, 0.2), seed=2)[0] != frames).any()


def test_a_state_is_a_value_from_which_any_frame_is_planned_again(engine):
    frames, states = play(engine, 120)
    for i in (0, 5, 50, 95, 96, 110):
        distribution, state = states[i]
        again = distribution.sample(SILENCE, NOTHING, Sampling(), seed=1, frame_index=i)
        assert (again == frames[i]).all()
        cold = random_engine()  # with nothing in its caches
        held = replace(distribution, engine=cold).sample(SILENCE, NOTHING, Sampling(), seed=1, frame_index=i)
        assert (held == frames[i]).all()
        with pytest.raises(ValueError, match="read-only"):
            state.song[0] = 1


def test_what_is_made_ahead_is_what_would_be_made(engine):
    frames, _ = play(engine, 100)
    ahead = random_engine()
    first, states = play(ahead, 90)
    ahead.prepare(states[-1][1], Conditions(), 1, Sampling())
    assert len(ahead.plans) == 2
    assert (first == frames[:90]).all()
    assert (play(ahead, 100)[0] == frames).all()
    assert len(ahead.plans) == 2  # none was made that had not been made ahead


def test_a_performers_voice_is_kept_and_the_others_hear_it(engine):
    alone, _ = play(engine, 60)
    forced, _ = play(engine, 60, forced=P1)
    assert (forced[:, 0] == tune(60)[:, 0]).all()
    assert (forced[:, 1:] != alone[:, 1:]).any()
    distribution, _ = play(engine, 1)[1][0]
    frame = np.zeros((4, 3), np.uint8)
    seen = []
    for note in (48, 72):
        frame[0, 0] = note
        seen.append(distribution.note_log_probs(Voice.P2, frame, P1))
        assert np.exp(seen[-1][np.isfinite(seen[-1])].astype(np.float64)).sum() == pytest.approx(1.0, abs=1e-4)
    assert np.abs(np.exp(seen[0]) - np.exp(seen[1])).max() > 1e-4


def test_a_voice_that_is_drawn_later_is_known_to_nobody(engine):
    distribution, _ = play(engine, 3)[1][2]
    later = np.array([False, True, False, False])
    drawn = [
        distribution.sample(SILENCE, NOTHING, Sampling(), seed=1, frame_index=2, is_later=each)
        for each in (NOTHING, later)
    ]
    assert (drawn[0][0] == drawn[1][0]).all()  # P1 is drawn before it
    known = np.array([True, False, False, False])
    alone = distribution.note_log_probs(Voice.TR, drawn[1], known)
    assert np.isfinite(alone[drawn[1][2, 0]])


def test_slow_music_holds_a_step_and_fast_music_takes_a_change_of_either(engine):
    slow, _ = play(engine, 200, beat=Beat(24.0, 0.0))
    changes = (slow[1:] != slow[:-1]).any((1, 2))
    assert changes.any()
    assert not (changes[1:] & changes[:-1]).any()  # a step is two frames
    fast, states = play(engine, 100, beat=Beat(6.0, 0.0))
    validate_frames(fast)
    covered = [len(distribution.links) for distribution, _ in states]
    assert covered.count(2) >= 97  # but not the first, nor where a new window has begun


def test_no_jump_of_the_beat_raises_and_positions_stay_in_the_window(engine):
    generator = np.random.default_rng(0)
    state, frame = engine.initial_state(), SILENCE
    for i in range(150):
        beat = None if i % 17 == 0 else Beat(float(generator.uniform(4, 40)), float(generator.random()))
        bar = Beat(beat.period_frames * 4, float(generator.random())) if beat and i % 3 else None
        distribution, state = engine.step(frame, state, Conditions(beat=beat, bar=bar))
        frame = distribution.sample(SILENCE, NOTHING, Sampling(), seed=1, frame_index=i)
        assert 0 <= state.grid.place < 96
    validate_frames(frame[None])


def test_knobs_change_at_the_seam_where_latched_and_else_at_once(engine):
    def turned(latch):
        return lambda i: {"z1": 3.0 if i >= 40 else 0.0, "latch": latch, "drift": 0.0}

    still, _ = play(engine, 200, knobs={"drift": 0.0})
    latched, _ = play(engine, 200, knobs=turned(True))
    at_once, _ = play(engine, 200, knobs=turned(False))
    assert (latched[:96] == still[:96]).all()
    assert (latched[96:] != still[96:]).any()
    assert (at_once[:40] == still[:40]).all()
    assert (at_once[40:96] != still[40:96]).any()


def test_places_drift_and_following_are_heard(engine):
    plain, _ = play(engine, 220, knobs={"drift": 0.0})
    stored = {"place": 7, "to": 8, "drift": 0.0}
    found = [plain]
    for knobs in (stored, stored | {"morph": 0.5}, {"drift": 0.9}, {"drift": 0.0, "z_follow": 1.0}):
        frames, states = play(engine, 220, knobs=knobs)
        assert all((frames != other).any() for other in found)
        found.append(frames)
    _, state = states[-1]
    assert np.frombuffer(state.where.heard, np.float32) == pytest.approx(engine.encode(found[-1][96:192]), abs=1e-6)
    assert engine.place(state.where, 1) == pytest.approx(np.clip(engine.encode(found[-1][96:192]), -9, 9), abs=1e-6)


def test_draws_keep_to_register_and_scale_and_the_coldest_is_one(engine):
    sampling = Sampling(temperature=0.7, lowest=(60, 60, 40, 3), highest=(72, 72, 52, 9), scale=0b1)
    frames, _ = play(engine, 120, sampling=sampling)
    for voice in range(3):
        notes = frames[:, voice, 0][frames[:, voice, 0] > 0]
        assert len(notes)
        assert set(notes % 12) == {0}
    assert frames[:, 3, 0][frames[:, 3, 0] > 0].min() >= 3
    silent, _ = play(engine, 40, sampling=Sampling(silence=(50.0,) * 4))
    assert not silent[1:, :, 0].any()


def test_a_model_of_one_voice_plays_no_other():
    solo = random_engine((Voice.P1,))
    solo.warm_up()
    assert (solo.name, solo.info.voices) == ("random", (Voice.P1,))
    assert "drums" not in solo.latents
    frames, _ = play(solo, 60)
    assert frames[:, 0].any()
    assert not frames[:, 1:].any()
    heard = tune(96)
    heard[:, 2] = 50, 0, 0
    alone = tune(96)
    assert (solo.encode(heard) == solo.encode(alone)).all()


def test_a_window_is_decoded_as_it_would_be_played_and_hears_only_itself(engine):
    z = drawn_place(3, engine.config.n_latents)
    one, same, other = (engine.decode(z, Sampling(), seed) for seed in (1, 1, 2))
    validate_frames(one)
    assert (one == same).all()
    assert (one != other).any()
    assert engine.encode(one).shape == (engine.config.n_latents,)
    assert np.isfinite(engine.encode(np.zeros((96, 4, 3), np.uint8))).all()


def test_the_configuration_is_kept_and_names_belong_to_the_model(tmp_path):
    for config in (small_config(), small_config((Voice.P1,))):
        write_config(tmp_path, config)
        assert read_config(tmp_path) == ("vae", config)
    path = tmp_path / "config.toml"
    path.write_text(path.read_text().replace('"rests"', '"pauses"'))
    with pytest.raises(CheckpointError, match="pauses"):
        read_config(tmp_path)
    with pytest.raises(CheckpointError, match="n_latents is 8"):
        VaeConfig(n_latents=8)
    with pytest.raises(CheckpointError, match="n_plan"):
        VaeConfig(n_plan=0)
    for gains in ((1.0,), (0.0,) * 8, (99.0,) * 8):
        with pytest.raises(CheckpointError, match="gains"):
            VaeConfig(gains=gains)
