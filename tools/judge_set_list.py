"""Step through a set-list of ten rigs in a jam on a JACK server, with keys held, and look for what must not happen.

    PYTHONPATH=. python tools/judge_set_list.py [--seconds 300] [--seed 1]

Rigs differ in patch, model, mode, controls, knobs and MIDI ports: two keyboards and two synths are there in some and
not in others, and one keyboard has lights. A performer plays, gives cues and takes them back, moves a control by OSC,
and holds keys on both keyboards whenever the song changes. At the end nobody holds a key and the model is stopped:
whatever sounds then hangs. Silence is looked for in the take's sound; it may last as long as a bar of the song that it
ends in. Late frames are those of the whole jam.

Exits with 1 if a bar is missed.
"""

import argparse
import re
import signal
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Final

import mido
import numpy as np
import soundfile

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from jack_server import jack_server
from livegen_process import Jam, OscClient, run_livegen
from midi_frames import still_on
from remote_port import RemotePort

from livegen.events import SetControl
from livegen.rig import load_set_list
from livegen.takes.records import Turned
from livegen.takes.take import Take
from livegen.units import FRAME_RATE_HZ

RIGS: Final = (
    'patch = "lead"\n[[midi_in]]\nport = "keystation"\nfeedback = "on"\n[[midi_out]]\nport = "synth"\n',
    'patch = "arcade"\nmodel = "solo"\n[[midi_out]]\nport = "synth"\n',
    'models = ["no=gan"]\n[controls]\nmode = "trade"\n[[midi_in]]\nport = "minilab"\nvoice = "p1"\n',
    'model = "vae"\npatch = "boss_fight"\n[[midi_out]]\nport = "drums"\nno.channel = 10\n[[midi_out]]\n'
    'port = "synth"\n',
    'model = "gan"\n[controls]\ntemperature = 1.1\n[[midi_in]]\nport = "keystation"\nvoice = "p2"\n[[midi_in]]\n'
    'port = "minilab"\nvoice = "tr"\ntranspose = -12\n',
    'patch = "split"\nmidi_in = "keystation"\n[[midi_out]]\nport = "synth"\nthru = true\n',
    'patch = "water"\nmodels = ["p2=solo"]\n[controls]\nharmony = 1.0\n',
    'patch = "heroic"\n[controls]\nmode = "free"\n[[knob]]\ncontrol = "temperature"\nchannel = 1\ncc = 74\n'
    '[[midi_in]]\nport = "keystation"\nfeedback = "on"\n[[midi_out]]\nport = "drums"\nclock = true\n',
    'models = ["tr=vae"]\n[controls]\n"p1.role" = "model"\n',
    'patch = "plain"\nmidi_in = "minilab"\n[[midi_out]]\nport = "synth"\nclock = true\n',
)
TEMPOS: Final = (120, 96, 140, 150, 110, 180, 88, 126, 133, 160)
CUES: Final = (
    "",
    'cue = "drop"',
    "",
    'cue = "build 4"',
    "",
    'cue = "solo p2"',
    "",
    'cue = "start 4"',
    "",
    'cue = "fill"',
)
MOVES: Final[tuple[tuple[str, float | str], ...]] = (
    ("fill", 1),
    ("build", 2),
    ("undo", 1),
    ("solo", "p2"),
    ("tutti", 1),
    ("temperature", 0.8),
    ("reroll", 1),
)
_SILENT: Final = 1e-3
_PIECE_SECONDS: Final = 0.02
_LAST_SECONDS: Final = 4.0


def write_set_list(folder: Path) -> Path:
    """Write ten rigs and the set-list that has them into a folder."""
    songs = []
    for index, (rig, tempo, cue) in enumerate(zip(RIGS, TEMPOS, CUES, strict=True)):
        (folder / f"rig{index}.toml").write_text(rig)
        songs.append(f'[[song]]\nname = "Song {index + 1}"\nrig = "rig{index}.toml"\ntempo = {tempo}\n{cue}\n')
    path = folder / "set.toml"
    path.write_text("\n".join(songs))
    return path


