from dataclasses import replace

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from lstm_weights import SMALL, random_arrays, random_engine

from livegen.beat import Beat
from livegen.engines.lstm import kernels
from livegen.engines.lstm.draws import attack
from livegen.engines.lstm.features import (
    AGE,
    LEFT,
    LENGTHS,
    N_PHASES,
    NEXT,
    NO_PROPOSALS,
    NOTES,
    ON_TIME,
    OWN_STRICT,
    PLANNED,
    SHARED,
    TRUST,
)
from livegen.engines.lstm.lstm import LstmConfig, LstmDistribution, LstmEngine, LstmState, as_played
from livegen.engines.protocol import N_USUAL, Conditions, Sampling
from livegen.errors import CheckpointError
from livegen.score import NOTE_RANGE, SILENCE, TIMBRE_MAX, VOLUME_MAX, Voice, validate_frames

ENGINE = random_engine()
NONE = np.zeros(4, np.bool_)


@st.composite
def frames(draw) -> np.ndarray:
    frame = np.zeros((4, 3), np.uint8)
    for voice in Voice:
        frame[voice, 0] = draw(st.just(0) | st.integers(*NOTE_RANGE[voice]))
        frame[voice, 1] = draw(st.integers(0, VOLUME_MAX[voice]))
        frame[voice, 2] = draw(st.integers(0, TIMBRE_MAX[voice]))
    return frame


masks = st.tuples(*[st.booleans()] * 4).map(lambda mask: np.array(mask))
_of_voices = st.tuples(*[st.floats(-3, 3)] * 4)
_registers = st.tuples(*[st.integers(0, 127)] * 4)
shapes = st.builds(
    Sampling,
    st.floats(0, 2),
    st.floats(0, 1),
    st.tuples(*[st.floats(0, 2)] * 4),
    _of_voices,
    st.floats(0, 4),
    _of_voices,
    _of_voices,
    _of_voices,
    st.tuples(*[st.tuples(*[st.integers(0, 108)] * N_USUAL)] * 4),
    st.tuples(*[st.tuples(*[st.floats(0, 1)] * (N_USUAL - 1))] * 4),
    _registers,
    _registers,
    st.integers(0, 0xFFF),
)


def _after(*heard: np.ndarray) -> tuple[LstmDistribution, LstmState]:
    distribution, state = ENGINE.step(SILENCE, ENGINE.initial_state())
    for frame in heard:
        distribution, state = ENGINE.step(frame, state)
    return distribution, state


def _bytes(state: LstmState) -> list[bytes]:
    return [getattr(state, name).tobytes() for name in ("heard", "h", "c")]


@settings(max_examples=examples(50))
@given(st.lists(frames(), max_size=4), frames(), masks, shapes, st.integers(), st.integers(0, 10**6))
def test_what_is_drawn_is_legal_and_what_is_forced_is_kept(heard, forced, is_forced, sampling, seed, frame_index):
    distribution, _ = _after(*heard)
    frame = distribution.sample(forced, is_forced, sampling, seed=seed, frame_index=frame_index)
    validate_frames(frame[None])
    assert (frame[is_forced] == forced[is_forced]).all()
    drawn = ~is_forced & (np.arange(4) != Voice.TR)
    assert ((frame[drawn, 0] == 0) == (frame[drawn, 1] == 0)).all()


@settings(max_examples=examples(50))
@given(st.lists(frames(), max_size=4), frames(), masks, st.sampled_from(Voice))
def test_note_probabilities_add_up_to_one_over_legal_notes(heard, frame, is_known, voice):
    distribution, _ = _after(*heard)
    log_probs = distribution.note_log_probs(voice, frame, is_known)
    lowest, highest = NOTE_RANGE[voice]
    legal = np.zeros(109, np.bool_)
    legal[[0, *range(lowest, highest + 1)]] = True
    assert np.exp(log_probs).sum() == pytest.approx(1.0, abs=1e-5)
    assert np.isfinite(log_probs[legal]).all()
    assert (log_probs[~legal] == -np.inf).all()


