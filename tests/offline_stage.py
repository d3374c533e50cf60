"""An instrument on the offline clock, with its own MIDI output beside it, for tests that play it frame by frame."""

import numpy as np
from hash_engine import HashEngine

from livegen.controls import Value
from livegen.events import Event
from livegen.instrument.instrument import Instrument
from livegen.offline.clock import OfflineClock
from livegen.outputs.callback import RING_SIZE
from livegen.outputs.midi_messages import OutputState, frame_messages, release
from livegen.outputs.native import play_offline
from livegen.patch import load_patch
from livegen.score import Voice
from livegen.score_table import read_frame
from livegen.units import frame_to_sample

RATE = 24_000
FRAME_SAMPLES = RATE // 24
PLAIN = load_patch("plain")


class Stage:
    """An instrument on the offline clock, with its own MIDI output beside it."""

    def __init__(self, **controls: Value) -> None:
        named = {f"{name[:2]}.{name[3:]}" if name[2:3] == "_" else name: value for name, value in controls.items()}
        self.instrument = Instrument(HashEngine(), PLAIN, RATE, controls=named, seed=5, n_channels=1)
        self.clock = OfflineClock(RATE)
        self.frame_index = 0
        self.midi = OutputState()
        self.midi_sounding: set[tuple[int, int]] = set()
        self.instrument.play_frame(0, self.clock.position_at)

    @property
    def sample(self) -> int:
        return int(self.instrument.callback["sample"][0])

    @property
    def notes(self) -> list[int]:
        """What each voice of the synth sounds."""
        return [int(note) for note in self.instrument.callback["synth"]["voices"]["playing"]["note"][0]]

    def chord(self, voice: Voice) -> list[int]:
        """What a voice of the synth runs through."""
        playing = self.instrument.callback["synth"]["voices"]["playing"][0, voice]
        return [int(note) for note in playing["notes"][: playing["n_notes"]]]

    def bend(self, voice: Voice) -> float:
        """How far a voice of the synth is bent, in semitones."""
        return float(self.instrument.callback["synth"]["voices"]["playing"]["bend"][0, voice])

    def commands(self, voice: Voice, source: str = "keys") -> list[int]:
        """Kinds of the commands for a voice that wait for the next block, of one source."""
        ring = self.instrument.callback["rings"][0, self.instrument._commands.rings[source]]
        waiting = [ring["commands"][n % RING_SIZE] for n in range(ring["read"][0], ring["written"][0])]
        return [int(command["kind"]) for command in waiting if command["voice"] == voice]

    def send(self, *events: Event, source: str = "keys") -> None:
        for event in events:
            self.instrument.receive(event, source, self.sample * 1_000_000_000 // RATE)

    def render(self, n_samples: int) -> np.ndarray:
        out = np.full(n_samples, np.nan, np.float32)
        play_offline(self.instrument.callback, out, n_samples)
        assert np.isfinite(out).all()
        return out

    def frame(self, *events: Event, source: str = "keys") -> None:
        """Play one frame whole, with events a third into it."""
        end = frame_to_sample(self.frame_index + 1, RATE)
        self.render(FRAME_SAMPLES // 3)
        self._send_midi()
        self.send(*events, source=source)
        self.render(end - self.sample - 100)
        self.frame_index += 1
        self.instrument.play_frame(self.frame_index, self.clock.position_at)
        self.render(end - self.sample)

    def frames(self, n: int) -> None:
        for _ in range(n):
            self.frame()

    def _send_midi(self) -> None:
        planned = read_frame(self.instrument.table, self.frame_index)
        self.midi, messages = frame_messages(self.midi, planned, self.instrument.mutes)
        self._count(messages)

    def release_midi(self) -> None:
        self.midi, messages = release(self.midi)
        self._count(messages)

    def _count(self, messages: list) -> None:
        for message in messages:
            key = message.channel, message.note
            assert (key in self.midi_sounding) == (message.type == "note_off")  # balanced: no note twice, none unsaid
            self.midi_sounding ^= {key}

    def agrees(self) -> bool:
        """Tell whether the audio side and the score hold the same keys."""
        return self.instrument._keyboard == self.instrument.state.keyboard
