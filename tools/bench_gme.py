#!/usr/bin/env python3
"""Measure the chip and Game_Music_Emu with the same workloads in one run, and print their ratio.

    PYTHONPATH=. python tools/bench_gme.py [RUNS]

Both render to 48 kHz on one thread, in turns; times are the thread's own, so that other work on the machine counts
little. It needs Debian's libgme0, and the folder of reference tools beside the checkout, which turns a register log
into an NSF.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from livegen.apu import render_writes
from livegen.apu.workloads import Writes, busy_writes, worst_case_writes
from livegen.units import CPU_CLOCK_HZ, ENGINE_RATE_HZ

SECONDS = 10
SAMPLE_RATE = 48_000
CLOCK = CPU_CLOCK_HZ["ntsc"]
REFERENCE_TOOLS = Path(__file__).parents[2] / "shared" / "tools" / "apuref"


def to_ticks(writes: Writes) -> list[list[tuple[int, int]]]:
    """Return a log's writes by engine tick, as an NSF plays them."""
    ticks: list[list[tuple[int, int]]] = [[] for _ in range(int(SECONDS * ENGINE_RATE_HZ))]
    for cycle, address, value in zip(*writes, strict=True):
        ticks[int((cycle + 1) * ENGINE_RATE_HZ / CLOCK)].append((int(address), int(value)))
    return ticks


def seconds_of(render: Callable[[], object]) -> float:
    """Return the processor time that a call takes."""
    began = time.thread_time()
    render()
    return time.thread_time() - began


def main() -> None:
    """Print a line for each workload."""
    if not REFERENCE_TOOLS.is_dir():
        sys.exit(f"There are no reference tools in {REFERENCE_TOOLS}.")
    sys.path.insert(0, str(REFERENCE_TOOLS))
    import nsfref

    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    n_samples = SECONDS * SAMPLE_RATE
    for name, writes in (("four busy voices", busy_writes(SECONDS)), ("worst case", worst_case_writes())):
        nsf = nsfref.build_nsf(to_ticks(writes))
        ours, theirs = [], []
        for run in range(runs + 1):
            times = (
                seconds_of(
                    lambda writes=writes: render_writes(  # type: ignore[misc]
                        *writes, cpu_clock_hz=CLOCK, sample_rate=SAMPLE_RATE, n_samples=n_samples
                    )
                ),
                seconds_of(lambda nsf=nsf: nsfref.render(nsf, fs=SAMPLE_RATE, seconds=SECONDS, raw=True)),  # type: ignore[misc]
            )
            if run > 0:  # the first one may compile
                ours.append(SECONDS / times[0])
                theirs.append(SECONDS / times[1])
        chip, gme = statistics.median(ours), statistics.median(theirs)
        sys.stdout.write(
            f"{name}: livegen {chip:,.0f} times real time, Game_Music_Emu {gme:,.0f}; "
            f"livegen is {chip / gme:.2f} times as fast\n"
        )


if __name__ == "__main__":
    main()
