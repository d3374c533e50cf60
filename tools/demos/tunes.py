"""The tunes that a performer plays in the demos, written here note by note, and their MIDI files in demos/tunes.

A tune is a tempo and notes: keys joined by `+`, `-` for a rest, then `/` and the length in beats.
"""

import re
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

import mido

TICKS_A_BEAT: Final = 480
ACCENT, PLAIN = 100, 84
"""Velocities on the beat and beside it."""

HELD: Final = 0.9
"""How much of its length a key is held."""

_CLASSES: Final = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


class Tune(NamedTuple):
    """Notes in their order, and beats a minute."""

    bpm: int
    notes: str


TUNES: Final = MappingProxyType(
    {
        "walk": Tune(
            126,
            """
            G4/1 C5/.5 D5/.5 E5/1 G5/1        F5/.5 E5/.5 D5/1 E5/.5 C5/.5 G4/1
            A4/1 C5/.5 D5/.5 E5/1.5 D5/.5     C5/.5 D5/.5 B4/1 G4/2
            G4/1 C5/.5 D5/.5 E5/1 A5/1        G5/.5 F5/.5 E5/1 D5/.5 C5/.5 D5/1
            E5/.75 F5/.25 E5/.5 D5/.5 C5/1 B4/1    C5/3 -/1
            A5/1 G5/.5 F5/.5 A5/1 F5/1        G5/.5 F5/.5 E5/1 G5/1 E5/1
            F5/1 E5/.5 D5/.5 F5/1 D5/1        E5/.5 F5/.5 E5/.5 D5/.5 C5/1 G4/1
            G4/1 C5/.5 D5/.5 E5/1 G5/1        A5/.5 G5/.5 F5/1 E5/.5 D5/.5 C5/1
            D5/.75 E5/.25 F5/.5 D5/.5 B4/1 G4/1    C5/4
            """,
        ),
        "question": Tune(
            120,
            """
            D5/1 F5/.5 E5/.5 D5/1 A4/1        C5/.5 D5/.5 E5/1 A4/1 -/1     -/8
            D5/1 F5/.5 G5/.5 A5/1 F5/1        G5/.5 F5/.5 E5/1 D5/1 -/1     -/8
            A5/.5 A5/.5 G5/.5 F5/.5 G5/1 E5/1 F5/.5 E5/.5 D5/.5 C5/.5 D5/1 -/1    -/8
            D5/.5 E5/.5 F5/.5 G5/.5 A5/1 D6/1 C6/.5 A5/.5 G5/.5 E5/.5 D5/1 -/1    -/8
            """,
        ),
        "duel": Tune(
            138,
            """
            A4+C5/1 A4+C5/.5 B4+D5/.5 C5+E5/2        D5+F5/1 C5+E5/1 B4+D5/2    -/8
            C5+E5/1 C5+E5/.5 D5+F5/.5 E5+G5/2        F5+A5/1 E5+G5/1 D5+F5/1 C5+E5/1    -/8
            E5+A5/1.5 D5+G5/.5 C5+F5/1 C5+E5/1       B4+D5/.5 C5+E5/.5 D5+F5/1 B4+E5/2    -/8
            A4+C5/.5 B4+D5/.5 C5+E5/.5 D5+F5/.5 E5+G5/1 C5+A5/1    D5+F5/1 B4+E5/1 C5+A5/2    -/8
            """,
        ),
        "lament": Tune(
            80,
            """
            B4/1.5 C5/.5 B4/1 G4/1    A4/1.5 B4/.5 A4/2    G4/1 A4/1 B4/1 D5/1     B4/3 -/1
            E5/1.5 D5/.5 C5/1 B4/1    C5/1.5 B4/.5 A4/2    G4/1 F#4/1 E4/1 F#4/1   G4/3 -/1
            E5/1.5 F#5/.5 G5/1 E5/1   D5/1.5 E5/.5 D5/1 B4/1    C5/1 B4/1 A4/1 F#4/1    E4/4
            """,
        ),
        "ripples": Tune(
            100,
            """
            A3+E4+G4+C5/4  F3+C4+E4+A4/4  C4+E4+G4+B4/4  G3+D4+G4+B4/4
            A3+E4+G4+C5/4  D4+F4+A4+C5/4  F3+C4+F4+A4/4  G3+D4+G4+B4/4
            F3+C4+E4+A4/4  G3+D4+F4+B4/4  A3+E4+G4+C5/4  D4+F4+A4+C5/4
            F3+C4+F4+A4/4  C4+E4+G4+C5/4
            """,
        ),
        "gallop": Tune(
            150,
            """
            A2/4 A2/4 G2/4 G2/4 F2/4 F2/4 E2/4 E2/4   A2/4 C3/4 G2/4 D3/4 F2/4 C3/4 E2/4 E2/4
            A2/4 G2/4 F2/4 A2/4
            """,
        ),
        "boss": Tune(
            160,
            """
            E4/.5 E4/.5 E5/.5 E4/.5 F4/.5 E4/.5 G4/.5 E4/.5    E4/.5 E4/.5 E5/.5 D5/.5 B4/.5 G4/.5 F4/1
            E4/.5 E4/.5 E5/.5 E4/.5 F4/.5 E4/.5 G4/.5 E4/.5    A4/.5 G4/.5 F4/.5 G4/.5 E4/2
            B4/2 C5/1 B4/1    G4/2 F4/1 E4/1    B4/2 C5/1 D5/1    E5/3 -/1
            F4/.5 F4/.5 F5/.5 F4/.5 G4/.5 F4/.5 A4/.5 F4/.5    E4/.5 E4/.5 E5/.5 D5/.5 B4/.5 G4/.5 F4/1
            F4/.5 F4/.5 F5/.5 F4/.5 G4/.5 F4/.5 A4/.5 C5/.5    B4/.5 A4/.5 G4/.5 F4/.5 E4/2
            B4/2 C5/1 B4/1    D5/2 C5/1 B4/1    E5/1 D5/1 C5/1 F4/1    E4/4
            """,
        ),
    }
)
"""The tunes by the name of their file."""


def midi_file(tune: Tune) -> mido.MidiFile:
    """Return a tune as a MIDI file of one track."""
    events: list[tuple[int, mido.Message]] = []
    at = 0.0
    for keys, beats in re.findall(r"(\S+)/(\S+)", tune.notes):
        velocity = PLAIN if at % 1.0 else ACCENT
        for key in [] if keys == "-" else keys.split("+"):
            events.append((round(at * TICKS_A_BEAT), mido.Message("note_on", note=_note(key), velocity=velocity)))
            end = round((at + HELD * float(beats)) * TICKS_A_BEAT)
            events.append((end, mido.Message("note_off", note=_note(key))))
        at += float(beats)
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tune.bpm))])
    before = 0
    for tick, message in sorted(events, key=lambda event: event[0]):
        track.append(message.copy(time=tick - before))
        before = tick
    return mido.MidiFile(type=0, ticks_per_beat=TICKS_A_BEAT, tracks=[track])


def write_tunes(folder: Path) -> None:
    """Write every tune into a folder."""
    folder.mkdir(exist_ok=True)
    for name, tune in TUNES.items():
        midi_file(tune).save(folder / f"{name}.mid")


def _note(key: str) -> int:
    name, sharp, octave = re.fullmatch(r"([A-G])(#?)(\d)", key).groups()  # type: ignore[union-attr]
    return 12 * (int(octave) + 1) + _CLASSES[name] + bool(sharp)
