"""The echo: pulse 1 on pulse 2, later and softer, wherever pulse 2 is free."""

import numpy as np
from synth_rig import RATE, Rig

from livegen.score import Voice
from livegen.units import ENGINE_RATE_HZ

P1, P2, TR, NO = Voice
TEXT = "[p2]\necho = 6\necho_delay = 12\n"


def ticks_to_samples(n_ticks: int) -> int:
    return round(n_ticks * RATE / ENGINE_RATE_HZ)


def test_pulse_2_repeats_pulse_1_later_and_softer() -> None:
    rig = Rig(TEXT + "[p1]\ntimbre = 2\nvolume = [15, 10]")
    rig.down(P1, 60)
    delay = ticks_to_samples(12)
    rig.run(delay)
    assert rig.level(P2) == 0
    rig.run(1)
    assert (rig.level(P2), rig.note(P2), rig.duty(P2)) == (6, 60, 2)
    rig.run(ticks_to_samples(2))
    assert rig.level(P2) == 4  # its macros too
    rig.up(P1)
    rig.run(delay)
    assert rig.levels()[:2] == [0, 4]
    rig.run(1)
    assert rig.levels() == [0, 0, 0, 0]


def test_without_a_delay_it_doubles() -> None:
    rig = Rig("[p2]\necho = 15\necho_delay = 0\ndetune = 10")
    rig.down(P1, 40)
    rig.run(1)
    assert rig.levels()[:2] == [15, 15]
    assert 0.07 < rig.pitch(P2) - rig.pitch(P1) < 0.13
    rig.up(P1)
    rig.run(RATE // 10)
    assert rig.levels()[:2] == [0, 0]


def test_it_is_off_by_default() -> None:
    rig = Rig()
    rig.down(P1, 60)
    rig.run(RATE)
    assert rig.level(P2) == 0


def test_a_note_of_pulse_2_cuts_it_and_it_comes_back() -> None:
    rig = Rig(TEXT)
    rig.down(P1, 60)
    rig.run(RATE // 2)
    assert rig.level(P2) == 6
    rig.down(P2, 72)
    rig.run(1)
    assert (rig.level(P2), rig.note(P2)) == (15, 72)
    rig.run(RATE // 2)
    assert (rig.level(P2), rig.note(P2)) == (15, 72)
    rig.up(P2)
    rig.run(ticks_to_samples(2))
    assert (rig.level(P2), rig.note(P2)) == (6, 60)


def test_it_repeats_the_model_s_part_where_pulse_2_rests() -> None:
    rig = Rig(TEXT)
    rig.frames({P1: (60, 9, 1)}, {P1: (64, 9, 1)}, {P1: (64, 9, 1), P2: (40, 5, 0)}, *[{P1: (64, 9, 1)}] * 9)
    rig.run_frames(3)
    assert (rig.level(P2), rig.note(P2)) == (5, 40)
    rig.run_frames(2)
    assert rig.level(P2) == 0
    rig.run_frames(1)  # twelve ticks are 4.8 frames
    assert (rig.level(P2), rig.note(P2), rig.duty(P2)) == (9 * 6 // 15, 60, 1)
    rig.run_frames(1)
    assert (rig.level(P2), rig.note(P2), rig.duty(P2)) == (9 * 6 // 15, 64, 1)


def test_panic_silences_it_for_good() -> None:
    rig = Rig(TEXT)
    rig.down(P1, 60)
    rig.run(RATE // 10)
    rig.silence()
    rig.run(RATE)
    assert rig.levels() == [0, 0, 0, 0]
    rig.down(P1, 60)
    rig.run(RATE)
    assert rig.level(P2) == 6
    rig.silence()
    rig.run(1)
    assert rig.levels() == [0, 0, 0, 0]


def test_it_rings_out_when_pulse_1_goes_back_to_the_model() -> None:
    rig = Rig(TEXT)
    rig.down(P1, 60)
    rig.run(RATE)
    rig.give(P1)
    rig.run(100)
    assert rig.levels()[:2] == [0, 6]
    rig.run(ticks_to_samples(12))
    assert rig.levels()[:2] == [0, 0]


def test_it_follows_bends_and_the_chip_s_decay() -> None:
    rig = Rig(TEXT + "[p1]\nenvelope = 3")
    rig.down(P1, 60)
    rig.run(100)
    rig.express(P1, bend=2.0)
    rig.run(ticks_to_samples(12))
    first = rig.level(P2)
    rig.run(ticks_to_samples(6))
    assert rig.note(P2) == 62
    assert 0 < rig.level(P2) < first <= 6
    rig.run(RATE // 2)
    assert rig.level(P2) == 0


def test_more_than_it_can_hold_leaves_nothing_sounding() -> None:
    rig = Rig("[p2]\necho = 15\necho_delay = 120")
    for step in range(400):
        rig.down(P1, 40 + step % 40)
        rig.run(40)
    rig.up(P1)
    rig.run(3 * RATE)
    assert rig.levels() == [0, 0, 0, 0]
    assert np.abs(rig.run(RATE // 10)).max() < 1e-3
