"""Any MIDI file as words, note by note, and back."""

import re

import mido
import numpy as np
import pytest
from examples import examples
from format_samples import NESMDB, needs_nesmdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livegen.errors import FormatError
from livegen.formats.midi.smf import read_song
from livegen.formats.midi.song_file import write_song
from livegen.formats.score.kinds import read_score
from livegen.formats.words.events import DRUMS, MOST_EVENTS, Note, notes_of, read_events, write_events
from livegen.training.data.exact_onsets import archived_songs

one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))

EXAMPLE = "start tempo150 i99:v100:64 wait:8 i99:v110:46 wait:4 end:i99:v100:64 wait:4 end:i99:v110:46 finish"


def words(folder, text):
    path = folder / "a.events.txt"
    path.write_text(text, "utf-8")
    return path


def midi(folder, *tracks, ticks_per_beat=480):
    file = mido.MidiFile(type=1, ticks_per_beat=ticks_per_beat)
    for track in tracks:
        file.tracks.append(mido.MidiTrack(track))
    file.save(folder / "in.mid")
    return read_song(folder / "in.mid")


def on(key, velocity=100, channel=0, time=0):
    return mido.Message("note_on", channel=channel, note=key, velocity=velocity, time=time)


def off(key, channel=0, time=0):
    return mido.Message("note_off", channel=channel, note=key, time=time)


def there_and_back(folder, song):
    write_events(folder / "b.events.txt", song)
    write_song(folder / "b.mid", read_events(folder / "b.events.txt"))
    return read_song(folder / "b.mid")


@pytest.mark.parametrize("text", [EXAMPLE, EXAMPLE.replace("tempo150", "tempo:150")])
def test_words_are_notes_in_sixteenths_of_a_beat(tmp_path, text):
    song = read_events(words(tmp_path, text))
    assert notes_of(song) == [Note(0, 12, 99, 100, 64), Note(8, 16, 99, 110, 46)]
    assert song.tempos == [(0.0, 150.0)]
    assert song.seconds[-1] == pytest.approx(0.4)


def test_the_file_says_its_resolution_and_reads_as_the_words_are(tmp_path):
    write_events(tmp_path / "b.events.txt", read_events(words(tmp_path, EXAMPLE)))
    comment, song = (tmp_path / "b.events.txt").read_text().splitlines()
    assert comment.startswith("# 16 waits are a beat")
    assert song == EXAMPLE.replace("tempo150", "tempo:150")


def test_programs_drums_tempos_and_pauses_come_back(tmp_path):
    tempo = [
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(100)),
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(90), time=960),
    ]
    program = [mido.Message("program_change", channel=3, program=40), on(60, 80, 3), off(60, 3, 480)]
    later = [mido.Message("program_change", channel=3, program=41, time=480), on(61, 80, 3), off(61, 3, 300 * 480)]
    song = midi(tmp_path, tempo, program + later, [on(36, 127, 9, 240), off(36, 9, 30)])
    back = there_and_back(tmp_path, song)
    assert notes_of(back) == notes_of(song)
    assert [note.instrument for note in notes_of(back)] == [40, DRUMS, 41]
    assert np.array(back.tempos) == pytest.approx(np.array(song.tempos))
    assert "wait:2048 wait:" in (tmp_path / "b.events.txt").read_text()


def test_more_instruments_than_channels_share_them(tmp_path):
    text = " ".join(f"i{i}:v100:{40 + i} wait:4 end:i{i}:v100:{40 + i}" for i in range(40))
    song = read_events(words(tmp_path, f"start {text} finish"))
    assert [note.instrument for note in notes_of(there_and_back(tmp_path, song))] == list(range(40))


