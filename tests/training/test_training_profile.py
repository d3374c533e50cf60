"""Where the time of a run goes: phases that add up to the whole, and a report in the run's record."""

from pathlib import Path

import pytest

from livegen.training.profile import PHASES, REST, Profile, learnt, phase, profiled, profiling


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


def test_a_phase_within_another_counts_for_itself_alone_and_all_add_up() -> None:
    clock = Clock()

    @phase("reading")
    def read() -> None:
        clock.pass_(4.0)

    with profiling(Profile(clock=clock)) as profile:
        clock.pass_(0.5)
        read()
        for _ in range(3):
            with phase("forward"):
                clock.pass_(1.0)
                with phase("backward"):
                    clock.pass_(2.0)
                clock.pass_(0.25)
            learnt(90)
    report = profile.report()
    assert report["frames"] == 270
    seconds = {name: each["seconds"] for name, each in report["phases"].items()}
    expected = {"reading": 4.0, "forward": 3.75, "backward": 6.0, REST: 0.5}
    assert seconds == {**dict.fromkeys(PHASES, 0.0), **expected}
    assert report["phases"]["backward"]["frames_per_second"] == 45.0
    assert report["phases"]["writing"]["frames_per_second"] is None
    assert sum(each["share"] for each in report["phases"].values()) == pytest.approx(1.0)


def test_a_phase_that_fails_is_over_and_the_device_is_waited_for_before_the_clock_is_read() -> None:
    clock = Clock()

    @phase("batch")
    def fail() -> None:
        clock.pass_(2.0)
        raise ZeroDivisionError

    with profiling(Profile(wait=lambda: clock.pass_(1.0), clock=clock)) as profile:
        with pytest.raises(ZeroDivisionError):
            fail()
        clock.pass_(0.5)
    assert profile.report()["phases"]["batch"]["seconds"] == 3.0
    assert profile.report()["phases"][REST]["seconds"] >= 2.5


def test_without_a_profile_phases_are_only_words() -> None:
    with phase("batch"):
        learnt(5)
    assert profiled() is None


def test_a_run_that_is_profiled_has_it_in_its_record(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from songs import write_splits
    from tiny_training import run

    from livegen.training.logged import read_record

    folder = tmp_path / "data"
    folder.mkdir()
    data = write_splits(folder)
    with profiling(Profile()) as profile:
        run(data, tmp_path / "one", 4, 1e9)
    phases = read_record(tmp_path / "one")["parts"][-1]["profile"]["phases"]
    assert {name for name, each in phases.items() if each["seconds"] == 0.0} <= {"measuring"}
    assert profile.n_frames == 4 * 4 * 24
    run(data, tmp_path / "other", 1, 1e9)
    assert "profile" not in read_record(tmp_path / "other")["parts"][-1]
