"""Training the GAN: hinge loss with R1, averaged weights, and decoding beside them; `livegen.training.run` is a run."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from livegen.engines.gan.layout import PHRASE_BEATS, GanConfig
from livegen.engines.steps import N_STEPS
from livegen.score import N_VOICES
from livegen.training.data.sources import TRAIN, Heard, Listener
from livegen.training.distributed import Group, alone
from livegen.training.gan.copies import N_COPIES, copied_share
from livegen.training.gan.encoder import Encoder, decoding_loss
from livegen.training.gan.figures import A_SONG, compared, drawn_evenly
from livegen.training.gan.network import Discriminator, Generator, Phrase, heard, rotated, to_phrase, to_windows
from livegen.training.gan.phrases import Source, Variation
from livegen.training.profile import phase
from livegen.training.record import describe
from livegen.training.run import RESUME_FILE, Progress, Run, RunSettings, config_of, learn_to_the_end, recorded
from livegen.training.windows import Windows, load_watched, load_windows

_LARGEST_GRADIENT: Final = 5.0
_FREE_NATS: Final = 0.05
_RAMP: Final = 0.03
"""Share of the budget in which the discriminator's weight for the generator rises from 0 to 1, once it is there."""

_JUDGED_RATE: Final = 0.4
"""The learning rate beside the discriminator, and its own, as a share of that of decoding alone."""

_SETTLING: Final = 3.0
_LOWEST_RATE: Final = 0.1
"""The learning rate falls to a tenth in the last third of the budget."""


@dataclass(frozen=True)
class GanSettings(RunSettings):
    """How to train; see `livegen.training.run.RunSettings`. A lane is a phrase.

    Attributes
    ----------
    n_judged : int
        Phrases in a step beside the discriminator: what takes twice as long is done with half as many, but as often.
    judge_width : int
        Channels of the discriminator.
    alone : float
        Share of the budget in which the generator only learns to decode real phrases.
    decoding : float
        Weight of that beside the discriminator; it is done with half as many phrases then.
    divergence : float
        Weight of a nat of the latents' divergence from the prior, beside a nat a step of what is decoded; it rises to
        that in the first half of the time that decoding is learnt alone.
    r1 : float
        Weight of the discriminator's squared gradient at real phrases, which is taken every `r1_every` steps.
    average : float
        How much of the averaged weights stays at each step.
    """

    n_lanes: int = 32
    n_judged: int = 16
    learning_rate: float = 1e-3
    warm_up_steps: int = 50
    precision: str = "float32"
    judge_width: int = 128
    alone: float = 0.4
    decoding: float = 0.5
    divergence: float = 0.003
    r1: float = 0.1
    r1_every: int = 16
    average: float = 0.995

    whole: ClassVar[tuple[str, ...]] = (*RunSettings.whole, "n_judged", "judge_width", "r1_every")


class Networks(nn.Module):
    """All that is trained; the averaged generator is the model."""

    def __init__(self, config: GanConfig, judge_width: int):
        super().__init__()
        self.config = config
        self.generator, self.averaged = Generator(config), Generator(config)
        self.averaged.load_state_dict(self.generator.state_dict())
        self.averaged.requires_grad_(False)
        self.encoder = Encoder(config)
        self.judge = Discriminator(judge_width)


