"""The kernels of the VAE: encoding a window, planning one from latents, and decoding it step by step.

They write to arrays that the caller has allocated. `livegen.training.vae.network` is the reference.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.dense import add_product, add_row, gru_step, silu, tanh_each
from livegen.engines.lstm.draws import Shape, draw_shaped
from livegen.engines.lstm.kernels import HAS_VOLUME, N_CLASSES, N_CLASSES_OF, N_TIMBRES_OF, NOTE_CLASS
from livegen.engines.sampling import draw, uniform
from livegen.engines.steps import BEATS, N_STEPS, STEPS_A_BEAT
from livegen.engines.vae import rows
from livegen.engines.vae.weights import Conductor, Decoder, Encoder, Gru
from livegen.score import N_VOICES, is_onset
from livegen.system.kernels import kernel

_RECENT_STEPS: Final = rows.BAR_STEPS


@kernel
def _run(x: NDArray[np.float32], gru: Gru, is_back: bool, h: NDArray[np.float32], states: NDArray[np.float32]) -> None:
    """Run a GRU over ``x (T, n_in)`` from the state `h` on, to `states`, (T, n); `h` becomes the last state."""
    n = len(h)
    gates, own, new_h = np.empty(3 * n, np.float32), np.empty(3 * n, np.float32), np.empty(n, np.float32)
    for i in range(len(x)):
        t = len(x) - 1 - i if is_back else i
        gates[:] = gru.bias
        add_product(x[t], gru.input, gates)
        gru_step(gates, h, gru.recurrent, gru.recurrent_bias, own, new_h)
        h[:] = new_h
        states[t] = new_h


@kernel
def encode(window: NDArray[np.uint8], encoder: Encoder, free: NDArray[np.float32]) -> None:
    """Write the means of a window's free latents, (n_free,); the window is (96, 4, 3)."""
    n_seen, n_beat, n = encoder.seen.shape[1], len(encoder.beats_bias), encoder.forth.recurrent.shape[0]
    steps = np.empty((N_STEPS, n_seen), np.float32)
    for t in range(N_STEPS):
        steps[t] = encoder.seen_bias
        for voice in range(N_VOICES):
            note, volume, timbre = window[t, voice]
            table = encoder.seen[voice * rows.SEEN_VOICE : (voice + 1) * rows.SEEN_VOICE]
            add_row(table[rows.SEEN_NOTE + note], steps[t])
            add_row(table[rows.SEEN_VOLUME + volume], steps[t])
            add_row(table[rows.SEEN_TIMBRE + timbre], steps[t])
            was_note, was_volume = np.int64(0), np.int64(0)
            if t > 0:
                was_note, was_volume = np.int64(window[t - 1, voice, 0]), np.int64(window[t - 1, voice, 1])
            if is_onset(was_note, was_volume, np.int64(note), np.int64(volume)):
                add_row(table[rows.SEEN_ATTACK], steps[t])
        silu(steps[t])
    beats = np.empty((BEATS, n_beat), np.float32)
    for beat in range(BEATS):
        beats[beat] = encoder.beats_bias
        add_product(steps[beat * STEPS_A_BEAT : (beat + 1) * STEPS_A_BEAT].reshape(-1), encoder.beats, beats[beat])
        silu(beats[beat])
    whole = np.zeros(4 * n, np.float32)
    states = np.empty((BEATS, n), np.float32)
    for side in range(2):
        h = np.zeros(n, np.float32)
        _run(beats, encoder.forth if side == 0 else encoder.back, side == 1, h, states)
        whole[(2 + side) * n : (3 + side) * n] = h
        for beat in range(BEATS):
            for j in range(n):
                whole[side * n + j] += states[beat, j] / np.float32(BEATS)
    free[:] = encoder.free_bias
    add_product(whole, encoder.free, free)


@kernel
def plan_window(
    z: NDArray[np.float32],
    conductor: Conductor,
    state: NDArray[np.float32],
    plan: NDArray[np.float32],
    gates: NDArray[np.float32],
) -> None:
    """Write the decoder's first state, (n_state,), the plan, (96, n_plan), and its gates, (96, 3 n_state)."""
    n, n_plan = conductor.beat.shape[1], plan.shape[1]
    begin = conductor.begin_bias.copy()
    add_product(z, conductor.begin, begin)
    tanh_each(begin)
    h = begin[:n].copy()
    state[:] = begin[n:]
    x, led = np.empty((BEATS, n), np.float32), np.empty((BEATS, n), np.float32)
    for beat in range(BEATS):
        x[beat] = conductor.beat[beat]
        add_row(h, x[beat])
    _run(x, conductor.gru, False, h, led)
    for beat in range(BEATS):
        of_beat = conductor.plan_bias.copy()
        add_product(led[beat], conductor.plan, of_beat)
        silu(of_beat)
        for i in range(STEPS_A_BEAT):
            plan[beat * STEPS_A_BEAT + i] = of_beat[i * n_plan : (i + 1) * n_plan]
    for t in range(N_STEPS):
        gates[t] = conductor.gates_bias
        add_product(plan[t], conductor.gates, gates[t])


