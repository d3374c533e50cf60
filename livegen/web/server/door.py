"""The door: decides who may connect. Pure functions of what a request shows; they read no clock and open nothing.

A request from this machine needs no token if its Host header names this machine. A stranger's page whose name was
pointed at 127.0.0.1 after it was loaded (DNS rebinding) sends the stranger's name and so is refused. Any other machine
must show the token: in the address, from which it is copied to a cookie, in that cookie, or as a bearer token. Browsers
open a WebSocket to any host for any page. So a WebSocket must come from our own page, or from a program that is no
browser and sends no origin.
"""

import hmac
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

COOKIE: Final = "livegen_token"

SECURITY_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""Headers of every answer. Only our own modules, worklets and sockets may load, no site may put the page into a frame,
and no address is given to other sites.
"""

_LOCAL_NAMES: Final = frozenset({"localhost", "localhost."})
_HOST: Final = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_BEARER: Final = re.compile(r"bearer +(\S+) *", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Knock:
    """What a request shows.

    Attributes
    ----------
    peer : str
        Address from which it comes, or empty if that is unknown.
    host, origin : str or None
        These headers. `host` is None if there is none, or more than one; several origins are joined by commas.
    query : str
        Query of its address, unchanged.
    cookies, authorization : str
        These headers, or empty.
    is_socket : bool
        Whether it wants a WebSocket.
    """

    peer: str
    host: str | None = None
    origin: str | None = None
    query: str = ""
    cookies: str = ""
    authorization: str = ""
    is_socket: bool = False

    @classmethod
    def of(cls, peer: str, query: bytes, headers: Iterable[tuple[bytes, bytes]], *, is_socket: bool = False) -> "Knock":
        """Return what a request shows, given its headers as they came."""
        found: dict[str, list[str]] = {}
        for name, value in headers:
            found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        hosts, origins = found.get("host", []), found.get("origin", [])
        return cls(
            peer,
            hosts[0] if len(hosts) == 1 else None,
            ",".join(origins) if origins else None,  # two origins never equal our own
            query.decode("latin-1"),
            "; ".join(found.get("cookie", [])),
            found.get("authorization", [""])[0],
            is_socket,
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not let in: an HTTP status, and a sentence."""

    status: int
    sentence: str


def judge(knock: Knock, served_host: str, token: str) -> Refusal | None:
    """Return why a request is refused, or None if it may come in.

    Parameters
    ----------
    knock : Knock
    served_host : str
        Address or name that the server listens on.
    token : str
        What other machines must show. If it is empty, none of them may come in.
    """
    if is_loopback(knock.peer):
        name = host_name(knock.host)
        is_served = name == served_host.lower() and not is_everywhere(served_host)
        is_named = name is not None and (name in _LOCAL_NAMES or is_served or is_loopback(name))
        if not (is_named or shows_token(knock, token)):
            return Refusal(403, f"this machine is not called {_shown(knock.host)} here: use 127.0.0.1 or localhost")
    elif not shows_token(knock, token):
        return Refusal(401, "another machine must show the token: open the address that livegen prints")
    if knock.is_socket and knock.origin is not None and not is_own_origin(knock.origin, knock.host):
        return Refusal(403, f"a page of {_shown(knock.origin)} may not talk to livegen: open livegen's own page")
    return None


def is_loopback(address: str) -> bool:
    """Tell whether an address is the machine's own: 127.0.0.0/8, ::1, or one of the former mapped into IPv6."""
    ip = _ip(address)
    return ip is not None and (getattr(ip, "ipv4_mapped", None) or ip).is_loopback


def is_everywhere(address: str) -> bool:
    """Tell whether an address to listen on stands for all addresses of this machine: 0.0.0.0 or ::."""
    ip = _ip(address)
    return ip is not None and ip.is_unspecified


def host_name(host: str | None) -> str | None:
    """Return the name in a Host header, in lower case and without the port; None if it has none."""
    found = _HOST.fullmatch((host or "").lower())
    return found[1].strip("[]") if found else None


def is_own_origin(origin: str, host: str | None) -> bool:
    """Tell whether the origin of a page is the same host and port that it now sends a request to."""
    scheme, separator, address = origin.partition("://")
    return bool(host and separator) and scheme.lower() in ("http", "https") and address.lower() == str(host).lower()


def shows_token(knock: Knock, token: str) -> bool:
    """Tell whether a request shows the token in any allowed place. A wrong token takes as long as the right one."""
    bearer = _BEARER.fullmatch(knock.authorization)
    shown = [query_token(knock.query), cookie_token(knock.cookies), bearer[1] if bearer else ""]
    fits = [hmac.compare_digest(each.encode(), token.encode()) for each in shown]
    return bool(token) and any(fits)


def query_token(query: str) -> str:
    """Return the token in a query, or an empty text."""
    return next((value for name, value in _pairs(query) if name == "token"), "")


def without_token(query: str) -> str:
    """Return a query without its token."""
    return urlencode([(name, value) for name, value in _pairs(query) if name != "token"])


def cookie_token(cookies: str) -> str:
    """Return the token in a Cookie header, or an empty text."""
    # http.cookies would stop at a malformed cookie that another program has set
    pairs = (pair.partition("=") for pair in cookies.split(";"))
    return next((value.strip() for name, _, value in pairs if name.strip() == COOKIE), "")


def _pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True, encoding="utf-8", errors="replace")


def _ip(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None


def _shown(text: str | None) -> str:
    return repr(text if text is None or len(text) <= 60 else f"{text[:60]}...")