class Performer:
    """Plays two keyboards, and holds what it plays until it is told to let go."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._keyboards = [RemotePort("out", name, "keys") for name in ("keystation", "minilab")]
        self._held: list[tuple[RemotePort, int]] = []

    def press(self) -> None:
        """Press one key on each keyboard."""
        for keyboard in self._keyboards:
            key = self._random.randint(45, 84)
            keyboard.send(0x90, key, 100)
            self._held.append((keyboard, key))

    def let_go(self) -> None:
        """Let go of all keys."""
        for keyboard, key in self._held:
            keyboard.send(0x80, key, 0)
        self._held.clear()

    def leave(self) -> None:
        """Pull both keyboards out."""
        for keyboard in self._keyboards:
            keyboard.unplug()


def step_through(osc: OscClient, performer: Performer, seconds: float, n_songs: int) -> list[float]:
    """Go through the songs, keys held at each change; return how long each change took from the press."""
    took, moves = [], cycle(MOVES)
    for number in range(1, n_songs + 1):
        ends = time.perf_counter() + seconds / n_songs
        while time.perf_counter() < ends - 3.0:
            performer.press()
            time.sleep(0.4)
            performer.let_go()
            name, value = next(moves)
            osc.send(f"/livegen/{name}", value)
            time.sleep(0.3)
        performer.press()
        if number < n_songs:
            asked = time.perf_counter()
            osc.send("/livegen/next", 1)
            assert osc.receive_from("/livegen/song") == [f"Song {number + 1}"]
            took.append(time.perf_counter() - asked)
        time.sleep(1.0)
        performer.let_go()
    osc.send("/livegen/stop", 1)
    time.sleep(_LAST_SECONDS)
    return took


def silences(wave: np.ndarray, rate: int) -> list[tuple[float, float]]:
    """Return where silences begin and how long they are, in seconds."""
    piece = round(_PIECE_SECONDS * rate)
    mono = wave.mean(axis=1)
    pieces = mono[: len(mono) // piece * piece].reshape(-1, piece)
    places = np.flatnonzero(np.ptp(pieces, axis=1) > _SILENT * np.abs(mono).max())
    return [
        (float(at + 1) * _PIECE_SECONDS, float(gap) * _PIECE_SECONDS)
        for at, gap in zip(places, np.diff(places) - 1, strict=False)
    ]


def beginnings(take: Path) -> dict[str, float]:
    """Return when each song of a take began, in seconds."""
    turns = (record for record in Take(take).records() if isinstance(record, Turned))
    return {
        str(stamped.event.value): stamped.position / FRAME_RATE_HZ
        for turn in turns
        for stamped in turn.events
        if isinstance(stamped.event, SetControl) and stamped.event.name == "song"
    }


def in_bars(gap: tuple[float, float], began: dict[str, float]) -> float:
    """Return how many bars of the song in which it ends a silence lasts, but for a frame: a count-in lasts one."""
    at, seconds = gap
    index = sum(begin <= at + seconds for begin in began.values()) - 1
    return (seconds - 1.0 / FRAME_RATE_HZ) * TEMPOS[index] / 240.0


def main() -> int:
    """Play the set and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="livegen-set-") as name, jack_server(f"livegen-set-{options.seed}"):
        folder = Path(name)
        path = write_set_list(folder)
        songs = load_set_list(path).songs
        listeners = {name: RemotePort("in", name, "in") for name in ("synth", "drums")}
        lights = RemotePort("in", "keystation lights", "in")
        performer = Performer(Random(options.seed))
        jam = Jam(folder, "--audio", "JACK", "--midi-api", "jack", "--set-list", path, "--take", folder / "takes")
        try:
            osc = jam.osc()
            osc.send("/livegen/register")
            took = step_through(osc, performer, options.seconds, len(songs))
            jam.leave(signal.SIGTERM)
        finally:
            jam.close()
        words = jam.words
        performer.leave()
        n_lights = len(lights.unplug())
        hanging = {
            name: sorted(still_on([mido.Message.from_bytes(data) for data in listener.unplug()], is_sure=False))
            for name, listener in listeners.items()
        }
        (take,) = (folder / "takes").iterdir()
        wav = folder / "set.wav"
        replayed = run_livegen("replay", take, "--check", folder=folder)
        run_livegen("replay", take, "--out", wav, folder=folder)
        wave, rate = soundfile.read(wav, always_2d=True)
        began = beginnings(take)
    tail = wave[-round((_LAST_SECONDS - 1.0) * rate) :]
    sounds_on = float(np.ptp(tail, axis=0).max() / max(np.abs(wave).max(), 1e-9)) > _SILENT
    gaps = silences(wave[: -round(_LAST_SECONDS * rate)], rate)
    longest = max(gaps, key=lambda gap: in_bars(gap, began))
    late = re.search(r"late frames: (\d+)|(\d+) late frame", words)
    lines = [
        f"changes: {len(took)}, after {min(took):.2f} to {max(took):.2f} s of the press",
        f"hanging notes: on the chip {int(sounds_on)}, on MIDI outputs {hanging}",
        f"longest silence: {longest[1]:.2f} s, {in_bars(longest, began):.2f} of a bar, from {longest[0]:.1f} s on",
        f"messages to the keyboard's lights: {n_lights}",
        f"replay --check: {replayed.stdout.strip() or replayed.stderr.strip()}",
        words.splitlines()[-1],
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    is_well = not sounds_on and not any(hanging.values()) and in_bars(longest, began) <= 1.0 and late is None
    return 0 if is_well and "identical" in replayed.stdout else 1


if __name__ == "__main__":
    sys.exit(main())
