"""A run in MLflow (https://mlflow.org), if the extra `mlflow` is installed; else it does nothing.

The run is kept in the server or store that MLFLOW_TRACKING_URI names, and nowhere if that is empty. If it is not set,
it is kept in the folder `mlruns` of the working directory, which is also MLflow's default. A server that cannot be
reached never stops a training.

A model has one run. Its training begins it, its measuring and its card go on with it, by the id in the model's record;
songs that are fetched or prepared have runs of their own.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from livegen import __version__
from livegen.system.commit import commit
from livegen.training.logged import CLOCK, command_line, flat, read_record, write_record

EXPERIMENT: Final = "livegen"
CHAMPION: Final = "champion"
"""The alias of the version of a model that is the best one so far."""

MODEL_PLACE: Final = "model"
"""The folder among a run's artifacts in which its model is."""

_MOST_CHARACTERS: Final = 500
"""Length of a parameter that every version of MLflow accepts."""

_A_BATCH: Final = 100
"""Parameters that MLflow takes at once; of figures it takes a thousand."""

_STATUS: Final = {"finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}


class MlflowRun:
    """A run that MLflow keeps.

    Parameters
    ----------
    folder : Path
        The model's folder, or that of the songs; its name becomes the run's name.
    run_id : str or None
        Id of the run to go on with; None for a new run.
    about : dict
        Becomes the parameters of a new run; names of nested tables are joined by dots.

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
        """Keep figures of a curve; one of them must be the ``step``."""
        if self._client is not None:
            self._guard(lambda: self._log(figures))

    def tell(self, figures: Mapping[str, Any]) -> None:
        """Keep figures that are measured once. Those that are no numbers are left out; nested names are joined."""
        numbers = {name: value for name, value in flat(figures) if isinstance(value, int | float)}
        self.log({_as_name(name): float(value) for name, value in numbers.items()} | {"step": 0})

    def keep(self, files: Iterable[Path], place: str | None = None) -> None:
        """Keep those of some files that are there, in a folder among the run's artifacts, or beside it."""
        for file in files:
            if self._client is not None and file.is_file():
                self._guard(lambda path=file: self._client.log_artifact(self.run_id, str(path), place))  # type: ignore[misc]

    def register(self, name: str, figure: float | None, data_hash: str | None) -> None:
        """Make the run's model a version of the registered model ``livegen-NAME``.

        It becomes the champion if there is none, if the champion learnt from other songs, or if its figure, of which
        less is better, is lower.
        """
        if self._client is not None:
            self._guard(lambda: self._register(f"{EXPERIMENT}-{name}", figure, data_hash))

    def end(self, status: str) -> None:
        """Record how the run ended: "finished", "interrupted" or "failed"."""
        if self._client is not None:
            self._guard(lambda: self._client.set_terminated(self.run_id, _STATUS[status]))

    def _begin(self, name: str, about: Mapping[str, Any]) -> None:
        uri = os.environ.get("MLFLOW_TRACKING_URI")
        if uri == "":
            return
        try:
            from mlflow.tracking import MlflowClient
        except ImportError:
            return
        if uri is None:
            uri = Path("mlruns").resolve().as_uri()
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # MLflow 3.7 and later require it
        client = MlflowClient(tracking_uri=uri)
        if self.run_id is None:
            experiment = client.get_experiment_by_name(EXPERIMENT)
            experiment_id = client.create_experiment(EXPERIMENT) if experiment is None else experiment.experiment_id
            self.run_id = client.create_run(experiment_id, run_name=name, tags=_tags()).info.run_id
            self._client = client
            self._log_settings(about)
        else:
            client.update_run(self.run_id, status="RUNNING")
        self._client = client

    def _log_settings(self, about: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        params = [Param(_as_name(key), str(value)[:_MOST_CHARACTERS]) for key, value in flat(about)]
        for begin in range(0, len(params), _A_BATCH):
            self._client.log_batch(self.run_id, params=params[begin : begin + _A_BATCH])

    def _log(self, figures: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now_ms, step = int(time.time() * 1000), int(figures["step"])
        found = [Metric(name, value, now_ms, step) for name, value in figures.items() if name != "step"]
        self._client.log_batch(self.run_id, metrics=found)

    def _register(self, name: str, figure: float | None, data_hash: str | None) -> None:
        from mlflow.exceptions import MlflowException

        client = self._client
        try:
            client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        tags = {"figure": figure, "data": data_hash}
        version = client.create_model_version(
            name,
            f"runs:/{self.run_id}/{MODEL_PLACE}",
            self.run_id,
            tags={key: str(value) for key, value in tags.items() if value is not None},
        ).version
        alias = client.get_registered_model(name).aliases.get(CHAMPION)
        champion = {} if alias is None else client.get_model_version(name, alias).tags
        if champion.get("data") != data_hash or figure is None or figure < float(champion.get("figure", "inf")):
            client.set_registered_model_alias(name, CHAMPION, version)

    def _guard(self, act: Callable[[], None]) -> None:
        """Call a function that uses MLflow; after a failure MLflow is not used any more."""
        try:
            act()
        except Exception as error:  # a store, a network or a server may raise anything
            self._client = None
            self.trouble = " ".join(str(error).split())[:_MOST_CHARACTERS] or type(error).__name__


@contextmanager
def ended(run: MlflowRun) -> Iterator[MlflowRun]:
    """Yield a run, and end it as the block ends."""
    status = "failed"
    try:
        yield run
        status = "finished"
    finally:
        run.end(status)


@contextmanager
def run_of_model(folder: Path) -> Iterator[MlflowRun]:
    """Go on with the run of a model until the block ends, or with a new one if its record names none."""
    record = read_record(folder)
    about = {name: value for name, value in record.items() if name not in ("parts", "figures", "mlflow_run", CLOCK)}
    with ended(MlflowRun(folder, record.get("mlflow_run"), about)) as run:
        if record and run.run_id != record.get("mlflow_run"):
            write_record(folder, {**record, "mlflow_run": run.run_id})
        yield run


def _tags() -> dict[str, str]:
    """Return what runs are found by; the first name is MLflow's own for the code's version."""
    return {"mlflow.source.git.commit": commit(), "livegen": __version__, "command": command_line()}


def _as_name(name: str) -> str:
    """Return a name with nothing in it that MLflow refuses in one."""
    return "".join(c if c.isalnum() or c in "_-./ " else "_" for c in name)
