"""Drawing a frame: what a session asks of a draw, and the voices one after another, each knowing those before it.

`livegen.engines.lstm.kernels` is the network. Everything here writes to arrays that the caller has allocated.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livegen.engines.lstm import ear, features
from livegen.engines.lstm.foresight import foresee, make_room
from livegen.engines.lstm.kernels import (
    HAS_VOLUME,
    LOWEST,
    N_CLASSES,
    N_CLASSES_OF,
    N_VOLUME_SCORES,
    NOTE_CLASS,
    Told,
    Weights,
    note_logits,
    timbre_logits,
    voice_units,
    volume_and_timbre_units,
    volume_logits,
)
from livegen.engines.sampling import draw, draw_note, uniform
from livegen.score import N_VOICES, Voice
from livegen.system.kernels import kernel

_N_RECENT: Final = features.N_NOTES
"""Last notes of a voice that count as played lately where it draws."""

_GRID: Final = 4
"""Points of the grid in a beat: sixteenths."""

_OF_HALVES: Final = 0.75
_OF_BEATS: Final = 0.35
"""How much more halves of the beat weigh than the other sixteenths, and whole beats more than halves, as a share of the
grid. At the default grid, 1.5 nats, the model comes near to songs with these where nothing else is asked for: beside
the melodies of 13 songs of NES-MDB's train split .56, .11, .25 and .10 of the onsets of its bass and drums fell on the
four sixteenths of a beat, and .49, .07, .33 and .11 of the songs' own."""


_TURNS: Final = 2.0 * np.pi * (np.arange(features.N_PHASES) + 0.5) / features.N_PHASES
_ACCENT: Final = np.cos(_GRID * _TURNS) + _OF_HALVES * np.cos(2.0 * _TURNS) + _OF_BEATS * np.cos(_TURNS)
"""How likely an attack is by the bucket of its phase in the beat, in nats at a grid of 1."""

_BETWEEN: Final = 0.5 * np.cos(np.array([[2.0], [_GRID]]) * _TURNS)
"""The same of what is asked for besides: a nat less between the halves of the beat, and between its quarters."""


class Shape(NamedTuple):
    """How a draw is shaped: `livegen.engines.protocol.Sampling` in a form that kernels take."""

    temperature: tuple[float, float, float, float]
    top_p: float
    density: tuple[float, float, float, float]
    grid: float
    between: tuple[float, float]
    silence: tuple[float, float, float, float]
    copy: tuple[float, float, float, float]
    follow: tuple[float, float, float, float]
    usual: NDArray[np.uint8]  # (4, N_USUAL)
    leave: NDArray[np.float64]  # (4, N_USUAL - 1)
    lowest: tuple[int, int, int, int]
    highest: tuple[int, int, int, int]
    scale: int
    harmony: float


@kernel
def _allowed(voice: int, shape: Shape, is_allowed: NDArray[np.bool_]) -> None:
    """Write to `is_allowed`, (N_CLASSES,), which note classes a voice may change to; silence is always allowed."""
    lowest = LOWEST[voice]
    is_allowed[0] = True
    for i in range(1, len(is_allowed)):
        note = lowest + i - 1
        is_in_scale = voice == Voice.NO or (shape.scale >> (note % 12)) & 1 == 1
        is_allowed[i] = is_in_scale and shape.lowest[voice] <= note <= shape.highest[voice]


@kernel
def attack(phase: int, grid: float, between: tuple[float, float]) -> float:
    """Return what the grid of the beat adds to the log-odds of an attack, by the bucket of the beat's phase.

    It is the log of a density. So onsets that were spread evenly over the beat come nearer to the grid, but their
    number stays the same.
    """
    if phase >= features.N_PHASES or grid <= 0.0:
        return 0.0
    of_halves, of_quarters = between
    asked, mean = 0.0, 0.0
    for bucket in range(features.N_PHASES):
        nats = grid * _ACCENT[bucket] + of_halves * _BETWEEN[0, bucket] + of_quarters * _BETWEEN[1, bucket]
        mean += math.exp(nats) / features.N_PHASES
        if bucket == phase:
            asked = nats
    return asked - math.log(mean)


@kernel
def draw_shaped(
    voice: int,
    held: int,
    logits: NDArray[np.float32],
    group: NDArray[np.int64],
    on_grid: float,
    shape: Shape,
    number: float,
    scratch: NDArray[np.float64],
) -> int:
    """Draw a voice's note, 0 for silence, by the logits of its classes, (N_CLASSES,), as `draw_note` does.

    `held` is the note that it plays, and `on_grid` is added to the log-odds of an attack.
    """
    is_allowed = np.empty(N_CLASSES, np.bool_)
    _allowed(voice, shape, is_allowed)
    drawn = draw_note(
        logits,
        NOTE_CLASS[voice, held],
        group,
        is_allowed,
        NOTE_CLASS[voice][shape.usual[voice]],
        shape.leave[voice],
        shape.temperature[voice],
        shape.top_p,
        shape.density[voice],
        on_grid,
        shape.silence[voice],
        number,
        scratch,
    )
    return drawn + LOWEST[voice] - 1 if drawn > 0 else 0


