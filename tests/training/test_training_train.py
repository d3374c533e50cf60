import json
from dataclasses import replace

import numpy as np
import pytest
from songs import song, write_splits

torch = pytest.importorskip("torch")

from safetensors.numpy import load_file  # noqa: E402

from livegen.engines.checkpoint import CONFIG_FILE, load_engine, read_config  # noqa: E402
from livegen.engines.lstm.features import AGE, TRUST  # noqa: E402
from livegen.engines.lstm.lstm import LstmConfig  # noqa: E402
from livegen.errors import CheckpointError, TrainingError  # noqa: E402
from livegen.score import Voice  # noqa: E402
from livegen.training import evaluate as evaluate_module  # noqa: E402
from livegen.training import run as run_module  # noqa: E402
from livegen.training import train as train_module  # noqa: E402
from livegen.training.curve import read_curve  # noqa: E402
from livegen.training.data.songs import songs_of  # noqa: E402
from livegen.training.evaluate import bigram_note_nll, copy_last_accuracy, evaluate  # noqa: E402
from livegen.training.model import Network  # noqa: E402
from livegen.training.train import RESUME_FILE, Progress, Settings, train  # noqa: E402

SMALL = LstmConfig(
    n_embedding=16, n_state=24, n_known=6, n_own=8, n_note_hidden=16, n_volume_hidden=8, n_timbre_hidden=4
)
SETTINGS = Settings(steps=30, n_lanes=4, n_frames=24, learning_rate=2e-2, warm_up_steps=5, precision="float32")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_splits(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "tiny"
    reports: list[Progress] = []
    train(data, out, config=SMALL, settings=SETTINGS, progress=reports.append)
    return out, reports


def test_a_run_learns_and_reports_every_step(trained):
    _, reports = trained
    assert [report.step for report in reports] == list(range(1, 31))
    assert reports[-1].done == 1.0
    assert reports[-1].loss < 0.7 * reports[0].loss
    assert reports[-1].valid_note_nll is not None
    assert reports[-1].valid_note_nll < 0.8 * reports[0].note_nll


def test_a_run_leaves_a_model_that_plays(trained):
    out, _ = trained
    engine = load_engine(out)
    assert engine.name == "tiny"
    assert [row.step for row in read_curve(out)] == [30]
    assert load_file(out / "weights.safetensors")["lstm.weight_hh_l0"].dtype == np.float16


def test_a_resumed_run_ends_where_an_unbroken_one_does(data, trained, tmp_path, monkeypatch):
    out, _ = trained

    def stop_at_11(progress: Progress) -> None:
        if progress.step == 11:
            raise KeyboardInterrupt

    often = replace(SETTINGS, checkpoint_minutes=0.0)
    with pytest.raises(KeyboardInterrupt):
        train(data / "made_train.npz", tmp_path, config=SMALL, settings=often, progress=stop_at_11)
    report = train(data / "made_train.npz", tmp_path, config=SMALL, settings=SETTINGS, resume=True)
    assert report.step == 30
    steps = [row.step for row in read_curve(tmp_path)]
    assert steps == sorted(set(steps))
    assert steps[-1] == 30
    expected, got = load_file(out / "weights.safetensors"), load_file(tmp_path / "weights.safetensors")
    assert expected.keys() == got.keys()
    for name, array in expected.items():
        assert (got[name] == array).all(), name


def test_a_run_begins_with_the_weights_of_a_model_and_new_parts_at_zero(data, trained, tmp_path):
    out, _ = trained
    deaf = tmp_path / "deaf"
    train(data, deaf, config=replace(SMALL, listens=False), settings=SETTINGS)
    still = replace(SETTINGS, steps=1, learning_rate=1e-12)
    for folder in (out, deaf):
        train(data, tmp_path / "tuned", settings=still, start_from=folder)
        assert read_config(tmp_path / "tuned")[1] == SMALL
        was, now = (load_file(each / "weights.safetensors") for each in (folder, tmp_path / "tuned"))
        for name, array in now.items():
            assert array == pytest.approx(was.get(name, np.zeros_like(array)), abs=1e-6), name
    assert set(now) - set(was) == set(SMALL.shapes()) - set(replace(SMALL, listens=False).shapes()) != set()


def test_what_a_run_begins_with_says_what_the_network_is(data, trained, tmp_path):
    for differs in ({"config": SMALL}, {"resume": True}):
        with pytest.raises(TrainingError, match="the network is that of"):
            train(data, tmp_path / "x", settings=SETTINGS, start_from=trained[0], **differs)
    with pytest.raises(TrainingError, match="cannot begin with this model: there is no model in"):
        train(data, tmp_path / "x", settings=SETTINGS, start_from=tmp_path)


@pytest.mark.parametrize(("n_jams", "steps"), [(4, 56), (3, 30)])
def test_jams_are_heard_as_often_as_is_told_and_songs_as_long(data, tmp_path, monkeypatch, n_jams, steps):
    scores = [song(i, 168) for i in range(4)]
    jams = songs_of(scores, learnt=[np.arange(4) == [[0]] * 168 if i < n_jams else None for i in range(4)])
    monkeypatch.setattr(train_module, "load_songs", lambda *_, **__: jams)
    settings = replace(SETTINGS, steps=30, n_lanes=4, n_frames=24, jam_rounds=8)
    assert train(data / "made_train.npz", tmp_path, config=SMALL, settings=settings).step == steps


def test_another_seed_ends_elsewhere(data, trained, tmp_path):
    settings = replace(SETTINGS, steps=1)
    for seed in (0, 1):
        train(data, tmp_path / str(seed), config=SMALL, settings=replace(settings, seed=seed))
    one, other = (load_file(tmp_path / str(seed) / "weights.safetensors")["trunk.P1.weight"] for seed in (0, 1))
    assert (one != other).any()


def test_a_run_that_cannot_be_resumed_says_why(data, trained, tmp_path):
    out, _ = trained
    with pytest.raises(TrainingError, match=r"cannot resume from .*nowhere"):
        train(data, tmp_path / "nowhere", config=SMALL, settings=SETTINGS, resume=True)
    with pytest.raises(TrainingError, match="give the same ones"):
        train(data, out, config=SMALL, settings=replace(SETTINGS, seed=9), resume=True)
    with pytest.raises(TrainingError, match="cannot resume"):
        train(data, out, config=replace(SMALL, n_state=25), settings=SETTINGS, resume=True)
    (tmp_path / RESUME_FILE).write_bytes((out / RESUME_FILE).read_bytes()[:5000])
    with pytest.raises(TrainingError, match="cannot resume"):
        train(data, tmp_path, config=SMALL, settings=SETTINGS, resume=True)


def test_a_resumed_run_goes_on_with_its_own_network(data, tmp_path):
    config = replace(SMALL, voices=(Voice.P1, Voice.TR), leaves_out=("ages",))
    train(data / "made_train.npz", tmp_path, config=config, settings=replace(SETTINGS, steps=2))
    longer = replace(SETTINGS, steps=3)
    with pytest.raises(TrainingError, match="without ages"):
        train(data, tmp_path, config=replace(config, leaves_out=()), settings=longer, resume=True)
    assert train(data / "made_train.npz", tmp_path, settings=longer, resume=True).step == 3
    assert read_config(tmp_path) == ("lstm", config)
    (tmp_path / CONFIG_FILE).unlink()
    with pytest.raises(TrainingError, match="cannot resume"):
        train(data, tmp_path, settings=longer, resume=True)


def test_a_model_of_another_kind_is_neither_resumed_nor_measured(data, tmp_path, monkeypatch):
    for module in (run_module, evaluate_module):
        monkeypatch.setattr(module, "read_config", lambda _: ("chain", object()))
    with pytest.raises(TrainingError, match=r"is no lstm but of the kind 'chain'; give another folder, or begin anew"):
        train(data, tmp_path, settings=SETTINGS, resume=True)
    with pytest.raises(CheckpointError, match="only an lstm can be measured"):
        evaluate_module.load_network(tmp_path)


def test_a_voice_without_volume_can_be_alone(data, tmp_path):
    config = replace(SMALL, voices=(Voice.TR,))
    train(data / "made_train.npz", tmp_path, config=config, settings=replace(SETTINGS, steps=2))
    report = train(data / "made_train.npz", tmp_path, settings=replace(SETTINGS, steps=3), resume=True)
    assert report.step == 3
    assert load_engine(tmp_path).config == config


@pytest.mark.parametrize("leaves_out", [(), ("memory",), ("ages",), ("orders",)])
def test_what_is_left_out_is_never_heard(data, tmp_path, monkeypatch, leaves_out):
    def watched(network, h, batch, is_known):
        seen.append((batch.proposals, batch.before[..., AGE], is_known))
        return losses(network, h, batch, is_known)

    seen, losses = [], Network.losses
    monkeypatch.setattr(Network, "losses", watched)
    config = replace(SMALL, leaves_out=leaves_out)
    train(data / "made_train.npz", tmp_path, config=config, settings=replace(SETTINGS, steps=8))
    in_order = torch.ones(4, 4).tril(-1).bool()
    assert all((known == in_order).all() for _, _, known in seen) == ("orders" in leaves_out)
    assert any(ages.any() for _, ages, _ in seen) == ("ages" not in leaves_out)
    assert any((there[..., TRUST] > 0).any() for there, _, _ in seen) == ("memory" not in leaves_out)
    figures = evaluate(data, tmp_path)
    gain = figures["memory_hidden_note_nll_sum"] - figures["note_nll_sum"]
    assert (abs(gain) < 1e-9) == ("memory" in leaves_out)


def test_a_model_of_one_voice_is_measured_by_it_alone(data, tmp_path):
    config = replace(SMALL, voices=(Voice.P1,))
    train(data, tmp_path, config=config, settings=SETTINGS)
    figures = evaluate(data, tmp_path)
    assert list(figures["note_nll"]) == list(figures["change_accuracy"]) == ["p1"]
    assert figures["note_nll"]["p1"] == figures["note_nll_sum"] > 0
    assert list(figures["nll_by_order"]) == ["P1"]
    assert figures["order_spread"] == 0.0
    assert figures["change_accuracy_mean"] == figures["change_accuracy"]["p1"]
    p1 = [song(100 + i)[:, Voice.P1, 0] for i in range(2)]
    assert figures["copy_last_accuracy"] == pytest.approx(np.mean([notes[1:] == notes[:-1] for notes in p1]))
    assert figures["bigram_note_nll_sum"] > 0


@pytest.mark.parametrize(
    "bad",
    [{"minutes": 0.0}, {"minutes": None}, {"minutes": float("nan")}, {"steps": 0}, {"n_lanes": 0}, {"precision": "f8"}],
)
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(TrainingError, match=next(iter(bad))):
        Settings(**bad)


def test_the_rate_falls_to_nearly_nothing_by_the_end_of_the_minutes(data, tmp_path):
    reports: list[Progress] = []
    settings = replace(SETTINGS, steps=None, minutes=0.02)
    train(data, tmp_path, config=SMALL, settings=settings, progress=reports.append)
    done = [report.done for report in reports]
    assert done == sorted(done)
    assert done[-1] == 1.0


def test_evaluate_tells_the_same_story_in_every_figure(data, trained):
    out, _ = trained
    figures = evaluate(data, out, has_beat=True)
    assert json.loads(json.dumps(figures)) == figures
    assert (figures["model"], figures["songs"], figures["frames"]) == ("tiny", 2, 298)
    for of in (figures, figures["beat_given"]):
        for column in ("note", "volume", "timbre"):
            by_voice = of[f"{column}_nll"]
            assert list(by_voice) == ["p1", "p2", "tr", "no"]
            assert sum(by_voice.values()) == pytest.approx(of[f"{column}_nll_sum"])
        total = of["note_nll_sum"] + of["volume_nll_sum"] + of["timbre_nll_sum"]
        assert len(of["nll_by_order"]) == 24
        assert of["nll_by_order"]["P1 P2 TR NO"] == pytest.approx(total)
        values = of["nll_by_order"].values()
        assert of["order_spread"] == pytest.approx(max(values) / min(values) - 1)
        assert 0 <= of["note_order_spread"] < 1
        assert all(0 <= share <= 1 for share in (*of["note_accuracy"].values(), *of["change_accuracy"].values()))
        changes = [of["change_accuracy"][name] for name in ("p1", "p2", "tr")]
        assert of["change_accuracy_mean"] == pytest.approx(sum(changes) / 3)
    assert figures["memory_hidden_note_nll_sum"] != figures["note_nll_sum"]
    assert figures["note_nll_sum"] < figures["bigram_note_nll_sum"] * 1.5


def test_the_baselines_are_what_counting_gives():
    frames = np.zeros((5, 4, 3), np.uint8)
    frames[:, 0, 0] = 60, 60, 62, 62, 62
    songs = songs_of([frames])
    assert copy_last_accuracy(songs) == pytest.approx(15 / 16)
    always_held = songs_of([frames[:2]] * 200)
    assert bigram_note_nll(always_held, songs_of([frames[:2]])) == pytest.approx(0.0, abs=0.2)
    assert bigram_note_nll(always_held, songs) > 1.0
