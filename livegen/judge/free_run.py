"""Free runs: what a model plays by itself, and how that compares with real songs."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat
from livegen.controls import DEFAULTS
from livegen.engines.checkpoint import load_engine, read_config
from livegen.engines.protocol import UNCONDITIONED, Conditions, Engine, Sampling
from livegen.judge.picture import check_can_draw, write_picture
from livegen.judge.statistics import (
    N_RUNS,
    Counts,
    count,
    distances,
    further_distances,
    grid_coherence,
    limits,
    longest_loop,
    silent_voices,
    total,
)
from livegen.performance.form import NO_FORM, REPEATED_SHARE, arranged, next_form
from livegen.performance.tempo import Tempo
from livegen.performance.tightness import Groove
from livegen.score import N_COLUMNS, N_VOICES, SILENCE, Voice
from livegen.training.data.songs import Songs, only
from livegen.training.data.sources import TRAIN, VALID, load_songs
from livegen.units import bpm_to_period, seconds_to_frame

RUN_SECONDS: Final = 60
AS_ON_STAGE: Final = Sampling(density=(-0.3, -0.3, -0.3, 0.2), grid=1.5, harmony=2.25)
"""Density, grid and harmony as the controls set them by default, with temperature and top-p 1."""

TEMPI_BPM: Final = (75, 96, 120, 150, 180)
N_ALL_RUNS: Final = N_RUNS + len(TEMPI_BPM)
"""Number of runs that `judge_free_runs` plays."""

OFF_TEMPO: Final = 1.09
"""Factor for a wrong period: onsets that follow the told beat must not fit it."""


def play(
    engine: Engine,
    n_frames: int,
    *,
    seed: int,
    sampling: Sampling | None = None,
    conditions: Conditions = UNCONDITIONED,
    repeats: float = REPEATED_SHARE,
    prompt: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Let a model play by itself after a prompt, or from nothing.

    Parameters
    ----------
    conditions : Conditions
        Its beat has its phase in the frame before the first one. Without one, the run has a beat of its own.
    repeats : float
        0..1: share of the sections that repeat something, as `livegen.performance.form` plans it.
    prompt : ndarray of uint8, shape (M, 4, 3), optional
        What it hears first.

    Returns
    -------
    ndarray of uint8, shape (n_frames, 4, 3)
        What it plays, without the prompt.
    """
    sampling = sampling or AS_ON_STAGE
    nothing_forced = np.zeros(N_VOICES, np.bool_)
    form, beat, state = NO_FORM, conditions.beat or own_beat(seed), engine.initial_state()
    n_prompt = 0 if prompt is None else len(prompt)
    score = np.zeros((1 + n_prompt + n_frames, N_VOICES, N_COLUMNS), np.uint8)  # a frame of silence comes first
    if prompt is not None:
        score[1 : 1 + n_prompt] = prompt
    for t in range(len(score) - 1):
        now = beat.after(t)
        form = next_form(form, t + 1, score[: t + 1], seed=seed, share=repeats, beat=now)
        memory = 0.0 if form.is_fresh else conditions.memory
        told = replace(conditions, beat=now, plan=form.lag, memory=memory)
        distribution, state = engine.step(score[t], state, told)
        if t >= n_prompt:
            shape = arranged(sampling, form)
            score[t + 1] = distribution.sample(SILENCE, nothing_forced, shape, seed=seed, frame_index=t)
    return score[1 + n_prompt :]


def own_beat(seed: int) -> Beat:
    """Return the beat that a session draws where nobody gives one, with its phase in the frame before the first one."""
    beat = Groove.of(Tempo.at_start(DEFAULTS, seed), DEFAULTS).beat_at(0)
    assert beat is not None
    return beat.after(-1)


