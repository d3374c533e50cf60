"""How Numba kernels are compiled and cached here.

Importing this module sets the folder of Numba's cache, so a module takes its decorator from here and never from
`numba`. The folder's name is a hash of every source file that has a part in a kernel. Numba's own cache looks only at
the file of the function itself: if a kernel in another file changed, or a constant that was compiled in, it would run
stale code.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numba
import platformdirs
from numba.extending import register_jitable

from livegen.system.parts import share_parts

_PACKAGE = Path(__file__).parent.parent
_IMPORTS_DECORATOR = re.compile(rb"from livegen\.system\.kernels import .*\bkernel\b")
_MODULE_NAME = re.compile(rb"\blivegen\.(\w+(?:\.\w+)*)")


def _kernel_sources() -> list[Path]:
    """Return the package's files that hold kernels and all that they import, in a stable order."""
    waiting = [path for path in _PACKAGE.rglob("*.py") if _IMPORTS_DECORATOR.search(path.read_bytes())]
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _named_modules(path)
    return sorted(found)


def _named_modules(path: Path) -> list[Path]:
    """Return the files of the modules that a file names, and all files of a package that it names."""
    modules: list[Path] = []
    for name in set(_MODULE_NAME.findall(path.read_bytes())):
        place = _PACKAGE.joinpath(*name.decode().split("."))
        modules += place.glob("*.py") if place.is_dir() else [place.with_suffix(".py")]
    return [module for module in modules if module.is_file()]


def _cache_folder() -> Path:
    digest = hashlib.sha256(numba.__version__.encode())
    for path in _kernel_sources():
        digest.update(path.relative_to(_PACKAGE).as_posix().encode())
        digest.update(path.read_bytes())
    root = os.environ.get("LIVEGEN_CACHE_DIR") or platformdirs.user_cache_dir("livegen", appauthor=False)
    return Path(root) / "kernels" / digest.hexdigest()[:16]


CACHE_FOLDER = _cache_folder()
os.environ["NUMBA_CACHE_DIR"] = str(CACHE_FOLDER)  # Numba reads its environment again before it compiles
numba.config.CACHE_DIR = str(CACHE_FOLDER)


_MARK: Final = "complete"


def is_compiled() -> bool:
    """Tell whether all kernels of exactly these sources have been compiled and cached before."""
    return (CACHE_FOLDER / _MARK).is_file()


def mark_compiled() -> None:
    """Note in the cache that it holds all kernels of a session; a cache that cannot be written is no error."""
    with contextlib.suppress(OSError):
        CACHE_FOLDER.mkdir(parents=True, exist_ok=True)
        (CACHE_FOLDER / _MARK).touch()


Record = Any
"""A NumPy record, as kernels take it: a view of one element of a structured array, changed in place."""

portable = register_jitable
"""Decorator of a plain function that kernels may call too."""

_compile_later: Final = numba.njit(nogil=True, cache=True, error_model="numpy")


def kernel(function: Callable[..., Any]) -> Any:
    """Make a kernel of a function, which must not call itself.

    `nogil` keeps the interpreter free, `cache` makes the second start quick, and NumPy's error model keeps a division
    by zero from raising, which inside an audio callback would take the GIL. What kernels call is compiled into them
    (`livegen.system.parts`).
    """
    dispatcher = _compile_later(function)
    share_parts(dispatcher)
    return dispatcher
