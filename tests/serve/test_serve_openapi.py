"""The OpenAPI document, held against the routes by schemathesis: what it allows is answered as it says."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
import schemathesis
from examples import examples
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.specs.openapi.checks import positive_data_acceptance
from serve_parts import RESULT, check_here
from served import LIMITS, TOKEN, serving

from livegen.serve.http.settings import Limits
from livegen.serve.jobs.port import Attempt
from livegen.serve.place import Place

ENDLESS = "^/stream/"
MANY = Limits(jobs=1_000_000, rate=1e6, streams=LIMITS.streams)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The document of a service with a worker, which has the same result for every job."""
    place, is_over = Place(tmp_path_factory.mktemp("openapi"), ("default",)), threading.Event()
    with serving(place, MANY, TOKEN) as served, patch("livegen.serve.shelf.shelf.check_model", check_here):

        def perform(attempt: Attempt) -> None:
            served.service.jobs.finish(attempt, RESULT)

        worker = threading.Thread(target=served.service.jobs.work, args=("w", None, perform, is_over.is_set))
        worker.start()
        try:
            headers = {"authorization": f"Bearer {TOKEN}"}
            found = schemathesis.openapi.from_asgi("/openapi.json", served.app, headers=headers)
            yield found.exclude(path_regex=ENDLESS)
        finally:
            is_over.set()
            worker.join()


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_what_the_document_allows_is_answered_as_it_says_and_nothing_else_is_taken(document: Any, mode: str) -> None:
    asked: set[str] = set()

    def ask(case: Any) -> None:
        operation = f"{case.method} {case.path}"
        asked.add(operation)
        # a model that is sent is checked beyond what a schema can say
        excluded = [positive_data_acceptance] if operation == "POST /models" else []
        case.call_and_validate(headers={"authorization": f"Bearer {TOKEN}"}, excluded_checks=excluded)

    bounded = settings(
        max_examples=examples(4),
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    operations = [found.ok() for found in document.get_all_operations()]
    for operation in operations:
        cases = operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode))
        with contextlib.suppress(Unsatisfiable):  # nothing can be wrong with an operation that takes nothing
            bounded(given(cases)(ask))()
    takes_nothing = {"GET /models", "GET /health/live", "GET /health/ready", "GET /metrics"}
    everything = {f"{operation.method.upper()} {operation.path}" for operation in operations}
    assert asked == everything - (takes_nothing if mode == "negative" else set())
