import numpy as np
import pytest
from gan_weights import CONFIG, arrays

from livegen.engines.gan import kernels
from livegen.engines.gan.generator import Generator
from livegen.engines.gan.layout import N_NOTES, N_TIMBRES, at_volume, n_outputs
from livegen.score import NOTE_RANGE, Voice


def test_agrees_with_torch():
    torch = pytest.importorskip("torch")
    from livegen.training.gan import network

    weights = arrays()
    reference = network.Generator(CONFIG)
    reference.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    random = np.random.default_rng(1)
    shared, own = random.normal(size=(3, 6)).astype(np.float32), random.normal(size=(3, 4, 5)).astype(np.float32)
    ours = Generator.from_arrays(CONFIG, weights).scores(shared, own)  # three phrases in one circle
    with torch.no_grad():
        theirs = reference.scores(torch.from_numpy(shared)[None], torch.from_numpy(own)[None])
    for voice, one, other in zip(Voice, ours, theirs, strict=True):
        assert one.shape == (3 * 96, n_outputs(voice))
        np.testing.assert_allclose(one, other[0].T.numpy(), rtol=1e-4, atol=1e-4)


def test_plays_what_torch_plays():
    torch = pytest.importorskip("torch")
    from livegen.training.gan import network

    random = np.random.default_rng(2)
    scores = [random.normal(-0.5, 2, (96, n_outputs(voice))).astype(np.float32) for voice in Voice]
    phrase = network.phrase_of([torch.from_numpy(score.T.copy())[None] for score in scores])
    theirs = network.to_windows(phrase)[0].numpy()
    for voice in Voice:
        ours = played(voice, scores[voice])
        is_heard = theirs[:, voice, 1] > 0 if voice is not Voice.TR else theirs[:, voice, 0] > 0
        assert (ours[is_heard] == theirs[is_heard, voice]).all()
        assert not ours[~is_heard].any()  # a note of volume 0 is silence


def played(voice: Voice, scores: np.ndarray, bias: float = 0.0, silence: float = 0.0) -> np.ndarray:
    out = np.zeros((len(scores), 3), np.uint8)
    lowest, has_volume = NOTE_RANGE[voice][0], voice is not Voice.TR
    attack = np.zeros(len(scores), np.float32)
    kernels.render(scores, bias, attack, silence, lowest, N_NOTES[voice], N_TIMBRES[voice], has_volume, out)
    return out


def test_a_phrase_is_a_circle():
    """Where latents of two phrases change places, the loop is the same, turned round by a phrase."""
    generator = Generator.from_arrays(CONFIG, arrays())
    random = np.random.default_rng(3)
    shared, own = random.normal(size=(2, 6)).astype(np.float32), random.normal(size=(2, 4, 5)).astype(np.float32)
    one, other = generator.scores(shared, own), generator.scores(shared[::-1].copy(), own[::-1].copy())
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, np.roll(b, 96, 0))


def test_the_latent_of_a_voice_leaves_the_others_alone():
    generator = Generator.from_arrays(CONFIG, arrays())
    random = np.random.default_rng(4)
    shared, own = random.normal(size=(1, 6)).astype(np.float32), random.normal(size=(1, 4, 5)).astype(np.float32)
    before = generator.scores(shared, own)
    own[:, Voice.P1] += 1.0
    after = generator.scores(shared, own)
    assert [bool((a == b).all()) for a, b in zip(before, after, strict=True)] == [False, True, True, True]


def test_a_note_lasts_around_the_circle():
    scores = np.full((96, n_outputs(Voice.P1)), -5.0, np.float32)
    scores[:, at_volume(Voice.P1)] = 3.0
    scores[40, 0], scores[40, 1 + 20] = 2.0, 9.0
    scores[60, 0], scores[60, 1] = 1.0, 9.0  # silence is struck
    out = played(Voice.P1, scores)
    sounding = np.zeros(96, bool)
    sounding[40:60] = True
    assert ((out[:, 0] > 0) == sounding).all()
    assert set(out[sounding, 0]) == {32 + 19}
    assert (played(Voice.P1, scores, bias=-10.0)[:, 0] > 0).all()  # only the likeliest strike is left
    assert not played(Voice.P1, scores, silence=20.0).any()
