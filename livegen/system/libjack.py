"""Calls to the JACK library that python-rtmidi brings along: they tell whether a server runs, and silence its messages.

RtMidi offers neither. libjack writes its messages to stderr, which would tear a status screen. RtMidi does not notice
when the server goes away: its port list stays as it was and, once its ring is full, a send waits for ever.
https://jackaudio.org/api/group__ClientFunctions.html
"""

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_NO_START_SERVER: Final = 0x01
_PORT_IS_INPUT: Final = 0x1
_PORT_IS_OUTPUT: Final = 0x2
_PORT_IS_PHYSICAL: Final = 0x4
_MIDI_TYPE: Final = b"8 bit raw midi"

_SHUTDOWN: Final = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class JackWatch:
    """A JACK client without ports that knows whether its server still runs.

    Notes
    -----
    A thread of JACK's sets `is_alive`; any thread may read it. Only one thread at a time may call the methods.
    """

    def __init__(self, library: ctypes.CDLL, client: int) -> None:
        self._library = library
        self._client: int | None = client
        self.is_alive = True
        self._on_shutdown = _SHUTDOWN(self._shut_down)  # kept alive here: JACK stores only its address
        library.jack_on_shutdown(client, self._on_shutdown, None)

    def physical_midi_sources(self) -> list[str]:
        """Return the names of the ports that bring MIDI in from hardware."""
        if self._client is None or not self.is_alive:
            return []
        flags = _PORT_IS_OUTPUT | _PORT_IS_PHYSICAL
        return self._names(self._library.jack_get_ports(self._client, None, _MIDI_TYPE, flags))

    def midi_inputs(self, pattern: str) -> list[str]:
        """Return the names of the ports that take MIDI and match a POSIX regular expression."""
        if self._client is None or not self.is_alive:
            return []
        return self._names(self._library.jack_get_ports(self._client, pattern.encode(), _MIDI_TYPE, _PORT_IS_INPUT))

    def connections(self, port: str) -> list[str]:
        """Return the names of the ports that are connected with a port, which may belong to any client."""
        if self._client is None or not self.is_alive:
            return []
        handle = self._library.jack_port_by_name(self._client, port.encode("utf-8", "replace"))
        if handle is None:
            return []
        return self._names(self._library.jack_port_get_all_connections(self._client, handle))

    def close(self) -> None:
        """Leave the server; calling it again does nothing."""
        if self._client is not None:
            self._library.jack_client_close(self._client)
        self._client = None
        self.is_alive = False

    def _names(self, names: Any) -> list[str]:
        if not names:
            return []
        try:
            return list(_decoded(names))
        finally:
            self._library.jack_free(names)

    def _shut_down(self, _argument: int | None) -> None:
        self.is_alive = False


def open_watch() -> JackWatch | None:
    """Join the JACK server that runs, or return None where there is none; starts no server and prints nothing."""
    library = _load()
    if library is None:
        return None
    client = library.jack_client_open(b"livegen-watch", _NO_START_SERVER, None)
    return None if client is None else JackWatch(library, client)


def _load() -> ctypes.CDLL | None:
    """Return the same libjack that RtMidi calls, with its messages silenced, or None if RtMidi calls none."""
    path = _loaded_path()
    if path is None:
        return None
    library = ctypes.CDLL(path)
    library.jack_client_open.restype = ctypes.c_void_p
    library.jack_client_open.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]
    library.jack_client_close.argtypes = [ctypes.c_void_p]
    library.jack_on_shutdown.argtypes = [ctypes.c_void_p, _SHUTDOWN, ctypes.c_void_p]
    library.jack_get_ports.restype = ctypes.POINTER(ctypes.c_char_p)
    library.jack_get_ports.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong]
    library.jack_port_by_name.restype = ctypes.c_void_p
    library.jack_port_by_name.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    library.jack_port_get_all_connections.restype = ctypes.POINTER(ctypes.c_char_p)
    library.jack_port_get_all_connections.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    library.jack_free.argtypes = [ctypes.c_void_p]
    # JACK calls these from its real-time threads, where Python must not run. `strlen` takes what they take and does
    # nothing with it.
    harmless = ctypes.cast(ctypes.CDLL(None).strlen, ctypes.c_void_p)
    library.jack_set_error_function(harmless)
    library.jack_set_info_function(harmless)
    return library


def _loaded_path() -> str | None:
    # a wheel of python-rtmidi contains its own libjack, which is not the one that PortAudio loads
    try:
        mapped = {line.split(maxsplit=5)[-1].strip() for line in Path("/proc/self/maps").read_text().splitlines()}
    except OSError:
        return None
    candidates = [path for path in mapped if Path(path).name.startswith(("libjack.", "libjack-"))]
    return max(candidates, key=lambda path: "rtmidi" in path, default=None)


def _decoded(names: Any) -> Iterator[str]:
    index = 0
    while names[index] is not None:
        yield names[index].decode("utf-8", "replace")
        index += 1
