"""A channel of FamiTracker's player: what a cell does, and what becomes of the note in each tick.

Effects and sequences act in the order in which Dn-FamiTracker's player lets them
(https://github.com/Dn-Programming-Core-Management/Dn-FamiTracker, `docs/Dn-FT_tracker_update_sequence.md`,
`ChannelHandler.cpp`, `SeqInstHandler.cpp`). The chip's own envelope, sweep and counters are left out.
"""

import math
from collections.abc import Sequence as Many
from typing import Final

from livegen.formats.tracker.famitracker_song import (
    ARPEGGIO,
    CUT,
    DUTY,
    ECHO,
    HI_PITCH,
    HOLD,
    N_NOTES,
    NO_INSTRUMENT,
    NO_NOTE,
    PITCH,
    RELEASE,
    VOLUME,
    Cell,
    Effect,
    Module,
    Sequence,
)
from livegen.formats.tracker.ticks import clock_of, note_of_period, periods_of_notes
from livegen.score import TIMBRE_MAX, Voice
from livegen.units import MAX_TIMER_PERIOD, MAX_VOLUME, note_to_hz

IGNORED_EFFECTS: Final[dict[str, str]] = {
    "E": "the chip's envelope (E)",
    "H": "the chip's sweep (H, I)",
    "I": "the chip's sweep (H, I)",
    "X": "retriggers (X)",
    "W": "DPCM samples",
    "Y": "DPCM samples",
    "Z": "DPCM samples",
}
"""What each effect that is not played belongs to."""

_NEW_DEPTHS: Final = (1.0, 1.5, 2.5, 4.0, 5.0, 7.0, 10.0, 12.0, 14.0, 17.0, 22.0, 30.0, 44.0, 64.0, 96.0, 128.0)
_OLD_DEPTHS: Final = (1, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255)
_QUARTER: Final = 16
"""Steps in a quarter of a vibrato's turn."""

_FINE: Final = 3  # bits of a volume below the sixteen levels
_LOUDEST: Final = (16 << _FINE) - 1
_LINEAR: Final = 5  # bits of a linear pitch below a semitone
_NO_BEND: Final = 0x80
_N_ECHOES: Final = 4
_FIXED, _RELATIVE, _SCHEME = 1, 2, 3  # settings of an arpeggio
_SCHEME_MAX: Final = 36
_DELAYED_FROM: Final = 0x80  # parameters of S and L from which on they mean something else


class _Run:
    """A sequence that runs."""

    def __init__(self, sequence: Sequence) -> None:
        self.sequence = sequence
        self.restart()

    def restart(self) -> None:
        self.at = 0
        self.is_running = bool(self.sequence.values)
        self.has_just_ended = False

    def release(self) -> None:
        if self.sequence.release >= 0:
            self.at, self.is_running = self.sequence.release, bool(self.sequence.values)

    def next(self, *, is_released: bool) -> int:
        """Return the value of this tick, and move on to the next one's."""
        said = self.sequence
        value = said.values[self.at]
        self.at += 1
        at_end = self.at >= len(said.values)
        if self.at == said.release + 1 or at_end:
            if said.loop >= 0 and not (is_released and said.release >= 0) and said.loop < said.release:
                self.at = said.loop
            elif at_end:
                if said.loop >= said.release and said.loop >= 0:
                    self.at = said.loop
                else:
                    self.is_running, self.has_just_ended = False, True
            elif not is_released:
                self.at -= 1
        return value


