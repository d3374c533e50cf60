"""The whole chip: register writes at CPU cycles in, samples out, https://www.nesdev.org/wiki/APU.

A chip is one record of `CHIP`, plain data: `chip.copy()` is a snapshot. All times are absolute CPU cycles since
power-up. The computing time grows with the number of edges that sound, not with the number of cycles: a silent voice
takes one step from one clock of the frame counter to the next, and so does a DMC that plays nothing. The block size
never changes a sample.

The kernels allocate nothing and raise nothing; whoever calls one owns the chip and calls from one thread.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu.band_limit import (
    BAND_LIMIT,
    LEVEL_UNITS,
    MAX_BLOCK_SAMPLES,
    OUTPUT_SCALE,
    add_binned_step,
    add_step,
    close_bins,
    drop_samples,
    is_dense,
    open_bins,
    sample_to_cycle_of,
    samples_reached,
    sum_steps,
    units_to_level,
)
from livegen.apu.dmc import DMC, NEVER, advance_idle_dmc, clock_dmc, dmc_due, enable_dmc, set_memory, write_dmc
from livegen.apu.envelope import clock_envelope
from livegen.apu.frame_counter import (
    FRAME_COUNTER,
    HALF_FRAME,
    QUARTER_FRAME,
    clock_frame_counter,
    due_clocks,
    frame_counter_due,
    write_frame_counter,
)
from livegen.apu.length_counter import clock_length, clock_length_first, enable_length
from livegen.apu.mixer import (
    FILTERS,
    LINEAR,
    OTHERS_FACTOR,
    PULSES_FACTOR,
    WEIGHTS,
    amplitude,
    filter_samples,
    settle_filters,
)
from livegen.apu.noise import (
    NOISE,
    advance_noise,
    clocks_to_edge,
    noise_output,
    noise_period_cycles,
    noise_volume,
    step_shift_register,
    write_noise,
)
from livegen.apu.pulse import (
    PULSE,
    STEPS_TO_EDGE,
    advance_pulse,
    clock_pulse_half,
    clock_pulse_quarter,
    next_pulse_edge,
    pulse_output,
    pulse_volume,
    write_pulse,
)
from livegen.apu.tables import DM, FRAME_LOOPS, NO, NOISE_TAPS, P1, P2, TR, TRIANGLE_SEQUENCE, VOICES
from livegen.apu.triangle import (
    LOWEST_TIMER_PERIOD,
    TRIANGLE,
    advance_triangle,
    clock_linear_counter,
    triangle_output,
    triangle_runs,
    write_triangle,
)
from livegen.system.kernels import kernel

_MAX_TRIANGLE_CLOCKS: Final = int(FRAME_LOOPS.max()) // (LOWEST_TIMER_PERIOD + 1) + 2
"""More clocks than the triangle has between two clocks of the frame counter."""

CHIP: Final = np.dtype(
    [
        ("cycle", np.int64),  # cycle up to which the voices have run
        ("pulses", PULSE, (2,)),
        ("triangle", TRIANGLE),
        ("noise", NOISE),
        ("dmc", DMC),
        ("frame_counter", FRAME_COUNTER),
        ("gain", np.float64, (len(VOICES),)),
        ("mixer", np.int64),  # index into MIXERS
        ("filtered", np.bool_),
        ("pulses_units", np.int64),  # amplitude of the pulses as last sent to the band limiter
        ("others_units", np.int64),  # the same of triangle, noise and DMC
        ("others_levels", np.int64, (2, len(TRIANGLE_SEQUENCE))),  # others_units by noise output and triangle position
        ("noise_flips", np.int8, (_MAX_TRIANGLE_CLOCKS,)),  # 1: odd number of noise edges just before this clock
        ("filters", FILTERS),
        ("band_limit", BAND_LIMIT),
        ("early_writes", np.int64),  # number of writes further ahead than the buffer reaches
    ],
    align=True,
)
"""The chip as a record. Its fields are for `livegen.apu` only; other packages use the functions."""

MAX_GAIN: Final = 4.0


@kernel
def sample_to_cycle(chip: np.record, sample: int) -> int:
    """Return the first CPU cycle of an absolute sample: a write there sounds from that sample on."""
    return sample_to_cycle_of(chip.band_limit.samples_per_cycle, sample)


@kernel
def settle(chip: np.record) -> None:
    """Make the present levels and gains count as the ones from the start: no step, and nothing left in the filters."""
    _send_levels(chip)
    band_limit = chip.band_limit
    band_limit.differences[:] = 0.0
    band_limit.level = units_to_level(chip.pulses_units + chip.others_units)
    settle_filters(chip.filters, band_limit.level * OUTPUT_SCALE)


@kernel
def write_register(chip: np.record, cycle: int, address: int, value: int) -> None:
    """Run the chip up to a cycle, then write a register.

    A cycle in the past means now. One that lies more than `MAX_BLOCK_SAMPLES` beyond what was read is brought
    forward to there and counted in `early_writes`.

    Parameters
    ----------
    chip
        A record of `CHIP`.
    cycle
        Absolute CPU cycle, int64.
    address
        $4000..$4017. A write to any other address is ignored.
    value
        0..255; higher bits are dropped.
    """
    run_to(chip, cycle)
    if frame_counter_due(chip.frame_counter) == chip.cycle and due_clocks(chip.frame_counter) & HALF_FRAME:
        clock_length_first(chip.pulses[0].length)
        clock_length_first(chip.pulses[1].length)
        clock_length_first(chip.triangle.length)
        clock_length_first(chip.noise.length)
    value &= 0xFF
    if address < 0x4008:
        if address >= 0x4000:
            write_pulse(chip.pulses[(address >> 2) & 1], address & 3, value)
    elif address < 0x400C:
        write_triangle(chip.triangle, address & 3, value)
    elif address < 0x4010:
        write_noise(chip.noise, address & 3, value)
    elif address < 0x4014:
        write_dmc(chip.dmc, address & 3, value)
    elif address == 0x4015:
        enable_length(chip.pulses[0].length, (value & 1) != 0)
        enable_length(chip.pulses[1].length, (value & 2) != 0)
        enable_length(chip.triangle.length, (value & 4) != 0)
        enable_length(chip.noise.length, (value & 8) != 0)
        enable_dmc(chip.dmc, chip.cycle, (value & 16) != 0)
    elif address == 0x4017:
        write_frame_counter(chip.frame_counter, chip.cycle, value)
    _send_levels(chip)


@kernel
def write_memory(chip: np.record, cycle: int, offset: int, data: NDArray[np.uint8]) -> None:
    """Run the chip up to a cycle, taken as by `write_register`, then change what the DMC finds in memory.

    Parameters
    ----------
    chip
        A record of `CHIP`.
    cycle
        Absolute CPU cycle, int64.
    offset
        Of the first byte, counted from $8000.
    data
        Bytes, uint8 (n,). Those beyond $FFFF are dropped.
    """
    run_to(chip, cycle)
    set_memory(chip.dmc, offset, data)


@kernel
def set_gain(chip: np.record, cycle: int, voice: int, gain: float) -> None:
    """Run the chip up to a cycle, then set a voice's gain; 1 is the chip, 0 mutes.

    The gain multiplies the voice's level before the mixer, clamped to 0..`MAX_GAIN` (NaN is 0). The cycle is
    taken as by `write_register`; `voice` is an index into `livegen.apu.VOICES`, any other does nothing.
    """
    run_to(chip, cycle)
    if 0 <= voice < len(VOICES):
        chip.gain[voice] = min(gain, MAX_GAIN) if gain > 0.0 else 0.0
    _send_levels(chip)


@kernel
def voice_level(chip: np.record, voice: int) -> int:
    """Return a voice's level for a meter, 0..15 before gain; the triangle's is 15 while it runs."""
    if voice == TR:
        return 15 if triangle_runs(chip.triangle) else 0
    if voice == NO:
        return noise_volume(chip.noise)
    return pulse_volume(chip.pulses[voice]) if P1 <= voice <= P2 else 0


@kernel
def read_samples(chip: np.record, n: int, out: NDArray[np.floating]) -> None:
    """Run the chip until `n` more samples are complete and write them to `out[:n]`.

    Sample `i` of a chip, counted from power-up, is the sound at `i - LATENCY_SAMPLES`. Amplitudes are those of the
    mixer's formula, 0..1 at gain 1. The filters, if they are on, remove DC.
    """
    band_limit = chip.band_limit
    done = 0
    while done < n:
        piece = min(n - done, MAX_BLOCK_SAMPLES)
        _run(chip, sample_to_cycle(chip, band_limit.origin_sample + piece))
        # The voices may have run further than this block, up to a write that lies ahead.
        used = samples_reached(band_limit, chip.cycle)
        samples = band_limit.differences[:piece]
        sum_steps(band_limit, samples)
        if chip.filtered:
            filter_samples(chip.filters, samples)
        for i in range(piece):
            out[done + i] = samples[i]
        drop_samples(band_limit, piece, used)
        done += piece


@kernel
def run_to(chip: np.record, cycle: int) -> None:
    """Run the chip up to a cycle, which itself is still to come; one that is too far ahead is taken as for a write."""
    last = sample_to_cycle(chip, chip.band_limit.origin_sample + MAX_BLOCK_SAMPLES)
    if cycle > last:
        chip.early_writes += 1
        cycle = last
    _run(chip, cycle)


@kernel
def _run(chip: np.record, end: int) -> None:
    """Run up to the cycle `end`, which itself is still to come."""
    while True:
        due = frame_counter_due(chip.frame_counter)
        if due >= end:
            break
        _run_voices(chip, due)
        clocks = clock_frame_counter(chip.frame_counter)
        if clocks & QUARTER_FRAME:
            clock_pulse_quarter(chip.pulses[0])
            clock_pulse_quarter(chip.pulses[1])
            clock_linear_counter(chip.triangle)
            clock_envelope(chip.noise.envelope)
        if clocks & HALF_FRAME:
            clock_pulse_half(chip.pulses[0])
            clock_pulse_half(chip.pulses[1])
            clock_length(chip.triangle.length)
            clock_length(chip.noise.length)
        _send_levels(chip)
    _run_voices(chip, end)


@kernel
def _run_voices(chip: np.record, end: int) -> None:
    """Run all voices up to the cycle `end`. No register and no counter may change before it."""
    if chip.cycle < end:
        _run_pulses(chip, end)
        while True:  # every clock of the DMC may change the size of the other two's steps
            due = dmc_due(chip.dmc)
            _run_triangle_and_noise(chip, min(due, end))  # the one place that calls it: so it is compiled into this one
            chip.cycle = min(due, end)
            if due >= end:
                break
            clock_dmc(chip.dmc)
            _send_others_level(chip)
        if due == NEVER:
            advance_idle_dmc(chip.dmc, end)


@kernel
def _run_pulses(chip: np.record, end: int) -> None:
    """Send the steps of both pulses in the order of time. The size of a step depends on the other pulse's level."""
    pulse_1, pulse_2 = chip.pulses[0], chip.pulses[1]
    high_1 = pulse_volume(pulse_1) * _weight(chip, P1)
    high_2 = pulse_volume(pulse_2) * _weight(chip, P2)
    output_1, output_2 = pulse_output(pulse_1), pulse_output(pulse_2)
    edge_1 = next_pulse_edge(pulse_1) if high_1 > 0.0 else NEVER
    edge_2 = next_pulse_edge(pulse_2) if high_2 > 0.0 else NEVER
    units = chip.pulses_units
    while True:
        cycle = min(edge_1, edge_2)
        if cycle >= end:
            break
        if edge_1 == cycle:
            output_1 = 1 - output_1
            edge_1 = _pass_edge(pulse_1)
        if edge_2 == cycle:
            output_2 = 1 - output_2
            edge_2 = _pass_edge(pulse_2)
        new_units = _to_units(chip, PULSES_FACTOR, high_1 * output_1 + high_2 * output_2)
        if new_units != units:
            add_step(chip.band_limit, cycle, new_units - units)
            units = new_units
    chip.pulses_units = units
    advance_pulse(pulse_1, end)
    advance_pulse(pulse_2, end)


