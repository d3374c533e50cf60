"""Who plays which voice in a frame: from the roles, the mode, and when the player has played.

A role says whether a voice is the model's, the player's, or off. A mode says when the model may play the player's
voices too, and when it only listens:

- ``accompany``: a player's voice is the player's from its first key on; the model plays the others.
- ``answer``: the model listens to a phrase and, after a rest, answers it on all voices, for about as long.
- ``trade``: the player's bars and the model's alternate.
- ``free``: the model plays everything, and the player joins in on the player's voices.
- ``listen``: the model hears everything and plays nothing.

While the model listens, its voices are still drawn and it hears them, but nobody else does. So it knows the music when
its turn comes, and comes in with all voices. (Tried: a model that hears its own voices rest for some bars leaves them
resting.) The drums, or drums and bass, may stay audible (control ``backing``), so that the rhythm goes on.

In every mode a key sounds at once, and its voice is the player's while it sounds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.controls import VOICE_PREFIX, Values
from livegen.performance.keyboard import HeldKey, Keyboard
from livegen.performance.tempo import Tempo
from livegen.score import N_VOICES, Voice
from livegen.score_table import MODEL, OFF, PLAYER

Keys = Sequence[HeldKey | None]
"""The key that each voice sounds."""

TURNS: Final = ("answer", "trade")
"""Modes in which the player and the model take turns."""

_LONG_AGO: Final = -(1 << 40)
_NOT_YET: Final = 1 << 40

_SHORTEST_ANSWER_BEATS: Final = 2

_HAND_BACK_FRAMES: Final = 6
"""Frames that a voice waits for the player's next key before the model plays it again: a melody has short gaps."""

_ECHO_SHARE: Final = 0.6
"""Share of the model's turn, from its beginning, in which the model follows the player's phrase; then it goes on in its
own way."""

_BACKING: Final[Mapping[str, frozenset[Voice]]] = {
    "none": frozenset(),
    "drums": frozenset({Voice.NO}),
    "rhythm": frozenset({Voice.TR, Voice.NO}),
}


@dataclass(frozen=True, slots=True)
class Playing:
    """When the player has played, in frames: the modes depend on it.

    Attributes
    ----------
    quiet_from : tuple of int
        By voice, the frame after the one in which its last key came up.
    phrase_from : int
        First frame of the phrase that is played now, or was played last.
    answer_from, answer_until : int
        First frame of the answer to it, and the frame after the answer. While a key is down, both lie too far ahead
        ever to come.
    first_bar : int
        Bar at which trading begins; the player has the first turn.
    """

    quiet_from: tuple[int, ...] = (_LONG_AGO,) * N_VOICES
    phrase_from: int = _LONG_AGO
    answer_from: int = _LONG_AGO
    answer_until: int = _LONG_AGO
    first_bar: int = 0

    def after_keys(
        self, before: Keyboard, after: Keyboard, frame_index: int, values: Values, tempo: Tempo
    ) -> "Playing":
        """Return what is known after keys moved in a frame."""
        quiet_from = tuple(
            frame_index + 1 if after.sounding(voice) is None and before.sounding(voice) is not None else quiet
            for voice, quiet in zip(Voice, self.quiet_from, strict=True)
        )
        playing = replace(self, quiet_from=quiet_from)
        if after.n_pressed > before.n_pressed:
            begins = frame_index >= self.answer_from
            phrase_from = frame_index if begins else self.phrase_from
            playing = replace(playing, phrase_from=phrase_from, answer_from=_NOT_YET, answer_until=_NOT_YET)
        if before.held and not after.held:
            playing = playing._with_answer(frame_index + 1, values, tempo)
        return playing

    def _with_answer(self, phrase_until: int, values: Values, tempo: Tempo) -> "Playing":
        """Set when the answer begins: after the rest, a whole number of beats after the phrase began, to be in time."""
        period = tempo.period_frames
        n_frames = phrase_until - self.phrase_from
        beats = min(max(math.ceil(n_frames / period), _SHORTEST_ANSWER_BEATS), int(values["answer_beats"]))
        beats_before = math.ceil(n_frames / period + float(values["rest_beats"]))
        answer_from = self.phrase_from + round(beats_before * period)
        return replace(self, answer_from=answer_from, answer_until=answer_from + round(beats * period))

    def after_control(self, name: str, before: Values, after: Values, frame_index: int, tempo: Tempo) -> "Playing":
        """Return what is known after a control was set. A new mode begins with the player's turn.

        If ``trade_bars`` changes, the current turn begins where it began.
        """
        if before[name] == after[name]:
            return self
        if name == "mode":
            return replace(self, first_bar=bar_of(tempo, frame_index, after))
        if name == "trade_bars":
            n_bars = int(before["trade_bars"])
            turn = (bar_of(tempo, frame_index, after) - self.first_bar) // n_bars
            is_models = turn % 2 == 1
            return replace(self, first_bar=self.first_bar + turn * n_bars - is_models * int(after["trade_bars"]))
        return self


