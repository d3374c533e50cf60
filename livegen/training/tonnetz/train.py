"""Training the Tonnetz: first to tell slices again, then to tell the next; `livegen.training.run` is a run."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from livegen.engines.checkpoint import write_config
from livegen.engines.tonnetz.config import N_RECENT, TonnetzConfig
from livegen.engines.tonnetz.lattice import N_PITCHES
from livegen.training.data.sources import TRAIN, Heard, Listener
from livegen.training.distributed import Group, alone
from livegen.training.profile import phase
from livegen.training.run import RESUME_FILE, Progress, Run, RunSettings, config_of, learn_to_the_end, recorded
from livegen.training.tonnetz.figures import best_threshold, mean_nll
from livegen.training.tonnetz.network import Network
from livegen.training.tonnetz.slices import SILENT, Slices
from livegen.training.windows import load_watched, load_windows

LEARNT: Final = N_RECENT
"""Slices of a lane of which the network learns what comes next. It has heard as many before them."""

_PATIENCE: Final = 5
"""Epochs without gain after which a run ends."""

_MOST_WEIGHT: Final = 16.0
"""A pitch that sounds weighs more by the root of how much rarer that is than its silence, up to this."""

_KEYS: Final = 12


@dataclass(frozen=True)
class TonnetzSettings(RunSettings):
    """How to train; see `livegen.training.run.RunSettings`. A lane is 16 slices of a song, and as many before them.

    Attributes
    ----------
    again_steps : int
        Steps in which the network only learns to tell slices again.
    """

    learning_rate: float = 4e-3
    warm_up_steps: int = 50
    precision: str = "float32"
    checkpoint_minutes: float = 3.0
    again_steps: int = 500

    whole: ClassVar[tuple[str, ...]] = (*RunSettings.whole, "again_steps")


class TonnetzRun(Run):
    """A run of the Tonnetz, on the processor: it is small."""

    settings: TonnetzSettings
    network: Network
    same = "seed, lanes, steps of telling again, beats a slice and the number of slices"

    def __init__(
        self, slices: Slices, watched: Slices | None, config: TonnetzConfig, settings: TonnetzSettings, group: Group
    ):
        torch.manual_seed(settings.seed)
        super().__init__(Network(config), nn.Identity, settings, group, torch.device("cpu"))
        self._slices, self._watched = slices, watched
        self.network.weights.copy_(torch.from_numpy(_weights_of(slices.pitches)))
        self.frames_a_step = settings.n_lanes * LEARNT
        self._epoch = max(len(slices) // self.frames_a_step, 1)
        self._best: dict[str, Tensor] = {}
        self._lowest, self._stale = np.inf, 0

    def done(self) -> float:
        """Return the share of the budget that is used up, 0..1: all of it after 5 epochs without gain."""
        return 1.0 if self._stale >= _PATIENCE else super().done()

    def learn(self) -> tuple[float, float]:
        """Do one step, and return its loss and the cross-entropy of slices, in nats a slice."""
        with phase("batch"):
            generator = np.random.default_rng(self.own_seed())
            which = generator.integers(0, len(self._slices), self.settings.n_lanes)
            lanes, (lengths, followed) = self._slices.up_to(which, SILENT + 1), self._slices.recalled(which, LEARNT)
            together = np.concatenate([lanes, followed.reshape(len(lanes), -1, N_PITCHES)], 1)
            moved = torch.from_numpy(in_another_key(together, generator).astype(np.float32))
            x, came = moved[:, : SILENT + 1], moved[:, SILENT + 1 :].unflatten(1, (LEARNT, -1))
        self.network.train()
        if self.step < self.settings.again_steps:
            return self._tell_again(x[:, -LEARNT:])
        told, pitches = self._foretold(x), x[:, -LEARNT:]
        logits = self.network.decode(told) + self.network.sounding_again(x[:, :-1], LEARNT)
        logits = self.network.recall(logits, torch.from_numpy(lengths), came)
        loss = self.network.nll(logits, pitches).mean()
        self.descend(loss)
        if self.step % self._epoch == 0:
            self._end_epoch()
        return float(loss.detach()), float(loss.detach())

    def _tell_again(self, slices: Tensor) -> tuple[float, float]:
        logits = self.network.decode(self.network.encode(slices))
        loss = self.network.differs(logits, slices).mean()
        self.descend(loss)
        return float(loss.detach()), float(self.network.nll(logits, slices).detach().mean())

    def _foretold(self, x: Tensor) -> Tensor:
        """Return what the last 16 slices of lanes are told by, before they are heard: (B, 16, n_latent)."""
        with torch.no_grad():  # the encoder stays as it has learnt to tell slices again
            latents = self.network.encode(x[:, :-1])
            _, state = self.network.foretell(latents[:, :-LEARNT])
        return self.network.foretell(latents[:, -LEARNT:], state)[0]

    def _end_epoch(self) -> None:
        if self._watched is None:
            return
        with phase("measuring"):
            nll = mean_nll(self.network, self._watched)
        self._stale = 0 if nll < self._lowest else self._stale + 1
        if self._stale == 0:
            self._lowest = nll
            self._best = {name: value.detach().clone() for name, value in self.network.state_dict().items()}

    def weights(self) -> dict[str, Tensor]:
        """Return the arrays as they are, or those of the epoch that was best where the last one was no gain."""
        return self._best if self._stale else self.network.state_dict()

    def more(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return the best arrays, and how long ago that was."""
        best = {f"best.{name}": value for name, value in self._best.items()}
        return best, {"lowest": self._lowest if self._best else None, "stale": self._stale}

    def take(self, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
        """Go on with the best arrays so far."""
        self._best = {name.removeprefix("best."): v for name, v in tensors.items() if name.startswith("best.")}
        self._lowest = np.inf if about["lowest"] is None else about["lowest"]
        self._stale = about["stale"]

    def unchangeable(self) -> list[int | str]:
        """Return the settings that a resumed run must share with the run that it goes on with."""
        s = self.settings
        return [s.seed, s.n_lanes, s.again_steps, str(self.network.config.beats_a_slice), len(self._slices)]


def in_another_key(slices: NDArray[np.bool_], generator: np.random.Generator) -> NDArray[np.bool_]:
    """Return lanes, (B, T, 96), each moved by 5 semitones down to 6 up, without what leaves the lattice."""
    shifts = generator.integers(-_KEYS // 2 + 1, _KEYS // 2 + 1, len(slices))
    moved = np.zeros_like(slices)
    for lane, shift in enumerate(shifts.tolist()):
        begin, end = max(shift, 0), N_PITCHES + min(shift, 0)
        moved[lane, :, begin:end] = slices[lane, :, begin - shift : end - shift]
    return moved


def _weights_of(pitches: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return how much each pitch weighs where it sounds, (96,): all keys of songs are learnt, so over an octave."""
    share = np.convolve(pitches.mean(0), np.full(_KEYS, 1.0 / _KEYS), "same")
    return np.clip(np.sqrt((1.0 - share) / np.maximum(share, 1e-6)), 1.0, _MOST_WEIGHT).astype(np.float32)


def train_tonnetz(
    data: Path,
    out: Path,
    *,
    config: TonnetzConfig | None = None,
    settings: TonnetzSettings | None = None,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
    listener: Listener | None = None,
    is_strict: bool = False,
) -> Progress:
    """Train a Tonnetz; see `livegen.training.gan.train.train_gan`, whose parameters these are.

    Figures are in nats a slice. A run ends before its budget does after 5 epochs without gain on the valid split.

    Raises
    ------
    TrainingError
        If the data, the settings or the run to resume cannot be used, or the loss is no longer finite.
    """
    group, heard = alone("a Tonnetz"), Heard(listener)
    config = config or (config_of(out, TonnetzConfig, "tonnetz") if resume else TonnetzConfig())
    windows = load_windows(data, TRAIN, heard, is_strict=is_strict)
    slices = Slices.of(windows, config.slice_steps)
    of_valid = load_watched(data, heard, is_strict=is_strict)
    watched = None if of_valid is None else Slices.of(of_valid, config.slice_steps)
    run = TonnetzRun(slices, watched, config, settings or TonnetzSettings(), group)
    if resume:
        run.resume(out / RESUME_FILE)
    of_data = {
        "path": str(data.resolve()),
        **{
            split: {"slices": len(found), "sha256": found.digest()}
            for split, found in (("train", slices), ("valid", watched))
            if found is not None
        },
        "left_out": heard.warnings,
    }
    with recorded(out, run, asdict(config), of_data) as record:
        measure = None if watched is None else lambda: mean_nll(run.network, watched)
        report = learn_to_the_end(run, out, measure, record, progress)
        run.network.load_state_dict(run.weights())
        threshold, f1 = best_threshold(run.network, slices)
        write_config(out, replace(config, threshold=threshold))
        record.tell({"train_pitch_class_f1": f1})
        return report
