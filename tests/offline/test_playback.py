"""The sound of a take, without the model: what was heard is heard again."""

from pathlib import Path

import numpy as np
import pytest
from hash_engine import HashEngine
from recorded_jam import RATE, STARTED, TOLD, FullDisk, RecordedJam

from livegen.controls import Value
from livegen.errors import TakeError
from livegen.events import Event, NoteOff, NoteOn, PitchWheel, SetControl
from livegen.instrument.instrument import Instrument
from livegen.offline.capture import Captures
from livegen.offline.playback import Playback
from livegen.offline.render import RenderedFrame, render, render_to, write_rendered
from livegen.patch import load_patch
from livegen.score_table import MODEL, PLAYER
from livegen.takes.library import head_of
from livegen.takes.recorder import Recorder
from livegen.takes.recording import read_recording
from livegen.takes.replay import check
from livegen.takes.take import Take
from livegen.units import frame_to_sample

TUNE: list[tuple[float, Event]] = [
    (0.0, NoteOn(0, 60, 100)),
    (0.0, NoteOn(1, 70, 100)),
    (0.30, NoteOff(0, 60)),
    (0.31, NoteOn(0, 64, 100)),
    (0.35, PitchWheel(0, 4000)),
    (0.40, SetControl("volume", 0.4)),
    (0.51, NoteOff(0, 64)),
    (0.52, NoteOn(0, 67, 100)),
    (0.53, NoteOff(0, 67)),
    (0.80, SetControl("stop", True)),
    (1.00, SetControl("start", True)),
    (1.05, SetControl("tr.role", "off")),
    (1.10, NoteOff(1, 70)),
]
N_FRAMES = 36


@pytest.fixture
def heard(tmp_path: Path) -> list[RenderedFrame]:
    """What a render that is recorded sounds like."""
    controls: dict[str, Value] = {"tr.volume": 0.5, "p2.role": "player"}
    instrument = Instrument(HashEngine(), load_patch("plain"), RATE, controls=controls, seed=3, n_channels=1)
    recorder = Recorder(tmp_path, head_of(TOLD, instrument, STARTED), Captures(tmp_path))
    recorder.start()
    instrument.watch = recorder.record
    frames = list(render(instrument, N_FRAMES, TUNE))
    recorder.stop()
    return frames


def test_what_was_heard_is_heard_again_to_the_sample(tmp_path: Path, heard: list[RenderedFrame]) -> None:
    recording = read_recording(Take(tmp_path))
    again = list(Playback(recording, RATE, n_channels=1).frames())
    assert len(again) == N_FRAMES
    for before, after in zip(heard, again, strict=True):
        assert np.array_equal(before.frame, after.frame)
        assert np.array_equal(before.is_player, after.is_player)
        assert np.array_equal(before.samples, after.samples)
    assert max(np.abs(frame.samples).max() for frame in again) > 0.05


