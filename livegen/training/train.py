"""Training the LSTM: from a split to a model folder, resumable at any checkpoint. `livegen.training.run` is a run."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

import torch

from livegen.engines.checkpoint import read_config, read_weights
from livegen.engines.lstm.lstm import LstmConfig
from livegen.errors import TrainingError
from livegen.score import N_VOICES
from livegen.training.data.doubles import Doubles
from livegen.training.data.songs import Songs, only, songs_of
from livegen.training.data.sources import TRAIN, VALID, Heard, Listener, has_split, load_songs
from livegen.training.dataset import Lanes
from livegen.training.distributed import Group, joined
from livegen.training.evaluate import note_nll
from livegen.training.made import Made
from livegen.training.model import Batch, Network, batch_of
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

__all__ = ["RESUME_FILE", "Progress", "Settings", "train"]

_FEWEST_JAM_STEPS: Final = 40
"""Fewest steps in which jams are heard. With 40 steps, ten minutes of a performer helped on others of the same, and 160
were too many: .479 nats a frame before, then .459 and .657."""

_VOLUME_WEIGHT: Final = 0.5
_TIMBRE_WEIGHT: Final = 0.5
_TURN_WEIGHT: Final = 3.0
"""Of which note a voice finds back to: turns are few. Whether it changes there counts as elsewhere: where frames with
changes weigh more than those without, the network learns to change too often.
"""


@dataclass(frozen=True)
class Settings(RunSettings):
    """How to train; see `livegen.training.run.RunSettings`.

    Attributes
    ----------
    n_frames : int
        Number of frames of each song in one step.
    dropout : float
        Share of the LSTM's outputs that the heads do not get; drawn anew for each lane and step.
    jam_rounds : int or None
        How often jams are heard, in place of minutes: there are few of them, and they are soon known by heart.
    """

    n_frames: int = 128
    dropout: float = 0.1
    jam_rounds: int | None = None

    whole: ClassVar[tuple[str, ...]] = (*RunSettings.whole, "n_frames", "jam_rounds")


class _Lesson(torch.nn.Module):
    """The forward pass of a step in one call, as training on several processes needs it."""

    def __init__(self, network: Network):
        super().__init__()
        self.network = network

    def forward(
        self, batch: Batch, state: tuple[torch.Tensor, ...], is_known: torch.Tensor, dropout: float
    ) -> tuple[torch.Tensor, ...]:
        """Return the `Losses`, and the two parts of the LSTM's state."""
        h, (h_last, c_last) = self.network(batch.rows, state)
        kept = torch.rand(1, h.shape[1], h.shape[2], device=h.device) >= dropout
        h = h * (kept / (1.0 - dropout)).to(h.dtype)
        return *self.network.losses(h.flatten(0, 1), batch, is_known), h_last, c_last


class _Run(Run):
    """A run of the LSTM."""

    settings: Settings
    network: Network
    same = "seed, lanes, frames a segment, size of the data, processes if several, and what is left out"

    def __init__(self, songs: Songs, config: LstmConfig, settings: Settings, group: Group):
        torch.manual_seed(settings.seed)
        super().__init__(Network(config), _Lesson, settings, group)
        self.lanes = Lanes(songs, settings.n_lanes, settings.n_frames, settings.seed, group.rank, group.size)
        self.state = self.network.new_state(settings.n_lanes)
        self.frames_a_step = settings.n_lanes * settings.n_frames

    def learn(self) -> tuple[float, float]:
        """Do one step, and return its loss and note NLL."""
        s = self.settings
        torch.manual_seed(self.own_seed())
        leaves_out = self.network.config.leaves_out
        with phase("batch"):
            batch = batch_of(self.lanes.next_segment(), self.device, leaves_out)
        rank = torch.rand(len(batch.counts), N_VOICES, device=self.device)  # each frame's own order of the voices
        voices = torch.arange(N_VOICES, device=self.device)
        if "orders" in leaves_out:
            rank = voices.expand(len(batch.counts), -1)
        else:  # what a performer plays is known first
            rank = rank - ((batch.performed[:, None] >> voices) & 1)
        is_known = rank[:, None, :] < rank[:, :, None]
        state = tuple(part * batch.keeps_state for part in self.state)
        self.network.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=s.precision == "bfloat16"):
            note, volume, timbre, which, *after = self.lesson(batch, state, is_known, s.dropout)
        self.state = tuple(part.detach().float() for part in after)
        n_frames = batch.counts.sum()
        counts = batch.counts[:, None] * batch.weights
        note_nll = (note * counts).sum() / n_frames
        others = _VOLUME_WEIGHT * volume + _TIMBRE_WEIGHT * timbre + _TURN_WEIGHT * which
        loss = note_nll + (others * counts).sum() / n_frames
        self.descend(loss)
        return float(loss.detach()), float(note_nll.detach())

    def more(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Return the LSTM's states, and where the lanes are."""
        positions = self.group.gather(torch.tensor(self.lanes.position()))
        h, c = (torch.cat(self.group.gather(part), 1) for part in self.state)
        position = [place for position in positions for place in position.tolist()]
        return {"state.h": h, "state.c": c}, {"position": position}

    def take(self, tensors: dict[str, torch.Tensor], about: dict[str, Any]) -> None:
        """Go on with this process's states and lanes."""
        rank, n_lanes = self.group.rank, self.settings.n_lanes
        own = slice(rank * n_lanes, (rank + 1) * n_lanes)
        self.state = (tensors["state.h"][:, own], tensors["state.c"][:, own])
        n_places = len(about["position"]) // self.group.size
        self.lanes.resume_at(about["position"][rank * n_places : (rank + 1) * n_places])

    def unchangeable(self) -> list[int | str]:
        """Return the settings that a resumed run must share with the run that it goes on with."""
        s, n_processes = self.settings, self.group.size
        same: list[int | str] = [s.seed, s.n_lanes, s.n_frames, self.lanes.songs.n_frames]
        same += [n_processes] if n_processes > 1 else []
        return same + [f"without {name}" for name in sorted(self.network.config.leaves_out)]

    def start_from(self, folder: Path) -> None:
        """Take the weights of a model; parts that it does not have stay at zero."""
        arrays = read_weights(folder, read_config(folder)[1].shapes())
        self.network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, strict=False)