@settings(max_examples=examples(20))
@given(st.lists(frames(), min_size=1, max_size=3), frames(), masks)
def test_a_step_and_a_draw_change_nothing_that_they_are_given(heard, forced, is_forced):
    distribution, state = _after(*heard)
    before, forced_before, mask_before = _bytes(state), forced.copy(), is_forced.copy()
    first = distribution.sample(forced, is_forced, Sampling(), seed=3, frame_index=4)
    _, one = ENGINE.step(first, state)
    _, other = ENGINE.step(first, state)
    assert _bytes(one) == _bytes(other)
    assert _bytes(state) == before
    assert (distribution.sample(forced, is_forced, Sampling(), seed=3, frame_index=4) == first).all()
    assert (forced == forced_before).all()
    assert (is_forced == mask_before).all()


def test_a_state_cannot_be_written():
    _, state = _after()
    for array in (state.heard, state.h, state.c):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


def test_going_back_to_a_state_plays_the_same_again():
    def play(state: LstmState, n: int) -> tuple[list[bytes], LstmState]:
        frame, played = SILENCE, []
        for index in range(n):
            distribution, state = ENGINE.step(frame, state)
            frame = distribution.sample(SILENCE, NONE, Sampling(), seed=1, frame_index=index)
            played.append(frame.tobytes())
        return played, state

    _, middle = play(ENGINE.initial_state(), 20)
    first, _ = play(middle, 20)
    again, _ = play(middle, 20)
    assert first == again
    assert len(set(first)) > 1


def test_seed_and_frame_index_change_what_is_drawn():
    distribution, _ = _after()

    def drawn(**names: int) -> bytes:
        return distribution.sample(SILENCE, NONE, Sampling(2.0), **names).tobytes()

    assert len({drawn(seed=seed, frame_index=0) for seed in range(20)}) > 15
    assert len({drawn(seed=0, frame_index=index) for index in range(20)}) > 15


def test_draws_follow_the_log_probabilities_of_the_voices_in_turn():
    heard = SILENCE.copy()
    heard[Voice.P1] = 60, 8, 1
    distribution, _ = _after(heard)
    forced = SILENCE.copy()
    forced[Voice.TR] = 48, 0, 0
    is_forced = np.arange(4) == Voice.TR
    n = 6000
    drawn = np.array(
        [distribution.sample(forced, is_forced, Sampling(), seed=seed, frame_index=0) for seed in range(n)]
    )
    expected = np.exp(distribution.note_log_probs(Voice.P1, forced, is_forced))
    assert np.bincount(drawn[:, Voice.P1, 0], minlength=109) / n == pytest.approx(expected, abs=0.03)
    # The next voice is drawn given the first one, so its share is the mean over what was drawn before it.
    is_known = is_forced | (np.arange(4) == Voice.P1)
    given_p1 = np.mean([np.exp(distribution.note_log_probs(Voice.P2, frame, is_known)) for frame in drawn[:2000]], 0)
    assert np.bincount(drawn[:, Voice.P2, 0], minlength=109) / n == pytest.approx(given_p1, abs=0.03)


def test_what_is_known_of_the_frame_matters_and_what_is_not_does_not():
    distribution, _ = _after()
    frame, other = SILENCE.copy(), SILENCE.copy()
    frame[Voice.TR], other[Voice.TR] = (40, 0, 0), (47, 0, 0)
    is_known = np.arange(4) == Voice.TR
    for voice in (Voice.P1, Voice.P2, Voice.NO):
        given_one = distribution.note_log_probs(voice, frame, is_known)
        assert not np.allclose(given_one, distribution.note_log_probs(voice, other, is_known))
        unknown = distribution.note_log_probs(voice, frame, NONE)
        assert (unknown == distribution.note_log_probs(voice, other, NONE)).all()


