"""Modes over roles: who plays which voice in which frame, to the frame, and that no switch breaks the music."""

from dataclasses import replace

import numpy as np
import pytest
from hash_engine import HashDistribution
from test_performance import assert_engine_heard_all, at, fresh, knows, owner, play, row

from livegen.controls import MODES, Value
from livegen.events import ClockTick, NoteOff, NoteOn, SetControl, SourceLost, Start
from livegen.performance.state import State
from livegen.score import Voice
from livegen.score_table import MODEL, OFF, PLAYER

BEAT = 12  # frames, at 120 beats a minute, which is the tempo where nobody knows
BAR = 4 * BEAT
DOWN, UP = NoteOn(0, 60, 127), NoteOff(0, 60)


def script(state: State, end: int, *moves: tuple[int, NoteOn | NoteOff | SetControl | SourceLost | Start]) -> State:
    """Play frame by frame up to a frame, with each event told in the frame after its own."""
    for frame_index in range(state.horizon, end + 1):
        state = play(state, frame_index, [each for k, event in moves if k == frame_index - 1 for each in at(k, event)])
    return state


def jam(end: int, *moves: tuple[int, NoteOn | NoteOff | SetControl], **values: Value) -> State:
    return script(play(fresh(lookahead=4, **values), 0), end, *moves)


def owners(state: State, voice: Voice, owned: int) -> list[int]:
    return [k for k in range(state.horizon) if owner(state, k, voice) == owned]


@pytest.mark.parametrize("mode", MODES)
def test_a_key_is_in_its_frame_and_the_next_open_one_is_conditioned_on_it_in_every_mode(mode: str) -> None:
    before = jam(30, mode=mode)
    after, untouched = play(before, 31, at(30, DOWN)), play(before, 31)
    assert row(after, 30) == row(after, 31) == (60, 15, 2)
    assert owner(after, 30) == owner(after, 31) == PLAYER
    assert knows(after, 31) != knows(untouched, 31)
    heard = [state.timeline.at(31).heard[Voice.P2].tobytes() for state in (after, untouched)]
    assert heard[0] != heard[1]


@pytest.mark.parametrize("mode", MODES)
def test_a_voice_that_is_off_is_off_in_every_mode(mode: str) -> None:
    state = jam(150, (10, DOWN), (20, UP), mode=mode, p2_role="off")
    assert owners(state, Voice.P2, OFF) == list(range(150))
    assert {row(state, k, Voice.P2) for k in range(150)} == {(0, 0, 0)}


def test_an_answer_comes_whole_beats_after_the_phrase_began_once_the_rest_is_over_and_is_as_long_as_it() -> None:
    state = jam(140, (13, DOWN), (40, UP), mode="answer", rest_beats=2)
    # the phrase is frames 13..40, 2 1/3 beats; with the rest 4 1/3, so the answer begins after 5, and takes 3
    answer = list(range(13 + 5 * BEAT, 13 + 8 * BEAT))
    for voice in (Voice.P1, Voice.P2, Voice.TR):
        assert owners(state, voice, MODEL) == answer
    assert owners(state, Voice.NO, MODEL) == list(range(140))  # the drums go on
    assert owners(state, Voice.P1, PLAYER) == [k for k in range(140) if k not in answer]
    assert [row(state, k)[0] for k in (12, 13, 39, 40)] == [0, 60, 60, 0]
    for k in range(140):
        if k not in answer:
            assert row(state, k, Voice.P2) == row(state, k, Voice.TR) == (0, 0, 0)
    assert_engine_heard_all(state)


def test_a_rest_within_a_phrase_is_none() -> None:
    keys = [(10, DOWN), (15, UP), (30, DOWN), (35, UP), (50, DOWN), (51, UP)]
    state = jam(150, *keys, mode="answer", rest_beats=2)
    assert min(owners(state, Voice.P2, MODEL)) == 10 + 6 * BEAT
    assert len(owners(state, Voice.P2, MODEL)) == 4 * BEAT


def test_an_answer_is_no_longer_than_it_may_be_and_no_shorter_than_two_beats() -> None:
    long = jam(160, (0, DOWN), (60, UP), mode="answer", answer_beats=3)
    assert len(owners(long, Voice.P2, MODEL)) == 3 * BEAT
    short = jam(160, (0, DOWN), (1, UP), mode="answer")
    assert len(owners(short, Voice.P2, MODEL)) == 2 * BEAT


