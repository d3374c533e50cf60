import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.beat import Beat
from livegen.engines.protocol import Sampling
from livegen.performance.form import NO_FORM, Form, arranged, is_looping, next_form

NOTHING = np.zeros((0, 4, 3), np.uint8)
BEAT = Beat(12.0, 0.0)


def _lags(seed: int, share: float, n: int = 3000) -> list[int]:
    form, lags = NO_FORM, []
    for n_frames in range(n):
        form = next_form(form, n_frames, NOTHING, seed=seed, share=share, beat=BEAT)
        lags.append(form.lag)
    return lags


@given(st.integers(), st.floats(0, 1))
def test_a_lag_is_some_bars_reaches_into_the_song_and_lasts_a_section(seed, share):
    lags = _lags(seed, share, 1000)
    for start in range(0, 1000, 96):
        assert len(set(lags[start : start + 96])) == 1
        assert lags[start] in (0, 96, 192, 384, 768)
        assert lags[start] <= start
    assert not any(lags[:192])


def test_the_share_is_how_many_sections_come_again():
    assert not any(_lags(1, 0.0))
    assert all(_lags(1, 1.0)[192:])
    some = np.mean([lag > 0 for seed in range(20) for lag in _lags(seed, 0.5)[192::96]])
    assert some == pytest.approx(0.5, abs=0.1)


def test_a_form_depends_on_its_seed_and_the_place_alone():
    assert _lags(1, 0.7) == _lags(1, 0.7)
    assert _lags(1, 0.7) != _lags(2, 0.7)
    half = next_form(Form(96, 960, 96.0, BEAT), 900, NOTHING, seed=1, share=0.7)
    assert (half.lag, half.until, half.since) == (96, 960, 0)
    assert next_form(half, 901, NOTHING, seed=1, share=0.7) == half


@given(st.floats(7.0, 20.0), st.floats(0, 1), st.sampled_from([2, 4, 8]))
def test_what_is_copied_again_and_again_stays_on_the_beat(period, phase, bars):
    form = Form(0, 10**6, 4 * bars * period, Beat(period, phase))
    times = (np.arange(4 * 4 * bars, 4 * 400) / 4 - phase) * period
    for time in times:  # a note on every quarter of a beat, in the frame that is nearest
        frame = math.floor(time + 0.5)
        lag = next_form(form, frame, NOTHING, seed=0, share=1.0, beat=None).lag
        assert abs(frame - lag - (time - 4 * bars * period)) <= 0.5 + 1e-6


