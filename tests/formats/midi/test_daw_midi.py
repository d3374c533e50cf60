"""MIDI for a DAW: each onset is a note with a velocity, and reading the file finds the music again."""

from pathlib import Path

import mido
import numpy as np
from examples import examples
from format_samples import scores, song
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from livegen.formats.chip.register_log import Tags
from livegen.formats.midi.daw import write_daw_midi
from livegen.formats.midi.file import read_midi_piece, write_midi_piece
from livegen.formats.midi.nesmdb import is_nesmdb_layout
from livegen.formats.midi.smf import NOTE_OFF, NOTE_ON, read_song
from livegen.formats.score.piece import Piece
from livegen.score import Column, Voice, onsets
from livegen.units import volume_to_velocity

one_folder = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=examples(60)
)
TEMPOS = st.lists(st.tuples(st.integers(1, 40), st.floats(20, 300)), max_size=3).map(sorted)


@one_folder
@given(frames=scores(), data=st.data())
def test_every_onset_is_a_note_and_every_note_ends(tmp_path: Path, frames, data) -> None:
    player = data.draw(hnp.arrays(bool, frames.shape[:2]))
    player[1:] = np.where(onsets(frames)[1:], player[1:], False)
    for at in range(1, len(frames)):  # a note is one hand's
        player[at] = np.where(onsets(frames)[at], player[at], player[at - 1])
    write_daw_midi(tmp_path / "a.mid", Piece(frames, player, tempos=tuple(data.draw(TEMPOS))))
    read = read_song(tmp_path / "a.mid")
    kinds = [message[0] & 0xF0 for _, _, message in read.events]
    assert kinds.count(NOTE_ON) == kinds.count(NOTE_OFF) == int(onsets(frames).sum())


def test_a_daw_finds_notes_at_their_beats(tmp_path: Path) -> None:
    """At 120 beats a minute 12 frames are a beat."""
    frames = np.zeros((48, 4, 3), np.uint8)
    frames[0:12, Voice.P1], frames[12:24, Voice.P1], frames[24:30, Voice.P1] = (60, 15, 2), (64, 7, 2), (64, 3, 2)
    frames[24:36, Voice.NO] = 9, 12, 0
    player = np.zeros((48, 4), bool)
    player[24:36, Voice.NO] = True
    write_daw_midi(tmp_path / "a.mid", Piece(frames, player, markers=((12, "B"),), tags=Tags("Song")))
    file = mido.MidiFile(tmp_path / "a.mid")
    beat = file.ticks_per_beat
    assert [track.name for track in file.tracks] == ["Song", "Pulse 1", "Noise (player)"]
    assert file.length == 1.5
    lead = [(m.type, m.time / beat, m.dict().get("velocity")) for m in file.tracks[1] if m.type.startswith("note")]
    assert lead == [
        ("note_on", 0, 127),
        ("note_off", 1, 64),
        ("note_on", 0, volume_to_velocity(7)),
        ("note_off", 0.5, 64),
    ]
    (expression,) = (m for m in file.tracks[1] if m.type == "control_change")
    assert (expression.control, expression.value) == (11, round(127 * 3 / 7))
    assert next(m.note for m in file.tracks[2] if m.type == "note_on") == 38  # a snare
    (marker,) = (m for m in file.tracks[0] if m.type == "marker")
    assert (marker.text, marker.time) == ("B", beat)


def test_our_own_reader_finds_the_music_again(tmp_path: Path) -> None:
    frames = song(96)
    write_daw_midi(tmp_path / "a.mid", Piece(frames))
    assert not is_nesmdb_layout(read_song(tmp_path / "a.mid"))
    found = read_midi_piece(tmp_path / "a.mid").frames
    n_frames = min(len(found), len(frames))
    attacks = onsets(frames)[:n_frames]
    for voice in (Voice.P1, Voice.P2, Voice.TR):
        at = attacks[:, voice]
        assert np.array_equal(found[:n_frames, voice][at, Column.NOTE], frames[:n_frames, voice][at, Column.NOTE])
        assert np.array_equal(found[:n_frames, voice][at, Column.VOLUME], frames[:n_frames, voice][at, Column.VOLUME])


@one_folder
@given(frames=scores(40), tempos=TEMPOS, data=st.data())
def test_with_any_tempos_nesmdb_s_layout_reads_back_exactly(tmp_path: Path, frames, tempos, data) -> None:
    player = data.draw(hnp.arrays(bool, frames.shape[:2]))
    markers = ((0, "Anfang ä"), (len(frames), "end"))
    write_midi_piece(tmp_path / "a.mid", Piece(frames, player, tuple(tempos), markers, Tags("Name")))
    found = read_midi_piece(tmp_path / "a.mid")
    assert np.array_equal(found.frames, frames)
    assert (found.markers, found.tags.title) == (markers, "Name")
    if found.player is None:
        assert not (player & (frames[..., Column.NOTE] > 0))[onsets(frames)].any()
    else:
        sounds = frames[..., Column.NOTE] > 0
        assert np.array_equal(found.player[sounds], player[sounds])
    for frame_index, beats_a_minute in dict(tempos).items():
        if frame_index < len(frames) and len(frames):
            assert any(at == frame_index and abs(bpm / beats_a_minute - 1) < 1e-3 for at, bpm in found.tempos)
