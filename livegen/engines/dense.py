"""Kernels of layers: products of a vector with a matrix, sums of rows, activations. They write to arrays of the caller.

The products go through the transposed weights row by row; this compiles to vector instructions and needs no BLAS, so
the same numbers give the same bits in every process and on every thread.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.system.kernels import kernel

_TANH_END: Final = np.float32(8.0)
_OVER: Final = tuple(map(np.float32, (1.0, 1.3447487e-01, 3.5751383e-03, 2.1952817e-05, 1.5311789e-08)))
_UNDER: Final = tuple(map(np.float32, (1.0, 4.6780816e-01, 2.6177935e-02, 3.4170723e-04, 8.5555195e-07)))
"""The hyperbolic tangent of x is x times a polynomial of its square over another, up to where float32 tells it from 1
no more; both fitted by least squares, so that the largest error, as a share of it, is as small as can be."""


@kernel
def add_product(x: NDArray[np.float32], weights: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Add ``x @ weights`` to `out`, eight rows at a time; the length of `x` need not divide by eight."""
    n, m = weights.shape
    whole = n - n % 8
    for i in range(0, whole, 8):
        x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        x4, x5, x6, x7 = x[i + 4], x[i + 5], x[i + 6], x[i + 7]
        w0, w1, w2, w3 = weights[i], weights[i + 1], weights[i + 2], weights[i + 3]
        w4, w5, w6, w7 = weights[i + 4], weights[i + 5], weights[i + 6], weights[i + 7]
        for j in range(m):
            out[j] += (x0 * w0[j] + x1 * w1[j] + x2 * w2[j] + x3 * w3[j]) + (
                x4 * w4[j] + x5 * w5[j] + x6 * w6[j] + x7 * w7[j]
            )
    for i in range(whole, n):
        for j in range(m):
            out[j] += x[i] * weights[i, j]


@kernel
def add_row(row: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Add a row to `out`."""
    for j in range(len(out)):
        out[j] += row[j]


@kernel
def tanh(x: np.float32) -> np.float32:
    """Return the hyperbolic tangent, within 4e-7 of it: a quotient of polynomials, of which loops make vectors."""
    x = max(min(x, _TANH_END), -_TANH_END)
    s = x * x
    over = (((_OVER[4] * s + _OVER[3]) * s + _OVER[2]) * s + _OVER[1]) * s + _OVER[0]
    under = (((_UNDER[4] * s + _UNDER[3]) * s + _UNDER[2]) * s + _UNDER[1]) * s + _UNDER[0]
    return x * over / under


@kernel
def sigmoid(x: np.float32) -> np.float32:
    """Return 1 / (1 + exp(-x))."""
    return np.float32(0.5) + np.float32(0.5) * tanh(np.float32(0.5) * x)


@kernel
def silu(x: NDArray[np.float32]) -> None:
    """Replace every x by x times its sigmoid."""
    for j in range(len(x)):
        x[j] *= sigmoid(x[j])


@kernel
def tanh_each(x: NDArray[np.float32]) -> None:
    """Replace every x by its hyperbolic tangent."""
    for j in range(len(x)):
        x[j] = tanh(x[j])


@kernel
def lstm_cell(
    gates: NDArray[np.float32], c: NDArray[np.float32], new_h: NDArray[np.float32], new_c: NDArray[np.float32]
) -> None:
    """Write the next state of an LSTM, (n,) each; ``gates (4 n,)`` are input, forget, cell, output."""
    n = len(c)
    for j in range(n):
        new_c[j] = sigmoid(gates[n + j]) * c[j] + sigmoid(gates[j]) * tanh(gates[2 * n + j])
        new_h[j] = sigmoid(gates[3 * n + j]) * tanh(new_c[j])


@kernel
def gru_step(
    gates: NDArray[np.float32],
    h: NDArray[np.float32],
    recurrent: NDArray[np.float32],
    recurrent_bias: NDArray[np.float32],
    own: NDArray[np.float32],
    new_h: NDArray[np.float32],
) -> None:
    """Write the next state of a GRU, (n,), to `new_h`, as torch computes it: the gates are reset, update, new.

    ``gates (3 n,)`` are the input's with its bias; ``own (3 n,)`` is overwritten.
    """
    n = len(h)
    own[:] = recurrent_bias
    add_product(h, recurrent, own)
    for j in range(n):
        update = sigmoid(gates[n + j] + own[n + j])
        new = tanh(gates[2 * n + j] + sigmoid(gates[j] + own[j]) * own[2 * n + j])
        new_h[j] = new + update * (h[j] - new)
