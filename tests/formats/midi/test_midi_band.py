from pathlib import Path

import mido
import numpy as np
import pytest
from examples import examples
from format_samples import NESMDB, needs_nesmdb, song
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livegen.errors import FormatError
from livegen.formats.midi.band import read_midi_band
from livegen.formats.midi.file import write_midi_score
from livegen.score import Column, Voice, onsets, validate_frames

BEAT = 480  # ticks, and 12 frames at 120 beats a minute
TUNE = [72, 74, 76, 77, 79, 77, 76, 74] * 2
ROOTS = [36, 36, 41, 43] * 4
CHORDS = [(60, 64, 67), (60, 64, 67), (60, 65, 69), (59, 62, 67)] * 4

Struck = tuple[int, int, tuple[int, ...], int]
"""Beat, length in ticks, keys and velocity."""


def track(channel: int, program: int, struck: list[Struck], name: str = "", extra=()) -> mido.MidiTrack:
    events = [(0, mido.Message("program_change", channel=channel, program=program)), *extra]
    for beat, ticks, keys, velocity in struck:
        for key in keys:
            events.append((beat * BEAT, mido.Message("note_on", channel=channel, note=key, velocity=velocity)))
            events.append((beat * BEAT + ticks, mido.Message("note_off", channel=channel, note=key)))
    made, now = mido.MidiTrack([mido.MetaMessage("track_name", name=name)]), 0
    for tick, message in sorted(events, key=lambda event: (event[0], event[1].type == "note_on")):
        made.append(message.copy(time=tick - now))
        now = tick
    return made


def arranged(tmp_path, *tracks):
    file = mido.MidiFile(type=1, ticks_per_beat=BEAT)
    file.tracks.extend(tracks)
    file.save(tmp_path / "song.mid")
    return validate_frames(read_midi_band(tmp_path / "song.mid"))


def melody(channel=0, program=80, **more):
    return track(channel, program, [(i, BEAT - 40, (key,), 100) for i, key in enumerate(TUNE)], **more)


def bass(channel=1, program=33, **more):
    return track(channel, program, [(i, BEAT - 40, (key,), 90) for i, key in enumerate(ROOTS)], **more)


def chords(channel=2, program=0, **more):
    return track(channel, program, [(i, BEAT - 40, keys, 70) for i, keys in enumerate(CHORDS)], **more)


def drums():
    return track(9, 0, [(i, 60, (36 if i % 2 == 0 else 38,), 110) for i in range(16)])


def notes_on_beats(frames: np.ndarray, voice: Voice) -> list[int]:
    return frames[: 16 * 12 : 12, voice, Column.NOTE].tolist()


@pytest.mark.parametrize("seed", range(6))
def test_a_band_finds_its_voices_in_any_order_and_on_any_channel(tmp_path, seed):
    generator = np.random.default_rng(seed)
    channels = generator.permutation([0, 1, 2, 3, 5, 15])[:3].tolist()
    tracks = [made(channel) for made, channel in zip((melody, bass, chords), channels, strict=True)] + [drums()]
    frames = arranged(tmp_path, *(tracks[i] for i in generator.permutation(4)))
    assert notes_on_beats(frames, Voice.P1) == TUNE
    assert notes_on_beats(frames, Voice.TR) == ROOTS
    assert notes_on_beats(frames, Voice.NO) == [2, 9] * 8
    played = set(frames[:12, Voice.P2, Column.NOTE].tolist()) - {0}
    assert played == {60, 64, 67}  # a broken chord
    assert onsets(frames)[::12].all()


def test_a_bass_is_told_by_its_depth_or_its_name(tmp_path):
    by_depth = arranged(tmp_path, melody(program=0), bass(program=0), chords())
    assert notes_on_beats(by_depth, Voice.TR) == ROOTS
    high = [(i, BEAT - 40, (key + 36,), 90) for i, key in enumerate(ROOTS)]
    by_name = arranged(tmp_path, melody(program=0), track(1, 0, high, name="Slap Bass"), chords())
    assert notes_on_beats(by_name, Voice.TR) == [key + 36 for key in ROOTS]


def test_a_name_says_who_has_the_melody(tmp_path):
    higher = [(i, BEAT - 40, (key + 12,), 100) for i, key in enumerate(TUNE)]
    frames = arranged(tmp_path, track(3, 73, higher), melody(program=80, name="Lead vocal"), bass())
    assert notes_on_beats(frames, Voice.P1) == TUNE
    assert notes_on_beats(frames, Voice.P2) == [key + 12 for key in TUNE]


