import json
from dataclasses import replace

import numpy as np
import pytest
from songs import song, write_split

torch = pytest.importorskip("torch")

from livegen.beat import Beat  # noqa: E402
from livegen.controls import DEFAULTS  # noqa: E402
from livegen.engines.checkpoint import load_engine  # noqa: E402
from livegen.engines.lstm.lstm import LstmConfig  # noqa: E402
from livegen.engines.protocol import UNCONDITIONED, Conditions  # noqa: E402
from livegen.errors import TrainingError  # noqa: E402
from livegen.judge import free_run  # noqa: E402
from livegen.judge.free_run import judge_free_runs, own_beat, play  # noqa: E402
from livegen.performance.performance import advance, begin  # noqa: E402
from livegen.score import Voice, validate_frames  # noqa: E402
from livegen.training.train import Settings, train  # noqa: E402

SMALL = LstmConfig(n_embedding=8, n_state=12, n_known=4, n_own=4, n_note_hidden=8, n_volume_hidden=4, n_timbre_hidden=4)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_split(folder / "made_train.npz", [song(i, 120) for i in range(6)])
    write_split(folder / "made_valid.npz", [song(100 + i, 120) for i in range(3)])
    return folder


def _trained(data, out, config):
    train(data / "made_train.npz", out, config=config, settings=Settings(steps=4, n_lanes=2, n_frames=16))
    return out


@pytest.fixture(scope="module")
def model(data, tmp_path_factory):
    return _trained(data, tmp_path_factory.mktemp("models") / "tiny", SMALL)


def test_a_run_is_a_score_that_its_seed_beat_and_prompt_decide(model):
    engine = load_engine(model)

    def played(**given) -> bytes:
        frames = play(engine, 60, **{"seed": 1} | given)
        assert validate_frames(frames).shape == (60, 4, 3)
        return frames.tobytes()

    assert played() == played()
    others = {played(), played(seed=2), played(prompt=song(1, 40)), played(conditions=Conditions(Beat(5.0, 0.0)))}
    assert len(others) == 4


def test_a_run_to_which_nobody_gives_a_beat_has_the_one_that_a_session_draws(model):
    engine = load_engine(model)
    state, _, _ = advance(begin(engine, DEFAULTS, seed=11), 2)
    told = state.timeline.at(1).context.told.beat  # with its phase in the frame before
    own = own_beat(11)
    assert own.period_frames == told.period_frames
    assert own.after(1).phase == pytest.approx(told.phase, abs=1e-6)
    runs = [play(engine, 60, seed=11, conditions=given) for given in (UNCONDITIONED, Conditions(own))]
    assert (runs[0] == runs[1]).all()


def test_free_runs_are_judged_in_every_figure(data, model, monkeypatch):
    monkeypatch.setattr(free_run, "RUN_SECONDS", 4)
    monkeypatch.setattr(free_run, "N_RUNS", 3)
    n_played = []
    figures = judge_free_runs(data, model, progress=lambda: n_played.append(1))
    assert len(n_played) == 3 + 5
    assert json.loads(json.dumps(figures))["n_distances"] == 20
    assert figures["n_within"] == sum(of["is_within"] for of in figures["distances"].values())
    assert set(figures["tempo"]) == {75, 96, 120, 150, 180}
    assert figures["n_further_distances"] == len(figures["further_distances"]) == 4 * 4 + 1
    every = [*figures["distances"].values(), *figures["further_distances"].values()]
    assert all(np.isfinite(of["distance"]) and np.isfinite(of["limit"]) for of in every)


def test_free_runs_are_drawn_beside_the_songs(data, model, monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(free_run, "RUN_SECONDS", 4)
    monkeypatch.setattr(free_run, "N_RUNS", 2)
    judge_free_runs(data, model, picture=tmp_path / "runs.png")
    assert (tmp_path / "runs.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(TrainingError, match="make the folder"):
        judge_free_runs(data, model, picture=tmp_path / "nowhere" / "runs.png")


def test_a_model_of_one_voice_is_judged_by_it_alone(data, tmp_path, monkeypatch):
    monkeypatch.setattr(free_run, "RUN_SECONDS", 4)
    monkeypatch.setattr(free_run, "N_RUNS", 2)
    figures = judge_free_runs(data, _trained(data, tmp_path, replace(SMALL, voices=(Voice.P1,))))
    assert (figures["n_distances"], figures["n_further_distances"]) == (5, 5)
    assert {what.rpartition(".")[2] for what in figures["distances"]} == {"P1"}
    assert all(list(rate) == ["P1"] for of in figures["rates"].values() for rate in of.values())
