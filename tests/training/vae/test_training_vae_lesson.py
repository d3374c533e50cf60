import numpy as np
import pytest
from songs import song
from vae_weights import SMALL

torch = pytest.importorskip("torch")

from livegen.beat import Beat  # noqa: E402
from livegen.engines.vae import rows  # noqa: E402
from livegen.score import Voice, validate_frames  # noqa: E402
from livegen.training.vae.lesson import Lesson, lesson_of, with_slips  # noqa: E402
from livegen.training.vae.network import Network  # noqa: E402
from livegen.training.windows import windows_of  # noqa: E402


@pytest.fixture(scope="module")
def windows():
    return windows_of([(song(i, 400), Beat(12.0, 0.0)) for i in range(3)])


def changes(windows):
    return windows[:, 1:, :, 0] != windows[:, :-1, :, 0]


def test_a_slip_is_another_note_for_as_long_as_the_right_one(windows):
    taken = windows.take(np.arange(len(windows)))
    heard = with_slips(taken, np.random.default_rng(0))
    validate_frames(heard.reshape(-1, 4, 3))
    assert not (changes(heard) & ~changes(taken)).any()
    assert ((heard[..., 0] == 0) == (taken[..., 0] == 0)).all()
    assert 0.05 < (heard != taken).mean() * 3 < 0.4
    assert (heard[..., 1:] == taken[..., 1:]).all()


def test_what_is_heard_is_held_and_what_changes_is_right(windows):
    network, generator = Network(SMALL), np.random.default_rng(1)
    which = np.arange(len(windows))
    batch, named = lesson_of(windows, which, network, generator)
    assert named.shape == (len(which), SMALL.n_named)
    target = batch.target.numpy()
    held = batch.own[..., 0].numpy() - rows.OWN_NOTE
    is_told = held < rows.UNKNOWN_NOTE
    assert 0.2 < is_told.mean() < 0.8
    is_held = batch.changed.numpy() == 0
    assert (target[..., 0] == held)[is_held].all()
    assert (batch.changed.numpy()[~is_told] == 2).all()
    assert (batch.own[:, : rows.BAR_STEPS, :, 3] == rows.OWN_BAR + rows.UNKNOWN_NOTE).all()


def test_free_latents_are_drawn_away_from_the_named_ones():
    torch.manual_seed(0)
    lesson = Lesson(Network(SMALL))
    named = torch.randn(64, SMALL.n_named)
    mixed = torch.nn.Parameter(torch.randn(SMALL.n_named, SMALL.n_free))
    noise = torch.randn(64, SMALL.n_free)
    optimizer = torch.optim.SGD([mixed], 0.2)

    def correlation() -> float:
        return float(
            np.abs(np.corrcoef((named @ mixed + noise).detach().T, named.T)[: SMALL.n_free, SMALL.n_free :]).max()
        )

    before = correlation()
    for _ in range(400):
        optimizer.zero_grad()
        lesson._correlated(named @ mixed + noise, named).backward()
        optimizer.step()
    assert before > 0.4
    assert correlation() < 0.5 * before
    assert (named @ mixed + noise).std() > 0.5  # not by shrinking


def test_a_network_learns_one_window_by_heart(windows):
    torch.manual_seed(0)
    network, generator = Network(SMALL), np.random.default_rng(2)
    lesson, which = Lesson(network), np.zeros(8, np.int64)
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        found = lesson(*lesson_of(windows, which, network, generator), 0.01)
        found.total.backward()
        optimizer.step()
        losses.append(float(found.note.detach()))
    assert losses[-1] < 0.4 * losses[0]
    assert all(torch.isfinite(parameter).all() for parameter in network.parameters())
    assert Voice.NO in network.config.voices
