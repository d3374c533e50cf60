"""Converts one kind of file to another: the table of conversions, their options, and the functions that do them.

A conversion is a row of `CONVERSIONS`. A new format needs a row, and a function that reads one file and writes the
other. All sound is made from a log of register writes: a VGM file holds one, and the synth makes one from a score. So a
score sounds the same as .wav, as .vgm and in a jam.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu import FULL_SCALE, VOICES, render_blocks
from livegen.errors import FormatError
from livegen.formats.audio.file import AUDIO_ENDINGS, DEFAULT_SAMPLE_RATE_HZ, AudioWriter
from livegen.formats.chip.nsf_file import NSF_SOURCE_ENDINGS
from livegen.formats.chip.register_files import REGISTER_ENDINGS, plain_name, read_registers, synth_log, write_registers
from livegen.formats.chip.register_log import VGM_RATE_HZ, RegisterLog, Tags, with_loop
from livegen.formats.files import Warn, atomic_path, check_place, ignore
from livegen.formats.midi.file import song_to_piece
from livegen.formats.midi.nesmdb import is_nesmdb_layout, piece_to_song
from livegen.formats.midi.smf import Song, read_song
from livegen.formats.midi.song_file import write_song
from livegen.formats.score.kinds import (
    MIDI_ENDINGS,
    MIDI_SOURCE_ENDINGS,
    SCORE_ENDINGS,
    SCORE_SOURCE_ENDINGS,
    read_piece,
    write_piece,
)
from livegen.formats.score.piece import Piece
from livegen.formats.score.registers import log_to_piece
from livegen.formats.score.roll import PICTURE_ENDINGS, write_picture
from livegen.formats.tracker.file import TEXT_ENDING, TRACKER_ENDINGS
from livegen.formats.words.events import EVENTS_ENDING, write_events
from livegen.formats.words.kinds import WORD_ENDINGS, read_words
from livegen.formats.words.tx1 import TX1_ENDING, write_tx1
from livegen.patch.delta import bit_rate_hz
from livegen.patch.samples import SAMPLE_RATE_DEFAULT, encode_file
from livegen.score import N_VOICES
from livegen.synth.register_log import score_writes
from livegen.units import frame_to_sample, frame_to_seconds

_FADE_SECONDS: Final = 0.01  # so that a score does not end in a click


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a conversion; None if an option was not given.

    Attributes
    ----------
    rate : int or None
        Sample rate in Hz.
    voices : tuple of str or None
        Which voices sound: names of `livegen.apu.VOICES`.
    filters : bool or None
        Whether the console's output filters are on.
    mixer : str or None
        "nonlinear" or "linear".
    loops : int or None
        How often a loop is played.
    track : int or None
        Which song of a file that has several, 1 for the first.
    seconds : float or None
        How long a song plays that has no end of its own.
    audio_channels : str or None
        "voices": a channel for each voice; "mix": one for them all.
    loop_from : float or None
        The time in seconds from which players repeat the file when it has come to its end.
    title, author : str or None
        For the file's tags.
    midi_layout : str or None
        "exact", which is NES-MDB's, or "daw".
    limits : str or None
        What becomes of a song that is long for a network to learn from: "split" or "drop".
    """

    rate: int | None = None
    voices: tuple[str, ...] | None = None
    filters: bool | None = None
    mixer: str | None = None
    loops: int | None = None
    track: int | None = None
    seconds: float | None = None
    audio_channels: str | None = None
    loop_from: float | None = None
    title: str | None = None
    author: str | None = None
    midi_layout: str | None = None
    limits: str | None = None

    def given(self) -> dict[str, object]:
        """Return the options that were given, by name."""
        said = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in said.items() if value is not None}

    def tagged(self, tags: Tags) -> Tags:
        """Return tags with the title and the author that were given."""
        return replace(
            tags,
            title=tags.title if self.title is None else self.title,
            author=tags.author if self.author is None else self.author,
        )


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a conversion.

    Attributes
    ----------
    seconds : float
        How long the file plays.
    remarks : tuple of str
        What else the user should know, such as what was left out.
    """

    seconds: float
    remarks: tuple[str, ...] = ()


Progress = Callable[[float], None]
"""Called now and then with the part that is done, 0..1."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """A row of the table: endings of the files that it reads and writes, its options, and the function that does it."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    options: frozenset[str]
    run: Callable[[Path, Path, Options, Progress, Warn], Report]


