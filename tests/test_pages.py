"""The pages that lead through the house name nothing that is not there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from livegen.cli.app import app

ROOT = Path(__file__).parent.parent
PAGES = ("docs/architecture.md", "CONTRIBUTING.md")
PARTS = {path.stem for path in (ROOT / "livegen").iterdir()} - {"__init__", "__main__", "__pycache__"}
FOLDERS = ("livegen", "tests", "tools", "docs", "models", "patches")
TO_WRITE = re.compile(r"\byours\b")
"""What the reader is to write: no such thing is there."""


def in_code(page: str) -> Iterator[str]:
    """Yield what a page sets as code: in backticks, and in lines that are set in by four or more."""
    text = (ROOT / page).read_text(encoding="utf-8")
    text = re.sub(r"```.*?```", "", text, flags=re.S)
    yield from (code for code in re.findall(r"`+([^`]+)`+", text) if not TO_WRITE.search(code))
    yield from (line.split("#")[0].strip() for line in text.splitlines() if re.match(r" {4}\S| {8}\S", line))


def names(page: str) -> list[str]:
    """Return the dotted names of modules, classes and functions: ``performance.performance.advance``."""
    dotted = (re.fullmatch(r"(?:livegen\.)?([a-z_]+(?:\.\w+)+)(?:\(.*\))?", code) for code in in_code(page))
    found = {match[1] for match in dotted if match}
    return sorted(name for name in found if name.split(".")[0] in PARTS and not name.endswith(".py"))


def paths(page: str) -> list[str]:
    """Return the files and folders that a page names."""
    words = {word.rstrip(",;:") for code in in_code(page) for word in code.split()}
    return sorted(word for word in words if re.fullmatch(rf"(?:{'|'.join(FOLDERS)})/[\w./-]*", word))


def commands(page: str) -> list[str]:
    """Return the commands of livegen, of make and their options that a page tells to type."""
    return sorted({code for code in in_code(page) if re.search(r"(?:^|\s)(?:livegen|make) [a-z]", code)})


def resolves(name: str) -> bool:
    """Tell whether a dotted name leads to a module, or to something that a module defines, by its syntax tree alone."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        place = ROOT.joinpath("livegen", *parts[:n])
        file = next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)
        if file is None:
            continue
        body: list[ast.stmt] = ast.parse(file.read_text(encoding="utf-8")).body
        for part in parts[n:]:
            found = next((node for node in body if part in _defined(node)), None)
            if found is None:
                return False
            body = getattr(found, "body", [])
        return True
    return False


def _defined(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_modules_and_functions_that_are_there(page: str) -> None:
    assert names(page)
    assert [name for name in names(page) if not resolves(name)] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_files_that_are_there(page: str) -> None:
    assert paths(page)
    assert [path for path in paths(page) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_commands_that_there_are(page: str) -> None:
    of_livegen = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    of_make = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert commands(page)
    for code in commands(page):
        program, name = re.findall(r"(?:^|\s)(livegen|make) ([a-z]+)", code)[0]
        assert name in (of_livegen if program == "livegen" else of_make), code


def test_what_is_not_there_is_found() -> None:
    assert resolves("performance.performance.advance")
    assert resolves("instrument.instrument.Instrument.play_frame")
    assert not resolves("performance.performance.retreat")
    assert not resolves("performance.nowhere")
    assert not resolves("instrument.instrument.Instrument.sing")
