import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from songs import song

from livegen.beat import Beat
from livegen.engines.lstm.features import N_HEARD, NO_BEAT, NOTE, TRUST, hear, hear_song
from livegen.engines.lstm.memory import propose_song
from livegen.errors import TrainingError
from livegen.score import NOTE_RANGE, Voice, validate_frames
from livegen.training.data.songs import only, songs_of
from livegen.training.dataset import Lanes, in_order, lesson_of, repeated, stretched, transposed

SONGS = songs_of([song(i, 40 + 13 * i) for i in range(7)])


@given(st.integers(0, 6), st.integers(-6, 6))
def test_transposing_moves_the_notes_that_sound_and_nothing_else(index, shift):
    frames = song(index)
    before = frames.copy()
    moved = transposed(frames, shift)
    assert (frames == before).all()
    difference = moved[..., 0].astype(int) - frames[..., 0]
    is_pitch = (frames[..., 0] > 0) & (np.arange(4) < Voice.NO)
    assert (difference == np.where(is_pitch, shift, 0)).all()
    assert (moved[..., 1:] == frames[..., 1:]).all()


def test_only_some_voices_are_kept_and_songs_without_them_dropped():
    without_p1 = song(1)
    without_p1[:, Voice.P1] = 0
    songs = songs_of([song(0), without_p1, song(2)])
    solo = only(songs, (Voice.P1,))
    assert (len(solo), solo.n_frames, solo.voices) == (2, 300, (Voice.P1,))
    for kept, index in enumerate((0, 2)):
        assert (solo.song(kept)[:, Voice.P1] == song(index)[:, Voice.P1]).all()
    assert not solo.frames[:, Voice.P2 :].any()
    assert songs.song(0)[:, Voice.P2].any()  # those that were given are as they were
    assert only(songs, tuple(Voice)) is songs
    with pytest.raises(TrainingError, match="none of the 1 songs has P1"):
        only(songs_of([without_p1]), (Voice.P1,))


def test_a_song_of_one_voice_is_never_silenced_by_being_varied():
    songs = only(songs_of([song(i, 40) for i in range(40)]), (Voice.P1,))
    lanes = Lanes(songs, n_lanes=4, n_frames=48, seed=3)
    for _ in range(60):
        segment = lanes.next_segment()
        assert segment.target[:, :, Voice.P1, NOTE].any(0).all()
        assert not segment.target[:, :, Voice.P2 :, NOTE].any()


@given(st.integers(0, 6), st.floats(0.95, 1.05))
def test_a_stretched_song_has_the_same_notes_in_the_same_order(index, factor):
    frames = song(index)
    longer = stretched(frames, factor)
    assert len(longer) == round(len(frames) * factor)
    assert (longer[0] == frames[0]).all()
    at = [int(t / factor) for t in range(len(longer))]
    assert (longer == frames[np.minimum(at, len(frames) - 1)]).all()


def test_a_lesson_tells_what_came_before_each_frame():
    frames = song(3)
    lesson = lesson_of(frames, beat=Beat(12.0, 0.0))
    heard = np.empty((len(frames) + 1, 4, N_HEARD), np.uint8)
    hear_song(frames, heard)
    assert (lesson.before == heard[:-1]).all()
    assert (lesson.target == heard[1:]).all()
    assert (lesson.proposals == propose_song(frames)[:-1]).all()
    assert (lesson.beat[::12] == lesson.beat[0]).all()
    assert lesson.beat[0, 0] == 0
    assert (lesson_of(frames).beat == NO_BEAT).all()


@given(st.integers(0, 6), st.integers(0, 2**32 - 1), st.sampled_from([None, Beat(6.0, 0.0)]))
def test_a_song_that_goes_back_does_there_what_it_did(index, seed, beat):
    frames = song(index, 600)
    order, plans = repeated(frames, np.random.default_rng(seed), beat)
    longer = frames[order]
    assert len(longer) == len(plans) >= len(frames)
    planned = np.flatnonzero(plans)
    assert (longer[planned] == longer[planned - plans[planned]]).all()
    assert (longer[-1] == frames[-1]).all()
    if beat:
        assert (np.abs(plans / 6 - np.round(plans / 6)) * 6 < 1).all()


