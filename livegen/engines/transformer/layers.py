"""Kernels of a Transformer's layers, for words that follow one another: several at once come out as one by one.

Products go through the transposed weights, as those of `livegen.engines.dense` do, and every number is added up in the
same order however many words there are. So the same words give the same bits, whether they were heard or drawn.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numba import carray
from numpy.typing import NDArray

from livegen.engines.dense import add_row
from livegen.engines.transformer.hearing import (
    FILTERS,
    INTERVAL,
    N_COLOURS,
    N_DISTANCES,
    N_INTERVALS,
    N_PITCH_CLASSES,
    N_PITCHED,
    N_PROPOSED,
    N_ROWS,
    N_WAITS_TOLD,
    NEAR,
    Heard,
    hear,
    look,
)
from livegen.engines.transformer.words import FIRST_OWN, FIRST_WAIT, LOWEST, N_OWN, N_WAITS, TICK_SAMPLES
from livegen.system.floats import half, half_bits, halves_at
from livegen.system.kernels import kernel

N_LANES: Final = 16
"""Words of a page: those of which a page has keys and values. The first word of a song is in lane 0 of page 0."""

_SMALLEST: Final = np.float32(1e-6)
"""Added to a mean square before its root is taken; as torch does it where the reference is."""

_ZERO, _ONE = np.float32(0.0), np.float32(1.0)
_LOWEST_EXPONENT: Final = np.float32(-87.0)
_LOG2_E: Final = np.float32(1.4426950408889634)
_BIAS, _MANTISSA_BITS = np.int32(127), np.int32(23)
_C1, _C2, _C3, _C4, _C5, _C6 = (
    np.float32(c) for c in (0.693146944, 0.2402305, 0.055480428, 0.00968458, 0.001238782, 0.000218775)
)
"""Of a polynomial for 2 to the power of 0..1, fitted at Chebyshev's nodes: it is right to 1e-7."""


class Weights(NamedTuple):
    """All of a Transformer; of matrices, which are transposed, the bits of float16: half the memory to go through."""

    rows: NDArray[np.float32]  # (N_INPUT_ROWS, d)
    attend_gain: NDArray[np.float32]  # (layers, d)
    attend: NDArray[np.uint16]  # (layers, d, 3 d): query, key, value
    out: NDArray[np.uint16]  # (layers, d, d)
    inner_gain: NDArray[np.float32]  # (layers, d)
    inner: NDArray[np.uint16]  # (layers, d, 2 m): gate, up
    down: NDArray[np.uint16]  # (layers, m, d)
    gain: NDArray[np.float32]  # (d,)
    words: NDArray[np.uint16]  # (d, N_WORDS)
    bias: NDArray[np.float32]  # (N_WORDS,)
    relative: NDArray[np.uint16]  # (d, N_RELATIVE)
    relative_bias: NDArray[np.float32]
    copies: NDArray[np.float32]  # (N_COPIES, d)
    copies_bias: NDArray[np.float32]
    waits: NDArray[np.uint16]  # (d, N_WAIT_WEIGHTS)
    waits_bias: NDArray[np.float32]


@kernel
def add_products(x: NDArray[np.float32], weights: NDArray[np.uint16], out: NDArray[np.float32]) -> None:
    """Add ``x @ weights`` to `out`, (words, n) to (words, m), eight rows of the weights at a time."""
    n, m = weights.shape
    whole = n - n % 8
    for i in range(0, whole, 8):
        w0, w1, w2, w3 = weights[i], weights[i + 1], weights[i + 2], weights[i + 3]
        w4, w5, w6, w7 = weights[i + 4], weights[i + 5], weights[i + 6], weights[i + 7]
        for word in range(len(x)):
            x0, x1, x2, x3 = x[word, i], x[word, i + 1], x[word, i + 2], x[word, i + 3]
            x4, x5, x6, x7 = x[word, i + 4], x[word, i + 5], x[word, i + 6], x[word, i + 7]
            to = out[word]
            for j in range(m):
                to[j] += (x0 * half(w0[j]) + x1 * half(w1[j]) + x2 * half(w2[j]) + x3 * half(w3[j])) + (
                    x4 * half(w4[j]) + x5 * half(w5[j]) + x6 * half(w6[j]) + x7 * half(w7[j])
                )
    for word in range(len(x)):
        for i in range(whole, n):
            for j in range(m):
                out[word, j] += x[word, i] * half(weights[i, j])


