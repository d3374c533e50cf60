"""What every stage logs, on a real MLflow server, as its own client reads it."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("mlflow", reason="MLflow is not installed: install the extra mlflow")
pytest.importorskip("flask", reason="MLflow's server is not installed: install the extra test-pipeline")

from songs import write_splits
from tiny_training import run as train_tiny
from typer.testing import CliRunner
from waiting import wait_until

from livegen.cli.app import app
from livegen.system.commit import commit
from livegen.training.logged import read_figures, read_record
from livegen.training.mlflow_run import CHAMPION, MlflowRun, ended

START_SECONDS = 240.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an MLflow server with SQLite; it is gone after the tests."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "files")]
    command = [sys.executable, "-m", "mlflow", "server", *places, "--workers", "1", "--port", str(port)]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    if environment.pop("PYTHONDONTWRITEBYTECODE", ""):  # then each of its processes would compile all that it imports
        environment["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    try:
        assert wait_until(lambda: answers() or process.poll() is not None, START_SECONDS)
        assert process.poll() is None, (folder / "log").read_text(encoding="utf-8")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def client(server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    from mlflow.tracking import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    return MlflowClient(server)


@pytest.fixture
def livegen() -> Callable[..., None]:
    def run(*words: object) -> None:
        done = CliRunner().invoke(app, [*map(str, words)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        assert "MLflow" not in done.output

    return run


def only_run(client: Any, name: str) -> Any:
    experiment = client.get_experiment_by_name("livegen")
    (found,) = client.search_runs([experiment.experiment_id], f"attributes.run_name = '{name}'")
    return found


def files(client: Any, run: Any, place: str | None = None) -> set[str]:
    return {file.path for file in client.list_artifacts(run.info.run_id, place)}


def test_every_stage_logs_what_it_did(client: Any, livegen: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    livegen("fetch", write_splits(tmp_path / "mine"), tmp_path / "songs")
    fetched = only_run(client, "songs")
    assert fetched.data.metrics["files"] == 2
    assert fetched.data.tags["mlflow.source.git.commit"] == commit()

    data, out = tmp_path / "data", tmp_path / "tiny"
    livegen("prepare", tmp_path / "songs", data)
    prepared = only_run(client, "data")
    assert prepared.data.metrics["train.songs"] == 6
    assert files(client, prepared) == {"data.json"}

    train_tiny(data, out, 4, 0.0)
    livegen("eval", data, "--model", out, "--keep", "--seed", 3)
    livegen("card", out, "--licence", "made by rule")
    run, record = only_run(client, "tiny"), read_record(out)
    assert run.info.run_id == record["mlflow_run"]
    assert run.info.status == "FINISHED"
    assert run.data.params["settings.steps"] == "4"
    assert run.data.params["data.train.sha256"] == record["data"]["train"]["sha256"]
    assert run.data.params["data.train.sha256"] == prepared.data.params["train.sha256"]
    curve = client.get_metric_history(run.info.run_id, "valid_note_nll")
    assert [point.step for point in curve] == [1, 2, 3, 4]
    kept = read_figures(out)["figures"]
    assert run.data.metrics["eval.note_nll_sum"] == kept["note_nll_sum"]
    assert run.data.metrics["eval.nll_by_order.P1 P2 TR NO"] == kept["nll_by_order"]["P1 P2 TR NO"]
    assert files(client, run) >= {"run.json", "curve.csv", "curve.png", "figures.json", "README.md", "model"}
    assert files(client, run, "model") == {"model/config.toml", "model/weights.safetensors"}

    champion = client.get_model_version_by_alias("livegen-tiny", CHAMPION)
    assert (champion.version, champion.run_id) == ("1", run.info.run_id)
    from mlflow.artifacts import download_artifacts

    place = download_artifacts(
        client.get_model_version_download_uri("livegen-tiny", "1"), tracking_uri=os.environ["MLFLOW_TRACKING_URI"]
    )
    assert (Path(place) / "weights.safetensors").read_bytes() == (out / "weights.safetensors").read_bytes()


def test_the_best_on_the_same_songs_is_champion_and_others_on_others(client: Any, tmp_path: Path) -> None:
    def register(figure: float | None, data: str | None) -> str:
        with ended(MlflowRun(tmp_path / "rival", None, {})) as run:
            run.register("rival", figure, data)
        assert run.trouble is None
        return client.get_model_version_by_alias("livegen-rival", CHAMPION).version

    assert [register(2.0, "one"), register(2.5, "one"), register(1.5, "one"), register(9.0, "two")] == list("1134")
    assert [register(9.5, "two"), register(None, "two")] == list("46")


def test_a_server_that_is_gone_is_told_of_and_stops_nothing(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.mid").write_bytes(b"a")
    done = CliRunner().invoke(app, ["fetch", str(tmp_path / "mine"), str(tmp_path / "songs")])
    assert done.exit_code == 0
    assert "warning: MLflow has not kept all of this" in done.output
    assert (tmp_path / "songs" / "a.mid").is_file()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert MlflowRun(tmp_path, None, {}).trouble is None
    assert MlflowRun(tmp_path, None, {}).run_id is None
