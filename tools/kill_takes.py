"""Kill jams at random moments and see what is left of their takes: every one must open, check, and lack under 1 s.

    python tools/kill_takes.py 50

A jam plays on the null audio clock, with a MIDI file as its performer, and is killed after 0.5 to 8 seconds. Prints a
line a jam and the worst of all.
"""

import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import mido

from livegen.engines.checkpoint import load_engine
from livegen.errors import TakeError
from livegen.system.resources import models_folder
from livegen.takes.records import Turned
from livegen.takes.replay import check
from livegen.takes.take import Take

_JAM = ("-m", "livegen", "jam", "--audio", "null", "--midi-api", "none", "--osc-port", "0")
_LONGEST_SECONDS = 8.0


def main() -> None:
    """Kill as many as the first argument says."""
    engine = load_engine(models_folder() / "default")
    engine.warm_up()
    worst = 0.0
    n_bad = 0
    for number in range(int(sys.argv[1])):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _write_performer(folder / "play.mid", number)
            command = [sys.executable, *_JAM, "--take", str(folder / "takes"), "--play", str(folder / "play.mid")]
            jam = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            assert jam.stderr is not None
            while not jam.stderr.readline().startswith("take: "):  # said when it plays
                pass
            time.sleep(random.Random(number).uniform(0.5, _LONGEST_SECONDS))
            jam.send_signal(signal.SIGKILL)
            died = datetime.now(UTC)
            jam.wait()
            try:
                take = Take(next(folder.glob("takes/*")))
                turns = [record for record in take.records() if isinstance(record, Turned)]
                outcome = check(take, engine)
            except TakeError as error:
                n_bad += 1
                sys.stdout.write(f"{number}: {error}\n")
                continue
        lived = (died - datetime.fromisoformat(take.head.started)).total_seconds()
        lost = lived - (turns[-1].at_ns / 1e9 if turns else 0.0)
        n_late = (turns[-1].calls[-1].to_frame - outcome.n_frames) if turns else 0
        n_events = sum(len(turned.events) for turned in turns)
        worst = max(worst, lost + n_late / 24)
        n_bad += not outcome.is_same
        said = outcome.difference or f"identical, {outcome.n_frames} frames, {n_events} events"
        sys.stdout.write(f"{number}: killed after {lived:.2f} s, lost {lost + n_late / 24:.2f} s, {said}\n")
        sys.stdout.flush()
    sys.stdout.write(f"worst loss {worst:.2f} s, {n_bad} takes that do not open or do not check\n")


def _write_performer(path: Path, seed: int) -> None:
    draw, track = random.Random(seed), mido.MidiTrack()
    for _ in range(60):
        key = draw.randrange(50, 84)
        track.append(mido.Message("note_on", note=key, velocity=100, time=draw.randrange(0, 200)))
        track.append(mido.Message("note_off", note=key, time=draw.randrange(1, 200)))
    mido.MidiFile(tracks=[track]).save(path)


if __name__ == "__main__":
    main()
