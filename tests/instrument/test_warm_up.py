"""Nothing is compiled on stage: warming up has compiled all that a session calls, whatever is set and played."""

from compiled_kernels import run_apart

PLAYS = """
import numpy as np
from compiled_kernels import compiled

from livegen.controls import CONTROLS
from livegen.engines.checkpoint import load_conductor, load_engine
from livegen.events import ControlChange, NoteOff, NoteOn, PitchWheel, SetControl
from livegen.instrument.compile import compile_all
from livegen.instrument.instrument import Instrument
from livegen.offline.clock import OfflineClock
from livegen.outputs.native import play_live
from livegen.outputs.scope import Scope
from livegen.patch import load_patch
from livegen.system.resources import models_folder

engine, patches = load_engine(models_folder() / "default"), {name: load_patch(name) for name in ("plain", "boss_fight")}
compile_all(engine, patches["plain"], load_conductor(engine))
before = compiled()
gains = {"p1.volume": 0.5}
more = {"n_channels": 1, "patches": patches, "conductor": load_conductor(engine)}
instrument = Instrument(engine, patches["plain"], 24_000, controls=gains, seed=5, **more)
clock, callback, scope = OfflineClock(24_000), instrument.callback, Scope(instrument.callback)
callback["tap"]["is_on"] = callback["log"]["is_on"] = 1
values = {"bool": (True, False), "trigger": (True,), "count": (1,), "name": ("boss_fight",)}
extremes = [
    SetControl(name, value)
    for name, control in CONTROLS.items()
    for value in values.get(control.kind) or control.choices or (control.minimum, control.maximum)
    if name not in ("lookahead", "panic")
]
out = np.zeros(1000, np.float32)
for frame in range(len(extremes) + 48):
    instrument.play_frame(frame, clock.position_at)
    played = NoteOn(frame % 3, 48 + frame % 30, 100), NoteOff(frame % 3, 45 + frame % 30)
    moved = PitchWheel(0, 50 * frame), ControlChange(0, 64 + frame % 3, frame % 128)
    for event in (*played, *moved, *extremes[frame : frame + 1], *[SetControl("panic", True)][: frame % 30 == 29]):
        instrument.receive(event, "keys", frame * 1_000_000_000 // 24)
    play_live(callback, out, len(out))
    scope.read()
assert any(name == "livegen.engines.lstm.kernels" for name, *_ in before), "the model was not compiled"
assert compiled() == before, [kernel[:2] for kernel in compiled() - before]
"""


def test_playing_compiles_nothing_that_warming_up_has_not() -> None:
    run_apart(PLAYS)
