"""A run in MLflow (https://mlflow.org), if the extra `mlflow` is installed; else it does nothing.

The run is kept in the server or store that MLFLOW_TRACKING_URI names. If that is not set, it is kept in the folder
`mlruns` of the working directory, which is also MLflow's default. A server that cannot be reached never stops a
training.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

EXPERIMENT: Final = "livegen"
_MOST_CHARACTERS: Final = 500
"""Length of a parameter that every version of MLflow accepts."""

_STATUS: Final = {"finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}


class MlflowRun:
    """A run that MLflow keeps.

    Parameters
    ----------
    folder : Path
        The model's folder; its name becomes the run's name.
    run_id : str or None
        Id of the run to go on with; None for a new run.
    about : dict
        Becomes the run's parameters; names of nested tables are joined by dots.

    Attributes
    ----------
    trouble : str or None
        Why MLflow no longer keeps this run; None if it does.
    """

    def __init__(self, folder: Path, run_id: str | None, about: Mapping[str, Any]) -> None:
        self.run_id = run_id
        self.trouble: str | None = None
        self._client: Any = None
        self._guard(lambda: self._begin(folder.resolve().name, about))

    def log(self, figures: Mapping[str, float]) -> None:
        """Keep figures; one of them must be the ``step``."""
        if self._client is not None:
            self._guard(lambda: self._log(figures))

    def end(self, status: str) -> None:
        """Record how the run ended: "finished", "interrupted" or "failed"."""
        if self._client is not None:
            self._guard(lambda: self._client.set_terminated(self.run_id, _STATUS[status]))

    def _begin(self, name: str, about: Mapping[str, Any]) -> None:
        try:
            from mlflow.tracking import MlflowClient
        except ImportError:
            return
        uri = os.environ.get("MLFLOW_TRACKING_URI")
        if uri is None:
            uri = Path("mlruns").resolve().as_uri()
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # MLflow 3.7 and later require it
        client = MlflowClient(tracking_uri=uri)
        if self.run_id is None:
            experiment = client.get_experiment_by_name(EXPERIMENT)
            experiment_id = client.create_experiment(EXPERIMENT) if experiment is None else experiment.experiment_id
            self.run_id = client.create_run(experiment_id, run_name=name).info.run_id
            for key, value in _flat(about):
                client.log_param(self.run_id, key, str(value)[:_MOST_CHARACTERS])
        else:
            client.update_run(self.run_id, status="RUNNING")
        self._client = client

    def _log(self, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            if name != "step":
                self._client.log_metric(self.run_id, name, value, step=int(figures["step"]))

    def _guard(self, act: Callable[[], None]) -> None:
        """Call a function that uses MLflow; after a failure MLflow is not used any more."""
        try:
            act()
        except Exception as error:  # a store, a network or a server may raise anything
            self._client = None
            self.trouble = " ".join(str(error).split())[:_MOST_CHARACTERS] or type(error).__name__


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in table.items():
        pairs += _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [(prefix + name, value)]
    return pairs
