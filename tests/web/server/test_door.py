"""Who may come in: pure functions, and a real server that is asked from here and, as from elsewhere, by its address."""

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode

import ifaddr
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_session import TOKEN, ScriptedSession
from waiting import wait_until
from websockets.exceptions import InvalidStatus

from livegen.web.server.door import Knock, cookie_token, host_name, is_loopback, judge, query_token, without_token
from livegen.web.wire import PLANS_PATH

HERE, ELSEWHERE = "127.0.0.1", "192.168.7.7"


@pytest.mark.parametrize(
    "host", ["127.0.0.1:9125", "localhost:9125", "LOCALHOST", "[::1]:9125", "127.0.0.2", "stage.local:1"]
)
def test_this_machine_comes_in_by_its_own_name(host: str) -> None:
    assert judge(Knock(HERE, host), "stage.local", TOKEN) is None


@pytest.mark.parametrize(
    "host",
    [None, "", "evil.example:9125", "127.0.0.1.evil.example", "localhost@evil.example", "evil.example#localhost",
     "0.0.0.0:9125", "localhost:", "localhost:1:2", "[::1", "192.168.7.7", "localhost\t"],
)  # fmt: skip
def test_a_strangers_name_for_this_machine_is_refused(host: str | None) -> None:
    for served in ("127.0.0.1", "0.0.0.0", ""):
        refusal = judge(Knock(HERE, host), served, TOKEN)
        assert refusal is not None
        assert refusal.status == 403
        assert judge(Knock(HERE, host, query=f"token={TOKEN}"), served, TOKEN) is None  # no stranger has it


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_this_machine(peer: str) -> None:
    assert is_loopback(peer)


@pytest.mark.parametrize(
    "peer", ["", "10.0.0.1", "128.0.0.1", "::2", "::ffff:10.0.0.1", "localhost", "127.0.0.1.example"]
)
def test_all_else_is_not(peer: str) -> None:
    assert not is_loopback(peer)


@pytest.mark.parametrize(
    "shown",
    [{"query": f"token={TOKEN}"}, {"cookies": f"a=b; livegen_token={TOKEN}"}, {"authorization": f"Bearer {TOKEN}"},
     {"query": "token=wrong", "cookies": f"livegen_token={TOKEN}"},
     {"cookies": f'of another={{"program": 1}}; livegen_token={TOKEN}; =; x'}],
)  # fmt: skip
def test_another_machine_comes_in_with_the_token(shown: dict[str, str]) -> None:
    assert judge(Knock(ELSEWHERE, "any.name:1", **shown), "0.0.0.0", TOKEN) is None
    assert judge(Knock("", "any.name:1", **shown), "0.0.0.0", TOKEN) is None


@pytest.mark.parametrize(
    "shown",
    [{}, {"query": "token="}, {"query": f"token={TOKEN}x"}, {"query": f"tokens={TOKEN}"}, {"cookies": "livegen_token="},
     {"cookies": f"token={TOKEN}"}, {"authorization": TOKEN}, {"authorization": f"Basic {TOKEN}"},
     {"query": "token=%ff"}],
)  # fmt: skip
def test_and_not_without(shown: dict[str, str]) -> None:
    for token in (TOKEN, ""):
        refusal = judge(Knock(ELSEWHERE, "any.name:1", **shown), "0.0.0.0", token)
        assert refusal is not None
        assert refusal.status == 401


@pytest.mark.parametrize("origin", [None, "http://localhost:9125", "https://LOCALHOST:9125"])
def test_our_own_page_may_open_a_socket_and_so_may_a_program(origin: str | None) -> None:
    assert judge(Knock(HERE, "localhost:9125", origin, is_socket=True), HERE, TOKEN) is None


@pytest.mark.parametrize(
    "origin",
    ["", "null", "http://localhost:9126", "http://localhost", "http://evil.example", "http://evil.example:9125",
     "file://", "localhost:9125", "ws://localhost:9125", "http://localhost:9125,http://localhost:9125"],
)  # fmt: skip
def test_a_page_of_anybody_elses_may_not(origin: str) -> None:
    refusal = judge(Knock(HERE, "localhost:9125", origin, is_socket=True), HERE, TOKEN)
    assert refusal is not None
    assert refusal.status == 403
    elsewhere = Knock(ELSEWHERE, "localhost:9125", origin, query=f"token={TOKEN}", is_socket=True)
    assert judge(elsewhere, HERE, TOKEN) is not None


def test_headers_said_twice_count_as_none() -> None:
    knock = Knock.of(HERE, b"", [(b"Host", b"localhost"), (b"host", b"localhost")])
    assert judge(knock, HERE, TOKEN) is not None
    twice = [(b"host", b"localhost"), (b"origin", b"http://localhost"), (b"origin", b"http://localhost")]
    assert judge(Knock.of(HERE, b"", twice, is_socket=True), HERE, TOKEN) is not None


@given(st.text(), st.text(), st.text(), st.text(), st.text())
def test_nothing_that_is_shown_breaks_the_door_or_opens_it(
    host: str, origin: str, query: str, cookie: str, by: str
) -> None:
    assert judge(Knock(ELSEWHERE, host, origin, query, cookie, by, is_socket=True), HERE, TOKEN) is not None
    assert judge(Knock(host, host, origin, query, cookie, by), HERE, "") is not None or is_loopback(host)
    host_name(host)
    cookie_token(cookie)


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=3))
def test_only_the_token_is_taken_out_of_a_query(rest: dict[str, str]) -> None:
    rest.pop("token", None)
    query = urlencode([*rest.items(), ("token", TOKEN)])
    assert query_token(query) == TOKEN
    assert dict(parse_qsl(without_token(query), keep_blank_values=True)) == rest