@given(st.integers(0, 12), st.integers(1, 7), st.integers(1, 6), st.integers(0, 3), st.integers(0, 9))
def test_what_goes_round_is_one_passage_five_times(n_before, period, n_times, n_after, seed):
    passage = np.random.default_rng(seed).integers(0, 2, (period, 4, 3), np.uint8)
    round_and_round = np.tile(passage, (n_times, 1, 1))
    heard = np.concatenate([np.full((n_before, 4, 3), 9, np.uint8), round_and_round, round_and_round[:n_after]])
    notes = heard[..., 0].tolist()
    last = (notes[-5 * p :] for p in range(2, len(notes) // 5 + 1))
    expected = any(looped == 5 * looped[: len(looped) // 5] and looped[1:] != looped[:-1] for looped in last)
    assert is_looping(heard) == expected


def test_a_song_that_goes_round_and_round_is_to_leave_the_loop():
    tune = np.zeros((24, 4, 3), np.uint8)
    tune[:, 0, 0] = 60 + np.arange(24) // 6
    assert is_looping(np.tile(tune, (5, 1, 1)))
    assert not is_looping(np.tile(tune, (4, 1, 1)))
    assert not is_looping(np.tile(tune[:1], (400, 1, 1)))  # a held note
    looped = np.tile(tune, (5, 1, 1))
    early = next_form(NO_FORM, 120, looped, seed=0, share=1.0, beat=BEAT)
    assert (early.is_fresh, early.lag) == (True, 0)
    form = next_form(Form(until=2000), 1000, looped, seed=0, share=0.0, beat=BEAT)
    assert form.lag >= 4 * 48
    assert next_form(form, 1001, looped, seed=0, share=0.0, beat=BEAT).back_frames == form.back_frames
    later = next_form(
        form, form.until, np.random.default_rng(0).integers(0, 9, (480, 4, 3), np.uint8), seed=0, share=0.0
    )
    assert not later.is_fresh


def test_a_beat_that_nobody_knows_is_found_in_what_was_played():
    heard = np.zeros((480, 4, 3), np.uint8)
    heard[:, 0, 0] = 60 + np.arange(480) // 10 % 2  # a note every ten frames
    form = next_form(NO_FORM, 480, heard, seed=0, share=1.0)
    assert form.until - 480 == pytest.approx(80, abs=1)
    assert form.lag % 10 in (0, 1, 9)


def _rests(seed: int, n: int = 20) -> list[tuple[bool, ...]]:
    """Return which voices rest in each of the first sections."""
    form, rests = NO_FORM, []
    for section in range(n):
        form = next_form(form, 96 * section, NOTHING, seed=seed, share=0.5, beat=BEAT)
        assert form == next_form(form, 96 * section + 50, NOTHING, seed=seed, share=0.5, beat=BEAT)
        rests.append(form.rests)
    return rests


def test_voices_rest_for_sections_and_enter_again_as_the_seed_has_it():
    songs = np.array([_rests(seed) for seed in range(200)])  # (songs, sections, voices)
    assert _rests(3) == _rests(3)
    assert not songs.all(2).any()
    share = songs.mean((0, 1))
    assert ((share > 0.005) & (share < 0.3)).all()
    assert share.argmax() == 3  # the noise voice is the one that songs do without
    assert songs.all(1).mean(0) == pytest.approx([0, 0, 0, 0.08], abs=0.06)  # hardly a voice never enters
    assert (songs[:, :-1] != songs[:, 1:]).any(1).mean() > 0.05


def test_a_voice_that_rests_is_drawn_to_silence_and_one_that_does_not_enter_away_from_it():
    heard = np.zeros((60, 4, 3), np.uint8)
    heard[:20, 0, 0], heard[::12, 1, 0] = 60, 60  # P1 ended 40 frames ago, P2 plays short notes, TR has not begun
    form = next_form(Form(until=10**6, rests=(False, False, False, True)), 60, heard, seed=0, share=0.0)
    p1, p2, tr, no = arranged(Sampling(), form).silence
    assert tr < p2 <= p1 < no
    assert (tr < 0, no > 0) == (True, True)
    early = next_form(Form(until=10**6), 40, heard[20:], seed=0, share=0.0)
    assert arranged(Sampling(), early).silence[2] >= 0  # nobody can be late yet


def test_a_form_shapes_the_draw_and_the_performer_says_how_much():
    form = Form(rests=(True, False, False, False), quiet=(48, 0, 48, 0))
    own = Sampling(silence=(1.0, 0.0, 0.0, 0.0))
    assert arranged(own, form).silence == (5.0, 0.0, -4.0, 0.0)
    assert arranged(own, form, 0.0).silence == own.silence
    assert arranged(own, form).density == own.density
    round_and_round = arranged(own, Form(is_looping=True))
    assert max(round_and_round.density) < min(own.density)
    assert round_and_round.copy == own.copy


def test_a_voice_that_waits_longer_is_urged_more():
    urged = [arranged(Sampling(), Form(quiet=(n_quiet,) * 4)).silence[3] for n_quiet in (47, 48, 72, 120)]
    assert urged == pytest.approx([0.0, -4.0, -5.0, -7.0])


def test_a_voice_that_somebody_plays_is_not_sent_to_rest():
    heard = np.zeros((96, 4, 3), np.uint8)
    heard[:, 2, 0] = 45  # as in a prompt, or until the performer handed the voice over
    resting = Form(until=96, rests=(False, False, True, True))
    after = [next_form(resting, 96, heard, seed=seed, share=0.0, beat=BEAT).rests for seed in range(200)]
    assert np.mean(after, 0)[2] < 0.05
    assert np.mean(after, 0)[3] > 0.8


@pytest.mark.parametrize("amount", [0.0, 1.0])
def test_where_all_voices_are_wanted_none_rests_and_what_was_silent_enters(amount):
    form = Form(rests=(True, False, False, True), quiet=(48, 0, 48, 0))
    p1, p2, tr, no = arranged(Sampling(), form, amount, is_full=True).silence
    assert p1 == tr == -4.0 * amount
    assert p2 == no == 0.0


def test_a_rut_is_left_as_songs_leave_theirs():
    heard = np.zeros((200, 4, 3), np.uint8)
    heard[:, 0, 0] = np.resize([60, 64], 200)
    form = NO_FORM
    for n_frames in range(1, 201):
        form = next_form(form, n_frames, heard[:n_frames], seed=0, share=0.0, beat=BEAT)
    assert arranged(Sampling(), form).usual[0][:2] == (60, 64)
    assert max(arranged(Sampling(), form).leave[0]) > 0.0 == max(arranged(Sampling(), form).leave[1])


@given(st.floats(20, 240), st.floats(0, 1, exclude_max=True), st.integers(0, 5000))
def test_a_section_ends_on_the_bar_line_that_is_nearest_to_two_bars(bar_frames, phase, n_frames):
    bar = Beat(bar_frames, phase)
    form = next_form(NO_FORM, n_frames, NOTHING, seed=1, share=0.5, beat=BEAT, bar=bar)
    bars = bar.after(1).phase + (form.until - n_frames) / bar_frames
    assert abs(bars - round(bars)) * bar_frames <= 0.5 + 1e-6
    assert 1.5 * bar_frames - 1 <= form.until - n_frames <= 2.5 * bar_frames + 1


def test_sections_of_three_beats_a_bar_go_back_by_such_bars():
    lags = {
        next_form(NO_FORM, 36 * 16, NOTHING, seed=seed, share=1.0, beat=BEAT, bar=Beat(36.0, 35 / 36)).lag
        for seed in range(40)
    }
    assert lags == {72, 144, 288, 576}