def test_the_model_yields_in_the_next_open_frame_when_the_player_comes_back() -> None:
    state = jam(140, (0, DOWN), (40, UP), (80, DOWN), (85, UP), mode="answer", rest_beats=2)
    answer = owners(state, Voice.P2, MODEL)
    assert answer[:9] == list(range(72, 81))  # 81 was still open when the key of frame 80 was known
    assert row(state, 80)[0] == 60
    assert row(state, 81, Voice.P2) == (0, 0, 0)
    assert answer[9] == 80 + 3 * BEAT  # and answers that, in its turn


def test_while_it_listens_the_model_goes_on_in_its_mind() -> None:
    state = jam(60, (0, DOWN), mode="listen")
    steps = state.timeline.since(5)
    for step in steps:
        assert not step.planned.frame[1:].any()
        assert step.heard[1:, 0].all()  # the hash engine never rests
        assert np.array_equal(step.heard[0], step.planned.frame[0])
    assert_engine_heard_all(state)
    again = script(state, 62, (60, SetControl("mode", "accompany")))
    assert all(row(again, 61, voice)[0] for voice in (Voice.P2, Voice.TR, Voice.NO))  # at once


def test_bars_are_traded_on_the_grid() -> None:
    state = jam(5 * BAR, mode="trade", trade_bars=1, backing="none")
    models = [k for k in range(5 * BAR) if (k // BAR) % 2 == 1]
    for voice in Voice:
        assert owners(state, voice, MODEL) == models
    assert owners(state, Voice.P1, PLAYER) == [k for k in range(5 * BAR) if k not in models]


def test_bars_are_traded_at_the_tempo_that_is_set() -> None:
    state = jam(300, mode="trade", trade_bars=1, backing="rhythm", bpm=100.0)
    bar = 4 * 14.4
    assert owners(state, Voice.P2, MODEL) == [k for k in range(300) if int((k + 0.5) / bar) % 2 == 1]
    assert owners(state, Voice.TR, MODEL) == list(range(300))


def test_trading_begins_with_the_player_and_a_turn_is_not_cut_off_by_another_length() -> None:
    moves = (BAR + 5, SetControl("mode", "trade")), (3 * BAR + 5, SetControl("trade_bars", 2))
    state = jam(8 * BAR, *moves, trade_bars=1, backing="none")
    # accompanies to the middle of bar 1, then bar 1 is the player's, 2 the model's, 3 and 4 the player's, 5 and 6 not
    expected = [*range(BAR + 6), *range(2 * BAR, 3 * BAR), *range(5 * BAR, 7 * BAR)]
    assert owners(state, Voice.P2, MODEL) == expected


def test_a_start_message_makes_the_first_bar_the_player_s() -> None:
    state = jam(3 * BAR, mode="trade", trade_bars=1)
    assert owner(state, BAR, Voice.P2) == MODEL
    state = script(state, 4 * BAR, (3 * BAR - 1, SetControl("mode", "accompany")), (3 * BAR, Start()))
    state = script(state, 4 * BAR + 2, (4 * BAR, SetControl("mode", "trade")), (4 * BAR, Start()))
    assert state.playing.first_bar == 0


def test_a_start_of_a_clock_that_nobody_follows_moves_no_turn() -> None:
    state = script(jam(3 * BAR, mode="accompany"), 3 * BAR + 2, (3 * BAR, SetControl("mode", "trade")))
    state = script(state, 3 * BAR + 5, (3 * BAR + 3, ClockTick()))  # the clock of the keys is followed from now on
    k = state.horizon
    other = play(state, k + 1, [replace(each, source="other") for each in at(k, Start())])
    assert other.playing.first_bar == state.playing.first_bar == 3
    assert play(state, k + 1, at(k, Start())).playing.first_bar == 0


def test_in_the_model_s_bars_a_key_sounds_and_its_voice_falls_back() -> None:
    state = jam(2 * BAR, (BAR + 5, DOWN), (BAR + 9, UP), mode="trade", trade_bars=1)
    assert owners(state, Voice.P1, PLAYER) == [*range(BAR), *range(BAR + 5, BAR + 16)]
    assert [row(state, k)[0] for k in range(BAR + 5, BAR + 16)] == [60] * 4 + [0] * 7
    assert owner(state, BAR + 10, Voice.P2) == MODEL


def test_in_free_mode_the_model_plays_on_and_has_a_voice_back_when_its_keys_have_been_up_for_a_while() -> None:
    state = jam(60, (10, DOWN), (14, UP), (18, DOWN), (22, UP), mode="free")
    assert owners(state, Voice.P1, PLAYER) == list(range(10, 29))  # a gap in a melody is no invitation
    assert [row(state, k)[0] for k in (10, 13, 14, 17, 18, 21, 22)] == [60, 60, 0, 0, 60, 60, 0]
    assert all(row(state, k)[0] for k in range(29, 60))
    assert owners(state, Voice.P2, MODEL) == list(range(60))
    assert_engine_heard_all(state)


def test_accompany_keeps_a_voice_for_the_player_once_it_was_touched() -> None:
    state = jam(400, (10, DOWN), (14, UP))
    assert owners(state, Voice.P1, PLAYER) == list(range(10, 400))


def test_switching_modes_restarts_nothing() -> None:
    moves = [(20 * i, SetControl("mode", mode)) for i, mode in enumerate([*MODES, *MODES[::-1], "free"])]
    state = jam(230, *moves, (30, DOWN), (33, UP), (95, DOWN), (96, UP))
    assert_engine_heard_all(state)
    assert state.timeline.leaps == ()
    assert state.timeline.at(229).context.n_frames == 229


def test_a_lost_keyboard_is_a_key_that_came_up_in_every_mode() -> None:
    for mode in MODES:
        state = script(jam(40, (10, DOWN), mode=mode), 140, (50, SourceLost()))
        assert state.keyboard.held == ()
        assert not any(row(state, k)[0] for k in range(51, 140) if owner(state, k) == PLAYER)


def test_a_model_that_has_the_player_s_other_voice_sounds_on_until_it_yields() -> None:
    """A key on P1 does not unsay what P2 sounded before the key was known."""
    state = jam(81, (0, DOWN), (40, UP), mode="answer", p2_role="player")
    assert owner(state, 80, Voice.P2) == MODEL
    after = play(state, 82, at(80, DOWN))
    assert row(after, 80)[0] == 60
    assert row(after, 81, Voice.P2) == row(state, 81, Voice.P2)
    assert (owner(after, 81, Voice.P2), owner(after, 82, Voice.P2)) == (MODEL, PLAYER)


@pytest.mark.parametrize(("mode", "moves"), [("answer", ()), ("trade", ()), ("accompany", ((0, DOWN),))])
def test_where_somebody_plays_or_turns_are_taken_no_voice_rests_for_a_section(
    mode: str, moves: tuple[tuple[int, NoteOn], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[str, tuple[float, ...]]] = []
    sample = HashDistribution.sample

    def spy(self, forced, is_forced, sampling, **where):
        drawn.append((now, sampling.silence))
        return sample(self, forced, is_forced, sampling, **where)

    monkeypatch.setattr(HashDistribution, "sample", spy)
    for seed in range(12):
        now = "alone"
        play(play(fresh(seed), 0), 20)
        now = "before"
        state = script(play(fresh(seed, mode=mode), 0), 2, *moves)
        now = "together"
        play(state, 20)
    rests = {each: any(max(silence) > 1.0 for name, silence in drawn if name == each) for each in ("alone", "together")}
    assert rests == {"alone": True, "together": False}


def test_an_answer_begins_as_the_phrase_did_on_the_voices_that_are_the_players(monkeypatch: pytest.MonkeyPatch) -> None:
    follows: dict[int, tuple[float, ...]] = {}
    sample = HashDistribution.sample

    def spy(self, forced, is_forced, sampling, *, seed, frame_index):
        follows[frame_index] = sampling.follow
        return sample(self, forced, is_forced, sampling, seed=seed, frame_index=frame_index)

    monkeypatch.setattr(HashDistribution, "sample", spy)
    jam(140, (13, DOWN), (40, UP), mode="answer", rest_beats=2)
    following = [frame_index for frame_index, follow in follows.items() if any(follow)]
    assert following
    assert {follows[frame_index][1:] for frame_index in following} == {(0.0, 0.0, 0.0)}
    assert following == list(range(following[0], following[-1] + 1))
    assert following[0] > 40
    assert len(following) < 36  # the answer is three beats long, and ends in its own way
