"""TX1: the words of LakhNES for NES-MDB's songs, in which a song is a list of events, a line each.

`P1_NOTEON_64` begins a note and ends the one before it, `P1_NOTEOFF` ends one, `WT_735` waits so many samples at
44.1 kHz. Events of the same sample stand in the order of the voices. There is no volume and no timbre: read again,
notes are as loud as can be. A file holds any wait, where a network has words for 370 of them
(`livegen.formats.words.vocabulary`).
"""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.formats.files import Warn, atomic_path, ignore
from livegen.formats.midi.clock import GRID_TICKS_PER_BEAT
from livegen.formats.midi.held import held_notes
from livegen.formats.midi.nesmdb import song_end, voice_messages
from livegen.formats.midi.smf import NOTE_OFF, NOTE_ON, Events, Song
from livegen.formats.midi.song_file import USUAL_TEMPO
from livegen.formats.score.downsample import GRID_RATE_HZ
from livegen.formats.words.text import Words
from livegen.formats.words.vocabulary import BEGIN_OR_END, NOTES, SOUND_OFF, event_word
from livegen.score import MIDI_CHANNEL, N_VOICES, Voice
from livegen.units import MAX_VOLUME

TX1_ENDING: Final = ".tx1.txt"

_VELOCITY: Final = {Voice.P1: MAX_VOLUME, Voice.P2: MAX_VOLUME, Voice.TR: 1, Voice.NO: MAX_VOLUME}
_LONGEST: Final = 16  # of a word in characters: a longer number is no wait


def song_to_rows(song: Song) -> tuple[NDArray[np.int64], int]:
    """Return the events of a song in NES-MDB's layout.

    Returns
    -------
    ndarray of int64, shape (n, 3)
        Grid sample, voice and note of each, in order; the note is 0 where one ends and none begins.
    int
        The grid sample at which the song ends.
    """
    rows = []
    for voice, (samples, messages, _) in voice_messages(song).items():
        held = held_notes(messages, messages[:, 1])
        samples = np.append(samples, song_end(song))
        start = samples[held.strike]
        following = np.append(start[1:], np.iinfo(np.int64).max)
        is_heard = start < following  # of several in a sample, the last
        start, following = start[is_heard], following[is_heard]
        end = samples[np.minimum(held.up, len(messages))][is_heard]
        note = np.clip(messages[held.strike, 1], *NOTES[voice])[is_heard]
        ends = end[end < following]
        rows += [_rows(start, voice, note), _rows(ends, voice, SOUND_OFF)]
    found = np.concatenate(rows)
    return found[np.lexsort((found[:, 1], found[:, 0]))], song_end(song)


def _rows(samples: NDArray[np.int64], voice: Voice, note: NDArray[np.uint8] | int) -> NDArray[np.int64]:
    return np.stack(np.broadcast_arrays(samples, np.int64(voice), np.asarray(note, np.int64)), axis=1)


def write_tx1(path: Path, song: Song) -> None:
    """Write a song in NES-MDB's layout as words; raises FormatError if the file cannot be written."""
    rows, end = song_to_rows(song)
    lines, now = [], 0
    for sample, voice, note in rows.tolist():
        if sample > now:
            lines.append(f"WT_{sample - now}")
        lines.append(event_word(Voice(voice), note))
        now = sample
    if end > now:
        lines.append(f"WT_{end - now}")
    with atomic_path(path) as partial:
        partial.write_text("".join(f"{line}\n" for line in lines), "ascii")


def read_tx1(path: Path, warn: Warn = ignore) -> Song:
    """Read words as a song in NES-MDB's layout, whose ticks are samples at 44.1 kHz.

    Parameters
    ----------
    path : Path
    warn : callable
        Is told in one sentence which words were left out, if any.

    Raises
    ------
    FormatError
        If there is no word that can be read, there are too many, or they last for over 11.5 hours; or as `warn` does.
    """
    text = Words(path, "TX1")
    known = {word: (voice, note) for voice in Voice for note in range(128) for word in [event_word(voice, note)]}
    rows, now, sounding = [], 0, [SOUND_OFF] * N_VOICES
    for word in text:
        if word.startswith("WT_") and word[3:].isdecimal() and len(word) < _LONGEST:
            now += int(word[3:])
        elif word in known:
            voice, note = known[word]
            if sounding[voice]:
                rows.append((now, int(voice), NOTE_OFF | MIDI_CHANNEL[voice], sounding[voice], 0))
            if note:
                rows.append((now, int(voice), NOTE_ON | MIDI_CHANNEL[voice], note, _VELOCITY[voice]))
            sounding[voice] = note
        elif word != BEGIN_OR_END:
            text.leave_out()
    text.check(now / GRID_RATE_HZ, len(rows), warn)
    rows += [
        (now, int(v), NOTE_OFF | MIDI_CHANNEL[v], note, 0) for v, note in zip(Voice, sounding, strict=True) if note
    ]
    table = np.array(rows, np.int64).reshape(-1, 5)
    events = Events(table[:, 0], table[:, 1].astype(np.int32), table[:, 2:].astype(np.uint8))
    return Song(
        path.name,
        [voice.name.lower() for voice in Voice],
        events,
        table[:, 0] / GRID_RATE_HZ,
        [(now / GRID_RATE_HZ, 1, 1)],
        [(0.0, USUAL_TEMPO)],
        [],
        GRID_TICKS_PER_BEAT,
        is_damaged=text.n_left_out > 0,
    )
