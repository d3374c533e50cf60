"""Changing the patch while notes sound: nothing is cut, nothing is left behind, and new notes are the new patch's."""

import numpy as np
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from synth_rig import Rig

from livegen.patch import list_patches, load_patch, parse_patch
from livegen.score import Voice
from livegen.synth.bank import N_BANKS, N_SOUNDS, fill_bank, free_bank
from livegen.synth.commands import USE_BANK

SOFT = "[p1]\nvolume = 3\ntimbre = 1\n"
LOUD = "[p1]\nvolume = 12\ntimbre = 2\n[p2]\nmodel_sound = 'patch'\nvolume = 9\n"


def change(rig: Rig, text: str) -> int:
    """Play a patch from now on, as the instrument does; return its bank."""
    bank = free_bank(rig.callback["synth"])
    fill_bank(rig.callback["synth"], bank, parse_patch(text, "", ""))
    rig.send(USE_BANK, note=bank)
    return bank


def sound_of(rig: Rig, voice: Voice) -> int:
    return int(rig.callback["synth"]["voices"][0, voice]["sound"])


def test_a_held_note_keeps_its_sound_and_the_next_one_has_the_new() -> None:
    rig = Rig(SOFT)
    rig.down(Voice.P1, 60)
    rig.run(800)
    before = rig.level(Voice.P1)
    bank = change(rig, LOUD)
    rig.run(2000)
    assert rig.level(Voice.P1) == before == 3
    rig.down(Voice.P1, 62)
    rig.run(2000)
    assert rig.level(Voice.P1) == 12
    assert sound_of(rig, Voice.P1) == bank * N_SOUNDS + Voice.P1
    rig.up(Voice.P1)
    rig.run(2000)
    assert rig.level(Voice.P1) == 0


def test_a_change_alone_changes_no_sample() -> None:
    alone, changed = Rig(SOFT), Rig(SOFT)
    for rig in (alone, changed):
        rig.down(Voice.P1, 60)
        rig.run(1000)
    change(changed, LOUD)
    np.testing.assert_array_equal(alone.run(20_000), changed.run(20_000))


def test_a_model_note_that_began_raw_ends_under_a_patch_that_plays_the_model() -> None:
    rig = Rig(SOFT)
    notes = [(60, 10, 1), (60, 10, 1), (0, 0, 0), (64, 10, 1), (0, 0, 0)]
    rig.frames(*({Voice.P2: note} for note in notes))
    rig.run_frames(1)
    assert rig.level(Voice.P2) == 10
    change(rig, LOUD)
    rig.run_frames(1)
    assert rig.level(Voice.P2) == 10
    rig.run_frames(1)
    assert rig.level(Voice.P2) == 0
    rig.run_frames(1)
    assert rig.level(Voice.P2) == 6  # the macro times the model's volume
    rig.run_frames(1)
    assert rig.playing(Voice.P2) == 0


def test_an_echo_of_the_old_patch_does_not_sound_for_ever() -> None:
    rig = Rig("[p2]\necho = 15\necho_delay = 3\n")
    rig.down(Voice.P1, 60)
    rig.run(4000)
    assert rig.level(Voice.P2) > 0
    change(rig, SOFT)
    rig.up(Voice.P1)
    rig.run(10_000)
    assert rig.level(Voice.P2) == 0


def test_there_is_a_free_bank_however_long_old_notes_are_held() -> None:
    rig = Rig(LOUD)
    for voice in (Voice.P1, Voice.P2, Voice.TR, Voice.NO):
        rig.down(voice, 40 if voice is not Voice.NO else 5)
        rig.run(100)
        change(rig, LOUD)
        rig.run(100)
    for _ in range(2 * N_BANKS):
        bank = change(rig, SOFT)
        assert bank not in {sound_of(rig, voice) // N_SOUNDS for voice in Voice}
        rig.run(100)


@settings(max_examples=examples(20))
@given(st.lists(st.tuples(st.sampled_from(["down", "up", "change"]), st.integers(0, 3), st.integers(0, 17))))
def test_whatever_is_played_every_note_ends(moves: list[tuple[str, int, int]]) -> None:
    patches = [load_patch(name) for name in list_patches()]
    rig = Rig()
    for move, number, which in moves:
        voice = Voice(number)
        if move == "down":
            rig.down(voice, which % 16 + 1 if voice is Voice.NO else 48 + which, key=36 + which)
        elif move == "up":
            rig.up(voice)
        else:
            bank = free_bank(rig.callback["synth"])
            fill_bank(rig.callback["synth"], bank, patches[which])
            rig.send(USE_BANK, note=bank)
        rig.run(700)
    for voice in Voice:
        rig.up(voice)
    rig.run(rig.rate * 4)
    assert not any(rig.callback["synth"]["voices"]["playing"]["note"][0])
