"""Training the Transformer; `livegen.training.run` is a run."""

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from livegen.engines.transformer.config import TransformerConfig
from livegen.errors import TrainingError
from livegen.training.data.sources import TRAIN, VALID, Heard, Listener, has_split
from livegen.training.distributed import Group, alone
from livegen.training.profile import phase
from livegen.training.run import RESUME_FILE, Progress, Run, RunSettings, config_of, learn_to_the_end, recorded
from livegen.training.transformer.figures import mean_nll, unigram, word_counts, word_nll
from livegen.training.transformer.lanes import Lanes
from livegen.training.transformer.network import Network
from livegen.training.transformer.optimizer import Muon, adamw_of, matrices_of
from livegen.training.transformer.songs import SongEvents, load_events
from livegen.training.transformer.variation import Variation

_WATCHED_SONGS: Final = 10
_WATCHED_WORDS: Final = 1000
"""Songs on which a run is measured, of all evenly, and how many words of each."""

_LARGEST_GRADIENT: Final = 1.0


class Stage(NamedTuple):
    """A part of a run.

    Attributes
    ----------
    until : float
        Share of the budget at which it ends.
    n_words : int
        Words of a lane.
    n_layers : int
        Layers that learn: the first ones.
    weight : int
        How many times the first stage's words a step has.
    """

    until: float
    n_words: int
    n_layers: int
    weight: int = 1


@dataclass(frozen=True)
class TransformerSettings(RunSettings):
    """How to train; see `livegen.training.run.RunSettings`.

    Attributes
    ----------
    n_lanes : int
        Lanes of the first stage. Later ones have as many as their words a step fill.
    learning_rate : float
        Of AdamW, for all that is no matrix of a layer.
    matrix_rate : float
        Of Muon, for those.
    decay : float
        Share of the budget in which the rates fall, at its end.
    kept : float
        How much of the averaged weights, which are those of the model, stays in a step.
    stages : tuple of Stage
    variation : Variation
    """

    learning_rate: float = 8e-3
    warm_up_steps: int = 30
    precision: str = "float32"
    n_lanes: int = 8
    matrix_rate: float = 0.02
    decay: float = 0.3
    kept: float = 0.97
    stages: tuple[Stage, ...] = (
        Stage(0.62, 256, 2),
        Stage(0.8, 1024, 4, 2),
        Stage(1.0, 2048, 6, 2),
    )
    variation: Variation = field(default_factory=Variation)

    whole: ClassVar[tuple[str, ...]] = RunSettings.whole

    def stage(self, done: float) -> int:
        """Return the stage in which a run is, as far as it is done."""
        return next((i for i, stage in enumerate(self.stages) if done < stage.until), len(self.stages) - 1)


