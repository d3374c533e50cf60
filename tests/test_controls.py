import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.controls import ADDRESSES, CONTROLS, DEFAULTS, TABLE, osc_address, parse_value, with_value
from livegen.errors import ControlError
from livegen.score import Voice

NUMBERS = sorted(name for name, control in CONTROLS.items() if control.kind in ("float", "int"))
CHOICES = sorted(name for name, control in CONTROLS.items() if control.kind == "choice")
SWITCHES = sorted(name for name, control in CONTROLS.items() if control.kind in ("bool", "trigger"))


def test_every_control_has_one_address_and_back() -> None:
    assert len(ADDRESSES) == len(CONTROLS)
    assert {ADDRESSES[osc_address(name)] for name in CONTROLS} == set(CONTROLS)
    assert osc_address("temperature") == "/livegen/temperature"
    assert osc_address("p1.volume") == "/livegen/p1/volume"


def test_a_voice_control_exists_once_a_voice() -> None:
    n_global = sum(control.scope == "global" for control in TABLE)
    assert len(CONTROLS) == n_global + len(Voice) * (len(TABLE) - n_global)
    assert {name for name in CONTROLS if name.endswith(".role")} == {"p1.role", "p2.role", "tr.role", "no.role"}


def test_defaults_are_values_in_force() -> None:
    assert set(DEFAULTS) == {name for name, control in CONTROLS.items() if not control.is_action}
    assert {name: parse_value(name, value) for name, value in DEFAULTS.items()} == dict(DEFAULTS)
    assert [DEFAULTS[f"{voice.name.lower()}.role"] for voice in Voice] == ["player", "model", "model", "model"]


@given(st.sampled_from(NUMBERS), st.floats(-1e300, 1e300) | st.integers(-(2**63), 2**63))
def test_numbers_are_clamped(name: str, value: float) -> None:
    control = CONTROLS[name]
    in_force = parse_value(name, value)
    assert type(in_force) is (int if control.kind == "int" else float)
    assert control.minimum <= in_force <= control.maximum
    if control.minimum <= value <= control.maximum:
        assert abs(in_force - value) <= (0.5 if control.kind == "int" else 0)
    assert parse_value(name, in_force) == in_force
    assert parse_value(name, repr(value)) == in_force  # as the command line writes it


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "nan", "inf", 10**400, -(10**5000)], ids=lambda _: "")
@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_not_finite_is_refused(name: str, value: object) -> None:
    with pytest.raises(ControlError, match=rf"^{name} cannot be .*allowed is a number from"):
        parse_value(name, value)


@pytest.mark.parametrize(
    "value", [True, False, None, "", "loud", b"1", [1], (1,), {}, 1j, object()], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_number_is_refused(name: str, value: object) -> None:
    with pytest.raises(ControlError, match=rf"^{name} cannot be "):
        parse_value(name, value)


@pytest.mark.parametrize("name", CHOICES)
def test_choices(name: str) -> None:
    for choice in CONTROLS[name].choices:
        assert parse_value(name, choice.upper()) == choice
        assert parse_value(name, choice.replace("_", " ")) == choice
    choices = CONTROLS[name].choices
    few = f"{', '.join(choices[:4])} or one of {len(choices) - 4} others like it"
    for value in ("", "drummer", 0, True, None):
        with pytest.raises(ControlError, match=f"allowed is {' or '.join(choices) if len(choices) <= 12 else few}$"):
            parse_value(name, value)


@pytest.mark.parametrize("name", SWITCHES)
def test_switches(name: str) -> None:
    for value in (True, 1, 0.5, "on", "TRUE", "yes", "1"):
        assert parse_value(name, value) is True
    for value in (False, 0, 0.0, "off", "False", "no", "0"):
        assert parse_value(name, value) is False
    for value in (None, "", "maybe", [], b"1"):
        with pytest.raises(ControlError, match="allowed is true or false"):
            parse_value(name, value)


@given(st.sampled_from(sorted(CONTROLS)), st.text() | st.binary() | st.floats() | st.integers() | st.none())
def test_anything_at_all_is_in_force_or_refused(name: str, value: object) -> None:
    try:
        in_force = parse_value(name, value)
    except ControlError as error:
        assert len(str(error)) < 200
    else:
        assert parse_value(name, in_force) == in_force


def test_an_unknown_control_is_refused() -> None:
    with pytest.raises(ControlError, match="there is no control 'tempo'"):
        parse_value("tempo", 1)


def test_values_are_replaced_in_a_copy() -> None:
    changed = with_value(DEFAULTS, "temperature", 0.5)
    assert (changed["temperature"], DEFAULTS["temperature"]) == (0.5, 0.9)
    assert {**changed, "temperature": 0.9} == dict(DEFAULTS)
    with pytest.raises(TypeError):
        changed["temperature"] = 1.0  # type: ignore[index]
