"""The cadence: the key that is heard, and what an ending settles of each frame, within the ranges of a score."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.controls import DEFAULTS
from livegen.engines.tonality import Key
from livegen.performance.cues.cadence import chord_at, heard_key, in_chord, settled
from livegen.performance.cues.cue import Cue, Mark
from livegen.performance.timeline import NO_OFFSET, Step
from livegen.score import NOTE_RANGE, PITCHED, SILENCE, Column, Voice, onsets, validate_frames
from livegen.score_table import MODEL, PLAYER, PlannedFrame

BAR = 48
KEYS = st.builds(Key, st.integers(0, 11), st.booleans())
EVERYBODY = np.ones(4, bool)


def ending(key: Key, begin: int = 0, strike: int = BAR, until: int = 2 * BAR) -> Cue:
    return Cue("end", 0, "keys", Mark(0.0, begin), Mark(8.0, until), strike=Mark(4.0, strike), key=key)


def step(owner: int = MODEL, **notes: int) -> Step:
    frame = SILENCE.copy()
    for name, note in notes.items():
        frame[Voice[name.upper()], :2] = note, 0 if name == "tr" else 9
    return Step(PlannedFrame(0, frame, np.full(4, owner, np.uint8), NO_OFFSET), frame, None, is_fed=True)


def tune(tonic: int, owner: int, n: int = 8) -> list[Step]:
    return [step(owner, p1=60 + tonic + up) for up in (0, 4, 7, 0, 5, 2, 7, 0) for _ in range(n)]


@given(st.integers(0, 11), st.integers(0, 11))
def test_the_performers_key_counts_before_the_bands(tonic: int, other: int):
    band = tune(other, MODEL, 12)
    assert heard_key(band, DEFAULTS) == Key(other)
    assert heard_key(band + tune(tonic, PLAYER), DEFAULTS).tonic == tonic


def test_a_scale_that_is_set_is_the_key_and_a_performer_of_one_note_says_none():
    values = {**DEFAULTS, "key": "d", "scale": "minor_pentatonic"}
    assert heard_key(tune(7, PLAYER), values) == Key(2, is_minor=True)
    assert heard_key(tune(7, MODEL, 24) + [step(PLAYER, p1=71)] * 48, DEFAULTS).tonic == 7


@given(KEYS, st.sampled_from([BAR, BAR // 2]), st.lists(st.integers(0, 108), min_size=12, max_size=12))
def test_an_ending_leads_every_voice_to_the_tonics_chord_and_the_bass_to_the_tonic(key, strike, notes):
    cue, frames, before = ending(key, strike=strike), [], SILENCE
    generator = iter(notes * 100)
    for k in range(2 * BAR):
        chord = chord_at(cue, k, BAR)
        frame, is_set = settled(cue, k, chord, before, EVERYBODY)
        drawn = SILENCE.copy()
        for voice in Voice:
            note = next(generator)
            lowest, highest = NOTE_RANGE[voice]
            drawn[voice, :2] = min(max(note, lowest), highest) if note else 0, 0 if voice == Voice.TR else note % 16
        frame = np.where(is_set[:, None], frame, in_chord(drawn, chord, ~is_set))
        frames.append(frame)
        before = frame
    score = validate_frames(np.array(frames))
    bass = score[:, Voice.TR, Column.NOTE] % 12
    assert (bass[strike:] == key.tonic).all()
    assert (bass[strike - 5 : strike] == (key.tonic + 7) % 12).all()
    assert (bass[0] == (key.tonic + 5) % 12) == (strike == BAR)  # where there is time the fourth degree comes first
    assert onsets(score)[strike].all()  # all strike together
    assert not onsets(score)[strike + 1 :].any()  # and what they strike rings
    triad = {(key.tonic + up) % 12 for up in (0, 3 if key.is_minor else 4, 7)}
    for voice in PITCHED:
        assert set((score[strike:, voice, Column.NOTE] % 12).tolist()) <= triad
    loudness = score[strike:, [Voice.P1, Voice.P2, Voice.NO], Column.VOLUME].astype(int)
    assert (np.diff(loudness, axis=0) <= 0).all()
    assert loudness[0].min() == 15
    assert 0 < loudness[-1].max() < 5


def test_where_the_triangle_is_not_the_models_another_voice_takes_the_bass():
    cue, is_models = ending(Key(2)), np.array([True, True, False, True])
    frame, is_set = settled(cue, BAR, chord_at(cue, BAR, BAR), SILENCE, is_models)
    assert is_set.tolist() == is_models.tolist()
    assert frame[Voice.P2, Column.NOTE] % 12 == 2
    assert not frame[Voice.TR].any()


def test_a_voice_that_did_not_strike_with_the_others_does_not_come_in_while_they_ring():
    cue = ending(Key(0))
    frame, _ = settled(cue, BAR + 3, chord_at(cue, BAR + 3, BAR), SILENCE, EVERYBODY)
    assert not frame.any()


@pytest.mark.parametrize(("is_minor", "third"), [(False, 4), (True, 3)])
def test_the_fifth_degree_has_its_leading_tone_in_minor_too(is_minor: bool, third: int):
    chord = chord_at(ending(Key(9, is_minor)), BAR - 1, BAR)
    assert chord.root == 4
    assert chord.pitch_classes >> 8 & 1  # g sharp
    assert chord.is_before_last
    tonic = chord_at(ending(Key(9, is_minor)), BAR, BAR)
    assert tonic.pitch_classes >> (9 + third) % 12 & 1
