"""Training: from a split to a model folder, resumable at any checkpoint.

A run has a budget, in minutes of wall-clock time or in steps, and the learning rate falls to nothing at its
end: however long it may take, it ends annealed.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from livegen.errors import TrainingError
from livegen.predictor.checkpoint import WEIGHTS_FILE, write_config
from livegen.predictor.lstm import LstmConfig
from livegen.score import N_VOICES
from livegen.training.curve import CurveRow, read_curve, write_curve
from livegen.training.dataset import Lanes, Songs, songs_of
from livegen.training.evaluate import note_nll
from livegen.training.model import Network, batch_of
from livegen.training.sources import TRAIN, VALID, Listener, has_split, load_songs

RESUME_FILE: Final = "resume.safetensors"
_VOLUME_WEIGHT: Final = 0.5
_TIMBRE_WEIGHT: Final = 0.5
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
        Songs side by side, and frames of each, in one step.
    learning_rate : float
        AdamW's at its height, which it reaches after `warm_up_steps`.
    dropout : float
        Share of the LSTM's outputs that the heads do not get, drawn for a lane and a step.
    precision : str
        "float32", "bfloat16", or "auto" for whichever multiplies faster here.
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
    """What a run reports after a step; `valid` is the note NLL in nats a frame where it was measured just now."""

    step: int
    done: float
    loss: float
    note_nll: float
    frames_per_second: float
    valid_note_nll: float | None = None


class _Run:
    """A run between two steps: all that a checkpoint holds."""

    def __init__(self, songs: Songs, config: LstmConfig, settings: Settings):
        self.settings = settings
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(settings.seed)
        self.network = Network(config).to(self.device)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, (0.9, 0.98), weight_decay=settings.weight_decay
        )
        self.lanes = Lanes(songs, settings.n_lanes, settings.n_frames, settings.seed)
        self.state = self.network.new_state(settings.n_lanes)
        self.step = 0
        self.elapsed = 0.0

    def done(self) -> float:
        """Return the share of the budget that is used up, 0..1."""
        if self.settings.steps is not None:
            return min(self.step / self.settings.steps, 1.0)
        return min(self.elapsed / (60.0 * (self.settings.minutes or 1.0)), 1.0)

    def learn(self) -> tuple[float, float]:
        """Do one step and return the loss and the note NLL over it."""
        s = self.settings
        # What a step draws depends on the seed and the step alone: a resumed run draws the same.
        torch.manual_seed(int(np.random.SeedSequence([s.seed, self.step]).generate_state(1)[0]))
        batch = batch_of(self.lanes.next_segment(), self.device)
        rank = torch.rand(len(batch.counts), N_VOICES, device=self.device)  # each frame's own order of the voices
        is_known = rank[:, None, :] < rank[:, :, None]
        state = tuple(part * batch.keeps_state for part in self.state)
        self.network.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=s.precision == "bfloat16"):
            h, state = self.network(batch.rows, state)
            kept = torch.rand(1, s.n_lanes, h.shape[2], device=self.device) >= s.dropout
            h = h * (kept / (1.0 - s.dropout)).to(h.dtype)
            note, volume, timbre = self.network.losses(h.flatten(0, 1), batch, is_known)
        self.state = tuple(part.detach().float() for part in state)
        n_frames = batch.counts.sum()
        note_nll = (note.sum(1) * batch.counts).sum() / n_frames
        others = (_VOLUME_WEIGHT * volume + _TIMBRE_WEIGHT * timbre).sum(1)
        loss = note_nll + (others * batch.counts).sum() / n_frames
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
        """Write the model, and what `resume` needs to go on."""
        write_config(out, self.network.config)
        _save({name: value.half() for name, value in self.network.state_dict().items()}, out / WEIGHTS_FILE, {})
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            tensors |= {f"optimizer.{key}.{name}": v for key, v in self.optimizer.state[parameter].items()}
        tensors["state.h"], tensors["state.c"] = self.state
        about = {
            "step": self.step,
            "elapsed": self.elapsed,
            "position": self.lanes.position(),
            "settings": self._unchangeable(),
        }
        _save(tensors, out / RESUME_FILE, about)

    def _unchangeable(self) -> list[int]:
        """Return the settings that a resumed run must share with the run that it goes on with."""
        return [self.settings.seed, self.settings.n_lanes, self.settings.n_frames, self.lanes.songs.n_frames]

    def resume(self, path: Path) -> None:
        """Go on where `save` was called."""
        try:
            with safe_open(path, "pt") as file:
                about: dict[str, Any] = json.loads(file.metadata()["about"])
                if about["settings"] != self._unchangeable():
                    raise TrainingError(
                        f"cannot resume from {path}: seed, lanes, frames a segment and size of the data were "
                        f"{about['settings']} and are now {self._unchangeable()}; give the same ones or begin anew"
                    )
                tensors = {name: file.get_tensor(name).to(self.device) for name in list(file.keys())}
            self.network.load_state_dict(
                {name.removeprefix("network."): v for name, v in tensors.items() if name.startswith("network.")}
            )
            for name, parameter in self.network.named_parameters():
                kept = {key: tensors[f"optimizer.{key}.{name}"] for key in ("step", "exp_avg", "exp_avg_sq")}
                self.optimizer.state[parameter] = kept | {"step": kept["step"].cpu()}
            self.state = (tensors["state.h"], tensors["state.c"])
            self.step, self.elapsed = about["step"], about["elapsed"]
            self.lanes.resume_at(about["position"])
        except (OSError, SafetensorError, KeyError, RuntimeError, ValueError, TypeError, IndexError) as error:
            raise TrainingError(f"cannot resume from {path}: {error}; begin anew without resume") from error


def _save(tensors: dict[str, torch.Tensor], path: Path, about: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    on_cpu = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    save_file(on_cpu, part, {"about": json.dumps(about)})
    part.replace(path)  # a reader, or a power cut, sees the old file or the new one


def _faster_precision() -> str:
    """Return the precision in which this machine multiplies matrices faster."""
    if torch.cuda.is_available():
        return "bfloat16"
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        matrix = torch.ones(512, 512, dtype=dtype)
        matrix @ matrix  # the first product sets things up
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
    progress: Callable[[Progress], None] | None = None,
    listener: Listener | None = None,
) -> Progress:
    """Train a model.

    Parameters
    ----------
    data : Path
        Songs, as `livegen.training.sources.load_songs` takes them; the split "valid", if it is there, watches the run.
    out : Path
        The model's folder, made if need be. Each checkpoint leaves a whole model there, a `curve.csv` and its picture
        (`livegen.training.curve`), and a `resume.safetensors` that the model does not need.
    config : LstmConfig, optional
        Sizes of the network.
    resume : bool
        Go on with the run in `out`; its budget goes on, too.
    progress : callable, optional
        Called after every step.
    listener : Listener, optional
        Is told how reading goes.

    Returns
    -------
    Progress
        That of the last step.

    Raises
    ------
    TrainingError
        If the data, the settings or the run to resume cannot be used, or the loss is no longer finite.
    """
    settings = settings or Settings()
    songs = load_songs(data, TRAIN, listener)
    watched = _some(load_songs(data, VALID, listener)) if has_split(data, VALID) else None
    if settings.precision == "auto":
        settings = replace(settings, precision=_faster_precision())
    run = _Run(songs, config or LstmConfig(), settings)
    if resume:
        run.resume(out / RESUME_FILE)
    try:
        out.mkdir(parents=True, exist_ok=True)
        return _learn_to_the_end(run, out, watched, progress or (lambda _: None))
    except OSError as error:
        raise TrainingError(f"cannot write the model to {out}: {error}") from error


def _learn_to_the_end(run: _Run, out: Path, watched: Songs | None, progress: Callable[[Progress], None]) -> Progress:
    settings = run.settings
    earlier, first_step = run.elapsed, run.step
    begin = saved_at = time.monotonic()
    report = Progress(run.step, run.done(), math.nan, math.nan, 0.0)
    curve = [row for row in read_curve(out) if row.step <= run.step] if run.step else []
    since: list[tuple[float, float]] = []
    while run.done() < 1.0:
        loss, of_notes = run.learn()
        if not math.isfinite(loss):
            raise TrainingError(f"the loss is {loss} at step {run.step}: begin anew with a lower learning rate")
        since.append((loss, of_notes))
        now = time.monotonic()
        run.elapsed = earlier + now - begin
        frames_per_second = (run.step - first_step) * settings.n_lanes * settings.n_frames / (now - begin)
        of_valid = None
        if run.done() >= 1.0 or now - saved_at >= 60.0 * settings.checkpoint_minutes:
            run.save(out)
            saved_at = now
            of_valid = None if watched is None else note_nll(run.network, watched)
            mean_loss, mean_nll = map(float, np.mean(since, 0))
            curve.append(CurveRow(run.step, run.elapsed / 60.0, mean_loss, mean_nll, of_valid or math.nan))
            write_curve(out, curve)
            since.clear()
        report = Progress(run.step, run.done(), loss, of_notes, frames_per_second, of_valid)
        progress(report)
    return report


def _some(songs: Songs) -> Songs:
    """Return every sixth song: enough to see how a run does without holding it up."""
    return songs_of([songs.song(i) for i in range(0, len(songs), 6)])
