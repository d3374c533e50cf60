"""What a control is: one row of the table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Value = float | int | bool | str
Values = Mapping[str, Value]
"""The value in force of every control, by its full name; never mutated."""

Kind = Literal["float", "int", "bool", "choice", "trigger", "count", "name"]


@dataclass(frozen=True, slots=True)
class Control:
    """One row of the table.

    Attributes
    ----------
    name : str
        Name within its scope, as in ``--set name=value``.
    scope : {"global", "voice"}
    kind : {"float", "int", "bool", "choice", "trigger", "count", "name"}
        The last three are actions: setting one does something once, and it keeps no value. A trigger takes no
        argument, but where its maximum is over 1 a whole number from 2 on; a count takes a whole number, and a name
        takes a word.
    default : value of that kind
        For an action, its argument where none is given.
    description : str
        One clause for a musician.
    minimum, maximum : float
        Range of a number. A value outside it is clamped.
    choices : tuple of str
        Words that a choice allows.
    unit : str
        Unit of a number, or empty.
    voids_plan : bool
        Whether frames that are planned but not yet committed must be planned anew after a change.
    is_recalled : bool
        Whether ``recall`` brings its stored value back. False for what belongs to the room or the rig, such as volumes.
    names_control : bool
        Whether the word that it takes must be the name of a control.
    engine : str
        The kind of engine that alone heeds it, with which its name begins; empty for what every model heeds.
    """

    name: str
    scope: Literal["global", "voice"]
    kind: Kind
    default: Value
    description: str
    minimum: float = 0.0
    maximum: float = 1.0
    choices: tuple[str, ...] = ()
    unit: str = ""
    voids_plan: bool = False
    is_recalled: bool = True
    names_control: bool = False
    engine: str = ""

    @property
    def is_action(self) -> bool:
        """Whether it is an action, which keeps no value."""
        return self.kind in ("trigger", "count", "name")

    @property
    def argument(self) -> Value:
        """Argument that an action takes where none is given."""
        return True if self.kind == "trigger" else self.default
