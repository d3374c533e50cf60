"""What the tests share: the JACK server of the device tests."""

import contextlib
import os
import shutil
from collections.abc import Iterator

import pytest
from jack_server import jack_server


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("device") and shutil.which("jackd") is None:
        _give_up("jackd is not on the PATH: install the package jackd2")


@pytest.fixture(scope="session")
def jack() -> Iterator[str]:
    """Name of a private JACK server with the dummy driver, 128 samples at 48 kHz, which this process's clients join."""
    name = f"livegen-test-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(jack_server(name))
        except RuntimeError as error:
            _give_up(str(error))
        yield name


def _give_up(reason: str) -> None:
    """Skip a device test, or fail it where the environment says that JACK must be there, as in CI."""
    if os.environ.get("LIVEGEN_REQUIRE_JACK") == "1":
        pytest.fail(f"LIVEGEN_REQUIRE_JACK is set, but {reason}")
    pytest.skip(reason)
