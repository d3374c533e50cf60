"""A song of an NSF file as a log of register writes, up to its end.

How long it plays is said by the user, or by the file, or else found: where a song stops changing it has ended, and
where it repeats itself it loops (`livegen.formats.chip.nsf_end`). What never does either ends after `DEFAULT_SECONDS`.
What would go on fades out, as in players of such files.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu.dmc import DMC_BIT
from livegen.apu.memory import Memory, MemoryChange
from livegen.cpu.memory import BANK_BYTES, BANK_REGISTERS
from livegen.errors import FormatError
from livegen.formats.chip.nsf_end import find_repeat
from livegen.formats.chip.nsf_file import NsfFile, read_nsf
from livegen.formats.chip.nsf_machine import NsfMachine
from livegen.formats.chip.register_log import VGM_RATE_HZ, Loop, RegisterLog, Tags
from livegen.formats.chip.vgm_layout import MAX_VGM_SECONDS
from livegen.formats.files import Warn, ignore

DEFAULT_SECONDS: Final = 150.0
"""How long a song plays whose end nobody says and nobody finds: two and a half minutes, as in Game_Music_Emu."""

FADE_SECONDS: Final = 8.0
"""How long a song fades out that would go on, if its file does not say it."""

_SEARCHED_SECONDS: Final = (150.0, 300.0, 600.0)  # after so long a song's repeat is looked for
_SHORTEST_LOOP_SECONDS: Final = 1.0  # what repeats faster is an end: the program idles, or holds a last chord
_TAIL_SECONDS: Final = 1.0  # for which an ended song sounds on after its last change
_CHIP: Final = (0x4000, 0x4017)
_STATUS: Final = 0x4015
_HEARD_PLACES: Final = (0, 4, 5, 6, 7)  # of banks: samples begin at $C000 or later, and after $FFFF comes $8000


@dataclass(frozen=True, slots=True)
class _End:
    """The tick up to which a song plays, for how many seconds it then fades, and the tick where its loop begins."""

    tick: int
    fade_seconds: float = 0.0
    loop_tick: int | None = None


def read_track(
    path: Path,
    song: int | None = None,
    *,
    seconds: float | None = None,
    loops: int = 1,
    fades: bool = False,
    warn: Warn = ignore,
) -> RegisterLog:
    """Read a song out of an NSF file as `play_track` does; by default the one with which players begin.

    Raises
    ------
    FormatError
        If the file is no NSF file or cannot be played, or as `play_track` and `warn` do.
    """
    nsf = read_nsf(path, warn)
    return play_track(
        nsf, nsf.first_song if song is None else song, seconds=seconds, loops=loops, fades=fades, warn=warn
    )


def play_track(
    nsf: NsfFile,
    song: int,
    *,
    seconds: float | None = None,
    loops: int = 1,
    fades: bool = False,
    warn: Warn = ignore,
) -> RegisterLog:
    """Return what a song writes to the chip.

    Parameters
    ----------
    nsf : NsfFile
    song : int
        1 to `nsf.n_songs`.
    seconds : float, optional
        How long it plays, to the nearest call of PLAY; then it does not fade.
    loops : int, optional
        How often the part is played that a song repeats for ever, 1 or more.
    fades : bool, optional
        Whether a song that would go on has its fade after its end.
    warn : callable, optional
        Is told if the song breaks down before its end.

    Raises
    ------
    FormatError
        If there is no such song, it plays longer than three hours, or it breaks down at once; or as `warn` does.
    """
    if not 1 <= song <= nsf.n_songs:
        raise FormatError(f"{nsf.name} has no song {song}: 1 to {nsf.n_songs} is allowed")
    machine = NsfMachine(nsf, song)
    tick_seconds = nsf.period_us * 1e-6
    end = _end_of(nsf, song, machine, seconds, loops, lambda at: max(round(at / tick_seconds) - 1, 1))
    n_ticks = end.tick + (round(end.fade_seconds / tick_seconds) if fades else 0)
    if n_ticks * tick_seconds > MAX_VGM_SECONDS + 1:
        raise FormatError(
            f"song {song} of {nsf.name} plays {n_ticks * tick_seconds / 3600:.1f} hours: at most "
            f"{MAX_VGM_SECONDS // 3600} are allowed, so say --seconds"
        )
    machine.play(n_ticks + 1)
    if machine.fault:
        if machine.n_ticks < 2:
            raise FormatError(f"{nsf.name} {machine.fault}: choose another song or another file")
        if machine.n_ticks <= n_ticks:
            n_ticks, end = machine.n_ticks - 1, _End(machine.n_ticks - 1)
            warn(f"{nsf.name} {machine.fault}: it plays up to there, {n_ticks * tick_seconds:.1f} s")
    return _log(nsf, song, machine, end, n_ticks)


def _end_of(
    nsf: NsfFile,
    song: int,
    machine: NsfMachine,
    seconds: float | None,
    loops: int,
    to_ticks: Callable[[float], int],
) -> _End:
    """Return where a song ends: as asked, else as the file says, else as is found."""
    track = nsf.tracks[song - 1]
    fade_seconds = FADE_SECONDS if track.fade_seconds is None else track.fade_seconds
    if seconds is not None:
        return _End(to_ticks(seconds))
    if track.seconds is not None:
        return _End(to_ticks(track.seconds), fade_seconds)
    repeat = None
    for searched in _SEARCHED_SECONDS:
        machine.play(to_ticks(searched))
        _, address, value = machine.log()
        repeat = find_repeat(address, value, machine.tick_writes)
        if repeat is not None or machine.fault:
            break
    if repeat is None:
        return _End(to_ticks(DEFAULT_SECONDS), fade_seconds)
    if repeat.n_ticks <= to_ticks(_SHORTEST_LOOP_SECONDS):
        return _End(repeat.start + to_ticks(_TAIL_SECONDS))
    is_marked = loops == 1
    return _End(repeat.start + loops * repeat.n_ticks, fade_seconds, repeat.start if is_marked else None)


def _log(nsf: NsfFile, song: int, machine: NsfMachine, end: _End, n_ticks: int) -> RegisterLog:
    """Return the writes to the chip of so many ticks."""
    cycle, address, value = machine.log()
    due = slice(machine.tick_writes[n_ticks])
    cycle, address, value = cycle[due], address[due], value[due]
    is_chip = (address >= _CHIP[0]) & (address <= _CHIP[1])

    def sample_of(tick: int) -> int:
        return round(machine.tick_cycle(tick) * VGM_RATE_HZ / machine.clock_hz)

    loop = None
    if end.loop_tick is not None and n_ticks == end.tick:
        loop = Loop(sample_of(end.loop_tick), int(is_chip[: machine.tick_writes[end.loop_tick]].sum()))
    return RegisterLog(
        cycle[is_chip],
        address[is_chip],
        value[is_chip],
        cpu_clock_hz=machine.clock_hz,
        region=nsf.region,
        length=sample_of(n_ticks),
        loop=loop,
        fade=sample_of(n_ticks) - sample_of(end.tick),
        tags=_tags(nsf, song),
        left_out=nsf.chips,
        memory=_memory(nsf, cycle, address, value),
    )


def _memory(nsf: NsfFile, cycle: NDArray[np.int64], address: NDArray[np.int64], value: NDArray[np.uint8]) -> Memory:
    """Return where the DMC finds its samples among the banks, if a song plays any."""
    if not (value[address == _STATUS] & DMC_BIT).any():
        return Memory()
    held = list(nsf.banks)
    changes = []
    is_switch = np.isin(address, [BANK_REGISTERS + place for place in _HEARD_PLACES])
    columns = (column[is_switch].tolist() for column in (cycle, address, value))
    for at, register, bank in zip(*columns, strict=True):
        place = register - BANK_REGISTERS
        if held[place] != bank:
            held[place] = bank
            changes.append(MemoryChange(at, place * BANK_BYTES, nsf.bank(bank)))
    return Memory(b"".join(nsf.bank(bank) for bank in nsf.banks), tuple(changes))


def _tags(nsf: NsfFile, song: int) -> Tags:
    track = nsf.tracks[song - 1]
    author = track.author or nsf.tags.author
    if not track.title:
        return replace(nsf.tags, author=author)
    return replace(nsf.tags, title=track.title, game=nsf.tags.title, author=author)
