"""MIDI ports on a JACK server, whose process callback is native code.

They have the methods of RtMidi's ports. RtMidi's own JACK ports hold the interpreter's lock while they wait: a second
for each output that closes after its server has died, and for ever if its ring is full. They are also a client each,
of which a process must have one alone (`livegen.system.libjack.JackClient`). Here Python and JACK meet in a ring of
fixed size, all ports are of one client, and while a call to JACK waits, the interpreter runs.
https://jackaudio.org/api/group__MIDIAPI.html
"""

import ctypes
import functools
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Final

import llvmlite.binding
import numba
import numpy as np
from numba import carray, types
from numpy.typing import NDArray

from livegen.system.atomics import load_acquire, store_release
from livegen.system.kernels import Record, kernel
from livegen.system.libjack import PORT_IS_INPUT, PORT_IS_OUTPUT, JackClient
from livegen.system.midi_names import Direction

N_SLOTS: Final = 4096
"""Most messages that wait in a port."""

N_PORTS: Final = 32
"""Most ports at a time."""

_MOST_BYTES: Final = 16  # of one message: three, but for sysex, which is skipped
_SYSEX: Final = 0xF0
_LEAVE_SECONDS: Final = 0.1  # longest wait until what was sent has left, or JACK is done with a port
_NAP_SECONDS: Final = 0.0005

_PORT: Final = np.dtype(
    [
        ("handle", np.int64),  # JACK's port, 0 while there is none
        ("is_output", np.int64),
        ("cycles", np.int64, 1),  # how often JACK has asked, with or without a port
        ("written", np.int64, 1),
        ("read", np.int64, 1),
        ("event", np.int64, 3),  # JACK's struct of an event: time, size, address of its bytes
        ("sizes", np.uint8, N_SLOTS),
        ("slots", np.uint8, (N_SLOTS, _MOST_BYTES)),
    ],
    align=True,
)

_SIGNATURES: Final = {
    "jack_port_get_buffer": types.intp(types.intp, types.uint32),
    "jack_midi_get_event_count": types.uint32(types.intp),
    "jack_midi_event_get": types.int32(types.CPointer(types.int64), types.intp, types.uint32),
    "jack_midi_clear_buffer": types.void(types.intp),
    "jack_midi_event_write": types.int32(types.intp, types.uint32, types.CPointer(types.uint8), types.uintp),
}
"""What the process callback calls. The names are linked by `_process`, since libjack may be any file."""

_get_buffer, _event_count, _get_event, _clear_buffer, _write_event = (
    types.ExternalFunction(f"livegen_{name}", signature) for name, signature in _SIGNATURES.items()
)
_copy = types.ExternalFunction("livegen_memmove", types.intp(types.CPointer(types.uint8), types.intp, types.uintp))


@kernel
def _put(port: Record, message: NDArray[np.uint8]) -> bool:
    """Put a message into an output's ring; False if it is full."""
    written = port.written[0]
    if written - load_acquire(port.read, 0) >= N_SLOTS:
        return False
    port.sizes[written % N_SLOTS] = len(message)
    port.slots[written % N_SLOTS, : len(message)] = message
    store_release(port.written, 0, written + 1)
    return True


@kernel
def _take(port: Record, message: NDArray[np.uint8]) -> int:
    """Take the oldest message out of an input's ring; return how many bytes it has, 0 if there is none."""
    read = port.read[0]
    if read >= load_acquire(port.written, 0):
        return 0
    size = port.sizes[read % N_SLOTS]
    message[:size] = port.slots[read % N_SLOTS, :size]
    store_release(port.read, 0, read + 1)
    return int(size)


@kernel
def _receive(port: Record, buffer: int) -> None:
    written = port.written[0]
    for index in range(_event_count(buffer)):
        if written - load_acquire(port.read, 0) >= N_SLOTS:
            break
        if _get_event(port.event.ctypes, buffer, np.uint32(index)) != 0:
            continue
        slot = written % N_SLOTS
        size = min(port.event[1], _MOST_BYTES)
        _copy(port.slots[slot].ctypes, port.event[2], np.uintp(size))
        if size > 0 and port.slots[slot, 0] != _SYSEX:
            port.sizes[slot] = size
            written += 1
    store_release(port.written, 0, written)


@kernel
def _send(port: Record, buffer: int) -> None:
    _clear_buffer(buffer)
    written, read = load_acquire(port.written, 0), port.read[0]
    while read < written:
        slot = read % N_SLOTS
        if _write_event(buffer, np.uint32(0), port.slots[slot].ctypes, np.uintp(port.sizes[slot])) != 0:
            break  # this cycle has no more room
        read += 1
    store_release(port.read, 0, read)


