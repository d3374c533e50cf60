"""The site builds without a warning, which a link to a page, a heading or a picture that is not there would be."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from written_commands import ROOT

BUILDERS = ("sphinx", "furo", "myst_parser", "sphinxcontrib.mermaid")


def build(docs: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "-b", "html"]
    environment = {"PATH": "", "PYTHONPATH": str(ROOT), "HOME": str(out.parent)}
    return subprocess.run(
        [*command, docs, out], capture_output=True, text=True, check=False, timeout=240, env=environment, cwd=out.parent
    )


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A copy of what the site is built from."""
    if not all(_is_there(name) for name in BUILDERS):
        pytest.skip("the extra `docs` brings Sphinx and what the site is built with")
    return Path(shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("reference")))


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def test_the_site_builds_without_a_warning_and_every_page_is_in_it(docs: Path, tmp_path: Path) -> None:
    built = build(docs, tmp_path / "site")
    assert (built.returncode, built.stderr) == (0, "")
    pages = {path.relative_to(docs).with_suffix(".html") for path in docs.rglob("*.md")}
    assert {path for path in pages if not (tmp_path / "site" / path).is_file()} == set()
    assert "temperature" in (tmp_path / "site" / "reference" / "controls.html").read_text(encoding="utf-8")


def test_a_link_that_leads_nowhere_is_an_error(docs: Path, tmp_path: Path) -> None:
    (docs / "index.md").open("a", encoding="utf-8").write("\n[a](nowhere.md) [b](modes.md#nothing) ![c](none.svg)\n")
    built = build(docs, tmp_path / "site")
    assert built.returncode != 0
    for what in ("nowhere.md", "nothing", "none.svg"):
        assert what in built.stderr