class TransformerRun(Run):
    """A run of the Transformer, by one process, on the processor."""

    settings: TransformerSettings
    network: Network
    same = "seed, lanes, stages and the number of songs"

    def __init__(self, songs: SongEvents, config: TransformerConfig, settings: TransformerSettings, group: Group):
        torch.manual_seed(settings.seed)
        super().__init__(Network(config), nn.Identity, settings, group, torch.device("cpu"))
        self._songs = songs
        matrices = matrices_of(self.network)
        self.optimizer = adamw_of(self.network, settings.learning_rate, settings.weight_decay)
        self._muon = Muon(list(matrices.values()), settings.matrix_rate, settings.weight_decay)
        with torch.no_grad():
            self.network.bias.copy_(torch.from_numpy(np.log(unigram(word_counts(songs)))))
        self.averaged = copy.deepcopy(self.network)
        self._stage = 0
        self._lanes = self._begun(0)

    def _begun(self, n_read: int) -> Lanes:
        """Return lanes of the stage in force, and let its layers learn."""
        s, stage = self.settings, self.settings.stages[self._stage]
        self.network.n_used = min(stage.n_layers, len(self.network.layers))
        n_lanes = max(s.n_lanes * s.stages[0].n_words * stage.weight // stage.n_words, 1)
        self.frames_a_step = n_lanes * stage.n_words
        return Lanes(self._songs, s.variation, s.seed, n_lanes, stage.n_words, n_read)

    def learn(self) -> tuple[float, float]:
        """Do one step, and return its loss, twice, in nats a word."""
        # A run that is given more minutes at its end would be in an earlier stage by its share: it does not go back,
        # where its last layers would stand still.
        stage = max(self._stage, self.settings.stage(self.done()))
        if stage != self._stage:
            self._stage = stage
            self._lanes = self._begun(self._lanes.n_read)
        with phase("batch"):
            batch = self._lanes.read()
        loss = word_nll(self.network, batch).mean()
        self.descend(loss)
        return float(loss.detach()), float(loss.detach())

    def descend(self, loss: Tensor) -> None:
        """Do a step of both optimizers, and of the averaged weights."""
        share = self._rate()
        with phase("backward"):
            self.optimizer.zero_grad()
            self._muon.zero_grad()
            loss.backward()
        with phase("optimiser"):
            self._update(share)

    def _update(self, share: float) -> None:
        """Change the weights by their gradients, and the averaged ones by these."""
        s = self.settings
        nn.utils.clip_grad_norm_(self.network.parameters(), _LARGEST_GRADIENT)
        for optimizer, rate in ((self.optimizer, s.learning_rate), (self._muon, s.matrix_rate)):
            for group in optimizer.param_groups:
                group["lr"] = rate * share
            optimizer.step()
        self.step += 1
        kept = min(s.kept, self.step / (self.step + 10.0))
        with torch.no_grad():
            for average, value in zip(self.averaged.parameters(), self.network.parameters(), strict=True):
                average.lerp_(value, 1.0 - kept)

    def _rate(self) -> float:
        s = self.settings
        warm_up = min((self.step + 1) / s.warm_up_steps, 1.0)
        return warm_up * min((1.0 - self.done()) / max(s.decay, 1e-9), 1.0)

    def weights(self) -> dict[str, Tensor]:
        """Return the averaged weights."""
        return self.averaged.state_dict()

    def more(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return the averaged weights, Muon's momentum, and where the lanes are."""
        tensors = {f"averaged.{name}": value for name, value in self.averaged.state_dict().items()}
        for name, matrix in matrices_of(self.network).items():
            tensors |= {f"momentum.{name}": value for value in self._muon.state[matrix].values()}
        return tensors, {"stage": self._stage, "places": self._lanes.places()}

    def take(self, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
        """Go on with what `more` has given."""
        self.averaged.load_state_dict({name: tensors[f"averaged.{name}"] for name in self.averaged.state_dict()})
        for name, matrix in matrices_of(self.network).items():
            if f"momentum.{name}" in tensors:  # a layer that has not learnt yet has none
                self._muon.state[matrix] = {"momentum_buffer": tensors[f"momentum.{name}"]}
        self._stage = about["stage"]
        self._lanes = self._begun(0)
        self._lanes.go_to(about["places"])

    def unchangeable(self) -> list[int | str]:
        """Return the settings that a resumed run must share with the run that it goes on with."""
        s = self.settings
        stages = " ".join(f"{stage.n_words}x{stage.n_layers}x{stage.weight}" for stage in s.stages)
        return [s.seed, s.n_lanes, stages, len(self._songs)]


def train_transformer(
    data: Path,
    out: Path,
    *,
    config: TransformerConfig | None = None,
    settings: TransformerSettings | None = None,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
    listener: Listener | None = None,
    is_strict: bool = False,
) -> Progress:
    """Train a Transformer; see `livegen.training.gan.train.train_gan`, whose parameters these are.

    Songs are read by `livegen.training.transformer.songs.load_events`, and figures are in nats a word.

    Raises
    ------
    TrainingError
        If the data, the settings or the run to resume cannot be used, or the loss is no longer finite.
    """
    group, heard = alone("a Transformer"), Heard(listener)
    config = config or (config_of(out, TransformerConfig, "transformer") if resume else TransformerConfig())
    songs = load_events(data, TRAIN, heard, is_strict=is_strict).without_doubles()
    watched = _watched(data, heard, is_strict=is_strict)
    run = TransformerRun(songs, config, settings or TransformerSettings(), group)
    if resume:
        run.resume(out / RESUME_FILE)
    of_data = {
        "path": str(data.resolve()),
        **{
            split: {"songs": len(found), "events": len(found.rows), "sha256": found.digest()}
            for split, found in ((TRAIN, songs), (VALID, watched))
            if found is not None
        },
        "left_out": heard.warnings,
    }
    with recorded(out, run, asdict(config), of_data) as record:
        measure = None if watched is None else lambda: mean_nll(run.averaged, watched, _WATCHED_WORDS)
        return learn_to_the_end(run, out, measure, record, progress)


def _watched(data: Path, listener: Listener, *, is_strict: bool) -> SongEvents | None:
    """Return valid songs to watch a run with; None where there are none, and the listener is told why."""
    if not has_split(data, VALID):
        return None
    try:
        songs = load_events(data, VALID, listener, is_strict=is_strict)
    except TrainingError as error:
        listener.warn(f"the run is not measured as it goes on: {error}")
        return None
    return songs.spread(_WATCHED_SONGS)
