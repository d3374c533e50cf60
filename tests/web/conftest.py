"""What the tests of the server and of the page share."""

from collections.abc import Iterator
from typing import Any

import pytest
from browser import chromium
from played_session import PlayedSession
from scripted_session import ScriptedSession


@pytest.fixture(scope="module")
def session() -> Iterator[ScriptedSession]:
    """A session with a server of its own for all tests of a module; it has said hello."""
    session = ScriptedSession()
    session.say_hello()
    yield session
    session.close()


@pytest.fixture
def new_session() -> Iterator[ScriptedSession]:
    """A session with a server of its own, that has said nothing."""
    session = ScriptedSession()
    yield session
    session.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser for all tests of a module."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def modules(browser: Any) -> Iterator[Any]:
    """A page for all tests of a module that try the page's own modules, each of them what it imports."""
    page = browser.new_page()
    session = PlayedSession(page)
    session.open()
    yield page
    page.close()
    assert session.errors == []
