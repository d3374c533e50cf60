"""Pads of an engine: named settings of its own controls, and new parts for its voices.

They end in controls that are set, so a take needs to know nothing of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from livegen.controls import CONTROLS, Value, Values
from livegen.events import Event, SetControl
from livegen.voices import VOICE_OF_NAME

PADS: Final = frozenset(name for name, control in CONTROLS.items() if control.engine and control.is_action)
"""The controls that are such pads or buttons."""

_ALL: Final = "all"

_PLACES: Final = {"vae": "place", "gan": "loop"}
"""By kind of engine, the control of the place that it plays; ``to`` is the one that it may go to."""


@dataclass(frozen=True, slots=True)
class Pads:
    """What is stored.

    Attributes
    ----------
    stored : mapping of (str, str) to mapping
        By kind of engine and name, its controls.
    """

    stored: Mapping[tuple[str, str], Mapping[str, Value]] = field(default_factory=dict)

    def names(self, kind: str) -> list[str]:
        """Return the names under which anything of one kind of engine is stored, in the order of the alphabet."""
        return sorted(name for each, name in self.stored if each == kind)

    def press(self, name: str, value: Value, values: Values) -> tuple["Pads", list[Event], str]:
        """Press a pad.

        Parameters
        ----------
        name : str
            One of `PADS`.
        value : Value
            The name to store under or to recall, or the voice that gets another part.
        values : Values
            The controls in force.

        Returns
        -------
        Pads
        list of Event
            What the instrument is to get: the controls that it sets, then itself; nothing where it is refused.
        str
            Why it is refused, or empty.
        """
        engine, action = CONTROLS[name].engine, name.rpartition(".")[2]
        own = SetControl(name, value)
        if action == "reroll":
            return self._reroll(own, values)
        if action == "store":
            kept = {each: was for each, was in values.items() if CONTROLS[each].engine == engine}
            return Pads({**self.stored, (engine, str(value)): kept}), [own], ""
        memory = self.stored.get((engine, str(value)))
        if memory is None:
            there = ", ".join(self.names(engine))
            return self, [], f"nothing is stored as {str(value)!r} by {engine}.store: there is {there or 'nothing yet'}"
        if action == "towards":
            return self, [SetControl(f"{engine}.to", memory[f"{engine}.{_PLACES[engine]}"]), own], ""
        return self, [*(SetControl(each, was) for each, was in memory.items() if values[each] != was), own], ""

    def _reroll(self, own: SetControl, values: Values) -> tuple["Pads", list[Event], str]:
        voice = str(own.value).lower()
        if voice not in (*VOICE_OF_NAME, _ALL):
            return self, [], f"{own.name} cannot be {own.value!r}: allowed is {', '.join(VOICE_OF_NAME)} or {_ALL}"
        unlocked = [each for each in VOICE_OF_NAME if not values[f"{each}.gan.lock"]]
        turned: list[Event] = []
        for each in unlocked if voice == _ALL else [voice]:
            variation = f"{each}.gan.variation"
            n_variations = int(CONTROLS[variation].maximum) + 1
            turned.append(SetControl(variation, (int(values[variation]) + 1) % n_variations))
        return self, [*turned, own], ""
