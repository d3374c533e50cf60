import json
from dataclasses import replace

import numpy as np
import pytest
from songs import song, write_split, write_splits

torch = pytest.importorskip("torch")

from safetensors.numpy import load_file  # noqa: E402

from livegen.engines.checkpoint import CONFIG_FILE, WEIGHTS_FILE, load_engine, read_config, write_config  # noqa: E402
from livegen.engines.gan.layout import GanConfig  # noqa: E402
from livegen.engines.lstm.lstm import LstmConfig  # noqa: E402
from livegen.engines.protocol import Sampling  # noqa: E402
from livegen.errors import TrainingError  # noqa: E402
from livegen.formats.midi import nesmdb  # noqa: E402
from livegen.formats.score.piece import Piece  # noqa: E402
from livegen.score import SILENCE, validate_frames  # noqa: E402
from livegen.training import run as run_module  # noqa: E402
from livegen.training.curve import read_curve  # noqa: E402
from livegen.training.gan.dcgan import SAMPLES_FILE, DcganSettings, train_dcgan  # noqa: E402
from livegen.training.gan.matrices import read_matrices  # noqa: E402
from livegen.training.gan.train import GanSettings, train_gan  # noqa: E402
from livegen.training.record import read_record  # noqa: E402
from livegen.training.run import RESUME_FILE  # noqa: E402

CONFIG = GanConfig(n_shared=4, n_own=3, n_trunk=6, n_trunk_fine=5, n_own_in=4, n_head=6, n_head_fine=5)
SETTINGS = GanSettings(steps=8, n_lanes=4, n_judged=4, judge_width=8, alone=0.4, r1_every=3, warm_up_steps=2)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_splits(tmp_path_factory.mktemp("songs"), 4, 4)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "tiny"
    train_gan(data, out, config=CONFIG, settings=SETTINGS)
    return out


def test_a_run_leaves_a_model_that_plays_a_record_and_figures(trained):
    player = load_engine(trained)
    assert player.name == "tiny"
    distribution, _ = player.step(SILENCE, player.initial_state())
    frame = distribution.sample(SILENCE, np.zeros(4, bool), Sampling(), seed=1, frame_index=0)
    validate_frames(frame[None])
    assert read_config(trained) == ("gan", CONFIG)
    record = read_record(trained)
    assert record["parts"][0]["status"] == "finished"
    assert {"coverage", "density", "copies", "onset_places", "empty_bars_limit"} <= set(record["figures"])
    assert 0 <= record["figures"]["copies"] <= 1
    assert record["data"]["train"]["windows"] > 4
    assert [row.step for row in read_curve(trained)] == [8]


def test_a_run_comes_out_the_same_again(data, trained, tmp_path):
    train_gan(data, tmp_path, config=CONFIG, settings=SETTINGS)
    for name in (WEIGHTS_FILE, CONFIG_FILE):
        assert (tmp_path / name).read_bytes() == (trained / name).read_bytes()


def test_a_resumed_run_ends_where_an_unbroken_one_does(data, trained, tmp_path):
    class EnoughError(Exception):
        pass

    def stop(report):
        if report.step == 5:
            raise EnoughError

    settings = replace(SETTINGS, checkpoint_minutes=0.0)
    data /= "made_train.npz"
    with pytest.raises(EnoughError):
        train_gan(data, tmp_path, config=CONFIG, settings=settings, progress=stop)
    about = read_record(tmp_path)
    assert about["parts"][0]["status"] == "failed"
    train_gan(data, tmp_path, settings=settings, resume=True)
    one, other = load_file(trained / RESUME_FILE), load_file(tmp_path / RESUME_FILE)
    assert set(one) == set(other)
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)
    assert (trained / WEIGHTS_FILE).read_bytes() == (tmp_path / WEIGHTS_FILE).read_bytes()


