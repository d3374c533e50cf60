"""Training the Transformer: songs as words and varied, what the network may see, runs, and figures."""

import math
from dataclasses import replace

import numpy as np
import pytest
from songs import song, write_splits

torch = pytest.importorskip("torch")

from safetensors.numpy import load_file  # noqa: E402

from livegen.engines.checkpoint import read_config  # noqa: E402
from livegen.engines.transformer.config import TransformerConfig  # noqa: E402
from livegen.engines.transformer.words import FIRST_OWN, N_WORDS, NOTE_OF, SAMPLES_OF, VOICE_OF  # noqa: E402
from livegen.errors import TrainingError  # noqa: E402
from livegen.formats.midi.nesmdb import piece_to_song  # noqa: E402
from livegen.formats.score.piece import Piece  # noqa: E402
from livegen.formats.words.tx1 import song_to_rows  # noqa: E402
from livegen.score import Voice  # noqa: E402
from livegen.training.curve import read_curve  # noqa: E402
from livegen.training.record import read_record  # noqa: E402
from livegen.training.transformer.evaluate import evaluate_transformer, load_network  # noqa: E402
from livegen.training.transformer.figures import bigram, mean_nll, perplexity, unigram, word_counts  # noqa: E402
from livegen.training.transformer.lanes import Lanes, whole_songs  # noqa: E402
from livegen.training.transformer.network import NO_WORD, Network  # noqa: E402
from livegen.training.transformer.optimizer import Muon, orthogonal  # noqa: E402
from livegen.training.transformer.songs import SongEvents, load_events  # noqa: E402
from livegen.training.transformer.train import Stage, TransformerSettings, train_transformer  # noqa: E402
from livegen.training.transformer.variation import (  # noqa: E402
    Variation,
    stretched,
    switched,
    thinned,
    transposed,
    words_of,
)

SMALL = TransformerConfig(n_layers=2, n_embedding=32, n_heads=2, n_inner=48, n_context=64)
SETTINGS = TransformerSettings(
    steps=12,
    n_lanes=4,
    warm_up_steps=3,
    checkpoint_minutes=1e3,
    stages=(Stage(0.5, 16, 1), Stage(1.0, 32, 2)),
)
UNVARIED = Variation(0.0, 0.0, 0.0, 0.0)


def events(*seeds: int) -> SongEvents:
    return SongEvents.of(song_to_rows(piece_to_song(Piece(song(seed)), "song"))[0] for seed in seeds)


def random_network(config: TransformerConfig = SMALL) -> Network:
    """Return a network in which nothing is zero."""
    torch.manual_seed(1)
    network = Network(config)
    for weights in network.parameters():
        torch.nn.init.normal_(weights, std=0.1)
    return network.eval()


def test_words_say_what_the_events_do() -> None:
    rows = events(1).song(0)
    words = words_of(rows)
    assert words[0] == words[-1] == 0
    is_event = VOICE_OF[words] >= 0
    assert np.array_equal(VOICE_OF[words[is_event]], rows[:, 1])
    assert np.array_equal(NOTE_OF[words[is_event]], rows[:, 2])
    at = np.cumsum(SAMPLES_OF[words])[is_event]
    assert np.abs(at - rows[:, 0]).max() < 0.02 * rows[-1, 0]


def test_variations_change_what_they_say_and_nothing_else() -> None:
    rows = events(1).song(0)
    moved = transposed(rows, 3)
    is_pitched = (rows[:, 2] > 0) & (rows[:, 1] != Voice.NO)
    assert (moved[is_pitched, 2] == rows[is_pitched, 2] + 3).all()
    assert np.array_equal(moved[~is_pitched], rows[~is_pitched])
    lowest = transposed(rows, -200)[is_pitched & (rows[:, 1] == Voice.TR), 2].min()
    assert lowest >= 21
    assert stretched(rows, 1.05)[-1, 0] == round(rows[-1, 0] / 1.05)
    assert np.array_equal(switched(switched(rows)), rows)
    assert np.array_equal(switched(rows)[rows[:, 1] == Voice.TR], rows[rows[:, 1] == Voice.TR])
    left = thinned(rows, np.array([Voice.P2]))
    assert (left[:, 1] == Voice.P2).all()
    assert left[0, 0] == 0
    assert np.array_equal(thinned(left, np.array([Voice.TR])), left)
    with pytest.raises(TrainingError, match=r"switched is 2: allowed is a share within 0\.\.1"):
        Variation(switched=2)


