"""What the tests of the server share."""

from collections.abc import Iterator

import pytest
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
