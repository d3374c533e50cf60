"""Matrices in whole numbers of eight bits, each row with a factor of its own, and products of a vector with them.

A step reads all weights of a model once, and takes as long as that: int8 is a quarter of float32. The vector is made
int16 for the product, where its error is far below that of the weights. The sums are exact, so they are the same in
whatever order, for one song or for many, and on every machine.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livegen.system.dot_products import N_LANES, N_ROWS, dot_products
from livegen.system.kernels import kernel

_MOST_OF_ROW: Final = 127
_MOST_OF_VECTOR: Final = 32_767
_MOST_OF_SUM: Final = 2**31 - 1


class Int8Matrix(NamedTuple):
    """Matrices in tiles, with zeros beyond the last row and column; there may be several, in further dimensions."""

    tiles: NDArray[np.int8]  # (..., blocks of rows, n of tiles, N_ROWS, N_LANES)
    scale: NDArray[np.float32]  # (..., m), what each row is multiplied with


def int8_matrix(weights: NDArray[Any]) -> Int8Matrix:
    """Round matrices, float (..., m, n), to whole numbers: the largest of each row, by size, becomes 127.

    A matrix of which each row is made of such numbers already is rounded to itself.
    """
    *several, m, n = weights.shape
    weights = weights.astype(np.float32)
    scale = np.abs(weights).max(-1, initial=0.0) / np.float32(_MOST_OF_ROW)
    rows = np.zeros((*several, m + -m % N_ROWS, n + -n % N_LANES), np.int8)
    rows[..., :m, :n] = np.rint(weights / np.where(scale > 0.0, scale, np.float32(1.0))[..., None])
    n_rows, n_columns = rows.shape[-2:]
    tiles = rows.reshape(*several, n_rows // N_ROWS, N_ROWS, n_columns // N_LANES, N_LANES).swapaxes(-2, -3)
    return Int8Matrix(np.ascontiguousarray(tiles), scale)


def matrix_of(rounded: Int8Matrix, n: int) -> NDArray[np.float32]:
    """Return the matrices of n columns, float32 (..., m, n), that rounded ones stand for."""
    *several, n_blocks, n_tiles, _, _ = rounded.tiles.shape
    rows = rounded.tiles.swapaxes(-2, -3).reshape(*several, n_blocks * N_ROWS, n_tiles * N_LANES)
    return rows[..., : rounded.scale.shape[-1], :n] * rounded.scale[..., None]


@kernel
def one_of(matrices: Int8Matrix, index: int) -> Int8Matrix:
    """Return one of several matrices."""
    return Int8Matrix(matrices.tiles[index], matrices.scale[index])


@kernel
def to_int16(x: NDArray[np.float32], largest: np.float32, numbers: NDArray[np.int16]) -> np.float32:
    """Write a vector in whole numbers, zeros at the end, and return what to multiply them with.

    They are as large as a sum of products with int8 can take. What is larger than `largest`, by size, is taken for it.
    """
    most = np.float32(min(_MOST_OF_VECTOR, _MOST_OF_SUM // (_MOST_OF_ROW * len(numbers))))
    factor = most / largest if largest > 0.0 else np.float32(0.0)
    for i in range(len(x)):
        number = np.rint(x[i] * factor)
        number = number if number > -most else -most  # for what is no number, too
        numbers[i] = np.int16(min(number, most))
    numbers[len(x) :] = 0
    return largest / most


@kernel
def largest_of(x: NDArray[np.float32]) -> np.float32:
    """Return the largest element by its size; 0 where one is not finite."""
    largest = np.float32(0.0)
    for i in range(len(x)):
        largest = max(largest, abs(x[i]))
    return largest if largest < np.inf else np.float32(0.0)


@kernel
def add_int8_product(x: NDArray[np.float32], largest: np.float32, matrix: Int8Matrix, out: NDArray[np.float32]) -> None:
    """Add the product of a matrix with `x` to `out`; no element of `x` is larger, by size, than `largest`."""
    tiles, scale = matrix
    numbers = np.empty(tiles.shape[1] * N_LANES, np.int16)
    unit = to_int16(x, largest, numbers)
    m = len(out)
    whole = m - m % N_ROWS
    for j in range(0, whole, N_ROWS):
        a, b, c, d = dot_products(numbers, tiles, j // N_ROWS)
        out[j] += np.float32(a) * (scale[j] * unit)
        out[j + 1] += np.float32(b) * (scale[j + 1] * unit)
        out[j + 2] += np.float32(c) * (scale[j + 2] * unit)
        out[j + 3] += np.float32(d) * (scale[j + 3] * unit)
    if whole < m:
        last = dot_products(numbers, tiles, whole // N_ROWS)
        for j in range(whole, m):
            out[j] += np.float32(last[j - whole]) * (scale[j] * unit)