@kernel
def decoder_step(
    last: NDArray[np.uint8],
    bar: NDArray[np.uint8],
    place: int,
    is_told: bool,
    plan_gates: NDArray[np.float32],
    h: NDArray[np.float32],
    decoder: Decoder,
    new_h: NDArray[np.float32],
) -> None:
    """Write the decoder's state at a place, 0..95, of the window.

    Parameters
    ----------
    last : ndarray of uint8, shape (4, 3)
        The step before; ignored if not `is_told`.
    bar : ndarray of uint8, shape (4,)
        The notes of a bar ago; `rows.UNKNOWN_NOTE` where that is before the window.
    plan_gates : ndarray of float32, shape (3 n_state,)
        The plan's part of the gates at this place.
    """
    gates = plan_gates.copy()
    for voice in range(N_VOICES):
        table = decoder.inputs[voice * rows.IN_VOICE : (voice + 1) * rows.IN_VOICE]
        note = np.int64(last[voice, 0]) if is_told else rows.UNKNOWN_NOTE
        volume = np.int64(last[voice, 1]) if is_told else rows.UNKNOWN_VOLUME
        add_row(table[rows.IN_NOTE + note], gates)
        add_row(table[rows.IN_VOLUME + volume], gates)
        add_row(table[rows.IN_BAR + np.int64(bar[voice])], gates)
    add_row(decoder.inputs[rows.IN_PLACE + place], gates)
    gru_step(gates, h, decoder.recurrent, decoder.recurrent_bias, np.empty(len(gates), np.float32), new_h)


@kernel
def head_units(
    voice: int,
    frame: NDArray[np.uint8],
    is_known: NDArray[np.bool_],
    last: NDArray[np.uint8],
    bar: NDArray[np.uint8],
    is_told: bool,
    h: NDArray[np.float32],
    decoder: Decoder,
    hidden: NDArray[np.float32],
) -> None:
    """Write a voice's hidden units; ``h (n_state + n_plan,)`` is the decoder's state and the plan of this place."""
    hidden[:] = decoder.trunk_bias[voice]
    add_product(h, decoder.trunk[voice], hidden)
    table = decoder.known[voice]
    add_row(table[rows.OWN_NOTE + (np.int64(last[voice, 0]) if is_told else rows.UNKNOWN_NOTE)], hidden)
    add_row(table[rows.OWN_VOLUME + (np.int64(last[voice, 1]) if is_told else rows.UNKNOWN_VOLUME)], hidden)
    add_row(table[rows.OWN_TIMBRE + (np.int64(last[voice, 2]) if is_told else rows.UNKNOWN_TIMBRE)], hidden)
    add_row(table[rows.OWN_BAR + np.int64(bar[voice])], hidden)
    at = rows.KNOWN
    for other in range(N_VOICES):
        if other == voice:
            continue
        if is_known[other]:
            add_row(table[at + np.int64(frame[other, 0])], hidden)
            add_row(table[at + rows.KNOWN_CHANGED + _changed(frame[other, 0], last[other, 0], is_told)], hidden)
        at += rows.KNOWN_VOICE


@kernel
def _changed(note: int, before: int, is_told: bool) -> int:
    if not is_told:
        return 2
    return 1 if note != before else 0


@kernel
def note_logits(
    voice: int,
    last_note: int,
    bar_note: int,
    hidden: NDArray[np.float32],
    decoder: Decoder,
    scores: NDArray[np.float32],
) -> None:
    """Write a voice's note logits to the first `N_CLASSES` of `scores`, (N_CLASSES + N_POINTERS,).

    ``hidden (n_note_hidden,)`` is overwritten. `last_note` and `bar_note` may be `rows.UNKNOWN_NOTE`.
    """
    silu(hidden)
    scores[:] = decoder.note_bias[voice]
    add_product(hidden, decoder.note[voice], scores)
    if last_note < rows.N_NOTES:
        scores[NOTE_CLASS[voice, last_note]] += scores[N_CLASSES]
    if bar_note < rows.N_NOTES:
        scores[NOTE_CLASS[voice, bar_note]] += scores[N_CLASSES + 1]
    scores[N_CLASSES_OF[voice] : N_CLASSES] = -np.inf


@kernel
def volume_logits(
    voice: int, new: NDArray[np.float32], hidden: NDArray[np.float32], decoder: Decoder, logits: NDArray[np.float32]
) -> None:
    """Write a sounding voice's volume logits, (16,); ``hidden (n_volume_hidden,)``, its units, is overwritten."""
    add_row(new[: len(hidden)], hidden)
    silu(hidden)
    logits[:] = decoder.volume_bias[voice]
    add_product(hidden, decoder.volume[voice], logits)
    logits[0] = -np.inf


@kernel
def timbre_logits(
    voice: int,
    volume: int,
    new: NDArray[np.float32],
    hidden: NDArray[np.float32],
    decoder: Decoder,
    logits: NDArray[np.float32],
) -> None:
    """Write a voice's timbre logits, (4,); ``hidden (n_timbre_hidden,)``, its timbre's units, is overwritten."""
    add_row(new[len(new) - len(hidden) :], hidden)
    add_row(decoder.loud[voice, volume], hidden)
    silu(hidden)
    logits[:] = decoder.timbre_bias[voice]
    add_product(hidden, decoder.timbre[voice], logits)
    logits[N_TIMBRES_OF[voice] :] = -np.inf