def convert(
    source: Path, target: Path, options: Options, *, progress: Progress = lambda done: None, warn: Warn = ignore
) -> Report:
    """Make a file of another kind out of one; the endings of the names say which.

    Parameters
    ----------
    source, target : Path
    options : Options
    progress : callable
        Called with the part that is done, 0..1, now and then.
    warn : callable
        Is told what was lost or guessed of a damaged file.

    Raises
    ------
    LivegenError
        If there is no such conversion, it has no use for an option, a file cannot be read or written, or both are
        the same; or as `warn` does.
    """
    conversion = _conversion(source, target)
    useless = sorted(options.given().keys() - conversion.options)
    if useless:
        option = useless[0].replace("_", "-")
        raise FormatError(f"--{option} means nothing from {source.name} to {target.name}: leave it out")
    check_place(target)
    if _is_same_file(source, target):
        raise FormatError(f"{target} is the file to convert: give another name to what is written")
    return conversion.run(source, target, options, progress, warn)


def _conversion(source: Path, target: Path) -> Conversion:
    endings = [ending for conversion in CONVERSIONS for ending in conversion.sources]
    fitting = [ending for ending in endings if plain_name(source).endswith(ending)]
    if not fitting:
        raise FormatError(f"{source.name} cannot be converted: its name must end in {_listed(endings)}")
    longest = max(fitting, key=len)  # a text of words is no tracker's
    known = [conversion for conversion in CONVERSIONS if longest in conversion.sources]
    for conversion in known:
        if plain_name(target).endswith(conversion.targets):
            return conversion
    written = _listed([ending for conversion in known for ending in conversion.targets])
    raise FormatError(f"{source.name} cannot become {target.name}: that name must end in {written}")


def _is_same_file(source: Path, target: Path) -> bool:
    try:
        return source.samefile(target)
    except OSError:  # one of them does not exist
        return False


def _listed(names: list[str]) -> str:
    names = list(dict.fromkeys(names))
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _registers_to_sound(source: Path, target: Path, options: Options, progress: Progress, warn: Warn) -> Report:
    writer = _writer(target, options)
    log = _read_log(source, options, warn, fades=True)
    _write_sound(writer, log, options, progress, fade_seconds=log.fade / VGM_RATE_HZ)
    return Report(log.n_samples(writer.sample_rate) / writer.sample_rate, _remarks(log, writer))


def _registers_to_registers(source: Path, target: Path, options: Options, progress: Progress, warn: Warn) -> Report:
    log = _read_log(source, options, warn)
    log = replace(log, tags=options.tagged(log.tags))
    if options.loop_from is not None:
        log = with_loop(replace(log, loop=None), round(options.loop_from * VGM_RATE_HZ))
    write_registers(target, log)
    progress(1.0)
    return Report(log.length / VGM_RATE_HZ, _remarks(log))


def _registers_to_score(source: Path, target: Path, options: Options, progress: Progress, warn: Warn) -> Report:
    log = _read_log(source, options, warn)
    piece = log_to_piece(log)
    report = _write_score(target, replace(piece, tags=options.tagged(piece.tags)), options, progress)
    return replace(report, remarks=_remarks(log) + report.remarks)


def _read_log(source: Path, options: Options, warn: Warn, *, fades: bool = False) -> RegisterLog:
    loops = 1 if options.loops is None else options.loops
    return read_registers(source, options.track, seconds=options.seconds, loops=loops, fades=fades, warn=warn)


def _score_to_sound(source: Path, target: Path, options: Options, progress: Progress, warn: Warn) -> Report:
    return piece_to_sound(read_piece(source, warn, options.track), target, options, progress)


