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
    assert (pads.names("vae"), pads.names("gan")) == (["a"], [])


def test_a_reroll_gives_a_voice_the_next_variation_and_all_those_that_are_not_locked() -> None:
    values = {**DEFAULTS, "tr.gan.variation": 127, "no.gan.variation": 4, "p1.gan.lock": True}

    def variations(which: str) -> list[Value]:
        now = after(values, Pads().press("gan.reroll", which, values)[1])
        return [now[f"{voice}.gan.variation"] for voice in ("p1", "p2", "tr", "no")]

    assert variations("tr") == [0, 0, 0, 4]
    assert variations("P1") == [1, 0, 127, 4]  # a lock is against the others
    assert variations("all") == [0, 1, 0, 5]
    refused = Pads().press("gan.reroll", "bass", values)
    assert refused == (Pads(), [], "gan.reroll cannot be 'bass': allowed is p1, p2, tr, no or all")
    assert {name.rpartition(".")[2] for name in PADS} == {"store", "recall", "towards", "reroll"}
