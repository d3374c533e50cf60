"""The door of the service: the rules of the stage page's door, and bounds on what comes in."""

import time
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from livegen.serve.http.limiter import Limiter
from livegen.serve.http.metrics import Metrics
from livegen.serve.http.problems import problem, refusal
from livegen.serve.http.settings import ServeSettings
from livegen.serve.shelf.shelf import MODEL_BYTES_MAX
from livegen.web.server.door import SECURITY_HEADERS, Knock, is_own_origin, judge

BODY_BYTES_MAX: Final = 2 << 20

_UPLOAD: Final = ("POST", "/models")
_UPLOAD_BYTES_MAX: Final = MODEL_BYTES_MAX + (1 << 20)
_CHANGING: Final = frozenset({"POST", "PUT", "DELETE", "PATCH"})
_HEADERS: Final = {
    **SECURITY_HEADERS,
    "content-security-policy": SECURITY_HEADERS["content-security-policy"] + "; media-src 'self'",
    "cache-control": "no-store",
}


class Door:
    """ASGI that lets in whom it may, and no more than it may.

    Parameters
    ----------
    app : ASGI application
    settings : ServeSettings
    metrics : Metrics
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._limiter = Limiter(settings.limits.rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), HTTPStatus.INTERNAL_SERVER_ERROR.value

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message)
            await send(message)

        most = _UPLOAD_BYTES_MAX if (scope["method"], scope["path"]) == _UPLOAD else BODY_BYTES_MAX
        refused = self._judge(scope, most)
        try:
            await (refused or self._app)(scope, _bounded(receive, most), send_on)
        finally:
            self._metrics.count_request(scope["method"], status, time.perf_counter() - began, is_refused=bool(refused))

    def _judge(self, scope: Scope, most: int) -> ASGIApp | None:
        """Return the answer to a request that may not come in, else None."""
        client = (scope.get("client") or ("", 0))[0]
        knock = Knock.of(client, scope["query_string"], scope["headers"])
        refused = judge(knock, self._settings.host, self._settings.token)
        if refused is not None:
            return problem(refused.status, refused.sentence, _challenge(refused.status))
        if scope["method"] in _CHANGING:
            if knock.origin is not None and not is_own_origin(knock.origin, knock.host):
                return problem(
                    HTTPStatus.FORBIDDEN, "a page of another site may not use this service: use its own page"
                )
            wait = self._limiter.wait_seconds(client)
            if wait:
                return problem(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    f"you ask more than {self._settings.limits.rate:g} times a second: wait",
                    {"retry-after": str(int(wait) + 1)},
                )
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > most:
            return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _too_large(most), {"connection": "close"})
        return None


def _challenge(status: int) -> dict[str, str] | None:
    return {"www-authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None


def _too_large(most: int) -> str:
    return f"this is larger than the {most >> 20} MiB that are taken here"


def _bounded(receive: Receive, most: int) -> Receive:
    """Return a `receive` that ends a body which is longer than it may be, whatever its header said."""
    n_bytes = 0

    async def receive_on() -> MutableMapping[str, Any]:
        nonlocal n_bytes
        message = await receive()
        n_bytes += len(message.get("body", b""))
        if n_bytes > most:
            raise refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _too_large(most))
        return message

    return receive_on


def _add_headers(message: Message) -> None:
    given = {name.lower() for name, _ in message["headers"]}
    added = ((name.encode(), value.encode()) for name, value in _HEADERS.items() if name.encode() not in given)
    message["headers"] = [*message["headers"], *added]