def piece_to_sound(piece: Piece, target: Path, options: Options, progress: Progress = lambda done: None) -> Report:
    """Write a piece to a file of sound as `convert` does; raises FormatError."""
    writer = _writer(target, options)
    log = _score_log(piece, writer.sample_rate, options)
    _write_sound(writer, log, options, progress, fade_seconds=_FADE_SECONDS)
    return Report(frame_to_seconds(len(piece.frames)), _remarks(log, writer))


def piece_samples(piece: Piece, sample_rate: int, *, is_apart: bool = False) -> Iterator[NDArray[np.float32]]:
    """Yield the sound of a piece as `piece_to_sound` writes it, float32 (n, 1), or (n, 4) with the voices apart."""
    options = Options(audio_channels="voices" if is_apart else None)
    return _sound(_score_log(piece, sample_rate, options), sample_rate, options, fade_seconds=_FADE_SECONDS)


def _score_to_registers(source: Path, target: Path, options: Options, progress: Progress, warn: Warn) -> Report:
    return piece_to_registers(read_piece(source, warn, options.track), target, options, progress)


def piece_to_registers(piece: Piece, target: Path, options: Options, progress: Progress = lambda done: None) -> Report:
    """Write a piece to a file of register writes as `convert` does; raises FormatError."""
    log = _score_log(piece, VGM_RATE_HZ, options)
    if options.loop_from is not None:
        log = with_loop(log, round(options.loop_from * VGM_RATE_HZ))
    write_registers(target, log)
    progress(1.0)
    return Report(log.length / VGM_RATE_HZ, _remarks(log))


def _sound_to_sample(source: Path, target: Path, options: Options, progress: Progress, warn: Warn) -> Report:
    encoded = encode_file(source, SAMPLE_RATE_DEFAULT)
    with atomic_path(target) as partial:
        partial.write_bytes(encoded.data)
    progress(1.0)
    bits_a_second = bit_rate_hz(SAMPLE_RATE_DEFAULT)
    cost = f"one bit deep at {bits_a_second / 1000:.1f} kHz, {encoded.noise_db:.1f} dB signal to noise"
    return Report(8 * len(encoded.data) / bits_a_second, (f"{len(encoded.data):,} bytes", cost))


def _score_to_score(source: Path, target: Path, options: Options, progress: Progress, warn: Warn) -> Report:
    piece = read_piece(source, warn, options.track)
    return _write_score(target, replace(piece, tags=options.tagged(piece.tags)), options, progress)


def _write_score(target: Path, piece: Piece, options: Options, progress: Progress) -> Report:
    is_for_daw = options.midi_layout == "daw"
    write_piece(target, piece, is_for_daw=is_for_daw)
    progress(1.0)
    has_notes_alone = target.name.lower().endswith(".seprsco.pkl")
    remarks = ("left out: volumes and timbres",) if has_notes_alone else ("left out: timbres",) if is_for_daw else ()
    return Report(frame_to_seconds(len(piece.frames)), remarks)


def _score_to_words(source: Path, target: Path, options: Options, progress: Progress, warn: Warn) -> Report:
    song, remarks = _song_for(source, target, options, warn)
    if target.name.lower().endswith(TX1_ENDING):
        write_tx1(target, song)
    else:
        n_songs = write_events(target, song, options.limits or "split")
        remarks += (f"as {n_songs} songs, since it is long",) if n_songs > 1 else ()
    progress(1.0)
    return Report(_seconds_of(song), remarks)


def _words_to_midi(source: Path, target: Path, options: Options, progress: Progress, warn: Warn) -> Report:
    song = _song_of(source, warn)
    write_song(target, song)
    progress(1.0)
    return Report(_seconds_of(song))


