"""The audio callback: one record that a native function owns, and the kernel that fills a block from it.

Read this record as the design of the sound: commands come in through rings (one a thread that plays keys, and one for
what is due at a sample of its own), planned frames through the score table, levels through `mix`; samples leave, and
what went wrong is counted in `stats`. The kernel never takes the GIL, allocates, locks or raises, and always fills the
whole block.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu import FULL_SCALE, read_samples, sample_to_cycle, set_gain, settle, voice_level
from livegen.apu.tables import DM, NO
from livegen.outputs.beats import NEVER_COUNTED
from livegen.outputs.click import CLICK, add_click, place_click
from livegen.outputs.tap import TAP, write_tap
from livegen.outputs.wall_clock import now_ns
from livegen.patch import Patch
from livegen.score import N_VOICES
from livegen.score_table import PLAYER, RELEASE_AFTER_FRAMES, SLOT, TABLE, clear, read_slot
from livegen.synth.commands import COMMAND
from livegen.synth.register_log import LOG, log_writes
from livegen.synth.synth import (
    N_LANES,
    NEVER,
    SYNTH,
    next_event_sample,
    play_frame_voice,
    run_command,
    run_event,
    send_writes,
    set_up_synth,
)
from livegen.system.atomics import load_acquire, store_release
from livegen.system.kernels import Record, kernel
from livegen.units import FRAME_RATE_HZ, MAX_VOLUME, frame_to_sample

N_RINGS: Final = 8
TIMED_RING: Final = N_RINGS
"""One more ring, of commands that wait for a sample of their own, in the order of these."""

RING_SIZE: Final = 256
N_STAMPS: Final = 256
N_BINS: Final = 4096
MAX_PIECE_SAMPLES: Final = 1024

_GAIN_GRID_SAMPLES: Final = 32
_RAMP_SECONDS: Final = 0.005
_OUTPUT_UNDERFLOW: Final = 4  # paOutputUnderflow

RING: Final = np.dtype(
    [
        ("written", np.int64, 1),
        ("read", np.int64, 1),
        ("n_staged", np.int64),  # behind those that are written, and not yet to be seen; the writer's own
        ("commands", COMMAND, RING_SIZE),
    ],
    align=True,
)

MIX: Final = np.dtype(
    [
        ("metronome", np.float64),  # level of its click
        ("master", np.float64),  # level that the session wants; the callback ramps `master_now` to it
        ("gains", np.float64, N_VOICES),
        ("is_model_audible", np.int64),  # 0: frames sound as silence
        ("master_now", np.float64),
        ("gains_now", np.float64, N_VOICES),
        ("next_gain_sample", np.int64),
    ],
    align=True,
)

STATS: Final = np.dtype(
    [
        ("blocks", np.int64, 1),
        ("frame_taken", np.int64, 1),  # the last frame that the callback has asked for
        ("stamp_samples", np.int64, N_STAMPS),  # first sample of recent blocks
        ("stamp_ns", np.int64, N_STAMPS),  # time at which each of these blocks was asked for
        ("late_frames", np.int64),
        ("late_in_a_row", np.int64),
        ("underflows", np.int64),
        ("callback_ns", np.int64, N_BINS),  # histogram in bins of a microsecond
        ("callback_ns_max", np.int64),
        ("block_samples_max", np.int64),
        ("levels", np.float64, N_VOICES),  # 0..1, decaying peaks for meters
        ("mix_level", np.float64),  # the same for the whole output
    ],
    align=True,
)

CALLBACK: Final = np.dtype(
    [
        ("sample_rate", np.int64),
        ("n_channels", np.int64),  # of the output, interleaved
        ("n_parts", np.int64),  # 1: every channel carries the mix; 4: each carries a voice
        ("sample", np.int64),  # the first sample of the next block
        ("is_detached", np.int64, 1),  # 1: the sound card's function leaves the record alone and is silent
        ("idle_blocks", np.int64, 1),  # how often it was called meanwhile
        ("next_frame", np.int64, N_VOICES),
        ("slot", SLOT),  # scratch for reading the table
        ("clock_scratch", np.int64, 2),
        ("synth", SYNTH),
        ("table", TABLE),
        ("mix", MIX),
        ("click", CLICK),
        ("rings", RING, N_RINGS + 1),
        ("stats", STATS),
        ("parts", np.float32, (N_VOICES, MAX_PIECE_SAMPLES)),
        ("tap", TAP),  # copy of the mix for remote listeners
        ("log", LOG),  # of the writes to the first chip, if a file is to hold them
    ],
    align=True,
)


def new_callback(
    sample_rate: int,
    patch: Patch,
    *,
    n_channels: int = 2,
    is_apart: bool = False,
    filters: bool = True,
    record: NDArray[np.void] | None = None,
) -> NDArray[np.void]:
    """Return a callback at sample 0, silent: an array of shape (1,) of `CALLBACK`.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    patch : Patch
        How the player's notes sound.
    n_channels : int
        Channels of the interleaved output; each carries the same signal.
    is_apart : bool
        Whether the output has four channels instead: P1, P2, TR and NO, each voice with a mixer of its own.
    filters : bool
        Whether the console's output filters are on.
    record : ndarray of CALLBACK, shape (1,), optional
        Where it is made, all zeros before; None takes memory of its own.
    """
    callback = np.zeros(1, CALLBACK) if record is None else record
    callback["sample_rate"] = sample_rate
    callback["n_channels"] = N_VOICES if is_apart else n_channels
    callback["n_parts"] = N_VOICES if is_apart else 1
    callback["mix"]["gains"] = 1.0
    callback["mix"]["gains_now"] = 1.0
    callback["mix"]["is_model_audible"] = 1
    callback["mix"]["next_gain_sample"] = _GAIN_GRID_SAMPLES
    callback["click"]["next_beat"] = NEVER_COUNTED
    callback["click"]["start_sample"] = -sample_rate
    callback["stats"]["frame_taken"] = -1
    clear(callback["table"])
    set_up_synth(callback["synth"], sample_rate, patch, is_apart=is_apart, filters=filters)
    return callback


def begin_with_gains(callback: NDArray[np.void], gains: NDArray[np.float64]) -> None:
    """Set the voices' gains, shape (4,), from the first sample on, so that they need not ramp there from 1.

    A silent triangle holds a level, so a ramp of its gain would be heard as a thump.
    """
    synth, mix = callback["synth"][0], callback["mix"]
    mix["gains"] = mix["gains_now"] = gains
    for voice in range(N_VOICES):
        chip = synth["chips"][synth["chip_of_voice"][voice]]
        _set_gains(chip, 0, voice, gains[voice])
        settle(chip)


@kernel
def attach(callback: Record) -> None:
    """Let the sound card play; the level ramps up from silence."""
    callback.mix.master_now = 0.0
    store_release(callback.is_detached, 0, 0)


@kernel
def detach(callback: Record) -> None:
    """Let the sound card leave the record alone from its next block on, so that another may play it."""
    store_release(callback.is_detached, 0, 1)


@kernel
def stays_idle(callback: Record) -> bool:
    """Tell the sound card whether to leave the record alone in this block, and count it if so."""
    if not load_acquire(callback.is_detached, 0):
        return False
    store_release(callback.idle_blocks, 0, callback.idle_blocks[0] + 1)
    return True


@kernel
def stage_command(callback: Record, ring_index: int, command: Record) -> bool:
    """Put a copy of a command into a ring, to be run when all that is staged is published; False if the ring is full.

    One thread at a time writes to a ring.
    """
    ring = callback.rings[ring_index]
    end = ring.written[0] + ring.n_staged
    if end - load_acquire(ring.read, 0) >= RING_SIZE:
        return False
    ring.commands[end % RING_SIZE] = command
    ring.n_staged += 1
    return True


@kernel
def publish_commands(callback: Record, ring_index: int) -> None:
    """Let the callback see what is staged in a ring, all of it at once."""
    ring = callback.rings[ring_index]
    n_staged = ring.n_staged
    ring.n_staged = 0
    store_release(ring.written, 0, ring.written[0] + n_staged)


@kernel
def render_block(callback: Record, out: NDArray[np.float32], n_samples: int) -> None:
    """Fill `out` with the next samples, interleaved over the channels. Every output calls this."""
    done = 0
    while done < n_samples:
        n = min(n_samples - done, MAX_PIECE_SAMPLES)
        _render_piece(callback, n)
        for channel in range(callback.n_channels):
            part = callback.parts[channel % callback.n_parts]
            for i in range(n):
                out[(done + i) * callback.n_channels + channel] = part[i]
        done += n


@kernel
def _render_piece(callback: Record, n_samples: int) -> None:
    _run_commands(callback)
    end = callback.sample + n_samples
    for _ in range(64 * N_LANES + n_samples + RING_SIZE):  # a bound, never reached: each event moves its own clock on
        lane, sample, kind = _next_event(callback)
        if sample >= end:
            break
        sample = max(sample, callback.sample)
        if kind == _COMMAND:
            _run_timed_command(callback, sample)
        elif kind == _FRAME:
            _start_frame(callback, sample, lane)
        elif kind == _TICK:
            run_event(callback.synth, sample, lane)
        else:
            _step_gains(callback, sample)
        _send(callback)
    for part in range(callback.n_parts):
        read_samples(callback.synth.chips[part], n_samples, callback.parts[part])
    if callback.n_parts == 1:  # voices on channels of their own get no click
        add_click(
            callback.click, callback.mix.metronome, callback.sample, callback.sample_rate, callback.parts[0], n_samples
        )
    _apply_master(callback, n_samples)
    if callback.tap.is_on:
        write_tap(callback.tap, callback.sample, callback.parts, callback.n_parts, n_samples)
    callback.sample = end


@kernel
def _run_commands(callback: Record) -> None:
    for ring_index in range(N_RINGS):
        ring = callback.rings[ring_index]
        written = load_acquire(ring.written, 0)
        read = ring.read[0]
        while read < written:
            run_command(callback.synth, callback.sample, ring.commands[read % RING_SIZE])
            _send(callback)
            read += 1
        store_release(ring.read, 0, read)


@kernel
def _run_timed_command(callback: Record, sample: int) -> None:
    ring = callback.rings[TIMED_RING]
    read = ring.read[0]
    run_command(callback.synth, sample, ring.commands[read % RING_SIZE])
    store_release(ring.read, 0, read + 1)


@kernel
def _send(callback: Record) -> None:
    if callback.log.is_on:
        log_writes(callback.log, callback.synth.writes[0], callback.synth.banks)
    send_writes(callback.synth)


_FRAME: Final = 0
_TICK: Final = 1
_GAIN: Final = 2
_COMMAND: Final = 3


@kernel
def _next_event(callback: Record) -> tuple[int, int, int]:
    """Return lane, sample and kind of what comes first: at the same sample commands, then frames, then ticks."""
    best_lane, best_sample, best_kind = 0, NEVER, _FRAME
    timed = callback.rings[TIMED_RING]
    if timed.read[0] < load_acquire(timed.written, 0):
        best_sample, best_kind = timed.commands[timed.read[0] % RING_SIZE].sample, _COMMAND
    for voice in range(N_VOICES):
        sample = _frame_sample(callback, voice)
        if sample < best_sample:
            best_lane, best_sample, best_kind = voice, sample, _FRAME
    for lane in range(N_LANES):
        sample = next_event_sample(callback.synth, lane)
        if sample < best_sample:
            best_lane, best_sample, best_kind = lane, sample, _TICK
    if callback.mix.next_gain_sample < best_sample:
        best_sample, best_kind = callback.mix.next_gain_sample, _GAIN
    return best_lane, best_sample, best_kind


@kernel
def _frame_sample(callback: Record, voice: int) -> int:
    """Return the sample at which a voice's next frame begins, its onset offset included."""
    frame_index = callback.next_frame[voice]
    start = frame_to_sample(frame_index, callback.sample_rate)
    if read_slot(callback.table, frame_index, callback.slot):
        return start + np.int64(callback.slot.onset_offset[voice] * callback.sample_rate / FRAME_RATE_HZ)
    return start


