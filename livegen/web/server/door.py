"""The door: who may come in. Pure functions over what a request shows; they read no clock and open nothing.

A request from this machine needs no token where it names this machine as its host: a page of a stranger's whose name
was pointed at 127.0.0.1 after it was loaded (DNS rebinding) sends the stranger's name. Any other machine shows the
token: in the address, from which it goes to a cookie, in that cookie, or as a bearer. A WebSocket, which browsers open
to any host for any page, must come from our own page, or from a program that is no browser and sends no origin.
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
"""What every answer carries: our own modules, worklets and sockets, nobody's frame, and no address given away."""

_LOCAL_NAMES: Final = frozenset({"localhost", "localhost."})
_HOST: Final = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_BEARER: Final = re.compile(r"bearer +(\S+) *", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Knock:
    """What a request shows.

    Attributes
    ----------
    peer : str
        Address that it comes from, or empty where that is unknown.
    host, origin : str or None
        Its headers; None where there is none, or more than one.
    query : str
        Query of its address, as it came.
    cookies, authorization : str
        Its headers, or empty.
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
        """Return what a request shows, from its headers as they came."""
        found: dict[str, list[str]] = {}
        for name, value in headers:
            found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        hosts, origins = found.get("host", []), found.get("origin", [])
        return cls(
            peer,
            hosts[0] if len(hosts) == 1 else None,
            ",".join(origins) if origins else None,  # two origins are none of ours
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
    """Return why a request is refused, or None where it may come in.

    Parameters
    ----------
    knock : Knock
    served_host : str
        Address or name that the server listens on.
    token : str
        What other machines must show; none may come in where it is empty.
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
    """Tell whether an address is of the machine itself: 127.0.0.0/8, ::1, or the former in IPv6's clothes."""
    ip = _ip(address)
    return ip is not None and (getattr(ip, "ipv4_mapped", None) or ip).is_loopback


def is_everywhere(address: str) -> bool:
    """Tell whether what listens on an address is reached at every one of this machine's: 0.0.0.0, or ::."""
    ip = _ip(address)
    return ip is not None and ip.is_unspecified


def host_name(host: str | None) -> str | None:
    """Return the name in a Host header, in small letters and without its port; None where it has none."""
    found = _HOST.fullmatch((host or "").lower())
    return found[1].strip("[]") if found else None


def is_own_origin(origin: str, host: str | None) -> bool:
    """Tell whether a page's origin is the host and port that it now asks."""
    scheme, separator, address = origin.partition("://")
    return bool(host and separator) and scheme.lower() in ("http", "https") and address.lower() == str(host).lower()


def shows_token(knock: Knock, token: str) -> bool:
    """Tell whether a request shows the token, wherever it may; takes as long for a wrong one as for the right."""
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
    # http.cookies gives up at what another program has set
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
