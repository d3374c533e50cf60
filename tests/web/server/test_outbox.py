"""What a slow page loses, and what it never does."""

import json

from hypothesis import given
from hypothesis import strategies as st

from livegen.web.server.outbox import Outbox, Sent
from livegen.web.wire import encode

MESSAGES = st.one_of(
    st.tuples(st.just("values"), st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 9), min_size=1)),
    st.tuples(
        st.sampled_from(["plan", "waves", "sound", "news", "gauges", "keys", "hello", "lost", "refused", "pong"]),
        st.integers(),
    ),
)


def put(outbox: Outbox, kind: str, field: object) -> None:
    message = {"values": field} if kind == "values" else {"n": field}
    outbox.put(kind, message, b"sound" if kind == "sound" else encode(kind, **message).decode())


def kinds(sent: list[Sent]) -> list[str]:
    return ["sound" if isinstance(each, bytes) else json.loads(each)["type"] for each in sent]


@given(st.lists(st.one_of(MESSAGES, st.none()), max_size=60))
def test_no_value_is_lost_whenever_the_page_takes(messages: list[tuple[str, object] | None]) -> None:
    outbox, said, heard = Outbox(), {}, {}

    def take() -> None:
        for sent in outbox.take():
            if isinstance(sent, str) and json.loads(sent)["type"] == "values":
                heard.update(json.loads(sent)["values"])

    for message in messages:
        if message is None:
            take()
        else:
            put(outbox, *message)
            if message[0] == "values":
                said.update(message[1])
    take()
    assert heard == said
    assert outbox.take() == []


def test_memory_is_bounded_and_the_newest_stays() -> None:
    outbox = Outbox()
    for n in range(10_000):
        for kind in ("plan", "sound", "news", "gauges", "keys", "knobs", "pong"):
            put(outbox, kind, n)
        put(outbox, "values", {f"v{n % 100}": n})
    assert len(outbox) < 200
    sent = outbox.take()
    plans = [json.loads(each)["n"] for each in sent if isinstance(each, str) and '"plan"' in each]
    assert plans == list(range(10_000 - len(plans), 10_000))
    assert kinds(sent).count("gauges") == kinds(sent).count("values") == 1


def test_a_page_that_keeps_up_gets_what_was_encoded_once() -> None:
    outbox = Outbox()
    text = encode("values", values={"a": 1}).decode()
    outbox.put("values", {"values": {"a": 1}}, text)
    assert outbox.take()[0] is text


def test_a_session_that_is_there_again_is_not_lost() -> None:
    outbox = Outbox()
    for kind in ("hello", "lost"):
        put(outbox, kind, 0)
    assert kinds(outbox.take()) == ["hello", "lost"]
    for kind in ("lost", "hello", "values"):
        put(outbox, kind, {"a": 1})
    assert kinds(outbox.take()) == ["hello", "values"]