def test_a_voice_that_moves_at_temperature_0_takes_the_likeliest_note():
    distribution, _ = _after()
    log_probs = distribution.note_log_probs(Voice.P1, SILENCE, NONE)
    frames = [distribution.sample(SILENCE, NONE, Sampling(0.0), seed=seed, frame_index=0) for seed in range(50)]
    notes = {int(frame[Voice.P1, 0]) for frame in frames}
    assert len(notes) <= 2  # it goes on, or takes the likeliest of the others
    assert int(np.argmax(log_probs)) in notes


def test_a_voice_changes_only_to_notes_of_its_register_and_scale():
    distribution, _ = _after()
    c_major, register = 0b101010110101, (50, 60, 40, 3)
    sampling = Sampling(2.0, 1.0, density=(50.0,) * 4, lowest=register, highest=(70, 72, 60, 9), scale=c_major)
    drawn = np.array([distribution.sample(SILENCE, NONE, sampling, seed=s, frame_index=0) for s in range(200)])
    for voice in Voice:
        notes = drawn[drawn[:, voice, 0] > 0, voice, 0]
        assert len(notes) > 20
        assert (notes >= register[voice]).all()
        assert (notes <= sampling.highest[voice]).all()
        if voice is not Voice.NO:
            assert all(c_major >> note % 12 & 1 for note in notes.tolist())


def test_the_grid_gathers_attacks_on_quarters_halves_and_wholes_of_the_beat_and_makes_them_no_rarer():
    engine = random_engine(scale=0.05)  # it knows nothing, so that the grid alone decides
    n_attacks = {}
    for grid in (0.0, 2.0):
        phases, n_attacks[grid] = [], 0
        for phase in np.linspace(0, 1, 97)[:-1]:
            conditions = Conditions(Beat(1e6, phase))  # the next frame has nearly the same phase
            distribution, _ = engine.step(SILENCE, engine.initial_state(), conditions)
            sampling = Sampling(density=(-6.0,) * 4, grid=grid)
            for seed in range(40):
                frame = distribution.sample(SILENCE, NONE, sampling, seed=seed, frame_index=0)
                attacks = int((frame[:, 0] > 0).sum())
                phases += [phase] * attacks
                n_attacks[grid] += attacks
        of_quarters, of_halves, of_beats = (np.exp(2j * np.pi * m * np.array(phases)).mean() for m in (4, 2, 1))
        assert (abs(of_quarters) > 0.2) == (grid > 0)
        assert (of_halves.real > 0.2) == (grid > 0)
        assert (of_beats.real > 0.1) == (grid > 0)
    assert 0.5 < n_attacks[2.0] / n_attacks[0.0] < 1.5


@pytest.mark.parametrize(("between", "n_parts"), [((3.0, 0.0), 2), ((0.0, 3.0), 4)])
def test_attacks_between_halves_or_quarters_of_the_beat_become_rarer_and_others_more(between, n_parts):
    phases = np.arange(N_PHASES)
    asked = np.exp([[attack(phase, 1.0, each) for phase in phases] for each in ((0.0, 0.0), between)])
    assert asked.mean(1) == pytest.approx(1.0)
    turns = (phases + 0.5) / N_PHASES * n_parts % 1.0
    is_between = np.abs(turns - 0.5) < 0.1
    before, after = asked[:, is_between].mean(1)
    assert after / before < 0.2
    before, after = asked[:, np.abs(turns - 0.5) > 0.4].mean(1)
    assert after > before
    assert attack(N_PHASES, 1.0, between) == 0.0  # the beat is unknown


def _after_a_tune_and_half(conditions: Conditions) -> LstmDistribution:
    tune = np.zeros((12, 4, 3), np.uint8)
    tune[:, 0, 0] = np.repeat([60, 62, 64, 65, 67, 69], 2)
    tune[:, 0, 1] = 9
    state = ENGINE.initial_state()
    for frame in (*tune, *tune[:6]):
        distribution, state = ENGINE.step(frame, state, conditions)
    return distribution


