"""The kernels of the LSTM's live step. They write to arrays that the caller has allocated.

The layers are in `livegen.engines.dense`. The hidden units of a voice are in one array: first those of its note, then
those of its volume, then those of its timbre.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livegen.engines.dense import add_row, lstm_cell, silu
from livegen.engines.int8 import Int8Matrix, add_int8_product, largest_of, one_of
from livegen.engines.lstm import ear, features
from livegen.score import N_VOICES, NOTE_RANGE, TIMBRE_MAX, VOLUME_MAX, Voice
from livegen.system.kernels import kernel

N_CLASSES: Final = 90
"""Number of note classes of a voice: class 0 is silence, then come its notes from the lowest up. TR has most, 89."""

NO_CLASS: Final = 89
"""Class of all notes that a voice does not have. It is never drawn."""

AT_MEMORY: Final = len((Voice.P1, Voice.P2, Voice.TR)) * (features.N_NOTES + 1)
N_POINTERS: Final = AT_MEMORY + features.N_CANDIDATES
"""Number of pointers: notes whose logit the network may raise or lower. They are the last eight of each pitched voice,
then those known in this frame, then, from `AT_MEMORY` on, those that the memory proposes."""

N_VOLUME_SCORES: Final = features.N_VOLUMES + features.N_CANDIDATES
"""Outputs of a volume's layer: the logits, then, for each candidate, what is added to the logit of its volume."""

N_SCORES: Final = N_CLASSES + N_POINTERS
"""Outputs of a note's layer: the logits of the classes, then, for each pointer, what is added to its note's logit."""

_LARGEST_H: Final = np.float32(1.0)
"""No element of the state ``h`` is larger, by size."""


def _note_classes() -> NDArray[np.int64]:
    classes = np.full((N_VOICES, features.N_NOTE_VALUES), NO_CLASS, np.int64)
    for voice, (lowest, highest) in NOTE_RANGE.items():
        classes[voice, 0] = 0
        classes[voice, lowest : highest + 1] = np.arange(1, highest - lowest + 2)
    return classes


NOTE_CLASS: Final = _note_classes()
"""Class of each note value, by voice, ``int64 (4, 109)``."""

LOWEST: Final = np.array([lowest for lowest, _ in NOTE_RANGE.values()], np.int64)
HAS_VOLUME: Final[NDArray[np.bool_]] = np.array([maximum > 0 for maximum in VOLUME_MAX.values()])
N_CLASSES_OF: Final = np.array([highest - lowest + 2 for lowest, highest in NOTE_RANGE.values()], np.int64)
N_TIMBRES_OF: Final = np.array([maximum + 1 for maximum in TIMBRE_MAX.values()], np.int64)
"""By voice, how many classes of notes and how many timbres it has."""


class Weights(NamedTuple):
    """The network as `livegen.engines.lstm.lstm` folds it, C-contiguous; a voice has `n` hidden units."""

    input_rows: NDArray[np.float32]  # (N_INPUT_ROWS, n_embedding)
    input: Int8Matrix  # (4 n_state, n_embedding), to the gates i, f, g, o
    gate_bias: NDArray[np.float32]  # (4 n_state,)
    recurrent: Int8Matrix  # (4 n_state, n_state)
    trunk: Int8Matrix  # (4, n, n_state)
    trunk_bias: NDArray[np.float32]  # (4, n)
    own_rows: NDArray[np.float32]  # (4, N_OWN_ROWS, n)
    known_rows: NDArray[np.float32]  # (4 predicted, 4 known, N_KNOWN_ROWS, n)
    note: Int8Matrix  # (4, N_SCORES, n_note_hidden)
    note_bias: NDArray[np.float32]  # (4, N_SCORES)
    performed_rows: NDArray[np.float32]  # (N_PERFORMED, n_embedding)
    performed: NDArray[np.float32]  # (4, N_PERFORMED, n)
    hold: NDArray[np.float32]  # (4, N_BEAT_PLACES), to the logit of the held note
    relative: Int8Matrix  # (4, N_RELATIVE, n_note_hidden), or of no rows where the model does not listen
    relative_bias: NDArray[np.float32]  # (4, N_RELATIVE), likewise
    new_rows: NDArray[np.float32]  # (4, N_NEW_ROWS, n_after_note)
    volume: Int8Matrix  # (4, N_VOLUME_SCORES, n_volume_hidden)
    volume_bias: NDArray[np.float32]  # (4, N_VOLUME_SCORES)
    volume_rows: NDArray[np.float32]  # (4, 16, n_timbre_hidden)
    timbre: Int8Matrix  # (4, 4, n_timbre_hidden)
    timbre_bias: NDArray[np.float32]  # (4, 4)


