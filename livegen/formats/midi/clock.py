"""The clock of a MIDI file that is written: it follows NES-MDB's grid or the tempos of a piece."""

import math
from bisect import bisect_right
from collections.abc import Iterable
from operator import itemgetter
from pathlib import Path
from typing import Final

import mido

from livegen.errors import FormatError
from livegen.formats.files import atomic_path
from livegen.formats.midi.smf import MAX_EVENTS
from livegen.formats.score.downsample import GRID_RATE_HZ, frame_edges, frames_to_samples
from livegen.formats.score.piece import Piece
from livegen.units import frame_to_seconds

GRID_TICKS_PER_BEAT: Final = GRID_RATE_HZ // 2
"""Ticks a beat of a piece without tempos: at 120 beats a minute, a tick is a sample of the grid."""

MUSICAL_TICKS_PER_BEAT: Final = 15_360
"""Ticks a beat of a piece with tempos: a multiple of the resolutions that sequencers use."""

_GRID_TEMPO: Final = 500_000  # microseconds a beat
_TEMPO_RANGE: Final = (60_000, 6_000_000)  # 1000 to 10 beats a minute
_EVENTS_OF_OURS: Final = 100  # room for events that are added, such as the ends of tracks
_MAX_DELTA: Final = 0x0FFF_FFFF  # the longest delta time that a file can express


class MidiClock:
    """Converts grid samples to ticks: one to one, or by the tempos of a piece.

    Attributes
    ----------
    ticks_per_beat : int
    tempos : list of (float, int, int)
        Grid sample and tick at which a tempo begins, and its microseconds a beat.
    """

    def __init__(self, tempos: tuple[tuple[int, float], ...]) -> None:
        self.ticks_per_beat = MUSICAL_TICKS_PER_BEAT if tempos else GRID_TICKS_PER_BEAT
        self.tempos = [(0.0, 0, _tempo(tempos[0][1]) if tempos else _GRID_TEMPO)]
        for frame_index, beats_a_minute in tempos:
            tick = round(self._tick(frame_to_seconds(frame_index) * GRID_RATE_HZ))
            begin, first_tick, tempo = self.tempos[-1]
            if tick > first_tick:
                begin += (tick - first_tick) * self._samples_a_tick(tempo)
                self.tempos.append((begin, tick, _tempo(beats_a_minute)))
            else:
                self.tempos[-1] = (begin, first_tick, _tempo(beats_a_minute))

    def frame_ticks(self, n_frames: int) -> list[int]:
        """Return the tick at which each frame begins, and the first tick after the last frame."""
        end = math.ceil(self._tick(frames_to_samples(n_frames)) - 1e-6)
        return [*(round(self._tick(sample)) for sample in frame_edges(n_frames)[:-1].tolist()), end]

    def _tick(self, sample: float) -> float:
        at = max(bisect_right(self.tempos, sample, key=itemgetter(0)) - 1, 0)
        begin, first_tick, tempo = self.tempos[at]
        return first_tick + (sample - begin) / self._samples_a_tick(tempo)

    def _samples_a_tick(self, tempo: int) -> float:
        return tempo * GRID_RATE_HZ / (1e6 * self.ticks_per_beat)


def _tempo(beats_a_minute: float) -> int:
    """Return the microseconds in a beat. A file holds a whole number of them."""
    lowest, highest = _TEMPO_RANGE
    return min(max(round(60e6 / max(beats_a_minute, 1e-3)), lowest), highest)


def conductor_track(
    piece: Piece, clock: MidiClock, edges: list[int], more: list[tuple[int, mido.MetaMessage]]
) -> mido.MidiTrack:
    """Return the first track: title, tempos, 4/4, markers, and the messages of `more`, which have absolute ticks."""
    n_frames = len(edges) - 1
    said: list[tuple[int, mido.MetaMessage]] = [
        *((0, mido.MetaMessage("track_name", name=title)) for title in [piece.tags.title] if title),
        *((tick, mido.MetaMessage("set_tempo", tempo=tempo)) for _, tick, tempo in clock.tempos),
        (0, mido.MetaMessage("time_signature", numerator=4, denominator=4)),
        *((edges[min(at, n_frames)], mido.MetaMessage("marker", text=text)) for at, text in piece.markers),
    ]
    return to_track(sorted([*said, *more], key=itemgetter(0)))


def to_track(messages: Iterable[tuple[int, mido.Message]]) -> mido.MidiTrack:
    """Return a track of messages at absolute ticks. Empty texts divide a pause that is too long for one delta time.

    Raises
    ------
    FormatError
        If there are more messages than `livegen.formats.midi.smf` reads.
    """
    track, now = mido.MidiTrack(), 0
    for tick, message in messages:
        while tick - now > _MAX_DELTA:
            track.append(mido.MetaMessage("text", text="", time=_MAX_DELTA))
            now += _MAX_DELTA
        track.append(message.copy(time=tick - now))
        now = tick
        _check_events(len(track))
    return track


def save(path: Path, file: mido.MidiFile) -> None:
    """Write a file; raises FormatError if it has more events than can be read, or cannot be written."""
    _check_events(sum(map(len, file.tracks)))
    with atomic_path(path) as partial:
        file.save(partial)


def _check_events(n_events: int) -> None:
    if n_events > MAX_EVENTS - _EVENTS_OF_OURS:
        raise FormatError(
            f"a MIDI file of this would have over {MAX_EVENTS:,} events, more than are read: cut the score"
        )
