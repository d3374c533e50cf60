"""The sound engine: keys and frames in, and what then sounds."""

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from synth_rig import RATE, Rig

from livegen.score import NOTE_RANGE, TIMBRE_MAX, VOLUME_MAX, Voice
from livegen.synth.synth import SHORTEST_NOTE_SECONDS
from livegen.units import ENGINE_RATE_HZ

P1, P2, TR, NO = Voice
NOTE = {P1: 60, P2: 72, TR: 48, NO: 9}


@pytest.mark.parametrize("voice", Voice)
def test_a_key_sounds_until_it_comes_up(voice: Voice) -> None:
    rig = Rig()
    assert rig.level(voice) == 0
    rig.down(voice, NOTE[voice])
    rig.run(1)
    assert rig.level(voice) == 15
    rig.run(RATE)
    assert rig.level(voice) == 15
    rig.up(voice)
    rig.run(1)
    assert (rig.level(voice), rig.playing(voice)) == (0, 0)


@pytest.mark.parametrize("voice", Voice)
def test_a_tap_within_one_block_still_sounds_a_moment(voice: Voice) -> None:
    rig = Rig()
    rig.run(1000)
    rig.down(voice, NOTE[voice])
    rig.up(voice)
    rig.run(int(SHORTEST_NOTE_SECONDS * RATE))
    assert rig.level(voice) == 15
    rig.run(1)
    assert rig.level(voice) == 0


def test_a_tap_of_a_note_with_a_release_plays_it() -> None:
    rig = Rig("[p1]\nvolume = [15, 14, 13, 6, 3]\nvolume_release = 2")
    rig.down(P1, 60)
    rig.up(P1)
    rig.run(int(SHORTEST_NOTE_SECONDS * RATE) + 1)
    assert rig.level(P1) == 13
    rig.run(400)
    assert rig.level(P1) == 6
    rig.run(800)
    assert rig.level(P1) == 3
    rig.run(800)
    assert rig.level(P1) == 0