def test_some_songs_go_back():
    n_planned = sum((repeated(song(i, 600), np.random.default_rng(i), None)[1] > 0).any() for i in range(10))
    assert n_planned > 3


def test_the_memory_is_hidden_some_of_the_time_and_the_beat_half_of_it():
    songs = songs_of([song(i, 400) for i in range(4)])
    lanes = Lanes(songs, n_lanes=4, n_frames=100, seed=0)
    shown, known, n = np.zeros(4), 0, 0
    for _ in range(60):
        segment = lanes.next_segment()
        shown += (segment.proposals[..., TRUST] > 0).any((0, 2)).sum(0)
        known += (segment.beat[0, :, 0] != NO_BEAT[0]).sum()
        n += 4
    assert (shown / n > 0.4).all()
    assert (shown / n < 0.95).all()
    assert 0.2 < known / n < 0.8


def test_a_song_is_transposed_only_as_far_as_its_notes_reach():
    frames = song(0)
    frames[3, Voice.P1, 0] = NOTE_RANGE[Voice.P1][1] - 2
    frames[4, Voice.TR, 0] = NOTE_RANGE[Voice.TR][0] + 1
    songs = songs_of([frames, song(1)])
    assert (songs.lowest_shift.tolist(), songs.highest_shift.tolist()) == ([-1, -6], [2, 6])


def test_lanes_play_every_song_once_an_epoch_from_start_to_end():
    lanes = Lanes(SONGS, n_lanes=3, n_frames=16, seed=5)
    lengths = []
    playing = [0, 0, 0]
    while lanes.taken < 2 * len(SONGS) + 3:
        segment = lanes.next_segment()
        for lane in range(3):
            if segment.is_start[lane]:
                lengths.append(playing[lane])
                playing[lane] = 0
            playing[lane] += int(segment.n_frames[lane])
            for part in (segment.before, segment.target):
                assert (part[segment.n_frames[lane] :, lane] == 0).all()
                validate_frames(part[:, lane, :, :3])
    played = sorted(length for length in lengths if length)
    assert len(played) >= len(SONGS)
    assert min(played) >= 0.94 * 40  # stretched by a twentieth at most


def test_what_lanes_give_depends_on_the_seed_and_a_position_goes_on_exactly():
    one, same, other = (Lanes(SONGS, 3, 16, seed) for seed in (1, 1, 2))
    parts = [one.next_segment().before for _ in range(9)]
    assert all((part == same.next_segment().before).all() for part in parts)
    assert any((part != other.next_segment().before).any() for part in parts)
    later = Lanes(SONGS, 3, 16, 1)
    later.resume_at(one.position())
    for _ in range(9):
        expected, got = one.next_segment(), later.next_segment()
        assert (expected.before == got.before).all()
        assert (expected.target == got.target).all()
        assert (expected.proposals == got.proposals).all()
        assert (expected.beat == got.beat).all()
        assert (expected.is_start == got.is_start).all()


def test_what_was_heard_leads_to_the_frame_to_predict_whether_heard_right_or_not():
    lanes = Lanes(SONGS, 3, 16, 1)
    misheard, wrong = 0, 0
    for _ in range(20):
        segment = lanes.next_segment()
        for t, lane in np.argwhere(np.arange(16)[:, None] < segment.n_frames):
            after = np.empty_like(segment.target[t, lane])
            hear(np.ascontiguousarray(segment.target[t, lane, :, :3]), segment.before[t, lane], after)
            wrong += (after != segment.target[t, lane]).any()
            if t:
                misheard += (segment.before[t, lane, :, :3] != segment.target[t - 1, lane, :, :3]).any()
    assert wrong == 0
    assert misheard > 0


def test_in_order_gives_every_frame_once_unchanged():
    n_frames, notes = 0, 0
    for segment in in_order(SONGS, n_lanes=3, n_frames=16):
        counts = np.arange(16)[:, None] < segment.n_frames
        n_frames += counts.sum()
        notes += segment.target[..., NOTE].astype(np.int64)[counts].sum()
    expected = [SONGS.song(i)[..., NOTE].astype(np.int64).sum() for i in range(len(SONGS))]
    assert n_frames == SONGS.n_frames
    assert notes == sum(expected)
