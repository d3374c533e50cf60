import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from livegen.errors import ScoreError
from livegen.score import (
    NOTE_RANGE,
    SILENCE,
    TIMBRE_MAX,
    VOLUME_MAX,
    Column,
    Voice,
    fit_note,
    is_onset,
    onsets,
    validate_frames,
)


@st.composite
def scores(draw: st.DrawFn) -> NDArray[np.uint8]:
    """Draw a valid score of 0 to 12 frames with few distinct notes, so that notes repeat."""
    frames = np.zeros((draw(st.integers(0, 12)), 4, 3), np.uint8)
    for frame in frames:
        for voice in Voice:
            lowest, highest = NOTE_RANGE[voice]
            frame[voice, Column.NOTE] = draw(st.sampled_from((0, lowest, lowest + 1, highest)))
            frame[voice, Column.VOLUME] = draw(st.integers(0, VOLUME_MAX[voice]))
            frame[voice, Column.TIMBRE] = draw(st.integers(0, TIMBRE_MAX[voice]))
    return frames


@given(scores())
def test_onsets_of_a_score_are_those_of_its_frames(frames: NDArray[np.uint8]) -> None:
    expected = np.zeros((len(frames), 4), bool)
    previous = SILENCE
    for index, frame in enumerate(frames):
        for voice in Voice:
            (old_note, old_volume), (note, volume) = previous[voice, :2].tolist(), frame[voice, :2].tolist()
            expected[index, voice] = is_onset(old_note, old_volume, note, volume)
        previous = frame
    np.testing.assert_array_equal(onsets(frames), expected)


@pytest.mark.parametrize(
    ("before", "after", "attacks"),
    [
        ((0, 0), (60, 10), True),  # from silence
        ((60, 10), (62, 10), True),  # another note
        ((60, 10), (60, 10), False),  # held
        ((60, 10), (60, 12), False),  # a swell
        ((60, 10), (60, 13), True),  # struck again
        ((60, 15), (60, 3), False),  # a decay
        ((60, 10), (0, 15), False),  # released
        ((0, 0), (0, 15), False),
    ],
)
def test_is_onset(before: tuple[int, int], after: tuple[int, int], attacks: bool) -> None:
    assert is_onset(*before, *after) is attacks
    assert is_onset(*before, *after) is attacks


@pytest.mark.parametrize("voice", [Voice.P1, Voice.P2, Voice.TR])
def test_keys_move_by_octaves_into_the_range(voice: Voice) -> None:
    lowest, highest = NOTE_RANGE[voice]
    for key in range(128):
        note = fit_note(voice, key)
        assert lowest <= note <= highest
        assert (note - key) % 12 == 0
        if lowest <= key <= highest:
            assert note == key
        else:  # no further than it must
            assert note - 12 < lowest if key < lowest else note + 12 > highest


def test_keys_of_the_noise_voice() -> None:
    notes = [fit_note(Voice.NO, key) for key in range(128)]
    assert set(notes) == set(range(1, 17))
    bass, snare, closed_hat = notes[36], notes[38], notes[42]
    assert bass < snare < closed_hat  # a higher noise note is a shorter period
    mine = [fit_note(Voice.NO, key, {60: 16}) for key in (36, 60)]
    assert mine == [36 % 16 + 1, 16]


@given(scores())
def test_a_valid_score_passes(frames: NDArray[np.uint8]) -> None:
    checked = validate_frames(frames.astype(np.int64))
    assert checked.dtype == np.uint8
    np.testing.assert_array_equal(checked, frames)


WRONG = [
    (Voice.P1, Column.NOTE, 31),
    (Voice.P1, Column.NOTE, 109),
    (Voice.P2, Column.NOTE, 1),
    (Voice.TR, Column.NOTE, 20),
    (Voice.NO, Column.NOTE, 17),
    (Voice.P2, Column.NOTE, -1),
    (Voice.NO, Column.VOLUME, 16),
    (Voice.TR, Column.VOLUME, 1),
    (Voice.P1, Column.TIMBRE, 4),
    (Voice.TR, Column.TIMBRE, 1),
    (Voice.NO, Column.TIMBRE, 2),
    (Voice.NO, Column.TIMBRE, 256),
]


@pytest.mark.parametrize(("voice", "column", "value"), WRONG)
def test_a_value_out_of_range_is_named(voice: Voice, column: Column, value: int) -> None:
    frames = np.zeros((5, 4, 3), np.int64)
    frames[3, voice, column] = value
    with pytest.raises(ScoreError, match=rf"^{column.name.lower()} {value} of {voice.name} in frame 3 .*allowed is"):
        validate_frames(frames)


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((4, 3), np.uint8),
        np.zeros((2, 4, 4), np.uint8),
        np.zeros((2, 3, 3), np.uint8),
        np.zeros((2, 4, 3), np.float64),
        np.zeros((2, 4, 3), bool),
        np.zeros((2, 4, 3), object),
        [],
    ],
    ids=lambda frames: f"{np.asarray(frames).dtype}{np.shape(frames)}",
)
def test_another_shape_or_type_is_refused(frames: object) -> None:
    with pytest.raises(ScoreError, match=r"^a score "):
        validate_frames(frames)