@kernel
def new_units(voice: int, note: int, last_note: int, is_told: bool, decoder: Decoder, new: NDArray[np.float32]) -> None:
    """Write what a voice's new note says of its volume and timbre, (n_after_note,)."""
    new[:] = decoder.new[voice, note]
    add_row(decoder.new[voice, rows.NEW_CHANGED + _changed(note, last_note, is_told)], new)


@kernel
def draw_step(
    frame: NDArray[np.uint8],
    is_known: NDArray[np.bool_],
    is_later: NDArray[np.bool_],
    last: NDArray[np.uint8],
    bar: NDArray[np.uint8],
    is_told: bool,
    recent: NDArray[np.uint8],
    h: NDArray[np.float32],
    decoder: Decoder,
    on_grid: float,
    shape: Shape,
    seed: np.uint64,
    frame_index: int,
) -> None:
    """Draw the voices that are not known into ``frame (4, 3)``, in their order.

    Parameters
    ----------
    is_later : ndarray of bool, shape (4,)
        Voices that are not drawn either.
    last, bar, is_told
        As for `decoder_step`.
    recent : ndarray of uint8, shape (n, 4)
        The notes of the last steps.
    h : ndarray of float32, shape (n_state + n_plan,)
        The decoder's state and the plan of this place.
    on_grid : float
        Added to the log-odds of an attack.
    """
    n_hidden, n_note, n_volume = decoder.trunk.shape[2], decoder.note.shape[1], decoder.volume.shape[1]
    hidden, scores = np.empty(n_hidden, np.float32), np.empty(decoder.note.shape[2], np.float32)
    new, scratch = np.empty(n_hidden - n_note, np.float32), np.empty(N_CLASSES, np.float64)
    group = np.empty(N_CLASSES, np.int64)
    for voice in range(N_VOICES):
        if is_known[voice] or is_later[voice]:
            continue
        head_units(voice, frame, is_known, last, bar, is_told, h, decoder, hidden)
        last_note = np.int64(last[voice, 0])
        note_logits(voice, last_note if is_told else rows.UNKNOWN_NOTE, bar[voice], hidden[:n_note], decoder, scores)
        group[:] = 2
        for t in range(max(len(recent) - _RECENT_STEPS, 0), len(recent)):
            group[NOTE_CLASS[voice, recent[t, voice]]] = 1
        group[0] = 0
        number = uniform(seed, frame_index, voice, 0)
        note = draw_shaped(voice, last_note, scores[:N_CLASSES], group, on_grid, shape, number, scratch)
        frame[voice, 0], frame[voice, 1], frame[voice, 2] = note, 0, 0
        is_known[voice] = True
        if note == 0 or not HAS_VOLUME[voice]:
            continue
        new_units(voice, note, last_note, is_told, decoder, new)
        after = hidden[n_note:]
        logits = scores[: rows.N_VOLUMES]
        volume_logits(voice, new, after[:n_volume], decoder, logits)
        number = uniform(seed, frame_index, voice, 1)
        frame[voice, 1] = draw(logits, shape.temperature[voice], 1.0, number, scratch)
        logits = scores[: rows.N_TIMBRES]
        timbre_logits(voice, frame[voice, 1], new, after[n_volume:], decoder, logits)
        frame[voice, 2] = draw(logits, shape.temperature[voice], 1.0, uniform(seed, frame_index, voice, 2), scratch)


@kernel
def decode_window(
    state: NDArray[np.float32],
    plan: NDArray[np.float32],
    gates: NDArray[np.float32],
    decoder: Decoder,
    is_absent: NDArray[np.bool_],
    shape: Shape,
    seed: np.uint64,
    frames: NDArray[np.uint8],
) -> None:
    """Write a whole window, (96, 4, 3), that hears only itself; draws are those of the frames 0..95."""
    n_state = len(state)
    h, new_h = state.copy(), np.empty(n_state, np.float32)
    both = np.empty(n_state + plan.shape[1], np.float32)
    bar, nothing = np.empty(N_VOICES, np.uint8), np.zeros((N_VOICES, 3), np.uint8)
    notes, no_one = np.zeros((N_STEPS, N_VOICES), np.uint8), np.zeros(N_VOICES, np.bool_)
    for t in range(N_STEPS):
        last = frames[t - 1] if t > 0 else nothing
        bar[:] = rows.UNKNOWN_NOTE
        if t >= rows.BAR_STEPS:
            bar[:] = notes[t - rows.BAR_STEPS]
        decoder_step(last, bar, t, t > 0, gates[t], h, decoder, new_h)
        h[:] = new_h
        both[:n_state], both[n_state:] = h, plan[t]
        frames[t] = 0
        known = is_absent.copy()
        draw_step(frames[t], known, no_one, last, bar, t > 0, notes[:t], both, decoder, 0.0, shape, seed, t)
        notes[t] = frames[t, :, 0]