@kernel
def exponentials(x: NDArray[np.float32], bits: NDArray[np.int32]) -> None:
    """Replace every x, (n,), of at most 88 by its exponential; `bits`, (n,), is overwritten.

    It compiles to vector instructions, which the library's own does not: attention takes many thousands a word.
    """
    factors = bits.view(np.float32)
    for i in range(len(x)):
        power = max(x[i], _LOWEST_EXPONENT) * _LOG2_E
        whole = np.floor(power)
        part = power - whole
        x[i] = _ONE + part * (_C1 + part * (_C2 + part * (_C3 + part * (_C4 + part * (_C5 + part * _C6)))))
        bits[i] = (np.int32(whole) + _BIAS) << _MANTISSA_BITS
    for i in range(len(x)):
        x[i] *= factors[i]


@kernel
def normed(x: NDArray[np.float32], gain: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Write every row of `x` to `out`, divided by the root of its mean square, times ``gain (d,)``."""
    n = x.shape[1]
    for word in range(len(x)):
        total = 0.0
        for j in range(n):
            total += x[word, j] * x[word, j]
        factor = np.float32(1.0 / math.sqrt(total / n + _SMALLEST))
        for j in range(n):
            out[word, j] = x[word, j] * factor * gain[j]


@kernel
def turn(x: NDArray[np.float32], angles: NDArray[np.float64], n_heads: int) -> None:
    """Turn the pairs of every head of a word, ``x (d,)``, by angles, (d / heads / 2,): pair i is i and i + half."""
    half = len(angles)
    for i in range(half):
        cosine, sine = np.float32(math.cos(angles[i])), np.float32(math.sin(angles[i]))
        for head in range(n_heads):
            at = 2 * half * head + i
            one, other = x[at], x[at + half]
            x[at] = one * cosine - other * sine
            x[at + half] = one * sine + other * cosine


@kernel
def attend(
    query: NDArray[np.float32],
    first: int,
    last: int,
    table: NDArray[np.int64],
    layer: int,
    scores: NDArray[np.float32],
    bits: NDArray[np.int32],
    out: NDArray[np.float32],
) -> None:
    """Write to `out`, (d,), what a word attends to: the words of these pages from one on, up to itself.

    Parameters
    ----------
    query : ndarray of float32, shape (d,)
        Already divided by the root of a head's size.
    first, last : int
        Lanes of the first word that it sees, and of itself, counted from the first page of `table` on.
    table : ndarray of int64, shape (pages,)
        Addresses of the pages from that of the first word to that of the last one. A page has for each layer its keys,
        (d, 16), and its values, (16, d).
    scores : ndarray of float32, shape (heads, 16 * pages) at least
        Overwritten.
    bits : ndarray of int32, shape (16 * pages,) at least
        Overwritten.
    """
    d, n_heads, n = len(query), len(scores), N_LANES * len(table)
    size, sums = d // n_heads, np.empty(n_heads, np.float32)
    keys_at, values_at = 2 * layer * d * N_LANES, (2 * layer + 1) * d * N_LANES
    for page in range(len(table)):
        keys = carray(halves_at(table[page]), (values_at,))[keys_at:].reshape(d, N_LANES)
        for head in range(n_heads):
            own = scores[head, page * N_LANES : (page + 1) * N_LANES]
            own[:] = _ZERO
            for i in range(head * size, (head + 1) * size, 4):
                q0, q1, q2, q3 = query[i], query[i + 1], query[i + 2], query[i + 3]
                k0, k1, k2, k3 = keys[i], keys[i + 1], keys[i + 2], keys[i + 3]
                for j in range(N_LANES):
                    own[j] += (q0 * half(k0[j]) + q1 * half(k1[j])) + (q2 * half(k2[j]) + q3 * half(k3[j]))
    for head in range(n_heads):
        sums[head] = _weigh(scores[head, :n], first, last, bits[:n])
    out[:] = _ZERO
    for page in range(len(table)):
        values = carray(halves_at(table[page]), (values_at + d * N_LANES,))[values_at:].reshape(N_LANES, d)
        for head in range(n_heads):
            at, end = head * size, (head + 1) * size
            own, to = scores[head, page * N_LANES : (page + 1) * N_LANES], out[at:end]
            for i in range(0, N_LANES, 4):
                p0, p1, p2, p3 = own[i], own[i + 1], own[i + 2], own[i + 3]
                v0, v1, v2, v3 = values[i, at:end], values[i + 1, at:end], values[i + 2, at:end], values[i + 3, at:end]
                for j in range(size):
                    to[j] += (p0 * half(v0[j]) + p1 * half(v1[j])) + (p2 * half(v2[j]) + p3 * half(v3[j]))
    for head in range(n_heads):
        for j in range(head * size, (head + 1) * size):
            out[j] /= sums[head]


@kernel
def _weigh(scores: NDArray[np.float32], first: int, last: int, bits: NDArray[np.int32]) -> np.float32:
    """Replace scores by their exponentials from one lane to another, and by 0 outside; return the sum."""
    top = scores[first]
    for i in range(first, last + 1):
        top = max(top, scores[i])
    for i in range(len(scores)):
        scores[i] = min(scores[i] - top, _ZERO)  # what stands in other lanes may be larger
    exponentials(scores, bits)
    scores[:first] = _ZERO
    scores[last + 1 :] = _ZERO
    lanes = np.zeros(N_LANES, np.float32)
    for page in range(len(scores) // N_LANES):
        for j in range(N_LANES):
            lanes[j] += scores[page * N_LANES + j]
    total = _ZERO
    for j in range(N_LANES):
        total += lanes[j]
    return total


@kernel
def append(
    x: NDArray[np.float32],
    angles: NDArray[np.float64],
    place: int,
    window: int,
    table: NDArray[np.int64],
    first_page: int,
    n_heads: int,
    weights: Weights,
) -> None:
    """Hear words that follow one another: write their keys and values into pages, and what becomes of them to `x`.

    Parameters
    ----------
    x : ndarray of float32, shape (words, d)
        The words as the network is told them. Overwritten by what the last layer makes of them, normed.
    angles : ndarray of float64, shape (words, d / heads / 2)
        By which the pairs of a head turn.
    place : int
        The place of the first of them in the song.
    window : int
        How many words a word sees, itself among them.
    table : ndarray of int64, shape (pages,)
        The addresses of pages, as `attend` takes them; the last one has the last word's lane.
    first_page : int
        Which page of the song the first of these is.
    """
    n_words, d = x.shape
    n_layers, n_inner = len(weights.down), weights.down.shape[1]
    heard, both = np.empty((n_words, d), np.float32), np.empty((n_words, 3 * d), np.float32)
    inner, bits = np.empty((n_words, 2 * n_inner), np.float32), np.empty(max(N_LANES * len(table), n_inner), np.int32)
    scores, sigmoids = np.empty((n_heads, N_LANES * len(table)), np.float32), np.empty(n_inner, np.float32)
    shrunk = np.float32(1.0 / math.sqrt(d // n_heads))
    for layer in range(n_layers):
        normed(x, weights.attend_gain[layer], heard)
        both[:] = _ZERO
        add_products(heard, weights.attend[layer], both)
        for word in range(n_words):
            at = place + word
            query, key, value = both[word, :d], both[word, d : 2 * d], both[word, 2 * d :]
            turn(query, angles[word], n_heads)
            turn(key, angles[word], n_heads)
            halves = carray(halves_at(table[at // N_LANES - first_page]), (2 * (layer + 1) * d * N_LANES,))
            for i in range(d):
                query[i] *= shrunk
                halves[(2 * layer * d + i) * N_LANES + at % N_LANES] = half_bits(key[i])
                halves[((2 * layer + 1) * N_LANES + at % N_LANES) * d + i] = half_bits(value[i])
        for word in range(n_words):
            last = place + word
            first = max(last - window + 1, 0)
            page = first // N_LANES
            seen = table[page - first_page : last // N_LANES - first_page + 1]
            first, last = first - page * N_LANES, last - page * N_LANES
            attend(both[word, :d], first, last, seen, layer, scores, bits, heard[word])
        add_products(heard, weights.out[layer], x)
        normed(x, weights.inner_gain[layer], heard)
        inner[:] = _ZERO
        add_products(heard, weights.inner[layer], inner)
        for word in range(n_words):
            for j in range(n_inner):
                sigmoids[j] = min(-inner[word, j], -_LOWEST_EXPONENT)
            exponentials(sigmoids, bits[:n_inner])
            for j in range(n_inner):
                inner[word, j] = inner[word, j] / (_ONE + sigmoids[j]) * inner[word, n_inner + j]
        add_products(inner[:, :n_inner], weights.down[layer], x)
    normed(x, weights.gain, x)


@kernel
def add_relative(
    h: NDArray[np.float32],
    notes: NDArray[np.uint8],
    colours: NDArray[np.float32],
    weights: Weights,
    logits: NDArray[np.float32],
) -> None:
    """Add to the logits of notes what is read by their intervals to ``notes (4,)`` and by ``colours (2, 12)``."""
    relative = weights.relative_bias.copy()
    add_products(h.reshape(1, -1), weights.relative, relative.reshape(1, -1))
    by_class = np.empty(N_PITCH_CLASSES, np.float32)
    for voice in range(N_PITCHED):
        for k in range(N_PITCH_CLASSES):
            total = _ZERO
            for i in range(N_COLOURS):
                at = FILTERS + (N_COLOURS * voice + i) * N_PITCH_CLASSES
                for c in range(N_PITCH_CLASSES):
                    total += colours[i, c] * relative[at + (k - c) % N_PITCH_CLASSES]
            by_class[k] = total
        for i in range(N_OWN[voice] - 1):
            note = LOWEST[voice] + i
            total = by_class[note % N_PITCH_CLASSES]
            for other in range(N_PITCHED):
                if notes[other] > 0:
                    total += relative[(N_PITCHED * voice + other) * N_INTERVALS + INTERVAL[notes[other], note]]
            logits[FIRST_OWN[voice] + 1 + i] += total


@kernel
def add_waits(h: NDArray[np.float32], waits: NDArray[np.int32], weights: Weights, logits: NDArray[np.float32]) -> None:
    """Add to the logits of waits what is read by their distances to those that are told, ``waits (N_WAITS_TOLD,)``."""
    by_distance = weights.waits_bias.copy()
    add_products(h.reshape(1, -1), weights.waits, by_distance.reshape(1, -1))
    for i in range(len(waits)):
        if waits[i] > 0:
            for k in range(N_DISTANCES):
                word = waits[i] + k - NEAR
                if FIRST_WAIT <= word < FIRST_WAIT + N_WAITS:
                    logits[word] += by_distance[i * N_DISTANCES + k]


@kernel
def word_logits(
    h: NDArray[np.float32],
    notes: NDArray[np.uint8],
    proposals: NDArray[np.int32],
    colours: NDArray[np.float32],
    waits: NDArray[np.int32],
    weights: Weights,
    logits: NDArray[np.float32],
) -> None:
    """Write the logits of the next word, (N_WORDS,), by what the last layer makes of the word before, ``h (d,)``.

    `notes`, `proposals`, `colours` and `waits` are what `livegen.engines.transformer.hearing` has of that word.
    """
    logits[:] = weights.bias
    add_products(h.reshape(1, -1), weights.words, logits.reshape(1, -1))
    for i in range(len(proposals)):
        word, row = proposals[i, 0], proposals[i, 1]
        if row >= 0:
            total = weights.copies_bias[row]
            for j in range(len(h)):
                total += weights.copies[row, j] * h[j]
            logits[word] += total
    add_relative(h, notes, colours, weights, logits)
    add_waits(h, waits, weights, logits)


@kernel
def hear_words(
    heard: Heard,
    at: int,
    words: NDArray[np.int16],
    base: int,
    window: int,
    table: NDArray[np.int64],
    first_page: int,
    n_heads: int,
    rates: NDArray[np.float64],
    weights: Weights,
    is_told: NDArray[np.bool_],
    logits: NDArray[np.float32],
) -> None:
    """Hear words that follow one another, and write the logits of the word after each of those of `is_told`, (words,).

    Parameters
    ----------
    heard : Heard
        The rows of all words before; those of these words are written.
    at : int
        The row of the first of them.
    base : int
        Which word of the song has row 0.
    window, table, first_page, n_heads
        See `append`.
    rates : ndarray of float64, shape (2, d / heads / 2)
        By how much pairs turn, a word and a tick.
    logits : ndarray of float32, shape (told words, N_WORDS)
    """
    n, d = len(words), weights.rows.shape[1]
    rows, proposals = np.empty((n, N_ROWS), np.int32), np.empty((n, N_PROPOSED, 2), np.int32)
    colours, waits = np.empty((n, N_COLOURS, N_PITCH_CLASSES), np.float32), np.empty((n, N_WAITS_TOLD), np.int32)
    x, angles = np.zeros((n, d), np.float32), np.empty((n, rates.shape[1]), np.float64)
    for i in range(n):
        hear(heard, at + i, words[i])
        look(heard, at + i, rows[i], proposals[i], colours[i], waits[i])
        for row in rows[i]:
            add_row(weights.rows[row], x[i])
        ticks = heard.time[at + i] / TICK_SAMPLES
        for k in range(rates.shape[1]):
            angles[i, k] = (base + at + i) * rates[0, k] + ticks * rates[1, k]
    normed(x, np.ones(d, np.float32), x)
    append(x, angles, base + at, window, table, first_page, n_heads, weights)
    told = 0
    for i in range(n):
        if is_told[i]:
            word_logits(x[i], heard.note[at + i], proposals[i], colours[i], waits[i], weights, logits[told])
            told += 1
