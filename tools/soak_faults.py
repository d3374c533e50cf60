"""The faults of a soak: what can go wrong on a stage while a jam plays."""

import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from osc_packets import HOSTILE
from soak_stage import Stage

End = Callable[[], None] | None
"""Ends the cause of a fault, so that all can be well again; None where that is over at once."""

_N_ROUNDS: Final = 20
_LONGEST_PACKET: Final = 200


def _pull_keyboard(stage: Stage, _dice: Random) -> End:
    stage.performer.let(keyboard=False)
    return lambda: stage.performer.let(keyboard=True)


def _pull_output(stage: Stage, _dice: Random) -> End:
    stage.performer.let(listener=False)
    return lambda: stage.performer.let(listener=True)


def _send_garbage(stage: Stage, dice: Random) -> End:
    for packet in HOSTILE * _N_ROUNDS:
        stage.send_packet(packet)
        stage.send_packet(dice.randbytes(dice.randrange(_LONGEST_PACKET)))
    return None


def _fill_disk(stage: Stage, _dice: Random) -> End:
    stage.fill_disk(is_full=True)
    return lambda: stage.fill_disk(is_full=False)


def _kill_page(stage: Stage, _dice: Random) -> End:
    _signal(stage.page_process(), signal.SIGKILL)
    return None


def _stop_page(stage: Stage, _dice: Random) -> End:
    stopped = stage.page_process()
    _signal(stopped, signal.SIGSTOP)
    return lambda: _signal(stopped, signal.SIGCONT)


def _lose_clock(stage: Stage, _dice: Random) -> End:
    stage.performer.let(ticks=False)
    return lambda: stage.performer.let(ticks=True)


def _swap_model(stage: Stage, _dice: Random) -> End:
    stage.send("/livegen/model", "solo")
    return lambda: stage.send("/livegen/model", "default")


def _kill_jack(stage: Stage, _dice: Random) -> End:
    stage.kill_jack()
    return stage.start_jack


def _do_nothing(_stage: Stage, _dice: Random) -> End:
    return None


FAULTS: Final[Mapping[str, Callable[[Stage, Random], End]]] = {
    "keyboard": _pull_keyboard,
    "output": _pull_output,
    "garbage": _send_garbage,
    "disk": _fill_disk,
    "kill": _kill_page,
    "stop": _stop_page,
    "clock": _lose_clock,
    "model": _swap_model,
    "jack": _kill_jack,
    "nothing": _do_nothing,
}
"""Each begins a fault, and returns what ends its cause. Nothing is the control that the others are compared with."""


def _signal(pid: int, number: signal.Signals) -> None:
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
