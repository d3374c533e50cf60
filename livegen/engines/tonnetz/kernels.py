"""Kernels of the Tonnetz: from a slice and the state before it to the state after it, and what comes next.

Maps are ``(n, rows, columns)``. They go round along the columns, which are fifths, and end at the first and last row.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from livegen.engines.dense import add_product, lstm_cell
from livegen.engines.tonnetz.config import COLUMNS_POOLED, KERNEL, ROWS_POOLED
from livegen.engines.tonnetz.lattice import N_COLUMNS, N_ROWS, PITCH_OF_CELL
from livegen.system.kernels import kernel


class Layer(NamedTuple):
    """One of the LSTM's layers, its matrices transposed; its gates are input, forget, cell, output."""

    input: NDArray[np.float32]  # (n_in, 4 n)
    recurrent: NDArray[np.float32]  # (n, 4 n)
    bias: NDArray[np.float32]  # (4 n,)


class Weights(NamedTuple):
    """All of a Tonnetz, matrices transposed."""

    outer: NDArray[np.float32]  # (n_maps, 1, 3, 3)
    outer_bias: NDArray[np.float32]
    inner: NDArray[np.float32]  # (n_inner, n_maps, 3, 3)
    inner_bias: NDArray[np.float32]
    latent: NDArray[np.float32]  # (n_pooled, n_latent)
    latent_bias: NDArray[np.float32]
    lower: Layer
    upper: Layer
    next: NDArray[np.float32]  # (n_state, n_latent)
    next_bias: NDArray[np.float32]
    pitches: NDArray[np.float32]  # (n_latent, 96): the mean of a pitch's cells
    pitches_bias: NDArray[np.float32]  # (96,)


@kernel
def encode(pitches: NDArray[np.float32], weights: Weights, latent: NDArray[np.float32]) -> None:
    """Write what a slice, (96,) of 0 and 1, is told by, ``latent (n_latent,)``."""
    picture = np.empty((1, N_ROWS, N_COLUMNS), np.float32)
    for cell in range(N_ROWS * N_COLUMNS):
        picture[0, cell // N_COLUMNS, cell % N_COLUMNS] = pitches[PITCH_OF_CELL[cell]]
    outer = _pooled(_convolved(picture, weights.outer, weights.outer_bias), 2, 2)
    inner = _convolved(outer, weights.inner, weights.inner_bias)
    pooled = _pooled(inner, ROWS_POOLED // 2, COLUMNS_POOLED // 2)
    latent[:] = weights.latent_bias
    add_product(pooled.reshape(-1), weights.latent, latent)


@kernel
def _convolved(
    maps: NDArray[np.float32], weight: NDArray[np.float32], bias: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return what a convolution and a rectifier make of maps."""
    n, n_rows, n_columns = maps.shape
    made = np.empty((len(weight), n_rows, n_columns), np.float32)
    around = KERNEL // 2
    for out in range(len(weight)):
        made[out] = bias[out]
        for each in range(n):
            for row in range(n_rows):
                for column in range(n_columns):
                    value = maps[each, row, column]
                    if value == 0.0:  # most cells are
                        continue
                    for i in range(KERNEL):
                        to_row = row + around - i
                        if 0 <= to_row < n_rows:
                            for j in range(KERNEL):
                                made[out, to_row, (column + around - j) % n_columns] += value * weight[out, each, i, j]
    return np.maximum(made, np.float32(0.0))


@kernel
def _pooled(maps: NDArray[np.float32], n_rows: int, n_columns: int) -> NDArray[np.float32]:
    """Return maps of which each cell is the largest of so many rows and columns."""
    n, rows, columns = maps.shape
    made = np.empty((n, rows // n_rows, columns // n_columns), np.float32)
    for each in range(n):
        for row in range(rows // n_rows):
            for column in range(columns // n_columns):
                largest = maps[each, row * n_rows, column * n_columns]
                for i in range(n_rows):
                    for j in range(n_columns):
                        largest = max(largest, maps[each, row * n_rows + i, column * n_columns + j])
                made[each, row, column] = largest
    return made


@kernel
def hear(
    pitches: NDArray[np.float32],
    h: NDArray[np.float32],
    c: NDArray[np.float32],
    weights: Weights,
    new_h: NDArray[np.float32],
    new_c: NDArray[np.float32],
    logits: NDArray[np.float32],
) -> None:
    """Hear a slice, (96,), after the state ``h, c (2, n_state)``; write the new one and the next slice's logits."""
    latent = np.empty(len(weights.latent_bias), np.float32)
    encode(pitches, weights, latent)
    _lstm_step(latent, h[0], c[0], weights.lower, new_h[0], new_c[0])
    _lstm_step(new_h[0], h[1], c[1], weights.upper, new_h[1], new_c[1])
    latent += weights.next_bias
    add_product(new_h[1], weights.next, latent)
    logits[:] = weights.pitches_bias
    add_product(latent, weights.pitches, logits)


@kernel
def _lstm_step(
    x: NDArray[np.float32],
    h: NDArray[np.float32],
    c: NDArray[np.float32],
    layer: Layer,
    new_h: NDArray[np.float32],
    new_c: NDArray[np.float32],
) -> None:
    gates = layer.bias.copy()
    add_product(x, layer.input, gates)
    add_product(h, layer.recurrent, gates)
    lstm_cell(gates, c, new_h, new_c)
