"""Where the page is found: ports, hosts, tokens."""

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from livegen.errors import PortError
from livegen.web.page.address import Page, kept_token, open_page
from livegen.web.settings import DEFAULT_PORT


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIVEGEN_CONFIG_DIR", str(tmp_path))
    return tmp_path


@contextlib.contextmanager
def opened(host: str | None = None, port: int | None = None) -> Iterator[Page]:
    page = open_page(host, port)
    try:
        yield page
    finally:
        page.listener.close()


def test_it_listens_here_alone_and_asks_for_no_token(config: Path) -> None:
    with opened(port=0) as page:
        with socket.create_connection(("127.0.0.1", page.settings.port)):
            pass
        assert page.settings.host == "127.0.0.1"
        assert page.address == f"http://127.0.0.1:{page.settings.port}/"
        assert page.settings.token == ""
        assert list(config.iterdir()) == []


def test_loopback_has_an_address_of_six_too(config: Path) -> None:
    try:
        page = open_page("::1", 0)
    except PortError:
        pytest.skip("this machine has no IPv6")
    with contextlib.closing(page.listener):
        assert (page.address, page.settings.token) == (f"http://[::1]:{page.settings.port}/", "")


def test_a_port_in_use_is_refused_if_it_was_asked_for(config: Path) -> None:
    with opened(port=0) as page, pytest.raises(PortError, match=rf"port {page.settings.port} .* --web-port"):
        open_page(port=page.settings.port)


def test_the_usual_port_gives_way_to_a_free_one(config: Path) -> None:
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(opened())
        second = stack.enter_context(opened())
        assert second.settings.port not in (DEFAULT_PORT, first.settings.port)
        assert str(second.settings.port) in second.warnings[0]


@pytest.mark.parametrize("host", ["", "192.0.2.1", "no such host", "\udcff"])
def test_an_address_that_is_not_ours_is_refused(config: Path, host: str) -> None:
    with pytest.raises(PortError, match=r"--web-host 127\.0\.0\.1"):
        open_page(host, 0)


def test_on_the_network_the_address_has_the_token(config: Path) -> None:
    with opened("0.0.0.0", 0) as page:
        token = page.settings.token
        assert page.address.endswith(f":{page.settings.port}/?token={token}")
        assert "0.0.0.0" not in page.address
    with opened("0.0.0.0", 0) as page:
        assert page.settings.token == token  # the next session is found by the same address
    file = config / "web-token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_token_has_128_bits_and_goes_into_an_address(tmp_path: Path) -> None:
    tokens = {kept_token(tmp_path / str(number) / "token")[0] for number in range(50)}
    assert len(tokens) == 50
    assert all(len(token) >= 22 and token.replace("-", "").replace("_", "").isalnum() for token in tokens)


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 30, b"a b" * 12, b"x" * 1000])
def test_what_is_no_token_is_replaced(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    token, trouble = kept_token(file)
    assert trouble == ""
    assert file.read_text() == token + "\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_token_that_others_could_read_is_the_user_s_again(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("a" * 22)
    file.chmod(0o644)
    assert kept_token(file)[0] == "a" * 22
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_token_that_cannot_be_kept_serves_this_session(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    token, trouble = kept_token(tmp_path / "file" / "token")
    assert len(token) >= 22
    assert "this session alone" in trouble
    assert os.listdir(tmp_path) == ["file"]
