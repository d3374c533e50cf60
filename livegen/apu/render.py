"""The functions of the chip that check their arguments: a new chip, and the sound of a whole log of register writes."""

import math
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from livegen.apu.apu import CHIP, read_samples, sample_to_cycle, settle, write_memory, write_register
from livegen.apu.band_limit import LATENCY_SAMPLES, sample_to_cycle_of, samples_per_cycle
from livegen.apu.dmc import power_up_dmc
from livegen.apu.memory import Memory, changes_as_arrays, check_memory, load_first
from livegen.apu.mixer import MIXERS, set_filters
from livegen.apu.noise import POWER_UP_SHIFT_REGISTER
from livegen.apu.tables import DM, REGIONS, VOICES
from livegen.apu.triangle import POWER_UP_POSITION
from livegen.errors import FormatError
from livegen.system.kernels import kernel

SAMPLE_RATE_RANGE_HZ: Final = (8_000, 192_000)
CPU_CLOCK_RANGE_HZ: Final = (500_000.0, 8_000_000.0)
MAX_CYCLE: Final = 1 << 48
"""Latest CPU cycle of a write: five years."""

MAX_SAMPLES: Final = 1 << 31
NO_MEMORY: Final = Memory()
_BLOCK_SAMPLES: Final = 1024  # small enough for the level 1 cache of a core
_YIELDED_SAMPLES: Final = 1 << 16


def new_chip(
    *,
    cpu_clock_hz: float,
    sample_rate: float,
    region: str = "ntsc",
    voices: Iterable[str] = ("p1", "p2", "tr", "no"),
    mixer: str = "nonlinear",
    filters: bool = True,
) -> NDArray[Any]:
    """Return a chip at power-up: every register and counter 0.

    All is silent, but the triangle stands at level 15, as a console's does. Without filters that is a constant offset.

    Parameters
    ----------
    cpu_clock_hz
        CPU clock in Hz, 0.5 to 8 MHz; `livegen.units.CPU_CLOCK_HZ` has the regions'.
    sample_rate
        Output rate in Hz, 8,000 to 192,000.
    region
        "ntsc" or "pal": the tables of noise, DMC and frame counter.
    voices
        Which of "p1", "p2", "tr", "no" have a gain of 1; the others run at a gain of 0. "dm", the DMC, has a gain
        of 1 if it is named or if all the other four have.
    mixer
        "nonlinear", the console's, or "linear", its approximation.
    filters
        Whether the console's output filters (high-pass 90 and 440 Hz, low-pass 14 kHz) are on.

    Returns
    -------
    ndarray
        Shape (1,), dtype `CHIP`; kernels take its record, `chip[0]`. The caller owns it.

    Raises
    ------
    FormatError
        If an argument is not one of these.
    """
    chip = np.zeros(1, CHIP)
    record = chip[0]
    clock = _in_range("CPU clock", cpu_clock_hz, CPU_CLOCK_RANGE_HZ)
    rate = _in_range("sample rate", sample_rate, SAMPLE_RATE_RANGE_HZ)
    region_index = _one_of("region", region, REGIONS)
    record["band_limit"]["samples_per_cycle"] = samples_per_cycle(clock, rate)
    record["pulses"]["sweep"]["ones_complement"] = True, False
    record["noise"]["shift_register"] = POWER_UP_SHIFT_REGISTER
    record["noise"]["region"] = region_index
    record["triangle"]["position"] = POWER_UP_POSITION
    record["frame_counter"]["region"] = region_index
    power_up_dmc(record["dmc"], region_index)
    record["gain"] = _gains(voices)
    record["mixer"] = _one_of("mixer", mixer, MIXERS)
    record["filtered"] = bool(filters)
    set_filters(record["filters"], rate)
    settle(record)
    return chip


