"""From one kind of file to another: which pairs there are, what each may be told, and the work.

A pair is a row of `CONVERSIONS`. A new format is a row, and a function that reads the one file and writes the other.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livegen.apu import FULL_SCALE, render_blocks
from livegen.errors import FormatError
from livegen.formats import SCORE_ENDINGS, read_score, write_score
from livegen.formats.audio_file import AUDIO_ENDINGS, AudioWriter
from livegen.formats.files import check_place
from livegen.formats.vgm import read_vgm
from livegen.units import frame_to_seconds

DEFAULT_SAMPLE_RATE_HZ: Final = 48_000


@dataclass(frozen=True, slots=True)
class Options:
    """What a conversion was told; None is what nobody said.

    Attributes
    ----------
    rate : int or None
        Sample rate in Hz.
    voices : tuple of str or None
        Which sound, names of `livegen.apu.VOICES`.
    filters : bool or None
        Whether the console's output filters are on.
    mixer : str or None
        "nonlinear" or "linear".
    loops : int or None
        How often a loop is played.
    """

    rate: int | None = None
    voices: tuple[str, ...] | None = None
    filters: bool | None = None
    mixer: str | None = None
    loops: int | None = None

    def given(self) -> dict[str, object]:
        """Return what was said, by name."""
        said = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Report:
    """What a conversion wrote.

    Attributes
    ----------
    seconds : float
        How long it plays.
    remarks : tuple of str
        What else its user should know, such as what was left out.
    """

    seconds: float
    remarks: tuple[str, ...] = ()


Progress = Callable[[float], None]
"""Called with the part that is done, 0..1."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """A row of the table: endings of the files that it reads and writes, the options that it takes, and the work."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    options: frozenset[str]
    run: Callable[[Path, Path, Options, Progress], Report]


def convert(source: Path, target: Path, options: Options, *, progress: Progress = lambda done: None) -> Report:
    """Make a file of another kind out of one; the endings of the names say which.

    Parameters
    ----------
    source, target : Path
    options : Options
    progress : callable
        Called with the part that is done, 0..1, now and then.

    Raises
    ------
    LivegenError
        If there is no such conversion, it has no use for an option, a file cannot be read or written, or both are
        the same.
    """
    conversion = _conversion(source, target)
    useless = sorted(options.given().keys() - conversion.options)
    if useless:
        raise FormatError(f"--{useless[0]} means nothing from {source.name} to {target.name}: leave it out")
    check_place(target)
    if _is_same_file(source, target):
        raise FormatError(f"{target} is the file to convert: give another name to what is written")
    return conversion.run(source, target, options, progress)


def _conversion(source: Path, target: Path) -> Conversion:
    known = [conversion for conversion in CONVERSIONS if source.name.lower().endswith(conversion.sources)]
    if not known:
        endings = _listed([ending for conversion in CONVERSIONS for ending in conversion.sources])
        raise FormatError(f"{source.name} cannot be converted: its name must end in {endings}")
    for conversion in known:
        if target.name.lower().endswith(conversion.targets):
            return conversion
    endings = _listed([ending for conversion in known for ending in conversion.targets])
    raise FormatError(f"{source.name} cannot become {target.name}: that name must end in {endings}")


def _is_same_file(source: Path, target: Path) -> bool:
    try:
        return source.samefile(target)
    except OSError:  # one of them is not there
        return False


def _listed(names: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _register_log_to_sound(source: Path, target: Path, options: Options, progress: Progress) -> Report:
    rate = DEFAULT_SAMPLE_RATE_HZ if options.rate is None else options.rate
    writer = AudioWriter(target, rate)
    log = read_vgm(source, loops=1 if options.loops is None else options.loops)
    n_samples = log.n_samples(rate)
    chip = {name: value for name, value in options.given().items() if name in ("voices", "filters", "mixer")}
    blocks = render_blocks(
        log.cycle,
        log.address,
        log.value,
        cpu_clock_hz=log.cpu_clock_hz,
        sample_rate=rate,
        n_samples=n_samples,
        region=log.region,
        **chip,  # type: ignore[arg-type]
    )
    # Without the filters the samples are the mixer's, with its constant part, and $4011 has room too.
    gain = 1.0 if options.filters is False else FULL_SCALE
    done = 0
    with writer:
        for block in blocks:
            writer.write(block * gain)
            done += len(block)
            progress(done / n_samples)
    remarks = [f'"{log.title}"'] if log.title else []
    if log.left_out:
        remarks.append(f"left out: {', '.join(log.left_out)}")
    if writer.n_clipped:
        remarks.append(f"{writer.n_clipped:,} samples clipped")
    return Report(n_samples / rate, tuple(remarks))


def _score_to_score(source: Path, target: Path, options: Options, progress: Progress) -> Report:
    frames = read_score(source)
    write_score(target, frames)
    progress(1.0)
    has_notes_alone = target.name.lower().endswith(".seprsco.pkl")
    remarks = ("left out: volumes and timbres",) if has_notes_alone else ()
    return Report(frame_to_seconds(len(frames)), remarks)


CONVERSIONS: Final = (
    Conversion(
        (".vgm", ".vgz"),
        AUDIO_ENDINGS,
        frozenset({"rate", "voices", "filters", "mixer", "loops"}),
        _register_log_to_sound,
    ),
    Conversion(SCORE_ENDINGS, SCORE_ENDINGS, frozenset(), _score_to_score),
)
"""What can be made of what, by the endings of names."""
