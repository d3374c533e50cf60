"""The record of a run, its settings and its results: in `run.json` beside the weights, and in MLflow if installed.

The record is written when the run begins, at each checkpoint, and when it ends. So it shows whether a run has ended or
was killed. A resumed run adds a part to the record of the run that it goes on with.
"""

import math
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from livegen import __version__
from livegen.engines.checkpoint import CONFIG_FILE, WEIGHTS_FILE
from livegen.system.commit import commit
from livegen.training.curve import CURVE_FILE, PICTURE_FILE, CurveRow
from livegen.training.data.songs import Songs
from livegen.training.logged import RECORD_FILE, command_line, read_record, write_record
from livegen.training.mlflow_run import MODEL_PLACE, MlflowRun
from livegen.training.profile import profiled
from livegen.training.windows import Windows


def describe(data: Path, train: Songs | Windows, valid: Songs | Windows | None, left_out: list[str]) -> dict[str, Any]:
    """Return what the record says about the data."""
    splits = {"train": train, "valid": valid}
    about = {split: _counts(found) for split, found in splits.items() if found is not None}
    return {"path": str(data.resolve()), **about, "left_out": left_out}


def _counts(of: Songs | Windows) -> dict[str, int | str]:
    if isinstance(of, Songs):
        return {"songs": len(of), "frames": of.n_frames, "sha256": of.digest()}
    return {"songs": len(of.offsets) - 1, "steps": len(of.steps), "windows": len(of), "sha256": of.digest()}


class RunRecord:
    """The record of a run while it goes on.

    Parameters
    ----------
    folder : Path
        The model's folder, which must exist.
    about : dict
        What stays the same for the whole run: ``seed settings config data processes``, and anything else that JSON can
        hold.
    step : int
        The step at which this part begins: more than 0 if the run was resumed.
    """

    def __init__(self, folder: Path, about: dict[str, Any], step: int = 0) -> None:
        self._folder = folder
        earlier = read_record(folder) if step else {}
        self._part: dict[str, Any] = {
            "command": command_line(),
            "first_step": step,
            "started": _now(),
            "ended": None,
            "status": "running",
            "versions": {
                "livegen": __version__,
                "commit": commit(),
                "python": platform.python_version(),
                "torch": torch.__version__,
                "numpy": np.__version__,
            },
            "machine": {
                "system": platform.platform(),
                "cores": os.cpu_count(),
                "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            },
        }
        self._record: dict[str, Any] = {
            **about,
            "parts": [*earlier.get("parts", []), self._part],
            "figures": earlier.get("figures", {}),
            "mlflow_run": earlier.get("mlflow_run"),
        }
        self._mlflow = MlflowRun(folder, self._record["mlflow_run"], about)
        self._keep_mlflow()
        self._write()

    def add(self, row: CurveRow) -> None:
        """Add the figures of a checkpoint."""
        row_figures = {name: value for name, value in asdict(row).items() if not math.isnan(value)}
        figures = self._record["figures"]
        best = figures.get("best_valid_note_nll", math.inf)
        figures.update(row_figures)
        if row_figures.get("valid_note_nll", math.inf) < best:
            figures["best_valid_note_nll"] = row.valid_note_nll
        self._mlflow.log(row_figures)
        self._keep_mlflow()
        self._write()

    def tell(self, figures: dict[str, float]) -> None:
        """Add figures of what the model makes."""
        self._record["figures"].update(figures)
        self._mlflow.log({**figures, "step": self._record["figures"].get("step", 0)})
        self._write()

    @contextmanager
    def until_its_end(self) -> Iterator[None]:
        """Record, when the block ends, how the run ended: "finished", "interrupted" or "failed"."""
        status = "failed"
        try:
            yield
            status = "finished"
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        finally:
            self._part.update(ended=_now(), status=status)
            if (profile := profiled()) is not None:
                self._part["profile"] = profile
            self._write()
            if status == "finished":
                self._mlflow.keep(self._folder / name for name in (RECORD_FILE, CURVE_FILE, PICTURE_FILE))
                self._mlflow.keep((self._folder / name for name in (CONFIG_FILE, WEIGHTS_FILE)), MODEL_PLACE)
            self._mlflow.end(status)
            self._keep_mlflow()
            self._write()

    def _keep_mlflow(self) -> None:
        self._record["mlflow_run"] = self._mlflow.run_id
        if self._mlflow.trouble is not None:
            self._part["mlflow_trouble"] = self._mlflow.trouble

    def _write(self) -> None:
        write_record(self._folder, self._record)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