def _song_for(source: Path, target: Path, options: Options, warn: Warn) -> tuple[Song, tuple[str, ...]]:
    """Return what a file holds as a song, and what that leaves out; TX1 has words for the four voices alone."""
    name = source.name.lower()
    if not name.endswith((*MIDI_SOURCE_ENDINGS, *WORD_ENDINGS)):
        return piece_to_song(read_piece(source, warn, options.track), source.name), ("left out: volumes and timbres",)
    song = _song_of(source, warn)
    if target.name.lower().endswith(TX1_ENDING) and not is_nesmdb_layout(song):
        return piece_to_song(song_to_piece(song), source.name), ("as the four voices play it, at 24 frames a second",)
    return song, ()


def _song_of(source: Path, warn: Warn) -> Song:
    return (read_words if source.name.lower().endswith(WORD_ENDINGS) else read_song)(source, warn)


def _seconds_of(song: Song) -> float:
    return float(max([*song.seconds[-1:], *(at for at, _, _ in song.time_signatures)], default=0.0))


def _score_to_picture(source: Path, target: Path, options: Options, progress: Progress, warn: Warn) -> Report:
    piece = read_piece(source, warn, options.track)
    write_picture(target, replace(piece, tags=options.tagged(piece.tags)))
    progress(1.0)
    return Report(frame_to_seconds(len(piece.frames)))


def _score_log(piece: Piece, sample_rate: int, options: Options) -> RegisterLog:
    if not len(piece.frames):
        raise FormatError("the score has no frames, so there is nothing to hear: choose another file")
    length = frame_to_sample(len(piece.frames), VGM_RATE_HZ)
    return synth_log(score_writes(piece.frames, sample_rate), length, options.tagged(piece.tags))


def _writer(target: Path, options: Options) -> AudioWriter:
    n_channels = N_VOICES if options.audio_channels == "voices" else 1
    return AudioWriter(target, DEFAULT_SAMPLE_RATE_HZ if options.rate is None else options.rate, n_channels)


def _write_sound(
    writer: AudioWriter, log: RegisterLog, options: Options, progress: Progress, *, fade_seconds: float
) -> None:
    """Render a log to a file, and let it fade out at its end for so long."""
    n_samples, done = log.n_samples(writer.sample_rate), 0
    blocks = _sound(log, writer.sample_rate, options, fade_seconds=fade_seconds)
    with writer:
        for samples in blocks:
            writer.write(samples)
            done += len(samples)
            progress(done / n_samples)


def _sound(
    log: RegisterLog, sample_rate: int, options: Options, *, fade_seconds: float
) -> Iterator[NDArray[np.float32]]:
    """Return the sound of a log in blocks; it fades out at its end for so long."""
    chip = {name: value for name, value in options.given().items() if name in ("voices", "filters", "mixer")}
    is_apart = options.audio_channels == "voices"
    if is_apart and "voices" in chip:
        raise FormatError("--voices means nothing with a channel for each voice: leave one of them out")
    apart = [*((voice,) for voice in VOICES[: N_VOICES - 1]), VOICES[N_VOICES - 1 :]]  # the noise with the DMC
    channels = [{"voices": voices} for voices in apart] if is_apart else [{}]
    n_samples = log.n_samples(sample_rate)
    rendered = [
        render_blocks(
            log.cycle,
            log.address,
            log.value,
            cpu_clock_hz=log.cpu_clock_hz,
            sample_rate=sample_rate,
            n_samples=n_samples,
            region=log.region,
            memory=log.memory,
            **{**chip, **channel},  # type: ignore[arg-type]
        )
        for channel in channels
    ]
    # Without the filters the samples are the mixer's own, with its constant part, and leave room for $4011.
    gain = 1.0 if options.filters is False else FULL_SCALE
    n_faded = round(fade_seconds * sample_rate)
    return _faded_blocks(zip(*rendered, strict=True), gain, n_samples, n_faded)


