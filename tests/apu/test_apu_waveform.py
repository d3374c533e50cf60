"""The waveforms that are told are those that the chip plays."""

import numpy as np
import pytest
from numpy.typing import NDArray

from livegen.apu import MOST_STEPS, new_chip, read_samples, voice_waveform, write_register
from livegen.apu.tables import NO, P1, P2, TR

CPU_CLOCK_HZ = 1_789_773.0
RATE = 192_000
N_SAMPLES = 4000
SOUNDING = {
    P1: [(0x4000, 0xB9), (0x4002, 0xFD), (0x4003, 0x01)],  # duty 2, constant volume 9
    P2: [(0x4004, 0x3F), (0x4006, 0x56), (0x4007, 0x03)],  # duty 0, constant volume 15
    TR: [(0x4008, 0xFF), (0x400A, 0x80), (0x400B, 0x02)],
    NO: [(0x400C, 0x3C), (0x400E, 0x89), (0x400F, 0x00)],  # the short sequence, constant volume 12
}
NAMES = ("p1", "p2", "tr", "no")


def playing(voice: int) -> NDArray[np.void]:
    """Return a chip on which one voice plays, linearly and without filters."""
    chip = new_chip(cpu_clock_hz=CPU_CLOCK_HZ, sample_rate=RATE, voices=[NAMES[voice]], mixer="linear", filters=False)
    write_register(chip[0], 10, 0x4015, 0x0F)
    for address, value in SOUNDING[voice]:
        write_register(chip[0], 10, address, value)
    read_samples(chip[0], RATE // 50, np.zeros(RATE // 50))  # past a quarter frame, which starts the triangle
    return chip


@pytest.mark.parametrize("voice", [P1, P2, TR, NO])
def test_they_are_what_is_heard(voice: int) -> None:
    chip = playing(voice)
    levels = np.zeros(MOST_STEPS, np.uint8)
    n_steps, cycles = voice_waveform(chip[0], voice, levels)
    assert n_steps == {P1: 8, P2: 8, TR: 32, NO: MOST_STEPS}[voice]
    assert levels[:n_steps].max() == {P1: 9, P2: 15, TR: 15, NO: 12}[voice]
    heard = np.zeros(N_SAMPLES)
    read_samples(chip[0], N_SAMPLES, heard)
    heard -= heard.mean()
    best = 0.0
    for start in np.arange(-40 * cycles, n_steps * cycles, max(cycles / 16, 1.0)):  # of the sequence, in CPU cycles
        step = ((np.arange(N_SAMPLES) * CPU_CLOCK_HZ / RATE + start) / cycles).astype(int) % n_steps
        told = levels[step] - levels[step].mean(dtype=float)
        best = max(best, float(told @ heard / np.sqrt((told @ told) * (heard @ heard))))
    assert best > 0.95  # but for the band limit of 192 kHz


@pytest.mark.parametrize("voice", [P1, P2, TR, NO])
def test_a_silent_voice_has_none(voice: int) -> None:
    chip = playing(voice)
    write_register(chip[0], 0, 0x4015, 0)  # a cycle in the past is now
    assert voice_waveform(chip[0], voice, np.zeros(MOST_STEPS, np.uint8))[0] == 0
