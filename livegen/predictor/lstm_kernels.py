"""The kernels of the LSTM's live step, over arrays that the caller allocated.

The matrix products walk the transposed weights row by row, which compiles to vector instructions and needs no
BLAS. The hidden units of a voice stand in one array: first those of its note, then of its volume, then of its
timbre.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livegen.kernels import kernel
from livegen.predictor import features
from livegen.predictor.sampling import draw, draw_note, uniform
from livegen.score import N_VOICES, NOTE_RANGE, TIMBRE_MAX, VOLUME_MAX, Voice

N_CLASSES: Final = 90
"""Note classes of a voice: 0 is silence, then its notes from the lowest up; TR has the most, 89."""

NO_CLASS: Final = 89
"""Class of the notes that a voice does not have; never drawn."""

N_POINTERS: Final = len((Voice.P1, Voice.P2, Voice.TR)) * (features.N_NOTES + 1)
"""Notes that the network may point at: the last eight of each pitched voice, then those known in this frame."""

N_SCORES: Final = N_CLASSES + N_POINTERS
"""What a note's layer gives: the logits of the classes, then how hard each pointer pulls."""

_N_PITCHED: Final = 3


def _note_classes() -> NDArray[np.int64]:
    classes = np.full((N_VOICES, features.N_NOTE_VALUES), NO_CLASS, np.int64)
    for voice, (lowest, highest) in NOTE_RANGE.items():
        classes[voice, 0] = 0
        classes[voice, lowest : highest + 1] = np.arange(1, highest - lowest + 2)
    return classes


NOTE_CLASS: Final = _note_classes()
"""Class of each note value, by voice, ``int64 (4, 109)``."""

_LOWEST: Final = np.array([lowest for lowest, _ in NOTE_RANGE.values()], np.int64)
_N_CLASSES: Final = np.array([highest - lowest + 2 for lowest, highest in NOTE_RANGE.values()], np.int64)
HAS_VOLUME: Final[NDArray[np.bool_]] = np.array([maximum > 0 for maximum in VOLUME_MAX.values()])
_N_TIMBRES: Final = np.array([maximum + 1 for maximum in TIMBRE_MAX.values()], np.int64)


class Weights(NamedTuple):
    """The network as `livegen.predictor.lstm` folds it, float32 and C-contiguous; `n` is a voice's hidden units."""

    input_rows: NDArray[np.float32]  # (874, 4 n_state): what a frame adds to the gates i, f, g, o
    recurrent: NDArray[np.float32]  # (n_state, 4 n_state)
    trunk: NDArray[np.float32]  # (n_state, 4 n)
    trunk_bias: NDArray[np.float32]  # (4 n,)
    own_rows: NDArray[np.float32]  # (4, N_OWN_ROWS, n)
    known_rows: NDArray[np.float32]  # (4 predicted, 4 known, N_KNOWN_ROWS, n)
    note: NDArray[np.float32]  # (4, n_note_hidden, N_SCORES)
    note_bias: NDArray[np.float32]  # (4, N_SCORES)
    new_rows: NDArray[np.float32]  # (4, N_NEW_ROWS, n_after_note)
    volume: NDArray[np.float32]  # (4, n_volume_hidden, 16)
    volume_bias: NDArray[np.float32]  # (4, 16)
    volume_rows: NDArray[np.float32]  # (4, 16, n_timbre_hidden)
    timbre: NDArray[np.float32]  # (4, n_timbre_hidden, 4)
    timbre_bias: NDArray[np.float32]  # (4, 4)


