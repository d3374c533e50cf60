"""Requests to a service: patient where it is busy or away, and one sentence where it refuses."""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from livegen.errors import OrderError, QueueError

_SECONDS: Final = 60.0
_AWAY_SECONDS: Final = 1.0  # between two attempts to reach a server
_LATER: Final = (429, 503)
_ANSWER_BYTES_MAX: Final = 1 << 30


class Client:
    """A client of a service.

    Parameters
    ----------
    server : str
        Its address, such as ``http://127.0.0.1:9126``.
    token : str
        As `livegen serve` prints it; empty for this machine's own.
    patience_seconds : float
        How long a server may be away.
    sleep : callable
        Waits for so many seconds.

    Raises
    ------
    OrderError
        If that is no address.
    """

    def __init__(
        self,
        server: str,
        token: str = "",
        *,
        patience_seconds: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise OrderError(f"{server[:80]!r} is no address of a service: write http://127.0.0.1:9126")
        self._server = f"{parts.scheme}://{parts.netloc}"
        self._token = token
        self._patience_seconds = patience_seconds
        self._sleep = sleep

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return the answer to a request, from JSON; raises as `fetch`."""
        return json.loads(self.fetch(method, path, body) or b"null")

    def fetch(self, method: str, path: str, body: Any = None) -> bytes:
        """Return the answer to a request. Where the service is busy, ask again when it says so.

        Raises
        ------
        OrderError
            If the service refuses, with its own sentence.
        QueueError
            If it cannot be reached for longer than the patience.
        """
        given = None if body is None else json.dumps(body).encode()
        waited = 0.0
        while True:
            request = urllib.request.Request(self._server + path, given, method=method)
            if given is not None:
                request.add_header("content-type", "application/json")
            if self._token:
                request.add_header("authorization", f"Bearer {self._token}")
            try:
                with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
                    return bytes(answer.read(_ANSWER_BYTES_MAX))
            except urllib.error.HTTPError as error:
                with error:
                    if error.code not in _LATER:
                        raise OrderError(_sentence(error)) from None
                    self._sleep(_retry_after(error))
                waited = 0.0
            except (OSError, http.client.HTTPException) as error:
                if waited >= self._patience_seconds:
                    raise QueueError(f"{self._server} cannot be reached ({error}): is livegen serve running?") from None
                self._sleep(_AWAY_SECONDS)
                waited += _AWAY_SECONDS


def _retry_after(error: urllib.error.HTTPError) -> float:
    said = error.headers.get("retry-after", "")
    return min(float(said), _SECONDS) if said.isdigit() else _AWAY_SECONDS


def _sentence(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(1 << 16))["detail"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"the service answers {error.code} {error.reason}"