def render_writes(
    cycle: ArrayLike,
    address: ArrayLike,
    value: ArrayLike,
    *,
    cpu_clock_hz: float,
    sample_rate: float,
    n_samples: int,
    region: str = "ntsc",
    voices: Iterable[str] = ("p1", "p2", "tr", "no"),
    mixer: str = "nonlinear",
    filters: bool = True,
    memory: Memory = NO_MEMORY,
) -> NDArray[np.float32]:
    """Return the sound of a log of register writes, from power-up.

    Parameters
    ----------
    cycle, address, value
        One entry a write, integers of the same shape (n,): the CPU cycle since power-up, ascending (equal cycles
        in their order); the register, $4000..$4017; the byte.
    cpu_clock_hz, sample_rate, region, voices, mixer, filters
        As in `new_chip`.
    n_samples
        Samples to return, 0 to 2**31. Writes after them are checked and have no effect.
    memory
        What the DMC finds at $8000..$FFFF, and when that changes; empty if left out.

    Returns
    -------
    ndarray
        float32, shape (n_samples,). Sample `i` is the sound at `i / sample_rate` seconds.

    Raises
    ------
    FormatError
        If an argument is out of its range or the arrays do not fit together.
    """
    blocks = render_blocks(
        cycle,
        address,
        value,
        cpu_clock_hz=cpu_clock_hz,
        sample_rate=sample_rate,
        n_samples=n_samples,
        region=region,
        voices=voices,
        mixer=mixer,
        filters=filters,
        memory=memory,
    )
    try:
        out = np.empty(int(n_samples), np.float32)
    except MemoryError:
        raise FormatError(f"{n_samples} samples do not fit into this machine's memory; ask for fewer.") from None
    done = 0
    for block in blocks:
        out[done : done + len(block)] = block
        done += len(block)
    return out


def render_blocks(
    cycle: ArrayLike,
    address: ArrayLike,
    value: ArrayLike,
    *,
    cpu_clock_hz: float,
    sample_rate: float,
    n_samples: int,
    region: str = "ntsc",
    voices: Iterable[str] = ("p1", "p2", "tr", "no"),
    mixer: str = "nonlinear",
    filters: bool = True,
    memory: Memory = NO_MEMORY,
) -> Iterator[NDArray[np.float32]]:
    """Return the sound of a log of register writes piece by piece, so that a long one need not fit into memory.

    Parameters
    ----------
    cycle, address, value, cpu_clock_hz, sample_rate, n_samples, region, voices, mixer, filters, memory
        As in `render_writes`; they are checked before this returns.

    Returns
    -------
    iterator of ndarray
        float32, at most 65,536 samples each; the caller owns them. Together they are what `render_writes` returns.

    Raises
    ------
    FormatError
        If an argument is out of its range or the arrays do not fit together.
    """
    cycles = _integers("cycles", cycle, 0, MAX_CYCLE)
    addresses = _integers("addresses", address, 0x4000, 0x4017)
    values = _integers("values", value, 0, 255)
    if not len(cycles) == len(addresses) == len(values):
        raise FormatError(
            f"A log of writes needs as many cycles as addresses and values, not "
            f"{len(cycles)}, {len(addresses)} and {len(values)}."
        )
    backwards = np.flatnonzero(np.diff(cycles) < 0)
    if len(backwards):
        i = int(backwards[0]) + 1
        raise FormatError(
            f"Write {i} of the log is at cycle {cycles[i]}, before the {cycles[i - 1]} of the one before it."
        )
    if isinstance(n_samples, bool) or not isinstance(n_samples, int | np.integer) or not 0 <= n_samples <= MAX_SAMPLES:
        raise FormatError(f"n_samples is {n_samples!r}; it must be a whole number from 0 to {MAX_SAMPLES}.")
    chip = new_chip(
        cpu_clock_hz=cpu_clock_hz, sample_rate=sample_rate, region=region, voices=voices, mixer=mixer, filters=filters
    )
    check_memory(memory)
    load_first(memory, chip[0]["dmc"])
    return _blocks(chip[0], (cycles, addresses, values), memory, int(n_samples))


def pulse_periods(
    cycle: NDArray[np.int64],
    address: NDArray[np.int64],
    value: NDArray[np.uint8],
    *,
    cpu_clock_hz: float,
    region: str,
    seconds: float,
) -> tuple[int, int]:
    """Return the timer periods of the two pulses after some seconds of a log, with what sweeps did to them.

    The arrays are as `render_writes` takes them, and in order.
    """
    rate = SAMPLE_RATE_RANGE_HZ[0]
    chip = new_chip(cpu_clock_hz=cpu_clock_hz, sample_rate=rate, region=region, voices=())
    values, out, done = value.astype(np.int64), np.empty(_YIELDED_SAMPLES, np.float32), (0, 0)
    changes = changes_as_arrays(NO_MEMORY)
    n_samples = math.ceil(seconds * rate)
    for start in range(0, n_samples, _YIELDED_SAMPLES):
        done = _render(chip[0], cycle, address, values, *changes, *done, out[: n_samples - start])
    first, second = chip["pulses"]["timer_period"][0].tolist()
    return first, second


