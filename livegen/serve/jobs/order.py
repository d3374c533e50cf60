"""What a client asks for, and its name: the hash of all that the music depends on."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from livegen import __version__
from livegen.controls import CONTROLS, Control, Value, exact_value
from livegen.errors import ControlError, OrderError
from livegen.patch import list_patches
from livegen.units import seconds_to_frame

MAX_SECONDS: Final = 600.0
MAX_PROMPT_BYTES: Final = 1 << 20

NAME: Final = r"^[a-z0-9][a-z0-9_-]{0,31}$"
"""What a model may be called."""

ID: Final = r"^[0-9a-f]{32}$"
"""What a job's id looks like."""

_MAX_SEED: Final = 2**63 - 1
_BASE64: Final = r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_PARTS_OF_REQUEST: Final = ("body", "query", "path")
_MIX: Final = frozenset({"volume", "mute", "metronome"})

SETTABLE: Final[Mapping[str, Control]] = {
    name: control for name, control in CONTROLS.items() if not control.is_action and name.split(".")[-1] not in _MIX
}
"""The controls that an order may set: those that keep a value, but for levels of the mix, which no result holds."""


def _whole(value: object) -> object:
    """Return a whole number for what JSON writes as ``10.0``, which is one, too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_control(name: str, value: object) -> Value:
    """Return the value of a control as it takes effect; raises ControlError."""
    control = SETTABLE.get(name)
    if control is None:
        raise ControlError(f"{name!r} is no control that a render has: the page of the service lists them")
    return exact_value(name, _whole(value) if control.kind == "int" else value)


def _check_controls(controls: dict[str, Any]) -> dict[str, Value]:
    try:
        return {name: _check_control(name, controls[name]) for name in sorted(controls)}
    except ControlError as error:
        raise ValueError(str(error)) from None


def _schema(control: Control) -> dict[str, Any]:
    if control.kind == "bool":
        return {"type": "boolean", "description": control.description}
    if control.kind == "choice":
        return {"type": "string", "enum": list(control.choices), "description": control.description}
    kind = "integer" if control.kind == "int" else "number"
    span = {"minimum": control.minimum, "maximum": control.maximum}
    return {"type": kind, **span, "description": control.description}


_CONTROLS_SCHEMA: Final = {
    "type": "object",
    "properties": {name: _schema(control) for name, control in SETTABLE.items()},
    "additionalProperties": False,
}


def _check_patch(name: str) -> str:
    if name not in list_patches():
        raise ValueError(f"there is no patch {name!r}: there is {', '.join(list_patches())}")
    return name


class Prompt(BaseModel):
    """What a performer plays from the start: a file, as text in base64."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    kind: Literal[".mid", ".npz"] = Field(description="MIDI, or a score as livegen render writes it")
    data: str = Field(
        min_length=4,
        max_length=MAX_PROMPT_BYTES * 4 // 3,
        pattern=_BASE64,
        json_schema_extra={"contentEncoding": "base64"},
    )

    @property
    def content(self) -> bytes:
        """The file."""
        return base64.b64decode(self.data)


class Prediction(BaseModel):
    """What a client asks a model for: the body of ``POST /predictions/NAME``."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    seconds: float = Field(default=30.0, ge=0.1, le=MAX_SECONDS, description="length of the music")
    seed: Annotated[int | None, BeforeValidator(_whole)] = Field(
        default=None, ge=0, le=_MAX_SEED, description="of all draws; drawn for you if left out"
    )
    controls: Annotated[dict[str, Any], AfterValidator(_check_controls), WithJsonSchema(_CONTROLS_SCHEMA)] = Field(
        default_factory=dict
    )
    prompt: Prompt | None = None
    patch: Annotated[
        str,
        AfterValidator(_check_patch),
        WithJsonSchema({"type": "string", "enum": list_patches(), "default": "plain"}),
    ] = "plain"


class Order(BaseModel):
    """A prediction by a certain model: all that a worker needs to know.

    Attributes
    ----------
    model, kind : str
        Name and kind of the model.
    model_hash : str
        Of its files; see `livegen.serve.shelf.shelf.hash_of`.
    prediction : Prediction
        With a seed.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    model: str = Field(pattern=NAME)
    kind: str = Field(max_length=32)
    model_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    prediction: Prediction

    @property
    def n_frames(self) -> int:
        """Length of the music."""
        return max(seconds_to_frame(self.prediction.seconds), 1)

    @property
    def id(self) -> str:
        """The job's id: a hash of engine, model, seed, controls, length, patch and prompt, 32 hexadecimal digits."""
        asked = self.prediction
        parts = {
            "engine": [self.kind, __version__],
            "model": [self.model, self.model_hash],
            "seed": asked.seed,
            "frames": self.n_frames,
            "controls": asked.controls,
            "patch": asked.patch,
            "prompt": None if asked.prompt is None else [asked.prompt.kind, asked.prompt.data],
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def parse_order(text: str | bytes) -> Order:
    """Return the order that `Order.model_dump_json` wrote; raises OrderError if it is none."""
    try:
        order = Order.model_validate_json(text)
    except ValidationError as error:
        raise OrderError(f"this is no order ({sentence_of(error.errors()[0])})") from None
    if order.prediction.seed is None:
        raise OrderError("this is no order: it has no seed")
    return order


def sentence_of(error: Mapping[str, Any]) -> str:
    """Return what is wrong with a body, as pydantic tells it, in one sentence."""
    place = ".".join(str(part) for part in error["loc"] if part not in _PARTS_OF_REQUEST)
    said = re.sub(r"^Value error, ", "", error["msg"])
    return f"{place}: {said}" if place else said
