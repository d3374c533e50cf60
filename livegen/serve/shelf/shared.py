"""The models of a service whose workers are on other machines: those that were given to it lie in Redis, too."""

import contextlib
import json
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from livegen.engines.checkpoint import CONFIG_FILE, WEIGHTS_FILE
from livegen.errors import OrderError
from livegen.serve.redis_door import connect, there
from livegen.serve.shelf.shelf import Model, Shelf, hash_of

_MODELS: Final = "livegen:models"
_FILES: Final = "livegen:model:"


class SharedShelf(Shelf):
    """A shelf whose given models are in Redis; the folder keeps those that were needed here, by their hash.

    Parameters
    ----------
    folder, own
        As of `Shelf`.
    url : str
        See `livegen.serve.redis_door.connect`.
    """

    def __init__(self, folder: Path, own: Sequence[str] | None, url: str) -> None:
        super().__init__(folder, own)
        self._redis = connect(url)

    def remove(self, name: str) -> bool:
        """Delete a model that was given; see `Shelf.remove`."""
        is_here = super().remove(name)
        with there():
            given = self._given()
            self._redis.hdel(_MODELS, name)
            if name in given:
                self._redis.delete(_FILES + given[name].hash)
        return is_here or name in given

    def _given(self) -> Mapping[str, Model]:
        with there():
            found = self._redis.hgetall(_MODELS)
        models = (Model(**{**json.loads(text), "is_own": False}) for text in found.values())
        return {model.name: model for model in sorted(models, key=lambda model: model.name)}

    def _has(self, name: str, hash: str) -> bool:
        given = self._given()
        if name not in given or given[name].hash != hash:
            return False
        if not super()._has(name, hash):
            self._bring(name, hash)
        return super()._has(name, hash)

    def _bring(self, name: str, hash: str) -> None:
        """Write a model of Redis into the folder, if it has the hash that it should have."""
        with there():
            files = self._redis.hgetall(_FILES + hash)
        part = self._folder / f"{hash}.{uuid.uuid4().hex}.part"
        try:
            (part / name).mkdir(parents=True)
            for file in (CONFIG_FILE, WEIGHTS_FILE):
                (part / name / file).write_bytes(files.get(file.encode(), b""))
            if hash_of(part / name) == hash:
                with contextlib.suppress(OSError):  # another process has brought it meanwhile
                    part.rename(self._folder / hash)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _take(self, model: Model, place: Path) -> None:
        files = {name: (place / name).read_bytes() for name in (CONFIG_FILE, WEIGHTS_FILE)}
        self.check_name(model.name)
        with there():
            if any(given.hash == model.hash for given in self._given().values()):
                raise OrderError("this model is here already, under another name: use that one")
            self._redis.hset(_FILES + model.hash, mapping=files)
            if not self._redis.hsetnx(_MODELS, model.name, json.dumps(asdict(model))):
                raise OrderError(f"there is a model {model.name!r} already: delete it first, or choose another name")
