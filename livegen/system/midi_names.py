"""The names of MIDI ports: which port a user means, whose it is, and which ports are of one device."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from livegen.errors import PortError

CLIENT_NAME: Final = "livegen"
"""Name under which our ports appear in qjackctl, a DAW or aconnect."""

Direction = Literal["in", "out"]

_ALSA_ADDRESS: Final = re.compile(r" (\d+):\d+$")
_WAY: Final = re.compile(r"[ _]?\(?(capture|playback)\)?")  # the direction in the name of a bridge's port
_TO_OR_FROM: Final = re.compile(r"(?<![a-z])(?:midi)?(?:in|out|input|output|capture|playback)(?![a-z])")
_BRIDGES: Final = ("system", "a2j")  # JACK clients that hold the ports of all devices


@dataclass(frozen=True, slots=True)
class Choice:
    """The port that was chosen, and a warning if more than one fits, else an empty text."""

    name: str
    warning: str = ""


def choose_port(names: Sequence[str], wanted: str, direction: Direction) -> Choice:
    """Find a port by a part of its name, in any case. A port of exactly this name is preferred, then the first one.

    Raises
    ------
    PortError
        If no port has it in its name.
    """
    return choose_ports(names, [wanted], direction)[0]


def choose_ports(names: Sequence[str], wanted: Sequence[str], direction: Direction) -> list[Choice]:
    """Find a port by each of several names, and none twice; otherwise as `choose_port`.

    The name that fits the fewest ports chooses first.

    Raises
    ------
    PortError
        If no port has a name in its own, or those that have it are taken.
    """
    fitting = [_fitting(names, each, direction) for each in wanted]
    chosen: dict[int, str] = {}
    for i in sorted(range(len(wanted)), key=lambda i: len(fitting[i])):
        free = [name for name in fitting[i] if name not in chosen.values()]
        if not free:
            there = " and ".join(repr(name) for name in fitting[i])
            raise PortError(
                f"--midi-{direction} {wanted[i]!r} fits {there} alone, which another --midi-{direction} has already: "
                "give more of the name of another port, or leave it out"
            )
        chosen[i] = (_exact(free, wanted[i]) or free)[0]
    choices = []
    for i, each in enumerate(wanted):
        others = [repr(name) for name in fitting[i] if name not in chosen.values()]
        warning = ""
        if others and len(_exact(fitting[i], each)) != 1:
            fits = f"{each!r} fits more than one MIDI {direction}put port"
            warning = f"{fits}: took {chosen[i]!r}, not {', '.join(others)}"
        choices.append(Choice(chosen[i], warning))
    return choices


def _fitting(names: Sequence[str], wanted: str, direction: Direction) -> list[str]:
    """Return the ports that have something in their names, in any case; raises PortError if there is none."""
    fitting = [name for name in names if wanted.lower() in name.lower() and not is_own(name)]
    if not fitting:
        there = ", ".join(repr(name) for name in names if not is_own(name)) or "none"
        raise PortError(
            f"no MIDI {direction}put port has {wanted!r} in its name; there is {there}: plug it in and switch it on, "
            f"or give a part of one of these names with --midi-{direction}"
        )
    return fitting


def _exact(names: Sequence[str], wanted: str) -> list[str]:
    return [name for name in names if wanted.lower() in (name.lower(), stem(name).lower())]


def is_own(name: str) -> bool:
    """Tell whether a port is one of livegen's: its client is livegen, livegen-out, livegen-01 and so on."""
    return re.match(rf"{CLIENT_NAME}\b", name, re.IGNORECASE) is not None


def is_same_device(source: str, name: str) -> bool:
    """Tell whether an input and an output belong to the same device.

    `source` is ``midi:`` and the name of the input's port; `name` is the name of the output's port. ALSA and JACK name
    a port by client and port, and usually each device is a client. A bridge from ALSA to JACK, and JACK's own driver,
    are one client for all devices; there the port's name tells the devices apart.
    """
    return source.startswith("midi:") and _device(source.removeprefix("midi:")) == _device(name)


def output_beside(name: str, wanted: str, outputs: Sequence[str]) -> str | None:
    """Return the output port of the device that an input port belongs to, or None if there is none.

    Parameters
    ----------
    name : str
        Name of the input port.
    wanted : str
        The part of its name by which the user has named it.
    outputs : sequence of str
        Names of the output ports that there are.

    Notes
    -----
    A device with several ports has outputs and inputs that are called alike but for their direction: ``LPX MIDI Out``
    and ``LPX MIDI In``, ``MIDIIN2 (LPX MIDI)`` and ``MIDIOUT2 (LPX MIDI)``. ALSA calls both the same, with an address
    that tells two devices of one make apart. Otherwise any output of the device will do, and where the names do not
    tell devices apart, one that has in its name what the user has said.
    """
    foreign = [each for each in outputs if not is_own(each)]
    same = [each for each in foreign if each == name]
    alike = [each for each in foreign if _undirected(each) == _undirected(name)]
    beside = [each for each in foreign if is_same_device(f"midi:{name}", each)]
    named = [each for each in foreign if wanted.lower() in each.lower()]
    return next(iter([*same, *alike, *beside, *named]), None)


def _undirected(name: str) -> str:
    return " ".join(_TO_OR_FROM.sub(" ", stem(name).lower()).split())


def _device(name: str) -> str:
    client, _, port = stem(name).lower().partition(":")
    return f"{client}:{_WAY.sub('', port)}" if client in _BRIDGES else client


def alsa_client(name: str) -> int | None:
    """Return the number of the ALSA client that a port belongs to."""
    address = _ALSA_ADDRESS.search(name)
    return int(address[1]) if address else None


def stem(name: str) -> str:
    """Return a port's name without ALSA's client and port numbers, which change when it is plugged in again."""
    return _ALSA_ADDRESS.sub("", name)