class GanRun(Run):
    """A run of the GAN, on the processor, where its batches are made: they are small."""

    settings: GanSettings
    network: Networks
    same = "seed, phrases a step, those beside the discriminator, its width, and the number of phrases"

    def __init__(self, windows: Windows, config: GanConfig, settings: GanSettings, group: Group):
        torch.manual_seed(settings.seed)
        super().__init__(Networks(config, settings.judge_width), nn.Identity, settings, group, torch.device("cpu"))
        taught = [*self.network.generator.parameters(), *self.network.encoder.parameters()]
        groups = [{"params": taught}, {"params": list(self.network.judge.parameters())}]
        self.optimizer = torch.optim.Adam(groups, settings.learning_rate, (0.5, 0.99))
        self.source = Source(windows, settings.seed)
        self.variation = Variation()
        self.frames_a_step = settings.n_lanes * N_STEPS

    def learn(self) -> tuple[float, float]:
        """Do one step, and return the loss of the discriminator, 2 before it begins, and of decoding."""
        s = self.settings
        torch.manual_seed(self.own_seed())
        warm_up = min((self.step + 1) / s.warm_up_steps, 1.0)
        rate = s.learning_rate * min(warm_up, max(_LOWEST_RATE, _SETTLING * (1.0 - self.done())))
        for group in self.optimizer.param_groups:
            group["lr"] = rate * (1.0 if self.done() < s.alone else _JUDGED_RATE)
        weight = min(max((self.done() - s.alone) / _RAMP, 0.0), 1.0) if s.alone > 0.0 else 1.0
        with phase("batch"):
            real = to_phrase(torch.from_numpy(self.source.batch(self.step, s.n_judged if weight > 0.0 else s.n_lanes)))
        if weight > 0.0:
            of_judge, of_made = self._judged(real, weight)
            of_decoding = self._decoded(_first(real, (s.n_judged + 1) // 2))
            self._descend(of_made + s.decoding * of_decoding)
        else:
            of_judge, of_decoding = 2.0, self._decoded(real)
            self._descend(of_decoding)
        kept = min(s.average, (1.0 + self.step) / (10.0 + self.step))
        with phase("optimiser"), torch.no_grad():
            for average, value in zip(
                self.network.averaged.parameters(), self.network.generator.parameters(), strict=True
            ):
                average.lerp_(value, 1.0 - kept)
        self.step += 1
        return of_judge, float(of_decoding.detach())

    def _descend(self, loss: Tensor) -> None:
        """Do a step of the networks that the loss depends on."""
        with phase("backward"):
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
        with phase("optimiser"):
            nn.utils.clip_grad_norm_(self.network.parameters(), _LARGEST_GRADIENT)
            self.optimizer.step()

    def _judged(self, real: Phrase, weight: float) -> tuple[float, Tensor]:
        """Teach the discriminator, and return its loss, and the generator's for what it made."""
        n, judge = self.settings.n_judged, self.network.judge
        made = rotated(self.network.generator(*latents(n, self.network.config)), torch.randint(0, PHRASE_BEATS, (n,)))
        of_judge = self._teach(real, made)
        judge.requires_grad_(False)
        loss = -weight * judge(heard(self.variation.vary(made))).mean()
        judge.requires_grad_(True)
        return of_judge, loss

    def _teach(self, real: Phrase, made: Phrase) -> float:
        s, judge = self.settings, self.network.judge
        with torch.no_grad():
            of_made, of_real = heard(self.variation.vary(made)), heard(self.variation.vary(real))
        is_watched = self.step % s.r1_every == 0
        for part in of_real if is_watched else ():
            part.requires_grad_()
        scores = judge(of_real)
        loss = total = functional.relu(1.0 - scores).mean() + functional.relu(1.0 + judge(of_made)).mean()
        if is_watched:
            slopes = torch.autograd.grad(scores.sum(), of_real, create_graph=True)
            steepness = torch.stack([(slope**2).sum() for slope in slopes]).sum() / len(scores)
            total = loss + 0.5 * s.r1 * s.r1_every * steepness
        self._descend(total)
        self.variation.hear(scores[:, -1])
        return float(loss.detach())

    def _decoded(self, real: Phrase) -> Tensor:
        places = self.network.encoder(real)
        shared, own = places.drawn()
        loss = decoding_loss(self.network.generator.scores(shared[:, None], own[:, None]), real)
        s = self.settings
        weight = s.divergence * min(2.0 * self.done() / s.alone, 1.0) if s.alone > 0.0 else s.divergence
        return loss + weight * places.divergence(_FREE_NATS)

    def make(self, n: int, seed: int) -> NDArray[np.uint8]:
        """Return phrases that the averaged weights make, uint8 (n, 96, 4, 3), in C major or A minor."""
        return make(self.network.averaged, n, seed)

    def weights(self) -> dict[str, Tensor]:
        """Return the averaged weights."""
        return self.network.averaged.state_dict()

    def more(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return how phrases are varied."""
        return {}, {"variation": [self.variation.share, self.variation.sureness]}

    def take(self, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
        """Go on with how phrases were varied."""
        self.variation.share, self.variation.sureness = about["variation"]

    def unchangeable(self) -> list[int | str]:
        """Return the settings that a resumed run must share with the run that it goes on with."""
        s = self.settings
        return [s.seed, s.n_lanes, s.n_judged, s.judge_width, len(self.source.windows)]


def latents(n: int, config: GanConfig, random: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Return latents drawn at random, (n, n_shared) and (n, 4, n_own)."""
    shared = torch.randn(n, config.n_shared, generator=random)
    return shared, torch.randn(n, N_VOICES, config.n_own, generator=random)


def make(generator: Generator, n: int, seed: int) -> NDArray[np.uint8]:
    """Return phrases that a generator makes of random latents, uint8 (n, 96, 4, 3)."""
    random, sizes = torch.Generator().manual_seed(seed), [min(64, n - i) for i in range(0, n, 64)]
    with torch.no_grad():
        return torch.cat([to_windows(generator(*latents(k, generator.config, random))) for k in sizes]).numpy()


def _first(phrase: Phrase, n: int) -> Phrase:
    return Phrase([x[:n] for x in phrase.notes], phrase.volumes[:n], [x[:n] for x in phrase.timbres])


def train_gan(
    data: Path,
    out: Path,
    *,
    config: GanConfig | None = None,
    settings: GanSettings | None = None,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
    listener: Listener | None = None,
    is_strict: bool = False,
) -> Progress:
    """Train a GAN.

    Parameters
    ----------
    data : Path
        Songs, as `livegen.training.windows.load_windows` takes them. If there is a split "valid", the run is measured
        on it at checkpoints.
    out : Path
        The model's folder, as `livegen.training.train.train` has it. The run's record says, when it has ended, how the
        phrases that it makes measure and how many are copies.
    config : GanConfig, optional
        By default that of the run to resume, or `GanConfig`'s own sizes.
    resume : bool
        Go on with the run in `out`; its budget goes on, too.
    progress : callable, optional
        Called after every step.
    listener : Listener, optional
        Is told how reading goes.
    is_strict : bool
        As `livegen.training.data.sources.load_songs` has it.

    Raises
    ------
    TrainingError
        If the data, the settings or the run to resume cannot be used, or the loss is no longer finite.
    """
    group = alone("a GAN")
    heard_of = Heard(listener)
    if resume:
        config = config_of(out, GanConfig, "gan")
    windows = load_windows(data, TRAIN, heard_of, is_strict=is_strict)
    watched = load_watched(data, heard_of, is_strict=is_strict)
    settings = settings or GanSettings()
    run = GanRun(windows, config or GanConfig(), settings, group)
    if resume:
        run.resume(out / RESUME_FILE)
    about = {"kind": "gan"} | asdict(run.network.config)
    of_data = describe(data, windows, watched, heard_of.warnings)
    with recorded(out, run, about, of_data, start_from=None) as record:
        judged = None if watched is None else Watched(watched, settings.seed)

        def measure() -> float:
            assert judged is not None
            record.tell(judged.figures(run.make))
            return judged.decoding(run)

        report = learn_to_the_end(run, out, None if judged is None else measure, record, progress)
        made = run.make(N_COPIES, settings.seed)
        record.tell({"copies": copied_share(made, run.source.in_one_key(np.arange(len(windows))))})
        return report


class Watched:
    """Valid phrases, a few of each song, and how what is made compares with them."""

    def __init__(self, windows: Windows, seed: int) -> None:
        which = drawn_evenly(windows.songs_of(np.arange(len(windows))), A_SONG)
        self._seed = seed
        self._real = Source(windows, seed).in_one_key(which)
        self._songs = windows.songs_of(which)

    def figures(self, make_some: Callable[[int, int], NDArray[np.uint8]]) -> dict[str, float]:
        """Return how as many phrases as are made compare with them."""
        return compared(make_some(len(self._real), self._seed), self._real, self._songs)

    def decoding(self, run: GanRun) -> float:
        """Return the loss of decoding the phrases from where they lie."""
        real = to_phrase(torch.from_numpy(self._real))
        with torch.no_grad():
            places = run.network.encoder(real)
            scores = run.network.generator.scores(places.shared[:, None], places.own[:, None])
            return float(decoding_loss(scores, real))
