"""Any MIDI file as words, note by note: `i99:v100:64` begins a note, `end:i99:v100:64` ends it.

A song stands between `start` and `finish`. `wait:8` waits for eight sixteenths of a beat, `tempo:150` is a tempo in
beats a minute. A word of a note names its instrument, which is General MIDI's program 0..127 or 128 for drums, its
velocity and its key. So a song is what its notes are: pedals, wheels and names of tracks have no words, and times are
rounded to a sixteenth of a beat. What a network is to learn from should be neither songs nor pauses without end: a long
song is written as several, one after another, and so is a long wait.
"""

from collections import defaultdict
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from livegen.errors import FormatError
from livegen.formats.files import Warn, atomic_path, ignore
from livegen.formats.midi.held import held_notes
from livegen.formats.midi.smf import NOTE_OFF, NOTE_ON, Events, Song, TickClock
from livegen.formats.midi.song_file import USUAL_TEMPO, tempo_ticks
from livegen.formats.words.text import Words
from livegen.score import MIDI_CHANNEL, Voice
from livegen.units import MAX_VELOCITY, MAX_VOLUME

EVENTS_ENDING: Final = ".events.txt"

WAITS_A_BEAT: Final = 16
LONGEST_WAIT: Final = 128 * WAITS_A_BEAT
MOST_EVENTS: Final = 10_000
"""Bounds of a song that a network learns from: the longest wait, 128 beats, and its notes' beginnings and ends."""

DRUMS: Final = 128
"""The instrument of drums; the others are General MIDI's programs."""

_TEMPO, _ENDS, _BEGINS = range(3)  # the order of words at the same time
_DROPPED_WAIT: Final = 128  # of what the original left out: it took its sixteenths for beats
_TICKS_A_WAIT: Final = 30
_TICKS_A_BEAT: Final = WAITS_A_BEAT * _TICKS_A_WAIT
_DRUM_CHANNEL: Final = MIDI_CHANNEL[Voice.NO]
_MELODIC_CHANNELS: Final = tuple(channel for channel in range(16) if channel != _DRUM_CHANNEL)
_PROGRAM_CHANGE: Final = 0xC0
_TEMPO_RANGE: Final = (10.0, 1_000.0)
_NESMDB_NAMES: Final = {80: "p1", 81: "p2", 38: "tr", DRUMS: "no"}
"""The tracks of NES-MDB's songs by their instruments: read again, they are the four voices."""


class Note(NamedTuple):
    """A note of a song; times are in sixteenths of a beat."""

    start: int
    end: int
    instrument: int
    velocity: int
    key: int

    @property
    def word(self) -> str:
        """The word that begins it."""
        return f"i{self.instrument}:v{self.velocity}:{self.key}"


def notes_of(song: Song) -> list[Note]:
    """Return the notes of a song in the order in which they begin. A key ends where it comes up, whatever the pedal."""
    events, rate = song.events, WAITS_A_BEAT / song.ticks_per_beat if song.ticks_per_beat else 0.0
    at = events.tick * rate if rate else song.seconds * USUAL_TEMPO / 60 * WAITS_A_BEAT
    times = np.append(np.rint(at), np.rint(at[-1:])).astype(np.int64)
    notes: list[Note] = []
    for channel in np.unique(events.channel).tolist():
        own = np.flatnonzero(events.channel == channel)
        message, track = events.message[own], events.track[own].astype(np.int64)
        held = held_notes(message, track << 7 | message[:, 1])
        struck = own[held.strike]
        up = np.append(own, len(events))[held.up]
        instrument = np.full(len(struck), DRUMS)
        if channel != _DRUM_CHANNEL:
            is_program = message[:, 0] & 0xF0 == _PROGRAM_CHANGE
            programs = np.append(0, message[is_program, 1])
            instrument = programs[np.searchsorted(own[is_program], struck)]
        columns = times[struck], times[np.minimum(up, len(events))], instrument, *events.message[struck, 2:0:-1].T
        notes += [Note(*map(int, row)) for row in zip(*columns, strict=True)]
    return sorted(notes)


