"""Where cues land: on bar lines, in time, whatever the tempo; and an ending is over within two bars of its cue."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.controls import CONTROLS, DEFAULTS
from livegen.performance.cues.count_in import counted_in
from livegen.performance.cues.cue import CUES, Cue, Cues, Mark
from livegen.performance.cues.placing import next_bar, placed
from livegen.performance.modes import bar_of
from livegen.performance.tempo import Tempo

BPMS = st.floats(40, 300)
METERS = st.integers(1, 16)
HORIZONS = st.integers(1, 5000)


def tempo_of(bpm: float) -> Tempo:
    return Tempo.at_start({**DEFAULTS, "bpm": bpm})


def give(name: str, tempo: Tempo, horizon: int, when: str = "bar", beats_a_bar: int = 4, **more) -> Cue:
    value = {"solo": "p2"}.get(name, CONTROLS[name].argument)
    return placed(name, value, when, tempo, horizon, number=0, source="keys", beats_a_bar=beats_a_bar, **more)


@given(BPMS, METERS, HORIZONS, st.sampled_from(sorted(CUES - {"end"})))
def test_a_cue_begins_in_the_first_frame_of_the_next_bar_and_lasts_whole_bars(bpm, beats_a_bar, horizon, name):
    tempo, values = tempo_of(bpm), {**DEFAULTS, "beats_a_bar": beats_a_bar}
    cue = give(name, tempo, horizon, beats_a_bar=beats_a_bar)
    begin = cue.begin.frame_index
    assert begin >= horizon
    assert bar_of(tempo, begin, values) == bar_of(tempo, begin - 1, values) + 1
    assert bar_of(tempo, begin - 1, values) <= bar_of(tempo, horizon, values)
    n_bars = (cue.until.beats - cue.begin.beats) / beats_a_bar
    assert n_bars == {"fill": 1, "break": 1, "build": 4, "tutti": 0}.get(name, math.inf)


@given(BPMS, METERS, HORIZONS)
def test_an_ending_strikes_on_a_bar_line_with_half_a_bar_of_notice_and_is_over_within_two_bars(
    bpm, beats_a_bar, horizon
):
    tempo = tempo_of(bpm)
    cue, bar = give("end", tempo, horizon, beats_a_bar=beats_a_bar), beats_a_bar * tempo.period_frames
    assert cue.strike is not None
    assert cue.strike.beats % beats_a_bar == 0
    assert horizon <= cue.begin.frame_index <= cue.strike.frame_index < cue.until.frame_index
    assert cue.strike.frame_index - horizon >= 0.5 * bar - 1
    assert cue.until.frame_index - horizon <= 2 * bar + 1
    if beats_a_bar > 2:  # in shorter bars there may be less than a beat left of the two
        assert cue.until.beats % 1 == 0


@given(BPMS, HORIZONS, st.sampled_from(sorted(CUES)))
def test_a_cue_that_lands_at_once_shapes_the_next_open_frame_and_ends_on_a_bar_line(bpm, horizon, name):
    cue = give(name, tempo_of(bpm), horizon, "now")
    assert cue.begin.frame_index == horizon
    assert name in ("end", "tutti") or math.isinf(cue.until.beats) or cue.until.beats % 4 == 0
    if cue.strike is not None:
        assert 0 < cue.strike.beats - cue.begin.beats <= 1.5


def test_a_cue_for_the_section_lands_on_the_bar_line_next_to_its_end():
    tempo = tempo_of(120.0)
    assert give("fill", tempo, 10, "section", section_end=190).begin == Mark(16.0, 192)
    assert give("fill", tempo, 10, "section").begin == Mark(4.0, 48)
    assert give("fill", tempo, 50, "section", section_end=51).begin == Mark(8.0, 96)
    end = give("end", tempo, 10, "section", section_end=190)
    assert (end.begin.frame_index, end.strike, end.until) == (144, Mark(16.0, 192), Mark(19.0, 228))


@given(BPMS, BPMS, HORIZONS, st.sampled_from(sorted(CUES)))
def test_a_cue_keeps_its_bar_line_when_the_tempo_changes_and_what_has_begun_stays(first_bpm, then_bpm, horizon, name):
    tempo = tempo_of(first_bpm)
    cue = give(name, tempo, horizon)
    then = tempo_of(then_bpm)
    moved = cue.followed(then, horizon)
    for was, now in zip(cue.marks, moved.marks, strict=True):
        assert now.beats == was.beats
        if was.frame_index <= horizon or math.isinf(was.beats):
            assert now == was
        else:
            assert now.frame_index == max(then.frame_at(was.beats, 0), horizon)


@pytest.mark.parametrize("jump", [-37.3, -8.0, 3.6, 100.0])
def test_a_cue_that_has_not_begun_goes_to_the_nearest_bar_line_when_the_count_leaps(jump):
    cue = give("break", tempo_of(120.0), 50)
    recounted = cue.recounted(jump, 4, 50)
    assert recounted.begin.beats % 4 == 0
    assert abs(recounted.begin.beats - (cue.begin.beats + jump)) <= 2
    assert recounted.until.beats - recounted.begin.beats == cue.until.beats - cue.begin.beats


def test_one_cue_is_in_force_and_one_is_planned_and_the_newer_takes_the_place():
    tempo, cues = tempo_of(120.0), Cues()
    drop, fill = give("drop", tempo, 10), give("fill", tempo, 60)
    cues = cues.with_cue(drop).followed(tempo, 48)
    assert cues.in_force == drop
    cues = cues.with_cue(fill)
    assert (cues.at(95), cues.at(96), cues.at(143), cues.at(144)) == (drop, fill, fill, None)
    assert cues.without(0).pending == ()
    assert cues.followed(tempo, 96).pending == (fill,)
    assert cues.followed(tempo, 145).followed(tempo, 146).pending == ()


@given(BPMS, METERS, HORIZONS, st.integers(2, 16))
def test_a_count_in_begins_at_once_and_bar_1_after_it(bpm, beats_a_bar, horizon, n_beats):
    count_in, tempo = counted_in(n_beats, tempo_of(bpm), horizon, beats_a_bar)
    assert count_in.until.beats == 0.0
    assert tempo.beats_at(horizon + 1) == pytest.approx(-n_beats)
    assert count_in.until.frame_index == tempo.frame_at(0.0, horizon)
    assert next_bar(tempo, count_in.until.frame_index, beats_a_bar) == 0.0
