"""Move controls by OSC, and measure how long it takes until the lights of a controller show it.

    python tools/judge_feedback.py [--moves 200] [--loop] [--json]

It runs a JACK server of its own, with a controller on it, and `livegen jam` with the default model. A move is one
packet of OSC; it is seen when the controller has got the message that shows it. With `--loop`, a cable brings
everything back that the controller is sent. It ends with 1 if a move was not seen, if anything came back as input, or
if the 99th percentile is over 50 ms.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from jack_keyboard import Keyboard
from jack_server import jack_server
from livegen_process import Jam
from remote_port import RemotePort

from livegen.controls import osc_address

P99_MAX_MS = 50.0
KNOBS = {20 + index: name for index, name in enumerate(("temperature", "volume", "p2.volume", "swing", "memory"))}
RANGES = {"temperature": 2.0}
_PATIENCE_SECONDS = 2.0
_PAUSE_SECONDS = (0.05, 0.25)


def rig(folder: Path) -> Path:
    """Write the rig of the jam: five knobs of a controller that is lit."""
    knobs = (f'[[knob]]\ncontrol = "{name}"\nchannel = 1\ncc = {number}\n' for number, name in KNOBS.items())
    path = folder / "lit.toml"
    path.write_text("\n".join(['[[midi_in]]\nport = "surface"\nfeedback = "on"\n', *knobs]), encoding="utf-8")
    return path


def loop() -> None:
    """Plug a cable from the controller's lights to its keys."""
    lines = subprocess.run(["jack_lsp", "-c"], check=True, capture_output=True, text=True).stdout.splitlines()
    beside = {
        lines[index + 1].strip(): line.strip() for index, line in enumerate(lines[:-1]) if lines[index + 1][:1] == " "
    }
    subprocess.run(["jack_connect", beside["surface lights:in"], beside["surface:keys"]], check=True)


def measure(jam: Jam, lights: RemotePort, n_moves: int) -> tuple[list[float], dict[str, float]]:
    """Return how long each move that was seen took, in milliseconds, and the value of each control at the end."""
    dice, osc, took, values = random.Random(1), jam.osc(), [], {}
    for _ in range(n_moves):
        time.sleep(dice.uniform(*_PAUSE_SECONDS))
        number, step = dice.choice(list(KNOBS)), dice.randrange(128)
        name = KNOBS[number]
        value = step / 127 * RANGES.get(name, 1.0)
        if values.get(name) == value:
            value, step = (0.0, 0) if step else (RANGES.get(name, 1.0), 127)
        lights.take()
        began = time.perf_counter()
        osc.send(osc_address(name), value)
        while (
            not (is_seen := [0xB0, number, step] in lights.take()) and time.perf_counter() < began + _PATIENCE_SECONDS
        ):
            time.sleep(0.0002)
        took += [1000.0 * (time.perf_counter() - began)] if is_seen else []
        values[name] = value
    return took, values


def n_moved(jam: Jam, values: dict[str, float]) -> int:
    """Return how many controls do not stand where OSC has put them last."""
    osc, moved = jam.osc(), 0
    for name, value in values.items():
        osc.send(osc_address(name))
        moved += abs(float(osc.receive_from(osc_address(name))[0]) - value) > 1e-5
    return moved


def main() -> int:
    """Measure, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moves", type=int, default=200)
    parser.add_argument("--loop", action="store_true", help="bring back what the controller is sent")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, jack_server(f"livegen-feedback-{os.getpid()}"):
        folder = Path(name)
        os.environ["LIVEGEN_DATA_DIR"] = str(folder)
        surface, lights = Keyboard("surface"), RemotePort("in", "surface lights", "in")
        jam = Jam(folder, "--rig", rig(folder), "--audio", "JACK", "--midi-api", "jack", "--seed", "1", "--no-take")
        try:
            time.sleep(1.0)
            if asked.loop:
                loop()
            took, values = measure(jam, lights, asked.moves)
            lights.take()
            time.sleep(1.0)
            n_after, moved = len(lights.take()), n_moved(jam, values)
        finally:
            jam.close()
            surface.unplug()
            lights.unplug()
    p50, p99 = (float(np.percentile(took, share)) for share in (50, 99))
    figures = {
        "moves": asked.moves,
        "seen": len(took),
        "median_ms": round(p50, 1),
        "p99_ms": round(p99, 1),
        "worst_ms": round(max(took), 1),
        "messages_after_the_last_move": n_after,
        "moved_by_what_came_back": moved,
    }
    lines = json.dumps(figures) if asked.json else "\n".join(f"{what}: {each}" for what, each in figures.items())
    sys.stdout.write(f"{lines}\n")
    return int(len(took) < asked.moves or n_after > 0 or moved > 0 or p99 > P99_MAX_MS)


if __name__ == "__main__":
    raise SystemExit(main())