def test_keys_that_came_with_a_time_are_heard_again_to_the_sample_and_check(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path)
    instrument, heard = jam.instrument, []
    bundles: list[tuple[int, list[Event]]] = [
        (3777, [NoteOn(0, 60, 100), SetControl("temperature", 0.3)]),
        (5000, [NoteOff(0, 60), NoteOn(0, 64, 90)]),
        (7003, [NoteOff(0, 64)]),
        (9999, [SetControl("p2.role", "player"), NoteOn(1, 67, 100), NoteOn(0, 67, 100)]),
        (12_345, [NoteOff(1, 67), NoteOff(0, 67), SetControl("reroll", True)]),
    ]
    for sample, events in bundles:
        instrument.receive_ahead(events, "osc:10.0.0.7", sample * 1_000_000_000 // RATE, sample)
    for frame_index in range(1, 25):
        end = frame_to_sample(frame_index, RATE)
        instrument.sound_until(end * 1_000_000_000 // RATE, 0)
        heard.append(render_to(instrument, end - 100))
        instrument.play_frame(frame_index, jam.clock.position_at)
        heard.append(render_to(instrument, end))
    jam.stop()
    assert check(Take(tmp_path), HashEngine()).is_same
    again = list(Playback(read_recording(Take(tmp_path)), RATE, n_channels=1).frames())
    sound = np.concatenate([frame.samples for frame in again])
    before = len(sound) - 100  # from here on a note of the next frame may sound early, and the take ends before it
    np.testing.assert_array_equal(sound[:before], np.concatenate(heard)[:before])
    assert before > 12_345


def test_a_stretch_is_a_piece_of_the_whole(tmp_path: Path, heard: list[RenderedFrame]) -> None:
    recording = read_recording(Take(tmp_path), 20)
    assert len(recording.frames) == 20
    piece = list(Playback(recording, RATE, 9, n_channels=1).frames())
    assert len(piece) == 11
    for before, after in zip(heard[9:20], piece, strict=True):
        assert np.array_equal(before.samples, after.samples)


def test_a_late_stretch_sounds_as_the_whole_does_there(tmp_path: Path) -> None:
    """What is held, set and bent long before a stretch is in force in it, however much was played meanwhile."""
    jam = RecordedJam(tmp_path, p2_role="off", tr_role="off", no_role="off")
    jam.frame(SetControl("volume", 0.5), PitchWheel(0, 4000))
    for number in range(70):
        jam.frame(*[move for _ in range(8) for move in (NoteOn(0, 50 + number % 20, 90), NoteOff(0, 50 + number % 20))])
    jam.frame(NoteOn(0, 69, 100))
    jam.frames(80)
    jam.stop()
    recording = read_recording(Take(tmp_path))
    whole = [frame.samples[:, 0] for frame in Playback(recording, RATE, n_channels=1).frames()]
    late = [frame.samples[:, 0] for frame in Playback(recording, RATE, len(whole) - 24, n_channels=1).frames()]
    assert len(late) == 24
    a, b = np.concatenate(whole[-24:]), np.concatenate(late)
    spectra = [np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) for sound in (a, b)]
    assert np.argmax(spectra[0]) == np.argmax(spectra[1])
    assert np.sqrt(np.mean(b**2)) == pytest.approx(np.sqrt(np.mean(a**2)), rel=0.02)


def test_another_rate_and_the_voices_apart(tmp_path: Path, heard: list[RenderedFrame]) -> None:
    frames = list(Playback(read_recording(Take(tmp_path)), 44_100, is_apart=True).frames())
    assert sum(len(frame.samples) for frame in frames) == frame_to_sample(N_FRAMES, 44_100)
    assert {frame.samples.shape[1] for frame in frames} == {4}


def test_a_take_becomes_a_file(tmp_path: Path, heard: list[RenderedFrame]) -> None:
    recording = read_recording(Take(tmp_path))
    for ending in ("wav", "mid", "npz"):
        playback = Playback(recording, RATE, n_channels=1)
        frames = playback.frames(has_sound=ending == "wav")
        write_rendered(tmp_path / f"out.{ending}", playback.instrument, frames, N_FRAMES)
    with np.load(tmp_path / "out.npz", allow_pickle=False) as stored:
        assert np.array_equal(stored["frames"], [frame.frame for frame in heard])


def test_the_model_sounds_on_until_the_player_takes_its_voice(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path)
    jam.frames(6)
    jam.frame(NoteOn(0, 60, 100), place=0.8)
    jam.frames(6)
    jam.stop()
    recording = read_recording(Take(tmp_path))
    sounding = recording.sounding()
    assert list(recording.is_player[:, 0]) == [False] * 6 + [True] * 7
    assert [int(planned.owner[0]) for planned in sounding] == [MODEL] * 7 + [PLAYER] * 6
    assert np.array_equal(sounding[6].frame[0], recording.frames[5, 0])
    frames = list(Playback(recording, RATE, n_channels=1).frames())
    assert np.abs(frames[6].samples[: RATE // 24 // 2]).max() > 0.01


def test_what_the_log_lost_holds_the_frame_before(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path)
    jam.frames(12)
    lines = jam.stop().read_bytes().splitlines(keepends=True)
    jam.path.write_bytes(b"".join(line for line in lines if not line.startswith((b'{"frame":5', b'{"frame":6'))))
    frames = read_recording(Take(tmp_path)).frames
    assert len(frames) == 12
    assert np.array_equal(frames[5], frames[4])
    assert np.array_equal(frames[6], frames[4])


def test_a_take_without_a_frame_is_refused(tmp_path: Path) -> None:
    disk = FullDisk(1 << 20)
    jam = RecordedJam(tmp_path, log=disk)
    jam.stop()
    jam.path.write_bytes(disk.data.split(b"\n", 1)[0] + b"\n")
    with pytest.raises(TakeError, match="holds no frame"):
        read_recording(Take(tmp_path))
