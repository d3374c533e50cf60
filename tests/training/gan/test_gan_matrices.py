import numpy as np
import pytest

from livegen.errors import FormatError
from livegen.score import NOTE_RANGE, Voice
from livegen.training.gan.matrices import (
    excerpts_of,
    fitted,
    from_matrices,
    read_matrices,
    to_matrices,
    to_phrases,
    write_matrices,
)


def excerpts(n: int = 3) -> np.ndarray:
    generator = np.random.default_rng(0)
    notes = np.zeros((n, 256, 4), np.uint8)
    for voice, (lowest, highest) in NOTE_RANGE.items():
        notes[..., voice] = np.repeat(generator.integers(lowest, highest + 1, (n, 64)), 4, 1)
    notes[:, 100:120] = 0
    return notes


def test_a_matrix_has_eight_pieces_of_four_rows():
    notes = excerpts(1)
    matrix = to_matrices(notes)[0]
    assert matrix.shape == (32, 32)
    assert matrix[4 * 3 + Voice.TR].tolist() == notes[0, 96:128, Voice.TR].tolist()
    assert (from_matrices(matrix[None]) == notes).all()


def test_written_and_read(tmp_path):
    matrices = to_matrices(excerpts())
    write_matrices(tmp_path / "some.npz", matrices)
    assert (read_matrices(tmp_path / "some.npz") == matrices).all()
    np.savez(tmp_path / "one.npz", matrices[0])
    assert (read_matrices(tmp_path / "one.npz") == matrices[:1]).all()


@pytest.mark.parametrize(
    "array", [np.zeros((3, 32, 31)), np.full((2, 32, 32), 20, np.uint8), np.full((1, 32, 32), np.nan)]
)
def test_what_is_no_matrix_is_refused(tmp_path, array):
    np.savez(tmp_path / "bad.npz", array)
    with pytest.raises(FormatError):
        read_matrices(tmp_path / "bad.npz")


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(FormatError):
        read_matrices(tmp_path / "bad.npz")
    np.savez(tmp_path / "pickle.npz", np.array([{}], object))
    with pytest.raises(FormatError):
        read_matrices(tmp_path / "pickle.npz")


def test_numbers_become_notes_or_silence():
    assert fitted(np.array([[15.9, 16.1, 10.0, 0.4]])).tolist() == [[0, 32, 0, 0]]
    assert fitted(np.array([[200.0, 108.4, 11.0, 0.6]])).tolist() == [[108, 108, 21, 1]]


def test_songs_are_cut_into_excerpts():
    song = np.zeros((600, 4, 3), np.uint8)
    song[256:, Voice.P1, 0] = 60
    cut = excerpts_of([song, song[:100]])
    assert cut.shape == (2, 256, 4)
    assert cut[:, :, 0].min(1).tolist() == [0, 60]
    assert excerpts_of([song[:100]]).shape == (0, 256, 4)


def test_an_excerpt_lies_on_its_beat_as_a_phrase():
    notes = np.zeros((1, 256, 4), np.uint8)
    places = np.arange(0, 256, 9)  # halves of a beat of 18 frames
    for i, at in enumerate(places):
        notes[0, at : at + 4, Voice.P1] = 60 + i % 2
    phrase = to_phrases(notes)[0]
    struck = np.flatnonzero((phrase[1:, 0, 0] != phrase[:-1, 0, 0]) & (phrase[1:, 0, 0] > 0)) + 1
    assert set((struck % 6).tolist()) == {0}
    assert len(struck) > 10
    assert to_phrases(np.zeros((2, 256, 4), np.uint8)).shape == (2, 96, 4, 3)
