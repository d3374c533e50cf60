"""A run of training, of any kind of network: budget, checkpoints, resuming, the curve and the record.

A run has a budget, in minutes of wall-clock time or in steps. The learning rate falls along a cosine to 1 % of its
height at the end of the budget, however long that is. What a kind of network learns from, and how, is in a class of
its own: a `Run` of it.
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from livegen.engines.checkpoint import WEIGHTS_FILE, Config, read_config, write_config
from livegen.errors import CheckpointError, FormatError, TrainingError
from livegen.training.curve import CurveRow, read_curve, write_curve
from livegen.training.distributed import Group, device_of_process
from livegen.training.profile import learnt, phase
from livegen.training.record import RunRecord
from livegen.training.threads import Threads

RESUME_FILE: Final = "resume.safetensors"
PRECISIONS: Final = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class RunSettings:
    """How to train, whatever the network.

    Attributes
    ----------
    minutes : float or None
        Budget in minutes of wall-clock time, all parts of a resumed run together.
    steps : int or None
        Budget in steps, in place of minutes.
    n_lanes : int
        Number of songs, or of parts of songs, side by side in one step.
    learning_rate : float
        Highest learning rate of AdamW, reached after `warm_up_steps`.
    precision : str
        "float32", "bfloat16", or "auto" for the one in which this machine multiplies faster.
    checkpoint_minutes : float
        Time between checkpoints.
    """

    minutes: float | None = 60.0
    steps: int | None = None
    seed: int = 0
    n_lanes: int = 64
    learning_rate: float = 2e-3
    warm_up_steps: int = 200
    weight_decay: float = 0.01
    precision: str = "auto"
    checkpoint_minutes: float = 5.0

    whole: ClassVar[tuple[str, ...]] = ("steps", "n_lanes", "warm_up_steps")
    """Settings that are 1 or more, if they are given."""

    def __post_init__(self) -> None:
        if self.steps is None and not (self.minutes is not None and 0.0 < self.minutes < math.inf):
            raise TrainingError(f"minutes is {self.minutes}: a run needs a budget of more than 0 minutes, or of steps")
        for name in self.whole:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise TrainingError(f"{name} is {value}: allowed is 1 or more")
        if self.precision not in PRECISIONS:
            raise TrainingError(f"precision is {self.precision!r}: allowed is {', '.join(PRECISIONS)}")


_Settings = TypeVar("_Settings", bound=RunSettings)
_Config = TypeVar("_Config", bound=Config)


@dataclass(frozen=True)
class Progress:
    """What a run reports after a step; `valid_note_nll` is in nats a frame, and None if it was not measured now."""

    step: int
    done: float
    loss: float
    note_nll: float
    frames_per_second: float
    valid_note_nll: float | None = None


class Run:
    """The state of a run between two steps: all that a checkpoint holds.

    A kind of network has a class of its own, which says what a step learns from, and what a checkpoint holds besides
    the network and its optimizer.

    Attributes
    ----------
    frames_a_step : int
        Frames, or steps of the beat, that this process learns from in one step.
    same : str
        The settings that a resumed run must share with the run that it goes on with, in words; `unchangeable` has
        their values.
    """

    frames_a_step: int
    same: str

    def __init__(
        self,
        network: Any,
        lesson: Callable[[Any], nn.Module],
        settings: RunSettings,
        group: Group,
        device: torch.device | None = None,
    ):
        self.settings = settings
        self.group = group
        self.device = device or device_of_process()
        self.network = network.to(self.device)
        self.lesson = group.wrap(lesson(self.network))
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, (0.9, 0.98), weight_decay=settings.weight_decay
        )
        self.step = 0
        self.elapsed = 0.0

    def learn(self) -> tuple[float, float]:
        """Do one step, and return its loss and note NLL."""
        raise NotImplementedError

    def unchangeable(self) -> list[int | str]:
        """Return the settings that a resumed run must share with the run that it goes on with."""
        raise NotImplementedError

    def write_config(self, out: Path) -> None:
        """Write what the model is."""
        write_config(out, self.network.config)

    def weights(self) -> dict[str, Tensor]:
        """Return the arrays of the model as it is played. The first process calls this."""
        return self.network.state_dict()

    def more(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return what else a checkpoint holds: tensors, and what JSON can say. All processes call this."""
        return {}, {}

    def take(self, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
        """Go on with what `more` has given."""

    def done(self) -> float:
        """Return the share of the budget that is used up, 0..1."""
        if self.settings.steps is not None:
            return min(self.step / self.settings.steps, 1.0)
        return min(self.elapsed / (60.0 * (self.settings.minutes or 1.0)), 1.0)

    def own_seed(self) -> int:
        """Return what this step's draws begin with.

        It depends on the seed, the step and the process alone: a resumed run draws the same.
        """
        words = np.random.SeedSequence([self.settings.seed, self.step, self.group.rank]).generate_state(1)
        return int(words[0])

    def descend(self, loss: Tensor) -> None:
        """Do the optimizer's step."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * self._rate()
        with phase("backward"):
            self.optimizer.zero_grad()
            loss.backward()
        with phase("optimiser"):
            nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            self.optimizer.step()
        self.step += 1

    def _rate(self) -> float:
        warm_up = min((self.step + 1) / self.settings.warm_up_steps, 1.0)
        return warm_up * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * self.done())))

    @phase("writing")
    def save(self, out: Path) -> None:
        """Write the model, and what `resume` needs to go on. All processes call this, and the first one writes."""
        more, about = self.more()
        if not self.group.is_first:
            return
        self.write_config(out)
        _save({name: value.half() for name, value in self.weights().items()}, out / WEIGHTS_FILE, {})
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            tensors |= {f"optimizer.{key}.{name}": v for key, v in self.optimizer.state[parameter].items()}
        about = {"step": self.step, "elapsed": self.elapsed} | about | {"settings": self.unchangeable()}
        _save(tensors | more, out / RESUME_FILE, about)

    def resume(self, path: Path) -> None:
        """Go on where the file was saved."""
        try:
            with safe_open(path, "pt") as file:
                about: dict[str, Any] = json.loads(file.metadata()["about"])
                if about["settings"] != self.unchangeable():
                    raise TrainingError(
                        f"cannot resume from {path}: {self.same} were {about['settings']} and are now "
                        f"{self.unchangeable()}; give the same ones or begin anew"
                    )
                tensors = {name: file.get_tensor(name).to(self.device) for name in list(file.keys())}
            self.network.load_state_dict(
                {name.removeprefix("network."): v for name, v in tensors.items() if name.startswith("network.")}
            )
            for name, parameter in self.network.named_parameters():
                if f"optimizer.step.{name}" in tensors:  # a network of TR alone has unused tables
                    kept = {key: tensors[f"optimizer.{key}.{name}"] for key in ("step", "exp_avg", "exp_avg_sq")}
                    self.optimizer.state[parameter] = kept | {"step": kept["step"].cpu()}
            self.step, self.elapsed = about["step"], about["elapsed"]
            self.take(tensors, about)
        except (OSError, SafetensorError, KeyError, RuntimeError, ValueError, TypeError, IndexError) as error:
            raise TrainingError(f"cannot resume from {path}: {error}; begin anew without resume") from error


def _save(tensors: dict[str, Tensor], path: Path, about: dict[str, Any]) -> None:
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


def config_of(folder: Path, of_kind: type[_Config], kind: str, trouble: str = "cannot resume") -> _Config:
    """Return the configuration of a network that is to be trained on.

    Raises
    ------
    TrainingError
        If there is none in the folder, or one of another kind than `kind`; it begins with the words `trouble`.
    """
    try:
        found, config = read_config(folder)
    except CheckpointError as error:
        raise TrainingError(f"{trouble}: {error}; begin anew without it") from error
    if not isinstance(config, of_kind):
        raise TrainingError(
            f"{trouble}: the model in {folder} is no {kind} but of the kind {found!r}; give another folder, or begin "
            "anew without it"
        )
    return config


def settled(settings: _Settings, group: Group) -> _Settings:
    """Return the settings with a precision that all processes share."""
    if settings.precision != "auto":
        return settings
    (is_half,) = group.of_first(_faster_precision() == "bfloat16")
    return replace(settings, precision="bfloat16" if is_half else "float32")


@contextmanager
def recorded(
    out: Path, run: Run, config: dict[str, Any], data: dict[str, Any], **more: str | None
) -> Iterator[RunRecord]:
    """Yield the record of a run until it ends, which says what the network and the data are, and more by name.

    Raises
    ------
    TrainingError
        If the model cannot be written to `out`.
    """
    about = {
        "seed": run.settings.seed,
        "settings": asdict(run.settings),
        "config": config,
        "data": data,
        "processes": run.group.size,
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        record = RunRecord(out, about | more, run.step)
        with record.until_its_end():
            yield record
    except (OSError, FormatError) as error:
        raise TrainingError(f"cannot write the model to {out}: {error}") from error


def _threads(run: Run) -> Threads:
    """Return the threads of a run: those that torch has, or where a clock ends it on this processor, the quicker."""
    n, settings = torch.get_num_threads(), run.settings
    is_free = settings.steps is None and run.group.size == 1 and run.device.type == "cpu"
    return Threads((n, 1) if is_free else (n,))


def learn_to_the_end(
    run: Run,
    out: Path,
    measure: Callable[[], float] | None = None,
    record: RunRecord | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Progress:
    """Train until the budget is used up; `measure` gives the note NLL of songs that the run does not learn from.

    Without a record, which only the first process has, no curve is written.
    """
    settings, group = run.settings, run.group
    earlier, first_step = run.elapsed, run.step
    begin = saved_at = time.monotonic()
    report = Progress(run.step, run.done(), math.nan, math.nan, 0.0)
    curve = [row for row in read_curve(out) if row.step <= run.step] if run.step else []
    since: list[tuple[float, ...]] = []
    threads = _threads(run)
    while run.done() < 1.0:
        if threads.n != torch.get_num_threads():  # to set what is in force may change how sums are cut
            torch.set_num_threads(threads.n)
        began = time.monotonic()
        with phase("forward"):
            loss, of_notes = group.mean(*run.learn())
        learnt(run.frames_a_step * group.size)
        threads.hear(run.frames_a_step / max(time.monotonic() - began, 1e-9))
        if not math.isfinite(loss):
            raise TrainingError(f"the loss is {loss} at step {run.step}: begin anew with a lower learning rate")
        since.append((loss, of_notes))
        now = time.monotonic()
        run.elapsed, since_saved = group.of_first(earlier + now - begin, now - saved_at)
        n_frames = (run.step - first_step) * run.frames_a_step * group.size
        of_valid = None
        if run.done() >= 1.0 or since_saved >= 60.0 * settings.checkpoint_minutes:
            run.save(out)
            saved_at = now
            if record is not None:
                with phase("measuring"):
                    of_valid = None if measure is None else measure()
                mean_loss, mean_nll = map(float, np.mean(since, 0))
                curve.append(CurveRow(run.step, run.elapsed / 60.0, mean_loss, mean_nll, of_valid or math.nan))
                with phase("writing"):
                    write_curve(out, curve)
                    record.add(curve[-1])
            since.clear()
        report = Progress(run.step, run.done(), loss, of_notes, n_frames / (now - begin), of_valid)
        if progress is not None:
            progress(report)
    return report
