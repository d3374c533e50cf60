"""The models of the service: livegen's own, and in a folder those that it was given.

A model that was given lies in ``HASH/NAME/``, so that a name that is given away again never plays for another model.
"""

import hashlib
import shutil
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from livegen.engines.checkpoint import CONFIG_FILE, WEIGHTS_FILE, read_about, read_config
from livegen.errors import CheckpointError, OrderError, QueueError
from livegen.serve.shelf.check import check_model
from livegen.system.resources import models_folder, shipped_models

MAX_MODELS: Final = 32
"""How many models may be given to the service."""

MODEL_BYTES_MAX: Final = 64 << 20

_INCOMING: Final = "incoming"


@dataclass(frozen=True, slots=True)
class Model:
    """A model on the shelf.

    Attributes
    ----------
    name, kind, about : str
    voices : tuple of str
        Those that it plays, such as ``"p1"``.
    hash : str
        See `hash_of`.
    n_bytes : int
        Size of its weights.
    is_own : bool
        Whether livegen ships it.
    """

    name: str
    kind: str
    about: str
    voices: tuple[str, ...]
    hash: str
    n_bytes: int
    is_own: bool


def hash_of(folder: Path) -> str:
    """Return the hash of a model's two files, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        content = (folder / name).read_bytes()
        digest.update(len(content).to_bytes(8, "little") + content)
    return digest.hexdigest()


def describe(folder: Path, *, is_own: bool) -> Model:
    """Return what a folder says of its model; raises CheckpointError."""
    kind, config = read_config(folder)
    voices = tuple(voice.name.lower() for voice in config.voices)
    n_bytes = (folder / WEIGHTS_FILE).stat().st_size
    return Model(folder.name, kind, read_about(folder), voices, hash_of(folder), n_bytes, is_own)


class Shelf:
    """The models of a service whose workers share a folder with it.

    Parameters
    ----------
    folder : Path
        Of the models that it is given.
    own : sequence of str, optional
        Names of those of livegen's own models that it has, else all.

    Raises
    ------
    CheckpointError
        If livegen has no model of such a name.
    QueueError
        If the folder cannot be made.
    """

    def __init__(self, folder: Path, own: Sequence[str] | None = None) -> None:
        there = shipped_models()
        for name in own or ():
            if name not in there:
                raise CheckpointError(f"there is no model {name!r}: there is {', '.join(there)}")
        self._folder = folder
        self._taking = threading.Lock()
        self._own = {name: _describe_own(name) for name in (there if own is None else own)}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise QueueError(f"{folder} cannot be used ({error.strerror}): give another one with --folder") from error

    def models(self) -> Mapping[str, Model]:
        """Return all models by their names."""
        return {**self._given(), **self._own}

    def own(self) -> Mapping[str, Model]:
        """Return livegen's own by their names."""
        return self._own

    def folder_of(self, name: str, hash: str) -> Path:
        """Return the folder of a model; raises CheckpointError if it is gone, or another one has its name now."""
        if name in self._own and self._own[name].hash == hash:
            return models_folder() / name
        if not self._has(name, hash):
            raise CheckpointError(f"the model {name!r} is gone, or another one has its name now: ask anew")
        return self._folder / hash / name

    def add(self, name: str, config: bytes, weights: Path) -> Model:
        """Check a model in a process of its own, and take it.

        Parameters
        ----------
        name : str
        config : bytes
            Its `config.toml`.
        weights : Path
            A safetensors file, which is moved.

        Raises
        ------
        OrderError
            If the name is taken, or there is no room for another model.
        CheckpointError
            If it is no model that could play; nothing is left of it then.
        """
        with self._incoming() as folder:
            place = folder / name
            place.mkdir()
            (place / CONFIG_FILE).write_bytes(config)
            shutil.move(weights, place / WEIGHTS_FILE)
            check_model(place)
            model = describe(place, is_own=False)
            with self._taking:
                self._take(model, place)
        return model

    def check_name(self, name: str) -> None:
        """Raise OrderError if a model of this name cannot be taken."""
        there = self.models()
        if name in there:
            raise OrderError(f"there is a model {name!r} already: delete it first, or choose another name")
        if len(there) - len(self._own) >= MAX_MODELS:
            raise OrderError(f"there are {MAX_MODELS} models already, the most there can be: delete one")

    def remove(self, name: str) -> bool:
        """Delete a model that was given, and tell whether there was one; raises OrderError for livegen's own."""
        if name in self._own:
            raise OrderError(f"the model {name!r} is livegen's own: it stays")
        folders = list(self._folder.glob(f"*/{name}"))
        for folder in folders:
            shutil.rmtree(folder.parent, ignore_errors=True)
        return bool(folders)

    def _has(self, name: str, hash: str) -> bool:
        return (self._folder / hash / name / WEIGHTS_FILE).is_file()

    def _given(self) -> Mapping[str, Model]:
        folders = (folder for folder in self._folder.glob("*/*") if folder.parent.name != _INCOMING)
        return {folder.name: _describe_given(folder) for folder in sorted(folders)}

    def _take(self, model: Model, place: Path) -> None:
        """Put a checked model on the shelf, under its hash."""
        self.check_name(model.name)
        target = self._folder / model.hash
        (place.parent / "whole").mkdir()
        place.rename(place.parent / "whole" / model.name)
        try:
            (place.parent / "whole").rename(target)
        except OSError as error:  # the same files have another name already
            raise OrderError("this model is here already, under another name: use that one") from error

    @contextmanager
    def _incoming(self) -> Iterator[Path]:
        folder = self._folder / _INCOMING / uuid.uuid4().hex
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@lru_cache
def _describe_own(name: str) -> Model:
    return describe(models_folder() / name, is_own=True)


@lru_cache(maxsize=4 * MAX_MODELS)
def _describe_given(folder: Path) -> Model:
    """Describe a model that lies under its hash, and so never changes."""
    return describe(folder, is_own=False)