def test_both_halves_learn(data, tmp_path):
    """The loss of decoding falls while it is alone, and the discriminator's from where it begins."""
    losses = []
    settings = replace(SETTINGS, steps=36, learning_rate=0.01, alone=0.5)
    data /= "made_train.npz"
    train_gan(data, tmp_path, config=CONFIG, settings=settings, progress=lambda r: losses.append((r.loss, r.note_nll)))
    of_judge, of_decoding = np.array(losses).T
    assert (of_judge[:18] == 2.0).all()
    assert of_judge[-8:].mean() < 1.9
    assert of_decoding[14:18].mean() < 0.75 * of_decoding[:3].mean()


def test_a_checkpoint_of_another_form_is_refused(data, trained, tmp_path):
    write_config(tmp_path, LstmConfig())
    with pytest.raises(TrainingError, match=r"the kind 'lstm'.*another folder"):
        train_gan(data, tmp_path, settings=SETTINGS, resume=True)
    with pytest.raises(TrainingError, match="cannot resume"):
        train_gan(data, tmp_path / "nothing", settings=SETTINGS, resume=True)
    with pytest.raises(TrainingError, match=r"cannot resume from .*phrases a step"):
        train_gan(data, trained, settings=replace(SETTINGS, n_judged=5), resume=True)
    write_split(tmp_path / "long_train.npz", [song(0, 300)])
    with pytest.raises(TrainingError, match="cannot resume"):
        train_dcgan(
            tmp_path / "long_train.npz", trained, settings=DcganSettings(steps=2, n_lanes=4, width=4), resume=True
        )


def test_a_gan_is_trained_on_the_processor_whatever_else_there_is(data, tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "device_of_process", lambda: torch.device("meta"))
    train_gan(data / "made_train.npz", tmp_path / "one", config=CONFIG, settings=replace(SETTINGS, steps=2))
    write_split(tmp_path / "long_train.npz", [song(0, 300)])
    settings = DcganSettings(steps=2, n_lanes=4, width=4)
    train_dcgan(tmp_path / "long_train.npz", tmp_path / "two", settings=settings)
    train_dcgan(tmp_path / "long_train.npz", tmp_path / "two", settings=replace(settings, steps=3), resume=True)


@pytest.mark.parametrize("train", [train_gan, train_dcgan])
def test_several_processes_are_refused(data, tmp_path, monkeypatch, train):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(TrainingError, match="one process and not by 2: start it without torchrun"):
        train(data, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_midi_files_serve_and_bad_ones_are_named(tmp_path):
    folder = tmp_path / "midi"
    folder.mkdir()
    nesmdb.write(folder / "good.mid", Piece(song(0, 300)))
    (folder / "bad.mid").write_bytes(b"MThd nothing")
    told = []

    class Listener:
        def progress(self, what, done):
            pass

        def warn(self, sentence):
            told.append(sentence)

    train_gan(folder, tmp_path / "out", config=CONFIG, settings=replace(SETTINGS, steps=2), listener=Listener())
    assert any("bad.mid" in sentence for sentence in told)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["data"]["left_out"] == told
    assert "copies" in record["figures"]


def test_a_folder_whose_valid_songs_have_no_beat_is_trained_on(tmp_path):
    write_split(tmp_path / "made_train.npz", [song(0, 300)])
    write_split(tmp_path / "made_valid.npz", [song(1, 20)])
    train_gan(tmp_path, tmp_path / "out", config=CONFIG, settings=replace(SETTINGS, steps=2))
    record = read_record(tmp_path / "out")
    assert any("not measured" in sentence for sentence in record["data"]["left_out"])
    assert set(record["figures"]) == {"step", "minutes", "loss", "note_nll", "copies"}


def test_the_baseline_writes_matrices_and_resumes(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    write_split(folder / "made_train.npz", [song(i, 600) for i in range(3)])
    settings = DcganSettings(steps=4, n_lanes=4, width=4)
    train_dcgan(folder, tmp_path / "one", settings=settings)
    assert read_matrices(tmp_path / "one" / SAMPLES_FILE).shape == (512, 32, 32)
    train_dcgan(folder, tmp_path / "two", settings=replace(settings, steps=2))
    train_dcgan(folder, tmp_path / "two", settings=settings, resume=True)
    one, other = (load_file(tmp_path / name / RESUME_FILE) for name in ("one", "two"))
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)
