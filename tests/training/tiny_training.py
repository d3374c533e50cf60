"""A tiny training, for this process or for others that a test starts.

As a process: `python tiny_training.py DATA OUT STEPS CHECKPOINT_MINUTES [resume] [die-at-STEP]`.
"""

import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from livegen.engines.lstm.lstm import LstmConfig
from livegen.training.train import Progress, Settings, train

CONFIG = LstmConfig(
    n_embedding=16, n_state=24, n_known=6, n_own=8, n_note_hidden=16, n_volume_hidden=8, n_timbre_hidden=4
)
SETTINGS = Settings(steps=30, n_lanes=4, n_frames=24, learning_rate=2e-2, warm_up_steps=5, precision="float32")


def run(data: Path, out: Path, steps: int, checkpoint_minutes: float, *, resume: bool = False, **more) -> Progress:
    settings = replace(SETTINGS, steps=steps, checkpoint_minutes=checkpoint_minutes)
    return train(data, out, config=CONFIG, settings=settings, resume=resume, **more)


def start(*arguments: str | Path | float, **environment: str) -> subprocess.Popen[str]:
    """Start this file as a process."""
    return subprocess.Popen(
        [sys.executable, __file__, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def start_group(size: int, *arguments: str | Path | float) -> list[subprocess.Popen[str]]:
    """Start as many processes that train together, as torchrun does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = {"WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [start(*arguments, **common, RANK=str(rank), LOCAL_RANK=str(rank)) for rank in range(size)]


if __name__ == "__main__":
    data, out, steps, minutes, *flags = sys.argv[1:]
    last = {int(flag.removeprefix("die-at-")) for flag in flags if flag.startswith("die-at-")}

    def die(report: Progress) -> None:
        if report.step in last:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.modules["matplotlib.figure"] = None  # type: ignore[assignment]  # pictures take longer than the training
    report = run(Path(data), Path(out), int(steps), float(minutes), resume="resume" in flags, progress=die)
    sys.stdout.write(f"{report.step} {report.note_nll!r}\n")
