"""Training the Tonnetz: what slices are, that the network in torch is the one that plays, and runs."""

from dataclasses import replace

import numpy as np
import pytest
from songs import song, write_splits
from tonnetz_weights import SMALL, random_arrays

torch = pytest.importorskip("torch")

from safetensors.numpy import load_file  # noqa: E402

from livegen.beat import Beat  # noqa: E402
from livegen.engines.checkpoint import load_engine  # noqa: E402
from livegen.engines.tonnetz.config import LONGEST_MATCH, N_RECENT  # noqa: E402
from livegen.engines.tonnetz.engine import TonnetzEngine  # noqa: E402
from livegen.engines.tonnetz.lattice import LOWEST_NOTE, N_PITCHES  # noqa: E402
from livegen.engines.tonnetz.network import Network as Played  # noqa: E402
from livegen.engines.tonnetz.recall import NOWHERE, last_times  # noqa: E402
from livegen.errors import TrainingError  # noqa: E402
from livegen.score import Voice  # noqa: E402
from livegen.training import windows as windows_module  # noqa: E402
from livegen.training.curve import read_curve  # noqa: E402
from livegen.training.data.songs import songs_of  # noqa: E402
from livegen.training.distributed import alone  # noqa: E402
from livegen.training.record import read_record  # noqa: E402
from livegen.training.run import Progress  # noqa: E402
from livegen.training.tonnetz import train as train_module  # noqa: E402
from livegen.training.tonnetz.evaluate import evaluate_tonnetz  # noqa: E402
from livegen.training.tonnetz.figures import f1_score, pitch_class_probabilities, probabilities  # noqa: E402
from livegen.training.tonnetz.network import Network  # noqa: E402
from livegen.training.tonnetz.slices import SILENT, Slices, slices_of  # noqa: E402
from livegen.training.tonnetz.train import TonnetzRun, TonnetzSettings, in_another_key, train_tonnetz  # noqa: E402
from livegen.training.windows import windows_of  # noqa: E402

SETTINGS = TonnetzSettings(
    steps=12, n_lanes=4, learning_rate=1e-2, warm_up_steps=3, checkpoint_minutes=1e3, again_steps=4
)


def steps(n: int) -> np.ndarray:
    return np.zeros((n, 4, 3), np.uint8)


def notes(slices: np.ndarray) -> list[set[int]]:
    return [{LOWEST_NOTE + pitch for pitch in np.flatnonzero(each).tolist()} for each in slices]


def test_slices_leave_out_percussion_short_notes_and_short_tracks() -> None:
    song = steps(96)
    song[:, Voice.P1] = (60, 9, 0)
    song[30, Voice.P1] = (72, 9, 0)  # a step of a twelfth of a beat is 1/24 s at 120 beats a minute
    song[40:42, Voice.P1] = (67, 9, 0)
    song[12:60, Voice.P2] = (64, 9, 0)  # two seconds
    song[:, Voice.TR, 0] = 48
    song[:, Voice.NO] = (5, 9, 0)
    assert notes(slices_of(song, 12.0, 12)) == [*[{60, 48}] * 3, {60, 67, 48}, *[{60, 48}] * 4]
    slower = notes(slices_of(song, 18.0, 12))
    assert slower[1:4] == [{60, 48, 64}, {60, 48, 64, 72}, {60, 48, 64, 67}]
    assert notes(slices_of(song, 12.0, 24))[1] == {60, 67, 48}


def test_songs_are_kept_apart_and_begin_after_silence() -> None:
    slices = Slices.of(windows_of([(song(i, 400), Beat(12.0, 0.0)) for i in range(3)]), 12)
    assert np.array_equal(np.unique(slices.songs), np.arange(3))
    first = slices.up_to(np.searchsorted(slices.songs, [0, 1, 2]), SILENT + 1)
    assert first[:, -2:].any(2).all()
    assert not first[:, :-2].any()
    with pytest.raises(TrainingError, match="no song has two slices"):
        Slices.of(windows_of([]), 12)


def looped(n_times: int) -> np.ndarray:
    """Return four bars of which each beat has other pitches, so many times."""
    frames = np.zeros((16 * 12, 4, 3), np.uint8)
    for beat in range(16):
        frames[12 * beat : 12 * beat + 12, Voice.P1] = (60 + beat, 9, 0)
    return np.tile(frames, (n_times, 1, 1))


