"""Errors as clients get them: problem details in one sentence (https://www.rfc-editor.org/rfc/rfc9457)."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from livegen.errors import LivegenError, QueueError
from livegen.serve.jobs.order import sentence_of

MEDIA_TYPE: Final = "application/problem+json"
_RETRY_SECONDS: Final = 5  # after which the queue may be there again
_DETAIL_LENGTH: Final = 500


class Problem(BaseModel):
    """What is wrong."""

    type: str = Field(description="about:blank: the status says what kind of problem it is")
    title: str
    status: int
    detail: str = Field(description="one sentence: what, which value, what is allowed")


def may_answer(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the description of an operation's problems, for the OpenAPI document."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def problem(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer that tells a problem."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": sentence[:_DETAIL_LENGTH],
    }
    return Response(json.dumps(body), status, headers, MEDIA_TYPE)


def refusal(status: int, sentence: str, retry_seconds: float | None = None) -> HTTPException:
    """Return the error to raise where a request is refused."""
    headers = None if retry_seconds is None else {"retry-after": str(max(round(retry_seconds + 0.5), 1))}
    return HTTPException(status, sentence, headers)


def answer_errors(app: FastAPI) -> None:
    """Let an application answer every error with a problem."""
    app.add_exception_handler(StarletteHTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(QueueError, _of_queue)
    app.add_exception_handler(LivegenError, _of_livegen)
    app.add_exception_handler(Exception, _of_fault)


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    status, said = error.status_code, str(error.detail)
    if status == HTTPStatus.NOT_FOUND and said == HTTPStatus.NOT_FOUND.phrase:
        said = "there is nothing at this address: /docs lists all that there is"
    elif status == HTTPStatus.METHOD_NOT_ALLOWED:
        said = f"{request.method} means nothing here: /docs lists what does"
    elif status == HTTPStatus.BAD_REQUEST:
        said = "the body cannot be read: send what /docs describes"
    return problem(status, said, error.headers)


async def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, sentence_of(error.errors()[0]))


async def _of_queue(request: Request, error: Exception) -> Response:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), {"retry-after": str(_RETRY_SECONDS)})


async def _of_livegen(request: Request, error: Exception) -> Response:
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))


async def _of_fault(request: Request, error: Exception) -> Response:
    sentence = f"something went wrong that should not have ({type(error).__name__})"
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, sentence)
