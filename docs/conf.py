"""How Sphinx builds the site. The pages of the reference are made from livegen's code, each time it is built."""

import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))
from reference_pages import write_reference

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


def setup(app: Sphinx) -> None:
    """Make the pages of the reference before any page is read."""
    write_reference(Path(app.srcdir) / "reference")
