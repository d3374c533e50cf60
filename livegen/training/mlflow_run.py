"""A run in MLflow (https://mlflow.org), where the extra `mlflow` is installed; elsewhere nothing.

It goes to the server or store that MLFLOW_TRACKING_URI names, and without one to the folder `mlruns` of the
working directory, as MLflow itself has it. A server that cannot be reached never stops a training.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

EXPERIMENT: Final = "livegen"
_MOST_CHARACTERS: Final = 500
"""Length of a parameter that every MLflow takes."""

_STATUS: Final = {"finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}


class MlflowRun:
    """A run that MLflow keeps.

    Parameters
    ----------
    folder : Path
        The model's, which names the run.
    run_id : str or None
        Of the run that a resumed one goes on with.
    about : dict
        Becomes the run's parameters, with dots between the names of nested tables.

    Attributes
    ----------
    trouble : str or None
        Why MLflow keeps nothing more of this run.
    """

    def __init__(self, folder: Path, run_id: str | None, about: Mapping[str, Any]) -> None:
        self.run_id = run_id
        self.trouble: str | None = None
        self._client: Any = None
        self._guard(lambda: self._begin(folder.resolve().name, about))

    def log(self, figures: Mapping[str, float]) -> None:
        """Keep figures, of which one is the `step`."""
        if self._client is not None:
            self._guard(lambda: self._log(figures))

    def end(self, status: str) -> None:
        """Say how the run ended: "finished", "interrupted" or "failed"."""
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
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # MLflow 3.7 and later ask for it
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
        """Act; an MLflow that fails is let be from then on."""
        try:
            act()
        except Exception as error:  # whatever a store, a network or a server comes up with
            self._client = None
            self.trouble = " ".join(str(error).split())[:_MOST_CHARACTERS] or type(error).__name__


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in table.items():
        pairs += _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [(prefix + name, value)]
    return pairs