@kernel
def _add_product(x: NDArray[np.float32], weights: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Add ``x @ weights`` to `out`, eight rows at a time; the length of `x` need not divide by eight."""
    n, m = weights.shape
    whole = n - n % 8
    for i in range(0, whole, 8):
        x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        x4, x5, x6, x7 = x[i + 4], x[i + 5], x[i + 6], x[i + 7]
        w0, w1, w2, w3 = weights[i], weights[i + 1], weights[i + 2], weights[i + 3]
        w4, w5, w6, w7 = weights[i + 4], weights[i + 5], weights[i + 6], weights[i + 7]
        for j in range(m):
            out[j] += (x0 * w0[j] + x1 * w1[j] + x2 * w2[j] + x3 * w3[j]) + (
                x4 * w4[j] + x5 * w5[j] + x6 * w6[j] + x7 * w7[j]
            )
    for i in range(whole, n):
        for j in range(m):
            out[j] += x[i] * weights[i, j]


@kernel
def _sigmoid(x: np.float32) -> np.float32:
    return np.float32(1.0) / (np.float32(1.0) + math.exp(-x))


@kernel
def step(
    frame: NDArray[np.uint8],
    heard: NDArray[np.uint8],
    is_start: bool,
    h: NDArray[np.float32],
    c: NDArray[np.float32],
    weights: Weights,
    rows: NDArray[np.int64],
    gates: NDArray[np.float32],
    new_heard: NDArray[np.uint8],
    new_h: NDArray[np.float32],
    new_c: NDArray[np.float32],
    hidden: NDArray[np.float32],
) -> None:
    """Hear a frame: write the new state, and to `hidden`, (4 n,), what it alone gives to the voices' hidden units."""
    features.hear(frame, heard, new_heard)
    features.input_rows(new_heard, is_start, rows)
    gates[:] = 0.0
    for row in rows:
        table_row = weights.input_rows[row]
        for j in range(len(gates)):
            gates[j] += table_row[j]
    _add_product(h, weights.recurrent, gates)
    n = len(h)
    for j in range(n):
        kept = _sigmoid(gates[n + j]) * c[j]
        new_c[j] = kept + _sigmoid(gates[j]) * math.tanh(gates[2 * n + j])
        new_h[j] = _sigmoid(gates[3 * n + j]) * math.tanh(new_c[j])
    hidden[:] = weights.trunk_bias
    _add_product(new_h, weights.trunk, hidden)


@kernel
def _add_row(row: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    for j in range(len(out)):
        out[j] += row[j]


@kernel
def _silu(x: NDArray[np.float32]) -> None:
    """Put x times its sigmoid in the place of every x."""
    for j in range(len(x)):
        x[j] *= _sigmoid(x[j])


@kernel
def see_voices(
    voice: int,
    frame: NDArray[np.uint8],
    is_known: NDArray[np.bool_],
    heard: NDArray[np.uint8],
    weights: Weights,
    hidden: NDArray[np.float32],
) -> None:
    """Add to a voice's hidden units what it did last, and what is known of the others in the new frame."""
    own, last = weights.own_rows[voice], heard[voice]
    _add_row(own[features.OWN_NOTE + last[features.NOTE]], hidden)
    _add_row(own[features.OWN_VOLUME + last[features.VOLUME]], hidden)
    _add_row(own[features.OWN_TIMBRE + last[features.TIMBRE]], hidden)
    _add_row(own[features.OWN_AGE + features.age_bucket(last[features.AGE])], hidden)
    for other in range(N_VOICES):
        if other == voice or not is_known[other]:
            continue
        table, before = weights.known_rows[voice, other], heard[other]
        note, volume, timbre = frame[other, 0], frame[other, 1], frame[other, 2]
        flag = features.event_flag(before[features.NOTE], before[features.VOLUME], note, volume)
        _add_row(table[features.KNOWN_NOTE + note], hidden)
        _add_row(table[features.KNOWN_VOLUME + volume], hidden)
        _add_row(table[features.KNOWN_TIMBRE + timbre], hidden)
        _add_row(table[features.KNOWN_FLAG + flag], hidden)


@kernel
def note_logits(
    voice: int,
    frame: NDArray[np.uint8],
    is_known: NDArray[np.bool_],
    heard: NDArray[np.uint8],
    weights: Weights,
    hidden: NDArray[np.float32],
    scores: NDArray[np.float32],
) -> None:
    """Write a voice's note logits to the first `N_CLASSES` of `scores`; `hidden`, its note's units, is used up.

    The rest of `scores` is how hard each pointer pulls at the note that it points at.
    """
    _silu(hidden)
    scores[:] = weights.note_bias[voice]
    _add_product(hidden, weights.note[voice], scores)
    classes, at = NOTE_CLASS[voice], N_CLASSES
    if voice == Voice.NO:
        for i in range(features.N_NOTES):
            scores[classes[heard[voice, features.NOTES + i]]] += scores[at + i]
    else:
        for other in range(_N_PITCHED):
            for i in range(features.N_NOTES):
                scores[classes[heard[other, features.NOTES + i]]] += scores[at]
                at += 1
        for other in range(_N_PITCHED):
            if other != voice and is_known[other]:
                scores[classes[frame[other, 0]]] += scores[at + other]
    scores[_N_CLASSES[voice] : N_CLASSES] = -np.inf


@kernel
def volume_and_timbre_units(
    voice: int,
    note: int,
    heard: NDArray[np.uint8],
    weights: Weights,
    hidden: NDArray[np.float32],
) -> None:
    """Add the voice's new note to the hidden units of its volume and timbre, ``hidden (n_after_note,)``."""
    _add_row(weights.new_rows[voice, features.NEW_NOTE + note], hidden)
    is_changed = 1 if note != heard[voice, features.NOTE] else 0
    _add_row(weights.new_rows[voice, features.NEW_CHANGED + is_changed], hidden)


@kernel
def volume_logits(voice: int, weights: Weights, hidden: NDArray[np.float32], logits: NDArray[np.float32]) -> None:
    """Write the logits, (16,), of a sounding voice's volume; `hidden`, its volume's units, is used up."""
    _silu(hidden)
    logits[:] = weights.volume_bias[voice]
    _add_product(hidden, weights.volume[voice], logits)
    logits[0] = -np.inf  # in NES-MDB a voice without volume is silent: its note is 0


@kernel
def timbre_logits(
    voice: int,
    volume: int,
    weights: Weights,
    hidden: NDArray[np.float32],
    logits: NDArray[np.float32],
) -> None:
    """Write the logits, (4,), of a voice's timbre; `hidden`, its timbre's units, is used up."""
    _add_row(weights.volume_rows[voice, volume], hidden)
    _silu(hidden)
    logits[:] = weights.timbre_bias[voice]
    _add_product(hidden, weights.timbre[voice], logits)
    logits[_N_TIMBRES[voice] :] = -np.inf


@kernel
def _draw_voice(
    voice: int,
    frame: NDArray[np.uint8],
    is_known: NDArray[np.bool_],
    heard: NDArray[np.uint8],
    weights: Weights,
    hidden: NDArray[np.float32],
    scores: NDArray[np.float32],
    scratch: NDArray[np.float64],
    shape: tuple[float, float],
    seed: np.uint64,
    frame_index: int,
) -> None:
    """Draw a voice's note, volume and timbre into `frame`; `hidden`, (n,), is used up."""
    temperature, top_p = shape
    n_note, n_volume = weights.note.shape[1], weights.volume.shape[1]
    see_voices(voice, frame, is_known, heard, weights, hidden)
    note_logits(voice, frame, is_known, heard, weights, hidden[:n_note], scores)
    held = NOTE_CLASS[voice, heard[voice, features.NOTE]]
    drawn = draw_note(scores[:N_CLASSES], held, temperature, top_p, uniform(seed, frame_index, voice, 0), scratch)
    note = drawn + _LOWEST[voice] - 1 if drawn > 0 else 0
    frame[voice, 0], frame[voice, 1], frame[voice, 2] = note, 0, 0
    if not HAS_VOLUME[voice]:
        return
    after = hidden[n_note:]
    volume_and_timbre_units(voice, note, heard, weights, after)
    if note > 0:
        logits = scores[: features.N_VOLUMES]
        volume_logits(voice, weights, after[:n_volume], logits)
        frame[voice, 1] = draw(logits, temperature, 1.0, uniform(seed, frame_index, voice, 1), scratch)
    logits = scores[: features.N_TIMBRES]
    timbre_logits(voice, frame[voice, 1], weights, after[n_volume:], logits)
    frame[voice, 2] = draw(logits, temperature, 1.0, uniform(seed, frame_index, voice, 2), scratch)


@kernel
def sample(
    frame: NDArray[np.uint8],
    is_known: NDArray[np.bool_],
    heard: NDArray[np.uint8],
    weights: Weights,
    hidden: NDArray[np.float32],
    scores: NDArray[np.float32],
    scratch: NDArray[np.float64],
    shape: tuple[float, float],
    seed: np.uint64,
    frame_index: int,
) -> None:
    """Draw the voices that are not known into `frame`, in their order; `hidden`, (4, n), is used up.

    `shape` is the temperature and top-p. `scores` has `N_SCORES` entries and `scratch` `N_CLASSES`.
    """
    for voice in range(N_VOICES):
        if not is_known[voice]:
            _draw_voice(
                voice, frame, is_known, heard, weights, hidden[voice], scores, scratch, shape, seed, frame_index
            )
            is_known[voice] = True
