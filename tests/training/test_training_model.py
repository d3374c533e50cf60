from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from songs import song

torch = pytest.importorskip("torch")

from livegen.beat import Beat  # noqa: E402
from livegen.engines.lstm import ear, kernels  # noqa: E402
from livegen.engines.lstm.lstm import LstmConfig, LstmDistribution, LstmEngine, as_played  # noqa: E402
from livegen.engines.protocol import Conditions, Performer  # noqa: E402
from livegen.score import SILENCE, Column, Voice  # noqa: E402
from livegen.training.data.songs import only, songs_of  # noqa: E402
from livegen.training.dataset import Lesson, Segment, in_order, lesson_of  # noqa: E402
from livegen.training.evaluate import load_network  # noqa: E402
from livegen.training.model import Batch, Network, batch_of  # noqa: E402
from livegen.training.perform import Performance  # noqa: E402

MODELS = Path(__file__).parents[2] / "models"
SMALL = LstmConfig(
    n_embedding=12, n_state=20, n_known=6, n_own=8, n_note_hidden=14, n_volume_hidden=9, n_timbre_hidden=5
)
N_FRAMES = 1000
BEAT = Beat(11.3, 0.4)
"""With its phase in the first frame of a song."""


def _random_network(**differs) -> Network:
    torch.manual_seed(0)
    network = Network(replace(SMALL, **differs))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0.0, 0.4)
    return network


NETWORKS = {
    "random": _random_network,
    "two voices": lambda: _random_network(voices=(Voice.P2, Voice.NO)),
    "less told": lambda: _random_network(leaves_out=("ages", "memory")),
    "deaf": lambda: _random_network(listens=False),
    "default": lambda: load_network(MODELS / "default").cpu(),
    "solo": lambda: load_network(MODELS / "solo").cpu(),
}


@pytest.fixture(params=NETWORKS, scope="module")
def network(request) -> Network:
    """A network with its matrices as the live step rounds them."""
    network = NETWORKS[request.param]().eval()
    arrays = as_played({name: value.numpy() for name, value in network.state_dict().items()})
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return network


@pytest.fixture(scope="module")
def engine(network) -> LstmEngine:
    arrays = {name: value.numpy() for name, value in network.state_dict().items()}
    return LstmEngine.from_arrays("test", network.config, arrays)


def _wild_song() -> np.ndarray:
    """Return a song in which anything legal may follow anything, long silences and held notes among it."""
    generator = np.random.default_rng(3)
    frames = song(1, N_FRAMES)
    for t in range(20, N_FRAMES):
        if t % 200 > 100:
            continue  # the tune of the song comes back: there is something to remember
        if t % 3 == 0:
            notes = generator.integers(32, 109, 3)
            frames[t, :, 0] = *np.where(generator.random(3) < 0.3, 0, notes), generator.integers(0, 17)
            frames[t, [0, 1, 3], 1] = generator.integers(0, 16, 3)
            frames[t, [0, 1, 3], 2] = generator.integers(0, [4, 4, 2])
        elif t % 200 > 60:
            frames[t] = frames[t - 1]
    return frames


def _batch_of(lesson: Lesson, n: int, leaves_out: tuple[str, ...] = ()) -> Batch:
    """Return a lesson of n frames as the only lane of a batch."""
    parts = {name: getattr(lesson, name)[:, None] for name in lesson.__dataclass_fields__}
    segment = Segment(**parts, is_start=np.ones(1, np.bool_), n_frames=np.array([n]))
    return batch_of(segment, torch.device("cpu"), leaves_out)


def _live_losses(distribution: LstmDistribution, frame: np.ndarray, order: tuple[Voice, ...]) -> np.ndarray:
    """Return the negative log-likelihood of a frame, (3 columns, 4 voices), by the kernels of the live step."""
    losses = np.zeros((3, 4))
    is_known = np.zeros(4, np.bool_)
    weights, told = distribution.weights, distribution.told
    n_after, n_timbre = weights.new_rows.shape[2], weights.volume_rows.shape[2]
    for voice in order:
        note, volume, timbre = (int(value) for value in frame[voice])
        losses[Column.NOTE, voice] = -distribution.note_log_probs(voice, frame, is_known)[note]
        if voice is not Voice.TR:
            hidden = np.empty(weights.trunk_bias.shape[1], np.float32)
            kernels.voice_units(int(voice), frame, is_known, told, weights, distribution.h, hidden)
            after = hidden[-n_after:]
            kernels.volume_and_timbre_units(int(voice), note, told.heard, weights, after)
            logits = np.empty(kernels.N_VOLUME_SCORES, np.float32)
            kernels.volume_logits(int(voice), told.proposals[voice], weights, after[:-n_timbre], logits)
            if note and volume:
                losses[Column.VOLUME, voice] = -_log_softmax(logits[:16])[volume]
            kernels.timbre_logits(int(voice), volume, weights, after[-n_timbre:], logits[:4])
            losses[Column.TIMBRE, voice] = -_log_softmax(logits[:4])[timbre]
        is_known[voice] = True
    return losses


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits.astype(float)).sum())


