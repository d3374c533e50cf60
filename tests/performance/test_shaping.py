from dataclasses import replace

import pytest

from livegen.controls import DEFAULTS, KEYS, SCALES
from livegen.engines.protocol import ANY_PITCH_CLASS, Sampling
from livegen.judge.free_run import AS_ON_STAGE
from livegen.performance.shaping import sampling_of, scale_mask


def test_the_defaults_are_those_that_models_are_judged_with_but_for_temperature_and_top_p():
    sampling = sampling_of(DEFAULTS)
    expected = Sampling(float(DEFAULTS["temperature"]), float(DEFAULTS["top_p"]))
    assert sampling.voice_temperature == expected.voice_temperature
    assert (
        replace(sampling, temperature=1.0, top_p=1.0, lowest=expected.lowest, highest=expected.highest) == AS_ON_STAGE
    )
    assert sampling.scale == ANY_PITCH_CLASS
    assert all(low <= lowest for low, lowest in zip(sampling.lowest, expected.lowest, strict=True))
    assert all(high >= highest for high, highest in zip(sampling.highest, expected.highest, strict=True))


def test_a_voice_is_shaped_by_its_own_controls():
    sampling = sampling_of({**DEFAULTS, "p2.density": 1.0, "tr.highest": 50, "no.temperature": 0.5})
    assert sampling.density[1] > sampling.density[0]
    assert (sampling.highest[2], sampling.voice_temperature[3]) == (50, 0.5)


@pytest.mark.parametrize("scale", SCALES)
def test_a_scale_moves_with_its_key(scale):
    masks = [scale_mask(key, scale) for key in KEYS]
    for shift, mask in enumerate(masks):
        assert mask.bit_count() == len(SCALES[scale])
        assert mask >> shift & 1  # the key note itself
        turned = (masks[0] << shift | masks[0] >> (12 - shift)) & ANY_PITCH_CLASS
        assert mask == turned


def test_c_major_is_the_white_keys():
    assert [note for note in range(12) if scale_mask("c", "major") >> note & 1] == [0, 2, 4, 5, 7, 9, 11]
