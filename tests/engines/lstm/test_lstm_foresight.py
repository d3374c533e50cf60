import numpy as np
import pytest
from lstm_weights import random_engine

from livegen.engines.lstm import ear
from livegen.engines.lstm.foresight import foresee, make_room
from livegen.engines.lstm.kernels import LOWEST, N_CLASSES_OF, N_SCORES, NOTE_CLASS
from livegen.engines.lstm.lstm import LstmDistribution
from livegen.engines.protocol import Conditions, Performer
from livegen.score import Voice

NOTES = (67, 60, 48, 5)
PERFORMED = np.array([True, False, False, False])


def distribution(performed: tuple[bool, ...] = (True, False, False, False)) -> LstmDistribution:
    engine = random_engine(scale=0.6)
    found, state = None, engine.initial_state()
    frame = np.zeros((4, 3), np.uint8)
    frame[:, 0] = NOTES
    for _ in range(6):
        found, state = engine.step(frame, state, Conditions(performer=Performer(performed, (67,))))
    assert found is not None
    return found


def foreseen_in(found: LstmDistribution, *notes: int, is_known: np.ndarray = PERFORMED) -> np.ndarray:
    frame = np.zeros((4, 3), np.uint8)
    frame[:, 0] = notes
    hidden = np.empty(found.weights.trunk_bias.shape[1], np.float32)
    foreseen = np.full(12, 9.0, np.float32)
    foresee(frame, is_known, found.told, found.weights, found.h, hidden, np.empty(N_SCORES, np.float32), foreseen)
    return foreseen


def test_what_is_foreseen_is_what_the_network_expects_of_the_performer_s_voice():
    found = distribution()
    log_probs = found.note_log_probs(Voice.P1, np.zeros((4, 3), np.uint8), np.zeros(4, np.bool_))
    expected = np.zeros(12)
    for note in np.flatnonzero(np.isfinite(log_probs)):
        if note not in (0, NOTES[0]):
            expected += np.exp(log_probs[note]) * ear.IS_CLASH[(np.arange(12) - note) % 12]
    assert foreseen_in(found, *NOTES) == pytest.approx(expected, abs=1e-5)
    assert 0.0 < expected.min() < expected.max() < 1.0


def test_of_who_has_moved_already_or_does_not_perform_nothing_is_foreseen():
    found = distribution()
    assert not foreseen_in(found, 69, *NOTES[1:]).any()
    assert not foreseen_in(found, *NOTES, is_known=np.zeros(4, np.bool_)).any()
    assert not foreseen_in(distribution((False,) * 4), *NOTES).any()


@pytest.mark.parametrize("held", [0, 60])
def test_room_is_made_by_other_notes_and_not_by_fewer(held: int):
    voice, foreseen = Voice.P2, np.zeros(12, np.float32)
    foreseen[[1, 6]] = 0.7, 0.2
    lowest = int(LOWEST[voice])
    before = np.random.default_rng(0).normal(0.0, 2.0, N_CLASSES_OF[voice]).astype(np.float32)
    after = before.copy()
    make_room(NOTE_CLASS[voice, held], lowest, foreseen, 1.0, after)
    notes = np.arange(1, len(before)) + lowest - 1
    moves = notes != held
    change = (after - before)[1:]
    assert np.exp(after[1:][moves]).sum() == pytest.approx(np.exp(before[1:][moves]).sum(), rel=1e-4)
    at_ease = change[moves & (notes % 12 == 0)]
    assert np.ptp(at_ease) < 1e-4
    assert (change[notes % 12 == 1] < change[notes % 12 == 6][0]).all()
    assert (change[notes % 12 == 6] < at_ease[0]).all()
    assert after[0] == before[0]
    if held:
        assert change[notes == held] == 0.0


def test_who_is_not_to_listen_makes_no_room():
    foreseen = np.full(12, 0.5, np.float32)
    before = np.random.default_rng(0).normal(0.0, 2.0, N_CLASSES_OF[Voice.TR]).astype(np.float32)
    after = before.copy()
    make_room(NOTE_CLASS[Voice.TR, 48], int(LOWEST[Voice.TR]), foreseen, 0.0, after)
    assert after == pytest.approx(before, abs=1e-5)
