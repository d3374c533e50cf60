"""Where the stage page is found: the socket on which it listens, its address, and the token that opens it."""

import contextlib
import os
import re
import secrets
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from livegen.errors import PortError
from livegen.system.resources import user_config_folder
from livegen.web.server.door import is_everywhere, is_loopback
from livegen.web.settings import DEFAULT_HOST, DEFAULT_PORT, ServerSettings

_BACKLOG: Final = 128
_TOKEN_BYTES: Final = 16
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22,64}")
_TOKEN_FILE: Final = "web-token"
_CURE: Final = (
    "give a free port 1024..65535 with --web-port, and with --web-host 127.0.0.1, 0.0.0.0 or an address of this "
    "machine, or play with --no-web"
)
_SOMEWHERE: Final = ("192.0.2.1", 9)  # an address that nobody has, reserved for documentation; nothing is sent there


@dataclass(frozen=True, slots=True)
class Page:
    """A page that can be served.

    Attributes
    ----------
    listener : socket
        Bound and listening. A browser that connects before the server is ready waits for it.
    settings : ServerSettings
    warnings : list of str
        What the user should know about how the address was chosen.
    """

    listener: socket.socket
    settings: ServerSettings
    warnings: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Address to open in a browser, with the token if one is needed."""
        return address_of(self.settings.host, self.settings.port, self.settings.token)


def open_page(host: str | None = None, port: int | None = None) -> Page:
    """Return a page whose socket listens.

    Parameters
    ----------
    host : str, optional
        Address to bind. If left out, ``127.0.0.1``, where only this machine can connect.
    port : int, optional
        TCP port; 0 takes a free one. If left out, the usual port, or a free one if that is in use.

    Raises
    ------
    PortError
        If a port that was asked for is in use, or the address is not one of this machine's.
    """
    asked_host = DEFAULT_HOST if host is None else host
    warnings: list[str] = []
    try:
        listener = open_listener(asked_host, DEFAULT_PORT if port is None else port, _CURE)
    except PortError:
        if port is not None:
            raise
        # the user asked for no port, and another livegen may have the usual one
        listener = open_listener(asked_host, 0, _CURE)
        warnings.append(f"web port {DEFAULT_PORT} is in use: the page is on {listener.getsockname()[1]}")
    bound_host, bound_port = listener.getsockname()[:2]
    token = ""
    if not is_loopback(bound_host):
        token, trouble = kept_token(user_config_folder() / _TOKEN_FILE)
        warnings += [trouble] if trouble else []
    return Page(listener, ServerSettings(bound_host, bound_port, token), warnings)


def address_of(host: str, port: int, token: str) -> str:
    """Return the address to open in a browser, with the token if one is needed."""
    host = _own_address() if is_everywhere(host) else host
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{port}/" + (f"?token={token}" if token else "")


def kept_token(path: Path) -> tuple[str, str]:
    """Return the token that is kept in a file, and a sentence about what went wrong, or an empty text.

    The token is kept so that a phone finds the next session too. If the file is missing or holds no token, a new token
    is made and stored so that only the user can read it. If it cannot be stored, it holds for this session only, and
    the sentence says so.
    """
    try:
        kept = path.read_text("ascii").strip()
        if _TOKEN.fullmatch(kept):
            path.chmod(0o600)
            return kept, ""
    except (OSError, UnicodeDecodeError):
        pass
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token + "\n")
    except OSError as error:
        return token, f"the page's token is for this session alone: {path} cannot be written ({error.strerror})"
    return token, ""


def open_listener(host: str, port: int, cure: str) -> socket.socket:
    """Return a socket that is bound to an address and listens there.

    Raises
    ------
    PortError
        If that cannot be; the sentence ends with `cure`, which says what to do.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if not host:  # an empty address would mean the whole network
            raise OSError("there is no address")
        if os.name == "posix":  # on Windows this option would let us take a port that is in use
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError, TypeError) as error:  # TypeError: a name that cannot be encoded
        listener.close()
        raise PortError(f"the page cannot be served on {host}, port {port} ({error}): {cure}") from error
    return listener


def _own_address() -> str:
    """Return the address under which others on the network find this machine, or its name if there is no network."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(_SOMEWHERE)
        return str(asking.getsockname()[0])
    return socket.gethostname()
