"""Who may import whom, as data, and a check of every module's syntax tree against it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "livegen"

VOCABULARY = {
    *("errors", "units", "voices", "score", "events", "controls", "patch", "score_table"),
    *("kernels", "atomics", "resources", "midi_ports", "midi_echo", "libjack", "toml_text", "toml_controls"),
}
PARTS = {"apu", "synth", "predictor", "inputs", "outputs", "formats", "rig", "training", "session", "web"}

MAY_IMPORT = {
    **dict.fromkeys(VOCABULARY, VOCABULARY),
    "resources": {"errors"},
    "apu": {"errors", "units", "kernels"},
    "synth": VOCABULARY | {"apu"},
    "predictor": VOCABULARY,
    "inputs": VOCABULARY,
    "outputs": VOCABULARY | {"synth", "apu"},
    "formats": VOCABULARY | {"apu"},
    "rig": VOCABULARY | {"formats", "outputs"},
    "training": VOCABULARY | {"predictor", "formats"},
    "session": VOCABULARY | PARTS - {"session", "training", "web"},
    "web": VOCABULARY | {"inputs", "session"},
    "cli": VOCABULARY | PARTS | {"screen", "doctor", "bench", "layouts"},
    "layouts": VOCABULARY,
    "screen": VOCABULARY | {"inputs", "session"},
    "doctor": VOCABULARY | PARTS - {"training"},
    "bench": VOCABULARY | PARTS,
    "__main__": {"cli"},
    "__init__": set(),
}
"""What a part of the package may import besides itself."""

ONLY_IN = {"torch": {"training"}, "typer": {"cli"}}
"""Libraries that only some parts may import."""

MAY_START_THREADS = {"session", "bench", "web"}  # bench keeps the interpreter busy on purpose, web has its own

THREAD_STARTERS = {
    *("Thread", "Timer", "start_new_thread", "ThreadPoolExecutor", "ThreadPool", "to_thread"),
    *("ThreadingMixIn", "ThreadingOSCUDPServer", "ThreadingTCPServer", "ThreadingUDPServer"),
}


def part_of(path: Path) -> str:
    """Return the part of the package that a path relative to it belongs to: a folder, or a module at the top."""
    return path.parts[0].removesuffix(".py")


def imported_names(node: ast.AST, path: Path) -> Iterator[str]:
    """Yield the dotted names that an import statement may bind modules from."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = ["livegen", *path.parts[:-1]]
        base = package[: len(package) - node.level + 1] if node.level else []
        module = ".".join([*base, *([node.module] if node.module else [])])
        if module == "livegen":  # `from livegen import units` names a part; `from livegen import __version__` none
            yield from (f"livegen.{alias.name}" for alias in node.names if not alias.name.startswith("__version"))
        else:
            yield module


def breaches(path: Path, source: str) -> list[str]:
    """Return what a module does that its part may not do, in words; `path` is relative to the package."""
    part = part_of(path)
    tree = ast.parse(source)
    found = []
    for node in ast.walk(tree):
        for name in imported_names(node, path):
            top, _, rest = name.partition(".")
            target = rest.partition(".")[0]
            if top == "livegen" and target and target != part and target not in MAY_IMPORT[part]:
                found.append(f"imports {name}")
            if part not in ONLY_IN.get(top, {part}):
                found.append(f"imports {name}")
        if isinstance(node, ast.Name) and node.id == "print" and part != "cli":
            found.append("prints")
        named = {ast.Name: "id", ast.Attribute: "attr"}.get(type(node))
        if named and getattr(node, named) in THREAD_STARTERS and part not in MAY_START_THREADS:
            found.append(f"starts threads with {getattr(node, named)}")
    # torch is in an extra: whoever plays must be able to import everything but training.
    for node in tree.body:
        found += [
            f"imports {name} at its top"
            for name in imported_names(node, path)
            if name.startswith("livegen.training") and part != "training"
        ]
    return found


MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_module_keeps_to_the_table(path: Path) -> None:
    assert part_of(path) in MAY_IMPORT, f"{path} is a new part: say in the table what it may import"
    assert breaches(path, (PACKAGE / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("apu/pulse.py", "from livegen.score import Voice"),
        ("apu/pulse.py", "from livegen import score"),
        ("apu/pulse.py", "from ..synth import macros"),
        ("apu/pulse.py", "from .. import synth"),
        ("synth/synth.py", "import livegen.session.session"),
        ("units.py", "from livegen.apu.tables import DUTY"),
        ("session/session.py", "def load():\n    import livegen.training.train"),
        ("predictor/lstm.py", "import torch.nn as nn"),
        ("cli/learn.py", "from livegen.training import train"),
        ("inputs/midi.py", "print('hello')"),
        ("inputs/midi.py", "import threading\nthreading.Thread(target=len).start()"),
        ("outputs/midi.py", "from threading import Thread\nclass Pump(Thread): pass"),
    ],
)
def test_a_breach_is_found(path: str, source: str) -> None:
    assert breaches(Path(path), source)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("apu/pulse.py", "from livegen.apu.tables import DUTY\nfrom livegen.system.kernels import kernel"),
        ("apu/pulse.py", "from . import tables"),
        ("session/session.py", "import threading\nthreading.Thread(target=len)"),
        ("cli/learn.py", "def train():\n    from livegen.training import train\n    print('done')"),
        ("training/model.py", "import torch"),
        ("cli/app.py", "from livegen import __version__"),
    ],
)
def test_what_is_allowed_passes(path: str, source: str) -> None:
    assert breaches(Path(path), source) == []


def test_the_parts_import_one_way() -> None:
    """No part may import one that may import it back, the vocabulary apart."""
    for part in PARTS:
        for other in MAY_IMPORT[part] & PARTS:
            assert part not in MAY_IMPORT[other], f"{part} and {other} may import each other"
