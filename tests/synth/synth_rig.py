"""An audio callback to play on: commands and frames at samples in, and what the chip then does out."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from ring import push_command

from livegen.apu import voice_level
from livegen.outputs.callback import new_callback
from livegen.outputs.native import play_offline
from livegen.patch import parse_patch
from livegen.score import Voice
from livegen.score_table import MODEL, PlannedFrame, write_frames
from livegen.synth.commands import COMMAND, EXPRESS, GIVE_TO_MODEL, KEY_DOWN, KEY_UP, SET_CHORD, SILENCE_ALL
from livegen.units import CPU_CLOCK_HZ, ENGINE_RATE_HZ, frame_to_sample

RATE = 48_000
T = TypeVar("T")


class Rig:
    """A callback at full level that plays the patch of a text."""

    def __init__(self, text: str = "", *, is_apart: bool = False, rate: int = RATE) -> None:
        self.rate = rate
        self.callback = new_callback(rate, parse_patch(text, "rig.toml", "rig"), n_channels=1, is_apart=is_apart)
        self.callback["mix"]["master"] = self.callback["mix"]["master_now"] = 1.0
        self._order = 0

    @property
    def sample(self) -> int:
        return int(self.callback["sample"][0])

    def send(self, kind: int, voice: Voice = Voice.P1, **fields: object) -> None:
        command = np.zeros(1, COMMAND)
        self._order += 1
        command["kind"], command["voice"], command["order"] = kind, int(voice), self._order
        for name, value in fields.items():
            if name == "notes":
                command["notes"][0, : len(value)], command["n_notes"] = value, len(value)  # type: ignore[arg-type]
            else:
                command[name] = value
        assert push_command(self.callback[0], 0, command[0])

    def down(self, voice: Voice, note: int, *, key: int = 60, volume: int = 15, notes: tuple[int, ...] = ()) -> None:
        self.send(KEY_DOWN, voice, note=note, key=key, volume=volume, notes=notes or (note,))

    def chord(self, voice: Voice, *notes: int) -> None:
        self.send(SET_CHORD, voice, note=notes[-1], volume=15, notes=notes)

    def up(self, voice: Voice) -> None:
        self.send(KEY_UP, voice)

    def give(self, voice: Voice) -> None:
        self.send(GIVE_TO_MODEL, voice)

    def silence(self) -> None:
        self.send(SILENCE_ALL)

    def express(self, voice: Voice, bend: float = 0.0, modulation: float = 0.0, pressure: float = 0.0) -> None:
        self.send(EXPRESS, voice, bend=bend, modulation=modulation, pressure=pressure)

    def frames(self, *rows: dict[Voice, tuple[int, int, int]]) -> None:
        """Plan frames, from the next one on, by voice: note, volume, timbre."""
        first = int(self.callback["next_frame"][0].max())
        planned = []
        for index, row in enumerate(rows, first):
            frame = np.zeros((4, 3), np.uint8)
            for voice, values in row.items():
                frame[voice] = values
            planned.append(PlannedFrame(index, frame, np.full(4, MODEL, np.uint8), np.zeros(4)))
        write_frames(self.callback["table"], planned)

    def run(self, n_samples: int) -> NDArray[np.float32]:
        """Render; shape (n, channels)."""
        out = np.full(n_samples * int(self.callback["n_channels"][0]), np.nan, np.float32)
        play_offline(self.callback, out, n_samples)
        return out.reshape(-1, int(self.callback["n_channels"][0]))

    def run_frames(self, n_frames: int) -> NDArray[np.float32]:
        """Render until just after so many more frames have begun."""
        first = int(self.callback["next_frame"][0].max())
        return self.run(frame_to_sample(first + n_frames - 1, self.rate) + 1 - self.sample)

    def ticks(self, n_ticks: int, look: Callable[[], T]) -> list[T]:
        """Return what there is to see now, just after an attack or any tick of it, and after each of the next ticks."""
        began, seen = self.sample, []
        for tick in range(n_ticks):
            self.run(began + int(np.ceil(tick * self.rate / ENGINE_RATE_HZ)) + 1 - self.sample)
            seen.append(look())
        return seen

    def chip(self, voice: Voice) -> np.void:
        synth = self.callback["synth"][0]
        return synth["chips"][synth["chip_of_voice"][voice]]

    def playing(self, voice: Voice) -> int:
        return int(self.callback["synth"]["voices"]["playing"]["note"][0, voice])

    def level(self, voice: Voice) -> int:
        return int(voice_level(self.chip(voice), int(voice)))

    def levels(self) -> list[int]:
        return [self.level(voice) for voice in Voice]

    def duty(self, voice: Voice) -> int:
        return int(self.chip(voice)["pulses"]["duty"][voice])

    def position(self, voice: Voice) -> int:
        return int(self.chip(voice)["pulses"]["position"][voice])

    def period(self, voice: Voice) -> int:
        chip = self.chip(voice)
        return int(chip["triangle"]["timer_period"] if voice is Voice.TR else chip["pulses"]["timer_period"][voice])

    def noise(self) -> tuple[int, int]:
        """Return the noise's note and mode."""
        noise = self.chip(Voice.NO)["noise"]
        return 16 - int(noise["period_index"]), int(noise["mode"])

    def pitch(self, voice: Voice) -> float:
        """Return the MIDI note that the timer plays, with its fraction."""
        steps = (32 if voice is Voice.TR else 16) * (self.period(voice) + 1)
        return float(69 + 12 * np.log2(CPU_CLOCK_HZ["ntsc"] / steps / 440))

    def note(self, voice: Voice) -> int:
        return round(self.pitch(voice))
