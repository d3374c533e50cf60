import os
import shutil
from pathlib import Path

import numba
import numpy as np
import pytest
from numba import types
from numpy.typing import NDArray

from livegen.system import kernels
from livegen.system.kernels import kernel

PACKAGE = Path(kernels.__file__).parent.parent


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the package whose sources name the cache folder."""
    copy = tmp_path / "livegen"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(kernels, "_PACKAGE", copy)
    return copy


def test_the_same_sources_name_the_same_folder(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = kernels._cache_folder()
    shutil.copytree(package, tmp_path / "elsewhere" / "livegen")
    monkeypatch.setattr(kernels, "_PACKAGE", tmp_path / "elsewhere" / "livegen")
    assert kernels._cache_folder() == before


@pytest.mark.parametrize(
    "source", ["score_table.py", "system/atomics.py", "units.py", "system/kernels.py", "apu/tables.py"]
)
def test_a_change_of_a_source_names_another_folder(package: Path, source: str) -> None:
    """Constants count too: Numba freezes a module's globals when it compiles."""
    before = kernels._cache_folder()
    path = package / source
    path.write_text(path.read_text(encoding="utf-8") + "\nADDED = 1\n", encoding="utf-8")
    assert kernels._cache_folder() != before


def test_a_renamed_source_names_another_folder(package: Path) -> None:
    before = kernels._cache_folder()
    (package / "score_table.py").rename(package / "table.py")
    assert kernels._cache_folder() != before


def test_a_change_of_what_has_no_part_in_a_kernel_keeps_the_folder(package: Path) -> None:
    before = kernels._cache_folder()
    (package / "added.py").write_text("ADDED = 1\n", encoding="utf-8")
    assert kernels._cache_folder() == before


def test_the_environment_names_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGEN_CACHE_DIR", str(tmp_path))
    assert kernels._cache_folder().parent == tmp_path / "kernels"


def test_numba_caches_there() -> None:
    assert numba.config.CACHE_DIR == os.environ["NUMBA_CACHE_DIR"] == str(kernels.CACHE_FOLDER)


def test_whether_everything_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "CACHE_FOLDER", tmp_path / "none")
    assert not kernels.is_compiled()
    kernels.mark_compiled()
    assert kernels.is_compiled()
    monkeypatch.setattr(kernels, "CACHE_FOLDER", Path("/dev/null/nowhere"))
    kernels.mark_compiled()
    assert not kernels.is_compiled()


@kernel
def divide(numerator: NDArray, denominator: NDArray, quotient: NDArray) -> None:
    for index in range(len(quotient)):
        quotient[index] = numerator[index] / denominator[index]


def test_a_kernel_divides_by_zero_without_raising() -> None:
    quotient = np.zeros(3)
    divide(np.array([1.0, 0.0, 3.0]), np.array([0.0, 0.0, 2.0]), quotient)
    np.testing.assert_array_equal(quotient, [np.inf, np.nan, 1.5])


@kernel
def double(number: int) -> int:
    return 2 * number


@kernel
def add_doubles(number: int) -> int:
    return double(1) + double(2) + double(number)


def test_a_constant_argument_compiles_no_version_of_its_own() -> None:
    add_doubles.recompile()  # not from the cache, or nothing is asked of `double`
    assert add_doubles(3) == 12
    assert double.get_overload((types.int64,)) is not None
    with pytest.raises(KeyError):
        double.get_overload((types.literal(1),))


@kernel
def quadruple(number: int) -> int:
    return double(double(number))


@kernel
def sextuple(number: int) -> int:
    return quadruple(number) + double(number)


def test_what_a_kernel_calls_is_a_part_of_it_and_native_only_where_python_calls_it() -> None:
    sextuple.recompile()
    assert sextuple(8) == 48
    assert len(sextuple.signatures) == 1
    assert quadruple.signatures == []
    assert quadruple(8) == 32
    assert len(quadruple.signatures) == 1