class Told(NamedTuple):
    """What the heads are told besides the LSTM's state."""

    heard: NDArray[np.uint8]  # (4, 19)
    proposals: NDArray[np.uint8]  # (4, 4, 6)
    beat: NDArray[np.uint8]  # (2,)
    harmony: NDArray[np.float32]  # (5, 12), see `livegen.engines.lstm.ear`
    performed: int  # bits of the voices that are the performer's


@kernel
def step(
    frame: NDArray[np.uint8],
    heard: NDArray[np.uint8],
    proposals: NDArray[np.uint8],
    beat: NDArray[np.uint8],
    performed: int,
    is_start: bool,
    has_ages: bool,
    h: NDArray[np.float32],
    c: NDArray[np.float32],
    weights: Weights,
    rows: NDArray[np.int64],
    gates: NDArray[np.float32],
    new_heard: NDArray[np.uint8],
    new_h: NDArray[np.float32],
    new_c: NDArray[np.float32],
) -> None:
    """Hear a frame and write the new state. Without `has_ages` the network is not told how long notes have lasted."""
    features.hear(frame, heard, new_heard)
    if not has_ages:
        features.forget_ages(new_heard)
    features.input_rows(new_heard, proposals, beat, is_start, rows)
    embedding = weights.performed_rows[performed].copy()
    for row in rows:
        add_row(weights.input_rows[row], embedding)
    gates[:] = weights.gate_bias
    add_int8_product(embedding, largest_of(embedding), weights.input, gates)
    add_int8_product(h, _LARGEST_H, weights.recurrent, gates)
    lstm_cell(gates, c, new_h, new_c)


@kernel
def state_units(voice: int, h: NDArray[np.float32], weights: Weights, hidden: NDArray[np.float32]) -> None:
    """Write to a voice's hidden units, ``hidden (n,)``, the part that comes from the LSTM's state."""
    hidden[:] = weights.trunk_bias[voice]
    add_int8_product(h, _LARGEST_H, one_of(weights.trunk, voice), hidden)


@kernel
def voice_units(
    voice: int,
    frame: NDArray[np.uint8],
    is_known: NDArray[np.bool_],
    told: Told,
    weights: Weights,
    h: NDArray[np.float32],
    hidden: NDArray[np.float32],
) -> None:
    """Write a voice's hidden units: from the state, what it did last, its memory, and the known voices of the frame."""
    state_units(voice, h, weights, hidden)
    rows = np.empty(features.N_OWN, np.int64)
    features.own_rows(told.heard[voice], told.proposals[voice], told.beat, rows)
    for row in rows:
        add_row(weights.own_rows[voice, row], hidden)
    add_row(weights.performed[voice, told.performed], hidden)
    rows = np.empty(features.N_KNOWN, np.int64)
    for other in range(N_VOICES):
        if other != voice and is_known[other]:
            features.known_rows(frame[other], told.heard[other], told.proposals[other], rows)
            for row in rows:
                add_row(weights.known_rows[voice, other, row], hidden)


