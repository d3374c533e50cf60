"""The models: which there are, giving and deleting them, and workers of their own."""

import shutil
import tempfile
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, UploadFile
from fastapi import Path as InPath

from livegen.errors import CheckpointError, OrderError
from livegen.serve.http.answers import ModelAnswer
from livegen.serve.http.problems import may_answer, refusal
from livegen.serve.http.service import Service
from livegen.serve.jobs.order import NAME
from livegen.serve.shelf.shelf import MODEL_BYTES_MAX, Model
from livegen.serve.work.pool import MAX_WORKERS

Name = Annotated[str, InPath(pattern=NAME, description="of a model", examples=["default"])]

_CONFIG_BYTES_MAX = 1 << 16


def find_model(service: Service, name: str) -> Model:
    """Return a model; raises 404."""
    models = service.shelf.models()
    if name not in models:
        raise refusal(HTTPStatus.NOT_FOUND, f"there is no model {name!r}: there is {', '.join(models)}")
    return models[name]


def router(service: Service) -> APIRouter:
    """Return the routes of ``/models``."""
    routes = APIRouter(tags=["models"], responses=may_answer(401, 403, 503))

    def answer(model: Model) -> ModelAnswer:
        return ModelAnswer.of(model, service.pool.size_of(model.name))

    @routes.get("/models")
    def list_models() -> list[ModelAnswer]:
        """List the models."""
        return [answer(model) for model in service.shelf.models().values()]

    @routes.post("/models", status_code=HTTPStatus.CREATED, responses=may_answer(400, 409, 413, 422, 429))
    def add_model(
        name: Annotated[str, Form(pattern=NAME)],
        config: Annotated[UploadFile, File(description="its config.toml")],
        weights: Annotated[UploadFile, File(description="its weights.safetensors")],
    ) -> ModelAnswer:
        """Give the service a model: a `config.toml` and a `weights.safetensors`, as `livegen train` writes them."""
        if (config.size or 0) > _CONFIG_BYTES_MAX or (weights.size or 0) > MODEL_BYTES_MAX:
            raise refusal(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"this is too large: a config.toml has up to {_CONFIG_BYTES_MAX >> 10} KiB, and weights up to "
                f"{MODEL_BYTES_MAX >> 20} MiB",
            )
        try:
            service.shelf.check_name(name)
            with tempfile.TemporaryDirectory(prefix="livegen-serve-") as folder:
                path = Path(folder) / "weights"
                with path.open("wb") as file:
                    shutil.copyfileobj(weights.file, file)
                return answer(service.shelf.add(name, config.file.read(), path))
        except OrderError as error:
            raise refusal(HTTPStatus.CONFLICT, str(error)) from None
        except CheckpointError as error:
            raise refusal(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None

    @routes.delete("/models/{name}", status_code=HTTPStatus.NO_CONTENT, responses=may_answer(404, 409, 422, 429))
    def remove_model(name: Name) -> None:
        """Delete a model that was given; livegen's own stay."""
        find_model(service, name)
        try:
            service.shelf.remove(name)
        except OrderError as error:
            raise refusal(HTTPStatus.CONFLICT, str(error)) from None
        service.pool.scale(name, 0)

    @routes.put("/models/{name}", responses=may_answer(404, 409, 422, 429))
    def scale_model(
        name: Name,
        workers: Annotated[int, Query(ge=0, le=MAX_WORKERS, description="that take this model alone")],
    ) -> ModelAnswer:
        """Have so many workers of this machine that take this model alone, beside those that take every one."""
        model = find_model(service, name)
        try:
            service.pool.scale(name, workers)
        except OrderError as error:
            raise refusal(HTTPStatus.CONFLICT, str(error)) from None
        return answer(model)

    return routes
