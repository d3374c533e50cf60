"""The chip, NES 2A03 APU, and nothing else: register writes in, samples out, late by `LATENCY_SAMPLES`.

Imports `errors`, `units` and `system.kernels`. Read `apu` first: it is the whole chip, and each unit has a module.
`render_writes` renders a whole log and `render_blocks` does so piece by piece; a player drives a `new_chip` of its own.
"""

from livegen.apu.apu import (
    CHIP,
    read_samples,
    sample_to_cycle,
    set_gain,
    settle,
    voice_level,
    write_memory,
    write_register,
)
from livegen.apu.band_limit import LATENCY_SAMPLES, MAX_BLOCK_SAMPLES
from livegen.apu.memory import Memory, MemoryChange
from livegen.apu.mixer import FULL_SCALE
from livegen.apu.render import new_chip, render_blocks, render_writes
from livegen.apu.tables import VOICES
from livegen.apu.waveform import MOST_STEPS, voice_waveform

__all__ = [
    "CHIP",
    "FULL_SCALE",
    "LATENCY_SAMPLES",
    "MAX_BLOCK_SAMPLES",
    "MOST_STEPS",
    "VOICES",
    "Memory",
    "MemoryChange",
    "new_chip",
    "read_samples",
    "render_blocks",
    "render_writes",
    "sample_to_cycle",
    "set_gain",
    "settle",
    "voice_level",
    "voice_waveform",
    "write_memory",
    "write_register",
]