@kernel
def note_logits(
    voice: int,
    frame: NDArray[np.uint8],
    is_known: NDArray[np.bool_],
    told: Told,
    weights: Weights,
    harmony: float,
    hidden: NDArray[np.float32],
    scores: NDArray[np.float32],
) -> None:
    """Write a voice's note logits to the first `N_CLASSES` of `scores`; in `hidden` its note's units are overwritten.

    The rest of `scores` is, for each pointer, what was added to the logit of the note that it points at. `harmony` is
    multiplied with what the performer's notes ask for.
    """
    units = hidden[: len(hidden) - weights.new_rows.shape[2]]
    silu(units)
    largest = largest_of(units)
    scores[:] = weights.note_bias[voice]
    add_int8_product(units, largest, one_of(weights.note, voice), scores)
    classes, at, heard = NOTE_CLASS[voice], N_CLASSES, told.heard
    if voice == Voice.NO:
        for i in range(features.N_NOTES):
            scores[classes[heard[voice, features.NOTES + i]]] += scores[at + i]
    else:
        for other in range(ear.N_PITCHED):
            for i in range(features.N_NOTES):
                scores[classes[heard[other, features.NOTES + i]]] += scores[at]
                at += 1
        for other in range(ear.N_PITCHED):
            if other != voice and is_known[other]:
                scores[classes[frame[other, 0]]] += scores[at + other]
    for i in range(features.N_CANDIDATES):
        proposal = told.proposals[voice, i]
        if proposal[features.TRUST] > 0:
            scores[classes[proposal[features.NEXT]]] += scores[N_CLASSES + AT_MEMORY + i]
    if voice != Voice.NO and weights.relative_bias.shape[1] > 0:
        relative = weights.relative_bias[voice].copy()
        add_int8_product(units, largest, one_of(weights.relative, voice), relative)
        ear.add_harmony(
            voice,
            frame,
            is_known,
            heard,
            told.harmony,
            told.performed,
            harmony,
            LOWEST[voice],
            relative,
            scores[: N_CLASSES_OF[voice]],
        )
    place = told.beat[0] * (features.N_PERIODS + 1) + told.beat[1]
    scores[classes[heard[voice, features.NOTE]]] += weights.hold[voice, place]
    scores[N_CLASSES_OF[voice] : N_CLASSES] = -np.inf


@kernel
def volume_and_timbre_units(
    voice: int,
    note: int,
    heard: NDArray[np.uint8],
    weights: Weights,
    hidden: NDArray[np.float32],
) -> None:
    """Add the voice's new note to the hidden units of its volume and timbre, ``hidden (n_after_note,)``."""
    add_row(weights.new_rows[voice, features.NEW_NOTE + note], hidden)
    is_changed = 1 if note != heard[voice, features.NOTE] else 0
    add_row(weights.new_rows[voice, features.NEW_CHANGED + is_changed], hidden)


@kernel
def volume_logits(
    voice: int,
    proposals: NDArray[np.uint8],
    weights: Weights,
    hidden: NDArray[np.float32],
    scores: NDArray[np.float32],
) -> None:
    """Write the logits of a sounding voice's volume to the first 16 of `scores`, (N_VOLUME_SCORES,).

    ``proposals (4, 6)`` are the voice's; `hidden`, its volume's units, is overwritten.
    """
    silu(hidden)
    scores[:] = weights.volume_bias[voice]
    add_int8_product(hidden, largest_of(hidden), one_of(weights.volume, voice), scores)
    for i in range(features.N_CANDIDATES):
        volume = proposals[i, features.THEN_VOLUME]
        if volume < features.N_VOLUMES:
            scores[volume] += scores[features.N_VOLUMES + i]
    scores[0] = -np.inf  # in NES-MDB a voice without volume is silent: its note is 0


@kernel
def timbre_logits(
    voice: int,
    volume: int,
    weights: Weights,
    hidden: NDArray[np.float32],
    logits: NDArray[np.float32],
) -> None:
    """Write the logits, (4,), of a voice's timbre; `hidden`, its timbre's units, is overwritten."""
    add_row(weights.volume_rows[voice, volume], hidden)
    silu(hidden)
    logits[:] = weights.timbre_bias[voice]
    add_int8_product(hidden, largest_of(hidden), one_of(weights.timbre, voice), logits)
    logits[N_TIMBRES_OF[voice] :] = -np.inf
