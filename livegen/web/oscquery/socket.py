"""A connected OSCQuery client: values as OSC packets in both directions, and LISTEN, IGNORE and PATH_CHANGED."""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from livegen.controls import ADDRESSES, CONTROLS, OSC_PREFIX, Value, osc_address
from livegen.errors import ControlError
from livegen.events import Event, SetControl
from livegen.inputs.osc_message import NoRoomError, meaning_of
from livegen.inputs.osc_packet import Message, build_packet, parse_packet, shown
from livegen.inputs.osc_time import IMMEDIATELY, WallClock, clock_warning
from livegen.inputs.osc_types import kind_of
from livegen.web.oscquery.tree import choices_of
from livegen.web.server.guest import Guest
from livegen.web.server.hub import Hub
from livegen.web.server.outbox import Sent
from livegen.web.wire import MAX_MESSAGE_BYTES

_MOST_WORDS: Final = 64
_MOST_EVENTS: Final = 256
_DUMP: Final = f"{OSC_PREFIX}/dump"


class OscQueryGuest(Guest):
    """An OSCQuery client that is connected."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self._listened: set[str] = set()
        self._values: dict[str, Value] = {}  # values that wait to be sent, the latest of each control
        self._changed: set[str] = set()  # paths whose choices have changed
        self._errors: deque[str] = deque(maxlen=_MOST_WORDS)
        self._names: Mapping[str, list[str]] = choices_of(hub.mirror.hello)
        self._asked: set[str] = set()  # what it has set, of which a refusal is told to it
        self._clock = WallClock()
        self._is_told_of_clock = False

    def hear(self, kind: str, message: Mapping[str, Any], text: Sent) -> None:
        """Keep the values that the client listens to, and the paths whose choices have changed."""
        if kind == "values":
            self._values |= {name: value for name, value in message["values"].items() if name in self._listened}
        elif kind == "hello":
            names = choices_of(message)
            self._changed |= {osc_address(name) for name in names if names[name] != self._names.get(name)}
            self._names = names
        elif kind == "refused" and message["name"] in self._asked:
            self._asked.discard(message["name"])
            self._errors.append(str(message["reason"]))
        if self._values or self._changed or self._errors:
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
        messages, faults = parse_packet(packet)
        for fault in faults:
            self._drop(fault)
        together: dict[int, list[Message]] = {}
        for message in messages:
            together.setdefault(message.tag, []).append(message)
        for tag, those in together.items():
            self._serve(those, tag)

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

    def _serve(self, messages: Sequence[Message], tag: int) -> None:
        """Hand on what takes effect together, and answer what is asked for."""
        events: list[Event] = []
        asked: list[str] = []
        for message in messages:
            try:
                meaning = meaning_of(message, (_DUMP,))
                if len(events) + len(meaning.events) > _MOST_EVENTS:
                    raise NoRoomError(f"a packet can set and play {_MOST_EVENTS} things at most here: send several")
            except ControlError as error:
                self._drop(error)
                continue
            for refused in meaning.refused:
                self._drop(refused)
            events += meaning.events
            asked += meaning.asked or (self.hub.mirror.values if meaning.command else ())
        if self._clock.is_off(tag) and not self._is_told_of_clock:
            self._is_told_of_clock = True
            self.refuse(ControlError(clock_warning("this client", self._clock.seconds_ahead(tag))))
        self._asked |= {event.name for event in events if isinstance(event, SetControl)}
        if len(events) == 1 and tag <= IMMEDIATELY:
            self._ask_for(events[0])
        elif events:
            self.ask("together", events=[_written(event) for event in events], tag=tag)
        for name in asked:
            self._tell(name)

    def _ask_for(self, event: Event) -> None:
        """Hand on what is alone, as a page does."""
        if isinstance(event, SetControl):
            self.ask("set", name=event.name, value=event.value)
        else:
            self.ask("midi", data=_written(event))

    def _drop(self, error: ControlError) -> None:
        self.hub.refused += 1
        self.hub.drops[kind_of(error)] += 1
        self.refuse(error)

    def _tell(self, name: str) -> None:
        if name in self.hub.mirror.values:
            self._values[name] = self.hub.mirror.values[name]
            self.wake()


def _written(event: Event) -> list[Value]:
    """Return an event as `livegen.web.wire` has it."""
    if isinstance(event, SetControl):
        return [event.name, event.value]
    from livegen.inputs.midi import message_of  # here, so that the server starts without mido

    message = message_of(event)
    return [] if message is None else list(message.bytes())