def test_a_piano_alone_is_taken_apart_by_pitch(tmp_path):
    struck = [(i, BEAT - 40, (ROOTS[i], TUNE[i] - 5, TUNE[i]), 80) for i in range(16)]
    frames = arranged(tmp_path, track(0, 0, struck))
    assert notes_on_beats(frames, Voice.P1) == TUNE
    assert notes_on_beats(frames, Voice.P2) == [key - 5 for key in TUNE]
    assert notes_on_beats(frames, Voice.TR) == ROOTS


def test_one_low_tune_is_a_melody_and_no_bass(tmp_path):
    frames = arranged(tmp_path, bass(program=0))
    assert notes_on_beats(frames, Voice.P1) == ROOTS
    assert not frames[:, Voice.TR].any()


def test_a_third_instrument_is_heard_where_the_second_rests(tmp_path):
    first_bars = [(i, BEAT - 40, (64,), 90) for i in range(4)]
    later = [(i, BEAT - 40, (67,), 90) for i in (1, 8, 9, 10)]
    frames = arranged(tmp_path, melody(), bass(), track(2, 80, first_bars), track(3, 40, later))
    assert notes_on_beats(frames, Voice.P2)[:11] == [64] * 4 + [0] * 4 + [67] * 3


def test_volume_follows_velocity_and_falls_while_a_note_is_held(tmp_path):
    struck = [(0, 4 * BEAT, (60,), 127), (4, 4 * BEAT, (60,), 64)]
    volumes = arranged(tmp_path, track(0, 0, struck))[:, Voice.P1, Column.VOLUME].astype(int)
    assert (volumes[0], volumes[48]) == (15, 8)
    for held in (volumes[:47], volumes[48:96]):
        assert (np.diff(held) <= 0).all()
        assert 0 < held[-1] < held[0]
    quieter = [(0, mido.Message("control_change", channel=0, control=7, value=50))]
    frames = arranged(tmp_path, track(0, 0, struck, extra=quieter))
    assert frames[0, Voice.P1, Column.VOLUME] == 8


def test_a_pedal_holds_a_note_until_the_next(tmp_path):
    pedal = [
        (0, mido.Message("control_change", channel=0, control=64, value=127)),
        (6 * BEAT, mido.Message("control_change", channel=0, control=64, value=0)),
    ]
    frames = arranged(tmp_path, track(0, 0, [(0, 60, (67,), 90), (4, 60, (64,), 90)], extra=pedal))
    assert (frames[:48, Voice.P1, Column.NOTE] == 67).all()
    assert (frames[48:72, Voice.P1, Column.NOTE] == 64).all()
    assert len(frames) == 72


def test_what_is_too_low_or_high_moves_by_octaves(tmp_path):
    low_and_high = [(0, BEAT, (24,), 90), (1, BEAT, (120,), 90)]
    frames = arranged(tmp_path, track(0, 80, low_and_high))
    assert notes_on_beats(frames, Voice.P1)[:2] == [36, 108]


def test_silence_before_the_music_is_left_out(tmp_path):
    frames = arranged(tmp_path, track(0, 80, [(8, BEAT, (60,), 90)]))
    assert len(frames) == 12
    assert frames[0, Voice.P1, Column.NOTE] == 60


def test_a_file_without_notes_is_refused_by_name(tmp_path):
    with pytest.raises(FormatError, match=r"song\.mid holds no notes"):
        arranged(tmp_path, track(0, 80, []))


def test_nesmdb_layout_is_read_exactly(tmp_path):
    frames = song()
    write_midi_score(tmp_path / "made.mid", frames)
    assert (read_midi_band(tmp_path / "made.mid") == frames).all()


STRUCK = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.integers(0, 2000),
        st.lists(st.integers(0, 127), min_size=1, max_size=4).map(tuple),
        st.integers(1, 127),
    ),
    max_size=12,
)


@settings(max_examples=examples(80), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 127), STRUCK), min_size=1, max_size=5))
def test_any_music_becomes_a_score(tmp_path, parts):
    tracks = [track(channel, program, struck) for channel, program, struck in parts]
    if not any(struck for _, _, struck in parts):
        return
    frames = arranged(tmp_path, *tracks)
    assert frames[0, :, Column.NOTE].any()
    assert frames[-1, :, Column.NOTE].any()
    is_silent = frames[..., Column.NOTE] == 0
    assert (frames[is_silent][:, Column.VOLUME] == 0).all()


@needs_nesmdb
def test_the_data_set_read_from_its_midi_copies_is_the_data_set(tmp_path):
    import zipfile

    from livegen.formats.score.nesmdb import load_split

    split = load_split(NESMDB / "nesmdb24_exprsco_valid.npz")
    with zipfile.ZipFile(NESMDB / "nesmdb_midi_valid.zip") as archive:
        for index in range(0, len(split), 40):
            path = Path(archive.extract(f"valid/{split.names[index]}.mid", tmp_path))
            assert (read_midi_band(path) == split.song(index)).all(), path.name
