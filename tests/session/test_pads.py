"""Pads of an engine: what is stored comes back as controls that are set."""

from livegen.controls import CONTROLS, DEFAULTS, Value, Values
from livegen.events import SetControl
from livegen.session.pads import PADS, Pads


def after(values: Values, events: list) -> Values:
    """Return the controls after events; a pad itself keeps no value."""
    return {**values, **{event.name: event.value for event in events if event.name not in PADS}}


def test_a_loop_comes_back_as_it_was_stored_with_the_part_of_each_voice() -> None:
    values: Values = {**DEFAULTS, "gan.loop": 5, "no.gan.variation": 3, "gan.morph": 0.5, "vae.z1": 2.0}
    pads, events, refusal = Pads().press("gan.store", "verse", values)
    assert (events, refusal) == ([SetControl("gan.store", "verse")], "")
    other: Values = {**values, "gan.loop": 9, "no.gan.variation": 0, "gan.morph": 0.0, "vae.z1": -1.0, "volume": 0.1}
    _, events, _ = pads.press("gan.recall", "verse", other)
    assert events[-1] == SetControl("gan.recall", "verse")
    back = after(other, events)
    assert {name: back[name] for name in back if CONTROLS[name].engine == "gan"} == {
        name: values[name] for name in values if CONTROLS[name].engine == "gan"
    }
    assert (back["vae.z1"], back["volume"]) == (-1.0, 0.1)
    _, events, _ = pads.press("gan.towards", "verse", other)
    assert events == [SetControl("gan.to", 5), SetControl("gan.towards", "verse")]


def test_each_kind_of_engine_has_memories_of_its_own() -> None:
    pads, _, _ = Pads().press("vae.store", "a", {**DEFAULTS, "vae.place": 7})
    assert pads.press("vae.towards", "a", DEFAULTS)[1][0] == SetControl("vae.to", 7)
    same, events, refusal = pads.press("gan.recall", "a", DEFAULTS)
    assert (same, events) == (pads, [])
    assert refusal == "nothing is stored as 'a' by gan.store: there is nothing yet"
    assert pads.press("vae.recall", "b", DEFAULTS)[2].endswith("there is a")


def test_a_reroll_is_the_next_variation_and_a_button_that_comes_up_is_none() -> None:
    def variation(value: Value, was: int) -> Value:
        values = {**DEFAULTS, "tr.gan.variation": was}
        return after(values, Pads().press("tr.gan.reroll", value, values)[1])["tr.gan.variation"]

    assert [variation(True, 0), variation(True, 126), variation(True, 127), variation(False, 4)] == [1, 127, 0, 4]
    assert {name.rpartition(".")[2] for name in PADS} == {"store", "recall", "towards", "reroll"}
