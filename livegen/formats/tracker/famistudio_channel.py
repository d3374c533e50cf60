"""A channel of FamiStudio's player: what a note does, and what becomes of it in each tick.

It acts as `ChannelState.cs` does (https://github.com/BleuBleu/FamiStudio); the phase of the waves is left out.
"""

import math
from collections.abc import Sequence as Many
from dataclasses import replace
from typing import Final

from livegen.formats.tracker.famistudio_song import N_NOTES, STOP, Envelope, Note, Project
from livegen.formats.tracker.ticks import clock_of, note_of_period, periods_of_notes
from livegen.score import TIMBRE_MAX, Voice
from livegen.units import MAX_TIMER_PERIOD, MAX_VOLUME, note_to_hz

VIBRATO_TICKS: Final = (0, 64, 32, 21, 16, 13, 11, 9, 8, 7, 6, 5, 4)
VIBRATO_DEPTHS: Final = (1, 3, 5, 7, 9, 13, 19, 23, 27, 33, 43, 59, 87, 127, 191, 255)

_FINE: Final = 4  # bits of a volume below the sixteen levels
_STEP_MAX: Final = 127
_DONE: Final = -1


class Channel:
    """A channel that plays notes.

    Parameters
    ----------
    voice : Voice
    project : Project
    """

    def __init__(self, voice: Voice, project: Project) -> None:
        self.voice = voice
        self._project = project
        clock_hz, _ = clock_of(is_pal=project.is_pal)
        lowest_hz = note_to_hz(24.0) * project.tuning_hz / 440.0
        self._periods = [0, *periods_of_notes(clock_hz, lowest_hz, N_NOTES - 1)]
        self._slide_shift = 4 if voice is Voice.NO else 1
        self._note_of_period: Many[int] = (
            range(MAX_TIMER_PERIOD + 1) if voice is Voice.NO else note_of_period(clock_hz, voice).tolist()
        )
        self.instrument: str | None = None
        self._arpeggio: str | None = None
        self._value = STOP
        self._fine_pitch = self._duty = 0
        self._envelopes: dict[str, Envelope] = {}
        self._at: dict[str, int] = {}
        self._values: dict[str, int] = {}
        self._has_vibrato = self._loads_next = False
        self._volume, self._volume_step, self._volume_target = MAX_VOLUME << _FINE, 0, 0
        self._slide, self._slide_step = 0, 0
        self._release_in = self._stop_in = self._cut_in = 0
        self._delayed: tuple[Note, int, float, float] | None = None
        self._steady: tuple[int, int, int] | None = None  # what sounds, while nothing changes

    def advance(self, note: Note | None, slide_ticks: float, volume_ticks: float, n_left: int) -> None:
        """Go on by a unit of time.

        Parameters
        ----------
        note : Note or None
            What stands there.
        slide_ticks, volume_ticks : float
            How long slides of its pitch and its volume last.
        n_left : int
            Units of time until the song ends, this one included.
        """
        if self._delayed is not None:
            late, _, *lasts = self._delayed
            self._delayed = None
            self._play(late, *lasts)
        if note is None and not self._release_in and not self._stop_in:
            return
        is_begun = note is not None and note.value is not None
        is_released, is_stopped = (n_units == 1 and not is_begun for n_units in (self._release_in, self._stop_in))
        self._release_in, self._stop_in = max(self._release_in - 1, 0), max(self._stop_in - 1, 0)
        if is_stopped:
            note = replace(note or Note(), value=STOP)
        elif is_released:
            self._release()
        if note is None:
            return
        self._steady = None
        if note.value is not None:
            self._release_in = 0
        if note.value:
            self._release_in = note.release if note.release < n_left else 0
            self._stop_in = note.duration if note.duration < n_left else 0
        if note.delay is not None:
            self._delayed = (note, note.delay + 1, slide_ticks, volume_ticks)
        else:
            self._play(note, slide_ticks, volume_ticks)

    def tick(self) -> tuple[int, int, int]:
        """Run a tick, and return the note, the volume and the timbre that sound."""
        if self._steady is not None:
            return self._steady
        if self._delayed is not None:
            note, n_ticks, *lasts = self._delayed
            self._delayed = (note, n_ticks - 1, lasts[0], lasts[1])
            if n_ticks == 1:
                self._delayed = None
                self._play(note, *lasts)
        if self._cut_in:
            self._cut_in -= 1
            if not self._cut_in:
                self._value, self._slide_step = STOP, 0
        if self.instrument is not None:
            self._run_envelopes()
        if self._slide:
            self._slide += self._slide_step
            if not self._slide_step or self._slide * self._slide_step > 0:
                self._slide = self._slide_step = 0
        self._slide_volume()
        sounding = self._sounding()
        if not (self._envelopes or self._delayed or self._cut_in or self._slide or self._volume_step):
            self._steady = sounding
        return sounding

    def _play(self, note: Note, slide_ticks: float, volume_ticks: float) -> None:
        """Do what a note says."""
        self._steady = None
        if note.fine_pitch is not None:
            self._fine_pitch = note.fine_pitch
        if note.value is not None:
            self._slide_step = self._cut_in = 0
        if note.vibrato is not None:
            self._take_vibrato(*note.vibrato)
        if note.value == STOP:
            self._value = STOP
        elif note.value is not None:
            self._begin(note, slide_ticks)
        if note.duty is not None:
            self._duty = self._values["DutyCycle"] = note.duty
        if note.volume is not None:
            self._volume, self._volume_step = note.volume << _FINE, 0
        if note.volume_target is not None and note.volume is not None:
            self._volume_target = note.volume_target << _FINE
            change = self._volume_target - self._volume
            step = math.ceil(abs(change) / max(volume_ticks, 1.0))
            self._volume_step = int(math.copysign(min(step, _STEP_MAX), change)) if change else 0
        if note.cut_delay is not None:
            self._cut_in = note.cut_delay + 1

    def _take_vibrato(self, speed: int, depth: int) -> None:
        self._has_vibrato = bool(speed and depth)
        self._envelopes.pop("Pitch", None)
        self._at["Pitch"] = self._values["Pitch"] = 0
        self._loads_next |= not self._has_vibrato
        if self._has_vibrato:
            n_ticks, size = VIBRATO_TICKS[speed], VIBRATO_DEPTHS[depth] // 2
            turn = [round(-math.sin(2.0 * math.pi * at / n_ticks) * size) for at in range(n_ticks)]
            self._envelopes["Pitch"] = Envelope(tuple(turn), loop=0)

    def _begin(self, note: Note, slide_ticks: float) -> None:
        value = note.value or STOP
        was_instrument = self.instrument
        has_attack = note.has_attack or was_instrument is None or note.instrument is None
        if note.instrument is not None:
            self.instrument = note.instrument
        if note.arpeggio != self._arpeggio or (has_attack and self._arpeggio is not None):
            self._at["Arpeggio"] = self._values["Arpeggio"] = 0
        if note.arpeggio != self._arpeggio:
            self._arpeggio = note.arpeggio
            self._load("Arpeggio", self._project.arpeggios.get(note.arpeggio or ""))
        self._value = value
        if note.slide_target:
            self._value = note.slide_target
            change = value - note.slide_target
            if self.voice is not Voice.NO:
                change = self._periods[value] - self._periods[note.slide_target]
            self._slide = change << self._slide_shift
            step = math.ceil(abs(self._slide) / max(slide_ticks, 1.0))
            self._slide_step = -int(math.copysign(min(step, _STEP_MAX), change)) if change else 0
        if has_attack:
            if self.instrument != was_instrument or self._loads_next:
                self._load_instrument()
            self._at = dict.fromkeys(self._envelopes, 0)
            self._values["DutyCycle"], self._values["Pitch"] = self._duty, 0
            self._loads_next = False

    def _load_instrument(self) -> None:
        envelopes = self._project.instruments.get(self.instrument or "", {})
        for kind in ("Volume", "Arpeggio", "Pitch", "DutyCycle"):
            is_other = self._has_vibrato if kind == "Pitch" else kind == "Arpeggio" and self._arpeggio is not None
            if not is_other:
                self._load(kind, envelopes.get(kind))

    def _load(self, kind: str, envelope: Envelope | None) -> None:
        self._envelopes.pop(kind, None)
        if envelope is not None and envelope.values:
            self._envelopes[kind] = envelope

    def _release(self) -> None:
        self._steady = None
        for kind, envelope in self._envelopes.items():
            if envelope.release >= 0:
                self._at[kind] = envelope.release

    def _run_envelopes(self) -> None:
        for kind, envelope in self._envelopes.items():
            at = self._at.get(kind, 0)
            if at == _DONE:
                continue
            value = envelope.values[at]
            self._values[kind] = self._values.get(kind, 0) + value if envelope.is_relative else value
            at += 1
            if at == envelope.release:
                at = envelope.loop
            elif at >= len(envelope.values):
                loops = envelope.loop >= 0 and envelope.release < 0
                at = envelope.loop if loops else _DONE if envelope.is_relative else len(envelope.values) - 1
            self._at[kind] = at
        for kind in ("Arpeggio", "Pitch"):
            if kind not in self._envelopes:
                self._values[kind] = 0

    def _slide_volume(self) -> None:
        if self._volume_step:
            self._volume += self._volume_step
            if (self._volume - self._volume_target) * self._volume_step >= 0:
                self._volume, self._volume_step = self._volume_target, 0

    def _sounding(self) -> tuple[int, int, int]:
        timbre = self._values.get("DutyCycle", self._duty) & TIMBRE_MAX[self.voice]
        level = self._values.get("Volume", MAX_VOLUME) if "Volume" in self._envelopes else MAX_VOLUME
        volume = self._volume >> _FINE
        heard = math.floor(volume * level / MAX_VOLUME + 0.5) or int(volume > 0 and level > 0)
        heard = min(max(heard, 0), MAX_VOLUME)
        if self._value == STOP or not heard:
            return 0, 0, timbre
        return self._score_note(), 0 if self.voice is Voice.TR else heard, timbre

    def _score_note(self) -> int:
        slide = self._slide >> self._slide_shift
        value = self._value + self._values.get("Arpeggio", 0)
        if self.voice is Voice.NO:
            return ((value + slide) & 15) + 1
        period = self._periods[min(max(value, 0), N_NOTES - 1)] + slide
        period += self._fine_pitch + self._values.get("Pitch", 0)
        return self._note_of_period[min(max(period, 0), MAX_TIMER_PERIOD)]
