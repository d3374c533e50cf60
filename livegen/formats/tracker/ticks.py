"""Ticks of a tracker's engine and frames of a score: a frame begins with the tick that is nearest to it."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.errors import FormatError
from livegen.formats.chip.register_log import Tags
from livegen.formats.score.downsample import downsample, frame_edges
from livegen.formats.score.piece import Piece
from livegen.score import N_VOICES, NOTE_RANGE, Column, Voice, fit_octave
from livegen.units import CPU_CLOCK_HZ, ENGINE_RATE_HZ, FRAME_RATE_HZ, MAX_TIMER_PERIOD

RATES_HZ: Final[dict[str, float]] = {"ntsc": ENGINE_RATE_HZ, "pal": 50.0070}
"""Ticks a second: pictures of the console (https://www.nesdev.org/wiki/Cycle_reference_chart)."""

PLAYER_SUFFIX: Final = " player"
"""Ends the names of instruments on which a performer played."""

MAX_SECONDS: Final = 3600
"""Length of the longest song that is played: an hour."""

_TEMPO_TICKS: Final = 24
"""Of a quarter note, as both trackers count tempos."""

States = NDArray[np.uint8]
"""What each voice sounds in each tick, uint8 (ticks, 4, 3), with the columns of a score."""


class RowClock:
    """Counts the ticks of rows, as both trackers do.

    Parameters
    ----------
    rate_hz : float
        Ticks a second.
    """

    def __init__(self, rate_hz: float) -> None:
        self._a_minute = 60 * round(rate_hz)
        self._left = 0

    def row(self, speed: int, tempo: int) -> Iterator[None]:
        """Yield for each tick of a row, one at least; parts of a tick that are left over go to the next row.

        With a tempo of 0 a row has as many ticks as the speed says.
        """
        tick, rest = divmod(tempo * _TEMPO_TICKS, speed) if tempo else (1, 0)
        self._left += self._a_minute - rest if tempo else speed
        while True:
            self._left -= tick
            yield
            if self._left <= 0:
                return


def frame_ticks(n_frames: int, rate_hz: float = ENGINE_RATE_HZ) -> NDArray[np.int64]:
    """Return the first tick of each frame and of the one after the last, shape (n_frames + 1,)."""
    return np.floor(np.arange(n_frames + 1) * (rate_hz / FRAME_RATE_HZ) + 0.5).astype(np.int64)


def ticks_to_frames(states: States, rate_hz: float) -> NDArray[np.uint8]:
    """Return the frames of a score, given what sounds in each tick; of a frame's ticks NES-MDB's rule decides.

    Parameters
    ----------
    states : ndarray of uint8, shape (ticks, 4, 3)
    rate_hz : float
        Ticks a second.

    Returns
    -------
    ndarray of uint8, shape (frames, 4, 3)
    """
    n_frames = int(len(states) * FRAME_RATE_HZ / rate_hz) + 2
    first = frame_ticks(n_frames, rate_hz)
    n_frames = int(np.searchsorted(first, len(states)))
    frames = np.zeros((n_frames, N_VOICES, len(Column)), np.uint8)
    if n_frames:
        edges, tick = frame_edges(n_frames), np.arange(len(states))
        frame = np.searchsorted(first, tick, side="right") - 1
        share = (tick - first[frame]) / np.maximum(first[frame + 1] - first[frame], 1)
        starts = edges[frame] + np.floor(share * (edges[frame + 1] - edges[frame])).astype(np.int64)
        for voice in Voice:
            frames[:, voice] = downsample(starts, states[:, voice], n_frames)
    return frames


def note_of_period(clock_hz: float, voice: Voice) -> NDArray[np.int64]:
    """Return the note of a score that each timer period sounds, int64 (2048,): the nearest one in the voice's range.

    Periods that are too short for the range are moved by octaves; the longest of a pulse is its lowest note, because
    that stands for what the chip cannot play.
    """
    steps = 32.0 if voice is Voice.TR else 16.0
    periods = np.arange(MAX_TIMER_PERIOD + 1)
    pitches = np.rint(69.0 + 12.0 * np.log2(clock_hz / (steps * 440.0 * (periods + 1)))).astype(np.int64)
    lowest, highest = NOTE_RANGE[voice]
    notes = np.array([fit_octave(max(int(pitch), lowest), lowest, highest) for pitch in pitches])
    if voice is not Voice.TR:
        notes[-1] = lowest
    return notes


def periods_of_notes(clock_hz: float, lowest_hz: float, n_notes: int) -> list[int]:
    """Return the timer period of each semitone from `lowest_hz` on, as both trackers' tables have it."""
    hz = lowest_hz * 2.0 ** (np.arange(n_notes) / 12.0)
    return (clock_hz / 16.0 / hz - 0.5).astype(np.int64).tolist()


def clock_of(*, is_pal: bool) -> tuple[float, float]:
    """Return the clock of a console in Hz, and its ticks a second."""
    region = "pal" if is_pal else "ntsc"
    return CPU_CLOCK_HZ[region], RATES_HZ[region]


class Recorder:
    """Collects what sounds, tick by tick.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    rate_hz : float
        Ticks a second.
    """

    def __init__(self, name: str, rate_hz: float) -> None:
        self._name = name
        self._rate_hz = rate_hz
        self._sounding, self._is_player = bytearray(), bytearray()
        self._most = int(MAX_SECONDS * rate_hz) * N_VOICES * len(Column)

    def add(self, sounding: Iterable[tuple[int, int, int]], is_player: Iterable[bool]) -> None:
        """Take note, volume and timbre of each voice in a tick, and which ones a performer plays.

        Raises
        ------
        FormatError
            After an hour.
        """
        if len(self._sounding) >= self._most:
            raise FormatError(
                f"{self._name} does not end within {MAX_SECONDS // 60} minutes, the most that is read: check its order "
                "list, its jumps and its tempo"
            )
        for voice in sounding:
            self._sounding += bytes(voice)
        self._is_player += bytes(is_player)

    def piece(self, tags: Tags, tempos: tuple[tuple[int, float], ...] = ()) -> Piece:
        """Return what was taken as a score, with the performer's part if there is one."""
        states = np.frombuffer(bytes(self._sounding), np.uint8).reshape(-1, N_VOICES, len(Column))
        frames = ticks_to_frames(states, self._rate_hz)
        is_player = np.frombuffer(bytes(self._is_player), np.bool_).reshape(-1, N_VOICES)
        player = None
        if is_player.any():
            last = np.minimum(frame_ticks(len(frames), self._rate_hz)[1:], len(is_player)) - 1
            player = is_player[last] & (frames[..., Column.NOTE] > 0)
        return Piece(frames, player, tempos, tags=tags)
