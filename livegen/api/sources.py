"""Where a score and its sound come from: a rendition that is played again, a recording, or frames alone."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from livegen.formats.audio.file import DEFAULT_SAMPLE_RATE_HZ
from livegen.formats.chip.register_files import is_register_file
from livegen.formats.chip.register_log import Tags
from livegen.formats.score.piece import Piece
from livegen.offline.convert import Options, piece_samples, piece_to_registers, piece_to_sound
from livegen.offline.playback import Playback, write_recording
from livegen.offline.render import Gathered, RenderedFrame, faded
from livegen.offline.rendition import Rendition
from livegen.patch import Patch
from livegen.takes.recording import Recording


@dataclass(frozen=True, slots=True)
class Making:
    """How a file with sound or register writes is made.

    Attributes
    ----------
    rate : int or None
        Sample rate in Hz.
    is_apart : bool
        Whether sound has a channel for each voice.
    tags : Tags
    loop_from : float or None
        In seconds, for register writes.
    """

    rate: int | None = None
    is_apart: bool = False
    tags: Tags = field(default_factory=Tags)
    loop_from: float | None = None


class Source(Protocol):
    """What a score is made of."""

    def piece(self) -> Piece:
        """Return the score with who played it and its tempos."""
        ...

    def samples(self, rate: int, *, is_apart: bool) -> Iterator[NDArray[np.float32]]:
        """Yield the sound in blocks, float32 (n, channels)."""
        ...

    def write(self, path: Path, making: Making) -> None:
        """Write a file of sound or of register writes; raises FormatError."""
        ...


@dataclass(frozen=True, slots=True)
class Performed:
    """A rendition: each sound or file is played anew, as `livegen render` plays it."""

    rendition: Rendition

    def piece(self) -> Piece:
        """Play it for its score."""
        return _gathered(self.rendition.frames(), self.rendition.patch)

    def samples(self, rate: int, *, is_apart: bool) -> Iterator[NDArray[np.float32]]:
        """Play it for its sound."""
        return _fading(self.rendition.frames(rate, is_apart=is_apart), self.rendition.n_frames, rate)

    def write(self, path: Path, making: Making) -> None:
        """Play it into a file."""
        self.rendition.write(
            path, rate=making.rate, is_apart=making.is_apart, tags=making.tags, loop_from=making.loop_from
        )


@dataclass(frozen=True, slots=True)
class Recorded:
    """A take as it sounded, played again without its model, as `livegen replay` plays it."""

    recording: Recording

    def piece(self) -> Piece:
        """Return the frames as they were played."""
        playback = Playback(self.recording, DEFAULT_SAMPLE_RATE_HZ, n_channels=1)
        return _gathered(playback.frames(has_sound=False), playback.instrument.patch)

    def samples(self, rate: int, *, is_apart: bool) -> Iterator[NDArray[np.float32]]:
        """Play it for its sound."""
        playback = Playback(self.recording, rate, n_channels=1, is_apart=is_apart)
        return _fading(playback.frames(), len(self.recording.frames), rate)

    def write(self, path: Path, making: Making) -> None:
        """Play it into a file."""
        write_recording(
            self.recording,
            path,
            rate=making.rate,
            is_apart=making.is_apart,
            tags=making.tags,
            loop_from=making.loop_from,
        )


@dataclass(frozen=True, slots=True)
class Written:
    """Frames alone: the model's own sound of them, as `livegen convert` makes it."""

    written: Piece

    def piece(self) -> Piece:
        """Return them."""
        return self.written

    def samples(self, rate: int, *, is_apart: bool) -> Iterator[NDArray[np.float32]]:
        """Return their sound."""
        return piece_samples(self.written, rate, is_apart=is_apart)

    def write(self, path: Path, making: Making) -> None:
        """Write their sound or their register writes."""
        title, author = making.tags.title or None, making.tags.author or None  # else its own
        if is_register_file(path):
            piece_to_registers(self.written, path, Options(loop_from=making.loop_from, title=title, author=author))
        else:
            channels = "voices" if making.is_apart else "mix"
            piece_to_sound(self.written, path, Options(rate=making.rate, audio_channels=channels))


def _gathered(frames: Iterator[RenderedFrame], patch: Patch) -> Piece:
    gathered = Gathered(patch)
    for frame in frames:
        gathered.add(frame)
    return gathered.piece(Tags())


def _fading(frames: Iterator[RenderedFrame], n_frames: int, rate: int) -> Iterator[NDArray[np.float32]]:
    """Yield the sound of frames; that of the last one fades out, as it does in a file."""
    for n, frame in enumerate(frames, 1):
        yield faded(frame.samples, rate) if n == n_frames else frame.samples
