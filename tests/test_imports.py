"""Who may import whom, as one table of floors, and a check of every module's syntax tree against it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "livegen"

WORDS = {"errors", "units", "voices", "score", "score_table", "events", "controls", "beat"}
COMPILER = {"system.kernels", "system.atomics"}
SOUND = {"patch", "apu", "synth", "outputs"}
MUSIC = {"performance", "instrument", "takes"}

ENGINE = {
    "engines.cast",
    "engines.protocol",
    "engines.ensemble",
    "engines.sampling",
    "engines.tonality",
    "engines.triads",
}

MAY_IMPORT: dict[str, set[str]] = {
    "system.parts": set(),
    "system.kernels": {"system.parts"},
    "system.atomics": set(),
    **dict.fromkeys(WORDS, WORDS | COMPILER),
    "system": {"errors"},
    "toml": WORDS,
    "apu": {"errors", "units", "system.kernels"},
    "cpu": {"system.kernels"},
    "patch": WORDS | {"toml", "system", "apu"},
    "synth": WORDS | {"system", "patch", "apu"},
    "engines.cast": WORDS,
    "engines.protocol": WORDS | {"engines.tonality"},
    "engines.ensemble": WORDS | {"engines.cast", "engines.protocol"},
    "engines.sampling": {"system.kernels"},
    "engines.tonality": set(),
    "engines.triads": {"controls", "engines.tonality"},
    "formats.words.vocabulary": WORDS,
    "engines": WORDS | {"system", "formats.words.vocabulary"},
    "profiles": WORDS | {"toml"},
    "inputs": WORDS | {"toml", "system", "profiles"},
    "outputs": WORDS | {"toml", "system", "patch", "synth", "apu"},
    "formats": WORDS | {"system", "apu", "cpu", "patch", "formats.words.vocabulary"},
    "analysis": WORDS | {"engines.tonality", "formats"},
    "rig": WORDS | {"toml", "system", "patch", "engines.cast", "formats", "inputs", "outputs"},
    "performance": WORDS | {"system.kernels", *ENGINE},
    "instrument": WORDS | {"system", *ENGINE, "performance", *SOUND},
    "takes": WORDS | {"system", "patch", "engines", "formats", "performance", "instrument"},
    "offline": WORDS | {"system", "engines", "inputs", "formats", *SOUND, *MUSIC},
    "session": WORDS | {"system", "engines", "profiles", "inputs", "formats", "rig", "offline", *SOUND, *MUSIC},
    "pipeline": {"errors", "formats"},
    "training": WORDS | {"system", "engines", "formats", "performance", "takes"},
    "judge": WORDS | {"system", "patch", "engines", "formats", "performance", "instrument", "offline", "training"},
    "web": WORDS | {"system", "inputs", "performance", "session"},
    "api": WORDS | {"system", "engines", "inputs", "formats", "rig", *SOUND, *MUSIC} | {"offline", "session"},
    "serve": WORDS | {"system", "toml", "patch", "engines", "formats", "instrument", "offline", "web"},
    "cli": WORDS
    | {"system", "toml", "engines", "inputs", "formats", "rig", *SOUND, *MUSIC}
    | {"analysis", "offline", "session", "training", "pipeline", "judge", "web", "serve"},
    "__main__": {"cli"},
    "__init__": set(),
}
"""The floors, from the ground up: what a part of the package may import besides itself.

