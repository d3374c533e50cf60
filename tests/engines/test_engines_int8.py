"""Products with matrices of int8, against the same in float64."""

import numpy as np
import pytest

from livegen.engines.int8 import Int8Matrix, add_int8_product, int8_matrix, largest_of, matrix_of, one_of
from livegen.system.dot_products import dot_products
from livegen.system.kernels import kernel

GENERATOR = np.random.default_rng(0)
SIZES = [(1, 1), (4, 16), (5, 7), (121, 256), (20, 96), (2560, 640), (40, 4096)]


def _product(x: np.ndarray, matrix: Int8Matrix, m: int) -> np.ndarray:
    out = np.ones(m, np.float32)
    add_int8_product(x.astype(np.float32), largest_of(x.astype(np.float32)), matrix, out)
    return out - 1.0


@pytest.mark.parametrize("size", SIZES)
def test_a_product_is_near_that_of_float64(size):
    weights, x = GENERATOR.standard_normal(size), GENERATOR.standard_normal(size[1])
    wrong = _product(x, int8_matrix(weights), size[0]) - weights @ x
    assert np.sqrt((wrong**2).sum()) <= 0.013 * np.sqrt((weights**2).sum() * (x**2).mean()) + 1e-6


@pytest.mark.parametrize("size", SIZES)
def test_what_is_rounded_already_stays_and_its_product_is_that_of_float64(size):
    matrix = int8_matrix(GENERATOR.standard_normal(size))
    again = int8_matrix(matrix_of(matrix, size[1]))
    assert (again.tiles == matrix.tiles).all()
    x = GENERATOR.uniform(-1, 1, size[1])
    expected = matrix_of(matrix, size[1]).astype(np.float64) @ x
    size_of_sum = float(np.abs(matrix_of(matrix, size[1])).sum(1).max())
    assert _product(x, matrix, size[0]) == pytest.approx(expected, abs=2e-4 * size_of_sum)


@pytest.mark.parametrize("n", [1, 640, 4096])
def test_the_largest_sum_there_is_does_not_wrap_around(n):
    matrix = int8_matrix(np.full((2, n), -3.0))
    assert _product(np.full(n, 5.0), matrix, 2) == pytest.approx(-15.0 * n, rel=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_vector_of_which_one_element_is_no_number_gives_numbers(bad):
    x = np.array([1.0, bad, 2.0])
    assert np.isfinite(_product(x, int8_matrix(np.eye(3)), 3)).all()


def test_rows_of_zeros_and_no_rows_are_matrices_too():
    assert (_product(np.ones(5), int8_matrix(np.zeros((3, 5))), 3) == 0.0).all()
    assert _product(np.ones(5), int8_matrix(np.zeros((0, 5))), 0).shape == (0,)


def test_one_of_several_matrices_is_as_it_is_alone():
    several = GENERATOR.standard_normal((3, 5, 7))
    for i in range(3):
        one, alone = one_of(int8_matrix(several), i), int8_matrix(several[i])
        assert (one.tiles == alone.tiles).all()
        assert (one.scale == alone.scale).all()


@kernel
def _dot_products(x: np.ndarray, tiles: np.ndarray, block: int) -> tuple[int, int, int, int]:
    return dot_products(x, tiles, block)


def test_dot_products_are_exact():
    x = GENERATOR.integers(-20_000, 20_001, 160).astype(np.int16)
    tiles = GENERATOR.integers(-128, 128, (3, 10, 4, 16)).astype(np.int8)
    expected = np.einsum("bnrl,nl->br", tiles.astype(np.int64), x.reshape(10, 16).astype(np.int64))
    assert [_dot_products(x, tiles, block) for block in range(3)] == [tuple(row) for row in expected.tolist()]
