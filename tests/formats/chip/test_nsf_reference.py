"""Ten NSF files played here and by Game_Music_Emu: every voice, within the bounds that the chip is judged by.

Its calls of PLAY and its habits of triangle and noise are put in (`nsf_reference`), so that all voices are compared
wave by wave. Without, a triangle of 140 Hz that lies another thirty-second of its period away has envelopes of 10 ms
that differ by 0.2 dB. `tools/judge_nsf.py` says what the files differ by without.
"""

import pytest
from game_music_emu import needs_game_music_emu
from nsf_reference import FILES, VOICES_COMPARED, TakenOver, compared, outside

pytestmark = needs_game_music_emu


@pytest.mark.parametrize("name", FILES)
def test_every_voice_of_a_file_sounds_as_in_game_music_emu(name: str) -> None:
    reports = compared(FILES[name](), TakenOver.HABITS)
    assert set(reports) == set(VOICES_COMPARED[:2] if name == "a program of its own" else VOICES_COMPARED)
    assert {voice: out for voice in reports if (out := outside(name, voice, reports[voice]))} == {}
