"""What a sound engine writes to the chip: its own decay and sweep, bends without clicks, nothing twice."""

from itertools import pairwise

import numpy as np
import pytest
from synth_rig import RATE, Rig

from livegen.patch import parse_patch
from livegen.score import Voice
from livegen.synth.commands import COMMAND, KEY_DOWN, KEY_UP
from livegen.synth.registers import WRITES_MAX
from livegen.synth.synth import (
    N_LANES,
    SYNTH,
    next_event_sample,
    play_frame_voice,
    run_command,
    run_event,
    send_writes,
    set_up_synth,
)
from livegen.units import CPU_CLOCK_HZ, MAX_TIMER_PERIOD, pulse_note_to_timer_period

P1, P2, TR, NO = Voice


def period_of(note: float) -> int:
    return pulse_note_to_timer_period(note, CPU_CLOCK_HZ["ntsc"])


def note_of(period: int) -> float:
    return float(69 + 12 * np.log2(CPU_CLOCK_HZ["ntsc"] / 16 / (period + 1) / 440))


@pytest.mark.parametrize("rate", [0, 3, 15])
@pytest.mark.parametrize("voice", [P1, P2, NO])
def test_the_chip_s_own_decay_takes_its_time(voice: Voice, rate: int) -> None:
    rig = Rig(f"{voice.name.lower()}.envelope = {rate}")
    rig.run(100)
    rig.down(voice, 9, volume=3)  # the chip always begins at 15
    for step in range(1, 12):
        rig.run(RATE // 100 * (rate + 1))
        assert rig.level(voice) == pytest.approx(max(15 - step * 1.92, 0), abs=1.6)
    assert rig.level(voice) == 0
    rig.run(2 * RATE)
    assert rig.level(voice) == 0
    rig.down(voice, 9)
    rig.run(RATE // 100)
    assert rig.level(voice) >= 12


def test_a_looped_decay_begins_again_until_the_key_comes_up() -> None:
    rig = Rig("[p1]\nenvelope = 2\nenvelope_loop = true")
    rig.down(P1, 60)
    levels = rig.ticks(120, lambda: rig.level(P1))
    assert (min(levels), max(levels)) == (0, 15)
    assert sum(b > a for a, b in pairwise(levels)) >= 6
    rig.up(P1)
    rig.run(1)
    assert rig.level(P1) == 0


def test_a_decaying_drum_sounds_to_its_end_however_soon_the_key_comes_up() -> None:
    rig = Rig("no.envelope = 7")
    rig.down(NO, 9)
    rig.run(100)
    rig.up(NO)
    rig.run(RATE // 5)
    assert 8 <= rig.level(NO) <= 12
    rig.run(RATE // 2)
    assert rig.level(NO) == 0
    assert rig.playing(NO) == 0


@pytest.mark.parametrize("voice", [P1, P2])
@pytest.mark.parametrize(("shift", "rises"), [(4, True), (7, True), (-4, False), (-7, False)])
def test_the_chip_s_sweep_rises_and_falls(voice: Voice, shift: int, rises: bool) -> None:
    rig = Rig(f"[{voice.name.lower()}]\nsweep_shift = {shift}\nsweep_period = 1")
    rig.run(100)
    rig.down(voice, 60)
    rig.run(1)
    assert rig.period(voice) == period_of(60)
    seen = []
    for _ in range(20):
        rig.run(RATE // 48)  # a step of the sweep at period 1
        seen.append(rig.period(voice))
    assert all(b < a if rises else b >= a for a, b in pairwise(seen))
    assert seen[1] == pytest.approx(period_of(60) * (1 - np.sign(shift) * 2.0 ** -abs(shift)) ** 2, rel=0.1)
    rig.down(voice, 60)  # and the next note begins at its pitch
    rig.run(1)
    assert rig.period(voice) == period_of(60)


def test_a_sweep_that_falls_mutes_at_the_end_of_the_timer() -> None:
    rig = Rig("p1.sweep_shift = -2")
    rig.down(P1, 50)
    rig.run(RATE)
    assert rig.level(P1) == 0
    rig.down(P1, 50)
    rig.run(1)
    assert rig.level(P1) == 15


def test_a_note_that_goes_on_legato_under_a_sweep_is_in_tune() -> None:
    rig = Rig("[p1]\nsweep_shift = -3\nsweep_period = 7\nlegato = true")
    rig.down(P1, 60)
    rig.run(RATE // 5)
    assert rig.period(P1) >> 8 != period_of(60) >> 8  # the chip alone has moved the upper bits
    rig.down(P1, 61)
    rig.run(1)
    assert rig.period(P1) == period_of(61)


def crossings() -> list[tuple[int, int]]:
    """Return periods to either side of every change of the upper bits, near and less near."""
    return [(high << 8 | above, (high << 8) - below) for high in range(1, 8) for above, below in ((0, 1), (20, 30))]


@pytest.mark.parametrize("voice", [P1, P2])
@pytest.mark.parametrize("goes_up", [True, False])
def test_a_bend_across_the_upper_bits_of_the_period_goes_on_in_the_wave(voice: Voice, goes_up: bool) -> None:
    for above, below in crossings():
        begin, end = (above, below) if goes_up else (below, above)
        rig = Rig()
        note = round(note_of(begin))
        rig.express(voice, bend=note_of(begin) - note)
        rig.down(voice, note)
        rig.run(700)
        assert rig.period(voice) == begin
        rig.express(voice, bend=note_of(end) - note)
        positions, samples = [], range(700, 1100)
        for _ in samples:
            rig.run(1)
            positions.append(rig.position(voice))
            assert rig.level(voice) == 15
        assert rig.period(voice) == end
        steps = np.diff(np.unwrap(positions, period=8))
        assert steps.min() >= 0, (above, below)  # the sequence never goes back to its beginning
        cycles = len(samples) * CPU_CLOCK_HZ["ntsc"] / RATE
        assert cycles / (2 * (max(begin, end) + 1)) - 2 < steps.sum() < cycles / (2 * (min(begin, end) + 1)) + 2


@pytest.mark.parametrize("rate", [RATE, 192_000])
@pytest.mark.parametrize("goes_up", [True, False])
def test_both_pulses_bend_across_the_upper_bits_at_the_same_moment(rate: int, goes_up: bool) -> None:
    for periods in crossings():
        begin, end = periods if goes_up else periods[::-1]
        rig = Rig(rate=rate)
        note = round(note_of(begin))
        for voice in (P1, P2):
            rig.express(voice, bend=note_of(begin) - note)
            rig.down(voice, note)
        rig.run(rate // 100)
        for voice in (P1, P2):
            rig.express(voice, bend=note_of(end) - note)
        rig.run(rate // 50)
        assert (rig.period(P1), rig.period(P2)) == (end, end)


def test_vibrato_across_the_upper_bits_does_not_click() -> None:
    rig = Rig("[p1]\nvibrato_depth = 60\nvibrato_speed = 6\ntimbre = 2")
    note = round(note_of(0x400))
    rig.down(P1, note)
    rig.run(100)
    positions, crossed = [], set()
    for _ in range(RATE // 4):
        rig.run(1)
        positions.append(rig.position(P1))
        crossed.add(rig.period(P1) >> 8)
    assert crossed == {3, 4}
    assert np.diff(np.unwrap(positions, period=8)).min() >= 0


def test_a_wide_leap_is_exact_too() -> None:
    rig = Rig("p1.legato = true")
    for note in (40, 100, 33, 108, 52, 50, 61):
        rig.down(P1, note)
        rig.run(900)
        assert rig.period(P1) == period_of(note)


class Bare:
    """A synth without a callback around it, whose writes are seen."""

    def __init__(self, text: str = "") -> None:
        self.synth = np.zeros(1, SYNTH)
        set_up_synth(self.synth, RATE, parse_patch(text, "", ""))
        self.order = 0

    def writes(self) -> list[tuple[int, int]]:
        """Return addresses and values that the last event asked for, and send them."""
        writes = self.synth["writes"][0, 0]
        n_writes = int(writes["n_writes"])
        assert n_writes < WRITES_MAX // 2
        seen = [(int(a), int(v)) for a, v in zip(writes["addresses"][:n_writes], writes["values"], strict=False)]
        send_writes(self.synth[0])
        return seen

    def send(self, kind: int, voice: Voice, note: int = 60, sample: int = 0) -> list[tuple[int, int]]:
        self.order += 1
        command = np.zeros(1, COMMAND)
        command["kind"], command["voice"], command["note"], command["volume"] = kind, int(voice), note, 15
        command["order"] = self.order
        run_command(self.synth[0], sample, command[0])
        return self.writes()

    def frame(self, voice: Voice, note: int, volume: int = 0, timbre: int = 0) -> list[tuple[int, int]]:
        play_frame_voice(self.synth[0], 0, int(voice), note, volume, timbre)
        return self.writes()

    def run(self, n_events: int) -> list[list[tuple[int, int]]]:
        seen = []
        for _ in range(n_events):
            sample, lane = min((int(next_event_sample(self.synth[0], lane)), lane) for lane in range(N_LANES))
            run_event(self.synth[0], sample, lane)
            seen.append(self.writes())
        return seen


def test_a_held_note_writes_nothing_twice() -> None:
    for voice in Voice:
        bare = Bare()
        attack = bare.send(KEY_DOWN, voice, 9 if voice is NO else 60)
        assert attack
        assert len({address for address, _ in attack}) == len(attack)
        assert bare.run(20) == [[]] * 20
    assert bare.frame(P1, 60, 9, 2)
    assert bare.frame(P1, 60, 9, 2) == []
    assert bare.frame(P1, 60, 8, 2) == [(0x4000, 0x80 | 0x30 | 8)]
    assert bare.frame(P1, 0) == [(0x4000, 0x30)]
    assert bare.frame(P1, 0) == []


def test_an_attack_writes_the_registers_of_its_voice_alone() -> None:
    bare = Bare()
    period = period_of(60)
    wave = [(0x4002, period & 0xFF), (0x4003, 0x08 | period >> 8)]
    assert bare.send(KEY_DOWN, P1) == [(0x4000, 0x3F), *wave]
    assert bare.send(KEY_DOWN, P1) == wave  # struck again
    assert bare.send(KEY_DOWN, NO, 16) == [(0x400C, 0x3F), (0x400F, 0x08)]
    assert bare.send(KEY_DOWN, NO, 2) == [(0x400E, 14), (0x400F, 0x08)]
    assert bare.send(KEY_DOWN, TR, 108)[0] == (0x4015, 0x0F)
    assert bare.send(KEY_UP, TR) == []
    assert bare.run(1) == [[(0x4015, 0x0B)]]


def test_the_lowest_and_highest_periods_are_not_muted() -> None:
    rig = Rig()
    rig.express(P1, bend=-24.0)
    rig.down(P1, 33)
    rig.run(1)
    assert (rig.period(P1), rig.level(P1)) == (MAX_TIMER_PERIOD, 15)
    rig.express(P1, bend=24.0)
    rig.down(P1, 108)
    rig.run(1)
    assert (rig.period(P1), rig.level(P1)) == (8, 15)
