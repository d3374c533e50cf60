"""The pages: a plain one that uses the service, and one that describes it, with their files."""

from http import HTTPStatus
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response

from livegen.serve.http.problems import refusal
from livegen.serve.http.service import Service
from livegen.web.page.files import File, read_files
from livegen.web.server.door import Knock
from livegen.web.server.token_cookie import move_token

_FOLDER: Final = Path(__file__).parents[1] / "page"
_PAGES: Final = {"/": "index.html", "/docs": "docs.html"}


def router(service: Service) -> APIRouter:
    """Return the routes of the pages; they are no part of the OpenAPI document."""
    routes = APIRouter(include_in_schema=False)
    files = read_files(_FOLDER)

    @routes.get("/")
    @routes.get("/docs")
    async def page(request: Request) -> Response:
        path = request.url.path
        knock = Knock.of("", request.scope["query_string"], request.headers.raw)
        return move_token(path, knock, service.settings.token) or _answer(files[_PAGES[path]])

    @routes.get("/page/{name}")
    async def file(name: str) -> Response:
        if name not in files:
            raise refusal(HTTPStatus.NOT_FOUND, "there is no such file")
        return _answer(files[name])

    @routes.get("/favicon.ico")
    async def icon() -> Response:
        return Response(status_code=HTTPStatus.NO_CONTENT)

    return routes


def _answer(file: File) -> Response:
    return Response(file.content, media_type=file.media_type)
