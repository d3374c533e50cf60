"""Any MIDI file, arranged for the chip: melody on P1, counter-melody on P2, bass on TR, drums on NO.

`livegen.formats.midi.file` relies on the channels of a file; this module relies only on channel 10, which holds the
drums. A part is a track and channel. The bass is the part whose program, name or low pitch says so. The melody is
the part with the best score: for how much it plays, how high, how rarely in chords, with how many different keys, and
for its program and name. The next best is the counter-melody, and other parts fill its long rests. A melody keeps the
highest note of its chords, a bass the lowest, and a counter-melody turns chords into arpeggios, as games do. A file
with only one part, such as a piano, is divided by pitch.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.errors import FormatError
from livegen.formats.files import Warn, ignore
from livegen.formats.midi import nesmdb as nesmdb_midi
from livegen.formats.midi.band_lines import Line, arpeggios_of, is_heard_below, line_of
from livegen.formats.midi.band_notes import Part, collect_parts, together
from livegen.formats.midi.file import LONGEST_DRUM_FRAMES, event_frames, fill_drums, notes_of_keys, separate
from livegen.formats.midi.smf import NOTE_ON, Song, read_song
from livegen.score import MIDI_CHANNEL, N_COLUMNS, N_VOICES, Column, Voice
from livegen.units import FRAME_RATE_HZ, MAX_VOLUME

_DRUM_CHANNEL: Final = MIDI_CHANNEL[Voice.NO]
_BASS_PROGRAMS: Final = range(32, 40)  # General MIDI's 33 to 40
_BASS_WORDS: Final = ("bass", "basso")
_LEAD_WORDS: Final = ("melod", "lead", "vocal", "voice", "solo", "tune", "sing")
_BACKING_WORDS: Final = ("harmon", "chord", "pad", "rhythm", "accomp", "backing", "comp")
_BASS_MEDIAN: Final = 52
_BASS_MEDIAN_IN_A_BAND: Final = 64
_BASS_TOP: Final = 55
"""MIDI keys that tell a bass. Of two parts, one whose median key is below `_BASS_MEDIAN` can be the bass; of more,
one whose median key is below `_BASS_MEDIAN_IN_A_BAND`. If there is none, the notes below `_BASS_TOP` in the parts with
chords are the bass.
"""

_CHORDAL: Final = 1.3
"""A part has chords if on average at least this many keys are down at a time."""

_MOST_PARTS: Final = 64  # number of parts that are used at most
_REST_FRAMES: Final = FRAME_RATE_HZ // 2
"""A note of another part fills a rest of the counter-melody if P2 is silent this many frames before and after it."""


@dataclass(frozen=True, slots=True)
class _Family:
    """How the chip plays a family of eight General MIDI programs.

    Attributes
    ----------
    lead : float
        Added to the score of a part as the melody.
    duty : int
        Timbre of a pulse voice.
    decay_seconds : float
        Time in which a held note falls to 1/e of its volume.
    floor : float
        Share of its volume to which it falls.
    """

    lead: float
    duty: int
    decay_seconds: float
    floor: float


_FAMILIES: Final = (
    _Family(0.0, 2, 0.6, 0.2),  # piano
    _Family(0.0, 2, 0.4, 0.1),  # chromatic percussion
    _Family(0.0, 2, 3.0, 0.8),  # organ
    _Family(0.0, 1, 0.6, 0.2),  # guitar
    _Family(-1.0, 1, 0.8, 0.3),  # bass
    _Family(0.1, 1, 2.0, 0.6),  # strings
    _Family(-0.3, 2, 3.0, 0.7),  # ensemble
    _Family(0.1, 1, 1.5, 0.6),  # brass
    _Family(0.4, 1, 1.5, 0.6),  # reed
    _Family(0.4, 2, 2.0, 0.7),  # pipe
    _Family(0.5, 1, 1.2, 0.5),  # synth lead
    _Family(-0.6, 2, 3.0, 0.7),  # synth pad
    _Family(-0.6, 0, 1.0, 0.3),  # synth effects
    _Family(0.1, 0, 0.6, 0.2),  # ethnic
    _Family(-2.0, 0, 0.3, 0.0),  # percussive
    _Family(-2.0, 0, 0.3, 0.0),  # sound effects
)


def read_midi_band(path: Path, warn: Warn = ignore) -> NDArray[np.uint8]:
    """Read any MIDI file as a score that the four voices can play.

    Parameters
    ----------
    path : Path
        One in NES-MDB's layout is read exactly.
    warn : callable
        As `livegen.formats.midi.smf.read_song` has it.

    Returns
    -------
    ndarray of uint8, shape (N, 4, 3)
        From the first sounding frame to the last. A file in NES-MDB's layout gives all its frames.

    Raises
    ------
    FormatError
        If the file is no MIDI file, has no note that can be read, or is beyond the bounds of
        `livegen.formats.midi.smf`; or as `warn` does.
    """
    song = read_song(path, warn)
    if nesmdb_midi.is_nesmdb_layout(song):
        return nesmdb_midi.song_to_frames(song)
    return arrange(song)


def arrange(song: Song) -> NDArray[np.uint8]:
    """Arrange an ordinary song, as `read_midi_band` does; raises FormatError if it has no notes."""
    at = event_frames(song)
    drums = np.flatnonzero(song.events.message[:, 0] == NOTE_ON | _DRUM_CHANNEL)
    parts = [part for part in collect_parts(song, at) if part.channel != _DRUM_CHANNEL]
    if not parts and not len(drums):
        raise FormatError(f"{song.file_name} holds no notes: choose a MIDI file with music in it")
    n_frames = max([int(at[-1]) + 1 + LONGEST_DRUM_FRAMES, *(int(part.notes.tail.max()) for part in parts)])
    frames = np.zeros((n_frames, N_VOICES, N_COLUMNS), np.uint8)
    fill_drums(frames[:, Voice.NO], Voice.NO, at[drums], song.events.message[drums])
    _write_parts(frames, parts)
    sounding = np.flatnonzero(frames[..., Column.NOTE].any(axis=1))
    return frames[sounding[0] : sounding[-1] + 1]


def _write_parts(frames: NDArray[np.uint8], parts: list[Part]) -> None:
    bass, parts = _take_bass(parts)
    if bass is not None:
        _write(frames, Voice.TR, bass, line_of(bass.notes, is_bass=True))
    parts = sorted((part for part in parts if len(part.notes)), key=_melody_score, reverse=True)
    if not parts:
        return
    melody, *others = parts
    line = line_of(melody.notes)
    _write(frames, Voice.P1, melody, line)
    if others:
        _write(frames, Voice.P2, others[0], arpeggios_of(others[0].notes))
        for part in others[1:_MOST_PARTS]:
            _fill_rests(frames, part)
    else:  # P2 plays what remains below the top of the chords
        _write(frames, Voice.P2, melody, line_of(melody.notes[is_heard_below(line, melody.notes)]))


def _take_bass(parts: list[Part]) -> tuple[Part | None, list[Part]]:
    """Return the bass, if there is one, and the parts without it."""
    named = [part for part in parts if part.program in _BASS_PROGRAMS or _has(part, _BASS_WORDS)]
    highest = _BASS_MEDIAN if len(parts) == 2 else _BASS_MEDIAN_IN_A_BAND
    deep = [part for part in parts if part.median_key < highest and part.polyphony < _CHORDAL]
    candidates = named or (deep if len(parts) > 1 else [])
    if candidates:  # being an octave lower is worth as much as playing all the time
        bass = min(candidates, key=lambda part: part.median_key - 12.0 * part.coverage)
        return bass, [part for part in parts if part is not bass]
    chordal = [part for part in parts if part.polyphony >= _CHORDAL]
    low = [part.notes[part.notes.key < _BASS_TOP] for part in chordal]
    n_low = sum(map(len, low))
    if not n_low or n_low == sum(len(part.notes) for part in parts):
        return None, parts
    rest = [
        part.with_notes(part.notes[part.notes.key >= _BASS_TOP]) if part.polyphony >= _CHORDAL else part
        for part in parts
    ]
    return chordal[0].with_notes(together(low)), rest


def _melody_score(part: Part) -> float:
    score = min(2.0 * part.coverage, 1.0) + 0.8 * float(np.clip((part.median_key - 48) / 36, 0.0, 1.0))
    score += 0.8 / part.polyphony + 0.5 * min(len(np.unique(part.notes.key)) / 8, 1.0)
    return score + _family(part).lead + _has(part, _LEAD_WORDS) - 0.5 * _has(part, _BACKING_WORDS)


def _has(part: Part, words: tuple[str, ...]) -> bool:
    return any(word in part.name.lower() for word in words)


def _family(part: Part) -> _Family:
    return _FAMILIES[part.program // 8]


def _fill_rests(frames: NDArray[np.uint8], part: Part) -> None:
    """Let P2 play a part where P2 has a long rest."""
    busy = np.append(0, np.cumsum(frames[:, Voice.P2, Column.NOTE] > 0))
    line = line_of(part.notes)
    first, last = np.maximum(line.start - _REST_FRAMES, 0), np.minimum(line.end + _REST_FRAMES, len(frames))
    _write(frames, Voice.P2, part, line[busy[first] == busy[last]])


def _write(frames: NDArray[np.uint8], voice: Voice, part: Part, line: Line) -> None:
    family, column = _family(part), frames[:, voice]
    line = line[line.end > line.start]
    lengths = line.end - line.start
    place = np.arange(lengths.sum()) + np.repeat(line.start - np.cumsum(lengths) + lengths, lengths)
    column[place, Column.NOTE] = np.repeat(notes_of_keys(voice)[line.key], lengths)
    if voice is not Voice.TR:
        ages = place - np.repeat(line.struck, lengths)
        level = family.floor + (1.0 - family.floor) * np.exp(-ages / FRAME_RATE_HZ / family.decay_seconds)
        column[place, Column.VOLUME] = np.clip(np.ceil(np.repeat(line.volume, lengths) * level), 1, MAX_VOLUME)
        column[place, Column.TIMBRE] = family.duty
    separate(column, line.start[line.start == line.struck])