def test_a_long_song_is_written_as_several_and_comes_back_as_one(tmp_path):
    n = MOST_EVENTS
    text = " ".join(
        f"i0:v100:60 wait:1 i0:v90:{61 + i % 9} end:i0:v100:60 wait:1 end:i0:v90:{61 + i % 9}" for i in range(n // 2)
    )
    song = read_events(words(tmp_path, f"start {text} finish"))
    assert write_events(tmp_path / "b.events.txt", song) == 2
    lines = (tmp_path / "b.events.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["#", "start", "start"]
    assert notes_of(read_events(tmp_path / "b.events.txt")) == notes_of(song)
    with pytest.raises(FormatError, match=r"a.events.txt has 20,000 events .*at most 10,000 and 8 are written"):
        write_events(tmp_path / "c.events.txt", song, "drop")


NOTE = st.tuples(
    st.integers(0, 300),
    st.integers(0, 40),
    st.sampled_from([0, 5, 38, 80, DRUMS]),
    st.integers(1, 127),
    st.integers(0, 127),
)


@one_folder
@given(rows=st.lists(NOTE, min_size=1, max_size=40))
def test_any_notes_come_back(tmp_path, rows):
    """Of a key that is struck again while it is down, MIDI knows only that it is struck again."""
    struck: dict[tuple[int, int], int] = {}
    told = []
    for start, length, instrument, velocity, key in sorted(rows):
        if struck.get((instrument, key), -1) < start:
            told += [(start, 1, f"i{instrument}:v{velocity}:{key}")]
            told += [(start + length + 1, 0, f"end:i{instrument}:v{velocity}:{key}")]
            struck[instrument, key] = start + length + 1
    now, text = 0, ["start"]
    for at, _, word in sorted(told):
        text += [f"wait:{at - now}"] * (at > now) + [word]
        now = at
    song = read_events(words(tmp_path, " ".join(text)))
    assert len(notes_of(song)) == len(struck) if len(struck) == len(told) // 2 else True
    assert sorted(notes_of(there_and_back(tmp_path, song))) == sorted(notes_of(song))


@needs_nesmdb
def test_nesmdb_s_songs_come_back_with_their_voices(tmp_path):
    for n, (name, song) in enumerate(archived_songs(NESMDB / "nesmdb_midi_valid.zip", lambda _: None)):
        if n % 20 == 0:
            back = there_and_back(tmp_path, song)
            assert notes_of(back) == notes_of(song), name
            assert set(back.track_names) <= {"", "p1", "p2", "tr", "no"}


def test_words_are_a_score_as_any_other(tmp_path):
    frames = read_score(words(tmp_path, "start tempo:120 i80:v100:60 wait:16 end:i80:v100:60 finish"))
    assert np.flatnonzero(frames[:, 0, 0] == 60).tolist() == list(range(12))


def test_what_is_no_word_is_left_out_in_one_sentence(tmp_path):
    text = "# a comment\nstart i0:v100:60 tempo:9999 wait:x i0:v0:60 wait:4 end:i0:v100:61 end:i0:v100:60 i1:v1"
    said = []
    song = read_events(words(tmp_path, text), said.append)
    assert notes_of(song) == [Note(0, 4, 0, 100, 60)]
    assert said == [
        "a.events.txt is damaged: left out what is no word of a song's events: 'tempo:9999' in line 2, 'wait:x' in "
        "line 2, 'i0:v0:60' in line 2, and 2 more"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a.events.txt holds no notes in words of a song's events: choose"),
        ("start finishes", "holds no notes in words of a song's events, but 'finishes' in line 1"),
        ("start i0:v1:60 " + "wait:9999999 " * 3, "hours: at most 11.6 are read"),
    ],
)
def test_a_file_without_music_is_refused(tmp_path, text, said):
    with pytest.raises(FormatError, match=re.escape(said)):
        read_events(words(tmp_path, text))


@one_folder
@given(text=st.text(alphabet="stariwefnhdmpo:v0123456789 \n#\x00é.-", max_size=200))
def test_any_text_is_read_or_refused(tmp_path, text):
    try:
        song = read_events(words(tmp_path, text))
    except FormatError as error:
        assert "a.events.txt" in str(error)
    else:
        assert (np.diff(song.events.tick) >= 0).all()
