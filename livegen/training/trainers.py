"""The one table of what can be trained: by kind of model, how, and which options are its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from livegen.engines.config import ALL_VOICES, parse_voices
from livegen.engines.lstm.lstm import SIZES
from livegen.engines.tonnetz.config import TonnetzConfig
from livegen.engines.vae.config import VaeConfig
from livegen.training.data.sources import Listener
from livegen.training.gan.dcgan import DcganSettings, train_dcgan
from livegen.training.gan.train import GanSettings, train_gan
from livegen.training.logged import read_record
from livegen.training.run import Progress, RunSettings
from livegen.training.tonnetz.train import TonnetzSettings, train_tonnetz
from livegen.training.train import Settings
from livegen.training.train import train as train_lstm
from livegen.training.transformer.train import TransformerSettings, train_transformer
from livegen.training.vae.train import VaeSettings, train_vae

ARCHITECTURES: Final = ("loops", "dcgan")
"""Of the GAN: ours, and the baseline."""

_TUNING_RATE: Final = 1e-3
_TUNING_WARM_UP_STEPS: Final = 50

_JAM_ROUNDS: Final = 8
"""As often as the default model has heard its songs."""


@dataclass(frozen=True)
class Order:
    """What is to be trained, as every kind of model takes it.

    Attributes
    ----------
    minutes, steps, seed, learning_rate, n_lanes, precision
        As `livegen.training.run.RunSettings` has them; a rate, lanes or a precision of None are the kind's own, and so
        is the budget if both minutes and steps are None.
    options : mapping
        By name, those options of the kind's own that were given.
    """

    data: Path
    out: Path
    minutes: float | None = None
    steps: int | None = None
    seed: int = 0
    learning_rate: float | None = None
    n_lanes: int | None = None
    precision: str | None = None
    resume: bool = False
    is_strict: bool = False
    progress: Callable[[Progress], None] | None = None
    listener: Listener | None = None
    options: Mapping[str, Any] | None = None

    def option(self, name: str) -> Any:
        """Return an option of the kind's own, None if it was not given."""
        return (self.options or {}).get(name)

    def how(self) -> dict[str, Any]:
        """Return what all trainings are called with beside their settings."""
        return {
            "resume": self.resume,
            "progress": self.progress,
            "listener": self.listener,
            "is_strict": self.is_strict,
        }

    def settings(self, of_kind: RunSettings) -> Any:
        """Return a kind's settings with what the order says of them."""
        names = ("minutes", "learning_rate", "n_lanes", "precision")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return replace(of_kind, steps=self.steps, seed=self.seed, **given)


@dataclass(frozen=True)
class Trainer:
    """How a kind of model is trained.

    Attributes
    ----------
    options : tuple of str
        Names of the options that it takes beside those of an `Order`.
    train : callable
        Trains it.
    """

    options: tuple[str, ...]
    train: Callable[[Order], Progress]


def _train_lstm(order: Order) -> Progress:
    size, voices, leave_out = order.option("size"), order.option("voices"), order.option("leave-out")
    start_from, settings = order.option("from"), Settings()
    config = None  # means the configuration of the run to resume, or of the model to begin with
    if not (order.resume or start_from) or size or voices or leave_out:
        config = replace(
            SIZES[size or "full"],
            voices=parse_voices(voices.split(",")) if voices else ALL_VOICES,
            leaves_out=tuple(leave_out or ()),
        )
    if start_from:
        settings = replace(settings, learning_rate=_TUNING_RATE, warm_up_steps=_TUNING_WARM_UP_STEPS)
    if order.minutes is None and order.steps is None:
        settings = replace(settings, jam_rounds=_JAM_ROUNDS)
    return train_lstm(
        order.data,
        order.out,
        config=config,
        settings=order.settings(settings),
        start_from=start_from,
        made=order.option("made"),
        **order.how(),
    )


def _train_vae(order: Order) -> Progress:
    voices = order.option("voices")
    config = VaeConfig(voices=parse_voices(voices.split(","))) if voices else None
    return train_vae(order.data, order.out, config=config, settings=order.settings(VaeSettings()), **order.how())


def _train_gan(order: Order) -> Progress:
    if order.option("arch") == "dcgan":
        return train_dcgan(order.data, order.out, settings=order.settings(DcganSettings()), **order.how())
    return train_gan(order.data, order.out, settings=order.settings(GanSettings()), **order.how())


def _train_tonnetz(order: Order) -> Progress:
    beats = order.option("beats-a-slice")
    config = TonnetzConfig(beats_a_slice=beats) if beats else None
    return train_tonnetz(
        order.data, order.out, config=config, settings=order.settings(TonnetzSettings()), **order.how()
    )


def _train_transformer(order: Order) -> Progress:
    return train_transformer(order.data, order.out, settings=order.settings(TransformerSettings()), **order.how())


TRAINERS: Final[Mapping[str, Trainer]] = {
    "lstm": Trainer(("size", "voices", "leave-out", "from", "made"), _train_lstm),
    "vae": Trainer(("voices",), _train_vae),
    "gan": Trainer(("arch",), _train_gan),
    "tonnetz": Trainer(("beats-a-slice",), _train_tonnetz),
    "transformer": Trainer((), _train_transformer),
}


def copied_share_of(out: Path) -> float | None:
    """Return the share of copies among what a model makes, as its run has counted them; None where it counts none."""
    share = read_record(out).get("figures", {}).get("copies")
    return float(share) if isinstance(share, int | float) else None
