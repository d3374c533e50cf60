"""The baseline: the seed's convolutional GAN on matrices of notes (Radford, Metz and Chintala, ICLR 2016).

It takes a score for a grey picture. Silence is its black, and a voice that plays low is nearly black: what lies between
is no note, and a voice of which the generator is unsure plays a note in the middle. It is trained to be compared with,
and is no engine: what it makes is written as matrices.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from livegen.errors import TrainingError
from livegen.score import NOTE_RANGE, Voice
from livegen.training.data.sources import TRAIN, Heard, Listener, load_songs
from livegen.training.distributed import Group, alone
from livegen.training.gan.matrices import SIZE, excerpts_of, fitted, from_matrices, to_matrices, write_matrices
from livegen.training.profile import phase
from livegen.training.record import describe
from livegen.training.run import RESUME_FILE, Progress, Run, RunSettings, learn_to_the_end, recorded

SAMPLES_FILE: Final = "samples.npz"
N_SAMPLES: Final = 512
_HIGHEST: Final = NOTE_RANGE[Voice.P1][1]
_N_LATENT: Final = 100
_SPREAD: Final = 0.02


@dataclass(frozen=True)
class DcganSettings(RunSettings):
    """How to train; see `livegen.training.run.RunSettings`. A lane is a matrix.

    Attributes
    ----------
    width : int
        Channels next to the picture; twice and four times as many follow.
    """

    n_lanes: int = 32
    learning_rate: float = 2e-4
    precision: str = "float32"
    width: int = 64

    whole: ClassVar[tuple[str, ...]] = (*RunSettings.whole, "width")


class Networks(nn.Module):
    """Generator and discriminator, as the paper has them, for pictures of 32 by 32."""

    def __init__(self, width: int):
        super().__init__()
        self.generator = nn.Sequential(
            nn.ConvTranspose2d(_N_LATENT, 4 * width, 4, bias=False),
            nn.BatchNorm2d(4 * width),
            nn.ReLU(),
            nn.ConvTranspose2d(4 * width, 2 * width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ConvTranspose2d(width, 1, 4, 2, 1),
            nn.Tanh(),
        )
        self.judge = nn.Sequential(
            nn.Conv2d(1, width, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 4 * width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(4 * width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(4 * width, 1, 4),
            nn.Flatten(),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(layer.weight, 0.0, _SPREAD)


class DcganRun(Run):
    """A run of the baseline, on the processor as the GAN's."""

    settings: DcganSettings
    network: Networks
    same = "kind, seed, matrices a step, width and number of matrices"

    def __init__(self, matrices: NDArray[np.uint8], settings: DcganSettings, group: Group):
        torch.manual_seed(settings.seed)
        super().__init__(Networks(settings.width), nn.Identity, settings, group, torch.device("cpu"))
        self.optimizer = torch.optim.Adam(self.network.parameters(), settings.learning_rate, (0.5, 0.999))
        self.matrices = matrices
        self.frames_a_step = settings.n_lanes * SIZE * SIZE // 4

    def write_config(self, out: Path) -> None:
        """Write none: it is no engine that could be loaded."""

    def learn(self) -> tuple[float, float]:
        """Do one step, and return the losses of the discriminator and of the generator."""
        n, judge = self.settings.n_lanes, self.network.judge
        torch.manual_seed(self.own_seed())
        with phase("batch"):
            which = np.random.default_rng([self.settings.seed, self.step]).integers(0, len(self.matrices), n)
            real = torch.from_numpy(self.matrices[which]).float()[:, None] * (2.0 / _HIGHEST) - 1.0
        made = self.network.generator(torch.randn(n, _N_LATENT, 1, 1))
        of_judge = _loss(judge(real), 1.0) + _loss(judge(made.detach()), 0.0)
        self._descend(of_judge)
        judge.requires_grad_(False)
        of_made = _loss(judge(made), 1.0)
        judge.requires_grad_(True)
        self._descend(of_made)
        self.step += 1
        return float(of_judge.detach()), float(of_made.detach())

    def _descend(self, loss: Tensor) -> None:
        with phase("backward"):
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
        with phase("optimiser"):
            self.optimizer.step()

    def make(self, n: int, seed: int) -> NDArray[np.uint8]:
        """Return excerpts that it makes, (n, 256, 4)."""
        random, sizes = torch.Generator().manual_seed(seed), [min(64, n - i) for i in range(0, n, 64)]
        self.network.eval()
        with torch.no_grad():
            parts = [self.network.generator(torch.randn(k, _N_LATENT, 1, 1, generator=random)) for k in sizes]
        self.network.train()
        return fitted(from_matrices((torch.cat(parts)[:, 0].numpy() + 1.0) * (_HIGHEST / 2.0)))

    def unchangeable(self) -> list[int | str]:
        """Return the settings that a resumed run must share with the run that it goes on with."""
        s = self.settings
        return ["dcgan", s.seed, s.n_lanes, s.width, len(self.matrices)]


def _loss(scores: Tensor, target: float) -> Tensor:
    return functional.binary_cross_entropy_with_logits(scores, torch.full_like(scores, target))


def train_dcgan(
    data: Path,
    out: Path,
    *,
    settings: DcganSettings | None = None,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
    listener: Listener | None = None,
    is_strict: bool = False,
) -> Progress:
    """Train the baseline; its samples are written to `SAMPLES_FILE` in the folder `out`, as matrices.

    Raises
    ------
    TrainingError
        If the data, the settings or the run to resume cannot be used.
    """
    group, heard, settings = alone("a GAN"), Heard(listener), settings or DcganSettings()
    songs = load_songs(data, TRAIN, heard, is_strict=is_strict)
    matrices = to_matrices(excerpts_of([songs.song(i) for i in range(len(songs))]))
    if not len(matrices):
        raise TrainingError(f"{data} has no song of {SIZE * SIZE // 4} frames, 10.7 seconds: give longer ones")
    run = DcganRun(matrices, settings, group)
    if resume:
        run.resume(out / RESUME_FILE)
    about = {"kind": "gan", "arch": "dcgan", "width": settings.width}
    with recorded(out, run, about, describe(data, songs, None, heard.warnings), start_from=None) as record:
        report = learn_to_the_end(run, out, None, record, progress)
        write_matrices(out / SAMPLES_FILE, to_matrices(run.make(N_SAMPLES, settings.seed)))
        return report
