"""How many threads torch computes with: the quicker number, tried at the start and whenever a run has become slow."""

from livegen.training.threads import TRIAL_STEPS, WATCHED_STEPS, Threads


def learn(threads: Threads, speeds: dict[int, float], n_steps: int) -> list[int]:
    """Do steps at a speed for each number of threads, and return the numbers that were used."""
    used = []
    for _ in range(n_steps):
        used.append(threads.n)
        threads.hear(speeds[threads.n])
    return used


def test_each_number_is_tried_and_the_quicker_one_stays() -> None:
    for speeds, best in (({2: 7500.0, 1: 5000.0}, 2), ({2: 600.0, 1: 5000.0}, 1)):
        threads = Threads((2, 1))
        assert learn(threads, speeds, 2 * TRIAL_STEPS) == [2] * TRIAL_STEPS + [1] * TRIAL_STEPS
        assert set(learn(threads, speeds, 100)) == {best}


def test_one_slow_step_changes_nothing() -> None:
    threads, speeds = Threads((2, 1)), {2: 100.0, 1: 60.0}
    learn(threads, {2: 1.0, 1: 60.0}, 1)  # the first step of all
    learn(threads, speeds, 20)
    threads.hear(1.0)
    assert set(learn(threads, speeds, 50)) == {2}


def test_a_run_that_has_become_slow_tries_again() -> None:
    threads = Threads((2, 1))
    learn(threads, {2: 100.0, 1: 60.0}, 40)
    beside_another = {2: 10.0, 1: 55.0}
    used = learn(threads, beside_another, WATCHED_STEPS + 2 * TRIAL_STEPS + 20)
    assert used[0] == 2
    assert set(used[-20:]) == {1}
    alone_again = {2: 100.0, 1: 60.0}
    assert set(learn(threads, alone_again, 50)) == {1}  # what is no slower is left as it is


def test_where_there_is_no_choice_nothing_is_tried() -> None:
    for choices in ((3,), (1, 1)):
        assert set(learn(Threads(choices), {choices[0]: 1.0}, 50)) == {choices[0]}
