"""What the tests of the service share: a queue of each kind, a shelf with a small model, and the server's routes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

try:
    import fastapi  # noqa: F401
    import rq  # noqa: F401
    import schemathesis  # noqa: F401
    import yaml  # noqa: F401
except ImportError as error:
    if os.environ.get("LIVEGEN_SERVE") == "1":
        raise
    why = f"{error}: install the extra test-serve, as LIVEGEN_SERVE=1 make test does"

    class Skipped(pytest.Module):
        """A module that nothing can be imported of."""

        def collect(self) -> list[pytest.Item]:
            pytest.skip(why, allow_module_level=True)

    def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module:
        return Skipped.from_parent(parent, path=module_path)

else:
    from redis_server import RedisServer, redis_server
    from serve_parts import SILENCE_SECONDS, Embedded, OnRedis, Queued, put_on_shelf

    from livegen.serve.place import Place
    from livegen.serve.shelf.shelf import Model

    @pytest.fixture(scope="module")
    def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
        """A Redis server for all tests of a module."""
        with redis_server(tmp_path_factory.mktemp("redis")) as server:
            yield server

    @pytest.fixture(params=["embedded", "redis"])
    def queued(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Queued:
        """An empty queue of each kind, and the hand that moves its clock."""
        for module in ("embedded", "rq"):
            monkeypatch.setattr(f"livegen.serve.jobs.{module}.SILENCE_SECONDS", SILENCE_SECONDS)
        if request.param == "embedded":
            return Embedded(tmp_path)
        return OnRedis(request.getfixturevalue("redis").url).emptied()

    @pytest.fixture
    def place(tmp_path: Path) -> Place:
        """A folder for a service."""
        return Place(tmp_path / "serve", ("default",))

    @pytest.fixture
    def tiny(place: Place, model: Path) -> Model:
        """A small model on the shelf of `place`, called tiny."""
        return put_on_shelf(place.folder / "models", model, "tiny")
