import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from livegen.beat import Beat
from livegen.engines.lstm import features
from livegen.score import Voice, onsets


def _p1(notes: list[int], volumes: list[int]) -> np.ndarray:
    frames = np.zeros((len(notes), 4, 3), np.uint8)
    frames[:, Voice.P1, 0], frames[:, Voice.P1, 1] = notes, volumes
    return frames


def _heard(frames: np.ndarray) -> np.ndarray:
    heard = np.empty((len(frames) + 1, 4, features.N_HEARD), np.uint8)
    features.hear_song(frames, heard)
    return heard


def test_events_are_changes_of_note_and_repeated_attacks():
    heard = _heard(_p1([60, 60, 60, 64, 0, 0], [10, 8, 12, 12, 0, 0]))[1:, Voice.P1]
    attack, release, nothing = features.ATTACK, features.RELEASE, features.NOTHING
    assert heard[:, features.FLAG].tolist() == [attack, nothing, attack, attack, release, nothing]
    assert heard[:, features.AGE].tolist() == [0, 1, 0, 0, 0, 1]
    last = heard[-1]
    assert last[features.NOTES : features.NOTES + 5].tolist() == [0, 64, 60, 60, 0]
    assert last[features.LENGTHS : features.LENGTHS + 3].tolist() == [1, 1, 2]


def test_a_held_note_stops_ageing_at_the_limit():
    heard = _heard(_p1([60] * 600, [10] * 600))
    assert heard[-1, Voice.P1, features.AGE] == features.MAX_AGE
    after = _heard(_p1([60] * 600 + [62], [10] * 601))[-1, Voice.P1]
    assert after[features.LENGTHS] == features.MAX_AGE


def test_age_buckets_rise_and_use_the_whole_range():
    buckets = [features.age_bucket(age) for age in range(features.MAX_AGE + 1)]
    assert buckets == sorted(buckets)
    assert sorted(set(buckets)) == list(range(features.N_AGES))
    assert buckets[:17] == list(range(17))


@given(arrays(np.uint8, (12, 4, 3), elements=st.integers(0, 3)))
def test_attacks_are_the_onsets_of_the_score(frames):
    frames[..., 0] *= 30
    assert ((_heard(frames)[1:, :, features.FLAG] == features.ATTACK) == onsets(frames)).all()


_PROPOSED = (
    features.N_NOTE_VALUES,
    features.N_LEFTS,
    features.N_TRUSTS,
    features.N_RELATIONS,
    features.N_VOLUMES + 1,
    features.N_TIMBRES + 1,
)


@given(
    arrays(np.uint8, (4, features.N_HEARD)),
    arrays(np.uint8, (4, features.N_CANDIDATES, features.N_PROPOSED)),
    arrays(np.uint8, 2),
    st.booleans(),
)
def test_rows_stay_in_their_tables_and_never_share_a_row(heard, proposals, beat, is_start):
    heard[:, features.NOTE] %= features.N_NOTE_VALUES
    heard[:, features.VOLUME] %= features.N_VOLUMES
    heard[:, features.TIMBRE] %= features.N_TIMBRES
    heard[:, features.FLAG] %= features.N_FLAGS
    proposals %= np.array(_PROPOSED, np.uint8)
    beat %= features.NO_BEAT + 1
    rows = np.full(features.N_INPUTS, -1, np.int64)
    features.input_rows(heard, proposals, beat, is_start, rows)
    own = np.full(features.N_OWN, -1, np.int64)
    features.own_rows(heard[0], proposals[0], beat, own)
    known = np.full(features.N_KNOWN, -1, np.int64)
    features.known_rows(heard[1, :3], heard[0], proposals[0], known)
    tables = ((rows, features.N_INPUT_ROWS), (own, features.N_OWN_ROWS), (known, features.N_KNOWN_ROWS))
    for chosen, n_rows in tables:
        assert chosen.min() >= 0
        assert chosen.max() < n_rows
        assert len(set(chosen.tolist())) == len(chosen)


def test_a_voice_agrees_with_a_proposal_that_it_follows_in_time():
    proposal = features.NO_PROPOSALS[0, 0].copy()
    assert features.agreement(60, 60, proposal) == 0
    proposal[[features.NEXT, features.TRUST, features.LEFT]] = 64, 3, features.ON_TIME
    assert (features.agreement(64, 60, proposal), features.agreement(60, 60, proposal)) == (2, 1)
    proposal[features.LEFT] = features.ON_TIME + 1
    assert (features.agreement(64, 60, proposal), features.agreement(60, 60, proposal)) == (1, 2)


@given(st.floats(2.0, 100.0), st.floats(-5, 5), st.integers(1, 40))
def test_buckets_are_in_range_and_follow_the_frames(period, phase, n):
    beat = Beat(period, phase)
    buckets = features.beat_buckets(beat, n)
    assert buckets.shape == (n, 2)
    assert (buckets < features.NO_BEAT).all()
    one_by_one = [features.beat_buckets(Beat(period, phase + i / period))[0] for i in range(n)]
    turned = (buckets[:, 0].astype(int) - np.array(one_by_one)[:, 0] + 24) % 48 - 24
    assert (abs(turned) <= 1).all()  # rounding may decide at an edge
    assert (features.beat_buckets(None, n) == features.NO_BEAT).all()


def test_a_beat_slower_than_all_in_the_training_is_told_with_its_own_phase():
    slow = features.beat_buckets(Beat(24.0, 0.01), 48)
    assert (slow[:, 1] == features.beat_buckets(Beat(22.6, 0.0))[0, 1]).all()
    assert (slow[:24, 0] == slow[24:, 0]).all()
