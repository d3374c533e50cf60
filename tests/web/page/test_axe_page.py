"""The three views of the stage page break none of axe's rules, with everything unfolded and every kind of model."""

from typing import Any

import pytest
from axe import violations
from played_session import GAUGES, PlayedSession

ENGINES = {
    "vae": {"voices": ["p1", "p2", "tr"], "latents": ["density", "register", "rests", "drums"], "stored": ["2"]},
    "gan": {"voices": ["no"], "latents": [], "stored": []},
}
SONGS = {"songs": ["Opening", "Night", "Coda"], "current": 1, "wanted": 2}


class Full(PlayedSession):
    """One in which there is something to show of each kind."""

    patches, models = ("lead", "plain"), ("gan", "vae")

    def begin(self, at: int = 100) -> None:
        super().begin(at)
        self.send("songs", **SONGS)
        self.send("gauges", **GAUGES | {"memories": ["verse"], "troubles": ["2 messages"], "engines": ENGINES})


@pytest.mark.parametrize("view", ["/", "/?view=stage", "/?view=show"])
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_axe_finds_nothing(browser: Any, view: str, size: tuple[int, int]) -> None:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    session = Full(page)
    session.view = view
    session.open()
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    assert violations(page) == []
    page.close()


def test_axe_finds_what_is_wrong(browser: Any) -> None:
    page = browser.new_page()
    page.set_content("<main><h1>A page</h1><button></button><img src='none.png'></main>")
    assert {each.partition(":")[0] for each in violations(page)} >= {"button-name", "image-alt", "html-has-lang"}
    page.close()
