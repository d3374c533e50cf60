import io
import zipfile

import mido
import numpy as np
import pytest
from songs import song, write_split

from livegen.beat import Beat
from livegen.engines.steps import N_STEPS, on_the_beat
from livegen.errors import TrainingError
from livegen.score import Voice, onsets, validate_frames
from livegen.training.windows import load_windows, windows_of

BEAT_TICKS = 22050 * 2 * 37 / 60  # 37 engine ticks: no whole number of frames


def midi_song(sixteenths: dict[int, int], n_beats: int, shift_ticks: float = 0.0) -> bytes:
    """Return a song of P1 in NES-MDB's layout: keys by the sixteenth on which they begin."""
    track = mido.MidiTrack([mido.MetaMessage("track_name", name="p1")])
    now = 0
    for place, key in sorted(sixteenths.items()):
        begin = round(place * BEAT_TICKS / 4 + shift_ticks)
        track.append(mido.Message("note_on", note=key, velocity=9, time=begin - now))
        track.append(mido.Message("note_off", note=key, time=2000))
        now = begin + 2000
    track.append(mido.Message("note_off", note=0, time=round(n_beats * BEAT_TICKS) - now))
    buffer = io.BytesIO()
    mido.MidiFile(tracks=[mido.MidiTrack(), track], ticks_per_beat=22050).save(file=buffer)
    return buffer.getvalue()


def write_archive(folder, songs: dict[str, bytes], split: str = "train"):
    with zipfile.ZipFile(folder / f"songs_midi_{split}.zip", "w") as archive:
        for name, content in songs.items():
            archive.writestr(f"{split}/{name}.mid", content)


def test_onsets_lie_on_the_steps_nearest_to_their_exact_times(tmp_path):
    places = [i for i in range(12 * 4) if i % 4 == 0 or i % 8 == 2 or i % 16 == 5]
    keys = {place: 60 + place % 7 for place in places}
    late = BEAT_TICKS / 12 * 0.4  # under half a step
    write_archive(tmp_path, {"plain": midi_song(keys, 12), "late": midi_song(keys, 12, late)})
    found = load_windows(tmp_path, "train", cache=tmp_path / "cache")
    assert len(found.offsets) - 1 == 2
    for i in range(2):
        steps = found.steps[found.offsets[i] : found.offsets[i + 1]]
        assert np.flatnonzero(onsets(steps)[:, Voice.P1]).tolist() == [3 * place for place in places]
        assert steps[3 * 5, Voice.P1].tolist() == [60 + 5 % 7, 9, 0]
    assert found.period_frames == pytest.approx(37 * 0.4, rel=1e-3)
    assert found.starts.tolist() == [0, 12, 24, 36, 48, *(found.offsets[1] + np.arange(0, 60, 12)).tolist()]


def test_the_packed_file_gives_the_same_windows_and_another_archive_makes_it_anew(tmp_path):
    cache = tmp_path / "cache"
    write_archive(tmp_path, {"a": midi_song({i: 60 + i % 5 for i in range(40)}, 12)})
    first = load_windows(tmp_path, "train", cache=cache)
    (kept,) = cache.glob("*.npz")
    again = load_windows(tmp_path, "train", cache=cache)
    assert again.digest() == first.digest()
    assert (again.starts == first.starts).all()
    kept.write_bytes(kept.read_bytes()[:100])
    assert load_windows(tmp_path, "train", cache=cache).digest() == first.digest()
    write_archive(tmp_path, {"a": midi_song({i: 61 + i % 5 for i in range(40)}, 12)})
    assert load_windows(tmp_path, "train", cache=cache).digest() != first.digest()


def test_windows_are_whole_of_one_song_and_begin_on_a_beat():
    songs = [(song(i, 400 + 50 * i), Beat(10.0, 0.3 * i)) for i in range(3)]
    found = windows_of(songs)
    which = np.arange(len(found))
    assert found.songs_of(which).tolist() == sorted(found.songs_of(which).tolist())
    assert set(found.songs_of(which)) == {0, 1, 2}
    assert ((found.starts - found.offsets[found.songs_of(which)]) % 12 == 0).all()
    assert (found.starts + N_STEPS <= found.offsets[found.songs_of(which) + 1]).all()
    windows = found.take(which)
    assert windows.shape == (len(found), N_STEPS, 4, 3)
    validate_frames(windows.reshape(-1, 4, 3))
    before = found.before(which)
    assert (before[0] == 0).all()
    assert (before[1] == windows[0, 11]).all()


def test_a_window_may_be_moved_as_far_as_its_song_stays_in_range():
    frames = song(0, 200)
    frames[:, Voice.P1, 0] = 106
    found = windows_of([(frames, Beat(12.0, 0.0))])
    assert (found.lowest_shift[0], found.highest_shift[0]) == (-6, 2)


def test_a_window_without_an_onset_is_left_out():
    frames = song(0, 600)
    frames[150:450] = 0
    found = windows_of([(frames, Beat(12.0, 0.0))])
    assert len(found) > 0
    assert onsets(found.take(np.arange(len(found))).reshape(-1, 4, 3)).any()
    assert all(onsets(window).any() for window in found.take(np.arange(len(found))))
    assert len(found) < (600 - N_STEPS) // 12 + 1


def test_a_note_shorter_than_a_step_is_kept_and_a_silent_voice_has_zeros():
    beat = Beat(12.0, 0.0)  # a step is a frame
    states = np.array([[0, 0, 2], [60, 9, 2], [0, 0, 2], [62, 0, 1]], np.uint8)
    nothing = (np.zeros(1), np.zeros((1, 3), np.uint8))
    steps = on_the_beat([(np.array([0.0, 3.2, 3.3, 5.0]), states), nothing, nothing, nothing], beat, 8.0)
    assert steps[3, 0].tolist() == [60, 9, 2]
    assert not np.delete(steps, 3, 0).any()


def test_songs_without_a_beat_are_refused_in_a_sentence(tmp_path):
    write_split(tmp_path / "made_valid.npz", [song(0, 40)])
    with pytest.raises(TrainingError, match="clear beat"):
        load_windows(tmp_path, "valid")
    write_archive(tmp_path, {"short": midi_song({0: 60, 4: 62}, 12)}, "valid")
    with pytest.raises(TrainingError, match="clear beat"):
        load_windows(tmp_path, "valid", cache=tmp_path / "cache")
