import numpy as np
import pytest

from livegen.engines.steps import N_STEPS
from livegen.engines.vae.attributes import ATTRIBUTES, latents_of, measure, names_of, quantiles_of
from livegen.score import Voice

NAMES = list(ATTRIBUTES)


def window(*notes: tuple[int, int, int, int], volume: int = 9) -> np.ndarray:
    """Return a window of notes: voice, first step, number of steps, pitch."""
    made = np.zeros((N_STEPS, 4, 3), np.uint8)
    for voice, begin, length, pitch in notes:
        made[begin : begin + length, voice] = pitch, 0 if voice == Voice.TR else volume, 0
    return made


def measured(made: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, measure(made[None])[0].tolist(), strict=True))


def test_each_attribute_is_what_is_heard():
    beats = [(0, 12 * i, 6, 67 + (i % 4)) for i in range(8)]
    found = measured(window(*beats))
    assert found["density"] == 1.0
    assert found["register"] == 68.5 - 67.0
    assert found["rests"] == pytest.approx(1.0 - 48 / (3 * 96))
    assert found["syncopation"] == 0.0
    assert found["loudness"] == 9.0
    assert found["movement"] == pytest.approx((6 * 1 + 3) / 7)
    assert found["repetition"] == 1.0
    assert found["drums"] == 0.0
    late = measured(window(*((v, begin + 6, 12, pitch) for v, begin, _, pitch in beats[:7])))
    assert late["syncopation"] == 1.0  # held over every beat
    drums = measured(window(*((3, 6 * i, 1, 5) for i in range(16))))
    assert drums["drums"] == 2.0
    assert drums["density"] == drums["register"] == drums["movement"] == 0.0


def test_more_of_it_is_a_higher_latent_whatever_its_scale():
    generator = np.random.default_rng(0)
    many = np.exp(generator.normal(0.0, 1.0, (4000, 1))).astype(np.float32)
    table = quantiles_of(many)
    z = latents_of(many, table)
    assert (np.argsort(z[:, 0], kind="stable") == np.argsort(many[:, 0], kind="stable"))[100:-100].mean() > 0.95
    assert abs(z.mean()) < 0.03
    assert z.std() == pytest.approx(1.0, abs=0.05)
    assert latents_of(np.array([[-5.0], [1e6]], np.float32), table)[:, 0] == pytest.approx([-3.0, 3.0], abs=0.1)


def test_windows_of_one_value_share_a_stretch_of_the_knob():
    values = np.array([[0.0]] * 400 + [[float(i)] for i in range(1, 601)], np.float32)
    table = quantiles_of(values)
    within = np.linspace(0.0, 1.0, 400, dtype=np.float32)[:, None]
    z = latents_of(values[:400], table, within)[:, 0]
    assert z[0] < -2.5
    assert z[-1] == pytest.approx(-0.25, abs=0.05)  # 40 % of a normal distribution lie below
    assert latents_of(values[:1], table)[0, 0] == pytest.approx(-0.84, abs=0.05)
    assert latents_of(values[400:401], table)[0, 0] > z[-1]


def test_a_model_has_the_attributes_of_its_voices():
    assert names_of(tuple(Voice)) == tuple(NAMES)
    assert names_of((Voice.P1,)) == tuple(NAMES[:-1])
    assert names_of((Voice.NO,)) == ("drums",)
