"""Ordinary MIDI files as scores, and any MIDI file as a timeline."""

import mido
import numpy as np
import pytest
from format_samples import song

from livegen.errors import FormatError
from livegen.formats.midi.file import midi_timeline, read_midi_score, write_midi_score
from livegen.score import Column, Voice, fit_note, onsets, validate_frames

TICKS = 480
FRAME = 40  # ticks: at 120 beats a minute a beat is 12 frames


def save(path, *tracks, kind=1):
    """Write tracks of (absolute tick, message)."""
    file = mido.MidiFile(type=kind, ticks_per_beat=TICKS)
    for messages in tracks:
        track, now = mido.MidiTrack(), 0
        for tick, message in sorted(messages, key=lambda timed: timed[0]):
            track.append(message.copy(time=tick - now))
            now = tick
        file.tracks.append(track)
    file.save(path)
    return path


def note(key, start, length, channel=0, velocity=127):
    """A key that is held for frames start to start + length."""
    on = mido.Message("note_on", channel=channel, note=key, velocity=velocity)
    return [(start * FRAME, on), ((start + length) * FRAME, mido.Message("note_off", channel=channel, note=key))]


def control(number, value, frame, channel=0):
    return [(frame * FRAME, mido.Message("control_change", channel=channel, control=number, value=value))]


def notes_of(path, voice):
    return read_midi_score(path)[:, voice, Column.NOTE].tolist()


def test_channels_1_2_3_and_10_are_the_voices(tmp_path):
    tracks = [note(60 + channel, 0, 2, channel) for channel in (2, 1, 0)] + [note(36, 0, 1, 9)]
    frames = read_midi_score(save(tmp_path / "a.mid", *tracks))
    assert frames[0, :, Column.NOTE].tolist() == [60, 61, 62, fit_note(Voice.NO, 36)]


def test_parts_on_other_channels_fill_the_free_voices_in_order(tmp_path):
    tracks = [note(70, 0, 2, 5), note(71, 0, 2, 1), note(72, 0, 2, 6), note(73, 0, 2, 7)]
    frames = read_midi_score(save(tmp_path / "a.mid", *tracks))
    assert frames[0, :, Column.NOTE].tolist() == [70, 71, 72, 0]


def test_tracks_that_share_a_channel_are_parts_of_their_own(tmp_path):
    frames = read_midi_score(save(tmp_path / "a.mid", note(70, 0, 2), note(50, 0, 2), note(40, 0, 2)))
    assert frames[0, :, Column.NOTE].tolist() == [70, 50, 40, 0]


def test_a_note_lasts_from_its_frame_to_the_frame_of_its_end(tmp_path):
    assert notes_of(save(tmp_path / "a.mid", note(60, 3, 4)), Voice.P1) == [0, 0, 0, 60, 60, 60, 60]


def test_the_tempo_map_is_honoured_from_any_track(tmp_path):
    slow = [(12 * FRAME, mido.MetaMessage("set_tempo", tempo=1_000_000))]
    notes = notes_of(save(tmp_path / "a.mid", note(60, 0, 12) + note(62, 12, 12), slow), Voice.P1)
    assert notes == [60] * 12 + [62] * 24


def test_of_a_chord_the_highest_key_sounds(tmp_path):
    path = save(tmp_path / "a.mid", note(60, 0, 2) + note(67, 0, 2) + note(64, 0, 2))
    assert notes_of(path, Voice.P1) == [67, 67]


def test_the_newest_key_sounds_and_gives_way_to_the_one_still_held(tmp_path):
    path = save(tmp_path / "a.mid", note(72, 0, 6) + note(60, 2, 2))
    assert notes_of(path, Voice.P1) == [72, 72, 60, 60, 72, 72]


def test_a_note_within_a_frame_sounds_for_that_frame(tmp_path):
    grace = [(FRAME + 5, mido.Message("note_on", note=80)), (FRAME + 10, mido.Message("note_off", note=80))]
    assert notes_of(save(tmp_path / "a.mid", note(60, 0, 4) + grace), Voice.P1) == [60, 80, 60, 60]


def test_the_pedal_holds_keys_until_it_comes_up(tmp_path):
    path = save(tmp_path / "a.mid", note(60, 0, 2) + control(64, 127, 1) + control(64, 0, 5))
    assert notes_of(path, Voice.P1) == [60] * 5


@pytest.mark.parametrize("number", [120, 123])
def test_all_notes_off_ends_a_note(tmp_path, number):
    path = save(tmp_path / "a.mid", note(60, 0, 9) + control(number, 0, 2))
    assert notes_of(path, Voice.P1) == [60, 60]


def test_every_repeated_note_is_an_onset(tmp_path):
    path = save(tmp_path / "a.mid", [event for start in (0, 4, 8, 12) for event in note(60, start, 4)])
    assert np.flatnonzero(onsets(read_midi_score(path))[:, Voice.P1]).tolist() == [0, 4, 8, 12]


def test_notes_outside_a_voice_move_by_octaves(tmp_path):
    frames = read_midi_score(save(tmp_path / "a.mid", note(20, 0, 2, 0), note(120, 0, 2, 1), note(10, 0, 2, 2)))
    assert frames[0, :, Column.NOTE].tolist() == [32, 108, 22, 0]