class Channel:
    """A channel that plays cells.

    Parameters
    ----------
    voice : Voice
    module : Module
    """

    def __init__(self, voice: Voice, module: Module) -> None:
        self.voice = voice
        self._module = module
        clock_hz, _ = clock_of(is_pal=module.is_pal)
        lowest_hz = note_to_hz(24.0 + module.tuning)
        self._periods = periods_of_notes(clock_hz, lowest_hz, N_NOTES)
        self._note_of_period: Many[int] = (
            range(MAX_TIMER_PERIOD + 1) if voice is Voice.NO else note_of_period(clock_hz, voice).tolist()
        )
        self._vibrato_table = _vibrato_table(is_new=module.has_new_vibrato)
        self._first_phase = 0 if module.has_new_vibrato else 3 * _QUARTER
        self.instrument = NO_INSTRUMENT
        self._runs: dict[int, _Run] = {}
        self._volume = self._default_volume = _LOUDEST
        self._instrument_volume = self._default_duty = self._duty = 0
        self._note = self._period = 0
        self._is_on = self._is_released = False
        self._slide, self._parameter, self._speed, self._target = "", 0, 0, 0
        self._arpeggio_step = 0
        self._vibrato: Effect = ("4", 0)
        self._tremolo: Effect = ("7", 0)
        self._vibrato_phase, self._tremolo_phase = self._first_phase, 0
        self._fine_pitch, self._harmonic = _NO_BEND, 1
        self._volume_slide, self._volume_target = 0, -1
        self._cut_in = self._release_in = self._volume_in = self._transpose_in = 0
        self._next_volume = self._transpose_by = 0
        self._echoes = [NO_NOTE] * _N_ECHOES
        self._delayed: tuple[Cell, int] | None = None
        self._steady: tuple[int, int, int] | None = None  # what sounds, while nothing changes

    @property
    def waits(self) -> bool:
        """Whether something is put off until a later tick."""
        return self._delayed is not None

    def play(self, cell: Cell) -> None:
        """Begin a row; what an earlier row has put off comes first."""
        self._steady = None
        if self._delayed is not None:
            late, self._delayed = self._delayed[0], None
            self._begin(late)
        delay = next((parameter for letter, parameter in cell.effects if letter == "G" and parameter), 0)
        if delay:
            self._delayed = (cell, delay)
        else:
            self._begin(cell)

    def tick(self) -> tuple[int, int, int]:
        """Run a tick, and return the note, the volume and the timbre that sound."""
        if self._steady is not None:
            return self._steady
        self._count_down()
        self._slide_volume()
        self._vibrato_phase = (self._vibrato_phase + (self._vibrato[1] >> 4)) % (4 * _QUARTER)
        self._tremolo_phase = (self._tremolo_phase + (self._tremolo[1] >> 4)) % (4 * _QUARTER)
        self._slide_pitch()
        if self._is_on:
            self._run_sequences()
        sounding = self._sounding()
        if not self._is_moving():
            self._steady = sounding
        return sounding

    def _is_moving(self) -> bool:
        """Tell whether something may change without a cell."""
        if self._delayed is not None or self._cut_in or self._release_in or self._volume_in or self._transpose_in:
            return True
        if (
            self._volume_slide
            or self._vibrato[1]
            or self._tremolo[1]
            or (self._slide and (self._parameter or self._speed))
        ):
            return True
        return any(run.is_running or run.has_just_ended for run in self._runs.values())

    def _begin(self, cell: Cell) -> None:
        """Do what a cell says: effects, volume, instrument, note."""
        note = self._echoed(cell.note)
        was_instrument = self.instrument
        is_attack = note >= 0 and cell.instrument != HOLD
        if note != NO_NOTE:
            self._cut_in = self._release_in = self._transpose_in = 0
        if is_attack and self._slide in ("Q", "R"):
            self._slide = ""
        said_target = False
        for effect in cell.effects:
            self._take(effect)
            said_target |= effect[0] == "N"
        if cell.volume >= 0:
            self._volume = self._default_volume = cell.volume << _FINE
            if not said_target and self._volume_target >= 0:
                self._volume_slide, self._volume_target = 0, -1
        if cell.instrument >= 0 and note not in (CUT, RELEASE):
            self.instrument = cell.instrument
        if note == CUT:
            self._cut()
        elif note == RELEASE:
            self._release()
        elif note >= 0:
            self._start(note)
            if is_attack and self._slide in ("Q", "R"):
                self._aim(self._slide)
        if self.instrument != was_instrument:
            self._load()
        if is_attack and self.instrument in self._module.instruments:
            self._attack()

    def _echoed(self, note: int) -> int:
        """Return the note of a cell, one of the last notes where it asks for that, and remember it."""
        is_echo = ECHO <= note < ECHO + _N_ECHOES
        if is_echo:
            note = self._echoes[note - ECHO]
        if note >= 0 or note == CUT or is_echo:
            self._echoes = [note, *self._echoes[:-1]]
        return note

    def _take(self, effect: Effect) -> None:
        letter, parameter = effect
        if letter in "012":
            self._slide, self._parameter = letter, parameter
            if letter != "0":
                self._speed = parameter
        elif letter == "3":
            self._slide, self._parameter, self._speed = letter, parameter, parameter
            self._target = self._period_of(self._note) if parameter and self._is_on else 0
        elif letter in "QR":
            self._slide, self._parameter = letter, parameter
            self._aim(letter)
        elif letter == "4":
            self._vibrato = effect
            self._vibrato_phase = self._vibrato_phase if parameter else self._first_phase
        elif letter == "7":
            self._tremolo = effect
            self._tremolo_phase = self._tremolo_phase if parameter else 0
        elif letter == "P":
            self._fine_pitch = parameter
        elif letter == "V":
            self._default_duty = self._duty = parameter
        elif letter == "K":
            self._harmonic = parameter
        elif letter in "AN":
            self._take_volume_slide(letter, parameter)
        elif letter in "SL" and parameter < _DELAYED_FROM:
            self._cut_in = parameter + 1 if letter == "S" else self._cut_in
            self._release_in = parameter + 1 if letter == "L" else self._release_in
        elif letter == "M" and parameter >> 4 and parameter & 15:
            self._volume_in, self._next_volume = (parameter >> 4) + 1, (parameter & 15) << _FINE
        elif letter == "T":
            self._transpose_in = (parameter >> 4 & 7) + 1
            self._transpose_by = -(parameter & 15) if parameter & 0x80 else parameter & 15

    def _take_volume_slide(self, letter: str, parameter: int) -> None:
        self._volume_slide, self._volume_target = parameter, -1
        if letter == "N" and parameter:
            self._volume_slide, self._volume_target = parameter >> 4, (parameter & 15) << _FINE
        if not parameter:
            self._default_volume = self._volume

    def _aim(self, letter: str) -> None:
        """Let the note move by semitones, and slide there."""
        self._note += (self._parameter & 15) * (1 if letter == "Q" else -1)
        self._speed = ((self._parameter & 0xF0) >> 3) + 1
        self._target = self._period_of(self._note)

    def _start(self, note: int) -> None:
        period = self._period_of(note)
        if self._speed > 0 and self._slide == "3" and self._is_on:
            self._period = self._period or period
            self._target = period
        else:
            self._period = period
        self._note, self._is_on, self._is_released = note, True, False
        self._duty = self._default_duty

    def _load(self) -> None:
        sequences = self._module.instruments.get(self.instrument)
        if sequences is None:
            return
        for kind, sequence in enumerate(sequences):
            if sequence is None:
                self._runs.pop(kind, None)
            elif kind not in self._runs or self._runs[kind].sequence is not sequence:
                self._runs[kind] = _Run(sequence)

    def _attack(self) -> None:
        for run in self._runs.values():
            run.restart()
        self._instrument_volume = MAX_VOLUME

    def _cut(self) -> None:
        self._is_on = self._is_released = False
        self._period = self._target = 0

    def _release(self) -> None:
        if not self._is_released:
            for run in self._runs.values():
                run.release()
        self._is_released = True

    def _count_down(self) -> None:
        """Do what was put off until this tick."""
        if self._delayed is not None:
            cell, n_ticks = self._delayed
            self._delayed = (cell, n_ticks - 1) if n_ticks else None
            if not n_ticks:
                self._begin(cell)
        if self._cut_in:
            self._cut_in -= 1
            if not self._cut_in:
                self._cut()
        if self._release_in:
            self._release_in -= 1
            if not self._release_in:
                self._release()
        if self._volume_in:
            self._volume_in -= 1
            if not self._volume_in:
                self._volume = self._next_volume
                if self._volume_target >= 0:
                    self._volume_slide, self._volume_target = 0, -1
        if self._transpose_in:
            self._transpose_in -= 1
            if not self._transpose_in:
                self._note += self._transpose_by
                self._move_to(self._period_of(self._note))

    def _slide_volume(self) -> None:
        if self._volume_target < 0:
            self._volume = max(self._volume - (self._volume_slide & 15), 0)
            self._volume = min(self._volume + (self._volume_slide >> 4), _LOUDEST)
            return
        step = self._volume_slide & 15
        if self._volume > self._volume_target:
            self._volume = max(self._volume - step, self._volume_target)
        else:
            self._volume = min(self._volume + step, self._volume_target)
        if self._volume == self._volume_target:
            self._volume_slide, self._volume_target = 0, -1

    def _slide_pitch(self) -> None:
        if self._slide == "0" and self._parameter:
            high, low = self._parameter >> 4, self._parameter & 15
            self._move_to(self._period_of(self._note + (0, high, low)[self._arpeggio_step]))
            self._arpeggio_step = (self._arpeggio_step + (2 if self._arpeggio_step == 1 and not low else 1)) % 3
        elif self._slide in ("1", "2"):
            goes_up = (self._slide == "1") == self._module.is_linear
            self._move_to(self._period + (self._speed if goes_up else -self._speed))
        elif self._slide in ("3", "Q", "R") and self._speed > 0 and self._target:
            if self._period > self._target:
                self._move_to(max(self._period - self._speed, self._target))
            elif self._period < self._target:
                self._move_to(min(self._period + self._speed, self._target))
            if self._period == self._target and self._slide != "3":
                self._slide, self._speed, self._target = "", 0, 0

    def _run_sequences(self) -> None:
        for kind in range(DUTY + 1):
            run = self._runs.get(kind)
            if run is None:
                continue
            if run.is_running:
                self._apply(kind, run.sequence.setting, run.next(is_released=self._is_released))
            elif run.has_just_ended:
                run.has_just_ended = False
                if kind == ARPEGGIO and run.sequence.setting == _FIXED:
                    self._move_to(self._period_of(self._note))

    def _apply(self, kind: int, setting: int, value: int) -> None:
        if kind == VOLUME:
            self._instrument_volume = value
        elif kind == ARPEGGIO and setting == _FIXED:
            self._move_to(self._period_of(value))
        elif kind == ARPEGGIO and setting == _RELATIVE:
            self._note += value
            self._move_to(self._period_of(self._note))
        elif kind == ARPEGGIO:
            self._move_to(self._period_of(self._note + (self._scheme(value) if setting == _SCHEME else value)))
        elif kind == PITCH:
            self._move_to((self._period_of(self._note) if setting else self._period) + value)
        elif kind == HI_PITCH:
            self._move_to(self._period + (value << 4))
        elif kind == DUTY:
            self._duty = value

    def _scheme(self, value: int) -> int:
        """Return the semitones of an arpeggio's value that may add those of the effect 0."""
        step, which = value % 64, (value & 0xFF) // 64
        step -= 64 if step > _SCHEME_MAX else 0
        parameter = self._parameter if self._slide == "0" else 0
        return step + (0, parameter >> 4, parameter & 15, -(parameter & 15))[which]

    def _period_of(self, note: int) -> int:
        """Return the period of a note; of the noise, the note itself, and with linear pitch, its place in 32nds."""
        if self.voice is Voice.NO:
            return note & 15 | 0x100
        note = min(max(note, 0), N_NOTES - 1)
        return note << _LINEAR if self._module.is_linear else self._periods[note]

    def _move_to(self, period: int) -> None:
        if self.voice is Voice.NO:
            self._period = period
        elif self._module.is_linear:
            self._period = min(max(period, 0), (N_NOTES - 1) << _LINEAR)
        else:
            self._period = min(max(period, 0), MAX_TIMER_PERIOD)

    def _vibrato_now(self) -> int:
        depth, phase = self._vibrato[1] & 15, self._vibrato_phase
        quarter, at = divmod(phase, _QUARTER)
        table = self._vibrato_table[depth]
        size = table[at] if quarter in (0, 2) else table[_QUARTER - 1 - at]
        swing = size if quarter < 2 else -size
        return swing if self._module.has_new_vibrato else (swing + table[_QUARTER - 1] + 1) >> 1

    def _sounding(self) -> tuple[int, int, int]:
        timbre = self._duty & TIMBRE_MAX[self.voice]
        if not self._is_on:
            return 0, 0, timbre
        if self.voice is Voice.TR:
            is_heard = self._instrument_volume > 0 and self._volume > 0
            return (self._score_note() if is_heard else 0), 0, 0
        volume = self._instrument_volume * (self._volume >> _FINE) // MAX_VOLUME - self._tremolo_now()
        volume = min(max(volume, 0), MAX_VOLUME)
        if not volume and self._instrument_volume > 0 and self._volume >> _FINE:
            volume = 1
        return (self._score_note(), volume, timbre) if volume else (0, 0, timbre)

    def _tremolo_now(self) -> int:
        depth, phase = self._tremolo[1] & 15, self._tremolo_phase >> 1
        at = phase if phase < _QUARTER else 2 * _QUARTER - 1 - phase
        return self._vibrato_table[depth][at] >> 1 if depth else 0

    def _score_note(self) -> int:
        bend = self._vibrato_now() if self._vibrato[1] & 15 else 0
        bend -= _NO_BEND - self._fine_pitch
        if self.voice is Voice.NO:
            return ((self._period - bend) & 15) + 1
        if self._module.is_linear:
            place = min(max(self._period + bend, 0), (N_NOTES - 1) << _LINEAR)
            note, part = place >> _LINEAR, place & ((1 << _LINEAR) - 1)
            after = self._periods[min(note + 1, N_NOTES - 1)]
            period = self._periods[note] - ((self._periods[note] - after) * part >> _LINEAR)
        else:
            period = self._period - bend
        period = period // self._harmonic if self._harmonic else MAX_TIMER_PERIOD
        return self._note_of_period[min(max(period, 0), MAX_TIMER_PERIOD)]


def _vibrato_table(*, is_new: bool) -> list[list[int]]:
    """Return how far each depth of vibrato swings, over a quarter of a turn."""
    if is_new:
        angles = [step / _QUARTER * math.pi / 2 for step in range(_QUARTER)]
        return [[int(math.sin(angle) * depth) for angle in angles] for depth in _NEW_DEPTHS]
    return [[int(step * depth / _QUARTER + 1) for step in range(_QUARTER)] for depth in _OLD_DEPTHS]