@kernel
def _pass_edge(pulse: np.record) -> int:
    """Move a pulse to just after its next edge and return the cycle of the one that follows."""
    period = 2 * (pulse.timer_period + 1)
    steps = STEPS_TO_EDGE[pulse.duty, pulse.position]
    pulse.position = (pulse.position + steps) & 7
    pulse.next_clock += steps * period
    return next_pulse_edge(pulse)


@kernel
def _run_triangle_and_noise(chip: np.record, end: int) -> None:
    """Send the steps of the triangle and of the noise. The size of a step depends on the other voice's level.

    The two are not run in the order of time, because the processor could not predict which one is next. The noise runs
    first and notes in `noise_flips` between which clocks of the triangle its output changed.
    """
    triangle, noise, band_limit = chip.triangle, chip.noise, chip.band_limit
    triangle_sounds = triangle_runs(triangle) and _weight(chip, TR) > 0.0
    noise_sounds = noise_volume(noise) > 0 and _weight(chip, NO) > 0.0
    triangle_moves = triangle_sounds and triangle.next_clock < end
    noise_moves = noise_sounds and noise.next_clock < end
    if triangle_moves or noise_moves:
        _tabulate_others(chip, triangle_moves, noise_moves)
        steps_per_cycle = 0.0
        if triangle_moves:
            steps_per_cycle += 1.0 / (triangle.timer_period + 1)
        if noise_moves:
            steps_per_cycle += 0.5 / noise_period_cycles(noise)
        if is_dense(band_limit, steps_per_cycle):
            begin = chip.cycle
            while begin < end:
                begin = min(open_bins(band_limit, begin), end)
                _send_others(chip, begin, triangle_moves, noise_moves, True)
                close_bins(band_limit, begin)
        else:
            _send_others(chip, end, triangle_moves, noise_moves, False)
    advance_triangle(triangle, end)
    advance_noise(noise, end)


