from dataclasses import replace

import numpy as np
import pytest
from songs import song, write_splits
from vae_weights import SMALL, small_config

torch = pytest.importorskip("torch")

from safetensors.numpy import load_file  # noqa: E402

from livegen.beat import Beat  # noqa: E402
from livegen.engines.checkpoint import CONFIG_FILE, WEIGHTS_FILE, load_engine, read_config  # noqa: E402
from livegen.engines.vae.vae import VaeEngine  # noqa: E402
from livegen.errors import CheckpointError, TrainingError  # noqa: E402
from livegen.score import Voice  # noqa: E402
from livegen.training import windows as windows_module  # noqa: E402
from livegen.training.curve import read_curve  # noqa: E402
from livegen.training.data.songs import songs_of  # noqa: E402
from livegen.training.data.sources import Songs  # noqa: E402
from livegen.training.record import read_record  # noqa: E402
from livegen.training.run import Progress  # noqa: E402
from livegen.training.vae import evaluate as evaluate_module  # noqa: E402
from livegen.training.vae.evaluate import evaluate_vae, spearman  # noqa: E402
from livegen.training.vae.train import VaeSettings, train_vae  # noqa: E402

SETTINGS = VaeSettings(
    steps=12, n_lanes=6, learning_rate=1e-2, warm_up_steps=3, kl_steps=4, precision="float32", checkpoint_minutes=1e3
)