@kernel
def _start_frame(callback: Record, sample: int, voice: int) -> None:
    frame_index = callback.next_frame[voice]
    callback.next_frame[voice] = frame_index + 1
    stats = callback.stats
    is_early = sample < frame_to_sample(frame_index, callback.sample_rate)  # only this voice: the frame begins later
    is_first_voice = frame_index > stats.frame_taken[0] and not is_early
    if is_first_voice:
        store_release(stats.frame_taken, 0, frame_index)
    is_there = read_slot(callback.table, frame_index, callback.slot)
    if is_there:  # at every voice, since the first may be early; a click is placed only once
        place_click(callback.click, callback.slot, sample, callback.sample_rate)
    if is_first_voice:
        stats.late_in_a_row = 0 if is_there else stats.late_in_a_row + 1
        stats.late_frames += not is_there
    # The row of a player's voice tells the model what was played when the frame was planned. The keys themselves sound
    # by commands, so sounding the row could only repeat a key.
    is_silent = not callback.mix.is_model_audible or (is_there and callback.slot.owner[voice] == PLAYER)
    if is_silent or stats.late_in_a_row >= RELEASE_AFTER_FRAMES:
        play_frame_voice(callback.synth, sample, voice, 0, 0, 0)
    elif is_there:
        row = callback.slot.frame[voice]
        play_frame_voice(callback.synth, sample, voice, np.int64(row[0]), np.int64(row[1]), np.int64(row[2]))


