"""Writes a song as a MIDI file, message by message."""

from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Final

import mido
import numpy as np

from livegen.formats.midi.clock import save, to_track
from livegen.formats.midi.smf import Song, message_bytes

USUAL_TEMPO: Final = 120.0
"""Beats a minute until a song says otherwise."""


def write_song(path: Path, song: Song) -> None:
    """Write a song: its messages at their ticks, each track by its name, its tempos and time signatures.

    Raises
    ------
    FormatError
        If it has more messages than can be read again, or the file cannot be written.
    """
    file = mido.MidiFile(type=1, ticks_per_beat=song.ticks_per_beat, charset="utf-8")
    said = [(tick, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo))) for tick, tempo in tempo_ticks(song)]
    ticks = _ticks_at(song, [seconds for seconds, _, _ in song.time_signatures])
    said += [
        (tick, mido.MetaMessage("time_signature", numerator=upper, denominator=lower))
        for tick, (_, upper, lower) in zip(ticks, song.time_signatures, strict=True)
    ]
    file.tracks.append(to_track(sorted(said, key=itemgetter(0))))
    for track, name in enumerate(song.track_names):
        file.tracks.append(to_track([(0, mido.MetaMessage("track_name", name=name)), *_messages(song, track)]))
    save(path, file)


def tempo_ticks(song: Song) -> list[tuple[int, float]]:
    """Return the tick of each tempo of a song that counts in beats, and its beats a minute."""
    if not song.ticks_per_beat:
        return []
    ticks = _ticks_at(song, [seconds for seconds, _ in song.tempos])
    return [(tick, tempo) for tick, (_, tempo) in zip(ticks, song.tempos, strict=True)]


def _ticks_at(song: Song, seconds: list[float]) -> list[int]:
    """Return the ticks at some times of a song that counts in beats."""
    begins, tempos = np.array([(0.0, USUAL_TEMPO), *song.tempos]).T
    rates = tempos / 60 * song.ticks_per_beat
    first = np.append(0.0, np.cumsum(np.diff(begins) * rates[:-1]))
    place = np.searchsorted(begins, seconds, side="right") - 1
    return np.rint(first[place] + (seconds - begins[place]) * rates[place]).astype(np.int64).tolist()


def _messages(song: Song, track: int) -> Iterator[tuple[int, mido.Message]]:
    own = song.events[song.events.track == track]
    for tick, message in zip(own.tick.tolist(), own.message, strict=True):
        yield tick, mido.Message.from_bytes(message_bytes(message))
