"""The site builds without a warning, which a link to nowhere would be, and axe finds nothing wrong with its pages."""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from reference_pages import DEMOS
from written_commands import ROOT

sys.path.append(str(ROOT / "tests" / "web"))

from axe import violations
from browser import chromium

BUILDERS = ("sphinx", "furo", "myst_parser", "sphinxcontrib.mermaid")
DARK = ("index.html", "patches.html", "reference/sounds.html")
"""Pages that are looked at in dark colours, too."""


def build(docs: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "-b", "html"]
    environment = {"PATH": "", "PYTHONPATH": str(ROOT), "HOME": str(out.parent)}
    return subprocess.run(
        [*command, docs, out], capture_output=True, text=True, check=False, timeout=240, env=environment, cwd=out.parent
    )


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the site is built from."""
    if not all(_is_there(name) for name in BUILDERS):
        pytest.skip("the extra `docs` brings Sphinx and what the site is built with")
    folder = tmp_path_factory.mktemp("built") / "docs"
    return Path(shutil.copytree(ROOT / "docs", folder, ignore=shutil.ignore_patterns("reference")))


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.fixture(scope="module")
def built(docs: Path) -> subprocess.CompletedProcess[str]:
    return build(docs, docs.parent / "site")


@pytest.fixture(scope="module")
def site(docs: Path, built: subprocess.CompletedProcess[str]) -> Path:
    return docs.parent / "site"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


def test_the_site_builds_without_a_warning_and_every_page_is_in_it(
    docs: Path, built: subprocess.CompletedProcess[str], site: Path
) -> None:
    assert (built.returncode, built.stderr) == (0, "")
    pages = {path.relative_to(docs).with_suffix(".html") for path in docs.rglob("*.md")}
    assert {path for path in pages if not (site / path).is_file()} == set()
    assert "temperature" in (site / "reference" / "controls.html").read_text(encoding="utf-8")


def test_axe_finds_nothing_on_any_page(site: Path, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    found = {}
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site).as_posix()
        for scheme in ("light", "dark") if name in DARK else ("light",):
            page.emulate_media(color_scheme=scheme)
            page.goto(path.as_uri())
            found[name, scheme] = violations(page)
    assert len(found) > 30
    assert {name: said for name, said in found.items() if said} == {}
    page.close()


def test_the_sounds_are_played_by_the_page(site: Path, browser: Any) -> None:
    page = browser.new_page()
    page.goto((site / "reference" / "sounds.html").as_uri())
    lasting = """(each) => new Promise((done, fail) => {
        each.addEventListener("loadedmetadata", () => done(each.duration));
        each.addEventListener("error", () => fail(each.src));
        each.load();
    })"""
    players = page.locator("audio").all()
    assert len(players) == len(list(DEMOS.glob("*.opus")))
    for player in players:
        assert 20.0 <= player.evaluate(lasting) <= 60.0
    page.close()


def test_a_link_that_leads_nowhere_is_an_error(docs: Path, site: Path) -> None:
    (docs / "index.md").open("a", encoding="utf-8").write("\n[a](nowhere.md) [b](modes.md#nothing) ![c](none.svg)\n")
    built = build(docs, site)
    assert built.returncode != 0
    for what in ("nowhere.md", "nothing", "none.svg"):
        assert what in built.stderr
