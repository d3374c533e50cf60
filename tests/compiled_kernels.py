"""Which kernels Python has called, and scripts that find out whether playing calls others than warming up has."""

import os
import subprocess
import sys
from pathlib import Path

from numba.core.registry import CPUDispatcher

TESTS = Path(__file__).parent


def compiled(package: str = "livegen") -> set[tuple[str, str, str]]:
    """Return the kernels of a package that are compiled or loaded: module, name, and types of the arguments."""
    modules = [module for name, module in sys.modules.items() if f"{name}.".startswith(f"{package}.")]
    kernels = {kernel for module in modules for kernel in vars(module).values() if isinstance(kernel, CPUDispatcher)}
    return {
        (kernel.py_func.__module__, kernel.py_func.__name__, str(types))
        for kernel in kernels
        if f"{kernel.py_func.__module__}.".startswith(f"{package}.")
        for types in kernel.signatures
    }


def run_apart(script: str, *arguments: str | Path) -> None:
    """Run a script in a process of its own, where no other test has compiled anything; it must not fail."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    apart = {**os.environ, "PYTHONPATH": str(TESTS)}
    played = subprocess.run(command, cwd=TESTS.parent, env=apart, capture_output=True, text=True, check=False)
    assert played.returncode == 0, played.stderr
