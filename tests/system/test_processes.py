"""Work in processes that end with the one that began them."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from waiting import wait_until

from livegen.system.processes import SideBySide

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")


def test_all_parts_run_in_processes_of_their_own_at_the_same_time(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    def part(name: str, other: str) -> None:
        (tmp_path / name).write_text(str(os.getpid()))
        assert wait_until(lambda: (tmp_path / other).exists())

    def failing() -> None:
        raise ValueError("it fails again where it is called next")

    SideBySide([lambda: part("a", "b"), failing, lambda: part("b", "a")]).wait()
    numbers = {(tmp_path / name).read_text() for name in "ab"}
    assert len(numbers | {str(os.getpid())}) == 3
    assert capfd.readouterr() == ("", "")


def test_they_go_on_beside_the_program_less_urgently_and_end_when_it_gives_up(tmp_path: Path) -> None:
    def part() -> None:
        (tmp_path / "niceness").write_text(str(os.nice(0)))
        time.sleep(3600)

    parts = SideBySide([part], niceness=3)
    assert wait_until(lambda: (tmp_path / "niceness").exists() and (tmp_path / "niceness").read_text() != "")
    assert int((tmp_path / "niceness").read_text()) == min(os.nice(0) + 3, 19)
    parts.end()
    parts.wait()
    parts.end()


PROGRAM = r"""
import os, time
from livegen.system.processes import SideBySide
def part():
    os.write(1, b"%d\n" % os.getpid())
    time.sleep(3600)
SideBySide([part, part]).wait()
"""


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_none_outlives_the_program(how: str) -> None:
    program = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    numbers = [int(program.stdout.readline()) for _ in range(2)]
    getattr(program, how)()
    program.wait(20.0)
    assert wait_until(lambda: not any(Path(f"/proc/{number}/cmdline").exists() for number in numbers))
    program.stdout.close()
