import hashlib
import json
import math
import signal
import sys
import types

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors import SafetensorError, safe_open  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402
from songs import song, write_splits  # noqa: E402
from tiny_training import CONFIG, run, start  # noqa: E402
from waiting import wait_until  # noqa: E402

from livegen import __version__  # noqa: E402
from livegen.errors import TrainingError  # noqa: E402
from livegen.training.curve import CurveRow, read_curve  # noqa: E402
from livegen.training.data.songs import songs_of  # noqa: E402
from livegen.training.mlflow_run import MlflowRun  # noqa: E402
from livegen.training.record import RunRecord, read_record  # noqa: E402
from livegen.training.train import RESUME_FILE  # noqa: E402

START_SECONDS = 240.0


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_splits(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # pictures take longer than the training
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setitem(sys.modules, "mlflow.tracking", None)


def test_a_run_says_what_it_was_and_came_to(data, tmp_path):
    report = run(data, tmp_path, 6, 0.0)
    record = json.loads((tmp_path / "run.json").read_text())
    assert record == read_record(tmp_path)
    assert (record["seed"], record["config"]["n_state"], record["settings"]["steps"]) == (0, CONFIG.n_state, 6)
    train = record["data"]["train"]
    assert (train["songs"], train["frames"], record["data"]["left_out"]) == (6, 900, [])
    assert train["sha256"] == songs_of([song(i) for i in range(6)]).digest()
    assert record["figures"]["step"] == 6
    assert record["figures"]["valid_note_nll"] == report.valid_note_nll
    assert record["figures"]["best_valid_note_nll"] == min(row.valid_note_nll for row in read_curve(tmp_path))
    (part,) = record["parts"]
    assert (part["status"], part["first_step"], part["versions"]["livegen"]) == ("finished", 0, __version__)
    assert part["started"] <= part["ended"]
    assert part["command"]


def test_a_resumed_run_is_another_part_and_a_new_one_a_new_record(data, tmp_path):
    def stop(progress):
        if progress.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(data, tmp_path, 6, 0.0, progress=stop)
    assert [part["status"] for part in read_record(tmp_path)["parts"]] == ["interrupted"]
    run(data, tmp_path, 6, 0.0, resume=True)
    assert [(part["status"], part["first_step"]) for part in read_record(tmp_path)["parts"]] == [
        ("interrupted", 0),
        ("finished", 3),
    ]
    run(data, tmp_path, 2, 0.0)
    assert len(read_record(tmp_path)["parts"]) == 1
    assert read_record(tmp_path)["figures"]["step"] == 2


def test_the_hash_tells_other_frames_and_other_cuts():
    one, two = song(1), song(2)
    hashes = {songs_of(scores).digest() for scores in ([one, two], [two, one], [np.concatenate([one, two])], [one])}
    assert len(hashes) == 4
    assert songs_of([one, two]).digest() == songs_of([one.copy(), two]).digest()
    expected = hashlib.sha256(np.array([0, len(one)], "<i8").tobytes() + one.tobytes()).hexdigest()
    assert songs_of([one]).digest() == expected


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"parts": 3}', "[" * 100_000])
def test_a_damaged_record_is_begun_anew(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    assert read_record(tmp_path) == {}
    RunRecord(tmp_path, {"seed": 1}, step=5)
    assert read_record(tmp_path)["seed"] == 1


def test_a_run_that_fails_says_so(tmp_path):
    record = RunRecord(tmp_path, {"seed": 1})
    with pytest.raises(TrainingError), record.until_its_end():
        raise TrainingError("no more")
    assert read_record(tmp_path)["parts"][0]["status"] == "failed"


def kept_steps(out):
    """Return how far the last checkpoint in a folder is, 0 without one."""
    try:
        with safe_open(out / RESUME_FILE, "np") as file:
            return json.loads(file.metadata()["about"])["step"]
    except (OSError, SafetensorError):
        return 0


def test_a_killed_run_loses_nothing_but_the_steps_since_its_checkpoint(data, tmp_path):
    killed, unbroken = tmp_path / "killed", tmp_path / "unbroken"
    process = start(data / "made_train.npz", killed, 100_000, 0.0)
    try:
        assert wait_until(lambda: kept_steps(killed) >= 7 or process.poll() is not None, START_SECONDS)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    finally:
        process.kill()
        process.communicate()
    step = kept_steps(killed)
    assert step >= 7
    assert read_record(killed)["parts"][0]["status"] == "running"
    for out, resume in ((killed, True), (unbroken, False)):
        # the rate follows the budget, so both have that of the run that was killed, and stop at the same step
        with pytest.raises(KeyboardInterrupt):
            run(data / "made_train.npz", out, 100_000, 0.0, resume=resume, progress=stop_after(step + 5))
    expected, got = load_file(unbroken / RESUME_FILE), load_file(killed / RESUME_FILE)
    for name, array in expected.items():
        np.testing.assert_allclose(got[name], array, atol=1e-5, err_msg=name)
    steps = [row.step for row in read_curve(killed)]
    assert steps == sorted(set(steps))
    assert set(range(step + 1, step + 6)) <= set(steps)


def stop_after(step):
    def stop(progress):
        if progress.step == step:
            raise KeyboardInterrupt

    return stop


class Store:
    """An MLflow that keeps runs in a list."""

    def __init__(self):
        self.runs = []
        self.is_broken = False

    def client(self, tracking_uri):
        self.uri = tracking_uri
        return self

    def get_experiment_by_name(self, name):
        return None

    def create_experiment(self, name):
        return name

    def create_run(self, experiment_id, run_name, tags):
        kept = {"params": {}, "metrics": [], "files": [], "status": None}
        self.runs.append({"name": run_name, "experiment": experiment_id, "tags": tags, **kept})
        return types.SimpleNamespace(info=types.SimpleNamespace(run_id=str(len(self.runs) - 1)))

    def log_batch(self, run_id, metrics=(), params=()):
        if self.is_broken:
            raise ConnectionError("the server is\ngone")
        self.runs[int(run_id)]["params"].update(params)
        self.runs[int(run_id)]["metrics"] += [(key, value, step) for key, value, _, step in metrics]

    def log_artifact(self, run_id, path, place):
        self.runs[int(run_id)]["files"].append((path, place))

    def set_terminated(self, run_id, status):
        self.runs[int(run_id)]["status"] = status

    def update_run(self, run_id, status):
        self.runs[int(run_id)]["status"] = status


@pytest.fixture
def store(monkeypatch):
    made = Store()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example")
    monkeypatch.setitem(sys.modules, "mlflow", types.ModuleType("mlflow"))
    tracking = types.ModuleType("mlflow.tracking")
    tracking.MlflowClient = made.client
    monkeypatch.setitem(sys.modules, "mlflow.tracking", tracking)
    entities = types.ModuleType("mlflow.entities")
    entities.Param = entities.Metric = lambda *parts: parts
    monkeypatch.setitem(sys.modules, "mlflow.entities", entities)
    return made


def row(step, valid):
    return CurveRow(step, 0.1, 9.0, 8.0, valid)


def test_mlflow_keeps_settings_and_figures_and_a_resumed_run_is_the_same_one(store, tmp_path):
    about = {"seed": 7, "data": {"train": {"sha256": "abc"}}}
    record = RunRecord(tmp_path, about)
    record.add(row(4, math.nan))
    with pytest.raises(KeyboardInterrupt), record.until_its_end():
        raise KeyboardInterrupt
    (kept,) = store.runs
    assert store.uri == "http://mlflow.example"
    assert (kept["name"], kept["experiment"]) == (tmp_path.name, "livegen")
    assert kept["params"] == {"seed": "7", "data.train.sha256": "abc"}
    assert kept["metrics"] == [("minutes", 0.1, 4), ("loss", 9.0, 4), ("note_nll", 8.0, 4)]
    assert kept["status"] == "KILLED"
    assert kept["files"] == []
    record = RunRecord(tmp_path, about, step=4)
    with record.until_its_end():
        assert kept["status"] == "RUNNING"
        record.add(row(8, 7.5))
    assert len(store.runs) == 1
    assert kept["metrics"][-1] == ("valid_note_nll", 7.5, 8)
    assert kept["status"] == "FINISHED"
    assert kept["files"] == [(str(tmp_path / "run.json"), None)]


def test_an_mlflow_that_fails_is_let_be_and_noted(store, tmp_path):
    record = RunRecord(tmp_path, {"seed": 7})
    store.is_broken = True
    with record.until_its_end():
        record.add(row(4, 7.5))
        record.add(row(8, 7.4))
    assert read_record(tmp_path)["parts"][0]["mlflow_trouble"] == "the server is gone"
    assert read_record(tmp_path)["figures"]["step"] == 8
    assert store.runs[0]["status"] is None


def test_without_mlflow_nothing_is_kept_and_nothing_is_wrong(tmp_path):
    of = MlflowRun(tmp_path, None, {"seed": 7})
    of.log({"step": 1, "loss": 2.0})
    of.end("finished")
    assert (of.run_id, of.trouble) == (None, None)


def test_the_real_mlflow_keeps_a_run_in_its_folder(tmp_path, monkeypatch):
    monkeypatch.undo()
    tracking = pytest.importorskip("mlflow.tracking")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    of = MlflowRun(tmp_path / "tiny", None, {"seed": 7})
    of.log({"step": 3, "loss": 2.0})
    of.end("finished")
    assert of.trouble is None
    kept = tracking.MlflowClient((tmp_path / "mlruns").as_uri()).get_run(of.run_id)
    assert (kept.data.params, kept.data.metrics) == ({"seed": "7"}, {"loss": 2.0})
    assert kept.info.status == "FINISHED"
