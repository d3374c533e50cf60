"""Training the VAE: from songs to a model folder, resumable at any checkpoint. `livegen.training.run` is a run."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from livegen.engines.checkpoint import write_config
from livegen.engines.steps import N_STEPS
from livegen.engines.vae.attributes import measure, quantiles_of
from livegen.engines.vae.config import VaeConfig
from livegen.training.data.sources import TRAIN, Heard, Listener
from livegen.training.distributed import Group, device_of_process, joined
from livegen.training.profile import phase
from livegen.training.record import describe
from livegen.training.run import (
    RESUME_FILE,
    Progress,
    Run,
    RunSettings,
    config_of,
    learn_to_the_end,
    recorded,
    settled,
)
from livegen.training.vae.evaluate import gains_of, load_network
from livegen.training.vae.figures import note_nll
from livegen.training.vae.finish import finished
from livegen.training.vae.lesson import Lesson, lesson_of
from livegen.training.vae.network import Network
from livegen.training.windows import Windows, load_watched, load_windows, only_voices

_N_MEASURED: Final = 10_000
"""Train windows by which the named latents are scaled."""


@dataclass(frozen=True)
class VaeSettings(RunSettings):
    """How to train; see `livegen.training.run.RunSettings`. A lane is a window.

    Attributes
    ----------
    kl_weight : float
        How much a nat that the free latents hold weighs against one of the notes: under 1, windows are told more
        exactly, and what is drawn at random is less like music.
    kl_steps : int
        Steps in which that weight rises from 0.
    """

    kl_weight: float = 0.04
    kl_steps: int = 400


class _Run(Run):
    """A run of the VAE."""

    settings: VaeSettings
    network: Network
    same = "seed, windows a step, steps and windows of the data, and processes if several"

    def __init__(self, windows: Windows, config: VaeConfig, settings: VaeSettings, group: Group):
        torch.manual_seed(settings.seed)
        self._lesson = Lesson(Network(config).to(device_of_process()))
        super().__init__(self._lesson.network, lambda _: self._lesson, settings, group)
        self.windows = windows
        self.frames_a_step = settings.n_lanes * N_STEPS
        which = np.random.default_rng(settings.seed).choice(len(windows), min(_N_MEASURED, len(windows)), replace=False)
        measured = measure(windows.take(which), config.latents)
        self.network.quantiles.copy_(torch.from_numpy(quantiles_of(measured)))

    def unchangeable(self) -> list[int | str]:
        """Return the settings that a resumed run must share with the run that it goes on with."""
        s, n_processes = self.settings, self.group.size
        same: list[int | str] = [s.seed, s.n_lanes, len(self.windows.steps), len(self.windows)]
        return same + ([n_processes] if n_processes > 1 else [])

    def more(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Return how far free and named latents are correlated."""
        found = self.group.gather(self._lesson.correlation)
        return {"correlation": torch.stack(found)}, {}

    def take(self, tensors: dict[str, torch.Tensor], about: dict[str, Any]) -> None:
        """Go on with this process's correlations."""
        self._lesson.correlation.copy_(tensors["correlation"][self.group.rank])

    def weights(self) -> dict[str, torch.Tensor]:
        """Return the arrays with the free latents in order."""
        return finished(self.network, self.windows)

    def learn(self) -> tuple[float, float]:
        """Do one step, and return its loss and note NLL, in nats a step of the beat."""
        s, seed = self.settings, self.own_seed()
        torch.manual_seed(seed)
        generator = np.random.default_rng(seed)
        which = generator.integers(0, len(self.windows), s.n_lanes)
        with phase("batch"):
            batch, named = lesson_of(self.windows, which, self.network, generator)
        kl_weight = s.kl_weight * min(self.step / s.kl_steps, 1.0)
        self.network.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=s.precision == "bfloat16"):
            losses = self.lesson(batch, named, kl_weight)
        self.descend(losses.total)
        return float(losses.total.detach()) / N_STEPS, float(losses.note.detach()) / N_STEPS


def train_vae(
    data: Path,
    out: Path,
    *,
    config: VaeConfig | None = None,
    settings: VaeSettings | None = None,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
    listener: Listener | None = None,
    is_strict: bool = False,
) -> Progress:
    """Train a VAE; see `livegen.training.train.train`, whose parameters these are.

    Figures are in nats a step of the beat, of which there are twelve a beat, where the LSTM's are in nats a frame.

    Raises
    ------
    TrainingError
        If the data, the settings or the run to resume cannot be used, or the loss is no longer finite.
    """
    with joined() as group:
        heard = Heard(listener if group.is_first else None)
        config = config or (config_of(out, VaeConfig, "vae") if resume else VaeConfig())
        windows = only_voices(load_windows(data, TRAIN, heard, is_strict=is_strict), config.voices)
        watched = load_watched(data, heard, config.voices, is_strict=is_strict) if group.is_first else None
        settings = settled(settings or VaeSettings(), group)
        run = _Run(windows, config, settings, group)
        if resume:
            run.resume(out / RESUME_FILE)
        if not group.is_first:
            return learn_to_the_end(run, out)
        about = asdict(config) | {"voices": [voice.name.lower() for voice in config.voices]}
        of_data = describe(data, windows, watched, heard.warnings)
        measure_valid = None if watched is None else partial(note_nll, run.network, watched)
        with recorded(out, run, about, of_data) as record:
            report = learn_to_the_end(run, out, measure_valid, record, progress)
            calibrate(out)
            return report


def calibrate(folder: Path) -> None:
    """Measure what each knob of a trained model does, and write down how much further it has to go."""
    network = load_network(folder)
    write_config(folder, replace(network.config, gains=gains_of(network)))
