"""Files of register writes, by the endings of their names."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu.memory import Memory, MemoryChange
from livegen.formats.chip.nsf import write_nsf
from livegen.formats.chip.nsf_file import NSF_SOURCE_ENDINGS
from livegen.formats.chip.nsf_track import read_track
from livegen.formats.chip.register_log import RegisterLog, Tags
from livegen.formats.chip.vgm import read_vgm
from livegen.formats.chip.vgm_layout import PACKED_ENDINGS
from livegen.formats.chip.vgm_writer import write_vgm
from livegen.formats.files import Warn, ignore
from livegen.units import CPU_CLOCK_HZ

REGISTER_ENDINGS: Final = (".vgm", ".vgz", ".nsf")
"""How the name of a file of register writes may end, as `plain_name` has it."""

REGISTER_SOURCE_ENDINGS: Final = (".vgm", *PACKED_ENDINGS, *NSF_SOURCE_ENDINGS)
"""How the name of a file of register writes may end that can be read, in small letters."""


def plain_name(path: Path) -> str:
    """Return a file's name in small letters; one that ends in .vgm.gz, as gzip itself names it, ends in .vgz."""
    name = path.name.lower()
    packed, other = PACKED_ENDINGS
    return name.removesuffix(other) + packed if name.endswith(other) else name


def is_register_file(path: Path) -> bool:
    """Tell whether a file is one of register writes, by its name; its session plays at `VGM_RATE_HZ`."""
    return plain_name(path).endswith(REGISTER_ENDINGS)


def read_registers(
    path: Path,
    song: int | None = None,
    *,
    seconds: float | None = None,
    loops: int = 1,
    fades: bool = False,
    warn: Warn = ignore,
) -> RegisterLog:
    """Read the log of a file whose name ends in one of `REGISTER_SOURCE_ENDINGS`.

    Parameters
    ----------
    path : Path
    song, seconds, fades
        Of an NSF file, as `read_track` has them; without a song, the one that the file begins with.
    loops : int
        How often a loop is played.
    warn : callable

    Raises
    ------
    FormatError
        As `read_vgm` and `read_track` do.
    """
    if plain_name(path).endswith(NSF_SOURCE_ENDINGS):
        return read_track(path, song, seconds=seconds, loops=loops, fades=fades, warn=warn)
    return read_vgm(path, loops=loops, warn=warn)


def write_registers(path: Path, log: RegisterLog) -> None:
    """Write a log in the format that the name of the file ends with; raises FormatError if that fails."""
    write = write_nsf if path.suffix.lower() == ".nsf" else write_vgm
    write(path, log)


def synth_log(
    writes: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]],
    length: int,
    tags: Tags,
    loads: Iterable[MemoryChange] = (),
) -> RegisterLog:
    """Return the log of what the synth wrote (cycles, addresses, values), `length` samples at 44.1 kHz long.

    `loads` are the samples that the DMC's memory took, in the order of time.
    """
    memory = Memory(changes=tuple(loads))
    return RegisterLog(
        *writes, cpu_clock_hz=CPU_CLOCK_HZ["ntsc"], region="ntsc", length=length, tags=tags, memory=memory
    )
