"""The JACK library, and a program's place on a JACK server: its ports, and those of others.

libjack writes its messages to stderr, which would tear a status screen, so they are silenced. Python lets the
interpreter run while it calls, however long a server takes to answer.
https://jackaudio.org/api/group__ClientFunctions.html
"""

import ctypes
import functools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

PORT_IS_INPUT: Final = 0x1
PORT_IS_OUTPUT: Final = 0x2
PORT_IS_PHYSICAL: Final = 0x4
MIDI_TYPE: Final = b"8 bit raw midi"

_NO_START_SERVER: Final = 0x01
_LIBRARIES: Final = ("libjack.so.0", "libjack.0.dylib")

_SHUTDOWN: Final = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_XRUN: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)

_CLIENT, _PORT, _NAMES = ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_char_p)
_PROTOTYPES: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "jack_client_open": (_CLIENT, (ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p)),
    "jack_client_close": (ctypes.c_int, (_CLIENT,)),
    "jack_activate": (ctypes.c_int, (_CLIENT,)),
    "jack_get_client_name": (ctypes.c_char_p, (_CLIENT,)),
    "jack_on_shutdown": (None, (_CLIENT, _SHUTDOWN, ctypes.c_void_p)),
    "jack_set_xrun_callback": (ctypes.c_int, (_CLIENT, _XRUN, ctypes.c_void_p)),
    "jack_set_process_callback": (ctypes.c_int, (_CLIENT, ctypes.c_void_p, ctypes.c_void_p)),
    "jack_get_ports": (_NAMES, (_CLIENT, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong)),
    "jack_port_register": (_PORT, (_CLIENT, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_ulong)),
    "jack_port_unregister": (ctypes.c_int, (_CLIENT, _PORT)),
    "jack_port_by_name": (_PORT, (_CLIENT, ctypes.c_char_p)),
    "jack_port_get_all_connections": (_NAMES, (_CLIENT, _PORT)),
    "jack_connect": (ctypes.c_int, (_CLIENT, ctypes.c_char_p, ctypes.c_char_p)),
    "jack_free": (None, (ctypes.c_void_p,)),
}


class JackClient:
    """A program on a JACK server, as which livegen has all its MIDI ports; it knows whether its server still runs.

    A process must not have two: libjack keeps what it knows of all clients once for a process. When a client leaves,
    a process is told so later, by a thread of each of its clients, and by then the number of the one that left may
    belong to a new client of the same process, whose thread then stands still, or crashes.

    Parameters
    ----------
    name : str
        JACK adds a number where it is taken.

    Attributes
    ----------
    name : str
        As JACK has it.
    n_xruns : int
        How often a cycle was not over in time. What was sent in it may have reached nobody.

    Raises
    ------
    OSError
        If no server runs; none is started, and nothing is printed.

    Notes
    -----
    Any thread may call it, except `close`, which comes after all else. Once its server has died, it answers that there
    are no ports, and refuses what is asked of it.
    """

    def __init__(self, name: str) -> None:
        jack = libjack()
        client = None if jack is None else jack.jack_client_open(name.encode(), _NO_START_SERVER, None)
        if jack is None or client is None:
            raise OSError("no JACK server runs here, or it takes no more clients")
        self.library = jack
        self._client: int | None = client
        self._is_shut_down = False
        self._asking = threading.Lock()  # a client asks its server one thing at a time
        self._on_shutdown = _SHUTDOWN(self._shut_down)  # kept alive here: JACK stores only its address
        jack.jack_on_shutdown(client, self._on_shutdown, None)
        self.n_xruns = 0
        self._on_xrun = _XRUN(self._count_xrun)
        jack.jack_set_xrun_callback(client, self._on_xrun, None)
        self.name: str = jack.jack_get_client_name(client).decode("utf-8", "replace")

    @property
    def is_alive(self) -> bool:
        """Whether the server still runs, as far as is known."""
        return self._client is not None and not self._is_shut_down

    def process_by(self, callback: int, record: int) -> None:
        """Let JACK call the native code at an address in each cycle from now on, with the address of a record."""
        self.library.jack_set_process_callback(self._client, callback, record)
        with self._asking:
            self.library.jack_activate(self._client)

    def ports(self, flags: int) -> list[str]:
        """Return the names of the MIDI ports of all programs that have some flags, such as `PORT_IS_INPUT`."""
        if not self.is_alive:
            return []
        return _taken(self.library, self.library.jack_get_ports(self._client, None, MIDI_TYPE, flags))

    def connections(self, port: str) -> list[str]:
        """Return the names of the ports that are connected with a port, which may belong to any client."""
        if not self.is_alive:
            return []
        handle = self.library.jack_port_by_name(self._client, port.encode("utf-8", "replace"))
        if handle is None:
            return []
        return _taken(self.library, self.library.jack_port_get_all_connections(self._client, handle))

    def register(self, name: str, flags: int) -> int:
        """Return a new MIDI port of this client; raises OSError."""
        handle = None
        if self.is_alive:
            with self._asking:
                handle = self.library.jack_port_register(self._client, name.encode(), MIDI_TYPE, flags, 0)
        if handle is None:
            raise OSError(f"JACK refuses the port {name}")
        return int(handle)

    def unregister(self, handle: int) -> None:
        """Take a port away."""
        if self.is_alive:
            with self._asking:
                self.library.jack_port_unregister(self._client, handle)

    def connect(self, source: str, target: str) -> None:
        """Connect two ports; raises OSError."""
        refused = 1
        if self.is_alive:
            with self._asking:
                refused = self.library.jack_connect(self._client, source.encode(), target.encode())
        if refused:
            raise OSError(f"JACK does not connect {source} with {target}")

    def close(self) -> None:
        """Leave the server; calling it again does nothing."""
        client, self._client = self._client, None
        if client is not None:
            self.library.jack_client_close(client)

    def _shut_down(self, _argument: int | None) -> None:
        self._is_shut_down = True

    def _count_xrun(self, _argument: int | None) -> int:
        self.n_xruns += 1
        return 0


def _taken(jack: ctypes.CDLL, names: Any) -> list[str]:
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