@kernel
def _draw_voice(
    voice: int,
    frame: NDArray[np.uint8],
    is_known: NDArray[np.bool_],
    told: Told,
    weights: Weights,
    h: NDArray[np.float32],
    hidden: NDArray[np.float32],
    scores: NDArray[np.float32],
    scratch: NDArray[np.float64],
    shape: Shape,
    on_grid: float,
    foreseen: NDArray[np.float32],
    seed: np.uint64,
    frame_index: int,
) -> None:
    """Draw a voice's note, volume and timbre into `frame`; `hidden`, (n,), is overwritten.

    `on_grid` is added to the log-odds of an attack; of `foreseen`, (12,), see `livegen.engines.lstm.foresight`.
    """
    temperature = shape.temperature[voice]
    voice_units(voice, frame, is_known, told, weights, h, hidden)
    note_logits(voice, frame, is_known, told, weights, shape.harmony, hidden, scores)
    proposal, held = told.proposals[voice, features.OWN_STRICT], told.heard[voice, features.NOTE]
    if proposal[features.TRUST] > 0:
        scores[NOTE_CLASS[voice, features.expected_note(held, proposal)]] += shape.copy[voice]
    plan = told.proposals[voice, features.SHARED]
    if plan[features.TRUST] == features.PLANNED:
        scores[NOTE_CLASS[voice, features.expected_note(held, plan)]] += shape.follow[voice]
    scores[NOTE_CLASS[voice, held]] -= shape.harmony * ear.leaving_clash(
        voice, held, frame, told.harmony, told.performed
    )
    if voice != Voice.NO and told.performed > 0:
        make_room(NOTE_CLASS[voice, held], LOWEST[voice], foreseen, shape.harmony, scores[: N_CLASSES_OF[voice]])
    group = np.full(N_CLASSES, 2, np.int64)
    for i in range(_N_RECENT):
        group[NOTE_CLASS[voice, told.heard[voice, features.NOTES + i]]] = 1
    group[0] = 0
    number = uniform(seed, frame_index, voice, 0)
    note = draw_shaped(voice, held, scores[:N_CLASSES], group, on_grid, shape, number, scratch)
    frame[voice, 0], frame[voice, 1], frame[voice, 2] = note, 0, 0
    if not HAS_VOLUME[voice]:
        return
    n_after = weights.new_rows.shape[2]
    n_volume, after = n_after - weights.volume_rows.shape[2], hidden[len(hidden) - n_after :]
    volume_and_timbre_units(voice, note, told.heard, weights, after)
    if note > 0:
        logits = scores[:N_VOLUME_SCORES]
        volume_logits(voice, told.proposals[voice], weights, after[:n_volume], logits)
        number = uniform(seed, frame_index, voice, 1)
        frame[voice, 1] = draw(logits[: features.N_VOLUMES], temperature, 1.0, number, scratch)
    logits = scores[: features.N_TIMBRES]
    timbre_logits(voice, frame[voice, 1], weights, after[n_volume:], logits)
    frame[voice, 2] = draw(logits, temperature, 1.0, uniform(seed, frame_index, voice, 2), scratch)


@kernel
def sample(
    frame: NDArray[np.uint8],
    is_known: NDArray[np.bool_],
    is_drawn: NDArray[np.bool_],
    told: Told,
    weights: Weights,
    h: NDArray[np.float32],
    hidden: NDArray[np.float32],
    scores: NDArray[np.float32],
    scratch: NDArray[np.float64],
    shape: Shape,
    seed: np.uint64,
    frame_index: int,
) -> None:
    """Draw the voices of ``is_drawn (4,)`` into `frame`, in their order, from the state ``h (n_state,)``.

    `hidden` has as many entries as a voice has units, `scores` has `N_SCORES`, `scratch` `N_CLASSES`. All three are
    overwritten, and so is `is_known`.
    """
    on_grid = attack(told.beat[0], shape.grid, shape.between)
    foreseen = np.zeros(ear.N_PITCH_CLASSES, np.float32)
    if shape.harmony > 0.0 and is_drawn[: ear.N_PITCHED].any():
        foresee(frame, is_known, told, weights, h, hidden, scores, foreseen)
    for voice in range(N_VOICES):
        if is_drawn[voice]:
            _draw_voice(
                voice,
                frame,
                is_known,
                told,
                weights,
                h,
                hidden,
                scores,
                scratch,
                shape,
                on_grid,
                foreseen,
                seed,
                frame_index,
            )
            is_known[voice] = True
