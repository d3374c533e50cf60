import numpy as np
import pytest

torch = pytest.importorskip("torch")

from test_gan_figures import phrases  # noqa: E402

from livegen.beat import Beat  # noqa: E402
from livegen.engines.gan.layout import N_NOTES, GanConfig  # noqa: E402
from livegen.score import Voice, onsets  # noqa: E402
from livegen.training.gan.network import (  # noqa: E402
    Discriminator,
    Generator,
    _Held,
    heard,
    rotated,
    strikes,
    to_phrase,
    to_windows,
)
from livegen.training.gan.phrases import Source, Variation, song_shifts, transposed  # noqa: E402
from livegen.training.gan.train import latents  # noqa: E402
from livegen.training.windows import windows_of  # noqa: E402

CONFIG = GanConfig(n_shared=4, n_own=3, n_trunk=6, n_trunk_fine=5, n_own_in=4, n_head=6, n_head_fine=5)


def test_shapes_are_those_of_the_configuration():
    assert {n: tuple(p.shape) for n, p in Generator(CONFIG).named_parameters()} == CONFIG.shapes()
    assert 2e6 < sum(np.prod(shape) for shape in GanConfig().shapes().values()) < 4e6


def test_phrases_go_there_and_back():
    some = torch.from_numpy(phrases(5))
    assert (to_windows(to_phrase(some)) == some).all()


def test_strikes_are_the_onsets_of_the_score():
    some = phrases(5)
    some[:, ::5, :, 1] = np.where(some[:, ::5, :, 1] > 0, 12, 0)
    some[:, 0, 0, 0] = 50
    some[:, 0, 0, 1] = 9
    found = strikes(to_phrase(torch.from_numpy(some))).numpy() > 0.5
    for phrase, struck in zip(some, found, strict=True):
        assert (struck == onsets(phrase)).all()


def test_what_is_made_is_a_choice_and_has_a_gradient_everywhere():
    generator, judge = Generator(CONFIG), Discriminator(8)
    made = generator(*latents(4, CONFIG, torch.Generator().manual_seed(0)))
    for voice in Voice:
        assert made.notes[voice].shape == (4, 96, N_NOTES[voice])
        assert torch.allclose(made.notes[voice].max(-1).values, torch.ones(4, 96), atol=1e-5)
        assert torch.allclose(made.notes[voice].sum(-1), torch.ones(4, 96), atol=1e-5)
    judge(heard(made)).sum().backward()
    for name, parameter in generator.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0 or name.endswith("out.bias"), name


def test_a_gates_gradient_is_what_its_opening_would_change():
    generator = torch.Generator().manual_seed(1)
    gate = (torch.rand(1, 12, generator=generator) < 0.3).double()
    gate[0, 2] = 1.0
    struck = torch.randn(1, 12, 3, generator=generator, dtype=torch.float64)
    weight = torch.randn(1, 12, 3, generator=generator, dtype=torch.float64)

    def total(g):
        return (_Held.apply(g, struck) * weight).sum()

    gate.requires_grad_()
    (gradient,) = torch.autograd.grad(total(gate), gate)
    for t in range(12):
        on, off = gate.detach().clone(), gate.detach().clone()
        on[0, t], off[0, t] = 1.0, 0.0
        if off.sum() > 0:
            assert gradient[0, t].item() == pytest.approx((total(on) - total(off)).item()), t


def test_a_loop_that_is_cut_elsewhere_is_turned_round():
    made = to_phrase(torch.from_numpy(phrases(2)))
    turned = to_windows(rotated(made, torch.tensor([0, 3]))).numpy()
    assert (turned[0] == phrases(2)[0]).all()
    assert (turned[1] == np.roll(phrases(2)[1], -36, 0)).all()


def test_variation_transposes_and_swaps_and_grows_only_while_the_judge_is_sure():
    variation = Variation()
    for _ in range(200):
        variation.hear(torch.ones(32))
    assert variation.share > 0
    before = variation.share
    for _ in range(200):
        variation.hear(torch.tensor([1.0, -1.0]))
    assert variation.share < before
    variation.share = 0.8
    torch.manual_seed(0)
    some = phrases(64)
    varied = to_windows(variation.vary(to_phrase(torch.from_numpy(some)))).numpy()
    assert (varied[..., Voice.NO, 0] == some[..., Voice.NO, 0]).all()
    assert ((varied[..., 0] > 0).sum((1, 2)) == (some[..., 0] > 0).sum((1, 2))).all()
    same = (varied[..., Voice.TR, 0] == some[..., Voice.TR, 0]).all(1).mean()
    assert 0.1 < same < 0.45  # a fifth, and a twelfth of the rest


def test_songs_are_learnt_in_one_key():
    scale = np.array([60, 64, 67, 72, 71, 67, 65, 62, 64, 60, 67, 60])
    songs = []
    for up in range(12):
        frames = np.zeros((240, 4, 3), np.uint8)
        frames[:, 0, 0] = np.repeat(np.tile(scale + up, 2), 10)
        frames[:, 0, 1] = 9
        songs.append((frames, Beat(10.0, 0.0)))
    windows = windows_of(songs)
    shifts = song_shifts(windows)
    assert ((shifts + np.arange(12)) % 12 == shifts[0]).all()
    source = Source(windows, 3)
    pitch_classes = np.unique(source.batch(0, 40)[..., 0, 0] % 12)
    assert len(pitch_classes) <= 7
    assert (source.batch(5, 8) == Source(windows, 3).batch(5, 8)).all()


def test_a_note_beyond_its_range_moves_by_an_octave():
    some = np.zeros((1, 96, 4, 3), np.uint8)
    some[..., 0, 0], some[..., 2, 0], some[..., 3, 0] = 107, 22, 5
    up, down = transposed(some, np.array([3])), transposed(some, np.array([-4]))
    assert set(up[..., 0, 0].ravel()) == {98}
    assert set(down[..., 2, 0].ravel()) == {30}
    assert set(up[..., 3, 0].ravel()) == {5}
