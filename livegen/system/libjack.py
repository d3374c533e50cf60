"""Calls to the JACK library: to join a server and know whether it still runs, and to look at ports and connections.

libjack writes its messages to stderr, which would tear a status screen, so they are silenced. Python lets the
interpreter run while it calls, however long a server takes to answer.
https://jackaudio.org/api/group__ClientFunctions.html
"""

import ctypes
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

PORT_IS_INPUT: Final = 0x1
PORT_IS_OUTPUT: Final = 0x2
MIDI_TYPE: Final = b"8 bit raw midi"

_NO_START_SERVER: Final = 0x01
_PORT_IS_PHYSICAL: Final = 0x4
_LIBRARIES: Final = ("libjack.so.0", "libjack.0.dylib")

_SHUTDOWN: Final = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

_CLIENT, _PORT, _NAMES = ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_char_p)
_PROTOTYPES: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "jack_client_open": (_CLIENT, (ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p)),
    "jack_client_close": (ctypes.c_int, (_CLIENT,)),
    "jack_activate": (ctypes.c_int, (_CLIENT,)),
    "jack_on_shutdown": (None, (_CLIENT, _SHUTDOWN, ctypes.c_void_p)),
    "jack_set_process_callback": (ctypes.c_int, (_CLIENT, ctypes.c_void_p, ctypes.c_void_p)),
    "jack_get_ports": (_NAMES, (_CLIENT, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong)),
    "jack_port_register": (_PORT, (_CLIENT, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_ulong)),
    "jack_port_unregister": (ctypes.c_int, (_CLIENT, _PORT)),
    "jack_port_name": (ctypes.c_char_p, (_PORT,)),
    "jack_port_by_name": (_PORT, (_CLIENT, ctypes.c_char_p)),
    "jack_port_get_all_connections": (_NAMES, (_CLIENT, _PORT)),
    "jack_connect": (ctypes.c_int, (_CLIENT, ctypes.c_char_p, ctypes.c_char_p)),
    "jack_free": (None, (ctypes.c_void_p,)),
}


class JackWatch:
    """A JACK client without ports that knows whether its server still runs.

    Notes
    -----
    A thread of JACK's sets `is_alive`; any thread may read it. Only one thread at a time may call the methods.
    """

    def __init__(self, jack: ctypes.CDLL, client: int) -> None:
        self._jack = jack
        self._client: int | None = client
        self.is_alive = True
        self._on_shutdown = _SHUTDOWN(self._shut_down)  # kept alive here: JACK stores only its address
        jack.jack_on_shutdown(client, self._on_shutdown, None)

    def physical_midi_sources(self) -> list[str]:
        """Return the names of the ports that bring MIDI in from hardware."""
        return self._ports(None, PORT_IS_OUTPUT | _PORT_IS_PHYSICAL)

    def midi_inputs(self, pattern: str) -> list[str]:
        """Return the names of the ports that take MIDI and match a POSIX regular expression."""
        return self._ports(pattern.encode(), PORT_IS_INPUT)

    def connections(self, port: str) -> list[str]:
        """Return the names of the ports that are connected with a port, which may belong to any client."""
        if self._client is None or not self.is_alive:
            return []
        handle = self._jack.jack_port_by_name(self._client, port.encode("utf-8", "replace"))
        if handle is None:
            return []
        return take_names(self._jack, self._jack.jack_port_get_all_connections(self._client, handle))

    def close(self) -> None:
        """Leave the server; calling it again does nothing."""
        if self._client is not None:
            self._jack.jack_client_close(self._client)
        self._client = None
        self.is_alive = False

    def _ports(self, pattern: bytes | None, flags: int) -> list[str]:
        if self._client is None or not self.is_alive:
            return []
        return take_names(self._jack, self._jack.jack_get_ports(self._client, pattern, MIDI_TYPE, flags))

    def _shut_down(self, _argument: int | None) -> None:
        self.is_alive = False


def open_watch() -> JackWatch | None:
    """Join the JACK server that runs, or return None where there is none; starts no server and prints nothing."""
    jack = libjack()
    client = None if jack is None else open_client(jack, "livegen-watch")
    return None if jack is None or client is None else JackWatch(jack, client)


def open_client(jack: ctypes.CDLL, name: str) -> int | None:
    """Return a new client of the JACK server that runs, or None where there is none; starts no server."""
    client: int | None = jack.jack_client_open(name.encode(), _NO_START_SERVER, None)
    return client


def take_names(jack: ctypes.CDLL, names: Any) -> list[str]:
    """Return the texts of an array that libjack has allocated, and free it."""
    if not names:
        return []
    try:
        return list(_decoded(names))
    finally:
        jack.jack_free(names)


@functools.cache
def libjack() -> ctypes.CDLL | None:
    """Return the library with its messages silenced, or None where there is none.

    The system's own goes before the one that a wheel of python-rtmidi brings along: it fits the server.
    """
    for path in (*_LIBRARIES, *_beside_rtmidi()):
        try:
            library = ctypes.CDLL(path)
            for name, (result, arguments) in _PROTOTYPES.items():
                function = getattr(library, name)
                function.restype, function.argtypes = result, arguments
        except (OSError, AttributeError):  # it is not there, or is no libjack
            continue
        # JACK calls these from its real-time threads, where Python must not run. `strlen` takes what they take and does
        # nothing with it.
        harmless = ctypes.cast(ctypes.CDLL(None).strlen, ctypes.c_void_p)
        library.jack_set_error_function(harmless)
        library.jack_set_info_function(harmless)
        return library
    return None


def _beside_rtmidi() -> list[str]:
    """Return the paths of the libraries named libjack that are loaded, which are RtMidi's where it is imported."""
    try:
        mapped = {line.split(maxsplit=5)[-1].strip() for line in Path("/proc/self/maps").read_text().splitlines()}
    except OSError:
        return []
    return sorted(path for path in mapped if Path(path).name.startswith(("libjack.", "libjack-")))


def _decoded(names: Any) -> Iterator[str]:
    index = 0
    while names[index] is not None:
        yield names[index].decode("utf-8", "replace")
        index += 1