def test_the_memory_is_heard_unless_it_is_hidden():
    after = _after_a_tune_and_half
    assert (after(Conditions()).told.proposals[0, OWN_STRICT, [NEXT, LEFT]] == (65, ON_TIME)).all()
    assert (after(Conditions(memory=0.0)).told.proposals == NO_PROPOSALS).all()
    planned = after(Conditions(plan=12)).told.proposals[:, SHARED]
    assert (planned[:, TRUST] == PLANNED).all()
    assert planned[0, NEXT] == 65
    assert (after(Conditions(plan=500)).told.proposals == after(Conditions()).told.proposals).all()


def test_a_voice_that_is_to_follow_a_plan_does_and_without_a_plan_nothing_changes():
    def drawn(plan: int, follow: float) -> list[np.ndarray]:
        distribution = _after_a_tune_and_half(Conditions(plan=plan))
        shape = Sampling(follow=(follow, 0.0, 0.0, 0.0))
        return [distribution.sample(SILENCE, NONE, shape, seed=seed, frame_index=0) for seed in range(40)]

    assert {int(frame[0, 0]) for frame in drawn(12, 50.0)} == {65}  # as the tune goes on
    assert 65 not in {int(frame[0, 0]) for frame in drawn(12, 0.0)}
    assert np.array_equal(drawn(0, 50.0), drawn(0, 0.0))


def test_silence_at_the_start_is_not_silence_later():
    first, state = _after()
    later, _ = ENGINE.step(SILENCE, replace(state, heard=state.heard * 0, h=state.h * 0, c=state.c * 0))
    start = first.note_log_probs(Voice.P1, SILENCE, NONE)
    assert not np.allclose(start, later.note_log_probs(Voice.P1, SILENCE, NONE))


def test_a_frame_out_of_range_or_weights_that_overflow_still_give_a_legal_frame():
    with np.errstate(all="ignore"):
        engine = LstmEngine.from_arrays("huge", SMALL, random_arrays(scale=1e20))
    state = engine.initial_state()
    for index in range(5):
        distribution, state = engine.step(np.full((4, 3), 255, np.uint8), state)
        frame = distribution.sample(SILENCE, NONE, Sampling(), seed=0, frame_index=index)
        validate_frames(frame[None])


def test_sizes_that_sixteen_does_not_divide_are_summed_to_the_end():
    config = LstmConfig(3, 5, 2, 4, 7, 3, 1)
    arrays = as_played(random_arrays(config))
    engine = LstmEngine.from_arrays("odd", config, arrays)
    distribution, state = engine.step(SILENCE, engine.initial_state())
    for voice in Voice:
        expected = arrays[f"trunk.{voice.name}.weight"] @ state.h + arrays[f"trunk.{voice.name}.bias"]
        hidden = np.empty(config.n_hidden, np.float32)
        kernels.state_units(int(voice), distribution.h, distribution.weights, hidden)
        assert hidden == pytest.approx(expected, abs=1e-4)


@st.composite
def some_voices(draw) -> tuple[Voice, ...]:
    chosen = draw(st.sets(st.sampled_from(Voice), min_size=1))
    return tuple(voice for voice in Voice if voice in chosen)


@settings(max_examples=examples(50))
@given(some_voices(), st.lists(frames(), max_size=3), frames(), masks, shapes, st.integers(0, 10**6))
def test_a_model_plays_the_voices_that_it_has_and_leaves_the_others(voices, heard, forced, is_forced, sampling, seed):
    engine = random_engine(replace(SMALL, voices=voices))
    distribution, state = engine.step(SILENCE, engine.initial_state())
    for frame in heard:
        distribution, state = engine.step(frame, state)
    frame = distribution.sample(forced, is_forced, sampling, seed=seed, frame_index=0)
    validate_frames(frame[None])
    absent = [voice for voice in Voice if voice not in voices]
    assert (frame[is_forced] == forced[is_forced]).all()
    assert not frame[[voice for voice in absent if not is_forced[voice]]].any()
    for voice in absent:
        assert np.exp(distribution.note_log_probs(voice, forced, is_forced)).tolist() == [1.0] + [0.0] * 108
    # It never hears them, neither in the song so far nor in the frame that it draws.
    other, deaf = engine.initial_state(), SILENCE.copy()
    for frame_heard in (SILENCE, *heard):
        without = frame_heard.copy()
        without[absent] = 0
        in_silence, other = engine.step(without, other)
    deaf[list(voices)] = forced[list(voices)]
    again = in_silence.sample(deaf, is_forced, sampling, seed=seed, frame_index=0)
    assert (again[list(voices)] == frame[list(voices)]).all()