@kernel
def _step_gains(callback: Record, sample: int) -> None:
    """Move each voice's gain towards its goal. Steps lie on a grid of absolute samples, whatever the block size."""
    mix = callback.mix
    step = _GAIN_GRID_SAMPLES / (_RAMP_SECONDS * callback.sample_rate)
    for voice in range(N_VOICES):
        goal, now = mix.gains[voice], mix.gains_now[voice]
        if goal != now:
            mix.gains_now[voice] = min(goal, now + step) if goal > now else max(goal, now - step)
            chip = callback.synth.chips[callback.synth.chip_of_voice[voice]]
            _set_gains(chip, sample_to_cycle(chip, sample), voice, mix.gains_now[voice])
    mix.next_gain_sample = sample + _GAIN_GRID_SAMPLES


@kernel
def _set_gains(chip: Record, cycle: int, voice: int, gain: float) -> None:
    """Set the gain of a voice; the DMC, whose samples are drums, has that of the noise."""
    set_gain(chip, cycle, voice, gain)
    if voice == NO:
        set_gain(chip, cycle, DM, gain)


@kernel
def _apply_master(callback: Record, n_samples: int) -> None:
    mix = callback.mix
    goal, now = mix.master, mix.master_now
    step = 1.0 / (_RAMP_SECONDS * callback.sample_rate)
    for i in range(n_samples):
        if now != goal:
            now = min(goal, now + step) if goal > now else max(goal, now - step)
        for part in range(callback.n_parts):
            callback.parts[part, i] *= now * FULL_SCALE
    mix.master_now = now