@functools.cache
def _process(jack: ctypes.CDLL) -> Any:
    """Return the compiled function that JACK calls in each cycle, with the address of `N_PORTS` of `_PORT`."""
    for name in _SIGNATURES:
        llvmlite.binding.add_symbol(f"livegen_{name}", ctypes.cast(getattr(jack, name), ctypes.c_void_p).value)
    llvmlite.binding.add_symbol("livegen_memmove", ctypes.cast(ctypes.memmove, ctypes.c_void_p).value)

    @numba.cfunc(types.int32(types.uint32, types.CPointer(numba.from_dtype(_PORT))), cache=True, error_model="numpy")
    def process(n_samples, ports_pointer):  # type: ignore[no-untyped-def]
        ports = carray(ports_pointer, N_PORTS)
        for index in range(N_PORTS):
            port = ports[index]
            if port.handle != 0:
                buffer = _get_buffer(port.handle, n_samples)
                if port.is_output:
                    _send(port, buffer)
                else:
                    _receive(port, buffer)
            store_release(port.cycles, 0, port.cycles[0] + 1)
        return types.int32(0)

    return process


class JackMidi:
    """The MIDI ports of a client.

    Parameters
    ----------
    client : JackClient
        One that nothing processes yet.
    """

    def __init__(self, client: JackClient) -> None:
        self._client = client
        self._ports = np.zeros(N_PORTS, _PORT)
        self._free = list(range(N_PORTS))
        client.process_by(_process(client.library).address, self._ports.ctypes.data)

    def port(self, direction: Direction) -> "JackPort":
        """Return a port that is not open yet, and that `JackPort.delete` must give back; raises OSError."""
        if not self._free:
            raise OSError(f"{N_PORTS} MIDI ports are in use, and there are no more")
        index = self._free.pop(0)
        self._ports[index]["is_output"] = direction == "out"
        return JackPort(self._client, self._ports[index : index + 1], lambda: self._free.append(index))


class JackPort:
    """A MIDI port of ours on a JACK server; `JackMidi.port` makes it.

    Notes
    -----
    One thread at a time may use it. After its server has died, only `close_port` and `delete` may be called.
    """

    def __init__(self, client: JackClient, port: NDArray[np.void], give_back: Callable[[], None]) -> None:
        self._client, self._port, self._give_back = client, port, give_back
        self._is_output = bool(port["is_output"][0])
        self._own_flag, self._others_flag = PORT_IS_INPUT, PORT_IS_OUTPUT
        if self._is_output:
            self._own_flag, self._others_flag = self._others_flag, self._own_flag
        self._message = np.zeros(_MOST_BYTES, np.uint8)
        self._forget()
        self.send_message([])  # so that nothing is compiled while it plays
        self.get_message()

    def get_ports(self) -> list[str]:
        """Return the names of the ports that it can connect with."""
        return self._client.ports(self._others_flag)

    def open_virtual_port(self, name: str) -> None:
        """Open a port that others connect with; a number is added where the name is taken. Raises OSError."""
        own = f"{self._client.name}:{name}"
        taken = set(self._client.ports(self._own_flag))
        number = next(n for n in count(1) if (own if n == 1 else f"{own}-{n}") not in taken)
        self._name = own if number == 1 else f"{own}-{number}"
        handle = self._client.register(self._name.partition(":")[2], self._own_flag)
        self._forget()
        self._port["handle"] = handle

    def open_port(self, index: int, name: str) -> None:
        """Open a port and connect it with the one that has a number in `get_ports`; raises OSError."""
        other = self.get_ports()[index]
        self.open_virtual_port(name)
        try:
            self._client.connect(*((self._name, other) if self._is_output else (other, self._name)))
        except OSError:
            self.close_port()
            raise
        if self._is_output:
            # JACK connects from one of its next cycles on: what is sent before reaches nobody.
            self._wait_until(lambda: bool(self._client.connections(self._name)))
            self._wait_for_cycle()

    def send_message(self, message: Sequence[int]) -> None:
        """Send the bytes of a message, 16 at most; raises OSError if too many wait, since JACK takes none any more."""
        if not _put(self._port[0], np.array(message, np.uint8)):
            raise OSError("JACK takes no more messages")

    def get_message(self) -> tuple[list[int], float] | None:
        """Return the bytes of the oldest message that waits, and 0 for its time; None if there is none."""
        size = int(_take(self._port[0], self._message))
        return (self._message[:size].tolist(), 0.0) if size else None

    def close_port(self) -> None:
        """Close the port, after what was sent has left."""
        handle = int(self._port["handle"][0])
        if handle:
            if self._is_output:
                self._wait_until(lambda: bool(self._port["read"][0] >= self._port["written"][0]))
                self._wait_for_cycle()
            self._port["handle"] = 0
            self._wait_for_cycle()
            self._client.unregister(handle)

    def delete(self) -> None:
        """Give the port back, which is closed; calling it again does nothing."""
        give_back, self._give_back = self._give_back, lambda: None
        give_back()

    def _forget(self) -> None:
        """Forget all messages, while JACK has no port to ask for."""
        self._port["written"] = self._port["read"] = 0

    def _wait_for_cycle(self) -> None:
        """Wait until JACK is done with the cycle that runs, or for as long as that may take."""
        cycles = int(self._port["cycles"][0, 0])
        self._wait_until(lambda: int(self._port["cycles"][0, 0]) > cycles)

    def _wait_until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _LEAVE_SECONDS
        while not is_so() and self._client.is_alive and time.monotonic() < deadline:
            time.sleep(_NAP_SECONDS)