def test_velocity_becomes_volume_but_for_the_triangle(tmp_path):
    tracks = [note(60, 0, 2, channel, velocity=60) for channel in (0, 1, 2)] + [note(38, 0, 1, 9, velocity=60)]
    assert read_midi_score(save(tmp_path / "a.mid", *tracks))[0, :, Column.VOLUME].tolist() == [7, 7, 0, 7]


def test_drums_fade_and_end_by_themselves(tmp_path):
    frames = read_midi_score(save(tmp_path / "a.mid", note(36, 0, 100, 9) + note(42, 6, 100, 9)))
    noise = frames[:, Voice.NO]
    assert (noise[:3, Column.NOTE] == fit_note(Voice.NO, 36)).all()
    assert (np.diff(noise[:3, Column.VOLUME].astype(int)) < 0).all()
    assert noise[3:, Column.NOTE].tolist() == [0, 0, 0, fit_note(Voice.NO, 42)]


def test_drums_on_tracks_of_their_own_are_one_part(tmp_path):
    notes = notes_of(save(tmp_path / "a.mid", note(36, 0, 1, 9), note(38, 6, 1, 9)), Voice.NO)
    assert (notes[0], notes[6]) == (fit_note(Voice.NO, 36), fit_note(Voice.NO, 38))


def test_a_file_of_type_0_splits_by_channel(tmp_path):
    frames = read_midi_score(save(tmp_path / "a.mid", note(60, 0, 2, 0) + note(40, 0, 2, 3), kind=0))
    assert frames[0, :, Column.NOTE].tolist() == [60, 40, 0, 0]


def test_a_file_without_notes_is_refused(tmp_path):
    with pytest.raises(FormatError, match="no notes"):
        read_midi_score(save(tmp_path / "a.mid", control(7, 100, 0)))


def test_a_random_ordinary_file_gives_a_score_within_its_ranges(tmp_path):
    rng = np.random.default_rng(3)
    tracks = [
        [
            event
            for key, start, length, velocity in rng.integers((0, 0, 0, 1), (128, 300, 9, 128), (60, 4)).tolist()
            for event in note(key, start, length, channel, velocity)
        ]
        for channel in (0, 3, 9, 2)
    ]
    frames = read_midi_score(save(tmp_path / "a.mid", *tracks))
    assert np.array_equal(validate_frames(frames), frames)
    assert (frames[:, :, Column.NOTE].max(axis=0) > 0).all()


def test_the_timeline_has_the_channel_messages_in_time_order(tmp_path):
    slow = [(12 * FRAME, mido.MetaMessage("set_tempo", tempo=1_000_000))]
    sysex = [(0, mido.Message("sysex", data=[1, 2, 3]))]
    timeline = midi_timeline(save(tmp_path / "a.mid", slow, note(60, 12, 12, 5), control(1, 9, 6, 3) + sysex))
    assert [seconds for seconds, _ in timeline] == pytest.approx([0.25, 0.5, 1.5])
    assert [message.type for _, message in timeline] == ["control_change", "note_on", "note_off"]
    assert timeline[1][1].bytes() == [0x95, 60, 127]


def test_the_timeline_agrees_with_mido(tmp_path):
    tempos = [(tick, mido.MetaMessage("set_tempo", tempo=200_000 + 37 * tick)) for tick in range(0, 4000, 333)]
    path = save(tmp_path / "a.mid", tempos, note(60, 3, 50, 4) + note(62, 20, 60, 4), note(64, 7, 80, 11))
    expected, now = [], 0.0
    for message in mido.MidiFile(path):
        now += message.time
        if not message.is_meta:
            expected.append((pytest.approx(now), message.bytes()))
    assert [(seconds, message.bytes()) for seconds, message in midi_timeline(path)] == expected


def test_a_score_plays_as_a_performer_on_the_voices_channels(tmp_path):
    frames = song()
    write_midi_score(tmp_path / "a.mid", frames)
    held, struck = {}, {voice: [] for voice in Voice}
    voices = {0: Voice.P1, 1: Voice.P2, 2: Voice.TR, 9: Voice.NO}
    for seconds, message in midi_timeline(tmp_path / "a.mid"):
        voice = voices[message.channel]
        if message.type == "note_on":
            assert voice not in held
            held[voice] = message.note
            struck[voice].append((round(seconds * 24), fit_note(voice, message.note)))
        else:
            assert held.pop(voice) == message.note
    assert not held
    for voice in Voice:
        at = np.flatnonzero(onsets(frames)[:, voice])
        assert struck[voice] == list(zip(at.tolist(), frames[at, voice, Column.NOTE].tolist(), strict=True))


def test_a_rise_of_the_volume_strikes_the_key_again(tmp_path):
    frames = np.zeros((6, 4, 3), np.uint8)
    frames[:, Voice.P1, Column.NOTE] = 60
    frames[:, Voice.P1, Column.VOLUME] = [15, 8, 4, 12, 11, 10]
    write_midi_score(tmp_path / "a.mid", frames)
    messages = [message.type for _, message in midi_timeline(tmp_path / "a.mid")]
    assert messages == ["note_on", "note_off", "note_on", "note_off"]
