"""Asking for music, and what becomes of it: predictions, jobs, results."""

import asyncio
import secrets
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse

from livegen.serve.http.answers import JobAnswer, QueueAnswer
from livegen.serve.http.models import Name, find_model
from livegen.serve.http.problems import may_answer, refusal
from livegen.serve.http.service import Service
from livegen.serve.jobs.order import ID, Order, Prediction
from livegen.serve.jobs.port import Job, State
from livegen.serve.kinds import MEDIA_TYPES, Kind

Id = Annotated[str, InPath(pattern=ID, description="of a job")]

_MAX_WAIT_SECONDS = 60
_BUSY_SECONDS = 5  # after which a client with many jobs may ask again


def router(service: Service) -> APIRouter:
    """Return the routes of ``/predictions`` and ``/jobs``."""
    routes = APIRouter(tags=["jobs"], responses=may_answer(401, 403, 503))

    def submit(name: str, asked: Prediction, client: str) -> Job:
        model = find_model(service, name)
        seed = secrets.randbits(32) if asked.seed is None else asked.seed
        order = Order(
            model=name,
            kind=model.kind,
            model_hash=model.hash,
            prediction=asked.model_copy(update={"seed": seed}),
        )
        there = service.jobs.find(order.id)
        most = service.settings.limits.jobs
        if (there is None or there.state is State.FAILED) and service.jobs.n_open(client) >= most:
            raise refusal(
                HTTPStatus.TOO_MANY_REQUESTS, f"{most} of your jobs are not done yet: wait for them", _BUSY_SECONDS
            )
        return service.jobs.submit(order, client)

    @routes.post(
        "/predictions/{name}",
        status_code=HTTPStatus.ACCEPTED,
        responses={
            200: {"model": JobAnswer, "description": "The job is done, or has failed"},
            **may_answer(400, 404, 413, 422, 429),
        },
    )
    async def predict(
        request: Request,
        response: Response,
        name: Name,
        asked: Prediction,
        wait: Annotated[int, Query(ge=0, le=_MAX_WAIT_SECONDS, description="for the job's end, in seconds")] = 0,
    ) -> JobAnswer:
        """Ask a model for music. The same request is computed once: its job's id is a hash of all that matters."""
        client = "" if request.client is None else request.client.host
        job = await asyncio.get_running_loop().run_in_executor(None, submit, name, asked, client)
        ended = await service.ended(job.id, wait) if wait else job
        if ended is None:
            raise refusal(HTTPStatus.NOT_FOUND, f"the job {job.id} was cancelled meanwhile")
        response.headers["location"] = f"/jobs/{job.id}"
        if ended.state in (State.DONE, State.FAILED):
            response.status_code = HTTPStatus.OK
        return JobAnswer.of(ended)

    @routes.get("/jobs", responses=may_answer(422))
    def list_jobs(n: Annotated[int, Query(ge=0, le=200, description="of the newest jobs")] = 20) -> QueueAnswer:
        """Show the queue."""
        counts = service.jobs.counts()
        return QueueAnswer(
            **{state.value: counts[state] for state in State},
            workers=len(service.jobs.workers()),
            jobs=[JobAnswer.of(job) for job in service.jobs.recent(n)],
        )

    @routes.get("/jobs/{id}", responses=may_answer(404, 422))
    def show_job(id: Id) -> JobAnswer:
        """Show a job."""
        job = service.jobs.find(id)
        if job is None:
            raise _no_job(id)
        return JobAnswer.of(job)

    @routes.delete("/jobs/{id}", status_code=HTTPStatus.NO_CONTENT, responses=may_answer(404, 422, 429))
    def forget_job(id: Id) -> None:
        """Cancel a job, or delete it with its results. A worker that plays it stops at the next frame."""
        if not service.jobs.forget(id):
            raise _no_job(id)
        service.made.forget(id)

    content = {
        media_type: {"schema": {"type": "string", "format": "binary"}}
        for media_type in sorted(set(MEDIA_TYPES.values()))
    }

    @routes.get(
        "/jobs/{id}/result.{kind}",
        response_class=Response,
        responses={200: {"content": content, "description": "The file"}, **may_answer(404, 409, 422)},
    )
    async def fetch_result(id: Id, kind: Kind) -> Response:
        """Fetch what a job has made, as a file of the kind that you like."""
        path = await service.made.file(id, kind, lambda: service.jobs.result(id))
        if path is None:
            job = await asyncio.get_running_loop().run_in_executor(None, service.jobs.find, id)
            if job is None:
                raise _no_job(id)
            raise refusal(HTTPStatus.CONFLICT, f"the job {id} is {job.state}: a result is there once it is done")
        return FileResponse(
            path, media_type=MEDIA_TYPES[kind], filename=f"{id}.{kind}", content_disposition_type="inline"
        )

    return routes


def _no_job(id: str) -> Exception:
    return refusal(HTTPStatus.NOT_FOUND, f"there is no job {id}: it was cancelled or cleared, or never there")
