"""Model folders: `config.toml` says what a model is, `weights.safetensors` has its arrays.

The configuration names the kind of model; what else it says is that kind's own.

Nothing in a folder is ever run: weights that are no safetensors file are refused, above all pickles.
"""

import tomllib
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from livegen.controls import SAME
from livegen.engines.cast import Cast
from livegen.engines.ensemble import assemble, models_of
from livegen.engines.gan.engine import GanEngine
from livegen.engines.gan.layout import GanConfig
from livegen.engines.lstm.lstm import LstmConfig, LstmEngine
from livegen.engines.protocol import Conducts, Engine
from livegen.engines.rest import REST, RestConfig, RestEngine
from livegen.engines.tonnetz.config import TonnetzConfig
from livegen.engines.tonnetz.engine import TonnetzEngine
from livegen.engines.transformer.config import TransformerConfig
from livegen.engines.transformer.engine import TransformerEngine
from livegen.engines.vae.config import VaeConfig
from livegen.engines.vae.vae import VaeEngine
from livegen.errors import CheckpointError
from livegen.score import Voice
from livegen.system.resources import model_folder, models_folder

CONFIG_FILE: Final = "config.toml"
WEIGHTS_FILE: Final = "weights.safetensors"

CONDUCTOR: Final = "tonnetz"
"""The model that comes with livegen and tells chords beside any other."""

VERSION: Final = 1
"""Version of the layout of a model folder. A folder that names no version has version 1."""


class Config(Protocol):
    """What a kind of model says of itself in `config.toml`, beside its kind."""

    @property
    def voices(self) -> tuple[Voice, ...]:
        """The voices that it hears and plays."""
        ...

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Return what the file says; raises CheckpointError."""
        ...

    def to_lines(self) -> list[str]:
        """Return the lines of TOML that say it, as `from_table` reads them."""
        ...

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of every array of the weights."""
        ...


Build = Callable[[str, Any, Mapping[str, NDArray]], Engine]
"""Makes an engine of the name of its folder, its configuration, and its arrays."""

_KINDS: Final[dict[str, tuple[type[Config], Build]]] = {
    "lstm": (LstmConfig, LstmEngine.from_arrays),
    "vae": (VaeConfig, VaeEngine.from_arrays),
    "gan": (GanConfig, GanEngine.from_arrays),
    "tonnetz": (TonnetzConfig, TonnetzEngine.from_arrays),
    "transformer": (TransformerConfig, TransformerEngine.from_arrays),
    REST: (RestConfig, RestEngine.from_arrays),
}
_DTYPES: Final = ("F16", "F32")
_LARGEST_WEIGHT: Final = 1e4
_MAX_CONFIG_BYTES: Final = 1 << 16


def load_engine(folder: Path) -> Engine:
    """Load the model of a folder.

    Raises
    ------
    CheckpointError
        If the folder or a file of it is missing or damaged, or the weights do not fit the configuration.
    """
    kind, config = read_config(folder)
    _, build = _KINDS[kind]
    return build(folder.resolve().name, config, read_weights(folder, config.shapes()))


def load_cast(cast: Cast) -> Engine:
    """Load the models of a cast, and return the engine that plays them together.

    Parameters
    ----------
    cast : Cast
        Each model by its name or its folder.

    Raises
    ------
    CheckpointError
        If one of them is missing or damaged, or two of them have the same name.
    """
    folders = {text: model_folder(text).resolve() for text in cast.models}
    models: dict[str, Engine] = {}
    for folder in dict.fromkeys(folders.values()):
        if folder.name in models:
            raise CheckpointError(f"two models are called {folder.name!r}: rename one of their folders")
        models[folder.name] = load_engine(folder)
    named = (own if own == SAME else folders[own].name for own in cast.of_voice)
    return assemble(Cast(folders[cast.model].name, tuple(named)), models)


def load_conductor(engine: Engine) -> Conducts | None:
    """Return who tells chords beside an engine: a model of its own that does, or else `CONDUCTOR`.

    None where that one is not there: then no model's chord leads.

    Raises
    ------
    CheckpointError
        If it is damaged.
    """
    own = next((model for model in models_of(engine).values() if isinstance(model, Conducts)), None)
    return own or _shipped_conductor(models_folder() / CONDUCTOR)


