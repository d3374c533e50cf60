import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from livegen.engines.sampling import draw, draw_note, uniform


def _draws(logits: np.ndarray, temperature: float, top_p: float, n: int = 4000) -> np.ndarray:
    scratch = np.empty(len(logits))
    numbers = (np.arange(n) + 0.5) / n
    drawn = [draw(logits, temperature, top_p, number, scratch) for number in numbers]
    return np.bincount(drawn, minlength=len(logits)) / n


LOGITS = np.log(np.array([0.5, 0.05, 0.3, 0.15], np.float32))


def test_numbers_are_uniform_and_each_of_the_four_names_matters():
    numbers = np.array([uniform(np.uint64(7), frame, 0, 0) for frame in range(4000)])
    assert numbers.min() >= 0.0
    assert numbers.max() < 1.0
    assert np.histogram(numbers, 10, (0, 1))[0] == pytest.approx(400, abs=80)
    assert abs(np.corrcoef(numbers[1:], numbers[:-1])[0, 1]) < 0.05
    names = [
        (seed, frame, voice, column) for seed in (0, 1) for frame in (0, 1) for voice in (0, 1) for column in (0, 2)
    ]
    assert len({uniform(np.uint64(seed), *rest) for seed, *rest in names}) == len(names)


def test_numbers_are_those_of_every_other_machine():
    assert uniform(np.uint64(1), 2, 3, 2) == 0.5686853138797994


def test_draws_follow_the_probabilities_at_temperature_1():
    assert _draws(LOGITS, 1.0, 1.0) == pytest.approx(np.exp(LOGITS), abs=1e-3)


def test_temperature_sharpens_and_flattens():
    squared = np.exp(LOGITS) ** 2
    assert _draws(LOGITS, 0.5, 1.0) == pytest.approx(squared / squared.sum(), abs=1e-3)
    assert _draws(LOGITS, 2.0, 1.0)[1] > 0.1


@pytest.mark.parametrize(("temperature", "top_p"), [(0.0, 1.0), (1.0, 0.0), (float("nan"), 1.0), (1.0, float("nan"))])
def test_at_the_limits_the_likeliest_wins(temperature, top_p):
    assert _draws(LOGITS, temperature, top_p, 50).tolist() == [1, 0, 0, 0]


def test_top_p_keeps_the_fewest_that_add_up_to_it():
    assert _draws(LOGITS, 1.0, 0.79) == pytest.approx([5 / 8, 0, 3 / 8, 0], abs=1e-3)
    assert _draws(LOGITS, 1.0, 0.81) == pytest.approx([0.5 / 0.95, 0, 0.3 / 0.95, 0.15 / 0.95], abs=1e-3)


def _note(logits: np.ndarray, held: int, temperature: float, top_p: float, number: float, **shape) -> int:
    is_allowed = np.array(shape.get("is_allowed", [True] * len(logits)))
    scratch = np.empty(len(logits))
    group = np.array(shape.get("group", [0] + [2] * (len(logits) - 1)))
    biases = (shape.get(name, 0.0) for name in ("density", "attack", "silence"))
    usual = np.array(shape.get("usual", [0] * 4))
    leave = np.array(shape.get("leave", [0.0] * 3))
    return draw_note(logits.copy(), held, group, is_allowed, usual, leave, temperature, top_p, *biases, number, scratch)


def _draws_of_notes(held: int, temperature: float, top_p: float, n: int = 4000, **shape) -> np.ndarray:
    drawn = [_note(LOGITS, held, temperature, top_p, (i + 0.5) / n, **shape) for i in range(n)]
    return np.bincount(drawn, minlength=4) / n


def test_a_note_is_drawn_as_the_network_has_it_at_temperature_1():
    for held in range(4):
        assert _draws_of_notes(held, 1.0, 1.0) == pytest.approx(np.exp(LOGITS), abs=1e-3)


@pytest.mark.parametrize("held", range(4))
def test_silence_moves_the_log_odds_of_silence_alone(held):
    drawn = _draws_of_notes(held, 1.0, 1.0, silence=1.5)
    expected = np.exp(LOGITS + 1.5 * (np.arange(4) == 0))
    assert drawn == pytest.approx(expected / expected.sum(), abs=1e-3)


def test_neither_temperature_nor_top_p_stops_a_voice():
    assert _draws_of_notes(0, 0.01, 1.0) == pytest.approx([0.5, 0, 0.5, 0], abs=1e-3)
    assert _draws_of_notes(0, 1.0, 0.5) == pytest.approx([0.5, 0, 0.5, 0], abs=1e-3)
    assert _draws_of_notes(1, 2.0, 1.0)[1] == pytest.approx(0.05, abs=1e-3)
    assert _draws_of_notes(1, 0.0, 1.0) == pytest.approx([0.5, 0.05, 0.45, 0], abs=1e-3)


