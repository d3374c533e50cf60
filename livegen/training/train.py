"""Training: from a split to a model folder, resumable at any checkpoint.

A run has a budget, in minutes of wall-clock time or in steps. The learning rate falls along a cosine to 1 % of its
height at the end of the budget, however long that is.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from livegen.engines.checkpoint import WEIGHTS_FILE, read_config, read_weights, write_config
from livegen.engines.lstm.lstm import LstmConfig
from livegen.errors import CheckpointError, FormatError, TrainingError
from livegen.score import N_VOICES
from livegen.training.curve import CurveRow, read_curve, write_curve
from livegen.training.dataset import Lanes, Songs, only, songs_of
from livegen.training.distributed import Group, device_of_process, joined
from livegen.training.evaluate import note_nll
from livegen.training.made import Made
from livegen.training.model import Batch, Network, batch_of
from livegen.training.record import RunRecord, describe
from livegen.training.sources import TRAIN, VALID, Heard, Listener, has_split, load_songs

RESUME_FILE: Final = "resume.safetensors"
_VOLUME_WEIGHT: Final = 0.5
_TIMBRE_WEIGHT: Final = 0.5
_TURN_WEIGHT: Final = 3.0
"""Of which note a voice finds back to: turns are few. Whether it changes there counts as elsewhere: where frames with
changes weigh more than those without, the network learns to change too often.
"""

_PRECISIONS: Final = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class Settings:
    """How to train.

    Attributes
    ----------
    minutes : float or None
        Budget in minutes of wall-clock time, all parts of a resumed run together.
    steps : int or None
        Budget in steps, in place of minutes.
    n_lanes, n_frames : int
        Number of songs side by side, and of frames of each, in one step.
    learning_rate : float
        Highest learning rate of AdamW, reached after `warm_up_steps`.
    dropout : float
        Share of the LSTM's outputs that the heads do not get; drawn anew for each lane and step.
    precision : str
        "float32", "bfloat16", or "auto" for the one in which this machine multiplies faster.
    checkpoint_minutes : float
        Time between checkpoints.
    """

    minutes: float | None = 60.0
    steps: int | None = None
    seed: int = 0
    n_lanes: int = 64
    n_frames: int = 128
    learning_rate: float = 2e-3
    warm_up_steps: int = 200
    weight_decay: float = 0.01
    dropout: float = 0.1
    precision: str = "auto"
    checkpoint_minutes: float = 5.0

    def __post_init__(self) -> None:
        if self.steps is None and not (self.minutes is not None and 0.0 < self.minutes < math.inf):
            raise TrainingError(f"minutes is {self.minutes}: a run needs a budget of more than 0 minutes, or of steps")
        for name in ("steps", "n_lanes", "n_frames", "warm_up_steps"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise TrainingError(f"{name} is {value}: allowed is 1 or more")
        if self.precision not in _PRECISIONS:
            raise TrainingError(f"precision is {self.precision!r}: allowed is {', '.join(_PRECISIONS)}")


@dataclass(frozen=True)
class Progress:
    """What a run reports after a step; `valid_note_nll` is in nats a frame, and None if it was not measured now."""

    step: int
    done: float
    loss: float
    note_nll: float
    frames_per_second: float
    valid_note_nll: float | None = None


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


class _Run:
    """The state of a run between two steps: all that a checkpoint holds."""

    def __init__(self, songs: Songs, config: LstmConfig, settings: Settings, group: Group):
        self.settings = settings
        self.group = group
        self.device = device_of_process()
        torch.manual_seed(settings.seed)
        self.network = Network(config).to(self.device)
        self.lesson = group.wrap(_Lesson(self.network))
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, (0.9, 0.98), weight_decay=settings.weight_decay
        )
        self.lanes = Lanes(songs, settings.n_lanes, settings.n_frames, settings.seed, group.rank, group.size)
        self.state = self.network.new_state(settings.n_lanes)
        self.step = 0
        self.elapsed = 0.0

    def done(self) -> float:
        """Return the share of the budget that is used up, 0..1."""
        if self.settings.steps is not None:
            return min(self.step / self.settings.steps, 1.0)
        return min(self.elapsed / (60.0 * (self.settings.minutes or 1.0)), 1.0)

    def learn(self) -> tuple[float, float]:
        """Do one step, and return its loss and note NLL."""
        s = self.settings
        # What a step draws depends on the seed, the step and the process alone: a resumed run draws the same.
        torch.manual_seed(int(np.random.SeedSequence([s.seed, self.step, self.group.rank]).generate_state(1)[0]))
        leaves_out = self.network.config.leaves_out
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
        for group in self.optimizer.param_groups:
            group["lr"] = s.learning_rate * self._rate()
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        return float(loss.detach()), float(note_nll.detach())

    def _rate(self) -> float:
        warm_up = min((self.step + 1) / self.settings.warm_up_steps, 1.0)
        return warm_up * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * self.done())))

    def save(self, out: Path) -> None:
        """Write the model, and what `resume` needs to go on. All processes call this, and the first one writes."""
        positions = self.group.gather(torch.tensor(self.lanes.position()))
        states = [torch.cat(self.group.gather(part), 1) for part in self.state]
        if not self.group.is_first:
            return
        write_config(out, self.network.config)
        _save({name: value.half() for name, value in self.network.state_dict().items()}, out / WEIGHTS_FILE, {})
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            tensors |= {f"optimizer.{key}.{name}": v for key, v in self.optimizer.state[parameter].items()}
        tensors["state.h"], tensors["state.c"] = states
        about = {
            "step": self.step,
            "elapsed": self.elapsed,
            "position": [place for position in positions for place in position.tolist()],
            "settings": self._unchangeable(),
        }
        _save(tensors, out / RESUME_FILE, about)

    def _unchangeable(self) -> list[int | str]:
        """Return the settings that a resumed run must share with the run that it goes on with."""
        s, n_processes = self.settings, self.group.size
        same: list[int | str] = [s.seed, s.n_lanes, s.n_frames, self.lanes.songs.n_frames]
        same += [n_processes] if n_processes > 1 else []
        return same + [f"without {name}" for name in sorted(self.network.config.leaves_out)]

    def start_from(self, folder: Path) -> None:
        """Take the weights of a model; parts that it does not have stay at zero."""
        arrays = read_weights(folder, read_config(folder)[1].shapes())
        self.network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, strict=False)

    def resume(self, path: Path) -> None:
        """Go on where the file was saved."""
        try:
            with safe_open(path, "pt") as file:
                about: dict[str, Any] = json.loads(file.metadata()["about"])
                if about["settings"] != self._unchangeable():
                    raise TrainingError(
                        f"cannot resume from {path}: seed, lanes, frames a segment, size of the data, processes if "
                        f"several, and what is left out were {about['settings']} and are now {self._unchangeable()}; "
                        "give the same ones or begin anew"
                    )
                tensors = {name: file.get_tensor(name).to(self.device) for name in list(file.keys())}
            self.network.load_state_dict(
                {name.removeprefix("network."): v for name, v in tensors.items() if name.startswith("network.")}
            )
            for name, parameter in self.network.named_parameters():
                if f"optimizer.step.{name}" in tensors:  # a network of TR alone has unused tables
                    kept = {key: tensors[f"optimizer.{key}.{name}"] for key in ("step", "exp_avg", "exp_avg_sq")}
                    self.optimizer.state[parameter] = kept | {"step": kept["step"].cpu()}
            rank, n_lanes = self.group.rank, self.settings.n_lanes
            own = slice(rank * n_lanes, (rank + 1) * n_lanes)
            self.state = (tensors["state.h"][:, own], tensors["state.c"][:, own])
            self.step, self.elapsed = about["step"], about["elapsed"]
            n_places = len(about["position"]) // self.group.size
            self.lanes.resume_at(about["position"][rank * n_places : (rank + 1) * n_places])
        except (OSError, SafetensorError, KeyError, RuntimeError, ValueError, TypeError, IndexError) as error:
            raise TrainingError(f"cannot resume from {path}: {error}; begin anew without resume") from error


def _save(tensors: dict[str, torch.Tensor], path: Path, about: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    on_cpu = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    save_file(on_cpu, part, {"about": json.dumps(about)})
    part.replace(path)  # so that even after a power cut there is either the old file or the new one


def _faster_precision() -> str:
    """Return "bfloat16" if this machine multiplies matrices clearly faster in it, else "float32"."""
    if torch.cuda.is_available():
        return "bfloat16"
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        matrix = torch.ones(512, 512, dtype=dtype)
        matrix @ matrix  # the first product is slower: it is not timed
        start = time.perf_counter()
        for _ in range(20):
            matrix @ matrix
        seconds[dtype] = time.perf_counter() - start
    return "bfloat16" if seconds[torch.bfloat16] < 0.8 * seconds[torch.float32] else "float32"


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
        Songs, as `livegen.training.sources.load_songs` takes them. If there is a split "valid", the run is measured on
        it at checkpoints.
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
        As `livegen.training.sources.load_songs` has it.

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
            config = replace(_config_of(start_from, "cannot begin with this model"), listens=True)
        config = config or (_config_of(out, "cannot resume") if resume else LstmConfig())
        songs = only(load_songs(data, TRAIN, heard, is_strict=is_strict), config.voices)
        if made is not None:
            songs = replace(songs, made=Made.load(made, songs.frames, len(songs)))
        n_frames = [int(n) for n in group.gather(torch.tensor(songs.n_frames))]
        if len(set(n_frames)) > 1:
            raise TrainingError(f"the processes have read {n_frames} frames: give all of them the same songs")
        watched = None
        if group.is_first and has_split(data, VALID):
            watched = only(load_songs(data, VALID, heard, is_strict=is_strict), config.voices)
        settings = _settled(settings or Settings(), group)
        run = _Run(songs, config, settings, group)
        if start_from is not None:
            run.start_from(start_from)
        if resume:
            run.resume(out / RESUME_FILE)
        if not group.is_first:
            return _learn_to_the_end(run, out, None, None, lambda _: None)
        about = {
            "seed": settings.seed,
            "settings": asdict(settings),
            "config": asdict(config) | {"voices": [voice.name.lower() for voice in config.voices]},
            "data": describe(data, songs, watched, heard.warnings),
            "processes": group.size,
            "start_from": start_from and start_from.resolve().name,
        }
        try:
            out.mkdir(parents=True, exist_ok=True)
            record = RunRecord(out, about, run.step)
            with record.until_its_end():
                some = None if watched is None else _some(watched)
                return _learn_to_the_end(run, out, some, record, progress or (lambda _: None))
        except (OSError, FormatError) as error:
            raise TrainingError(f"cannot write the model to {out}: {error}") from error


def _config_of(folder: Path, trouble: str) -> LstmConfig:
    """Return the configuration of a network that is to be trained on; an error begins with the words `trouble`."""
    try:
        _, config = read_config(folder)
    except CheckpointError as error:
        raise TrainingError(f"{trouble}: {error}; begin anew without it") from error
    if not isinstance(config, LstmConfig):
        raise TrainingError(f"{trouble}: that in {folder} is none that livegen trains; begin anew without it")
    return config


def _settled(settings: Settings, group: Group) -> Settings:
    """Return the settings with a precision that all processes share."""
    if settings.precision != "auto":
        return settings
    (is_half,) = group.of_first(_faster_precision() == "bfloat16")
    return replace(settings, precision="bfloat16" if is_half else "float32")


def _learn_to_the_end(
    run: _Run, out: Path, watched: Songs | None, record: RunRecord | None, progress: Callable[[Progress], None]
) -> Progress:
    settings, group = run.settings, run.group
    earlier, first_step = run.elapsed, run.step
    begin = saved_at = time.monotonic()
    report = Progress(run.step, run.done(), math.nan, math.nan, 0.0)
    curve = [row for row in read_curve(out) if row.step <= run.step] if run.step else []
    since: list[tuple[float, ...]] = []
    while run.done() < 1.0:
        loss, of_notes = group.mean(*run.learn())
        if not math.isfinite(loss):
            raise TrainingError(f"the loss is {loss} at step {run.step}: begin anew with a lower learning rate")
        since.append((loss, of_notes))
        now = time.monotonic()
        run.elapsed, since_saved = group.of_first(earlier + now - begin, now - saved_at)
        n_frames = (run.step - first_step) * settings.n_lanes * settings.n_frames * group.size
        of_valid = None
        if run.done() >= 1.0 or since_saved >= 60.0 * settings.checkpoint_minutes:
            run.save(out)
            saved_at = now
            if record is not None:
                of_valid = None if watched is None else note_nll(run.network, watched)
                mean_loss, mean_nll = map(float, np.mean(since, 0))
                curve.append(CurveRow(run.step, run.elapsed / 60.0, mean_loss, mean_nll, of_valid or math.nan))
                write_curve(out, curve)
                record.add(curve[-1])
            since.clear()
        report = Progress(run.step, run.done(), loss, of_notes, n_frames / (now - begin), of_valid)
        progress(report)
    return report


def _some(songs: Songs) -> Songs:
    """Return every sixth song: enough to see how a run is going, without slowing it down."""
    return songs_of([songs.song(i) for i in range(0, len(songs), 6)])