@pytest.fixture(scope="module", autouse=True)
def _calibrated_by_few():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate_module, "N_CALIBRATED", 8)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Songs of which each is given a beat, whatever is found in them."""
    folder = write_splits(tmp_path_factory.mktemp("data"))
    patch = pytest.MonkeyPatch()
    longer = {"train": [song(i, 400) for i in range(4)], "valid": [song(100 + i, 300) for i in range(2)]}

    def load(data, split, *_, **__) -> Songs:
        return songs_of(longer[split], [Beat(12.0, 0.0)] * len(longer[split]))

    patch.setattr(windows_module, "load_songs", load)
    yield folder
    patch.undo()


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "tiny"
    reports: list[Progress] = []
    train_vae(data, out, config=SMALL, settings=replace(SETTINGS, steps=40), progress=reports.append)
    return out, reports


def test_a_run_learns_and_leaves_a_model_that_plays(trained):
    out, reports = trained
    assert [report.step for report in reports] == list(range(1, 41))
    assert np.mean([report.loss for report in reports[-5:]]) < 0.7 * reports[0].loss
    assert reports[-1].valid_note_nll is not None
    engine = load_engine(out)
    assert isinstance(engine, VaeEngine)
    assert replace(engine.config, gains=()) == SMALL
    assert all(1.0 <= gain <= 2.0 for gain in engine.config.gains)
    assert engine.config.gains != SMALL.gains
    assert np.isfinite(engine.encode(song(1, 96))).all()
    assert [row.step for row in read_curve(out)] == [40]
    record = read_record(out)
    assert record["parts"][0]["status"] == "finished"
    assert record["data"]["train"]["windows"] > 50
    assert record["settings"]["kl_weight"] == SETTINGS.kl_weight


def test_a_run_comes_out_the_same_again(data, trained, tmp_path):
    train_vae(data, tmp_path, config=SMALL, settings=replace(SETTINGS, steps=40))
    for name in (WEIGHTS_FILE, CONFIG_FILE):
        assert (tmp_path / name).read_bytes() == (trained[0] / name).read_bytes()


def test_a_resumed_run_ends_where_an_unbroken_one_does(data, tmp_path):
    def stop_at_7(progress: Progress) -> None:
        if progress.step == 7:
            raise KeyboardInterrupt

    train_vae(data, tmp_path / "whole", config=SMALL, settings=SETTINGS)
    often = replace(SETTINGS, checkpoint_minutes=0.0)
    with pytest.raises(KeyboardInterrupt):
        train_vae(data, tmp_path / "broken", config=SMALL, settings=often, progress=stop_at_7)
    assert train_vae(data, tmp_path / "broken", settings=SETTINGS, resume=True).step == 12
    for file in ("weights.safetensors", "config.toml"):
        assert (tmp_path / "broken" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


def test_what_cannot_be_resumed_says_why(data, trained, tmp_path, model):
    out, _ = trained
    with pytest.raises(TrainingError, match=r"seed, windows a step, .* give the same ones"):
        train_vae(data, out, settings=replace(SETTINGS, seed=5), resume=True)
    with pytest.raises(TrainingError, match="is no vae"):
        train_vae(data, model, settings=SETTINGS, resume=True)
    with pytest.raises(TrainingError, match="cannot resume"):
        train_vae(data, tmp_path, settings=SETTINGS, resume=True)


def test_a_model_of_one_voice_hears_no_other(data, tmp_path):
    config = small_config((Voice.P1,))
    train_vae(data, tmp_path, config=config, settings=replace(SETTINGS, steps=3))
    assert replace(read_config(tmp_path)[1], gains=()) == config
    assert load_file(tmp_path / "weights.safetensors")["quantiles"].shape[0] == 7
    assert load_engine(tmp_path).info.voices == (Voice.P1,)


def test_songs_without_the_voices_are_refused_and_a_run_that_cannot_be_watched_goes_on(data, tmp_path, monkeypatch):
    def use(**songs):
        monkeypatch.setattr(
            windows_module, "load_songs", lambda _, split, *__, **___: songs_of([songs[split]], [Beat(12.0, 0.0)])
        )

    config, settings = small_config((Voice.NO,)), replace(SETTINGS, steps=2)
    without = song(0, 400)
    without[:, Voice.NO] = 0
    use(train=without)
    with pytest.raises(TrainingError, match="no song with a clear beat has NO in it"):
        train_vae(data, tmp_path / "out", config=config, settings=settings)
    assert not (tmp_path / "out").exists()
    for valid in (without, song(1, 20)):
        use(train=song(0, 400), valid=valid)
        assert train_vae(data, tmp_path / "out", config=config, settings=settings).step == 2
        assert "not measured" in read_record(tmp_path / "out")["data"]["left_out"][0]


def test_every_figure_is_measured(data, trained, model, monkeypatch):
    out, _ = trained
    for name, few in {"N_WINDOWS": 6, "N_KNOBS": 4, "N_PAIRS": 3}.items():
        monkeypatch.setattr(evaluate_module, name, few)
    figures = evaluate_vae(data, out)
    assert set(figures["accuracy"]) == {"all", "p1", "p2", "tr", "no"}
    assert 0.0 <= figures["change_accuracy"]["all"] <= 1.0
    assert figures["copy_accuracy"]["tr"] == 1.0
    assert tuple(figures["knobs"]) == SMALL.latents
    assert all(-1.0 <= value <= 1.0 for value in figures["knobs"].values())
    assert set(figures["interpolation"]) == {"cells", "features"}
    assert all(0.0 <= share <= 1.0 for share in figures["interpolation"].values())
    assert 0.0 < figures["decode_ms"]["p50"] <= figures["decode_ms"]["p99"]
    assert figures["note_nll"] > 0.0
    with pytest.raises(CheckpointError, match="is no vae"):
        evaluate_vae(data, model)


def test_going_over_is_to_leave_one_and_come_near_the_other():
    ways = np.array([[0.0, 1.0, 2.0, 3.0], [0.0, 2.0, 1.0, 3.0]])
    assert evaluate_module._goes_over(ways, 3.0 - ways) == pytest.approx(5 / 6)
    assert evaluate_module._goes_over(ways, ways) == 0.0


def test_spearman_is_that_of_ranks():
    x = np.array([3.0, 1.0, 2.0, 5.0])
    assert spearman(x, x**3) == pytest.approx(1.0)
    assert spearman(x, -x) == pytest.approx(-1.0)
    assert spearman(x, np.ones(4)) == 0.0
    stats = pytest.importorskip("scipy.stats")
    one, other = np.random.default_rng(0).integers(0, 5, (2, 60))
    assert spearman(one, other) == pytest.approx(stats.spearmanr(one, other).statistic)