@pytest.mark.parametrize(("temperature", "top_p"), [(0.0, 1.0), (0.6, 1.0), (1.0, 0.2), (1.0, 1.0)])
def test_a_voice_leaves_what_it_has_just_played_as_often_at_every_temperature(temperature, top_p):
    drawn = _draws_of_notes(0, temperature, top_p, group=[0, 2, 1, 1])
    assert drawn[[0, 1]] == pytest.approx([0.5, 0.05], abs=1e-3)
    if temperature < 1.0 or top_p < 1.0:
        assert drawn[2] > 0.3 + 1e-3  # of what it goes back to the likelier comes oftener


def test_silence_comes_as_often_at_every_temperature():
    for temperature in (0.0, 0.5, 1.0):
        assert _draws_of_notes(2, temperature, 1.0)[0] == pytest.approx(0.5, abs=1e-3)


@given(
    arrays(np.float32, 6, elements=st.floats(-80, 80, width=32)),
    st.integers(0, 5),
    arrays(np.int64, 6, elements=st.integers(0, 2)),
    arrays(np.bool_, 6),
    st.floats(0, 1, exclude_max=True),
)
@example(np.float32([75, -29, -29, -29, -29, -29]), 1, np.zeros(6, int), np.arange(6) == 1, 0.0)
def test_what_is_not_allowed_is_never_changed_to(logits, held, group, is_allowed, number):
    drawn = _note(logits, held, 0.7, 0.9, number, group=group, is_allowed=is_allowed)
    assert is_allowed[drawn] or drawn == held or (drawn == 0 and not is_allowed.any())


def test_a_voice_that_can_only_hold_holds():
    only = np.array([-np.inf, 3.0, -np.inf], np.float32)
    for number in (0.0, 0.5, 1.0 - 2.0**-53):
        assert _note(only, 1, 1.0, 0.9, number) == 1


def test_density_moves_the_odds_of_a_change_and_not_what_it_is_to():
    held_twice_as_seldom = _draws_of_notes(0, 1.0, 1.0, density=np.log(2.0))
    assert held_twice_as_seldom == pytest.approx([1 / 3, 0.1 / 1.5, 0.6 / 1.5, 0.3 / 1.5], abs=1e-3)
    assert _draws_of_notes(0, 1.0, 1.0, density=-50.0).tolist() == [1, 0, 0, 0]


def test_an_attack_is_likelier_on_the_grid_and_a_release_is_not():
    on_grid = _draws_of_notes(2, 1.0, 1.0, attack=np.log(2.0))
    assert on_grid == pytest.approx(np.array([0.5, 0.1, 0.3, 0.3]) / 1.2, abs=1e-3)


def test_a_voice_changes_only_to_what_is_allowed_and_stays_if_nothing_is():
    allowed = _draws_of_notes(0, 1.0, 1.0, is_allowed=[False, False, False, True])
    assert allowed == pytest.approx([0.5, 0, 0, 0.5], abs=1e-3)
    assert _draws_of_notes(0, 1.0, 1.0, is_allowed=[True, False, False, False]).tolist() == [1, 0, 0, 0]


@given(
    arrays(np.float32, 20, elements=st.floats(-80, 80, width=32)),
    st.integers(0, 19),
    st.floats(0, 2),
    st.floats(0, 1),
    st.floats(0, 1, exclude_max=True),
)
def test_what_is_ruled_out_is_never_drawn(logits, allowed, temperature, top_p, number):
    logits[logits < 0] = -np.inf
    logits[allowed] = 1.0
    assert np.isfinite(logits[draw(logits, temperature, top_p, number, np.empty(20))])
    legal = np.isfinite(logits)
    for held in np.flatnonzero(legal):
        assert legal[_note(logits, held, temperature, top_p, number)]


RUT = np.log([0.0001, 0.6, 0.3, 0.1])  # by themselves, 3 is a ninth of what a voice at 0 changes to


@pytest.mark.parametrize(("leave", "share"), [(0.0, 0.1), (0.05, 0.1), (0.5, 0.5), (0.9, 0.9)])
def test_a_rut_is_left_at_least_as_often_as_is_asked(leave, share):
    logits = np.append(RUT, -50.0)
    drawn = [
        _note(logits, 4, 1.0, 1.0, (i + 0.5) / 4000, usual=[1, 2, 0, 0], leave=[leave, 0.0, 0.0]) for i in range(4000)
    ]
    of_notes = np.bincount(drawn, minlength=5)[1:4]
    assert of_notes[2] / of_notes.sum() == pytest.approx(share, abs=2e-3)
    assert of_notes[0] / of_notes[1] == pytest.approx(2.0, rel=0.02)


def test_a_rut_of_all_that_is_allowed_is_not_left():
    allowed = [True, True, True, False]
    drawn = {
        _note(RUT, 0, 1.0, 1.0, number, is_allowed=allowed, usual=[1, 2, 0, 0], leave=[0.9] * 3)
        for number in np.linspace(0, 0.999, 200)
    }
    assert drawn <= {0, 1, 2}
