"""How loops of a GAN measure: against phrases of songs that it was not trained on, and at their seams."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat
from livegen.engines.checkpoint import load_engine
from livegen.engines.gan.engine import GanEngine
from livegen.engines.gan.knobs import Knobs, Origin, Plan, first_plan
from livegen.engines.gan.layout import PHRASE_STEPS
from livegen.engines.gan.loops import Shape
from livegen.engines.protocol import Conditions, Engine, Sampling
from livegen.engines.steps import STEPS_A_BEAT
from livegen.errors import TrainingError
from livegen.score import SILENCE, Voice
from livegen.training.data.sources import TRAIN, VALID, Listener
from livegen.training.gan.copies import N_COPIES, copied_share
from livegen.training.gan.figures import A_SONG, Phrases, compared, drawn_evenly
from livegen.training.gan.matrices import from_matrices, read_matrices, to_phrases
from livegen.training.windows import load_windows

N_SEAMS: Final = 60
N_TIMED: Final = 200
_PLAIN: Final = Shape.of(Sampling())


def judge_loops(
    data: Path,
    folder: Path,
    listener_model: Path,
    *,
    seed: int = 0,
    baseline: Path | None = None,
    listener: Listener | None = None,
    progress: Callable[[str], None] = lambda _: None,
    is_strict: bool = False,
) -> dict[str, object]:
    """Return the figures of a GAN.

    Parameters
    ----------
    data : Path
        Songs with the splits "train" and "valid", as `livegen.training.windows.load_windows` takes them.
    folder : Path
        The GAN.
    listener_model : Path
        The LSTM that hears the seams.
    baseline : Path, optional
        Matrices that another GAN made, to be measured likewise.
    is_strict : bool
        As `livegen.training.data.sources.load_songs` has it.

    Raises
    ------
    TrainingError
        If the model is no GAN, or there is no such data.
    """
    player = load_engine(folder)
    if not isinstance(player, GanEngine):
        raise TrainingError(f"the model in {folder} is no gan")
    train, valid = (load_windows(data, split, listener, is_strict=is_strict) for split in (TRAIN, VALID))
    which = drawn_evenly(valid.songs_of(np.arange(len(valid))), A_SONG)
    real, songs = valid.take(which), valid.songs_of(which)
    excerpts = train.take(_spread(drawn_evenly(train.songs_of(np.arange(len(train))), 1, seed), len(real), seed))
    progress("making loops")
    made = make(player, max(N_COPIES, len(real)), seed)
    whole = train.take(np.arange(len(train)))
    progress("looking for copies")
    figures: dict[str, object] = {
        "phrases": len(real),
        "made": compared(made[: len(real)], real, songs),
        "train": compared(excerpts, real, songs),
        "copies": {
            "made": copied_share(made[:N_COPIES], whole),
            "valid": copied_share(valid.take(_spread(np.arange(len(valid)), N_COPIES, seed)), whole),
        },
    }
    if baseline is not None:
        others = to_phrases(from_matrices(read_matrices(baseline)))[: len(real)]
        figures["baseline"] = compared(others, real, songs)
    progress("listening to seams")
    lstm = load_engine(listener_model)
    figures["seam"] = {
        "made": seam(lstm, made[:N_SEAMS]),
        "valid_looped": seam(lstm, real[_spread(np.arange(len(real)), N_SEAMS, seed)]),
    }
    return figures | {"next_loop_ms": {str(bars): timed(player, bars) for bars in (2, 4, 8)}}


def _spread(which: NDArray[np.int64], n: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).permutation(which)[:n]


def make(player: GanEngine, n: int, seed: int) -> Phrases:
    """Return the first loops of sessions with different seeds, (n, 96, 4, 3).

    They have two bars, and are as they are drawn: without truncation, and at a temperature of 1.
    """
    return np.array(
        [
            player.loops.loop(first_plan(Knobs(loop_bars=2, truncation=1.0)), _PLAIN, (seed << 20) + i).steps
            for i in range(n)
        ]
    )


def seam(lstm: Engine, loops: Phrases) -> dict[str, float]:
    """Return what an LSTM makes of loops that are played twice, in nats a frame.

    ``across`` is the first beat of the second time, which follows the seam; ``inside`` is the rest of the second time.
    It is told the beat, 120 a minute, and its motif memory is hidden: else the second time would be known to it.
    """
    across, inside = [], []
    for loop in loops:
        nats = _nats(lstm, np.concatenate([loop, loop]))[PHRASE_STEPS:]
        across.append(nats[:STEPS_A_BEAT].mean())
        inside.append(nats[STEPS_A_BEAT:].mean())
    found = {"across": float(np.mean(across)), "inside": float(np.mean(inside))}
    return found | {"ratio": found["across"] / found["inside"]}


def _nats(lstm: Engine, frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the nats of the notes of each frame, (N,), the voices in their order."""
    distribution, state = lstm.step(SILENCE, lstm.initial_state())
    nats = np.zeros(len(frames))
    for i, frame in enumerate(frames):
        is_known = np.zeros(len(Voice), np.bool_)
        for voice in Voice:
            nats[i] -= distribution.note_log_probs(voice, frame, is_known)[frame[voice, 0]]
            is_known[voice] = True
        beat = Beat(float(STEPS_A_BEAT), i / STEPS_A_BEAT % 1.0)
        distribution, state = lstm.step(frame, state, Conditions(beat=beat, memory=0.0))
    return nats


def timed(player: GanEngine, bars: int, n: int = N_TIMED) -> dict[str, float]:
    """Return how long it takes, in milliseconds, until a loop of some bars is there that was not made before.

    It is the processor's time, so what else runs hardly counts.
    """
    player.warm_up()
    taken = []
    for i in range(n):
        plan = Plan(Origin(i + 1), (Origin(i + 1),) * len(Voice), bars=bars)
        begin = time.thread_time()
        player.loops.loop(plan, _PLAIN, -1)
        taken.append(1e3 * (time.thread_time() - begin))
    return {"median": float(np.median(taken)), "p99": float(np.percentile(taken, 99))}
