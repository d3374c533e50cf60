import numpy as np
import pytest

from livegen.engines.vae.place import Knobs, drawn_place, place_of

STILL = Knobs(drift=0.0)
GAINS = (1.0,) * 8


def at(knobs: Knobs, seed: int = 1, window: int = 0, heard=None) -> np.ndarray:
    return place_of(knobs, seed, window, GAINS, 40, heard)


def test_the_named_latents_are_where_the_knobs_are_and_the_seed_draws_the_rest():
    knobs = Knobs.of({"z1": 1.5, "z8": -9.0, "drift": 0.0, "unknown": 3})
    z = at(knobs)
    assert z[:8].tolist() == [1.5, 0, 0, 0, 0, 0, 0, -3.0]
    assert (z[8:] == drawn_place(1, 40)[8:]).all()
    assert (at(knobs, seed=2)[8:] != z[8:]).all()
    assert Knobs.of({}) == Knobs()
    assert Knobs.of({"z1": float("nan")}).named[0] == -3.0


def test_a_numbered_place_is_the_same_in_every_session_and_0_is_the_seeds():
    assert (at(Knobs(place=5, drift=0.0), seed=1) == at(Knobs(place=5, drift=0.0), seed=2)).all()
    assert (at(Knobs(place=5, drift=0.0)) != at(Knobs(place=6, drift=0.0)))[8:].all()
    assert (at(STILL, seed=1) != at(STILL, seed=2))[8:].all()


def test_morph_goes_from_one_place_to_the_other_and_keeps_the_spread():
    ends = [at(Knobs(place=5, drift=0.0)), at(Knobs(place=6, drift=0.0))]
    way = [at(Knobs(place=5, to=6, morph=m, drift=0.0)) for m in (0.0, 0.3, 0.5, 1.0)]
    assert (way[0] == ends[0]).all()
    assert (way[3] == ends[1]).all()
    assert way[2][8:] == pytest.approx((ends[0] + ends[1])[8:] / np.sqrt(2.0), abs=1e-6)
    assert 0.7 < way[1][8:].std() / ends[0][8:].std() < 1.4
    assert (at(Knobs(place=5, to=5, morph=0.5, drift=0.0)) == ends[0]).all()
    assert not way[2][:8].any()


def test_drift_is_a_slow_walk_that_stays_a_normal_distribution():
    walk = np.stack([at(Knobs(drift=1.0), window=k) for k in range(80)])[:, 8:]
    assert walk.std() == pytest.approx(1.0, abs=0.15)
    steps = np.abs(np.diff(walk, axis=0)).mean()
    assert 0.2 < steps < 0.8  # of points drawn anew it is 1.13
    near = np.stack([at(Knobs(drift=0.3), window=k) for k in range(20)])
    assert np.abs(near[:, 8:] - at(STILL)[8:]).mean() < 0.4
    assert (at(Knobs(drift=0.3), window=7) == near[7]).all()


def test_following_goes_towards_what_was_heard():
    heard = drawn_place(9, 40)
    assert at(Knobs(drift=0.0, follow=1.0), heard=heard) == pytest.approx(heard, abs=1e-6)
    half = at(Knobs(drift=0.0, follow=0.5), heard=heard)
    assert half == pytest.approx(0.5 * (at(STILL) + heard), abs=1e-6)


def test_a_knob_moves_its_latent_by_its_gain_and_what_was_heard_by_none():
    gains = (2.0, *GAINS[1:])
    heard = drawn_place(9, 40)
    knobs = Knobs((1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0), drift=0.0, follow=1.0)
    z = place_of(knobs, 1, 0, gains, 40, heard)
    assert z[:3] == pytest.approx(heard[:3] + np.array([2.0, 1.0, 0.0]), abs=1e-6)
    most = place_of(Knobs((3.0,) * 8, drift=0.0), 1, 0, (10.0,) * 8, 40)
    assert most[:8].tolist() == [6.0] * 8
