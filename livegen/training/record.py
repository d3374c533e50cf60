"""The record of a run, its settings and its results: in `run.json` beside the weights, and in MLflow if installed.

The record is written when the run begins, at each checkpoint, and when it ends. So it shows whether a run has ended or
was killed. A resumed run adds a part to the record of the run that it goes on with.
"""

import hashlib
import json
import math
import os
import platform
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from livegen import __version__
from livegen.formats.files import atomic_path
from livegen.training.curve import CurveRow
from livegen.training.data.songs import Songs
from livegen.training.mlflow_run import MlflowRun
from livegen.training.windows import Windows

RECORD_FILE: Final = "run.json"


def hash_songs(songs: Songs) -> str:
    """Return the SHA-256, in hexadecimal, of the frames of songs and of where each song begins."""
    digest = hashlib.sha256(np.ascontiguousarray(songs.offsets, "<i8").tobytes())
    digest.update(np.ascontiguousarray(songs.frames).tobytes())
    return digest.hexdigest()


def read_record(folder: Path) -> dict[str, Any]:
    """Return the record that a run left in its folder; empty if there is none that can be read."""
    try:
        record = json.loads((folder / RECORD_FILE).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) and isinstance(record.get("parts"), list) else {}


def describe(data: Path, train: Songs | Windows, valid: Songs | Windows | None, left_out: list[str]) -> dict[str, Any]:
    """Return what the record says about the data."""
    splits = {"train": train, "valid": valid}
    about = {split: _counts(found) for split, found in splits.items() if found is not None}
    return {"path": str(data.resolve()), **about, "left_out": left_out}


def _counts(of: Songs | Windows) -> dict[str, int | str]:
    if isinstance(of, Songs):
        return {"songs": len(of), "frames": of.n_frames, "sha256": hash_songs(of)}
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
            "command": shlex.join([Path(sys.argv[0]).name.replace("__main__.py", "livegen"), *sys.argv[1:]]),
            "first_step": step,
            "started": _now(),
            "ended": None,
            "status": "running",
            "versions": {
                "livegen": __version__,
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
            self._mlflow.end(status)
            self._write()

    def _keep_mlflow(self) -> None:
        self._record["mlflow_run"] = self._mlflow.run_id
        if self._mlflow.trouble is not None:
            self._part["mlflow_trouble"] = self._mlflow.trouble

    def _write(self) -> None:
        with atomic_path(self._folder / RECORD_FILE) as partial:
            partial.write_text(json.dumps(self._record, indent=2) + "\n", "utf-8")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