A part is a package or a module at the top; where a package's modules stand on floors of their own, the name has a dot.
"""

NOT_IN = {"performance": {"threading", "pathlib", "time", "os", "socket", "subprocess"}}
"""What the standard library has that a part may not import: the core has no thread, no file and no clock of its own."""

ONLY_IN = {
    "torch": {"training"},
    "typer": {"cli"},
    **{library: {"serve"} for library in ("fastapi", "pydantic", "prometheus_client", "redis", "rq")},
}
"""Libraries that only some parts may import."""

MAY_START_THREADS = {"session", "takes", "cli", "web", "serve"}
"""A take has a thread of its own, so have the page's server and the service, whose processes watch for the end of those
that started them; `livegen bench` keeps the interpreter busy on purpose.
"""

THREAD_STARTERS = {
    *("Thread", "Timer", "start_new_thread", "ThreadPoolExecutor", "ThreadPool", "to_thread"),
    *("ThreadingMixIn", "ThreadingOSCUDPServer", "ThreadingTCPServer", "ThreadingUDPServer"),
}

MOST_LINES = 500
MOST_MODULES = 20
MOST_AT_THE_TOP = 9
MOST_DOCSTRING_LINES = 5

MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
PACKAGES = sorted({path.parent for path in MODULES})


def dotted(path: Path) -> str:
    """Return the name of a module within the package: that of ``apu/pulse.py`` is ``apu.pulse``."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def part_of(module: str) -> str:
    """Return the part that a module belongs to: the longest name of the table that it begins with."""
    names = module.split(".")
    starts = (".".join(names[:n]) for n in range(len(names), 0, -1))
    return next((start for start in starts if start in MAY_IMPORT), names[0])