@pytest.mark.parametrize("wait", [0, 1000])
def test_a_key_pressed_while_the_last_one_is_released_takes_over_with_a_new_attack(wait: int) -> None:
    rig = Rig("[p1]\nvolume = [15, 10, 5, 4, 3, 2, 1]\nvolume_release = 2")
    rig.down(P1, 60)
    rig.run(RATE // 10)
    assert rig.level(P1) == 5
    rig.up(P1)
    rig.run(wait)
    rig.down(P1, 64)
    rig.run(1)
    assert (rig.note(P1), rig.level(P1)) == (64, 15)
    rig.run(RATE)
    assert (rig.note(P1), rig.level(P1)) == (64, 5)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_the_ticks_restart_with_each_note_and_come_60_0988_times_a_second(rate: int) -> None:
    rig = Rig(f"[p1]\nvolume = {list(range(15, 0, -1))}", rate=rate)
    rig.run(777)
    rig.down(P1, 60)
    for tick in range(1, 14):
        rig.run(777 + int(np.ceil(tick * rate / ENGINE_RATE_HZ)) - rig.sample)
        assert rig.level(P1) == 16 - tick
        rig.run(1)
        assert rig.level(P1) == 15 - tick


def test_the_player_s_voice_takes_no_notice_of_frames_until_it_is_given_back() -> None:
    rig = Rig()
    rig.frames(*[{P1: (50 + index, 4, 0)} for index in range(12)])
    rig.run_frames(1)
    assert (rig.note(P1), rig.level(P1)) == (50, 4)
    rig.down(P1, 60)
    rig.run_frames(2)
    assert (rig.note(P1), rig.level(P1)) == (60, 15)
    rig.up(P1)
    rig.run_frames(1)
    assert rig.level(P1) == 0
    rig.down(P1, 60)
    rig.give(P1)
    rig.run(1)
    assert rig.level(P1) == 0
    rig.run_frames(1)
    assert (rig.note(P1), rig.level(P1)) == (54, 4)
    rig.give(P1)  # it is the model's already
    rig.up(P1)  # and a key that came up late leaves it alone
    rig.run(100)
    assert rig.level(P1) == 4


def test_the_model_s_volume_and_timbre_move_under_a_note_without_a_new_attack() -> None:
    rig = Rig()
    rig.frames({P1: (33, 8, 2)}, {P1: (33, 6, 1)}, {P1: (33, 9, 1)})
    rig.run_frames(1)
    rig.callback["synth"]["chips"]["pulses"]["position"][0, 0, 0] = 5
    rig.callback["synth"]["chips"]["pulses"]["next_clock"][0, 0, 0] = 1 << 40  # the sequence stands still
    rig.run_frames(1)
    assert (rig.level(P1), rig.duty(P1), rig.position(P1)) == (6, 1, 5)
    rig.run_frames(1)  # three louder is a new attack: the sequence begins anew
    assert (rig.level(P1), rig.duty(P1), rig.position(P1)) == (9, 1, 0)


@pytest.mark.parametrize("voice", Voice)
def test_every_note_volume_and_timbre_of_a_frame_sounds_and_a_silent_one_does_not(voice: Voice) -> None:
    rig = Rig()
    lowest, highest = NOTE_RANGE[voice]
    for note in range(lowest, highest + 1):
        for timbre in range(TIMBRE_MAX[voice] + 1):
            rig.frames({voice: (note, VOLUME_MAX[voice], timbre)})
            rig.run_frames(1)
            assert rig.level(voice) == 15
    rig.frames({})
    rig.run_frames(1)
    assert rig.level(voice) == 0


MODEL_TEXT = """
[p1]
model_sound = "patch"
volume = [15, 10, 8, 4, 2]
volume_release = 2
arpeggio = [0, 12, 0]
timbre = 3
[tr]
model_sound = "patch"
volume = [15, 0]
[no]
model_sound = "patch"
volume = [15, 7, 0]
"""


def test_the_model_s_notes_sound_through_the_patch_where_it_says_so() -> None:
    rig = Rig(MODEL_TEXT)
    rig.frames({P1: (60, 15, 0), TR: (40, 0, 0), NO: (9, 15, 0)}, *[{P1: (60, 15, 0)}] * 3)
    rig.run_frames(1)
    began = rig.ticks(3, lambda: (rig.levels(), rig.note(P1), rig.duty(P1)))
    assert began == [([15, 0, 15, 15], 60, 3), ([10, 0, 0, 7], 72, 3), ([8, 0, 0, 0], 60, 3)]
    rig.run_frames(3)
    assert rig.level(P1) == 8
    rig.frames({})
    rig.run_frames(1)
    assert rig.ticks(4, lambda: rig.level(P1)) == [8, 4, 2, 0]


def test_there_the_model_s_volume_counts_and_a_rise_of_it_is_an_attack() -> None:
    rig = Rig('[p1]\nmodel_sound = "patch"\nvolume = [15, 10]\n[p2]\nmodel_sound = "patch"\nvelocity = false')
    rows = [(60, 9), (60, 6), (60, 8), (60, 11), (64, 11)]
    rig.frames(*[{P1: (note, volume, 0), P2: (note, volume, 0)} for note, volume in rows])
    seen = []
    for _ in rows:
        rig.run_frames(1)
        first = rig.level(P1)
        rig.run(1000)
        seen.append((first, rig.level(P1), rig.level(P2)))
    assert seen == [(9, 6, 15), (6, 4, 15), (4, 5, 15), (11, 7, 15), (11, 7, 15)]


def test_a_role_that_changes_hands_leaves_nothing_behind() -> None:
    rig = Rig(MODEL_TEXT)
    rig.frames(*[{P1: (60, 15, 0)}] * 3)
    rig.run_frames(1)
    rig.down(P1, 40, notes=(40, 44, 47))
    rig.run(2000)
    rig.give(P1)
    rig.run(1)
    assert rig.level(P1) == 0
    rig.run_frames(1)
    assert rig.ticks(2, lambda: rig.note(P1)) == [60, 72]  # neither the chord nor the note


EVERYTHING = """
[p1]
volume = [15, 12, 8, 5, 2]
volume_loop = 1
volume_release = 2
arpeggio = [0, 7, 12]
arpeggio_loop = 0
vibrato_depth = 30
vibrato_delay = 4
portamento = 90
model_sound = "patch"
[p2]
echo = 7
echo_delay = 9
envelope = 5
sweep_shift = -3
legato = true
[tr]
pitch = [0, 9, -9]
pitch_loop = 1
slide_from = -12
[no]
model_sound = "patch"
volume = [12, 6, 3, 0]
envelope = 2
[drums.36]
volume = [15, 9, 0]
kick = [60, 50, 40, 30]
"""
MOVES = st.lists(
    st.tuples(
        st.sampled_from(Voice),
        st.sampled_from(("down", "down", "up", "chord", "give", "silence", "express", "frame")),
        st.integers(0, 1),
        st.integers(0, 3000),
    ),
    max_size=30,
)


def move(rig: Rig, voice: Voice, what: str, variant: int) -> None:
    note = NOTE[voice] + 3 * variant
    if what == "down":
        rig.down(voice, note, key=36 + variant, notes=(note, note + 4) if variant and voice is not NO else ())
    elif what == "chord":
        rig.chord(voice, note, *((note + 7,) * variant))
    elif what == "express":
        rig.express(voice, bend=2.0 * variant, modulation=0.5, pressure=0.5)
    elif what == "frame":
        rig.frames({voice: (note, min(9, VOLUME_MAX[voice]), 0)})
    else:
        {"up": lambda: rig.up(voice), "give": lambda: rig.give(voice), "silence": rig.silence}[what]()


@settings(max_examples=examples(60))
@given(MOVES, st.sampled_from(("up", "give", "silence")), st.booleans())
def test_whatever_was_played_ends_when_keys_come_up_and_frames_fall_silent(
    moves: list[tuple[Voice, str, int, int]], end: str, is_apart: bool
) -> None:
    rig = Rig(EVERYTHING, is_apart=is_apart)
    for voice, what, variant, wait in moves:
        move(rig, voice, what, variant)
        heard = rig.run(wait)
        assert np.isfinite(heard).all()
        assert rig.chip(voice)["early_writes"] == 0
        assert 8 <= rig.period(P1) <= 0x7FF or rig.period(P1) == 0
    for voice in Voice:
        move(rig, voice, end, 0)
    rig.run(2 * RATE)  # the model's frames are late by now, and released
    assert rig.levels() == [0, 0, 0, 0]
    assert [rig.playing(voice) for voice in Voice] == [0, 0, 0, 0]