def test_songs_are_taken_once_and_tiny_ones_not() -> None:
    assert len(events(1, 2, 1).without_doubles()) == 2
    tiny = np.array([[0, 0, 60], [735, 0, 62]])
    assert len(SongEvents.of([tiny])) == 0


def test_lanes_read_whole_songs_and_go_on_where_they_were() -> None:
    songs = events(1, 2, 3)
    lanes = Lanes(songs, UNVARIED, 5, 2, 20)
    batches = [lanes.read() for _ in range(30)]
    first = batches[0]
    assert first.targets.shape == (2, 20)
    for lane in range(2):
        heard = torch.cat([batch.rows[lane, :, 0] for batch in batches])
        targets = torch.cat([batch.targets[lane] for batch in batches])
        assert torch.equal(targets[:-1][heard[1:] != 0], heard[1:][heard[1:] != 0])
    places = lanes.places()
    after = lanes.read()
    again = Lanes(songs, UNVARIED, 5, 2, 20)
    again.go_to(places)
    assert torch.equal(again.read().rows, after.rows)
    ends = torch.cat([batch.targets == 0 for batch in batches], 1)
    pieces = torch.cat([batch.pieces for batch in batches], 1)
    assert ends.any()
    assert (pieces.diff(dim=1)[:, :19] == ends[:, :19]).all()  # after each end another song begins


def test_a_position_sees_the_words_of_its_song_up_to_itself() -> None:
    network = random_network()
    lanes = Lanes(events(1, 2, 3), UNVARIED, 5, 2, 60)
    batch = lanes.read()
    while not batch.pieces.any():
        batch = lanes.read()
    whole = network(batch)
    assert whole.shape == (2, 60, N_WORDS)
    changed = replace(batch, rows=batch.rows.clone())
    changed.rows[:, 30:] = 0
    assert torch.allclose(network(changed)[:, :30], whole[:, :30], atol=1e-5)
    lane = int(batch.pieces.any(1).nonzero()[0])
    begin = int((batch.pieces[lane] > 0).nonzero()[0])
    changed.rows[:] = batch.rows
    changed.rows[lane, :begin] = 0
    assert torch.allclose(network(changed)[lane, begin:], whole[lane, begin:], atol=1e-5)
    assert not torch.allclose(network(changed)[lane, :begin], whole[lane, :begin], atol=1e-3)


def test_a_long_song_is_seen_through_a_sliding_context() -> None:
    one_layer = replace(SMALL, n_layers=1)
    batch = next(whole_songs(events(1)))
    T = batch.rows.shape[1]
    assert 3 * SMALL.n_context < T
    whole = random_network(one_layer)(batch)
    for end in (70, 130, T):
        first = max(end - one_layer.n_context, 0)
        part = replace(batch, **{name: value[:, first:end] for name, value in vars(batch).items()})
        assert torch.allclose(random_network(one_layer)(part)[:, -1], whole[:, end - 1], atol=1e-4)


def test_relative_weights_are_read_at_intervals() -> None:
    network = random_network()
    batch = next(whole_songs(events(1), 40))
    with torch.no_grad():
        h = network.hidden(batch)
        given, weights = network._relative(h, batch), network.relative(h)
    at, voice, note = 30, Voice.P2, 55
    expected = sum(
        float(weights[0, at, (3 * voice + u) * 49 + 24 + note - last])
        for u, last in enumerate(batch.notes[0, at].tolist())
        if last
    )
    for i in range(2):
        for c in range(12):
            filtered = weights[0, at, 9 * 49 + (2 * voice + i) * 12 + (note - c) % 12]
            expected += float(batch.colours[0, at, i, c] * filtered)
    assert max(abs(note - last) for last in batch.notes[0, at].tolist() if last) <= 24
    assert float(given[0, at, FIRST_OWN[voice] + 1 + note - 33]) == pytest.approx(expected, abs=1e-4)
    assert not given[..., FIRST_OWN[voice]].any()


def test_waits_are_weighed_by_their_distance() -> None:
    network = random_network()
    batch = next(whole_songs(events(1), 60))
    with torch.no_grad():
        h = network.hidden(batch)
        given, weights = network._by_distance(h, batch), network.waits(h)
    for word in (100, 163, 201):
        expected = torch.zeros(60)
        for i, told in enumerate(batch.waits[0].T):
            near = (told > 0) & ((word - told).abs() <= 16)
            expected[near] += weights[0, near, 33 * i + 16 + word - told[near]]
        assert torch.allclose(given[0, :, word], expected, atol=1e-5)
    assert given[0, :, 1:371].any()
    assert not given[..., [0, *range(371, N_WORDS)]].any()


