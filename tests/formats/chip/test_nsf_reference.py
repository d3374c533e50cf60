"""Ten NSF files played here and by Game_Music_Emu: every voice, within the bounds that the chip is judged by.

Its calls of PLAY and its habits of triangle and noise are put in (`nsf_reference`), so that all voices are compared
wave by wave. `tools/judge_nsf.py` also says what the files differ by as both play them.
"""

import pytest
from game_music_emu import needs_game_music_emu
from nsf_reference import FILES, VOICES_COMPARED, compared, compared_by_wave, outside, outside_by_wave

pytestmark = needs_game_music_emu


@pytest.mark.parametrize("name", FILES)
def test_every_voice_of_a_file_sounds_as_in_game_music_emu(name: str) -> None:
    reports = compared_by_wave(FILES[name]())
    assert set(reports) == set(VOICES_COMPARED[:2] if name == "a program of its own" else VOICES_COMPARED)
    assert {voice: out for voice in reports if (out := outside_by_wave(name, voice, reports[voice]))} == {}


@pytest.mark.parametrize("name", ["a loop", "banks, 120 Hz"])
def test_a_file_sounds_so_as_it_is_but_for_phases_left_to_chance(name: str) -> None:
    reports = compared(FILES[name]())
    assert {voice: out for voice in reports if (out := outside(name, voice, reports[voice]))} == {}
