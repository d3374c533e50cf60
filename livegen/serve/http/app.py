"""The application: all routes behind the door."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from livegen import __version__
from livegen.serve.http import health, models, pages, predictions, stream
from livegen.serve.http.door import Door
from livegen.serve.http.problems import Problem, answer_errors
from livegen.serve.http.service import Service


def create_app(service: Service) -> ASGIApp:
    """Return the application of a service, which it keeps going as long as it is served."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    app = FastAPI(
        title="livegen",
        version=__version__,
        summary="Renders of a neural model that plays a four-voice NES chip, on demand.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for part in (models, predictions, stream, health, pages):
        app.include_router(part.router(service))
    answer_errors(app)
    describe = app.openapi

    def described() -> dict[str, Any]:
        document = describe()
        document["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        for unused in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, which nothing here answers
            document["components"]["schemas"].pop(unused, None)
        return document

    app.openapi = described
    return Door(app, service.settings, service.metrics)
