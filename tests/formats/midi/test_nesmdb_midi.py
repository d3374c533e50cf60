"""NES-MDB's layout of a MIDI file holds a score without loss."""

import zipfile

import mido
import numpy as np
import pytest
from examples import examples
from format_samples import NESMDB, needs_nesmdb, scores, song
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from livegen.errors import FormatError, ScoreError
from livegen.formats.midi.file import read_midi_score, write_midi_score
from livegen.formats.score.nesmdb import load_split
from livegen.score import Voice

one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))


@one_folder
@given(frames=scores())
def test_any_score_reads_back_exactly(tmp_path, frames):
    write_midi_score(tmp_path / "a.mid", frames)
    assert np.array_equal(read_midi_score(tmp_path / "a.mid"), frames)


@one_folder
@given(frames=scores(), data=st.data())
def test_the_players_tracks_change_nothing_of_the_score(tmp_path, frames, data):
    player = data.draw(hnp.arrays(bool, frames.shape[:2]))
    write_midi_score(tmp_path / "a.mid", frames, player=player)
    assert np.array_equal(read_midi_score(tmp_path / "a.mid"), frames)


def test_the_file_is_laid_out_as_nesmdb_does(tmp_path):
    write_midi_score(tmp_path / "a.mid", song(5))
    file = mido.MidiFile(tmp_path / "a.mid")
    assert (file.type, file.ticks_per_beat) == (1, 22_050)
    assert [track.name for track in file.tracks] == ["", "p1", "p2", "tr", "no"]
    assert [track[1].channel for track in file.tracks[1:]] == [0, 1, 2, 9]
    assert [track[1].program for track in file.tracks[1:]] == [80, 81, 38, 121]
    marks = [message for message in file.tracks[0] if message.type == "time_signature"]
    assert [(mark.numerator, mark.denominator) for mark in marks] == [(4, 4), (1, 1)]
    assert marks[1].time == 9188  # five frames of 1837.5 samples
    controls = {message.control for track in file.tracks for message in track if message.type == "control_change"}
    assert controls <= {11, 12}


def test_the_file_plays_at_24_frames_a_second(tmp_path):
    write_midi_score(tmp_path / "a.mid", song(48))
    assert mido.MidiFile(tmp_path / "a.mid").length == pytest.approx(2.0, abs=1e-3)


def test_what_the_player_played_is_on_tracks_of_its_own(tmp_path):
    frames = song()
    player = np.zeros((len(frames), 4), bool)
    player[:, Voice.P1] = True
    player[:20, Voice.NO] = True
    write_midi_score(tmp_path / "a.mid", frames, player=player)
    tracks = {track.name: track for track in mido.MidiFile(tmp_path / "a.mid").tracks}
    assert list(tracks) == ["", "p1", "p2", "tr", "no", "p1 player", "no player"]
    assert not any(message.type == "note_on" for message in tracks["p1"])
    assert any(message.type == "note_on" for message in tracks["no"])
    assert all(
        {message.channel for message in tracks[name] if not message.is_meta} == {channel}
        for name, channel in (("p1 player", 0), ("no player", 9))
    )


def test_a_pause_longer_than_a_delta_time_can_say_reads_back(tmp_path):
    frames = np.zeros((160_000, 4, 3), np.uint8)  # 1.85 hours
    frames[[0, -2], Voice.P2] = (60, 15, 2)
    write_midi_score(tmp_path / "a.mid", frames)
    assert np.array_equal(read_midi_score(tmp_path / "a.mid"), frames)


def test_the_same_score_gives_the_same_bytes(tmp_path):
    for name in ("a.mid", "b.mid"):
        write_midi_score(tmp_path / name, song())
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()


def test_a_file_that_an_editor_saved_with_other_ticks_reads_the_same(tmp_path):
    frames = song()
    write_midi_score(tmp_path / "a.mid", frames)
    file = mido.MidiFile(tmp_path / "a.mid")
    file.ticks_per_beat = 11_025
    for track in file.tracks:
        for message in track:
            if message.type == "set_tempo":
                message.tempo = 250_000
    file.save(tmp_path / "a.mid")
    assert np.array_equal(read_midi_score(tmp_path / "a.mid"), frames)


def test_a_players_part_of_another_shape_is_refused(tmp_path):
    with pytest.raises(ScoreError, match=r"\(3, 4\)"):
        write_midi_score(tmp_path / "a.mid", song(), player=np.zeros((3, 4), bool))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FormatError, match="make the folder"):
        write_midi_score(tmp_path / "none" / "a.mid", song())


@needs_nesmdb
def test_the_data_set_reads_as_its_frames_and_is_written_without_loss(tmp_path):
    split = load_split(NESMDB / "nesmdb24_exprsco_valid.npz")
    with zipfile.ZipFile(NESMDB / "nesmdb_midi_valid.zip") as archive:
        members = {name.rsplit("/", 1)[-1]: name for name in archive.namelist()}
        for index in range(0, len(split), len(split) // 20):
            theirs, ours = tmp_path / "theirs.mid", tmp_path / "ours.mid"
            theirs.write_bytes(archive.read(members[split.names[index] + ".mid"]))
            write_midi_score(ours, split.song(index))
            assert np.array_equal(read_midi_score(theirs), split.song(index)), split.names[index]
            assert np.array_equal(read_midi_score(ours), split.song(index)), split.names[index]
