"""LakhNES's words hold the notes of NES-MDB's songs to the sample."""

import hashlib
import re

import numpy as np
import pytest
from examples import examples
from format_samples import NESMDB, needs_nesmdb, scores, song
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from livegen.errors import FormatError
from livegen.formats.midi.nesmdb import piece_to_song
from livegen.formats.midi.smf import read_song
from livegen.formats.midi.song_file import write_song
from livegen.formats.score.kinds import read_score
from livegen.formats.score.piece import Piece
from livegen.formats.words.tx1 import read_tx1, song_to_rows, write_tx1
from livegen.formats.words.vocabulary import WAITS, vocabulary
from livegen.score import Column, Voice
from livegen.training.data.exact_onsets import archived_songs

one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))


def there_and_back(folder, song):
    """Return the events of a song as they are, and as they come back by words and a MIDI file."""
    write_tx1(folder / "a.tx1.txt", song)
    write_song(folder / "a.mid", read_tx1(folder / "a.tx1.txt"))
    return song_to_rows(song), song_to_rows(read_song(folder / "a.mid"))


def test_the_vocabulary_is_that_of_lakhnes():
    words = vocabulary()
    assert len(words) == len(set(words)) == 631
    # of data/tx1_vocab.txt in its repository, whose 630 lines have no <S>
    digest = hashlib.sha256("\n".join(words[1:]).encode()).hexdigest()
    assert digest == "39821f74309627a87d043d483e8e8c40cc20dfce4e3da3aa44ccf5d4398bda75"
    assert len(WAITS) == 370


def test_a_song_is_a_list_of_events(tmp_path):
    frames = np.zeros((3, 4, 3), np.uint8)
    frames[0:2, Voice.P1] = (60, 9, 2)
    frames[1, Voice.NO] = (4, 7, 0)
    frames[1:, Voice.TR] = (45, 0, 0)
    frames[2, Voice.P1] = (62, 9, 2)
    write_tx1(tmp_path / "a.tx1.txt", piece_to_song(Piece(frames), "a"))
    words = (tmp_path / "a.tx1.txt").read_text().split()
    assert words == [
        *("P1_NOTEON_60", "WT_1837", "TR_NOTEON_45", "NO_NOTEON_4", "WT_1838", "P1_NOTEON_62", "NO_NOTEOFF", "WT_1837"),
        *("P1_NOTEOFF", "TR_NOTEOFF", "WT_1"),
    ]


@one_folder
@given(frames=scores())
def test_any_score_s_notes_come_back(tmp_path, frames):
    assume(len(frames) > 0)
    (before, end), (after, its_end) = there_and_back(tmp_path, piece_to_song(Piece(frames), "a"))
    assert before.tolist() == after.tolist()
    assert end == its_end


@needs_nesmdb
def test_nesmdb_s_songs_come_back_to_the_sample(tmp_path):
    songs = archived_songs(NESMDB / "nesmdb_midi_valid.zip", lambda _: None)
    for n, (name, each) in enumerate(songs):
        if n % 20 == 0:
            (before, end), (after, its_end) = there_and_back(tmp_path, each)
            assert before.tolist() == after.tolist(), name
            assert end == its_end, name


def test_words_are_a_score_as_any_other(tmp_path):
    write_tx1(tmp_path / "a.tx1.txt", piece_to_song(Piece(song()), "a"))
    notes = read_score(tmp_path / "a.tx1.txt")[..., Column.NOTE]
    assert (notes == song()[..., Column.NOTE]).mean() > 0.98


def test_what_is_no_word_is_left_out_in_one_sentence(tmp_path):
    text = "<S> P1_NOTEON_60 WT_100 P3_NOTEON_1 WT_-5\nP1_NOTEON_999 WT_12x hello P1_NOTEOFF <S>"
    (tmp_path / "a.tx1.txt").write_text(text)
    said = []
    rows, end = song_to_rows(read_tx1(tmp_path / "a.tx1.txt", said.append))
    assert rows.tolist() == [[0, 0, 60], [100, 0, 0]]
    assert end == 100
    assert said == [
        "a.tx1.txt is damaged: left out what is no word of TX1: 'P3_NOTEON_1' in line 1, 'WT_-5' in line 1, "
        "'P1_NOTEON_999' in line 2, and 2 more"
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no notes in words of TX1: choose"),
        ("hello", "holds no notes in words of TX1, but 'hello' in line 1"),
        ("P1_NOTEON_60 WT_9999999999", "lasts 63.0 hours: at most 11.6"),
    ],
)
def test_a_file_without_music_is_refused(tmp_path, text, words):
    (tmp_path / "a.tx1.txt").write_text(text)
    with pytest.raises(FormatError, match=re.escape(words)):
        read_tx1(tmp_path / "a.tx1.txt")


@one_folder
@given(text=st.text(alphabet="PTN12RO_WETFS<>0987654 \n\r\x00é#:-", max_size=200))
def test_any_text_is_read_or_refused(tmp_path, text):
    (tmp_path / "a.tx1.txt").write_text(text, "utf-8")
    try:
        rows, end = song_to_rows(read_tx1(tmp_path / "a.tx1.txt"))
    except FormatError as error:
        assert "a.tx1.txt" in str(error)
    else:
        assert (rows[:, 0] <= end).all()
