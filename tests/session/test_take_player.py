import threading
from pathlib import Path

from recorded_jam import RecordedJam

from livegen.events import NoteOff, NoteOn
from livegen.session.take_player import play_live
from livegen.takes.recording import read_recording
from livegen.takes.take import Take

N_FRAMES = 36


def test_it_plays_live_to_its_end(tmp_path: Path) -> None:
    jam = RecordedJam(tmp_path)
    jam.frame(NoteOn(0, 60, 100))
    jam.frames(N_FRAMES - 2)
    jam.frame(NoteOff(0, 60))
    jam.stop()
    sounding: list[int] = []
    play_live(read_recording(Take(tmp_path)), None, 48_000, threading.Event().wait, first=20, on_frame=sounding.append)
    assert sounding == sorted(set(sounding))
    assert 20 <= sounding[0] <= sounding[-1] < N_FRAMES  # a busy machine may leave some out
