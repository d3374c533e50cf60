"""How Numba kernels are compiled and cached here.

Importing this module decides the folder of Numba's cache, so a module takes its decorator from here and
never from `numba`. The folder is named by a hash of every source file of the package that holds kernels:
Numba's own cache looks only at the file of the function itself and would run stale code when a kernel in
another file changed.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

import numba
import platformdirs

_PACKAGE = Path(__file__).parent


def _kernel_sources() -> list[Path]:
    """Return the package's files that use this module, in a stable order."""
    return sorted(path for path in _PACKAGE.rglob("*.py") if b"livegen.kernels" in path.read_bytes())


def _cache_folder() -> Path:
    digest = hashlib.sha256(numba.__version__.encode())
    for path in _kernel_sources():
        digest.update(path.relative_to(_PACKAGE).as_posix().encode())
        digest.update(path.read_bytes())
    root = os.environ.get("LIVEGEN_CACHE_DIR") or platformdirs.user_cache_dir("livegen", appauthor=False)
    return Path(root) / "kernels" / digest.hexdigest()[:16]


CACHE_FOLDER = _cache_folder()
os.environ["NUMBA_CACHE_DIR"] = str(CACHE_FOLDER)  # Numba reads its environment anew before it compiles
numba.config.CACHE_DIR = str(CACHE_FOLDER)


def is_compiled() -> bool:
    """Tell whether kernels of exactly these sources have been compiled and cached before."""
    return any(CACHE_FOLDER.rglob("*.nbc")) if CACHE_FOLDER.is_dir() else False


Record = Any
"""A NumPy record, as kernels take it: a view of one element of a structured array, changed in place."""

kernel = numba.njit(nogil=True, cache=True, error_model="numpy")
"""Decorator of every kernel.

`nogil` keeps the interpreter free, `cache` makes the second start quick, and the error model of NumPy keeps
a division by zero from raising, which inside an audio callback would take the GIL.
"""