@pytest.mark.parametrize("voices", [tuple(Voice), (Voice.P2, Voice.NO), (Voice.P1,), (Voice.TR,)])
def test_the_names_and_shapes_of_the_weights_are_those_of_the_live_step(voices):
    config = replace(SMALL, voices=voices)
    shapes = {name: tuple(value.shape) for name, value in Network(config).state_dict().items()}
    assert shapes == config.shapes()


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2), (2, 3, 1, 0)])
def test_1000_live_steps_agree_with_one_pass_of_torch_over_1000_frames(network, engine, order):
    order = tuple(Voice(voice) for voice in order)
    frames = _wild_song()
    config = network.config
    songs = replace(only(songs_of([frames]), config.voices), beats=(BEAT,))
    batch = batch_of(next(in_order(songs, 1, N_FRAMES, has_beat=True)), torch.device("cpu"), config.leaves_out)
    known = torch.tensor([[order.index(u) < order.index(v) for u in Voice] for v in Voice])
    with torch.no_grad():
        h, (last_h, last_c) = network(batch.rows, network.new_state(1))
        losses = network.losses(h.flatten(0, 1), batch, known.expand(N_FRAMES, -1, -1))
    expected = torch.stack(losses[:3], 1).numpy()  # (N, 3, 4)
    state, heard = engine.initial_state(), SILENCE
    for t, frame in enumerate(frames):
        distribution, state = engine.step(heard, state, Conditions(BEAT.after(t - 1)))
        live = _live_losses(distribution, frame, order)[:, config.voices]
        assert live == pytest.approx(expected[t][:, config.voices], abs=1e-3, rel=1e-3), f"frame {t}"
        heard = frame
    assert state.h == pytest.approx(last_h.flatten().numpy(), abs=2e-3)
    assert state.c == pytest.approx(last_c.flatten().numpy(), abs=2e-3, rel=1e-3)  # cells may count to hundreds


@pytest.mark.parametrize("network", ["random", "two voices", "default"], indirect=True)
def test_live_steps_agree_with_torch_on_who_performs_and_what_is_held(network, engine):
    config, n = network.config, 300
    generator = np.random.default_rng(4)
    frames = only(songs_of([_wild_song()[:n]]), config.voices).frames
    held = [tuple(sorted(generator.choice(np.arange(40, 80), t // 40 % 4, replace=False).tolist())) for t in range(n)]
    performed = (np.arange(n) // 25 % 16).astype(np.uint8)
    who = Performance(
        (),
        performed,
        np.array([ear.keys_mask(keys) for keys in held]),
        np.array([ear.bass_of(keys, int(bits)) for keys, bits in zip(held, performed, strict=True)], np.uint8),
    )
    lesson = lesson_of(frames, performance=who)
    batch = _batch_of(lesson, n, config.leaves_out)
    known = torch.tensor([[u < v for u in Voice] for v in Voice])
    with torch.no_grad():
        h, _ = network(batch.rows, network.new_state(1))
        expected = torch.stack(network.losses(h.flatten(0, 1), batch, known.expand(n, -1, -1))[:3], 1).numpy()
    state, heard = engine.initial_state(), SILENCE
    for t, frame in enumerate(frames):
        theirs = tuple(bool(performed[t] >> voice & 1) for voice in Voice)
        distribution, state = engine.step(heard, state, Conditions(performer=Performer(theirs, held[t])))
        live = _live_losses(distribution, frame, tuple(Voice))[:, config.voices]
        assert live == pytest.approx(expected[t][:, config.voices], abs=1e-3, rel=1e-3), f"frame {t}"
        heard = frame


@pytest.mark.parametrize("network", ["random"], indirect=True)
def test_at_a_turn_which_note_it_is_counts_and_not_whether_it_changes(network, engine):
    frames = song(2, 60)
    is_turn = np.zeros((60, 4), np.bool_)
    is_turn[20:] = True
    lesson = lesson_of(frames, is_turn=is_turn)
    batch = _batch_of(lesson, 60)
    with torch.no_grad():
        h, _ = network(batch.rows, network.new_state(1))
        which = network.losses(h.flatten(0, 1), batch, torch.zeros(60, 4, 4, dtype=torch.bool)).which.numpy()
    state, heard = engine.initial_state(), SILENCE
    for t, frame in enumerate(frames):
        distribution, state = engine.step(heard, state)
        for voice in Voice:
            log_probs = distribution.note_log_probs(voice, frame, np.zeros(4, np.bool_)).astype(float)
            note, held = int(frame[voice, 0]), int(heard[voice, 0])
            expected = np.log1p(-np.exp(log_probs[held])) - log_probs[note] if t >= 20 and note != held else 0.0
            assert which[t, voice] == pytest.approx(expected, abs=1e-3)
        heard = frame


@pytest.mark.parametrize("network", ["random"], indirect=True)
def test_what_a_performer_holds_moves_the_notes_of_the_others(network, engine):
    nothing = np.zeros(4, np.bool_)

    def expected_of(*keys: int) -> np.ndarray:
        told = Conditions(performer=Performer((True, False, False, False), keys))
        return engine.step(SILENCE, engine.initial_state(), told)[0].note_log_probs(Voice.P2, SILENCE, nothing)

    assert np.abs(np.exp(expected_of(60, 64)) - np.exp(expected_of(61, 65))).max() > 0.01
    assert expected_of(60, 64) == pytest.approx(expected_of(72, 76))  # in any octave


@pytest.mark.parametrize("network", ["random", "default"], indirect=True)
def test_what_is_not_known_has_no_say(network):
    frames = song(2, 30)
    other = frames.copy()
    other[:, Voice.P2] = 50, 3, 0
    batch = batch_of(next(in_order(songs_of([frames]), 1, 30)), torch.device("cpu"))
    changed = batch_of(next(in_order(songs_of([other]), 1, 30)), torch.device("cpu"))
    h = torch.zeros(30, network.config.n_state)
    is_known = torch.tensor([[False, False, True, True]])
    with torch.no_grad():
        told_other = replace(batch, target=changed.target, known=changed.known)
        one = network.voice_losses(Voice.P1, h, network.see(batch), is_known)
        same = network.voice_losses(Voice.P1, h, network.see(told_other), is_known)
        both = network.voice_losses(Voice.P1, h, network.see(told_other), is_known | True)
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not torch.equal(one[0], both[0])
