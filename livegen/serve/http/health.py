"""How the service is, for whoever watches it."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from livegen.serve.http.answers import HealthAnswer
from livegen.serve.http.problems import may_answer, refusal
from livegen.serve.http.service import Service

_READY_SECONDS = 2


def router(service: Service) -> APIRouter:
    """Return the routes of ``/health`` and ``/metrics``."""
    routes = APIRouter(tags=["health"], responses=may_answer(401, 403))

    @routes.get("/health/live")
    async def live() -> HealthAnswer:
        """Tell that the server answers."""
        return HealthAnswer(status="live")

    @routes.get("/health/ready", responses=may_answer(503))
    def ready() -> HealthAnswer:
        """Tell whether a job would be played: the queue is there, and a worker with warm models."""
        if not service.jobs.workers():
            raise refusal(HTTPStatus.SERVICE_UNAVAILABLE, "no worker is warm yet: wait, or start one", _READY_SECONDS)
        return HealthAnswer(status="ready")

    @routes.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    def metrics() -> Response:
        """Show what was counted, for Prometheus."""
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return routes