def write_events(path: Path, song: Song, limits: str = "split") -> int:
    """Write a song as words, and return as how many songs, because it is longer than `MOST_EVENTS`.

    Parameters
    ----------
    path : Path
    song : Song
    limits : {"split", "drop"}
        What becomes of a song beyond the bounds: it is written as several, or refused.

    Raises
    ------
    FormatError
        If the song is beyond the bounds and `limits` is "drop", or the file cannot be written.
    """
    notes = notes_of(song)
    timed = _timed_words(notes, _tempos(song))
    longest = max(np.diff([0, *(at for at, _ in timed)]))
    if limits == "drop" and (2 * len(notes) > MOST_EVENTS or longest > _DROPPED_WAIT):
        raise FormatError(
            f"{song.file_name} has {2 * len(notes):,} events and a pause of {longest / WAITS_A_BEAT:.1f} beats: with "
            f"--limits drop, at most {MOST_EVENTS:,} and {_DROPPED_WAIT / WAITS_A_BEAT:.0f} are written"
        )
    songs = _songs(timed)
    head = (
        f"# {WAITS_A_BEAT} waits are a beat: times are rounded to that. i0..i127 are General MIDI's programs, "
        f"i{DRUMS} drums.\n"
    )
    with atomic_path(path) as partial:
        partial.write_text(head + "".join(" ".join(words) + "\n" for words in songs), "ascii")
    return len(songs)


def _tempos(song: Song) -> list[tuple[int, str]]:
    """Return the tempos of a song, the first at its beginning, as words."""
    said = [(round(tick * WAITS_A_BEAT / song.ticks_per_beat), tempo) for tick, tempo in tempo_ticks(song)]
    if not said or said[0][0] > 0:
        said.insert(0, (0, USUAL_TEMPO))
    last_at_each = dict(said)
    return [(at, f"tempo:{round(tempo, 3):.10g}") for at, tempo in sorted(last_at_each.items())]


