"""Samples: what the DMC plays with a drum of the noise voice.

The console has one channel for samples, so a new one ends the one before. After a start, the registers name a rest: a
write to $4015 that comes when the sample has ended may begin that, and is not heard. Until the sample has ended, such
writes, with which the triangle is gated, keep the channel's bit.
"""

from typing import Final

import numpy as np

from livegen.apu.dmc import DMC_BIT, MEMORY_BYTES, SAMPLE_ALIGNMENT
from livegen.apu.tables import DMC_PERIODS, REGIONS
from livegen.synth.registers import NO, TR, stop_sample, write_sample
from livegen.system.kernels import Record, kernel
from livegen.units import CPU_CLOCK_HZ

NO_SAMPLE: Final = -1
SAMPLE: Final = np.dtype(
    [
        ("serial", np.int64),  # of the bank whose samples lie in the chip's memory; 0: none yet
        ("end_sample", np.int64),  # when the sample has been fetched to its end
    ],
    align=True,
)

SAMPLE_SOUND: Final = np.dtype(
    [
        ("rate", np.int64),  # value of $4010
        ("place", np.int64),  # value of $4012, or NO_SAMPLE
        ("length", np.int64),  # value of $4013
    ],
    align=True,
)

_CLOCKS_BEHIND: Final = 16  # of the byte in the buffer and the one before it
_NTSC: Final = REGIONS.index("ntsc")
_CPU_CLOCK_HZ: Final = CPU_CLOCK_HZ["ntsc"]

SAMPLES_BYTES: Final = MEMORY_BYTES // 2
"""Bytes of memory in which samples can begin."""


def fill_sample(record: np.void, sample: bytes | None, rate: int, places: dict[bytes, int]) -> None:
    """Write a drum's sample to an element of `SAMPLE_SOUND`; `places` are those of `livegen.patch.sample_places`."""
    record["rate"] = rate
    record["place"] = NO_SAMPLE if sample is None else places[sample] // SAMPLE_ALIGNMENT
    record["length"] = 0 if sample is None else len(sample) // 16


@kernel
def begin_sample(synth: Record, writes: Record, cycle: int, sample: int, bank: int, sound: Record) -> None:
    """Let the DMC play a drum's sample out of the samples of a bank; the drum is one of the bank's."""
    state = synth.sample
    if state.serial != synth.banks[bank].serial:
        state.serial = synth.banks[bank].serial
        writes.loaded_bank, writes.load_cycle = bank, cycle
    write_sample(writes, cycle, sound.rate, sound.place, sound.length, _gate_is_open(synth))
    clocks = 8 * (sound.length * 16 + 1) + _CLOCKS_BEHIND
    seconds = clocks * DMC_PERIODS[_NTSC, sound.rate] / _CPU_CLOCK_HZ
    state.end_sample = sample + np.int64(seconds * synth.sample_rate)


@kernel
def end_sample(synth: Record, writes: Record, cycle: int, sample: int) -> None:
    """End the sample that plays, if one does."""
    if sample < synth.sample.end_sample:
        synth.sample.end_sample = sample
        stop_sample(writes, cycle, _gate_is_open(synth))


@kernel
def sample_bit(synth: Record, sample: int) -> int:
    """Return the DMC's bit of $4015 for a write that gates the triangle and must not change what the DMC plays."""
    return DMC_BIT if sample < synth.sample.end_sample and _is_shared(synth) else 0


@kernel
def _is_shared(synth: Record) -> bool:
    """Tell whether one chip plays the triangle and the samples."""
    return synth.chip_of_voice[TR] == synth.chip_of_voice[NO]


@kernel
def _gate_is_open(synth: Record) -> bool:
    """Tell whether the triangle sounds on the chip that plays the samples."""
    return synth.voices[TR].written.level != 0 and _is_shared(synth)
