"""Whether a prompt tells a key, and that one which does not is spoken of where a model's chords go on from it."""

from hypothesis import given
from hypothesis import strategies as st
from lstm_weights import random_engine as random_lstm
from tonnetz_weights import random_engine

from livegen.engines.cast import Cast
from livegen.engines.ensemble import assemble
from livegen.events import Event, NoteOn
from livegen.offline.prompt_key import is_key_told, short_prompt


def notes(*keys: int, channel: int = 0) -> list[tuple[float, Event]]:
    return [(0.5 * i, NoteOn(channel, key, 90)) for i, key in enumerate(keys)]


SCALE = (60, 62, 64, 65, 67, 69, 71, 72, 67, 64, 60)


@given(st.integers(-24, 24))
def test_a_scale_tells_its_key_and_a_triad_does_not(shift: int) -> None:
    assert is_key_told(notes(*(key + shift for key in SCALE)))
    assert not is_key_told(notes(*(key + shift for key in (60, 64, 67, 72))))


def test_drums_and_silence_tell_no_key_and_neither_do_all_twelve_notes() -> None:
    assert not is_key_told([])
    assert not is_key_told(notes(*SCALE, channel=9))
    assert not is_key_told(notes(*range(60, 72)))


def test_it_is_said_where_a_tonnetz_plays_or_leads() -> None:
    short, tonnetz, lstm = notes(60, 64, 67), random_engine(), random_lstm()
    mixed = assemble(Cast("lstm", ("same", "same", "random", "same")), {"lstm": lstm, "random": tonnetz})
    assert "too short to tell a key" in short_prompt(short, tonnetz, {})
    assert "too short to tell a key" in short_prompt(short, mixed, {})
    assert "too short to tell a key" in short_prompt(short, lstm, {"chord_from": "model"})
    assert short_prompt(short, lstm, {}) == ""
    assert short_prompt(notes(*SCALE), tonnetz, {}) == ""
    assert short_prompt([], tonnetz, {}) == ""
