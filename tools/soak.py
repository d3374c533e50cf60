"""Play a jam for an hour while things go wrong: `python tools/soak.py [--seconds 3600] [--seed 1] [--without jack]`.

A `livegen jam` plays on a JACK server of its own at 128 samples. A performer plays keys and wheels and sends a MIDI
clock, OSC moves controls at 200 messages a second, and Chromium shows the page. Every ten seconds a fault is drawn:

    keyboard    the keyboard is pulled while keys are held, and plugged in again
    output      the port of the MIDI output goes, and comes back
    garbage     packets come that are no OSC
    disk        the take's disk is full (a limit on the size of files), and has room again
    kill        the page's process is killed
    stop        the page's process stands still (SIGSTOP), and goes on
    clock       the MIDI clock stops, and goes on
    model       the model is changed, and changed back
    jack        the JACK server is killed, and started anew
    nothing     only if asked for: the control, for the late frames that the machine has anyway

A cause that does not end at once lasts for up to three seconds. From its end on it is timed until all is well again:
keys and model are heard at the MIDI output, page and OSC answer, and sound, model, clock and take are as before. This
is as fine as notes come, a few tenths of a second. Then all keys are up for a second, and what still sounds for the
performer is a stuck note.

Exits with 1 if a bar is missed.
"""

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from playwright.sync_api import sync_playwright
from stage_bench import CHROMIUM

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # the JACK server, the keyboard, and what is no OSC

from livegen_process import environment
from soak_faults import FAULTS
from soak_stage import Sight, Stage
from waiting import wait_until

