"""Nothing is compiled on stage: warming up has compiled all that playing calls."""

from pathlib import Path

import pytest
from compiled_kernels import run_apart

ROOT = Path(__file__).parents[2]

PLAYS = """
import sys
from pathlib import Path

import numpy as np
from compiled_kernels import compiled

from livegen.beat import Beat
from livegen.engines.checkpoint import load_engine
from livegen.engines.protocol import NONE_LATER, Conditions, MakesAhead, Performer, Sampling
from livegen.score import SILENCE, Voice

engine = load_engine(Path(sys.argv[1]))
engine.warm_up()
before, state, frame = compiled("livegen.engines"), engine.initial_state(), SILENCE
knobs = {"z_follow": 0.5, "latch": False, "z1": 1.0, "place": 3, "to": 4, "morph": 0.5, "loop": 3, "loop_bars": 8}
sampling = Sampling(temperature=0.8, grid=1.0, density=(0.1,) * 4, harmony=2.0)
for i in range(120):
    beat = Beat(7.0 + i % 20, 0.1 * i % 1.0) if i % 5 else None
    performer = Performer((i % 2 == 0, False, False, False), (60, 64) if i % 2 else ())
    bar = Beat(4 * beat.period_frames, 0.2) if beat and i % 3 else None
    conditions = Conditions(beat, 0.5, i % 7, performer, bar, knobs)
    distribution, state = engine.step(frame, state, conditions)
    forced, is_forced = np.array([[60, 9, 1]] + [[0, 0, 0]] * 3, np.uint8), np.array(performer.voices)
    is_later = np.array([False, i % 4 == 1, False, False]) if i % 7 else NONE_LATER
    forced.flags.writeable = i % 3 > 0
    where = {"seed": i // 50, "frame_index": i, "is_later": is_later}
    frame = distribution.sample(forced, is_forced, sampling, **where)
    distribution.note_log_probs(Voice.P2, frame, is_forced)
    if isinstance(engine, MakesAhead):
        engine.prepare(state, conditions, 1, sampling)
assert before, "no kernel was compiled"
assert compiled("livegen.engines") == before, [kernel[:2] for kernel in compiled("livegen.engines") - before]
"""


@pytest.mark.parametrize("name", ["default", "vae", "gan", "tonnetz", "transformer"])
def test_playing_compiles_nothing_that_warming_up_has_not(name: str) -> None:
    run_apart(PLAYS, ROOT / "models" / name)
