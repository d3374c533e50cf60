"""What axe (https://github.com/dequelabs/axe-core) finds wrong with a page for whom it is read out."""

from typing import Any

import pytest


def violations(page: Any) -> list[str]:
    """Return each of axe's rules that a page breaks, best practices too, with the elements that break it."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe judges the page: pip install axe-playwright-python"
    )
    found = axe.Axe().run(page).response["violations"]
    return [f"{each['id']}: {', '.join(str(node['target']) for node in each['nodes'])}" for each in found]
