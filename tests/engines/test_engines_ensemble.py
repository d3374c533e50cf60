"""Several models that play together: who comes first, who knows what, and what a member keeps."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
from hash_engine import HashEngine
from hypothesis import given
from hypothesis import strategies as st
from lstm_weights import random_engine

from livegen.controls import SAME
from livegen.engines.cast import Cast, parse_voice_model
from livegen.engines.ensemble import Ensemble, assemble, cast_of, kept, models_of
from livegen.engines.protocol import Conditions, Info, MakesAhead, Sampling, own_knobs
from livegen.score import N_VOICES, SILENCE, Voice

P1, P2, TR, NO = Voice
NOTHING_FORCED = np.zeros(N_VOICES, np.bool_)
BAND = Cast("band", (SAME, "other", SAME, "drums"))


class Watched(HashEngine):
    """An engine that keeps what its draws were given."""

    def __init__(self, name: str, grain_frames: int = 1) -> None:
        super().__init__(name, Info("hash", grain_frames=grain_frames))
        self.asked: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.told: list[Conditions] = []

    def step(self, frame, state, conditions=None):
        self.told.append(conditions)
        distribution, after = super().step(frame, state, conditions)
        return _Watched(self, distribution), after


class _Watched:
    def __init__(self, engine, distribution):
        self.engine, self.distribution = engine, distribution

    def sample(self, forced, is_forced, sampling, *, is_later, **where):
        self.engine.asked.append((forced.copy(), is_forced.copy(), is_later.copy()))
        return self.distribution.sample(forced, is_forced, sampling, is_later=is_later, **where)

    def match_lengths(self, frame):
        return (zlib.crc32(self.engine.name.encode()) % 97,) * N_VOICES


def band(**engines: HashEngine) -> Ensemble:
    models = {name: Watched(name) for name in ("band", "other", "drums")} | engines
    together = assemble(BAND, models)
    assert isinstance(together, Ensemble)
    return together


def test_a_cast_says_which_model_plays_which_voice() -> None:
    assert [BAND[voice] for voice in Voice] == ["band", "other", "band", "drums"]
    assert (str(BAND), BAND.models) == ("band, p2=other, no=drums", ("band", "other", "drums"))
    assert BAND.with_voice(P2, SAME).with_voice(NO, SAME) == Cast("band")
    assert parse_voice_model("NO = gan") == (NO, "gan")
    assert parse_voice_model("models/no") is parse_voice_model("x=gan") is parse_voice_model("no") is None


def test_one_model_that_plays_all_voices_plays_alone() -> None:
    models = {"band": HashEngine("band"), "other": HashEngine("other")}
    assert assemble(Cast("band"), models) is models["band"]
    assert assemble(Cast("band", ("other",) * 4), models) is models["other"]
    assert (cast_of(models["band"]), models_of(models["band"])) == (Cast("band"), {"band": models["band"]})
    together = assemble(Cast("band", (SAME, SAME, SAME, "other")), models)
    assert (cast_of(together).own, models_of(together)) == ({NO: "other"}, models)


def test_the_coarsest_grain_plays_first_and_what_one_plays_is_known_to_the_next() -> None:
    together = band(drums=Watched("drums", grain_frames=96))
    drums, main, other = (together.models[name] for name in ("drums", "band", "other"))
    assert together.players == (drums, main, other)
    distribution, _ = together.step(SILENCE, together.initial_state())
    forced = np.array([[60, 9, 1]] + [[0, 0, 0]] * 3, np.uint8)
    frame = distribution.sample(forced, np.arange(4) == P1, Sampling(), seed=1, frame_index=2)
    [(_, known, later)], [(heard, known_2, later_2)] = drums.asked, main.asked
    assert (known.tolist(), later.tolist()) == ([True, False, False, False], [False, True, True, False])
    assert (known_2.tolist(), later_2.tolist()) == ([True, False, False, True], [False, True, False, False])
    assert np.array_equal(heard[NO], frame[NO])
    [(heard_3, known_3, later_3)] = other.asked
    assert (known_3.tolist(), later_3.any()) == ([True, False, True, True], False)
    assert np.array_equal(heard_3[[P1, TR, NO]], frame[[P1, TR, NO]])
    assert np.array_equal(frame[P1], forced[P1])


def test_who_has_nothing_to_draw_is_not_asked() -> None:
    together = band()
    distribution, _ = together.step(SILENCE, together.initial_state())
    distribution.sample(SILENCE, np.array([True, True, True, False]), Sampling(), seed=1, frame_index=2)
    assert [len(engine.asked) for engine in together.players] == [0, 0, 1]


def test_each_hears_the_whole_frame_and_its_own_knobs() -> None:
    together = band()
    knobs = {"hash.morph": 0.5, "no.hash.lock": True, "gan.morph": 1.0}
    together.step(SILENCE, together.initial_state(), Conditions(knobs=knobs))
    assert [engine.told[0].knobs for engine in together.players] == [{"morph": 0.5, "no.lock": True}] * 3
    assert own_knobs("gan", {"organ.x": 1, "gan.x": 2, "p1.gan.y": 3}) == {"x": 2, "p1.y": 3}


def test_a_voice_is_as_its_own_model_says() -> None:
    together = band()
    distribution, _ = together.step(SILENCE, together.initial_state())
    lengths = [zlib.crc32(BAND[voice].encode()) % 97 for voice in Voice]
    assert distribution.match_lengths(SILENCE) == tuple(lengths)
    solo = HashEngine("other", Info("hash", (P1, P2)))
    lacking = assemble(BAND, {"band": HashEngine("band"), "other": solo, "drums": solo})
    assert lacking.info.voices == (P1, P2, TR)


def test_a_member_that_plays_already_keeps_what_it_has_heard() -> None:
    models = {name: HashEngine(name) for name in ("band", "other", "drums")}
    before, after = assemble(Cast("band"), models), assemble(BAND, models)
    state = before.initial_state()
    for k in range(5):
        distribution, state = before.step(np.full((4, 3), k, np.uint8), state)
    late, late_state = after.step(SILENCE, after.initial_state())  # it has heard the end alone
    _, (first, second, third) = kept(after, late, late_state, (before, distribution, state))
    assert first == state != late_state[0]
    assert (second, third) == late_state[1:]
    back, back_state = kept(before, *before.step(SILENCE, 0), (after, *after.step(SILENCE, (7, 8, 9))))
    assert back_state == after.step(SILENCE, (7, 8, 9))[1][0]
    assert back.digest == back_state


@given(
    st.lists(st.booleans(), min_size=4, max_size=4),
    st.lists(st.booleans(), min_size=4, max_size=4),
    st.integers(0, 1000),
)
def test_a_network_draws_as_if_a_voice_that_comes_later_were_not_known(forced, later, seed) -> None:
    is_forced = np.array(forced)
    is_later = np.array(later) & ~is_forced
    distribution, _ = random_engine().step(SILENCE, random_engine().initial_state())
    given_frame = np.array([[60, 9, 1], [64, 5, 2], [40, 0, 0], [7, 3, 1]], np.uint8)
    where = {"seed": seed, "frame_index": 3}
    frame = distribution.sample(given_frame, is_forced, Sampling(), is_later=is_later, **where)
    garbled = np.where(is_later[:, None], 99, given_frame).astype(np.uint8)
    again = distribution.sample(garbled, is_forced, Sampling(), is_later=is_later, **where)
    assert np.array_equal(frame[~is_later], again[~is_later])
    assert np.array_equal(frame[is_forced], given_frame[is_forced])


@pytest.mark.parametrize("seed", range(3))
def test_an_ensemble_is_a_function_of_what_it_is_given(seed: int) -> None:
    together = assemble(BAND, {"band": random_engine(seed=1), "other": random_engine(seed=2), "drums": HashEngine("d")})
    first, state = together.step(SILENCE, together.initial_state())
    draw = {"seed": seed, "frame_index": 5}
    frame = first.sample(SILENCE, NOTHING_FORCED, Sampling(), **draw)
    for _ in range(2):
        distribution, after = together.step(frame, state, Conditions())
        drawn = distribution.sample(SILENCE, NOTHING_FORCED, replace(Sampling(), temperature=0.5), **draw)
        assert np.array_equal(first.sample(SILENCE, NOTHING_FORCED, Sampling(), **draw), frame)
        assert np.array_equal(
            drawn,
            together.step(frame, state)[0].sample(
                SILENCE, NOTHING_FORCED, replace(Sampling(), temperature=0.5), **draw
            ),
        )
        assert after[2] == together.step(frame, state)[1][2]


class Ahead(HashEngine):
    """An engine that makes things ahead."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.made: list[tuple] = []

    def prepare(self, state, conditions, seed, sampling):
        self.made.append((state, conditions.knobs, seed))


def test_what_is_made_ahead_is_asked_of_those_that_do_so() -> None:
    together = band(drums=Ahead("drums"))
    together.prepare((1, 2, 3), Conditions(knobs={"hash.x": 1, "gan.y": 2}), 7, Sampling())
    place = together.players.index(together.models["drums"])
    assert together.models["drums"].made == [((1, 2, 3)[place], {"x": 1}, 7)]
    assert not isinstance(together.models["band"], MakesAhead)