def test_muon_steps_along_orthogonal_matrices() -> None:
    torch.manual_seed(0)
    for shape in ((8, 24), (24, 8), (16, 16)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(2, *shape)))
        assert 0.3 < float(values.min()) < float(values.max()) < 1.5
    matrix = torch.nn.Parameter(torch.ones(6, 4))
    muon = Muon([matrix], lr=0.1, weight_decay=0.5)
    matrix.grad = torch.randn(6, 4)
    muon.step()
    expected = 0.95 * torch.ones(6, 4) - 0.1 * math.sqrt(1.5) * orthogonal(matrix.grad[None])[0]
    assert torch.allclose(matrix, expected, atol=1e-5)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_splits(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "tiny"
    reports = []
    train_transformer(data, out, config=SMALL, settings=replace(SETTINGS, steps=60), progress=reports.append)
    return out, reports


def test_a_run_learns_in_stages(trained) -> None:
    out, reports = trained
    losses = [report.loss for report in reports]
    assert np.mean(losses[:3]) > 2.0 * np.mean(losses[-10:])
    assert read_config(out)[1] == SMALL
    arrays = load_file(out / "weights.safetensors")
    assert {name: array.shape for name, array in arrays.items()} == SMALL.shapes()
    assert all(array.dtype == np.float16 for array in arrays.values())
    assert np.abs(arrays["layers.1.down.weight"]).max() > 0.0  # which learnt in the second stage alone
    assert [row.step for row in read_curve(out)] == [60]
    assert read_record(out)["data"]["train"]["songs"] == 6


def test_a_resumed_run_ends_where_an_unbroken_one_does(data, tmp_path) -> None:
    def stop_at_8(progress) -> None:
        if progress.step == 8:
            raise KeyboardInterrupt

    train_transformer(data, tmp_path / "whole", config=SMALL, settings=SETTINGS)
    often = replace(SETTINGS, checkpoint_minutes=0.0)
    with pytest.raises(KeyboardInterrupt):
        train_transformer(data, tmp_path / "broken", config=SMALL, settings=often, progress=stop_at_8)
    assert train_transformer(data, tmp_path / "broken", settings=SETTINGS, resume=True).step == 12
    for file in ("weights.safetensors", "resume.safetensors", "config.toml"):
        same = (tmp_path / "broken" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
        assert same or file == "resume.safetensors"
    broken, whole = (load_file(tmp_path / name / "resume.safetensors") for name in ("broken", "whole"))
    assert all(np.array_equal(broken[name], value) for name, value in whole.items())
    with pytest.raises(TrainingError, match="seed, lanes, stages"):
        train_transformer(data, tmp_path / "broken", settings=replace(SETTINGS, seed=5), resume=True)


def test_a_run_that_is_made_longer_does_not_go_back_to_fewer_layers(data, tmp_path) -> None:
    def stop_at_15(progress) -> None:
        if progress.step == 15:
            raise KeyboardInterrupt

    train_transformer(data, tmp_path, config=SMALL, settings=SETTINGS)
    before = load_file(tmp_path / "resume.safetensors")
    longer = replace(SETTINGS, steps=60, checkpoint_minutes=0.0)
    with pytest.raises(KeyboardInterrupt):
        train_transformer(data, tmp_path, settings=longer, resume=True, progress=stop_at_15)
    after = load_file(tmp_path / "resume.safetensors")
    last = [name for name in before if name.startswith("momentum.layers.1.")]
    assert last
    assert not any(np.array_equal(before[name], after[name]) for name in last)


def test_figures_stand_beside_those_of_counts(data, trained) -> None:
    out, _ = trained
    figures = evaluate_transformer(data, out)
    valid, train = load_events(data, "valid"), load_events(data, "train")
    assert figures["songs"] == 2
    assert figures["words"] == sum(len(words_of(valid.song(i))) - 1 for i in range(2))
    assert figures["perplexity"] < figures["bigram_perplexity"] < figures["unigram_perplexity"] < N_WORDS
    assert figures["perplexity"] == pytest.approx(math.exp(mean_nll(load_network(out), valid)))
    counts = word_counts(train)
    assert bigram(counts).sum(1) == pytest.approx(np.ones(N_WORDS))
    assert perplexity(np.full(N_WORDS, 1.0 / N_WORDS), valid) == pytest.approx(N_WORDS)
    assert unigram(counts).sum() == pytest.approx(1.0)
    assert all((batch.targets != NO_WORD).all() for batch in whole_songs(valid, 50))