def _timed_words(notes: list[Note], tempos: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return all words with their times, in order."""
    ranked = [(at, _TEMPO, -1, 0, word) for at, word in tempos]
    for order, note in enumerate(notes):
        ranked.append((note.start, _BEGINS, order, 0, note.word))
        ranked.append((*_end_of(note, order), f"end:{note.word}"))
    return [(row[0], row[-1]) for row in sorted(ranked, key=lambda row: row[:4])]


def _end_of(note: Note, order: int) -> tuple[int, int, int, int]:
    """Return when the end of a note comes, and what decides among all at that time.

    Notes end before others begin; one that has no length ends as soon as it has begun.
    """
    if note.end <= note.start:
        return note.start, _BEGINS, order, 1
    return note.end, _ENDS, order, 0


def _songs(timed: list[tuple[int, str]]) -> list[list[str]]:
    """Return the words of each song, with waits between them, cut where a song would get too long."""
    songs, n_events, now = [["start"]], 0, 0
    for at, word in timed:
        is_event = not word.startswith("tempo:")
        if is_event and n_events == MOST_EVENTS:
            songs[-1].append("finish")
            songs.append(["start"])
            n_events = 0
        waits = [LONGEST_WAIT] * ((at - now) // LONGEST_WAIT) + [(at - now) % LONGEST_WAIT]
        songs[-1] += [f"wait:{wait}" for wait in waits if wait]
        songs[-1].append(word)
        n_events += is_event
        now = at
    songs[-1].append("finish")
    return songs


def read_events(path: Path, warn: Warn = ignore) -> Song:
    """Read words as a song; several songs follow one another, and a note may go on from one into the next.

    Parameters
    ----------
    path : Path
    warn : callable
        Is told in one sentence which words were left out, if any.

    Raises
    ------
    FormatError
        If there is no note that can be read, there are too many words, or they last for over 11.5 hours; or as `warn`
        does.
    """
    text = Words(path, "a song's events")
    notes: list[Note] = []
    open_notes: dict[str, list[int]] = defaultdict(list)
    tempos: list[tuple[int, float]] = []
    now, seconds, tempo = 0, 0.0, USUAL_TEMPO
    for word in text:
        kind, _, rest = word.partition(":")
        if kind == "wait" and (wait := _number(rest, 10**7)) is not None:
            now += wait
            seconds += wait * 60 / (tempo * WAITS_A_BEAT)
        elif word.startswith("tempo"):
            said = _tempo(word.removeprefix("tempo").removeprefix(":"))
            if said is None:
                text.leave_out()
            else:
                tempo = said
                tempos.append((now, tempo))
        elif kind == "end" and open_notes.get(rest):
            index = open_notes[rest].pop(0)
            notes[index] = notes[index]._replace(end=now)
        elif (note := _note(word, now)) is not None:
            open_notes[note.word].append(len(notes))
            notes.append(note)
        elif word not in ("start", "finish"):
            text.leave_out("it ends a note that has not begun" if kind == "end" else "")
    text.check(seconds, len(notes), warn)
    for index in chain.from_iterable(open_notes.values()):
        notes[index] = notes[index]._replace(end=now)
    return _song(path.name, notes, tempos, is_damaged=text.n_left_out > 0)


def _number(text: str, most: int) -> int | None:
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 9 and int(text) <= most else None


def _tempo(text: str) -> float | None:
    try:
        tempo = float(text)
    except ValueError:
        return None
    return tempo if _TEMPO_RANGE[0] <= tempo <= _TEMPO_RANGE[1] else None


def _note(word: str, now: int) -> Note | None:
    parts = word.split(":")
    if len(parts) != 3 or parts[0][:1] != "i" or parts[1][:1] != "v":
        return None
    instrument, velocity = _number(parts[0][1:], DRUMS), _number(parts[1][1:], MAX_VELOCITY)
    key = _number(parts[2], 127)
    if instrument is None or not velocity or key is None:
        return None
    return Note(now, now, instrument, velocity, key)


def _song(name: str, notes: list[Note], tempos: list[tuple[int, float]], *, is_damaged: bool) -> Song:
    """Return notes as a song with a track for each instrument; more than fifteen share channels."""
    instruments = list(dict.fromkeys(note.instrument for note in notes))
    melodic = [instrument for instrument in instruments if instrument != DRUMS]
    channels = {each: _MELODIC_CHANNELS[i % len(_MELODIC_CHANNELS)] for i, each in enumerate(melodic)}
    channels[DRUMS] = _DRUM_CHANNEL
    program_of: dict[int, int] = {}
    rows = []
    for order, note in enumerate(sorted(notes, key=lambda note: note.start)):
        channel, track = channels[note.instrument], instruments.index(note.instrument)
        begin = (note.start, _BEGINS, order, 0)
        if note.instrument != DRUMS and program_of.get(channel) != note.instrument:
            program_of[channel] = note.instrument
            rows.append(((*begin[:3], -1), track, _PROGRAM_CHANGE | channel, note.instrument, 0))
        rows.append((begin, track, NOTE_ON | channel, note.key, note.velocity))
        rows.append((_end_of(note, order), track, NOTE_OFF | channel, note.key, 0))
    rows.sort(key=lambda row: row[0])
    tick = np.array([row[0][0] for row in rows], np.int64) * _TICKS_A_WAIT
    events = Events(
        tick, np.array([row[1] for row in rows], np.int32), np.array([row[2:] for row in rows], np.uint8).reshape(-1, 3)
    )
    begins = np.array([at for at, _ in tempos], np.int64) * _TICKS_A_WAIT
    clock = TickClock(_TICKS_A_BEAT, begins, 60e6 / np.array([tempo for _, tempo in tempos]))
    return Song(
        name,
        _names(instruments, notes),
        events,
        clock.seconds(tick),
        [],
        list(zip(clock.seconds(begins).tolist(), (tempo for _, tempo in tempos), strict=True)),
        [],
        _TICKS_A_BEAT,
        is_damaged=is_damaged,
    )


def _names(instruments: list[int], notes: list[Note]) -> list[str]:
    """Return the names of the tracks: NES-MDB's where the notes can be its."""
    if set(instruments) <= _NESMDB_NAMES.keys() and all(note.velocity <= MAX_VOLUME for note in notes):
        return [_NESMDB_NAMES[instrument] for instrument in instruments]
    return ["drums" if instrument == DRUMS else f"i{instrument}" for instrument in instruments]
