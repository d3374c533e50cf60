"""Sends to one MIDI controller what its lights show, on a thread of its own that nothing waits for."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from livegen.controls import Value, Values
from livegen.errors import PortError
from livegen.inputs.midi_settings import Wiring
from livegen.outputs.midi import Sender
from livegen.performance.state import State
from livegen.profiles.profile import Profile
from livegen.session.feedback.light import lights_of, under_way
from livegen.session.feedback.surface import Message, Surface
from livegen.session.knob import Place
from livegen.session.mapping import ControllerMap
from livegen.system.midi_echo import EchoFilter, LateEcho

_LOOK_SECONDS: Final = 0.01
_CHECK_SECONDS: Final = 0.5
_SYSTEM: Final = 0xF0


class Feedback:
    """The lights of one controller.

    Parameters
    ----------
    port : Sender
        The controller's output port, open; closed by `close`.
    source : callable
        Returns the source of what comes from the controller, ``midi:`` and the name of its input port.
    wiring : Wiring
        What is done with its input port.
    profile : Profile
    knobs : callable
        Returns which knob sets which control.
    values : callable
        Returns the controls in force.
    state : callable
        Returns the state of the performance.
    place : callable
        Told where the controller's knobs were put, by their places.
    echo : EchoFilter
        Told what is sent, so that the inputs recognise it when it comes back.

    Attributes
    ----------
    wiring : Wiring
    errors : int
        Messages that the port refused, and times that it vanished.

    Notes
    -----
    One thread calls `run`, and it alone sends. It looks at what is so now, a hundred times a second: so whoever moves a
    control does nothing for it, and of many moves it sends the last. Any thread may call `is_echo`, `announce`
    and `leave`, and set `wiring`.
    `close` is called after `run` has ended.
    """

    def __init__(
        self,
        port: Sender,
        source: Callable[[], str],
        wiring: Wiring,
        profile: Profile,
        *,
        knobs: Callable[[], ControllerMap],
        values: Callable[[], Values],
        state: Callable[[], State],
        place: Callable[[Mapping[Place, float]], None],
        echo: EchoFilter,
        now_seconds: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._port, self._source, self.wiring, self._profile = port, source, wiring, profile
        self._knobs, self._values, self._state = knobs, values, state
        self._place = place
        self._echo, self._late_echo = echo, LateEcho()
        self._now_seconds = now_seconds
        self._surface = Surface(profile)
        self._is_there = True
        self._is_lit = False  # whether the device was told to begin
        self._is_dark = False  # after a panic
        self._is_leaving = False
        self._seen: tuple[object, ...] = ()
        self._next_check = now_seconds() + _CHECK_SECONDS
        self._n_xruns = port.n_xruns
        self.errors = 0

    @property
    def name(self) -> str:
        """Name of the port."""
        return self._port.name

    def run(self, stop: threading.Event) -> None:
        """Show what is so until `stop`, or until told to leave; then, or after an exception, put all lights out."""
        try:
            while not (self._is_leaving or stop.wait(_LOOK_SECONDS)):
                self.look()
        finally:
            self._leave()
            if self._is_leaving:
                self._port.close()

    def look(self) -> None:
        """Send what the device does not show yet, and notice whether it is there."""
        now_seconds = self._now_seconds()
        if now_seconds >= self._next_check:
            self._next_check = now_seconds + _CHECK_SECONDS
            was_there, self._is_there = self._is_there, self._port.check()
            if was_there and not self._is_there:
                self._lose()
            if self._port.n_xruns != self._n_xruns:  # it may have missed something: tell it everything anew
                self._n_xruns, self._is_lit = self._port.n_xruns, False
        if not self._is_there:
            return
        knobs, values, state = self._knobs(), self._values(), self._state()
        seen = knobs, values, state.cues, state.count_in, state.is_running, self._is_dark, self._is_lit
        is_same = len(seen) == len(self._seen) and all(a is b for a, b in zip(seen, self._seen, strict=True))
        if is_same and not self._surface.waits:
            return
        if not self._is_lit and not self._begin():
            return
        if self._is_dark:
            surface, messages = self._surface.put_out()
        else:
            lights = lights_of(knobs, self._source(), self.wiring, values, under_way(state))
            surface, messages = self._surface.show(lights, now_seconds)
        if self._send(messages):
            positions = dict(message.puts for message in messages if message.puts is not None)
            if positions:
                self._place(positions)
            self._surface, self._seen = surface, (*seen[:-1], self._is_lit)

    def is_echo(self, message: Sequence[int], source: str, now_seconds: float) -> bool:
        """Tell whether a message from a source is what this device was sent and sends back late."""
        return source == self._source() and self._late_echo.is_echo(message, now_seconds)

    def announce(self, name: str, value: Value) -> None:
        """Go dark at a panic, and light up again when the next control takes effect."""
        self._is_dark = name == "panic"

    def leave(self) -> None:
        """Let `run` end, all lights be put out, and the port be closed."""
        self._is_leaving = True

    def close(self) -> None:
        """Put all lights out and close the port; calling it again does nothing."""
        self._leave()
        self._port.close()

    def _begin(self) -> bool:
        self._surface = Surface(self._profile)
        self._is_lit = self._send(map(Message, self._profile.start))
        return self._is_lit

    def _leave(self) -> None:
        if self._is_lit:
            self._surface, messages = self._surface.put_out()
            self._send([*messages, *map(Message, self._profile.stop)])
            self._is_lit = False
            self._seen = ()

    def _lose(self) -> None:
        """Forget what the device shows; it gets everything anew when it is back."""
        self.errors += 1
        self._is_there = self._is_lit = False

    def _send(self, messages: Iterable[Message]) -> bool:
        """Send; False if the port does not take it, so that the device is no longer known to show anything."""
        for message in messages:
            try:
                if message.data[0] < _SYSTEM:
                    now_seconds = self._now_seconds()
                    self._echo.sent(message.data, now_seconds)
                    self._late_echo.sent(message.data, now_seconds, is_position=message.puts is not None)
                self._port.send(list(message.data))
            except PortError:
                self._lose()
                return False
        return True
