"""What a file plays in place of a performer: which voices, from which beat, at which tempo."""

from pathlib import Path

import mido
import numpy as np
import pytest
from vgm_files import log, vgm

from livegen.errors import FormatError
from livegen.formats.played import read_played, voices_named
from livegen.score import Voice

SECOND = 44_100
BPM = 133.7
SILENCE_SECONDS = 1.234


def tune(tmp_path: Path, first_beat: float = 0.0, n_beats: int = 64) -> Path:
    """Write quarters and eighths of P1, over a bass on the beat, after a silence."""
    writes = [(0, 0x15, 0x0F), (0, 0x08, 0xFF)]
    for half in range(2 * n_beats):
        beat = half / 2
        if beat < first_beat or half % 8 in (3, 7):
            continue
        sample = round((SILENCE_SECONDS + beat * 60 / BPM) * SECOND)
        writes += [(sample, 0x00, 0xBF), (sample, 0x02, 0xA0 + half % 5), (sample, 0x03, 0x08 + half % 2)]
        if half % 2 == 0:
            writes += [(sample, 0x0A, 0x40 * (half % 4 // 2)), (sample, 0x0B, 0x0B)]
    (tmp_path / "tune.vgm").write_bytes(vgm(log(writes, 40 * SECOND)))
    return tmp_path / "tune.vgm"


def begins(played, channel=None):
    return [at for at, message in played.timeline if message.type == "note_on" and channel in (None, message.channel)]


def test_a_tune_begins_with_its_first_beat_at_its_own_tempo(tmp_path: Path) -> None:
    played = read_played(tune(tmp_path))
    assert played.bpm == pytest.approx(BPM, rel=1e-4)
    assert played.controls == {"bpm": played.bpm}
    assert begins(played, 0)[:4] == pytest.approx(np.array([0, 0.5, 1, 2]) * 60 / BPM, abs=2e-4)


def test_a_pick_up_keeps_its_place_in_the_beat(tmp_path: Path) -> None:
    assert begins(read_played(tune(tmp_path, first_beat=0.5)))[0] == pytest.approx(0.5 * 60 / BPM, abs=2e-4)


def test_only_the_voices_that_are_named_play(tmp_path: Path) -> None:
    path = tune(tmp_path)
    for voice, channel in ((Voice.P1, 0), (Voice.TR, 2)):
        played = read_played(path, (voice,))
        assert {message.channel for _, message in played.timeline} == {channel}
        assert played.bpm == read_played(path).bpm
        assert begins(played)[0] == begins(read_played(path), channel)[0]
    assert not read_played(path, (Voice.NO,)).timeline


def test_every_note_that_begins_ends(tmp_path: Path) -> None:
    held = set()
    for _, message in read_played(tune(tmp_path)).timeline:
        place = message.channel, message.note
        assert (place in held) == (message.type == "note_off")
        held ^= {place}
    assert not held


def test_a_midi_file_plays_as_it_is_and_its_channels_are_voices(tmp_path: Path) -> None:
    file = mido.MidiFile()
    file.tracks.append(
        mido.MidiTrack(
            [
                mido.Message("note_on", channel=channel, note=60 + channel, velocity=90, time=480)
                for channel in (0, 1, 2, 9, 5)
            ]
        )
    )
    file.save(tmp_path / "a.mid")
    everything = read_played(tmp_path / "a.mid")
    assert everything.bpm is None
    assert begins(everything) == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.5])
    some = read_played(tmp_path / "a.mid", (Voice.P1, Voice.NO))
    assert [message.channel for _, message in some.timeline] == [0, 9, 5]
    assert [at for at, _ in some.timeline[1:]] == pytest.approx([2.0, 2.5])


def test_a_tune_without_a_beat_begins_with_its_first_note(tmp_path: Path) -> None:
    writes = [(0, 0x15, 0x0F), (30_000, 0x00, 0xBF), (30_000, 0x02, 0xA0), (30_000, 0x03, 0x08)]
    (tmp_path / "a.vgm").write_bytes(vgm(log(writes, 2 * SECOND)))
    played = read_played(tmp_path / "a.vgm")
    assert (played.bpm, played.controls) == (None, {})
    assert begins(played) == [0.0]


def test_voices_are_named_by_their_names() -> None:
    assert voices_named("tr, P1,tr") == (Voice.TR, Voice.P1)
    with pytest.raises(FormatError, match=r"'dm' is no voice: name one or more of p1, p2, tr, no"):
        voices_named("p1,dm")