def bar_of(tempo: Tempo, frame_index: int, values: Values) -> int:
    """Return the bar that a frame belongs to: a bar begins with the frame whose start is nearest to the bar line."""
    return math.floor(tempo.beats_at(frame_index + 0.5) / int(values["beats_a_bar"]))


def owners(
    values: Values,
    keyboard: Keyboard,
    keys: Keys,
    playing: Playing,
    tempo: Tempo,
    frame_index: int,
    *,
    is_ending: bool = False,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return who plays each voice in a frame, and which voices the model draws inaudibly.

    Parameters
    ----------
    values : Values
        The controls in force.
    keyboard : Keyboard
    keys : sequence of (HeldKey or None)
        The key of the player's that each voice sounds in that frame.
    playing : Playing
    tempo : Tempo
    frame_index : int
    is_ending : bool
        Whether the music comes to its end there: that is everybody's turn, and only a model that listens stays out.

    Returns
    -------
    ndarray of uint8, shape (4,)
        `MODEL`, `PLAYER` or `OFF`.
    ndarray of bool, shape (4,)
        The model's voices that are off until its turn comes.
    """
    mode = str(values["mode"])
    is_models_turn = _is_models_turn(mode, values, playing, tempo, frame_index) or (is_ending and mode != "listen")
    backing = frozenset() if mode == "listen" else _BACKING[str(values["backing"])]
    owner, rests = [OFF] * N_VOICES, [False] * N_VOICES
    for voice, prefix in VOICE_PREFIX.items():
        role = values[prefix + "role"]
        if role == "model":
            rests[voice] = not (is_models_turn or voice in backing)
            owner[voice] = OFF if rests[voice] else MODEL
        elif role == "player":
            waits = (is_ending or mode in ("free", "trade")) and frame_index < playing.quiet_from[
                voice
            ] + _HAND_BACK_FRAMES
            is_kept = mode == "accompany" and keyboard.is_touched(voice)
            is_players = keys[voice] is not None or waits or is_kept or not is_models_turn
            owner[voice] = PLAYER if is_players else MODEL
    return np.array(owner, np.uint8), np.array(rests, np.bool_)


def echo_lag(values: Values, playing: Playing, tempo: Tempo, frame_index: int) -> int:
    """Return how many frames back the player's phrase lies that the model follows in a frame; 0 if it follows none.

    It follows the phrase in the first part of its turn only, and then goes on in its own way.
    """
    if values["mode"] == "answer":
        place = frame_index - playing.answer_from
        is_echo = 0 <= place < _ECHO_SHARE * (playing.answer_until - playing.answer_from)
        return playing.answer_from - playing.phrase_from if is_echo else 0
    if values["mode"] != "trade":
        return 0
    beats_a_turn = int(values["trade_bars"]) * int(values["beats_a_bar"])
    beats = tempo.beats_at(frame_index + 0.5) - playing.first_bar * int(values["beats_a_bar"])
    turn, beats_in_turn = divmod(beats, beats_a_turn)
    players_turn_from = frame_index - round((beats_in_turn + beats_a_turn) * tempo.period_frames)
    has_played = playing.answer_from == _NOT_YET or max(playing.quiet_from) > players_turn_from + 1
    is_echo = turn % 2 == 1 and beats_in_turn < _ECHO_SHARE * beats_a_turn and has_played
    return round(beats_a_turn * tempo.period_frames) if is_echo else 0


def _is_models_turn(mode: str, values: Values, playing: Playing, tempo: Tempo, frame_index: int) -> bool:
    if mode == "answer":
        return playing.answer_from <= frame_index < playing.answer_until
    if mode == "trade":
        turn = (bar_of(tempo, frame_index, values) - playing.first_bar) // int(values["trade_bars"])
        return turn % 2 == 1
    return mode != "listen"