def own_address() -> str:
    """An address of this machine that is not loopback: who calls it comes from it too."""
    found = [str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4]
    others = [address for address in found if not is_loopback(address)]
    if not others:
        pytest.skip("this machine has no address but loopback")
    return others[0]


@pytest.fixture(scope="module")
def open_session() -> Iterator[ScriptedSession]:
    session = ScriptedSession("0.0.0.0", TOKEN)
    session.say_hello()
    yield session
    session.close()


def test_from_elsewhere_the_address_with_the_token_becomes_a_cookie(open_session: ScriptedSession) -> None:
    address = own_address()
    refused = open_session.get("/", address, accept="text/html")
    assert refused.status_code == 401
    assert "token" in refused.text
    assert open_session.get("/static/stage.js", address).status_code == 401
    assert open_session.get(f"/?token={TOKEN[:-1]}", address, accept="text/html").status_code == 401
    shown = open_session.get(f"/?token={TOKEN}", address, accept="text/html")
    assert (shown.status_code, shown.headers["location"]) == (303, "/")
    cookie = shown.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    kept = cookie.split(";")[0]
    assert open_session.get("/", address, accept="text/html", cookie=kept).status_code == 200
    assert open_session.get("/livegen/bpm", address, authorization=f"Bearer {TOKEN}").status_code == 200
    assert open_session.get("/livegen/bpm?VALUE&token=" + TOKEN, address).json() == {"VALUE": [0.0]}


def test_from_elsewhere_the_plans_need_the_token_too(open_session: ScriptedSession) -> None:
    address = own_address()
    assert open_session.get(PLANS_PATH, address).status_code == 401
    assert open_session.heard("plans") == []


def test_from_elsewhere_a_show_needs_the_token_as_the_stage_page_does(open_session: ScriptedSession) -> None:
    address = own_address()
    assert open_session.get("/?view=show", address, accept="text/html").status_code == 401
    shown = open_session.get(f"/?view=show&token={TOKEN}", address, accept="text/html")
    assert (shown.status_code, shown.headers["location"]) == (303, "/?view=show")
    kept = shown.headers["set-cookie"].split(";")[0]
    page = open_session.get("/?view=show", address, accept="text/html", cookie=kept)
    assert page.status_code == 200
    assert "static/show.js" in page.text
    with pytest.raises(InvalidStatus) as refused, open_session.page("/show", address):
        pass
    assert refused.value.response.status_code == 401
    with open_session.page("/show", address, additional_headers={"Cookie": kept}) as show:
        assert show.hear("hello")["session"] == "one"


def test_from_elsewhere_a_socket_needs_the_token_and_our_page(open_session: ScriptedSession) -> None:
    address = own_address()
    n_refused = open_session.refused_so_far()
    for options in ({}, {"origin": f"http://{address}:{open_session.port}"}):
        with pytest.raises(InvalidStatus) as refused, open_session.page(host=address, **options):
            pass
        assert refused.value.response.status_code == 401
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    stranger = {"origin": "http://evil.example", "additional_headers": bearer}
    with pytest.raises(InvalidStatus) as refused, open_session.page(host=address, **stranger):
        pass
    assert refused.value.response.status_code == 403
    assert b"evil.example" in (refused.value.response.body or b"")
    assert wait_until(lambda: open_session.refused() == n_refused + 3)
    own = f"http://{address}:{open_session.port}"
    for options in ({}, {"origin": own}):
        with open_session.page(host=address, additional_headers=bearer, **options) as page:
            assert page.hear("hello")["session"] == "one"


def test_here_a_strangers_name_or_page_is_refused(session: ScriptedSession) -> None:
    n_refused = session.refused_so_far()
    assert session.get(PLANS_PATH, Host="evil.example").status_code == 403
    assert session.get("/?token=x", Host="evil.example").status_code == 403
    for options in ({"origin": "http://evil.example"}, {"origin": "null"}):
        with pytest.raises(InvalidStatus) as refused, session.page(**options):
            pass
        assert refused.value.response.status_code == 403
    assert wait_until(lambda: session.refused() == n_refused + 4)


def test_nothing_but_the_page_is_served(session: ScriptedSession) -> None:
    for path in (
        "/static/",
        "/static",
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static//etc/passwd",
        "/static/stage.js/",
    ):
        assert session.get(path).status_code == 404, path
    with session.page("/stage"):
        pass
    with pytest.raises(InvalidStatus) as refused, session.page("/static/stage.js"):
        pass
    assert refused.value.response.status_code == 404


def test_answers_carry_what_guards_a_page(session: ScriptedSession) -> None:
    page = session.get("/", accept="text/html,*/*")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-store"
    for answer in (
        page,
        session.get("/static/stage.js"),
        session.get("/nothing"),
        session.get("/", Host="evil.example"),
    ):
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers
    script = session.get("/static/stage.js")
    assert script.headers["content-type"].startswith("text/javascript")
    again = session.get("/static/stage.js", if_none_match=script.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