@kernel
def fill_block(callback: Record, out: NDArray[np.float32], n_samples: int, status_flags: int) -> None:
    """Render a block in real time: stamp it, count what went wrong, time it, and move the meters."""
    began_ns = now_ns(callback.clock_scratch)
    stats = callback.stats
    block = stats.blocks[0]
    stats.stamp_samples[block % N_STAMPS] = callback.sample
    stats.stamp_ns[block % N_STAMPS] = began_ns
    store_release(stats.blocks, 0, block + 1)
    stats.underflows += (status_flags & _OUTPUT_UNDERFLOW) != 0
    stats.block_samples_max = max(stats.block_samples_max, n_samples)
    render_block(callback, out, n_samples)
    for voice in range(N_VOICES):
        chip = callback.synth.chips[callback.synth.chip_of_voice[voice]]
        level = voice_level(chip, voice) / MAX_VOLUME * callback.mix.gains_now[voice]
        stats.levels[voice] = max(level, stats.levels[voice] * 0.95)
    mix_level = stats.mix_level * 0.95
    for i in range(n_samples * callback.n_channels):
        mix_level = max(mix_level, abs(np.float64(out[i])))
    stats.mix_level = mix_level
    took_ns = now_ns(callback.clock_scratch) - began_ns
    stats.callback_ns[min(took_ns // 1000, N_BINS - 1)] += 1
    stats.callback_ns_max = max(stats.callback_ns_max, took_ns)
