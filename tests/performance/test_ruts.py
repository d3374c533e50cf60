import numpy as np
import pytest

from livegen.engines.protocol import N_USUAL, NO_LEAVE
from livegen.performance.ruts import LEAVES, N_CHANGES, NO_RUTS, Ruts, usual_notes
from livegen.score import Voice


def hear(notes: list[int], voice: Voice = Voice.P1, ruts: Ruts = NO_RUTS) -> Ruts:
    for note in notes:
        frame = np.zeros((4, 3), np.uint8)
        frame[voice, 0] = note
        ruts = ruts.hear(frame)
    return ruts


def test_a_voice_that_trills_is_to_leave_as_soon_as_songs_do() -> None:
    ruts = hear([60, 64] * 40)
    assert ruts.usual[Voice.P1] == (60, 64, 0, 0)
    assert ruts.leave[Voice.P1] == tuple(table[0] for table in LEAVES)
    assert ruts.leave[Voice.P2] == NO_LEAVE[0]


def test_once_it_has_left_it_stays_away() -> None:
    ruts = hear([67], ruts=hear([60, 64] * 40))
    assert ruts.leave[Voice.P1] == (LEAVES[0][1], LEAVES[1][0], LEAVES[2][0])
    assert ruts.leave[Voice.P1][0] > 5 * LEAVES[0][0]


def test_a_melody_is_no_rut() -> None:
    ruts = hear([60 + 2 * (i * 7 % 12) for i in range(80)])
    assert ruts.leave[Voice.P1] == NO_LEAVE[0]


def test_a_held_note_is_one_change_and_a_rest_none() -> None:
    assert hear([60, 60, 60, 0, 0, 64]).notes[Voice.P1] == bytes([60, 64])
    assert hear([60, 0, 60]).notes[Voice.P1] == bytes([60, 60])


def test_nothing_is_known_of_a_few_notes_and_of_drums() -> None:
    assert hear([60, 64] * (N_CHANGES // 2 - 1)).leave == NO_LEAVE
    assert hear([3, 5] * 60, Voice.NO).leave == NO_LEAVE


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_others_are_those_that_are_none_of_the_commonest(n: int) -> None:
    notes = bytes(40 + i % n for i in range(N_CHANGES))
    usual, n_others = usual_notes(notes)
    assert len(usual) == N_USUAL
    for size, others in zip((2, 3, 4), n_others, strict=True):
        assert others == sum(note not in usual[:size] for note in notes)