def samples_to_cycles(samples: NDArray[np.int64], *, cpu_clock_hz: float, sample_rate: float) -> NDArray[np.int64]:
    """Return the first CPU cycle of each absolute sample, as `sample_to_cycle` does for a chip; shape (n,)."""
    places = samples.copy()
    _to_cycles(samples_per_cycle(cpu_clock_hz, sample_rate), places)
    return places


@kernel
def _to_cycles(ratio: int, places: NDArray[np.int64]) -> None:
    for i in range(len(places)):
        places[i] = sample_to_cycle_of(ratio, places[i])


def _blocks(
    chip: np.record,
    writes: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    memory: Memory,
    n_samples: int,
) -> Iterator[NDArray[np.float32]]:
    changes = changes_as_arrays(memory)
    # because of the latency, the first samples come before power-up
    done = _render(chip, *writes, *changes, 0, 0, np.empty(LATENCY_SAMPLES, np.float32))
    for start in range(0, n_samples, _YIELDED_SAMPLES):
        block = np.empty(min(_YIELDED_SAMPLES, n_samples - start), np.float32)
        done = _render(chip, *writes, *changes, *done, block)
        yield block


@kernel
def _render(
    chip: np.record,
    cycle: NDArray[np.int64],
    address: NDArray[np.int64],
    value: NDArray[np.int64],
    changes: NDArray[np.void],
    changed_bytes: NDArray[np.uint8],
    first: int,
    first_change: int,
    out: NDArray[np.float32],
) -> tuple[int, int]:
    """Fill `out` with the next samples, using writes and changes of memory from the first that are given on.

    Return the first write and the first change that are still due.
    """
    i, k, done = first, first_change, 0
    while done < len(out):
        block = out[done : done + _BLOCK_SAMPLES]
        done += len(block)
        end = sample_to_cycle(chip, chip.band_limit.origin_sample + len(block))
        while True:
            due = cycle[i] if i < len(cycle) else MAX_CYCLE + 1
            if k < len(changes) and changes[k].cycle <= due and changes[k].cycle < end:
                change = changes[k]
                write_memory(chip, change.cycle, change.offset, changed_bytes[change.begin : change.end])
                k += 1
            elif due < end:
                write_register(chip, due, address[i], value[i])
                i += 1
            else:
                break
        read_samples(chip, len(block), block)
    return i, k


def _gains(voices: Iterable[str]) -> NDArray[np.float64]:
    if isinstance(voices, str) or not isinstance(voices, Iterable):
        raise FormatError(f"The voices are {voices!r}; they must be a tuple of names out of {', '.join(VOICES)}.")
    gains = np.zeros(len(VOICES))
    for voice in voices:
        gains[_one_of("voice", voice, VOICES)] = 1.0
    if gains[:DM].all():
        gains[DM] = 1.0
    return gains


def _one_of(what: str, name: str, allowed: tuple[str, ...]) -> int:
    if name not in allowed:
        raise FormatError(f"The {what} is {name!r}; it must be one of {', '.join(allowed)}.")
    return allowed.index(name)


def _in_range(what: str, value: float, allowed: tuple[float, float]) -> float:
    lowest, highest = allowed
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not lowest <= number <= highest:
        raise FormatError(f"The {what} is {value!r}; it must be a number from {lowest:g} to {highest:g} Hz.")
    return number


def _integers(what: str, values: ArrayLike, lowest: int, highest: int) -> NDArray[np.int64]:
    try:
        array = np.asarray(values)
    except ValueError:
        raise FormatError(f"The {what} of a log of writes must be one row of integers.") from None
    if array.shape == (0,):
        return np.empty(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise FormatError(
            f"The {what} of a log of writes must be one row of integers, not {array.dtype} of shape {array.shape}."
        )
    outside = np.flatnonzero((array < lowest) | (array > highest))
    if len(outside):
        i = int(outside[0])
        raise FormatError(
            f"Write {i} of the log has {int(array[i])} among its {what}; they must be {lowest} to {highest}."
        )
    return np.ascontiguousarray(array, np.int64)