def judge_free_runs(
    data: Path,
    model_folder: Path,
    *,
    seed: int = 0,
    sampling: Sampling | None = None,
    conditions: Conditions = UNCONDITIONED,
    repeats: float = REPEATED_SHARE,
    progress: Callable[[], None] = lambda: None,
    picture: Path | None = None,
    is_strict: bool = False,
) -> dict[str, Any]:
    """Let a model play by itself, twenty runs of a minute and five more at given tempi, and compare that with songs.

    The twenty have beats of their own, unless `conditions` has one. Only the voices that the model has are compared.

    Parameters
    ----------
    data : Path
        The folder that holds the splits named "train" and "valid".
    model_folder : Path
        A folder as `livegen.engines.checkpoint.load_engine` takes.
    progress : callable
        Called after every run.
    picture : Path, optional
        Where to draw the runs beside the songs, as a PNG.
    is_strict : bool
        Leave songs of damaged files out.

    Returns
    -------
    dict
        ``distances``, by ``what.VOICE``: ``distance``, ``limit`` and ``is_within``. ``n_within`` of ``n_distances``.
        The same for ``further_distances``, ``n_further_within`` and ``n_further_distances``. ``rates`` of the runs and
        of the songs. ``long_notes``: their share. ``longest_loop``. ``silent_voices`` of the runs and of real excerpts.
        ``tempo``, by beats a minute: coherence with the beat, and with a period 9 % longer.

    Raises
    ------
    TrainingError, CheckpointError, FormatError
        If the data or the model cannot be used, or the picture cannot be drawn.
    """
    if picture is not None:
        check_can_draw(picture)
    voices = read_config(model_folder)[1].voices
    train, valid = (only(load_songs(data, split, is_strict=is_strict), voices) for split in (TRAIN, VALID))
    engine = load_engine(model_folder)
    n_frames = seconds_to_frame(RUN_SECONDS)
    runs = []
    for i in range(N_RUNS):
        runs.append(play(engine, n_frames, seed=seed + i, sampling=sampling, conditions=conditions, repeats=repeats))
        progress()
    songs = total([count(valid.song(i)) for i in range(len(valid))])
    if picture is not None:
        write_picture(picture, total([count(run) for run in runs]), songs, runs)
    figures = compare(runs, _excerpts(train, n_frames, seed), songs, voices)
    figures["tempo"] = {}
    for bpm in TEMPI_BPM:
        period = bpm_to_period(bpm)
        # The phase is that of the frame before the first one: the silence that the model hears but does not play.
        told = replace(conditions, beat=Beat(period, -1.0 / period))
        run = play(engine, n_frames, seed=seed, sampling=sampling, conditions=told, repeats=repeats)
        figures["tempo"][bpm] = {
            "coherence": grid_coherence(run, period),
            "coherence_off": grid_coherence(run, period * OFF_TEMPO),
        }
        progress()
    return figures


def _excerpts(songs: Songs, n_frames: int, seed: int) -> list[NDArray[np.uint8]]:
    """Return one excerpt of each song that is long enough, from a random place."""
    generator = np.random.default_rng(seed)
    excerpts = []
    for i in range(len(songs)):
        song = songs.song(i)
        if len(song) >= n_frames:
            start = int(generator.integers(len(song) - n_frames + 1))
            excerpts.append(song[start : start + n_frames])
    return excerpts


def compare(
    runs: list[NDArray[np.uint8]],
    excerpts: list[NDArray[np.uint8]],
    of_reference: Counts,
    voices: Sequence[Voice] = tuple(Voice),
) -> dict[str, Any]:
    """Compare the given voices of runs with a reference; the limits are how far real excerpts lie from it.

    See `judge_free_runs` for the figures.
    """
    others = {voice.name for voice in Voice if voice not in voices}
    of_runs, of_excerpts = total([count(run) for run in runs]), [count(excerpt) for excerpt in excerpts]
    judged: dict[str, Any] = {}
    for name, measure in (("", distances), ("further_", further_distances)):
        limit = limits(of_excerpts, of_reference, measure=measure)
        of_all = measure(of_runs, of_reference)
        far = {what: distance for what, distance in of_all.items() if what.rpartition(".")[2] not in others}
        judged[f"{name}distances"] = {
            what: {"distance": far[what], "limit": limit[what], "is_within": far[what] <= limit[what]} for what in far
        }
        judged[f"n_{name}within"] = sum(far[what] <= limit[what] for what in far)
        judged[f"n_{name}distances"] = len(far)
    rates = {
        name: {what: _by_voice(value, voices) for what, value in of.rates().items()}
        for name, of in (("runs", of_runs), ("songs", of_reference))
    }
    return {
        **judged,
        "rates": rates,
        "long_notes": float(of_runs.long_notes.sum() / max(of_runs.notes.sum(), 1)),
        "longest_loop": max(longest_loop(run) for run in runs),
        "silent_voices": {
            "runs": _by_voice(silent_voices(runs), voices),
            "songs": _by_voice(silent_voices(excerpts), voices),
        },
    }


def _by_voice(values: NDArray[np.float64], voices: Sequence[Voice]) -> dict[str, float]:
    return {voice.name: float(values[voice]) for voice in voices}
