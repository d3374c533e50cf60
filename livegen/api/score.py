"""A score: its frames as NumPy arrays, its sound, and the files that are made of it."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from livegen.api.checked import checked_rate
from livegen.api.sources import Making, Recorded, Source, Written
from livegen.errors import FormatError, ScoreError
from livegen.formats.audio.file import AUDIO_ENDINGS, DEFAULT_SAMPLE_RATE_HZ
from livegen.formats.chip.register_files import REGISTER_ENDINGS, plain_name
from livegen.formats.chip.register_log import Tags
from livegen.formats.files import Warn, check_place, ignore
from livegen.formats.score.kinds import MIDI_ENDINGS, read_piece
from livegen.formats.score.piece import Piece
from livegen.offline.render import check_output, needs_sound, write_silent
from livegen.score import validate_frames
from livegen.takes.recording import read_recording
from livegen.takes.take import Take
from livegen.units import frame_to_seconds


class Score:
    """Music for the chip's four voices.

    `livegen.api.render`, a `livegen.api.Session`, `from_file`, `from_take` and `from_frames` make one. It is a value:
    nothing changes it. One that was rendered is played when it is first asked for something, and again for every sound,
    which is that of `livegen render` to the last bit.

    Parameters
    ----------
    source : Source
        See `livegen.api.sources`.
    seed : int, optional
        With which it was rendered.

    Attributes
    ----------
    seed : int or None
        Give it to `render` to have the same music; None if it was not rendered.

    Examples
    --------
    >>> from livegen.api import Score, render
    >>> score = render(1, seed=7)
    >>> score.to_midi("song.mid")
    >>> (Score.from_file("song.mid").frames == score.frames).all()
    np.True_
    """

    def __init__(self, source: Source, seed: int | None = None) -> None:
        self.seed = seed
        self._source = source

    @classmethod
    def from_file(cls, path: str | Path, *, track: int | None = None, warn: Warn = ignore) -> Self:
        """Read a score.

        Parameters
        ----------
        path : str or Path
            A MIDI file, or another of those that `livegen convert` reads as a score: .npz, .exprsco.pkl, .seprsco.pkl,
            .tx1.txt, .vgm, .nsf, trackers' texts and others.
        track : int, optional
            Which of several songs of an NSF file or of a tracker's text, from 1; else the one with which players begin.
        warn : callable
            Is told, in a sentence, what was lost or guessed of a damaged file.

        Raises
        ------
        livegen.errors.FormatError
            If there is no such file or track, or it is no score.

        Examples
        --------
        >>> from livegen.api import Score, render
        >>> render(1, seed=7).to_file("song.npz")
        >>> Score.from_file("song.npz").seconds
        1.0
        """
        return cls(Written(read_piece(Path(path), warn, track)))

    @classmethod
    def from_take(cls, path: str | Path) -> Self:
        """Read the take of a jam; it sounds as it did then, without its model.

        Parameters
        ----------
        path : str or Path
            Its folder. `livegen takes` lists those that there are.

        Raises
        ------
        livegen.errors.TakeError
            If there is no take, or it is none.

        Examples
        --------
        >>> from pathlib import Path
        >>> from livegen.api import Live, Score, Session
        >>> with Session(seed=7, live=Live(audio="null", midi_api="none", osc_port=0, take="takes")) as session:
        ...     session.run(0.5)
        >>> [take] = Path("takes").iterdir()
        >>> bool((Score.from_take(take).frames == session.score.frames).all())
        True
        """
        return cls(Recorded(read_recording(Take(Path(path)))))

    @classmethod
    def from_frames(cls, frames: ArrayLike, *, bpm: float | None = None) -> Self:
        """Make a score of frames.

        Parameters
        ----------
        frames : array_like of int, shape (N, 4, 3)
            24 a second; voices P1, P2, TR, NO by note, volume, timbre, see `livegen.score`.
        bpm : float, optional
            Beats a minute, for the tempo of MIDI files.

        Raises
        ------
        livegen.errors.ScoreError
            If the shape is another, there is no frame, or a value is out of range.

        Examples
        --------
        >>> import numpy as np
        >>> from livegen.api import Score
        >>> frames = np.zeros((24, 4, 3), np.uint8)
        >>> frames[:12, 0] = 69, 15, 2  # pulse 1 plays A4 for half a second, as loud as it can, as a square wave
        >>> Score.from_frames(frames).samples().shape
        (48000, 1)
        """
        checked = validate_frames(frames)
        if not len(checked):
            raise ScoreError("a score has one frame at least, and there is none: give some")
        if bpm is not None and not 0.0 < bpm < float("inf"):
            raise ScoreError(f"{bpm} beats a minute is no tempo: give a number over 0")
        return cls(Written(Piece(checked, tempos=() if bpm is None else ((0, bpm),))))

    @cached_property
    def _piece(self) -> Piece:
        piece = self._source.piece()
        for array in (piece.frames, piece.player):
            if array is not None:
                array.flags.writeable = False
        return piece

    @property
    def frames(self) -> NDArray[np.uint8]:
        """The frames, uint8 (N, 4, 3), 24 a second, read-only: see `livegen.score`.

        Examples
        --------
        >>> from livegen.api import render
        >>> render(1, seed=7).frames.shape
        (24, 4, 3)
        """
        return self._piece.frames

    @property
    def is_player(self) -> NDArray[np.bool_]:
        """Which voices a performer played in which frame, (N, 4); nowhere true where that is not known.

        Examples
        --------
        >>> from livegen.api import render
        >>> render(1, seed=7).is_player.any()
        np.False_
        """
        return self._piece.is_player

    @property
    def tempos(self) -> tuple[tuple[int, float], ...]:
        """First frame of each tempo, and the tempo in beats a minute; empty where there is no beat.

        Examples
        --------
        >>> from livegen.api import render
        >>> render(1, seed=7, controls={"bpm": 120}).tempos
        ((0, 120.0),)
        """
        return self._piece.tempos

    @property
    def seconds(self) -> float:
        """How long it is.

        Examples
        --------
        >>> from livegen.api import render
        >>> render(1.5, seed=7).seconds
        1.5
        """
        return frame_to_seconds(len(self.frames))

    def samples(self, rate: int = DEFAULT_SAMPLE_RATE_HZ, *, voices: bool = False) -> NDArray[np.float32]:
        """Return the sound.

        Parameters
        ----------
        rate : int
            Sample rate in Hz, 8000..192000.
        voices : bool
            Whether each voice has a channel of its own.

        Returns
        -------
        ndarray of float32, shape (n, 1), or (n, 4) with `voices`
            About -1..1. What `to_audio` writes, before it is rounded to 16 bits.

        Raises
        ------
        livegen.errors.FormatError
            If the rate is out of range.

        Examples
        --------
        >>> from livegen.api import render
        >>> render(0.5, seed=7).samples(44_100, voices=True).shape
        (22050, 4)
        """
        blocks = self._source.samples(checked_rate(rate), is_apart=voices)
        return np.concatenate(list(blocks)).astype(np.float32, copy=False)

    def to_audio(self, path: str | Path, *, rate: int = DEFAULT_SAMPLE_RATE_HZ, voices: bool = False) -> None:
        """Write the sound.

        Parameters
        ----------
        path : str or Path
            .wav or .flac, 16 bits.
        rate, voices
            See `samples`.

        Raises
        ------
        livegen.errors.FormatError
            If the name has another ending, or the file cannot be written.

        Examples
        --------
        >>> from livegen.api import render
        >>> render(1, seed=7).to_audio("song.flac")
        """
        place = _place(path, AUDIO_ENDINGS)
        self._source.write(place, Making(rate=checked_rate(rate), is_apart=voices))

    def to_midi(self, path: str | Path, *, layout: Literal["exact", "daw"] = "exact", title: str = "") -> None:
        """Write a MIDI file.

        Parameters
        ----------
        path : str or Path
            .mid or .midi.
        layout : {"exact", "daw"}
            All of the score, as NES-MDB has it, or notes for any instrument to play.
        title : str

        Raises
        ------
        livegen.errors.FormatError
            If the name has another ending, the layout is another, or the file cannot be written.

        Examples
        --------
        >>> from livegen.api import render
        >>> render(1, seed=7).to_midi("song.mid", layout="daw", title="My song")
        """
        place = _place(path, MIDI_ENDINGS)
        if layout not in ("exact", "daw"):
            raise FormatError(f"a MIDI file cannot be laid out as {layout!r}: allowed is exact or daw")
        self._write_silent(place, title, is_for_daw=layout == "daw")

    def to_vgm(self, path: str | Path, *, title: str = "", author: str = "", loop_from: float | None = None) -> None:
        """Write what the chip's registers are told: for players of chip music, or for the console itself.

        Parameters
        ----------
        path : str or Path
            .vgm, .vgz or .nsf.
        title, author : str
            Else those that the score has of its file.
        loop_from : float, optional
            In seconds: from where players repeat it when it has come to its end; else they stop.

        Raises
        ------
        livegen.errors.FormatError
            If the name has another ending, or the file cannot be written.

        Examples
        --------
        >>> from livegen.api import render
        >>> render(1, seed=7).to_vgm("song.vgz", title="My song", author="Me", loop_from=0)
        """
        place = _place(path, REGISTER_ENDINGS)
        if loop_from is not None and not 0.0 <= loop_from < self.seconds:
            raise FormatError(f"{place.name} cannot go on at {loop_from} s: it is {self.seconds:g} s long")
        self._source.write(place, Making(tags=Tags(title=title, author=author), loop_from=loop_from))

    def to_file(self, path: str | Path) -> None:
        """Write a file of the kind that its name ends with, as `livegen render` does without further options.

        Parameters
        ----------
        path : str or Path
            .wav .flac, a score: .mid .npz .exprsco.pkl .seprsco.pkl .ftm.txt .fs.txt, register writes: .vgm .vgz .nsf,
            a picture: .png .svg.

        Raises
        ------
        livegen.errors.FormatError
            If the name has another ending, or the file cannot be written.

        Examples
        --------
        >>> from livegen.api import render
        >>> render(1, seed=7).to_file("song.svg")
        """
        place = Path(path)
        check_output(place)
        if needs_sound(place):
            self._source.write(place, Making())
        else:
            self._write_silent(place)

    def _write_silent(self, path: Path, title: str = "", *, is_for_daw: bool = False) -> None:
        tags = replace(self._piece.tags, title=title or self._piece.tags.title)
        write_silent(path, replace(self._piece, tags=tags), is_for_daw=is_for_daw)


def _place(path: str | Path, endings: tuple[str, ...]) -> Path:
    """Return the path of a file that can be written, with one of some endings; raises FormatError."""
    place = Path(path)
    if not plain_name(place).endswith(endings):
        raise FormatError(f"{place.name} is not what is written here: its name must end in {' or '.join(endings)}")
    check_place(place)
    return place