PERIOD_SECONDS: Final = 10.0
_CAUSE_SECONDS: Final = (0.5, 3.0)
_WELL_BY_SECONDS: Final = 8.0  # of a period; it may get longer where the cause did
_LEAST_PATIENCE_SECONDS: Final = 5.0
_CALM_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.1
_PATIENCE_SECONDS: Final = 10.0
_WARM_UP_SECONDS: Final = 300.0
_N_MEDIAN: Final = 5
_MOST_LATE: Final = 1
_MOST_GROWTH_MB: Final = 10.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one fault.

    Attributes
    ----------
    fault : str
    late_frames, underflows : int
        In its period.
    seconds : float
        From the end of its cause until all was well; infinite where that did not come in the period.
    last : list of str
        What was well last.
    amiss : list of str
        What was not well by the end of the period.
    stuck : list of str
        What sounded for the performer after all keys had been up for a second.
    """

    fault: str
    late_frames: int
    underflows: int
    seconds: float
    last: list[str]
    amiss: list[str]
    stuck: list[str]

    def __str__(self) -> str:
        well = (
            ", ".join(self.amiss) + " not well"
            if self.amiss
            else f"well after {self.seconds:.1f} s ({', '.join(self.last)} last)"
        )
        stuck = "".join(f", stuck: {each}" for each in self.stuck)
        return f"{self.fault}: {well}, {self.late_frames} late, {self.underflows} underflows{stuck}"


@dataclass(slots=True)
class Report:
    """What came of all of it.

    Attributes
    ----------
    memory_mb : list of (float, dict)
        Seconds, and megabytes by process.
    crashes : list of str
    farewell : str
        The jam's last words.
    take : str
        What `livegen replay --check` says.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    memory_mb: list[tuple[float, dict[str, float]]] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    farewell: str = ""
    take: str = ""
    does_replay: bool = False

    def growth_mb(self) -> dict[str, float]:
        """Return by how much the memory of each process, and of all, has grown since the warm-up."""
        last = self.memory_mb[-1][0]
        warm = [memory for seconds, memory in self.memory_mb if seconds >= min(_WARM_UP_SECONDS, last / 4)]
        n = max(1, min(_N_MEDIAN, len(warm) // 2))
        first, end = warm[:n], warm[-n:]
        grown = {name: _median(end, name) - _median(first, name) for name in warm[0]}
        return {**grown, "all": sum(grown.values())}

    def table(self) -> str:
        """Return a line for each fault."""
        lines = ["fault      times  late  most  underflows  stuck  well after: median   most  never"]
        for name in FAULTS:
            those = [outcome for outcome in self.outcomes if outcome.fault == name]
            well = [outcome.seconds for outcome in those if not outcome.amiss]
            if those:
                late = [outcome.late_frames for outcome in those]
                under, stuck = sum(each.underflows for each in those), sum(len(each.stuck) for each in those)
                median, most = (statistics.median(well), max(well)) if well else (float("nan"), float("nan"))
                lines.append(
                    f"{name:10} {len(those):5} {sum(late):5} {max(late):5} {under:11} {stuck:6} {median:17.1f} s "
                    f"{most:4.1f} s {len(those) - len(well):6}"
                )
        return "\n".join(lines)

    def totals(self) -> list[tuple[str, bool]]:
        """Return each figure in words, and whether it is within its bar."""
        late = [outcome.late_frames for outcome in self.outcomes]
        n_stuck = sum(len(outcome.stuck) for outcome in self.outcomes)
        growth = self.growth_mb() if self.memory_mb else {"all": 0.0}
        grown = ", ".join(f"{name} {mb:+.1f}" for name, mb in growth.items())
        return [
            (f"crashes: {len(self.crashes)} {'; '.join(self.crashes)}", not self.crashes),
            (f"stuck notes: {n_stuck}", n_stuck == 0),
            (f"late frames: {sum(late)}, at most {max(late, default=0)} a fault", max(late, default=0) <= _MOST_LATE),
            (f"memory in MB: {grown}", growth["all"] < _MOST_GROWTH_MB),
            (f"take: {self.take}", self.does_replay),
        ]


def main() -> None:
    """Run it, print the table and the totals, and exit with 1 if a bar is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=[name for name in FAULTS if name != "nothing"])
    parser.add_argument("--without", nargs="+", choices=FAULTS, default=[])
    options = parser.parse_args()
    faults = [name for name in options.faults if name not in options.without]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that all that was started ends
    with tempfile.TemporaryDirectory(prefix="livegen-soak-") as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        report = soak(Stage(Path(folder), browser, options.seed), faults, options.seconds, options.seed)
        browser.close()
    totals = report.totals()
    words = [f"{'    ' if is_met else 'BAR '}{figure}" for figure, is_met in totals]
    sys.stdout.write("\n".join([report.table(), *words, f"    {report.farewell}", ""]))
    sys.exit(not all(is_met for _, is_met in totals))


def soak(stage: Stage, faults: Sequence[str], seconds: float, seed: int) -> Report:
    """Let a jam play, with a fault in each period.

    Parameters
    ----------
    stage : Stage
    faults : sequence of str
        What is drawn from, keys of `FAULTS`.
    seconds : float
    seed : int
        Of the draws.
    """
    report, dice = Report(), Random(seed)
    with stage:
        home = _first_sight(stage)
        began, drawn = time.monotonic(), _drawn(faults, dice)
        while stage.jam.plays and time.monotonic() < began + seconds:
            outcome = _try(stage, next(drawn), home, dice)
            passed, memory_mb = time.monotonic() - began, stage.memory_mb()
            report.outcomes.append(outcome)
            report.memory_mb.append((passed, memory_mb))
            sys.stderr.write(f"{passed:.0f} s, {sum(memory_mb.values()):.0f} MB: {outcome}\n")
        report.crashes = _leave(stage)
        report.farewell = stage.jam.words.splitlines()[-1]
    command = [sys.executable, "-m", "livegen", "replay", stage.take(), "--check"]
    checked = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    report.take = " ".join((checked.stdout + checked.stderr).split())
    report.does_replay = checked.returncode == 0
    return report


def _first_sight(stage: Stage) -> Sight:
    """Return what is seen once all is well, and both models have been loaded."""
    for model in ("solo", "default"):
        stage.send("/livegen/model", model)
        wait_until(lambda name=model: stage.look().gauges["model"] == name)
    time.sleep(_CALM_SECONDS)
    since = stage.look()
    wait_until(lambda: not (sight := stage.look()).amiss(since, sight))
    return stage.look()


def _try(stage: Stage, fault: str, home: Sight, dice: Random) -> Outcome:
    """Let something go wrong, and see what comes of it by the end of the period."""
    began = time.monotonic()
    stage.look()
    late_frames, underflows = stage.late_frames, stage.underflows
    end = FAULTS[fault](stage, dice)
    cause_seconds = dice.uniform(*_CAUSE_SECONDS)
    time.sleep(0.0 if end is None else cause_seconds)
    ended = time.monotonic()
    if end is not None:
        end()
    ended = max(ended, stage.jack_since)  # a server takes its time to start, and so does the performer after it
    since = stage.look()
    well_by = max(began + _WELL_BY_SECONDS, time.monotonic() + _LEAST_PATIENCE_SECONDS)
    last, amiss = [], since.amiss(since, home)
    while amiss and stage.jam.plays and time.monotonic() < well_by:
        time.sleep(_LOOK_SECONDS)
        last, amiss = amiss, stage.look().amiss(since, home)
    seconds = float("inf") if amiss else time.monotonic() - ended
    stage.performer.let(plays=False)
    time.sleep(_CALM_SECONDS)
    calm = stage.look()
    wait_until(lambda: stage.look().is_newer_than(calm), _PATIENCE_SECONDS)  # a page that just came back
    stuck = stage.look().sounds
    stage.performer.let(plays=True)
    time.sleep(max(began + PERIOD_SECONDS - time.monotonic(), 0.0))
    stage.look()
    late_frames, underflows = stage.late_frames - late_frames, stage.underflows - underflows
    return Outcome(fault, late_frames, underflows, seconds, last, amiss, stuck)


def _drawn(faults: Sequence[str], dice: Random) -> Iterator[str]:
    """Yield faults at random, each as often as the others."""
    while True:
        yield from dice.sample(faults, len(faults))


def _leave(stage: Stage) -> list[str]:
    """End the jam, and return what it did that no program should."""
    if not stage.jam.plays:
        return [f"the jam ended by itself: {stage.jam.words[-500:]}"]
    try:
        code = stage.jam.leave(signal.SIGTERM)
    except subprocess.TimeoutExpired:
        return ["the jam does not end at SIGTERM"]
    words = stage.jam.words
    wrong = [word for word in ("Traceback", "faults:") if word in words]
    return [f"exit code {code}"] * (code != 0) + [f"{word} in its words: {words[-500:]}" for word in wrong]


def _median(memory: Sequence[dict[str, float]], name: str) -> float:
    return statistics.median(each.get(name, 0.0) for each in memory)


if __name__ == "__main__":
    main()