def train(
    data: Path,
    out: Path,
    *,
    config: LstmConfig | None = None,
    settings: Settings | None = None,
    resume: bool = False,
    start_from: Path | None = None,
    made: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    listener: Listener | None = None,
    is_strict: bool = False,
) -> Progress:
    """Train a model. If torchrun started several processes, each of them calls this, and the first one reports.

    Parameters
    ----------
    data : Path
        Songs, as `livegen.training.data.sources.load_songs` takes them. If there is a split "valid", the run is
        measured on it at checkpoints.
    out : Path
        The model's folder, made if need be. Each checkpoint leaves a whole model there, a `curve.csv` and its picture
        (`livegen.training.curve`), a `run.json` (`livegen.training.record`), and a `resume.safetensors` that the model
        does not need.
    config : LstmConfig, optional
        What the network is: its sizes, its voices, and what it leaves out. Songs are heard with these voices only. By
        default the config of the run to resume, or four voices and the largest sizes of
        `livegen.engines.lstm.lstm.SIZES`.
    resume : bool
        Go on with the run in `out`; its budget goes on, too.
    start_from : Path, optional
        The folder of a model whose weights are those to begin with, and whose sizes, voices and what it leaves out are
        the network's; of one that does not listen, the new parts begin at zero.
    made : Path, optional
        Histories that a model made of the train songs, as `livegen.training.made` writes them.
    progress : callable, optional
        Called after every step.
    listener : Listener, optional
        Is told how reading goes.
    is_strict : bool
        As `livegen.training.data.sources.load_songs` has it.

    Returns
    -------
    Progress
        The progress after the last step.

    Raises
    ------
    TrainingError
        If the data, the settings or the run to resume cannot be used, or the loss is no longer finite.
    """
    with joined() as group:
        heard = Heard(listener if group.is_first else None)
        if start_from is not None:
            if config is not None or resume:
                raise TrainingError(
                    f"the network is that of {start_from}: give no sizes, voices or parts to leave out, "
                    "and no run to resume"
                )
            config = replace(config_of(start_from, LstmConfig, "lstm", "cannot begin with this model"), listens=True)
        config = config or (config_of(out, LstmConfig, "lstm") if resume else LstmConfig())
        doubles = Doubles()
        songs = only(load_songs(data, TRAIN, heard, is_strict=is_strict, doubles=doubles), config.voices)
        if made is not None:
            songs = replace(songs, made=Made.load(made, songs.frames, len(songs)))
        n_frames = [int(n) for n in group.gather(torch.tensor(songs.n_frames))]
        if len(set(n_frames)) > 1:
            raise TrainingError(f"the processes have read {n_frames} frames: give all of them the same songs")
        watched = None
        if group.is_first and has_split(data, VALID):
            watched = only(load_songs(data, VALID, heard, is_strict=is_strict, doubles=doubles), config.voices)
        settings = _budgeted(settled(settings or Settings(), group), songs, group)
        run = _Run(songs, config, settings, group)
        if start_from is not None:
            run.start_from(start_from)
        if resume:
            run.resume(out / RESUME_FILE)
        if not group.is_first:
            return learn_to_the_end(run, out)
        about = asdict(config) | {"voices": [voice.name.lower() for voice in config.voices]}
        of_data = describe(data, songs, watched, heard.warnings)
        begun_with = None if start_from is None else start_from.resolve().name
        some = None if watched is None else _some(watched)
        measure = None if some is None else partial(note_nll, run.network, some)
        with recorded(out, run, about, of_data, start_from=begun_with) as record:
            return learn_to_the_end(run, out, measure, record, progress)


def _budgeted(settings: Settings, songs: Songs, group: Group) -> Settings:
    """Return the settings with the steps in which jams are heard `jam_rounds` times, if all songs are jams."""
    if settings.jam_rounds is None or any(songs.learnt(i) is None for i in range(len(songs))):
        return settings
    a_step = settings.n_lanes * settings.n_frames * group.size
    return replace(settings, steps=max(math.ceil(settings.jam_rounds * songs.n_frames / a_step), _FEWEST_JAM_STEPS))


def _some(songs: Songs) -> Songs:
    """Return every sixth song: enough to see how a run is going, without slowing it down."""
    some = range(0, len(songs), 6)
    return songs_of([songs.song(i) for i in some], learnt=[songs.learnt(i) for i in some])
