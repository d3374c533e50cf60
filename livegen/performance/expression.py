"""Expression: the positions of a keyboard's wheels, its pressure, and what both do to a note.

Values and pure functions on them. `livegen.performance.keyboard` decides which voice they belong to.
"""

from dataclasses import dataclass, replace
from typing import Final

from livegen.controls import CONTROLS
from livegen.events import Aftertouch, ControlChange, PitchWheel

RESET_CONTROLLERS: Final = 121

_MAX_VALUE: Final = 127
_MAX_PITCH: Final = 8191

_MODULATION: Final = 1
_DATA_ENTRY: Final = 6
_PARAMETER_LOW, _PARAMETER_HIGH = 100, 101
_OTHER_PARAMETERS: Final = (98, 99)  # NRPN: what is entered after them is not for us
CONTROLLERS: Final = frozenset(
    {_MODULATION, _DATA_ENTRY, 38, 96, 97, _PARAMETER_LOW, _PARAMETER_HIGH, *_OTHER_PARAMETERS, RESET_CONTROLLERS}
)
"""Those that stand for a wheel, or come with the parameter that sets its range."""

_NO_PARAMETER: Final = (127, 127)
_BEND_RANGE: Final = (0, 0)  # RPN 0, https://midi.org/midi-1-0-control-change-messages
_MAX_BEND_RANGE: Final = int(CONTROLS["bend_range"].maximum)


@dataclass(frozen=True, slots=True)
class Expression:
    """What shapes a voice's sound besides its note.

    Attributes
    ----------
    bend : float
        In semitones.
    modulation, pressure : float
        0..1.
    """

    bend: float = 0.0
    modulation: float = 0.0
    pressure: float = 0.0


@dataclass(frozen=True, slots=True)
class Wheels:
    """Wheels and pressure of one channel of a source, in MIDI's numbers.

    Attributes
    ----------
    pitch : int
        -8192..8191.
    modulation, pressure : int
        0..127.
    bend_range : int or None
        In semitones, if the channel has set it itself (by registered parameter 0, as a DAW does); else None.
    parameter : tuple of int
        High and low byte of the registered parameter that the next data entry sets.
    """

    pitch: int = 0
    modulation: int = 0
    pressure: int = 0
    bend_range: int | None = None
    parameter: tuple[int, int] = _NO_PARAMETER

    def after(self, event: PitchWheel | Aftertouch | ControlChange) -> "Wheels":
        """Return the wheels after an event of their channel."""
        match event:
            case PitchWheel(_, pitch):
                return replace(self, pitch=pitch)
            case Aftertouch(_, value):
                return replace(self, pressure=value)
            case ControlChange(control=control, value=value):
                return self._after_control(control, value)

    def _after_control(self, control: int, value: int) -> "Wheels":
        if control == _MODULATION:
            return replace(self, modulation=value)
        if control == _PARAMETER_HIGH:
            return replace(self, parameter=(value, self.parameter[1]))
        if control == _PARAMETER_LOW:
            return replace(self, parameter=(self.parameter[0], value))
        if control in _OTHER_PARAMETERS:
            return replace(self, parameter=_NO_PARAMETER)
        if control == _DATA_ENTRY and self.parameter == _BEND_RANGE:
            return replace(self, bend_range=min(value, _MAX_BEND_RANGE))
        return self.at_rest() if control == RESET_CONTROLLERS else self

    def at_rest(self) -> "Wheels":
        """Return the wheels after they were let go. The bend range stays: it is a setting."""
        return Wheels(bend_range=self.bend_range)

    def expression(self, bend_range: int, key_pressure: int = 0) -> Expression:
        """Return the expression that the wheels give a note.

        Parameters
        ----------
        bend_range : int
            In semitones, for a channel that has set none itself.
        key_pressure : int
            Pressure on the note's own key, 0..127. If the channel's pressure is greater, that counts.
        """
        semitones = bend_range if self.bend_range is None else self.bend_range
        bend = 1.0 if self.pitch == _MAX_PITCH else self.pitch / (_MAX_PITCH + 1)
        pressure = max(self.pressure, key_pressure)
        return Expression(bend * semitones, self.modulation / _MAX_VALUE, pressure / _MAX_VALUE)