@kernel
def _tabulate_others(chip: np.record, triangle_moves: bool, noise_moves: bool) -> None:
    """Compute the amplitudes that triangle, noise and DMC can take together while one or both of the first two move."""
    first = 0 if triangle_moves else chip.triangle.position
    last = len(TRIANGLE_SEQUENCE) if triangle_moves else first + 1
    output = noise_output(chip.noise)
    for position in range(first, last):
        level = TRIANGLE_SEQUENCE[position]
        chip.others_levels[output, position] = _others_units(chip, level, output)
        if noise_moves:
            chip.others_levels[1 - output, position] = _others_units(chip, level, 1 - output)


@kernel
def _send_others(chip: np.record, end: int, triangle_moves: bool, noise_moves: bool, binned: bool) -> None:
    """Send all steps before the cycle `end` of the triangle and the noise, if they move, and move both up to it."""
    triangle, noise = chip.triangle, chip.noise
    levels, flips = chip.others_levels, chip.noise_flips
    position, triangle_period = triangle.position, triangle.timer_period + 1
    triangle_edge = triangle.next_clock if triangle_moves else NEVER
    began_at = output = noise_output(noise)

    if noise_moves:
        register, noise_period, tap = noise.shift_register, noise_period_cycles(noise), NOISE_TAPS[noise.mode]
        per_cycle = 1.0 / triangle_period
        clocks = clocks_to_edge(register)
        noise_edge = noise.next_clock + (clocks - 1) * noise_period
        while noise_edge < end:
            # Number of the triangle's clocks before the edge: a quotient, with half a cycle of room for rounding.
            passed = 0
            if noise_edge > triangle_edge:
                passed = int((float(noise_edge - triangle_edge + triangle_period) - 0.5) * per_cycle)
            register = step_shift_register(register, tap, clocks)
            new_output, then = 1 - (register & 1), (position + passed) & 31
            flips[passed] ^= output ^ new_output
            _send(chip, binned, noise_edge, levels[new_output, then] - levels[output, then])
            output = new_output
            clocks = clocks_to_edge(register)
            noise_edge += clocks * noise_period
        noise.shift_register, noise.next_clock = register, noise_edge - (clocks - 1) * noise_period

    passed, output = 0, began_at
    while triangle_edge < end:
        output ^= flips[passed]
        flips[passed] = 0
        new_position = (position + 1) & 31
        _send(chip, binned, triangle_edge, levels[output, new_position] - levels[output, position])
        position = new_position
        triangle_edge += triangle_period
        passed += 1
    output ^= flips[passed]
    flips[passed] = 0
    if triangle_moves:
        triangle.position, triangle.next_clock = position, triangle_edge
    chip.others_units = levels[output, position]