def test_a_model_of_one_voice_is_smaller():
    sizes = {}
    for voices in (tuple(Voice), (Voice.P1,)):
        config = replace(SMALL, voices=voices)
        sizes[len(voices)] = sum(int(np.prod(shape)) for shape in config.shapes().values())
    assert sizes[1] < 0.4 * sizes[4]


def test_a_model_that_leaves_something_out_is_not_told_of_it():
    tune = np.zeros((30, 4, 3), np.uint8)
    tune[:, 0, 0] = np.repeat([60, 62, 64, 60, 62, 64], 5)
    tune[:, 0, 1] = 9
    told = {}
    for leaves_out in ((), ("memory",), ("ages",), ("memory", "ages", "orders")):
        engine = random_engine(replace(SMALL, leaves_out=leaves_out))
        state = engine.initial_state()
        for frame in tune:
            distribution, state = engine.step(frame, state)
        told[leaves_out] = distribution.told
    for leaves_out, (heard, proposals, *_) in told.items():
        assert heard[:, [AGE, *range(LENGTHS, NOTES)]].any() == ("ages" not in leaves_out)
        assert (proposals == NO_PROPOSALS).all() == ("memory" in leaves_out)
        assert (heard[:, NOTES:] == told[()].heard[:, NOTES:]).all()


@pytest.mark.parametrize(
    "bad", [{"voices": ()}, {"voices": (Voice.TR, Voice.P1)}, {"leaves_out": ("beat",)}, {"leaves_out": ("ages",) * 2}]
)
def test_voices_and_what_is_left_out_are_checked(bad):
    with pytest.raises(CheckpointError, match=next(iter(bad))):
        replace(SMALL, **bad)


@pytest.mark.parametrize("size", [0, -1, 5000, 2.0, True, "8"])
def test_a_size_out_of_range_is_refused(size):
    with pytest.raises(CheckpointError, match="n_state"):
        LstmConfig(n_state=size)


def test_a_voice_can_be_made_to_go_on_as_after_its_longest_match():
    riff = [60, 64, 67, 72]
    song = np.zeros((50, 4, 3), np.uint8)
    song[:, :, 0] = np.repeat(riff * 5, 3)[: len(song), None] * [1, 1, 1, 0]
    song[:, :2, 1] = 9
    distribution, _ = _after(*song)  # the last note is two frames old: the next one is due
    expected = riff[(len(song) + 1) // 3 % len(riff)]
    for voice in (Voice.P1, Voice.P2, Voice.TR):
        copy = tuple(60.0 * (other == voice) for other in Voice)
        drawn = distribution.sample(SILENCE, NONE, Sampling(copy=copy), seed=1, frame_index=0)
        proposal = distribution.told.proposals[voice, OWN_STRICT]
        assert proposal[NEXT] == expected
        assert drawn[voice, 0] == (expected if proposal[LEFT] <= ON_TIME else song[-1, voice, 0])
    hidden, _ = ENGINE.step(song[-1], _after(*song[:-1])[1], Conditions(memory=0.0))
    frames = [
        hidden.sample(SILENCE, NONE, Sampling(copy=(strength,) * 4), seed=1, frame_index=0) for strength in (0.0, 60.0)
    ]
    assert (frames[0] == frames[1]).all()  # nothing is copied from a memory that is hidden