@lru_cache(maxsize=1)
def _shipped_conductor(folder: Path) -> Conducts | None:
    engine = load_engine(folder) if folder.is_dir() else None
    return engine if isinstance(engine, Conducts) else None


def read_config(folder: Path) -> tuple[str, Config]:
    """Return the kind of model that a folder holds, and its configuration; raises CheckpointError."""
    path, table = folder / CONFIG_FILE, _read_table(folder)
    version = table.get("version", VERSION)
    if type(version) is not int or version != VERSION:
        raise CheckpointError(
            f"{path} is of version {version!r}, and this livegen reads version {VERSION}: update livegen, "
            "or train the model again"
        )
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise CheckpointError(f"{path} has the kind {kind!r}: allowed is {' or '.join(_KINDS)}")
    config, _ = _KINDS[kind]
    try:
        return kind, config.from_table(table)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error


def _read_table(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG_FILE
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise CheckpointError(f"{path} is no model's configuration: it has more than {_MAX_CONFIG_BYTES} bytes")
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CheckpointError(f"there is no model in {folder}: cannot read its {CONFIG_FILE} ({error})") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is no TOML: {error}") from error


def read_about(folder: Path) -> str:
    """Return what a model is for, in a few words, as its `config.toml` says it; empty if it does not."""
    about = _read_table(folder).get("about", "")
    return about if isinstance(about, str) else ""


def write_config(folder: Path, config: Config) -> None:
    """Write the `config.toml` of a model."""
    kind = next(kind for kind, (of_kind, _) in _KINDS.items() if isinstance(config, of_kind))
    lines = [f"version = {VERSION}", f'kind = "{kind}"', *config.to_lines()]
    (folder / CONFIG_FILE).write_text("\n".join(lines) + "\n", "utf-8")


def read_weights(folder: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    """Return the arrays of a model's weights.

    Raises
    ------
    CheckpointError
        If their names or shapes are not those of `shapes`, or a number is not finite or is too large.
    """
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise CheckpointError(f"the model in {folder} has no {WEIGHTS_FILE}: fetch it again, or train it")
    try:
        with safe_open(path, "np") as file:
            names = set(file.keys())
            odd = sorted(names ^ set(shapes))
            if odd:
                raise CheckpointError(
                    f"{path} {'has an unknown' if odd[0] in names else 'lacks the'} array {odd[0]!r}: "
                    f"it does not fit its {CONFIG_FILE}"
                )
            for name, shape in shapes.items():
                view = file.get_slice(name)
                if tuple(view.get_shape()) != shape or view.get_dtype() not in _DTYPES:
                    raise CheckpointError(
                        f"{path}: the array {name!r} is {view.get_dtype()} {tuple(view.get_shape())}, "
                        f"and by its {CONFIG_FILE} must be {' or '.join(_DTYPES)} {shape}"
                    )
            arrays = {name: file.get_tensor(name).astype(np.float32) for name in shapes}
    except (SafetensorError, OSError, ValueError, MemoryError) as error:
        what = "is a pickle, which livegen never loads" if _is_pickle(path) else "is no safetensors file or is damaged"
        raise CheckpointError(f"{path} {what}: {error}") from error
    for name, array in arrays.items():
        if not (np.abs(array) <= _LARGEST_WEIGHT).all():  # false for NaN too
            raise CheckpointError(
                f"{path}: the array {name!r} has values that no trained network has: allowed is a finite number "
                f"within +-{_LARGEST_WEIGHT:g}"
            )
    return arrays


def _is_pickle(path: Path) -> bool:
    """Tell whether a file begins as a pickle does, or as torch's archive of pickles."""
    try:
        with path.open("rb") as file:
            first = file.read(4)
    except OSError:
        return False
    return first == b"PK\x03\x04" or (first[:1] == b"\x80" and first[1:2] in b"\x02\x03\x04\x05")
