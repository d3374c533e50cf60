"""Composing with a model's latents: from scores to places and back, from one place to another, new places."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from livegen.beat import Beat, estimate_beat
from livegen.engines.protocol import Sampling
from livegen.engines.steps import BEATS, N_STEPS, score_of_steps, score_on_the_beat
from livegen.engines.vae.place import drawn_place
from livegen.errors import ControlError, FormatError
from livegen.formats.files import MAX_FRAMES, Warn, ignore
from livegen.formats.latents import MAX_PLACES, Latents, is_latents, read_latents, write_latents
from livegen.formats.score.kinds import read_piece, write_piece
from livegen.formats.score.piece import Piece
from livegen.score import onsets
from livegen.units import bpm_to_period, period_to_bpm

USUAL_BPM: Final = 120.0
_FEWEST_STEPS: Final = N_STEPS // 4
"""A rest of a score that is shorter than two beats is no window of its own."""


def checked(engine: Any) -> Any:
    """Return an engine that has latents; raises FormatError if it has none."""
    if not hasattr(engine, "latents"):
        raise FormatError(f"the model {engine.name} has no latents: take one of the kind vae")
    return engine


def encode(engine: Any, path: Path, bpm: float | None = None, warn: Warn = ignore) -> Latents:
    """Return the places of a score, one for each eight beats from its first beat on.

    The beat is `bpm` from the score's start, or the first tempo that the file tells, or it is found in the onsets.

    Raises
    ------
    FormatError
        If the score cannot be read, has no beat, or has more beats than a file of latents has places for.
    """
    piece = read_piece(path, warn)
    beat = _beat_of(piece, bpm, path)
    if len(piece.frames) > MAX_PLACES * BEATS * beat.period_frames:
        raise FormatError(
            f"{path.name} has more than {MAX_PLACES * BEATS:,} beats at {period_to_bpm(beat.period_frames):.0f} a "
            "minute: say a lower tempo with --bpm"
        )
    steps = score_on_the_beat(piece.frames, beat)
    n = max(len(steps) // N_STEPS + (len(steps) % N_STEPS >= _FEWEST_STEPS), 1)
    whole = np.zeros((n * N_STEPS, *steps.shape[1:]), np.uint8)
    whole[: min(len(steps), len(whole))] = steps[: len(whole)]
    z = np.stack([engine.encode(window) for window in whole.reshape(n, N_STEPS, *steps.shape[1:])])
    return Latents(z, engine.latents, engine.name, period_to_bpm(beat.period_frames))


def _beat_of(piece: Piece, bpm: float | None, path: Path) -> Beat:
    if bpm is not None:
        return Beat(bpm_to_period(bpm), 0.0)
    if piece.tempos:
        at, tempo = piece.tempos[0]
        return Beat(bpm_to_period(tempo), 0.0).after(-at)
    beat = estimate_beat(np.nonzero(onsets(piece.frames))[0])
    if beat is None:
        raise FormatError(f"{path.name} tells no tempo and has no clear beat: say it with latent encode --bpm")
    return beat


def load(engine: Any, path: Path, warn: Warn = ignore) -> Latents:
    """Return the places of a file of latents, or of a score; raises FormatError if they are another model's."""
    if not is_latents(path):
        return encode(engine, path, warn=warn)
    latents = read_latents(path)
    n_latents = engine.config.n_latents
    if latents.names != engine.latents or latents.z.shape[1] != n_latents:
        raise FormatError(
            f"{path.name} has {latents.z.shape[1]} latents of {latents.model}, of which the first are "
            f"{', '.join(latents.names)}, and {engine.name} has {n_latents}: {', '.join(engine.latents)}"
        )
    return latents


def decode(engine: Any, latents: Latents, sampling: Sampling, seed: int, bpm: float | None = None) -> Piece:
    """Return the music of places, eight beats each, at their tempo, or at `bpm`, or at 120 beats a minute.

    Raises
    ------
    FormatError
        If it is longer than a score may be.
    """
    bpm = bpm or latents.bpm or USUAL_BPM
    if len(latents.z) * BEATS * bpm_to_period(bpm) > MAX_FRAMES:
        raise FormatError(
            f"{len(latents.z)} x {BEATS} beats at {bpm:g} a minute are over {MAX_FRAMES:,} frames, which no score may "
            "have: take fewer places, or a higher tempo with --bpm"
        )
    steps = np.concatenate([engine.decode(z, sampling, seed + i) for i, z in enumerate(latents.z)])
    return Piece(score_of_steps(steps, bpm_to_period(bpm)), tempos=((0, bpm),))


def between(one: Latents, other: Latents, n: int) -> Latents:
    """Return n places from the first of one file to the first of another."""
    share = np.linspace(0.0, 1.0, n, dtype=np.float32)[:, None]
    z = (1.0 - share) * one.z[0] + share * other.z[0]
    return Latents(z, one.names, one.model, one.bpm or other.bpm)


def sample(engine: Any, n: int, seed: int, named: Mapping[str, float]) -> Latents:
    """Return n places that are drawn at random, with some named latents where a knob at such a value puts them.

    Raises
    ------
    ControlError
        If the model has no latent of such a name.
    """
    z = np.stack([drawn_place(seed + i, engine.config.n_latents) for i in range(n)])
    for name, value in named.items():
        if name not in engine.latents:
            raise ControlError(f"{engine.name} has no latent {name!r}: it has {', '.join(engine.latents)}")
        i = engine.latents.index(name)
        z[:, i] = value * engine.config.gains[i]
    return Latents(z, engine.latents, engine.name)


def save(path: Path, latents: Latents, piece: Piece | None) -> str:
    """Write places to a file of latents, or their music to a score; return what was written, in words."""
    if piece is None:
        write_latents(path, latents)
    else:
        write_piece(path, piece)
    return f"{len(latents.z)} x {BEATS} beats"
