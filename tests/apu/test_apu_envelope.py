"""https://www.nesdev.org/wiki/APU_Envelope."""

import numpy as np
import pytest

from livegen.apu.envelope import ENVELOPE, clock_envelope, envelope_volume, write_envelope


def started(value: int) -> np.void:
    envelope = np.zeros(1, ENVELOPE)[0]
    write_envelope(envelope, value)
    envelope["start"] = True
    return envelope


def volumes(envelope: np.void, clocks: int) -> list[int]:
    heard = []
    for _ in range(clocks):
        clock_envelope(envelope)
        heard.append(envelope_volume(envelope))
    return heard


@pytest.mark.parametrize("period", [0, 1, 3, 15])
def test_it_decays_by_one_every_period_plus_one_quarter_frames(period: int) -> None:
    expected = np.repeat(np.arange(15, -1, -1), period + 1).tolist()
    assert volumes(started(period), len(expected) + 20) == expected + [0] * 20


def test_a_loop_begins_again_at_15() -> None:
    assert volumes(started(0x20), 33) == [*range(15, -1, -1), *range(15, -1, -1), 15]


def test_the_constant_volume_hides_a_decay_that_runs_on() -> None:
    envelope = started(0x10 | 7)
    assert volumes(envelope, 9) == [7] * 9
    write_envelope(envelope, 7)
    assert envelope_volume(envelope) == 14


def test_a_write_alone_does_not_start_it() -> None:
    envelope = np.zeros(1, ENVELOPE)[0]
    write_envelope(envelope, 3)
    assert volumes(envelope, 10) == [0] * 10
