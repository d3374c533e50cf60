"""Drums by MIDI key, and the kick that borrows the triangle."""

import pytest
from synth_rig import RATE, Rig

from livegen.score import Voice

P1, P2, TR, NO = Voice

KIT = """
[no]
volume = [15, 7, 0]
[drums.36]
note = 2
volume = [14, 8, 3, 0]
timbre = 1
kick = [60, 55, 50]
[drums.42]
volume = [5, 0]
arpeggio = [0, -3]
"""


def test_a_key_has_its_own_note_mode_and_macros() -> None:
    rig = Rig(KIT)
    rig.down(NO, 2, key=36)
    assert rig.ticks(4, lambda: (rig.level(NO), rig.noise())) == [
        (14, (2, 1)),
        (8, (2, 1)),
        (3, (2, 1)),
        (0, (2, 1)),
    ]
    rig.down(NO, 14, key=42)
    assert rig.ticks(2, lambda: (rig.level(NO), rig.noise()[0])) == [(5, 14), (0, 14)]
    rig.down(NO, 9, key=61)
    assert rig.ticks(2, lambda: (rig.level(NO), rig.noise())) == [(15, (9, 0)), (7, (9, 0))]


def test_a_drum_rings_out_however_soon_the_key_comes_up() -> None:
    rig = Rig(KIT)
    rig.down(NO, 2, key=36)
    rig.run(10)
    rig.up(NO)
    assert rig.ticks(4, lambda: rig.level(NO)) == [14, 8, 3, 0]
    rig.run(RATE // 10)
    assert rig.playing(NO) == 0


def test_a_kick_borrows_a_silent_triangle_and_gives_it_back() -> None:
    rig = Rig(KIT)
    rig.down(NO, 2, key=36)
    assert rig.ticks(4, lambda: (rig.level(TR), rig.note(TR))) == [(15, 60), (15, 55), (15, 50), (0, 50)]


@pytest.mark.parametrize("whose", ["player", "model"])
def test_a_kick_gives_a_sounding_triangle_back_in_tune(whose: str) -> None:
    rig = Rig(KIT)
    if whose == "player":
        rig.down(TR, 45)
    else:
        rig.frames(*[{TR: (45, 0, 0)}] * 24)
    rig.run(RATE // 10)
    rig.down(NO, 2, key=36)
    assert rig.ticks(4, lambda: (rig.level(TR), rig.note(TR))) == [(15, 60), (15, 55), (15, 50), (15, 45)]


def test_what_the_triangle_begins_or_ends_during_a_kick_is_heard_after_it() -> None:
    rig = Rig(KIT)
    rig.down(NO, 2, key=36)
    rig.run(100)
    rig.down(TR, 45)
    rig.run(1)
    assert rig.note(TR) == 60
    rig.run(RATE // 15)
    assert (rig.level(TR), rig.note(TR)) == (15, 45)
    rig.down(NO, 2, key=36)
    rig.run(100)
    rig.give(TR)
    rig.run(1)
    assert (rig.level(TR), rig.note(TR)) == (15, 60)
    rig.run(RATE // 15)
    assert rig.level(TR) == 0


def test_a_drum_without_a_kick_leaves_a_kick_alone_and_another_kick_begins_anew() -> None:
    rig = Rig(KIT)
    rig.down(NO, 2, key=36)
    rig.run(900)
    rig.down(NO, 14, key=42)
    rig.run(1)
    assert rig.note(TR) == 55
    rig.down(NO, 2, key=36)
    assert rig.ticks(4, lambda: (rig.level(TR), rig.note(TR))) == [(15, 60), (15, 55), (15, 50), (0, 50)]


def test_panic_ends_a_kick() -> None:
    rig = Rig(KIT)
    rig.down(NO, 2, key=36)
    rig.run(100)
    rig.silence()
    rig.run(1)
    assert rig.levels() == [0, 0, 0, 0]
    rig.run(RATE)
    assert rig.levels() == [0, 0, 0, 0]


def test_the_model_s_notes_find_the_drums_where_the_patch_sounds_them() -> None:
    rig = Rig(KIT.replace("[no]", '[no]\nmodel_sound = "patch"'))
    rig.frames({NO: (2, 9, 0)}, {NO: (2, 9, 0)}, {NO: (9, 15, 0)})
    rig.run_frames(1)
    assert (rig.level(NO), rig.noise(), rig.note(TR)) == (14 * 9 // 15, (2, 1), 60)
    rig.run_frames(2)
    assert (rig.level(NO), rig.noise()) == (15, (9, 0))


def test_apart_a_kick_is_on_the_triangle_s_chip() -> None:
    rig = Rig(KIT, is_apart=True)
    rig.down(NO, 2, key=36)
    rig.run(1)
    assert (rig.level(TR), rig.note(TR)) == (15, 60)
    assert rig.callback["synth"]["chips"]["triangle"]["timer_period"][0, NO] == 0
