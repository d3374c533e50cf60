"""How Sphinx builds the site. The pages of the reference are made from livegen's code, each time it is built."""

import shutil
import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))
from reference_pages import DEMOS, SOUND_FOLDER, write_reference

from livegen import __version__

project = "livegen"
author = "The livegen authors"
release = version = __version__

extensions = ["myst_parser", "sphinxcontrib.mermaid"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence"]
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 3
nitpicky = True

html_theme = "furo"
html_title = "livegen"
html_copy_source = False

linkcheck_ignore = [r"http://127\.0\.0\.1.*"]
linkcheck_anchors = False  # many sites make theirs by script
linkcheck_retries = 2

ACCESSIBLE = (
    ('<p class="caption" role="heading">', '<p class="caption" role="heading" aria-level="2">'),
    ('<aside class="sidebar-drawer">', '<aside class="sidebar-drawer" aria-label="All pages">'),
    ('<aside class="toc-drawer', '<aside aria-label="On this page" class="toc-drawer'),
    ('<div id="search-results">', '<h1>Search</h1>\n<div id="search-results">'),
    ("<pre", '<pre tabindex="0"'),
    ('<div class="table-wrapper', '<div tabindex="0" class="table-wrapper'),
)
"""What the theme leaves out for those who have no mouse or see no page: names, levels, keys that scroll what is wide.

tests/docs/test_site.py lets axe look for more.
"""


def setup(app: Sphinx) -> None:
    """Make the pages of the reference before any page is read."""
    write_reference(Path(app.srcdir) / "reference")
    app.connect("build-finished", _finish)


def _finish(app: Sphinx, error: Exception | None) -> None:
    """Put the sound files of the demos into the site, and what the theme leaves out into its pages."""
    if error is not None or app.builder.name != "html":
        return
    folder = Path(app.outdir) / SOUND_FOLDER
    folder.mkdir(exist_ok=True)
    for sound in DEMOS.glob("*.opus"):
        shutil.copy2(sound, folder)
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for before, after in ACCESSIBLE:
            text = text.replace(before, after) if after not in text else text
        page.write_text(text, encoding="utf-8")
