"""A model that takes over has heard the song, and the music never waits for it."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from examples import examples
from hash_engine import HashEngine
from hypothesis import given, settings
from test_performance import (
    ANYTHING,
    assert_engine_heard_all,
    at,
    calls,
    frames,
    fresh,
    new,
    owner,
    picture,
    play,
    row,
)

from livegen.controls import DEFAULTS, Value
from livegen.engines.checkpoint import load_engine
from livegen.engines.protocol import Sampling
from livegen.engines.rest import RestEngine
from livegen.events import Event, NoteOff, NoteOn, SetControl
from livegen.performance.ears import LATE_FRAMES, PIECE_FRAMES, SONG_FRAMES
from livegen.performance.performance import advance, begin, follow, prepare
from livegen.performance.shaping import sampling_of
from livegen.performance.state import ControlInForce, Message, Refused, State
from livegen.performance.timeline import Step, Timeline, first_context
from livegen.score import Voice
from livegen.score_table import PLAYER

OTHER = SetControl("model", "other")
SAMPLING = Sampling()


def set_(name: str, value: Value = True) -> SetControl:
    return SetControl(name, value)


def do(state: State, *events: Event) -> tuple[State, list[Message]]:
    """Let the next frame stand as a live session does: the nearest frame first, then the rest."""
    near, _, messages = advance(state, state.horizon + 1, at(state.horizon, *events), plan_to=state.horizon + 2)
    return advance(near, near.horizon)[0], messages


def wait(state: State, n_frames: int, *events: Event) -> State:
    """Play so many frames, with events in the first."""
    for n in range(n_frames):
        state, _ = do(state, *(events if n == 0 else ()))
    return state


def player_of(state: State, frame_index: int) -> str:
    """Return the name of the model that knows what comes in a frame."""
    return state.timeline.at(frame_index).context.engine.name


def changed(state: State, name: str = "other", most: int = 60) -> State:
    """Change the model, and play until it has taken over."""
    state, _ = do(state, set_("model", name))
    for _ in range(most):
        if state.ears is None:
            return state
        state, _ = do(state)
    raise AssertionError(f"{name} has not taken over in {most} frames")


def assert_has_heard(past: tuple[Step, ...], context, n_least: int = 0) -> None:
    """Feed a past to a new model of the same name: it knows what the one that took over knew, frame by frame."""
    steps = [step for step in past if step.context.engine is context.engine]
    assert len(steps) >= n_least
    assert steps == list(past[len(past) - len(steps) :])
    expected = first_context(HashEngine(context.engine.name))
    for step in steps:
        assert step.context.state == expected.state
        expected = expected.after(step.heard)
    assert context.state == expected.state


def test_a_model_takes_over_with_the_song_in_its_ears() -> None:
    before = wait(new(), 100)
    state, messages = do(before, OTHER)
    assert messages == [ControlInForce("model", "other", "keys")]
    assert state.cast.model == "other"
    assert state.ears is not None
    assert player_of(state, state.horizon + 5) == "hash"  # which plays on, as it would have
    assert frames(state) == frames(wait(before, 1))
    n_frames = 1
    while state.ears is not None:
        was = state
        state, _ = do(state)
        n_frames += 1
        assert frames(state, 0, state.horizon + 2) == frames(was, 0, state.horizon + 2)
    assert n_frames <= 100 // PIECE_FRAMES + 2
    first = state.horizon + 2
    assert [player_of(state, k) for k in (first - LATE_FRAMES - 1, first - LATE_FRAMES, first)] == [
        "hash",
        "other",
        "other",
    ]
    assert frames(state, first, first + 9) != frames(was, first, first + 9)
    expected = first_context(HashEngine("other"))
    for step in state.timeline.steps:
        if step.planned.frame_index >= first - LATE_FRAMES:
            assert step.context.state == expected.state
        assert step.context.n_frames == step.planned.frame_index
        expected = expected.after(step.heard)
    assert_engine_heard_all(wait(state, 30))


def test_it_hears_the_last_twenty_seconds_a_piece_a_frame() -> None:
    state = wait(play(new(), 700), 1, OTHER)
    engine, n_frames = state.models["other"], 1
    while state.ears is not None:
        n_before, n_heard = engine.n_steps, len(state.ears.steps)
        state, _ = do(state)
        n_frames += 1
        most = PIECE_FRAMES if state.ears is not None else LATE_FRAMES + 5 + int(DEFAULTS["lookahead"])
        assert engine.n_steps - n_before <= most
    assert n_heard <= SONG_FRAMES + n_frames
    assert n_frames <= SONG_FRAMES / (PIECE_FRAMES - 1) + 2
    assert_has_heard(state.timeline.past()[:-30], state.timeline.past()[-30].context, SONG_FRAMES - 30)


@pytest.mark.parametrize("is_played", [False, True])
def test_a_song_begins_for_it_with_the_first_note(is_played: bool) -> None:
    values = {**DEFAULTS, "sync": "none"}
    resting = begin(RestEngine("rest"), values, seed=1)
    state = wait(play(replace(resting, models={**resting.models, "other": HashEngine("other")}), 0), 60)
    if is_played:
        state = wait(state, 30, NoteOn(0, 60, 100))
    state = changed(state, most=SONG_FRAMES // PIECE_FRAMES)
    heard = [step for step in state.timeline.past() if step.context.engine.name == "other"]
    silent = [not step.heard.any() for step in heard]
    assert not is_played or (len(heard) >= 30 and not silent[0])
    expected = first_context(HashEngine("other"))
    for step in heard:
        assert step.context.state == expected.state
        expected = expected.after(step.heard)


def test_a_key_that_is_known_late_is_heard_by_the_model_that_has_taken_over() -> None:
    state = changed(wait(new(), 50))
    late = play(state, state.horizon + 1, at(state.horizon - 3, NoteOn(0, 60, 127)))
    k = late.horizon
    assert [row(late, k - 4 + n)[0] for n in range(2)] == [60, 60]
    assert late.timeline.at(k).context.state != state.timeline.at(k).context.state
    expected = first_context(HashEngine("other"))
    for step in late.timeline.since(0)[:k]:
        expected = expected.after(step.heard)
    assert late.timeline.at(k).context.state == expected.state
    assert_engine_heard_all(late)


def test_held_keys_sound_on_and_nothing_is_released_by_a_change() -> None:
    state = wait(new(), 40, NoteOn(0, 60, 127))
    state = wait(changed(state), 5)
    assert {row(state, k)[0] for k in range(1, state.timeline.end)} == {60}
    assert {owner(state, k) for k in range(1, state.timeline.end)} == {PLAYER}
    state = wait(state, 3, NoteOff(0, 60))
    assert row(state, state.horizon)[0] == 0


def test_a_name_that_nobody_has_is_refused_and_none_asks() -> None:
    state = wait(new(), 10)
    after, messages = do(state, set_("model", "nobody"), set_("model", ""))
    assert messages == [
        Refused("model", "there is no model 'nobody': there is hash, other", "keys"),
        ControlInForce("model", "hash", "keys"),
    ]
    assert picture(after) == picture(wait(state, 1))
    assert do(changed(state), set_("model", ""))[1] == [ControlInForce("model", "other", "keys")]


def test_back_to_the_model_that_still_plays_is_nothing() -> None:
    before = wait(new(), 200)
    state = wait(before, 2, OTHER)
    assert state.ears is not None
    state = wait(state, 1, set_("model", "hash"))
    assert state.ears is None
    assert picture(state) == picture(wait(before, 3))


def test_another_one_that_is_asked_for_meanwhile_begins_anew() -> None:
    state = replace(wait(new(), 200), models={name: HashEngine(name) for name in ("other", "third")})
    state = changed(wait(state, 2, OTHER), "third")
    assert player_of(state, state.horizon + 2) == "third"
    assert "other" not in {step.context.engine.name for step in state.timeline.steps}
    assert_engine_heard_all(state)


def test_a_rewind_behind_the_change_keeps_the_model_and_it_knows_the_place_at_once() -> None:
    state = wait(changed(wait(new(), 100)), 10)
    k = state.horizon + 1
    back = wait(state, 1, set_("rewind_frames", 60))
    assert back.ears is None
    context = back.timeline.at(k).context
    assert (context.engine.name, context.n_frames) == ("other", k - 60)
    expected = first_context(HashEngine("other"))
    for step in state.timeline.since(0)[: k - 60]:
        expected = expected.after(step.heard)
    assert context.state == expected.state
    assert_engine_heard_all(wait(back, 20))


def test_a_rewind_while_it_listens_is_heard() -> None:
    state = wait(wait(new(), 200), 3, OTHER)
    back = wait(state, 1, set_("rewind_frames", 90))
    k = back.horizon
    assert player_of(back, k) == "hash"
    assert back.timeline.at(k).context.n_frames == k - 90
    back = changed(back)
    past = back.timeline.past()
    assert past[-1].context.n_frames == back.timeline.end - 91
    assert_has_heard(past, back.timeline.next_context())
    assert_engine_heard_all(wait(back, 20))


def test_what_only_the_model_before_has_heard_it_plays_until_the_new_one_has() -> None:
    """Further back than the new one has heard; a memory of another model; an undo that leads there."""
    state = wait(play(new(), 600), 1, set_("store", "verse"))
    state = wait(changed(state), 20)
    for move in (set_("rewind_frames", 540), set_("recall", "verse")):
        there = wait(state, 1, move)
        assert there.cast.model == "other"
        assert player_of(there, there.horizon) == "hash"
        assert there.ears is not None
        there = changed(there)
        assert player_of(there, there.horizon + 2) == "other"
        assert_has_heard(there.timeline.past(), there.timeline.next_context(), 50)
        assert_engine_heard_all(wait(there, 20))
    at_first = wait(wait(play(new(), 300), 5, set_("rewind_frames", 24)), 30)
    undone = wait(changed(at_first), 1, set_("undo"))
    assert player_of(undone, undone.horizon) == "hash"
    undone = changed(undone)
    assert_has_heard(undone.timeline.past(), undone.timeline.next_context(), 50)
    assert_engine_heard_all(undone)


def test_undo_leaves_the_model_as_it_leaves_the_patch() -> None:
    state = changed(wait(wait(new(), 20), 1, set_("temperature", 0.3)))
    undone = wait(state, 1, set_("undo"))
    assert undone.cast.model == "other"
    assert undone.values["temperature"] == DEFAULTS["temperature"]


def test_a_new_song_is_the_new_models_own() -> None:
    state = wait(play(new(), 300), 2, OTHER)
    state = wait(state, 1, set_("reset"))
    assert state.ears is None
    assert state.timeline.at(state.horizon).context.state == first_context(HashEngine("other")).state


def test_while_the_model_is_stopped_another_one_listens_and_start_lets_it_play() -> None:
    state = wait(new(), 60)
    k = state.horizon + 1
    state = changed(wait(state, 30, set_("stop")))
    expected = first_context(HashEngine("other"))
    for step in state.timeline.since(0)[:k]:
        expected = expected.after(step.heard)
    state = wait(state, 1, set_("start"))
    assert state.timeline.at(state.horizon).context.state == expected.state
    assert state.timeline.at(state.horizon).context.n_frames == k
    assert any(row(state, j, Voice.P2)[0] for j in range(state.horizon, state.horizon + 8))


def test_before_the_first_frame_it_takes_over_at_once() -> None:
    state = wait(fresh(), 1, OTHER)
    assert state.ears is None
    assert player_of(state, state.horizon + 2) == "other"
    assert_engine_heard_all(wait(state, 20))


def test_a_model_that_raises_while_it_listens_is_given_up() -> None:
    class Broken(HashEngine):
        def step(self, frame, state, conditions=None):
            raise RuntimeError("no ears")

    state = replace(wait(new(), 30), models={"hash": new().engine, "other": Broken("other")})
    near, _, _ = advance(state, 31, at(30, OTHER, set_("temperature", 0.2)), plan_to=32)
    with pytest.raises(RuntimeError, match="no ears"):
        advance(near, 31)
    state = follow(near, ())
    assert (state.engine.name, state.ears, state.values["temperature"]) == ("hash", None, 0.2)
    assert_engine_heard_all(wait(state, 20))


def test_a_network_that_takes_over_knows_what_it_would_know_had_it_played_from_the_start(model: Path) -> None:
    network = load_engine(model)
    state = replace(fresh(bpm=100.0), models={"hash": HashEngine(), "network": network})
    state = changed(wait(state, 150), "network")
    context = first_context(network)
    for step, following in pairwise(state.timeline.steps):
        if step.planned.frame_index >= state.horizon:
            break
        told = following.context
        context = context.after(step.heard, told.form, told.told)
    known = state.timeline.at(state.horizon).context
    assert np.array_equal(known.state.h, context.state.h)
    assert np.array_equal(known.state.c, context.state.c)
    assert (known.form, known.told.beat, known.n_frames) == (context.form, context.told.beat, context.n_frames)


@settings(max_examples=examples(60), deadline=None)
@given(calls(ANYTHING))
def test_whatever_comes_the_model_in_force_plays_in_the_end_and_has_heard_the_song(jam: list) -> None:
    state = play(new(lookahead=5), 40)
    for n_frames, batch in jam:
        horizon = state.horizon + n_frames
        events = [event for late, event in batch for event in at(max(horizon - late, 0), event)]
        near = play(state, horizon, events, plan_to=horizon + 1)
        state = play(near, near.horizon)
    state = wait(state, SONG_FRAMES // PIECE_FRAMES)  # a jam is shorter
    assert state.ears is None
    assert state.timeline.at(state.horizon + 1).context.engine is state.engine
    assert_engine_heard_all(state)
    past = state.timeline.past()
    assert all(b.context.n_frames == a.context.n_frames + 1 for a, b in pairwise(past))
    for a, b in pairwise(past):
        if a.context.engine is b.context.engine:
            assert b.context.state == a.context.after(a.heard).state


def test_a_voice_gets_a_model_of_its_own_and_the_others_go_on_with_what_they_know() -> None:
    before = wait(new(), SONG_FRAMES + 60)  # more than a model hears before it takes over
    state, messages = do(before, set_("no.model", "other"))
    assert messages == [ControlInForce("no.model", "other", "keys")]
    assert str(state.cast) == "hash, no=other"
    while state.ears is not None:
        state, _ = do(state)
    state = wait(state, 5)
    step = state.timeline.at(state.horizon)
    assert player_of(state, state.horizon) == "hash, no=other"
    alone, drums = first_context(HashEngine()), []
    for heard in state.timeline.past():  # the whole song, which is still remembered
        at = heard.planned.frame_index
        if at < state.horizon:
            known = np.array([True, True, True, False])
            drawn = alone.distribution.sample(heard.heard, known, SAMPLING, seed=0, frame_index=at)
            if player_of(state, at) == "hash, no=other":
                drums.append((drawn[Voice.NO].tolist(), heard.heard[Voice.NO].tolist()))
            alone = alone.after(heard.heard)
    assert step.context.state[0] == alone.state
    assert any(by_hash != heard for by_hash, heard in drums)
    back, messages = do(state, set_("no.model", "same"), set_("no.model", ""), set_("no.model", "nobody"))
    assert [type(message) for message in messages] == [ControlInForce, ControlInForce, Refused]
    assert [message.value for message in messages[:2]] == ["same", "same"]
    assert back.cast == before.cast
    assert_engine_heard_all(wait(back, 60))


def test_what_is_made_ahead_is_for_what_comes_after_the_plan() -> None:
    class Ahead(HashEngine):
        def prepare(self, *given: object) -> None:
            made.append(given)

    made: list[tuple] = []
    state = wait(replace(new(), engine=Ahead(), timeline=Timeline(first_context(Ahead()))), 3)
    prepare(state)
    [(known, told, seed, sampling)] = made
    assert known == state.timeline.steps[-1].context.state
    assert (seed, sampling) == (state.seed, sampling_of(state.values))
    assert told.performer == state.timeline.steps[-1].context.told.performer