def _faded_blocks(
    rendered: Iterable[tuple[NDArray[np.float32], ...]], gain: float, n_samples: int, n_faded: int
) -> Iterator[NDArray[np.float32]]:
    done = 0
    for blocks in rendered:
        samples = np.stack(blocks, axis=1) * gain
        left = np.arange(n_samples - done - 1, n_samples - done - 1 - len(samples), -1)
        if n_faded and left[-1] < n_faded:
            samples *= np.minimum(left / n_faded, 1.0)[:, None]
        done += len(samples)
        yield samples


def _remarks(log: RegisterLog, writer: AudioWriter | None = None) -> tuple[str, ...]:
    remarks = [f'"{log.title}"'] if log.title else []
    if log.left_out:
        remarks.append(f"left out: {', '.join(log.left_out)}")
    if writer is not None and writer.n_clipped:
        remarks.append(f"{writer.n_clipped:,} samples clipped")
    return tuple(remarks)


_TAG_OPTIONS: Final = frozenset({"title", "author"})
_TRACKER_SOURCES: Final = (*TRACKER_ENDINGS, TEXT_ENDING)
_OTHER_SOURCES: Final = tuple(
    ending for ending in SCORE_SOURCE_ENDINGS if ending not in (*WORD_ENDINGS, *TRACKER_ENDINGS)
)
_OTHER_TARGETS: Final = tuple(ending for ending in SCORE_ENDINGS if ending not in TRACKER_ENDINGS)
_SOUND_OPTIONS: Final = frozenset({"rate", "voices", "filters", "mixer", "audio_channels"})
_SONG_OPTIONS: Final = frozenset({"track", "seconds", "loops"})

_OF_SCORES: Final = (
    Conversion(_OTHER_SOURCES, MIDI_ENDINGS, frozenset({"title", "midi_layout"}), _score_to_score),
    Conversion(_OTHER_SOURCES, _OTHER_TARGETS, frozenset(), _score_to_score),
    Conversion(_OTHER_SOURCES, TRACKER_ENDINGS, _TAG_OPTIONS, _score_to_score),
    Conversion(_OTHER_SOURCES, AUDIO_ENDINGS, _SOUND_OPTIONS, _score_to_sound),
    Conversion(_OTHER_SOURCES, REGISTER_ENDINGS, _TAG_OPTIONS | {"loop_from"}, _score_to_registers),
    Conversion(_OTHER_SOURCES, PICTURE_ENDINGS, frozenset({"title"}), _score_to_picture),
    Conversion(_OTHER_SOURCES, (TX1_ENDING,), frozenset(), _score_to_words),
    Conversion(_OTHER_SOURCES, (EVENTS_ENDING,), frozenset({"limits"}), _score_to_words),
)

_OF_REGISTERS: Final = (
    Conversion((".vgm", ".vgz"), AUDIO_ENDINGS, _SOUND_OPTIONS | {"loops"}, _registers_to_sound),
    Conversion((".vgm", ".vgz"), REGISTER_ENDINGS, _TAG_OPTIONS | {"loop_from"}, _registers_to_registers),
    Conversion((".vgm", ".vgz"), MIDI_ENDINGS, frozenset({"title", "midi_layout", "loops"}), _registers_to_score),
    Conversion((".vgm", ".vgz"), _OTHER_TARGETS, frozenset({"loops"}), _registers_to_score),
    Conversion((".vgm", ".vgz"), TRACKER_ENDINGS, _TAG_OPTIONS | {"loops"}, _registers_to_score),
)

CONVERSIONS: Final = (
    *_OF_REGISTERS,
    *(replace(row, sources=NSF_SOURCE_ENDINGS, options=row.options | _SONG_OPTIONS) for row in _OF_REGISTERS),
    *_OF_SCORES,
    Conversion(WORD_ENDINGS, MIDI_ENDINGS, frozenset(), _words_to_midi),
    *(replace(row, sources=WORD_ENDINGS) for row in _OF_SCORES[1:]),
    *(replace(row, sources=_TRACKER_SOURCES, options=row.options | {"track"}) for row in _OF_SCORES),
    Conversion((".wav",), (".dmc",), frozenset(), _sound_to_sample),
)
"""All conversions, by the endings of the files' names."""
