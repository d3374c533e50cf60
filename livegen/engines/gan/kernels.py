"""The kernels of the GAN: circular convolutions, and what a phrase plays by the scores of its heads.

Weights lie as (width, channels in, channels out), so that the innermost loop runs over channels out and becomes vector
instructions; eight steps share each row of weights. It needs no BLAS, and gives the same bits in every process.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.sampling import uniform
from livegen.system.kernels import kernel
from livegen.units import MAX_VOLUME

_SLOPE: Final = np.float32(0.2)
_TINY: Final = np.float32(1e-8)
_TILE: Final = 8
_ROWS: Final = 8
_MAX_VOLUME: Final = np.float32(MAX_VOLUME)


@kernel
def _add_rows(x: NDArray[np.float32], rows: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Add eight rows of weights, each times its number, to a step."""
    a, b, c, d, e, f, g, h = x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
    ra, rb, rc, rd, re, rf, rg, rh = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7]
    for o in range(len(out)):
        out[o] += (
            (a * ra[o] + b * rb[o]) + (c * rc[o] + d * rd[o]) + ((e * re[o] + f * rf[o]) + (g * rg[o] + h * rh[o]))
        )


@kernel
def convolve(x: NDArray[np.float32], weight: NDArray[np.float32], bias: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the circular convolution of x, (T, C in), with weight, (width, C in, C out): (T, C out)."""
    n_steps, n_in = x.shape
    width, _, n_out = weight.shape
    half = width // 2
    around = np.empty((n_steps + width - 1, n_in), np.float32)
    for t in range(len(around)):
        around[t] = x[(t - half) % n_steps]
    out = np.empty((n_steps, n_out), np.float32)
    for begin in range(0, n_steps, _TILE):
        end = min(begin + _TILE, n_steps)
        for t in range(begin, end):
            out[t] = bias
        for tap in range(width):
            for i in range(0, n_in - n_in % _ROWS, _ROWS):
                rows = weight[tap, i : i + _ROWS]
                for t in range(begin, end):
                    _add_rows(around[t + tap, i : i + _ROWS], rows, out[t])
            for i in range(n_in - n_in % _ROWS, n_in):
                row = weight[tap, i]
                for t in range(begin, end):
                    value = around[t + tap, i]
                    target = out[t]
                    for o in range(n_out):
                        target[o] += value * row[o]
    return out


@kernel
def activate(x: NDArray[np.float32]) -> None:
    """Put x, (T, C), through the leaky rectifier, and scale each step to a mean square of one."""
    n_steps, n_channels = x.shape
    for t in range(n_steps):
        total = np.float32(0.0)
        for c in range(n_channels):
            value = x[t, c]
            if value < np.float32(0.0):
                value *= _SLOPE
            x[t, c] = value
            total += value * value
        scale = np.float32(1.0) / np.sqrt(total / np.float32(n_channels) + _TINY)
        for c in range(n_channels):
            x[t, c] *= scale


@kernel
def on_beats(
    z: NDArray[np.float32], weight: NDArray[np.float32], bias: NDArray[np.float32], n_beats: int
) -> NDArray[np.float32]:
    """Return what latents, (blocks, n), say of each beat, (blocks * beats, C).

    `weight` is (n, beats * C), and `bias` (beats * C,).
    """
    n_blocks, n = z.shape
    n_channels = len(bias) // n_beats
    out = np.empty((n_blocks * n_beats, n_channels), np.float32)
    for block in range(n_blocks):
        said = bias.copy()
        for i in range(n):
            value = z[block, i]
            row = weight[i]
            for o in range(len(said)):
                said[o] += value * row[o]
        out[block * n_beats : (block + 1) * n_beats] = said.reshape(n_beats, n_channels)
    activate(out)
    return out


@kernel
def grow(x: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return x, (T, factor * C), as (factor * T, C), activated."""
    n_steps, n_channels = x.shape
    out = x.copy().reshape(n_steps * factor, n_channels // factor)
    activate(out)
    return out


@kernel
def beside(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the channels of two, (T, A) and (T, B), side by side."""
    out = np.empty((len(one), one.shape[1] + other.shape[1]), np.float32)
    out[:, : one.shape[1]] = one
    out[:, one.shape[1] :] = other
    return out


@kernel
def render(
    scores: NDArray[np.float32],
    density: float,
    attack: NDArray[np.float32],
    silence: float,
    lowest: int,
    n_notes: int,
    n_timbres: int,
    has_volume: bool,
    out: NDArray[np.uint8],
) -> None:
    """Write what a voice plays by the scores of its head, (T, outputs), as notes, volumes and timbres, (T, 3).

    What is struck lasts until the next strike, around the circle. `density` is added to the log-odds of a strike,
    `attack`, (T,), to those of a strike of a note, and `silence` to those of silence, which is struck to end a note.
    """
    n_steps = len(scores)
    at_volume = 1 + n_notes
    gates = np.empty(n_steps, np.float32)
    struck = np.empty(n_steps, np.int64)
    first = 0
    for t in range(n_steps):
        struck[t] = 0
        best = scores[t, 1] + np.float32(silence)
        for i in range(1, n_notes):
            if scores[t, 1 + i] > best:
                struck[t], best = i, scores[t, 1 + i]
        gates[t] = scores[t, 0] + np.float32(density)
        if struck[t] > 0:
            gates[t] += attack[t]
        if gates[t] > gates[first]:
            first = t
    note, timbre = 0, 0
    for k in range(n_steps):  # from where a strike is likeliest on, and there is one
        t = (first + k) % n_steps
        if k == 0 or gates[t] > np.float32(0.0):
            note, timbre = struck[t], 0
            for i in range(1, n_timbres):
                if scores[t, at_volume + 1 + i] > scores[t, at_volume + 1 + timbre]:
                    timbre = i
        volume = 0
        if has_volume:
            volume = int(np.floor(_MAX_VOLUME / (np.float32(1.0) + np.exp(-scores[t, at_volume])) + np.float32(0.5)))
        if note == 0 or (has_volume and volume == 0):
            out[t] = 0
        else:
            out[t, 0], out[t, 1], out[t, 2] = note + lowest - 1, volume, timbre


@kernel
def normals(seed: np.uint64, name: int, out: NDArray[np.float64]) -> None:
    """Write normally distributed numbers that depend on the seed and a name alone (Box and Muller 1958)."""
    for i in range(len(out)):
        size = math.sqrt(-2.0 * math.log(1.0 - uniform(seed, name, 0, 2 * i)))
        out[i] = size * math.cos(2.0 * math.pi * uniform(seed, name, 0, 2 * i + 1))
