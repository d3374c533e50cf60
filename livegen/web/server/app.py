"""The answers to requests: the page, its files, the OSCQuery namespace, and the WebSockets."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from livegen.web.oscquery.socket import OscQueryGuest
from livegen.web.oscquery.tree import UnknownAttributeError, asked, choices_of, find, host_info, namespace
from livegen.web.page.files import VIEWS, File, read_files
from livegen.web.page.socket import PageGuest, ShowGuest
from livegen.web.server.door import SECURITY_HEADERS, Knock, judge, without_token
from livegen.web.server.guest import Guest
from livegen.web.server.hub import Hub
from livegen.web.server.token_cookie import move_token
from livegen.web.settings import ServerSettings
from livegen.web.wire import PLANS_PATH, unpack_plans

_STATIC: Final = "/static/"
_GUESTS: Final[dict[str, Callable[[Hub], Guest]]] = {
    "/stage": PageGuest,
    "/show": ShowGuest,
    "/": OscQueryGuest,
}
_NO_STORE: Final = {"cache-control": "no-store"}
_ASK_AGAIN: Final = "no-cache"  # a browser may keep the file but asks each time if it changed: quick, never stale


class App:
    """The server's application, by ASGI.

    Parameters
    ----------
    hub : Hub
    settings : ServerSettings
    name : str
        Name that OSCQuery tells.
    """

    def __init__(self, hub: Hub, settings: ServerSettings, name: str) -> None:
        self._hub = hub
        self._settings = settings
        self._name = name
        self._files = read_files()

    def count_refusal(self) -> None:
        """Count a connection that was refused before it became a request."""
        self._hub.refused += 1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one WebSocket. An error is counted and ends only this one."""
        knock = Knock.of(
            (scope.get("client") or ("", 0))[0],
            scope["query_string"],
            scope["headers"],
            is_socket=scope["type"] == "websocket",
        )
        refusal = judge(knock, self._settings.host, self._settings.token)
        try:
            if refusal is not None:
                self._hub.refused += 1
                await _with_headers(PlainTextResponse(refusal.sentence, refusal.status, _NO_STORE))(
                    scope, receive, send
                )
            elif knock.is_socket:
                await self._serve_socket(scope, receive, send)
            else:
                request = Request(scope)
                is_of_plans = scope["path"] == PLANS_PATH and request.method == "GET"
                answer = await self._plans() if is_of_plans else self._answer(request, knock)
                await _with_headers(answer)(scope, receive, send)
        except Exception:
            self._hub.faults += 1
            raise

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        guest = _GUESTS.get(scope["path"])
        if guest is None:
            self._hub.refused += 1
            await _with_headers(PlainTextResponse("there is no WebSocket here", HTTPStatus.NOT_FOUND))(
                scope, receive, send
            )
            return
        await guest(self._hub).attend(WebSocket(scope, receive, send))

    def _answer(self, request: Request, knock: Knock) -> Response:
        path = request.scope["path"]
        if request.method not in ("GET", "HEAD"):
            return self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "nothing can be sent here: ask, with GET")
        view = _view(request, knock) if path == "/" else None
        if view is not None:
            return self._page(view, knock)
        if path.startswith(_STATIC):
            return self._file(request, self._files.get(path.removeprefix(_STATIC)))
        if path == "/favicon.ico":
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return self._node(request, knock)

    async def _plans(self) -> Response:
        await self._hub.wait_for_turn()
        told = await self._hub.plans()
        if told is None:
            return self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "the session does not answer: ask again")
        return _json(unpack_plans(told))

    def _page(self, view: str, knock: Knock) -> Response:
        if view not in VIEWS:
            known = "the stage page is /, for a tablet there is /?view=stage, and for an audience /?view=show"
            return self._refuse(HTTPStatus.NOT_FOUND, f"there is no view {view[:40]!r}: {known}")
        page = Response(self._files[VIEWS[view]].content, media_type="text/html", headers=_NO_STORE)
        return move_token("/", knock, self._settings.token) or page

    def _file(self, request: Request, file: File | None) -> Response:
        if file is None:
            return self._refuse(HTTPStatus.NOT_FOUND, "there is no such file")
        headers = {"cache-control": _ASK_AGAIN, "etag": file.etag}
        if request.headers.get("if-none-match") == file.etag:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(file.content, media_type=file.media_type, headers=headers)

    def _node(self, request: Request, knock: Knock) -> Response:
        mirror = self._hub.mirror
        hello, values = mirror.hello, mirror.values | mirror.picked
        try:
            attributes = asked(knock.query)
        except UnknownAttributeError as error:
            return self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        if "HOST_INFO" in attributes:
            own = request.scope["server"]
            osc = hello.get("osc", (own[0], 0))
            return _json(host_info(self._name, (own[0], own[1]), (osc[0], osc[1])))
        node = find(namespace(values, choices_of(hello)), request.scope["path"])
        if node is None:
            return self._refuse(HTTPStatus.NOT_FOUND, "there is nothing at this address: ask / for all that is")
        if not attributes:
            return _json(node)
        found = {attribute: node[attribute] for attribute in attributes if attribute in node}
        return _json(found) if found else Response(status_code=HTTPStatus.NO_CONTENT, headers=_NO_STORE)

    def _refuse(self, status: HTTPStatus, sentence: str) -> Response:
        return PlainTextResponse(sentence, status, _NO_STORE)


def _view(request: Request, knock: Knock) -> str | None:
    """Return which view of the page a browser asks for, or None if it is no browser or asks for something else."""
    asked_for = parse_qsl(without_token(knock.query), keep_blank_values=True)
    if "text/html" not in request.headers.get("accept", "") or [name for name, _ in asked_for] not in ([], ["view"]):
        return None
    return asked_for[0][1] if asked_for else ""


def _json(content: object) -> Response:
    return Response(json.dumps(content, allow_nan=False), media_type="application/json", headers=_NO_STORE)


def _with_headers(response: Response) -> Response:
    response.headers.update(SECURITY_HEADERS)
    return response