def imported_names(node: ast.AST, path: Path) -> Iterator[str]:
    """Yield the dotted names that an import statement may bind modules from."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = ["livegen", *path.parts[:-1]]
        base = package[: len(package) - node.level + 1] if node.level else []
        module = ".".join([*base, *([node.module] if node.module else [])])
        for alias in node.names:  # `from livegen.engines import sampling` names a module; `import Patch` a name of one
            name = f"{module}.{alias.name}"
            is_module = name.startswith("livegen.") and _file_of(name.removeprefix("livegen.")) is not None
            if is_module or module != "livegen" or not alias.name.startswith("__version"):
                yield name if is_module or module == "livegen" else module


def _file_of(module: str) -> Path | None:
    place = PACKAGE.joinpath(*module.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def breaches(path: Path, source: str) -> list[str]:
    """Return what a module does that its part may not do, in words; `path` is relative to the package."""
    part, top = part_of(dotted(path)), path.parts[0].removesuffix(".py")
    tree = ast.parse(source)
    found = []
    for node in ast.walk(tree):
        for name in imported_names(node, path):
            library, _, module = name.partition(".")
            if library == "livegen" and module:
                target = part_of(module)
                if {part, *MAY_IMPORT[part]}.isdisjoint({target, target.split(".")[0]}):
                    found.append(f"imports {name}")
            if top not in ONLY_IN.get(library, {top}) or library in NOT_IN.get(top, ()):
                found.append(f"imports {name}")
        if isinstance(node, ast.Name) and node.id == "print" and top != "cli":
            found.append("prints")
        named = {ast.Name: "id", ast.Attribute: "attr"}.get(type(node))
        if named and getattr(node, named) in THREAD_STARTERS and top not in MAY_START_THREADS:
            found.append(f"starts threads with {getattr(node, named)}")
    # torch is in an extra, and so is the service: whoever plays must be able to import everything but these.
    for node in tree.body:
        found += [
            f"imports {name} at its top"
            for name in imported_names(node, path)
            if name.startswith(("livegen.training", "livegen.judge", "livegen.serve"))
            and top not in {"training", "judge", "serve"}
        ]
    return found


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_module_keeps_to_the_table(path: Path) -> None:
    assert part_of(dotted(path)) in MAY_IMPORT, f"{path} is a new part: say in the table what it may import"
    assert breaches(path, (PACKAGE / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("apu/pulse.py", "from livegen.score import Voice"),
        ("apu/pulse.py", "from livegen import score"),
        ("apu/pulse.py", "from ..synth import macros"),
        ("apu/pulse.py", "from .. import synth"),
        ("apu/pulse.py", "from livegen.system.resources import model_folder"),
        ("cpu/cpu.py", "from livegen.apu.apu import write_register"),
        ("synth/synth.py", "import livegen.session.session"),
        ("units.py", "from livegen.apu.tables import DUTY"),
        ("score.py", "from livegen.system import midi_ports"),
        ("system/kernels.py", "from livegen.errors import LivegenError"),
        ("system/kernels.py", "from livegen.system import resources"),
        ("engines/protocol.py", "from livegen.engines.lstm.lstm import LstmConfig"),
        ("session/session.py", "def load():\n    import livegen.training.train"),
        ("engines/lstm/lstm.py", "import torch.nn as nn"),
        ("performance/form.py", "from livegen.engines.lstm import memory"),
        ("performance/form.py", "from livegen.engines.checkpoint import load_engine"),
        ("performance/tempo.py", "import time"),
        ("performance/tempo.py", "from threading import Lock"),
        ("performance/state.py", "from livegen.patch import Patch"),
        ("takes/recorder.py", "from livegen.session.session import Session"),
        ("takes/recorder.py", "from livegen.offline.capture import Captures"),
        ("offline/render.py", "from livegen.session.clock import AudioClock"),
        ("cli/learn.py", "from livegen.training import train"),
        ("inputs/midi.py", "print('hello')"),
        ("offline/render.py", "from livegen.serve.jobs.order import Order"),
        ("web/stage.py", "import fastapi"),
        ("cli/serve.py", "from livegen.serve.http.server import serve"),
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
        ("performance/form.py", "from livegen.engines.sampling import uniform\nfrom livegen.engines import protocol"),
        (
            "engines/lstm/lstm.py",
            "from livegen.engines.lstm import features\nfrom livegen.engines.protocol import State",
        ),
        ("session/session.py", "import threading\nthreading.Thread(target=len)"),
        ("cli/learn.py", "def train():\n    from livegen.training import train\n    print('done')"),
        ("training/model.py", "import torch"),
        ("cli/app.py", "from livegen import __version__"),
    ],
)
def test_what_is_allowed_passes(path: str, source: str) -> None:
    assert breaches(Path(path), source) == []


def test_the_floors_lead_one_way() -> None:
    """No part may import one that may import it back, the words among themselves apart."""
    for part, below in MAY_IMPORT.items():
        for other in below - (WORDS if part in WORDS else set()):
            assert part not in MAY_IMPORT[other], f"{part} and {other} may import each other"


def _imports_of(path: Path) -> set[str]:
    """Return the modules of the package that a module imports, anywhere in it."""
    tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
    names = {name for node in ast.walk(tree) for name in imported_names(node, path) if name.startswith("livegen.")}
    return {name.removeprefix("livegen.") for name in names} - {dotted(path)}


def test_no_modules_import_each_other_in_a_circle() -> None:
    imports = {dotted(path): _imports_of(path) for path in MODULES}
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, f"a circle of imports: {' -> '.join([*way[way.index(module) :], module])}"
        if module in done:
            return
        for name in sorted(imports[module]):
            assert name in imports, f"{module} imports {name}, which is not there"
            visit(name, (*way, module))
        done.add(module)

    for module in imports:
        visit(module, ())


@pytest.mark.parametrize("package", PACKAGES, ids=str)
def test_a_package_says_what_lives_in_it(package: Path) -> None:
    """What lives there, what it may import, and which module to read first."""
    docstring = ast.get_docstring(ast.parse((PACKAGE / package / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert docstring, f"{package} has no docstring"
    assert len(docstring.splitlines()) <= MOST_DOCSTRING_LINES
    modules = [path.stem for path in MODULES if path.parent == package and path.stem != "__init__"]
    inner = [path.name for path in PACKAGES if path.parent == package and path != package]
    assert any(f"`{name}" in docstring for name in (*modules, *inner)), f"{package} does not say what to read first"


@pytest.mark.parametrize("package", PACKAGES, ids=str)
def test_a_package_is_small_enough_to_know(package: Path) -> None:
    modules = [path for path in MODULES if path.parent == package and path.stem not in ("__init__", "__main__")]
    assert len(modules) <= (MOST_AT_THE_TOP if package == Path() else MOST_MODULES)


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_module_is_short_enough_to_read(path: Path) -> None:
    assert len((PACKAGE / path).read_text(encoding="utf-8").splitlines()) <= MOST_LINES