def test_a_song_recalls_itself_alone() -> None:
    slices = Slices.of(windows_of([(looped(2), Beat(12.0, 0.0))] * 2), 12)
    lengths, followed = slices.recalled(np.array([0, 30, 61]), 31)
    assert lengths.shape == (3, 31, 2)
    assert not lengths[0].any()
    assert not followed[0].any()
    for each in (1, 2):
        assert lengths[each, :, 0].tolist() == [0] * 16 + [min(1 + i, LONGEST_MATCH) for i in range(15)]
        assert np.array_equal(followed[each, 16:, 0], slices.up_to(np.array([30]), 15)[0])


def test_what_is_recalled_is_moved_with_its_lane(monkeypatch) -> None:
    slices = Slices.of(windows_of([(looped(4), Beat(12.0, 0.0))]), 12)
    run = TonnetzRun(slices, None, SMALL, replace(SETTINGS, again_steps=1), alone("a test"))
    run.learn()
    seen = {}

    def recall(logits, lengths, followed):
        seen.update(lengths=lengths, followed=followed)
        return logits

    def nll(logits, pitches):
        seen.update(pitches=pitches)
        return logits.mean((-1, -2))

    monkeypatch.setattr(run.network, "recall", recall)
    monkeypatch.setattr(run.network, "nll", nll)
    keys = set()
    for _ in range(6):
        run.learn()
        is_found = seen["lengths"][..., 0] == LONGEST_MATCH
        assert torch.equal(seen["followed"][is_found][:, 0], seen["pitches"][is_found])
        keys |= set(seen["pitches"][is_found].argmax(-1).tolist())
    assert len(keys) > 16


def test_a_lane_is_moved_as_a_whole() -> None:
    lanes = np.zeros((50, 3, N_PITCHES), np.bool_)
    lanes[:, :, [40, 44, 47]] = True
    moved = in_another_key(lanes, np.random.default_rng(0))
    shifts = {int(np.flatnonzero(lane[0])[0]) - 40 for lane in moved}
    assert shifts == set(range(-5, 7))
    assert all((np.diff(np.flatnonzero(each)) == [4, 3]).all() for lane in moved for each in lane)


def test_the_network_that_plays_is_that_which_is_trained() -> None:
    arrays = random_arrays()
    network = Network(SMALL)
    assert {name: tuple(array.shape) for name, array in network.state_dict().items()} == SMALL.shapes()
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    played, told = Played.from_arrays(SMALL, arrays), None
    generator = np.random.default_rng(0)
    theme = generator.random((20, N_PITCHES)) < 0.05
    theme[7] = False
    pitches = np.concatenate([theme, theme[:12], theme[3:], generator.random((2, N_PITCHES)) < 0.05])
    n = len(pitches)
    recalled = last_times(pitches, np.zeros(n, np.int64), 1 + np.arange(n))
    assert set(recalled[0].ravel()) == set(range(LONGEST_MATCH + 1))
    lengths, places = (torch.from_numpy(each) for each in recalled)
    x = torch.from_numpy(pitches.astype(np.float32))
    before = torch.cat([torch.zeros(N_RECENT - 1, N_PITCHES), x])[None]
    with torch.no_grad():
        latents, _ = network.foretell(network.encode(x[None]))
        logits = (network.decode(latents) + network.sounding_again(before, n))[0]
        logits = network.recall(logits, lengths, x[places] * (places != NOWHERE)[..., None])
    heard = [sum(1 << int(pitch) for pitch in np.flatnonzero(each)) for each in pitches]
    for i in range(n):
        told = played.hear(heard[: i + 1], told)
        expected = logits[i].mean(-1).numpy() - np.log(arrays["weights"])
        assert told.logits == pytest.approx(expected, abs=1e-4)
        assert told.pitch_classes == pytest.approx(probabilities(logits[i], network.weights).numpy(), abs=1e-4)


