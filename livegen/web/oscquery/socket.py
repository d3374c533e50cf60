"""A connected OSCQuery client: values as OSC packets in both directions, and LISTEN, IGNORE and PATH_CHANGED."""

import json
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from livegen.controls import ADDRESSES, CONTROLS, OSC_PREFIX, Value, osc_address
from livegen.errors import ControlError
from livegen.events import NoteOn
from livegen.inputs.osc_packet import NotOscError, build_packet, note_event, parse_packet, set_event, shown
from livegen.web.oscquery.tree import choices_of
from livegen.web.server.guest import Guest
from livegen.web.server.hub import Hub
from livegen.web.server.outbox import Sent
from livegen.web.wire import MAX_MESSAGE_BYTES

_MOST_WORDS: Final = 64
_NOTE_ON, _NOTE_OFF = 0x90, 0x80


class OscQueryGuest(Guest):
    """An OSCQuery client that is connected."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self._listened: set[str] = set()
        self._values: dict[str, Value] = {}  # values that wait to be sent, the latest of each control
        self._changed: set[str] = set()  # paths whose choices have changed
        self._errors: deque[str] = deque(maxlen=_MOST_WORDS)
        self._names: Mapping[str, list[str]] = choices_of(hub.mirror.hello)

    def hear(self, kind: str, message: Mapping[str, Any], text: Sent) -> None:
        """Keep the values that the client listens to, and the paths whose choices have changed."""
        if kind == "values":
            self._values |= {name: value for name, value in message["values"].items() if name in self._listened}
        elif kind == "hello":
            names = choices_of(message)
            self._changed |= {osc_address(name) for name in names if names[name] != self._names.get(name)}
            self._names = names
        if self._values or self._changed:
            self.wake()

    def take(self) -> list[Sent]:
        """Return all that waits to be sent."""
        changed, self._changed = self._changed, set()
        values, self._values = self._values, {}
        errors = list(self._errors)
        self._errors.clear()
        return [
            *(json.dumps({"COMMAND": "PATH_CHANGED", "DATA": path}) for path in sorted(changed)),
            *(build_packet(osc_address(name), value) for name, value in values.items()),
            *(build_packet(f"{OSC_PREFIX}/error", error) for error in errors),
        ]

    def obey(self, text: str | None, packet: bytes) -> None:
        """Do what a command or an OSC packet says; raises a `ControlError` if it makes no sense."""
        if text is not None:
            self._obey_command(text)
            return
        try:
            messages = parse_packet(packet)
        except NotOscError as error:
            raise ControlError(f"this is no OSC packet: {error}") from error
        for address, arguments in messages:
            self._obey_message(address, arguments)

    def refuse(self, error: ControlError) -> None:
        """Tell the client why something was not done."""
        self._errors.append(str(error))
        self.wake()

    def _obey_command(self, text: str) -> None:
        try:
            command = json.loads(text) if len(text.encode()) <= MAX_MESSAGE_BYTES else None
        except (ValueError, RecursionError):
            command = None
        if not isinstance(command, dict) or command.get("COMMAND") not in ("LISTEN", "IGNORE"):
            raise ControlError('a command is {"COMMAND": "LISTEN" or "IGNORE", "DATA": an address}')
        path = command.get("DATA")
        name = ADDRESSES.get(path) if isinstance(path, str) else None
        if name is None or CONTROLS[name].is_action:
            raise ControlError(f"there is no value at {shown(path)}: ask for its container's CONTENTS")
        if command["COMMAND"] == "IGNORE":
            self._listened.discard(name)
            return
        self._listened.add(name)
        self._tell(name)

    def _obey_message(self, address: str, arguments: list[Any]) -> None:
        name = ADDRESSES.get(address)
        if name is not None:
            self._ask_or_set(name, arguments)
        elif address == f"{OSC_PREFIX}/note":
            event = note_event(arguments)
            is_on = isinstance(event, NoteOn)
            status = (_NOTE_ON if is_on else _NOTE_OFF) | event.channel
            self.ask("midi", data=[status, event.note, event.velocity if isinstance(event, NoteOn) else 0])
        elif address == f"{OSC_PREFIX}/dump":
            for each in self.hub.mirror.values:
                self._tell(each)
        else:
            raise ControlError(f"{shown(address)} cannot be sent here: `livegen controls` lists what can")

    def _ask_or_set(self, name: str, arguments: list[Any]) -> None:
        if not arguments and not CONTROLS[name].is_action:
            self._tell(name)
            return
        event = set_event(name, arguments)
        if event is not None:
            self.ask("set", name=name, value=event.value)

    def _tell(self, name: str) -> None:
        if name in self.hub.mirror.values:
            self._values[name] = self.hub.mirror.values[name]
            self.wake()