@kernel
def _send(chip: np.record, binned: bool, cycle: int, units: int) -> None:
    if binned:
        add_binned_step(chip.band_limit, cycle, units)
    elif units != 0:
        add_step(chip.band_limit, cycle, units)


@kernel
def _send_levels(chip: np.record) -> None:
    """Send a step at the present cycle wherever a write or a counter changed a level."""
    pulse_1 = pulse_volume(chip.pulses[0]) * _weight(chip, P1) * pulse_output(chip.pulses[0])
    pulse_2 = pulse_volume(chip.pulses[1]) * _weight(chip, P2) * pulse_output(chip.pulses[1])
    units = _to_units(chip, PULSES_FACTOR, pulse_1 + pulse_2)
    if units != chip.pulses_units:
        add_step(chip.band_limit, chip.cycle, units - chip.pulses_units)
        chip.pulses_units = units
    _send_others_level(chip)


@kernel
def _send_others_level(chip: np.record) -> None:
    units = _others_units(chip, triangle_output(chip.triangle), noise_output(chip.noise))
    if units != chip.others_units:
        add_step(chip.band_limit, chip.cycle, units - chip.others_units)
        chip.others_units = units


@kernel
def _others_units(chip: np.record, triangle_level: int, noise_output: int) -> int:
    """Return the amplitude of triangle, noise and DMC together, given the triangle's level and the noise's output."""
    noise_level = noise_volume(chip.noise) * noise_output
    load = triangle_level * _weight(chip, TR) + noise_level * _weight(chip, NO) + chip.dmc.level * _weight(chip, DM)
    return _to_units(chip, OTHERS_FACTOR, load)


@kernel
def _weight(chip: np.record, voice: int) -> float:
    """Return the load of one unit of a voice's level."""
    return chip.gain[voice] * WEIGHTS[chip.mixer, voice]


@kernel
def _to_units(chip: np.record, factor: float, load: float) -> int:
    """Return a group's amplitude in the band limiter's units."""
    return int(amplitude(chip.mixer == LINEAR, factor, load) * LEVEL_UNITS + 0.5)
