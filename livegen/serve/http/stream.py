"""Endless jams, as they play."""

import secrets
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from livegen.errors import OrderError
from livegen.serve.http.models import Name, find_model
from livegen.serve.http.problems import may_answer, refusal
from livegen.serve.http.service import Service
from livegen.serve.jobs.order import Prediction

_FULL_SECONDS = 10  # after which a place may be free


def router(service: Service) -> APIRouter:
    """Return the route of ``/stream``."""
    routes = APIRouter(tags=["stream"], responses=may_answer(401, 403, 503))

    @routes.get(
        "/stream/{name}",
        response_class=Response,
        responses={
            200: {"content": {"audio/wav": {}}, "description": "A WAV file without an end"},
            **may_answer(404, 422, 429),
        },
    )
    async def stream(
        name: Name,
        seed: Annotated[int | None, Query(ge=0, le=2**63 - 1, description="drawn for you if left out")] = None,
    ) -> Response:
        """Listen to a model that plays for ever."""
        asked = Prediction(seed=secrets.randbits(32) if seed is None else seed)
        try:
            pieces = await service.streams.listen(find_model(service, name), asked)
        except OrderError as error:
            raise refusal(HTTPStatus.TOO_MANY_REQUESTS, str(error), _FULL_SECONDS) from None
        return StreamingResponse(pieces, media_type="audio/wav")

    return routes