def test_a_pitch_weighs_alike_in_all_of_its_cells() -> None:
    network = Network(SMALL)
    network.weights[:] = 3.0
    sounding = torch.zeros(1, N_PITCHES)
    sounding[0, 40] = 1.0
    silent = torch.full((1, N_PITCHES, 3), -20.0)
    assert float(network.nll(silent, sounding)) == pytest.approx(60.0, rel=1e-3)
    one_cell = silent.clone()
    one_cell[0, 40, 1] = 20.0
    assert float(network.nll(one_cell, sounding)) == pytest.approx(40.0, rel=1e-3)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Songs of which each is given a beat, whatever is found in them."""
    folder = write_splits(tmp_path_factory.mktemp("data"))
    patch = pytest.MonkeyPatch()
    songs = {"train": [song(i, 400) for i in range(4)], "valid": [song(100 + i, 300) for i in range(2)]}

    def load(data, split, *_, **__):
        return songs_of(songs[split], [Beat(12.0, 0.0)] * len(songs[split]))

    patch.setattr(windows_module, "load_songs", load)
    yield folder
    patch.undo()


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "tiny"
    reports: list[Progress] = []
    train_tonnetz(
        data, out, config=SMALL, settings=replace(SETTINGS, steps=60, again_steps=25), progress=reports.append
    )
    return out, reports


def test_a_run_learns_to_tell_slices_again_and_then_the_next(trained) -> None:
    out, reports = trained
    again, after = [report.loss for report in reports[:25]], [report.loss for report in reports[25:]]
    assert np.mean(again[-4:]) < 0.8 * np.mean(again[:2])
    assert np.mean(after[-5:]) < 0.8 * np.mean(after[:3])
    engine = load_engine(out)
    assert isinstance(engine, TonnetzEngine)
    assert replace(engine.network.config, threshold=0.5) == SMALL
    assert [row.step for row in read_curve(out)] == [60]
    record = read_record(out)
    assert record["parts"][0]["status"] == "finished"
    assert record["data"]["train"]["slices"] > 50
    assert 0.0 <= record["figures"]["train_pitch_class_f1"] <= 1.0


def test_a_resumed_run_ends_where_an_unbroken_one_does(data, tmp_path) -> None:
    def stop_at_7(progress: Progress) -> None:
        if progress.step == 7:
            raise KeyboardInterrupt

    train_tonnetz(data, tmp_path / "whole", config=SMALL, settings=SETTINGS)
    often = replace(SETTINGS, checkpoint_minutes=0.0)
    with pytest.raises(KeyboardInterrupt):
        train_tonnetz(data, tmp_path / "broken", config=SMALL, settings=often, progress=stop_at_7)
    assert train_tonnetz(data, tmp_path / "broken", settings=SETTINGS, resume=True).step == 12
    for file in ("weights.safetensors", "config.toml"):
        assert (tmp_path / "broken" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
    with pytest.raises(TrainingError, match="seed, lanes, steps of telling again"):
        train_tonnetz(data, tmp_path / "broken", settings=replace(SETTINGS, seed=5), resume=True)


def test_a_run_without_gain_ends_after_five_epochs_with_the_best_weights(data, tmp_path, monkeypatch) -> None:
    nlls, biases = iter([3.0, 2.0, *[2.5] * 40]), []

    def measure(network, slices) -> float:
        biases.append(network.state_dict()["next.bias"].numpy().astype(np.float16))
        return next(nlls)

    monkeypatch.setattr(train_module, "mean_nll", measure)
    settings = replace(SETTINGS, steps=4000, again_steps=1)
    report = train_tonnetz(data, tmp_path, config=SMALL, settings=settings)
    assert report.step < 100
    assert len(biases) == 8  # seven epochs, and once for the curve
    kept = load_file(tmp_path / "weights.safetensors")["next.bias"]
    assert np.array_equal(kept, biases[1])
    assert not np.array_equal(kept, biases[6])


def test_figures_compare_with_a_bigram_of_chord_sets(data, trained) -> None:
    out, _ = trained
    figures = evaluate_tonnetz(data, out)
    assert figures["slices"] > 20
    for name in ("pitch_class_f1", "bigram_f1"):
        assert 0.0 < figures[name] <= 1.0
    assert figures["ratio"] == pytest.approx(figures["pitch_class_f1"] / figures["bigram_f1"])


def test_f1_counts_all_slices_together() -> None:
    told, sounding = np.zeros((2, 12), np.bool_), np.zeros((2, 12), np.bool_)
    told[0, :4] = sounding[0, 2:4] = sounding[1, 0] = True
    assert f1_score(told, sounding) == pytest.approx(4.0 / 7.0)
    assert f1_score(np.zeros_like(told), sounding) == 0.0


def test_what_is_foretold_hangs_on_what_was_before(data) -> None:
    slices = Slices.of(windows_of([(song(i, 400), Beat(12.0, 0.0)) for i in range(2)]), 12)
    network = Network(SMALL)
    found = pitch_class_probabilities(network, slices, np.arange(len(slices)))
    assert found.shape == (len(slices), 12)
    assert len(np.unique(found.round(6), axis=0)) > 10
