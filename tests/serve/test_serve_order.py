"""Orders: what may be asked, and that a job's name depends on all that matters and on nothing else."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from serve_parts import order

from livegen.errors import OrderError
from livegen.serve.jobs.order import SETTABLE, Order, Prediction, parse_order, sentence_of

MIDI = base64.b64encode(b"MThd").decode()


def test_the_same_request_has_the_same_id() -> None:
    assert order().id == order().id
    assert order(seed=1.0).id == order(seed=1).id
    assert order(controls={"temperature": 1, "bpm": 120.0}).id == order(controls={"bpm": 120, "temperature": 1.0}).id


@pytest.mark.parametrize(
    "other",
    [
        order("tony"),
        order(model_hash="1" * 64),
        order(seed=2),
        order(seconds=0.6),
        order(controls={"temperature": 0.8}),
        order(patch="lead"),
        order(prompt={"kind": ".mid", "data": MIDI}),
        order(prompt={"kind": ".npz", "data": MIDI}),
        Order(model="tiny", kind="vae", model_hash="0" * 64, prediction=order().prediction),
    ],
    ids=["model", "weights", "seed", "length", "controls", "patch", "prompt", "kind of prompt", "engine"],
)
def test_all_that_matters_is_in_the_id(other: Order) -> None:
    assert other.id != order().id


def _values(name: str) -> st.SearchStrategy:
    control = SETTABLE[name]
    if control.kind == "bool":
        return st.booleans()
    if control.kind == "choice":
        return st.sampled_from(control.choices)
    if control.kind == "int":
        return st.integers(int(control.minimum), int(control.maximum))
    return st.floats(control.minimum, control.maximum)


CONTROLS = st.sets(st.sampled_from(sorted(SETTABLE)), max_size=5).flatmap(
    lambda names: st.fixed_dictionaries({name: _values(name) for name in names})
)


@given(CONTROLS, st.integers(0, 2**63 - 1), st.floats(0.1, 600))
def test_what_is_allowed_is_taken_and_read_back(controls: dict, seed: int, seconds: float) -> None:
    asked = order(controls=controls, seed=seed, seconds=seconds)
    assert parse_order(asked.model_dump_json()) == asked
    assert parse_order(asked.model_dump_json()).id == asked.id


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"seconds": 0}, "seconds: Input should be greater than or equal to 0.1"),
        ({"seconds": 601}, "seconds: Input should be less than or equal to 600"),
        ({"seconds": "30"}, "seconds: Input should be a valid number"),
        ({"seed": -1}, "seed: "),
        ({"seed": 1.5}, "seed: "),
        ({"patch": "../secret"}, "patch: there is no patch '../secret': there is "),
        ({"controls": {"tempo": 3}}, "controls: 'tempo' is no control that a render has"),
        ({"controls": {"volume": 0.5}}, "controls: 'volume' is no control that a render has"),
        ({"controls": {"panic": True}}, "controls: 'panic' is no control that a render has"),
        ({"controls": {"temperature": 2.1}}, "controls: temperature cannot be 2.1: allowed is a number from 0 to 2"),
        ({"controls": {"temperature": True}}, "controls: temperature cannot be True"),
        ({"controls": {"temperature": float("nan")}}, "controls: temperature cannot be nan"),
        ({"controls": {"mode": "loud"}}, "controls: mode cannot be 'loud': allowed is "),
        ({"controls": {"vae.place": 1.5}}, "controls: vae.place cannot be 1.5: allowed is a whole number"),
        ({"prompt": {"kind": ".pkl", "data": MIDI}}, "prompt.kind: "),
        ({"prompt": {"kind": ".mid", "data": "no base64!"}}, "prompt.data: "),
        ({"speed": 3}, "speed: "),
    ],
)
def test_what_is_not_allowed_is_said_in_a_sentence(asked: dict, sentence: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Prediction(**asked)
    assert sentence_of(refused.value.errors()[0]).startswith(sentence)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "gASVIAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOU",
        json.dumps({"model": "tiny"}),
        order().model_dump_json().replace('"seed":1', '"seed":null'),
        order().model_dump_json().replace('"tiny"', '"../tiny"'),
    ],
)
def test_what_is_no_order_is_refused(text: str) -> None:
    with pytest.raises(OrderError, match="this is no order"):
        parse_order(text)
