"""The plain page in a browser, and `livegen submit`, at a service that plays."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import chromium
from live_service import Live, live_service
from livegen_process import START_SECONDS
from page_checks import unfit_widgets, weak_texts
from typer.testing import CliRunner
from waiting import wait_until

from livegen import cli
from livegen.errors import OrderError


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("serve"), model) as running:
        yield running


def test_the_page_asks_for_music_plays_it_and_deletes_it(live: Live) -> None:
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(START_SECONDS * 1000)
        problems: list[Any] = []
        page.on("pageerror", lambda error: problems.append(error))
        page.goto(live.url + "/")
        page.wait_for_selector("#model option[value=tiny]", state="attached")
        page.fill("#seconds", "2")
        page.fill("#seed", "5")
        page.click("text=Render")
        page.wait_for_selector("tr[data-state=done]")
        page.get_by_role("button", name="play tiny 5").click()
        player = "document.getElementById('player')"
        assert wait_until(lambda: page.evaluate(f"{player}.currentTime > 0.05"), START_SECONDS), page.evaluate(
            f"[{player}.error?.message, {player}.readyState, {player}.networkState]"
        )
        assert page.evaluate(f"{player}.duration") == pytest.approx(2.0, abs=0.1)
        page.fill("#temperature", "9")
        page.evaluate("document.getElementById('form').noValidate = true")
        page.click("text=Render")
        assert wait_until(lambda: "allowed is" in page.inner_text("#trouble"), START_SECONDS)
        assert weak_texts(page) == []
        assert unfit_widgets(page) == []
        page.get_by_role("button", name="drop tiny 5").click()
        page.wait_for_selector("tr[data-state=done]", state="detached")
        page.goto(live.url + "/docs")
        page.wait_for_selector("text=POST /predictions/{name}")
        assert problems == []


def test_submit_fetches_all_ideas_and_goes_on_where_it_stopped(live: Live, tmp_path: Path) -> None:
    ideas, out = tmp_path / "ideas.toml", tmp_path / "out"
    ideas.write_text(
        'model = "tiny"\nseconds = 0.5\nfiles = ["mid", "vgm"]\n[[idea]]\nname = "a"\nseed = 3\ncount = 2\n[[idea]]\n'
        'name = "b"\nmodel = "nobody"\n'
    )
    command = ["submit", str(ideas), "--server", live.url, "--out", str(out)]
    ran = CliRunner().invoke(cli.app, command)
    assert isinstance(ran.exception, OrderError)
    assert "failed b: there is no model 'nobody'" in ran.stderr
    assert "2 of 3 ideas are in" in ran.stderr
    assert sorted(path.name for path in out.iterdir()) == ["a-01.mid", "a-01.vgm", "a-02.mid", "a-02.vgm"]
    before = (out / "a-02.mid").read_bytes()
    (out / "a-02.mid").unlink()
    ideas.write_text(ideas.read_text().partition('[[idea]]\nname = "b"')[0])
    ran = CliRunner().invoke(cli.app, command)
    assert ran.exit_code == 0, ran.stderr
    assert "2 of 2 ideas are in" in ran.stderr
    assert "1 were before" in ran.stderr
    assert (out / "a-02.mid").read_bytes() == before
