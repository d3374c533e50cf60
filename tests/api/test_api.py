"""What people lean on: the public names with their signatures, and that each is documented, typed and tried."""

import ast
import doctest
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from livegen import api

PUBLIC = {
    "Live": "audio: str | None = None; rate: int | None = None; block: int | None = None; midi_api: str = 'auto';"
    " midi_in: Sequence[str] = (); midi_out: Sequence[str] = (); osc_host: str = '127.0.0.1'; osc_port: "
    "int | None = None; take: str | Path | None = None",
    "Model": "cast: Cast; engine: Engine",
    "Model.name": "property (self) -> str",
    "Model.voices": "property (self) -> tuple[str, ...]",
    "Score": "",
    "Score.__init__": "(self, source: Source, seed: int | None=None) -> None",
    "Score.frames": "property (self) -> NDArray[np.uint8]",
    "Score.from_file": "classmethod (cls, path: str | Path, *, track: int | None=None, warn: Warn=ignore) -> Self",
    "Score.from_frames": "classmethod (cls, frames: ArrayLike, *, bpm: float | None=None) -> Self",
    "Score.from_take": "classmethod (cls, path: str | Path) -> Self",
    "Score.is_player": "property (self) -> NDArray[np.bool_]",
    "Score.samples": "(self, rate: int=DEFAULT_SAMPLE_RATE_HZ, *, voices: bool=False) -> NDArray[np.float32]",
    "Score.seconds": "property (self) -> float",
    "Score.tempos": "property (self) -> tuple[tuple[int, float], ...]",
    "Score.to_audio": "(self, path: str | Path, *, rate: int=DEFAULT_SAMPLE_RATE_HZ, voices: bool=False) -> None",
    "Score.to_file": "(self, path: str | Path) -> None",
    "Score.to_midi": "(self, path: str | Path, *, layout: Literal['exact', 'daw']='exact', title: str='') -> None",
    "Score.to_vgm": "(self, path: str | Path, *, title: str='', author: str='', loop_from: float | None=None) -> None",
    "Session": "",
    "Session.__init__": "(self, seed: int | None=None, controls: Mapping[str, object] | None=None, *, model: str | "
    "Path | Model='default', patch: str | Path='plain', live: Live | None=None) -> None",
    "Session.close": "(self) -> None",
    "Session.controls": "property (self) -> Mapping[str, Value]",
    "Session.frames": "property (self) -> NDArray[np.uint8]",
    "Session.run": "(self, seconds: float) -> None",
    "Session.score": "property (self) -> Score",
    "Session.seconds": "property (self) -> float",
    "Session.send": "(self, message: Any, at: float | None=None) -> None",
    "Session.set": "(self, name: str, value: object=True, at: float | None=None) -> None",
    "Session.warnings": "property (self) -> Sequence[str]",
    "load_model": "(name: str | Path='default', voices: Mapping[str, str | Path] | None=None) -> Model",
    "render": "(seconds: float=30.0, seed: int | None=None, controls: Mapping[str, object] | None=None, prompt: str"
    " | Path | Iterable[tuple[float, Any]] | None=None, *, model: str | Path | Model='default', patch: "
    "str | Path='plain', warn: Warn=ignore) -> Score",
}
"""Who changes a line here changes what programs of others rely on: say so in the changelog."""

LAZY = "import sys, livegen; assert not {'numpy', 'numba', 'mido', 'livegen.api'} & set(sys.modules), 'it is not lazy'"


def public() -> Iterator[tuple[str, Any, Any]]:
    """Yield the name of each public object, the object, and the function that it is called by."""
    for name in api.__all__:
        thing = getattr(api, name)
        yield name, thing, thing
        if inspect.isclass(thing):
            for inner, member in vars(thing).items():
                function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
                if not inner.startswith("_") and inspect.isfunction(function):
                    yield f"{name}.{inner}", member, function


def signatures() -> Iterator[tuple[str, str]]:
    """Yield the name and the signature of each public object, as the source has it."""
    for name in api.__all__:
        module = ast.parse(inspect.getsource(inspect.getmodule(getattr(api, name))))
        node = next(node for node in module.body if getattr(node, "name", "") == name)
        if isinstance(node, ast.FunctionDef):
            yield name, said(node)
            continue
        assert isinstance(node, ast.ClassDef)
        fields = [ast.unparse(each) for each in node.body if isinstance(each, ast.AnnAssign)]
        yield name, "; ".join(fields)
        for inner in node.body:
            if isinstance(inner, ast.FunctionDef) and (inner.name == "__init__" or not inner.name.startswith("_")):
                yield f"{name}.{inner.name}", said(inner)


def said(node: ast.FunctionDef) -> str:
    kinds = [ast.unparse(decorator) for decorator in node.decorator_list]
    return " ".join([*kinds, f"({ast.unparse(node.args)}) -> {ast.unparse(node.returns or ast.Constant(None))}"])


def test_the_public_names_and_their_signatures_are_these() -> None:
    assert dict(signatures()) == PUBLIC


@pytest.mark.parametrize(("name", "thing", "function"), [pytest.param(*each, id=each[0]) for each in public()])
def test_each_is_documented_with_an_example_and_typed(name: str, thing: Any, function: Any) -> None:
    text = inspect.getdoc(thing) or ""
    assert "Examples\n--------\n>>> " in text, f"{name} has no example"
    parameters = inspect.signature(function).parameters.values()
    for parameter in parameters:
        if parameter.name != "self" and parameter.name != "cls":
            assert parameter.annotation is not parameter.empty, f"{name}({parameter.name}) has no type"
    if not inspect.isclass(function):
        assert inspect.signature(function).return_annotation is not inspect.Signature.empty
    assert "\nAttributes\n" in text or "\nParameters\n" in text or not list(parameters)[1:]


@pytest.mark.parametrize("module", ["model", "score", "rendering", "live", "session"])
def test_the_examples_run(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a user types them: with nothing imported but what they import themselves."""
    monkeypatch.chdir(tmp_path)
    found = doctest.DocTestFinder(recurse=True).find(importlib.import_module(f"livegen.api.{module}"), globs={})
    runner = doctest.DocTestRunner()
    for example in found:
        runner.run(example)
    assert runner.tries > 0
    assert runner.failures == 0


def test_the_page_s_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = Path(__file__).parents[2] / "docs" / "api.md"
    failed, tried = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert tried > 10
    assert failed == 0


def test_the_package_says_that_it_is_typed() -> None:
    assert Path(api.__file__).parent.with_name("py.typed").is_file()


def test_importing_livegen_loads_nothing() -> None:
    subprocess.run([sys.executable, "-c", LAZY], check=True, timeout=60)
