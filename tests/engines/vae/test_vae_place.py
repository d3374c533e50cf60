import numpy as np
import pytest

from livegen.engines.vae.place import Knobs, drawn_place, parse_place, place_of, text_of

STILL = Knobs(drift=0.0)


def at(knobs: Knobs, seed: int = 1, window: int = 0, heard=None) -> np.ndarray:
    return place_of(knobs, seed, window, 8, 40, heard)


def test_a_place_has_a_short_text_that_gives_it_back():
    z = drawn_place(3, 64)
    text = text_of(z)
    assert len(text) == 86
    assert parse_place(text, 64) == pytest.approx(z, abs=0.0126)
    assert text_of(parse_place(text, 64)) == text
    for bad in ("", "x", "!!", text[:-2], text + "AAAA", "ä"):
        assert parse_place(bad, 64) is None


def test_the_named_latents_are_where_the_knobs_are_and_the_seed_draws_the_rest():
    knobs = Knobs.of({"z1": 1.5, "z8": -9.0, "drift": 0.0, "unknown": 3})
    z = at(knobs)
    assert z[:8].tolist() == [1.5, 0, 0, 0, 0, 0, 0, -3.0]
    assert (z[8:] == drawn_place(1, 40)[8:]).all()
    assert (at(knobs, seed=2)[8:] != z[8:]).all()
    assert Knobs.of({}) == Knobs()
    assert Knobs.of({"z1": float("nan")}).named[0] == -3.0


def test_morph_goes_from_one_stored_place_to_the_other():
    a, b = drawn_place(5, 40), drawn_place(6, 40)
    ends = [at(Knobs(a=text_of(a), b=text_of(b), morph=m, drift=0.0)) for m in (0.0, 0.25, 1.0)]
    assert ends[0] == pytest.approx(a, abs=0.02)
    assert ends[2] == pytest.approx(b, abs=0.02)
    assert ends[1] == pytest.approx(0.75 * a + 0.25 * b, abs=0.02)
    home = at(STILL)
    assert at(Knobs(a="no place", morph=0.0, drift=0.0)) == pytest.approx(home)


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
