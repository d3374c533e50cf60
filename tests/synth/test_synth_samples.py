"""Drums that the DMC plays."""

import base64

import numpy as np
from synth_rig import RATE, Rig

from livegen.apu.tables import DM
from livegen.patch import parse_patch
from livegen.score import Voice
from livegen.synth.bank import fill_bank, free_bank
from livegen.synth.commands import USE_BANK
from livegen.synth.register_log import take_loads, take_writes

P1, P2, TR, NO = Voice

UP = b"\xff" * 33 + b"\x0f" * 240  # the level rises to the top and stays there
SHORT = b"\x0f" * 17


def kit(*samples: bytes) -> str:
    """Return a patch whose drums, from key 36 on, play samples alone."""
    sections = (
        f'[drums.{key}]\nnote = 2\nvolume = 0\nsample = "data:{base64.b64encode(data).decode()}"\n'
        for key, data in enumerate(samples, 36)
    )
    return "".join(sections)


def dmc(rig: Rig, voice: Voice = NO) -> np.void:
    return rig.chip(voice)["dmc"]


def test_a_drum_plays_its_sample_from_level_0() -> None:
    rig = Rig(kit(UP, SHORT))
    rig.down(NO, 2, key=36)
    rig.run(RATE // 50)
    assert dmc(rig)["level"] > 110
    assert rig.level(NO) == 0
    rig.down(NO, 2, key=37)
    rig.run(20)
    assert dmc(rig)["level"] < 20
    rig.run(RATE // 10)
    assert dmc(rig)["level"] <= 8
    assert dmc(rig)["bytes_remaining"] == 0


def test_the_triangle_s_gate_neither_ends_a_sample_nor_begins_another() -> None:
    rig = Rig(kit(UP))
    rig.down(NO, 2, key=36)
    rig.run(100)
    for _ in range(3):
        left = int(dmc(rig)["bytes_remaining"])
        rig.down(TR, 45)
        rig.run(100)
        assert rig.level(TR) == 15
        rig.give(TR)
        rig.run(100)
        assert rig.level(TR) == 0
        assert 0 < left - int(dmc(rig)["bytes_remaining"]) < 30
    rig.run(RATE // 2)
    level = int(dmc(rig)["level"])
    rig.down(TR, 45)
    rig.run(RATE // 10)
    assert dmc(rig)["bytes_remaining"] == 0
    assert int(dmc(rig)["level"]) == level


def test_panic_ends_a_sample_and_a_key_that_comes_up_does_not() -> None:
    rig = Rig(kit(UP))
    rig.down(NO, 2, key=36)
    rig.run(100)
    rig.up(NO)
    rig.run(RATE // 50)
    assert dmc(rig)["bytes_remaining"] > 0
    rig.silence()
    rig.run(200)
    assert dmc(rig)["bytes_remaining"] == 0
    assert dmc(rig)["level"] < 20


def test_the_model_plays_samples_where_the_patch_says_so() -> None:
    rig = Rig('[no]\nmodel_sound = "patch"\n' + kit(UP))
    rig.frames({NO: (2, 9, 0)}, {NO: (2, 9, 0)})
    rig.run_frames(2)
    assert dmc(rig)["level"] > 60


def test_the_noise_s_gain_is_the_dmc_s() -> None:
    rig = Rig(kit(UP))
    rig.callback["mix"]["gains"][0, NO] = 0.25
    rig.run(RATE // 10)
    assert rig.chip(NO)["gain"][DM] == 0.25
    assert rig.chip(NO)["gain"][P1] == 1.0


def test_with_voices_apart_samples_sound_on_the_noise_s_channel() -> None:
    rig = Rig(kit(UP), is_apart=True)
    rig.down(TR, 45)
    rig.down(NO, 2, key=36)
    sound = np.abs(rig.run(RATE // 50))
    assert sound[:, NO].max() > 0.1
    assert dmc(rig, TR)["bytes_remaining"] == 0
    rig.give(TR)
    rig.run(100)
    assert dmc(rig)["bytes_remaining"] > 0


def test_a_change_of_patch_lets_a_sample_ring_and_loads_the_next_one_s_when_it_begins() -> None:
    rig = Rig(kit(UP))
    rig.callback["log"]["is_on"] = 1
    rig.down(NO, 2, key=36)
    rig.run(100)
    bank = free_bank(rig.callback["synth"])
    fill_bank(rig.callback["synth"], bank, parse_patch(kit(SHORT), "", ""))
    rig.send(USE_BANK, note=bank)
    rig.run(RATE // 50)
    assert dmc(rig)["level"] > 110
    assert len(take_loads(rig.callback["log"])) == 1
    rig.down(NO, 2, key=36)
    rig.run(RATE // 10)
    assert dmc(rig)["level"] <= 8
    (load,) = take_loads(rig.callback["log"])
    assert (load.offset, load.data[: len(SHORT)]) == (0x4000, SHORT)
    cycle, address, _ = take_writes(rig.callback["log"])
    assert load.cycle <= cycle[address == 0x4012][-1]
    assert rig.callback["log"]["n_lost"] == 0


def test_a_patch_without_samples_never_writes_to_the_dmc() -> None:
    rig = Rig("[drums.36]\nkick = [60, 55]\n")
    rig.callback["log"]["is_on"] = 1
    for key in (36, 40):
        rig.down(NO, 2, key=key)
        rig.down(TR, 40)
        rig.run(RATE // 10)
        rig.silence()
        rig.run(100)
    _, address, value = take_writes(rig.callback["log"])
    assert not np.isin(address, (0x4010, 0x4011, 0x4012, 0x4013)).any()
    assert not (value[address == 0x4015] & 0x10).any()
