"""Pieces in many styles at tempos that are known, with exact onsets, to judge whether their tempos are found.

A style says how its bass, chords, lead and drums move within a bar, in beats. What is drawn by chance is the harmony,
the melody and which of its accompaniments it has; the tempo is given, and no style knows it. Beats are those that the
style's name makes a musician tap.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.formats.score.changes import Changes, tidied
from livegen.formats.score.downsample import GRID_RATE_HZ
from livegen.score import N_COLUMNS, Voice
from livegen.units import ENGINE_RATE_HZ

Note = tuple[float, float, int, int, int]
"""Beat, length in beats, note, volume and timbre."""

_DRUMS: Final = {"k": (4, 14), "s": (10, 12), "h": (15, 6), "o": (14, 8), "t": (7, 11)}
"""Note and volume of the kinds of drum: kick, snare, closed and open hi-hat, tom."""

_SCALES: Final = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))
_PROGRESSIONS: Final = (
    (0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 4), (5, 3, 0, 4), (0, 0, 3, 4), (0, 6, 5, 4), (1, 4, 0, 0),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Style:
    """How a kind of music moves.

    Attributes
    ----------
    beats : int
        In a bar.
    cells : dict of tuple of float to float
        Rhythms of the lead that fill whole beats, and how often each is drawn.
    basses, chords : tuple of str
        Patterns of which one is drawn: names of `_BASSES` and `_CHORDS`, or each a bar of equal parts, in which "."
        goes on with the note before, and a letter begins one: "a" the root, "b" a semitone over it, or a note of the
        chord.
    drums : tuple of str
        Patterns of a bar of which one is drawn; each character is an equal part of it, "." a rest, and "" no drums.
    bars_a_chord : tuple of float
        For how long a chord may stay.
    swing : float
        Where in a beat its second half is played.
    """

    beats: int
    cells: dict[tuple[float, ...], float]
    basses: tuple[str, ...]
    chords: tuple[str, ...]
    drums: tuple[str, ...]
    bars_a_chord: tuple[float, ...] = (1.0,)
    swing: float = 0.5

    @property
    def in_thirds(self) -> bool:
        """Whether the lead divides beats by three."""
        return any(abs(length - 1 / 3) < 0.01 for cell in self.cells for length in cell)


_PLAIN: Final = {(1.0,): 3.0, (0.5, 0.5): 4.0, (2.0,): 1.0, (1.5, 0.5): 1.0, (0.75, 0.25): 0.4}
_BUSY: Final = {(0.5, 0.5): 4.0, (0.25,) * 4: 1.5, (0.5, 0.25, 0.25): 1.5, (1.0,): 2.0, (0.75, 0.25): 1.0}
_LONG: Final = {(2.0,): 2.0, (1.0,): 4.0, (0.5, 0.5): 1.5, (3.0,): 0.4, (1.5, 0.5): 1.0}

_TRIPLETS: Final = {(1 / 3,) * 3: 3.0, (2 / 3, 1 / 3): 4.0, (1.0,): 3.0, (2.0,): 0.7}

FITTED_STYLES: Final = {
    "rock": Style(4, _PLAIN, ("eighths", "quarters"), ("hold", "second", "tick arpeggio"),
                  ("khshkhsh", "khshkksh", "k.hhs.h.k.khs.h.")),
    "waltz": Style(3, _LONG, ("bar", "bar and fifth"), ("two three", "hold"), ("kss", "khh", "k.s.s.", "")),
    "arpeggios": Style(4, _PLAIN, ("eighths", "octaves"), ("sixteenths", "tick arpeggio"),
                       ("k.h.s.h.k.h.s.h.", "khshkhsh", "", "ksks")),
    "hymn": Style(4, _LONG, ("quarters", "walking"), ("with lead", "second"), ("",), (0.5, 0.25)),
    "punk": Style(4, _PLAIN, ("eighths",), ("eighth chords", "second"), ("k.s.k.s.", "khshkksh", "k.skk.s.")),
    "latin": Style(4, _BUSY, ("tresillo", "root fifth"), ("offbeat", "synco"),
                   ("khhks.hhkhhks.hh", "k..ks.k.k.k.s...", "khhkshhk"), (1.0, 2.0)),
    "jig": Style(2, _TRIPLETS, ("quarters", "bar"), ("hold", "with lead", "triplets"), ("k.hs.h", "khhshh", "")),
    "lullaby": Style(3, _LONG, ("bar",), ("eighth broken", "hold"), ("",)),
    "overworld": Style(4, _BUSY, ("root fifth", "quarters", "octaves"), ("second", "offbeat"),
                       ("k.s.k.ss", "hhshhhsh", "h.h.s.h.h.hhs.h.", "khsh"), (1.0, 0.5)),
    "tarantella": Style(2, {(1 / 3,) * 3: 4.0, (2 / 3, 1 / 3): 2.0, (1.0,): 2.0}, ("quarters", "walking"),
                        ("off thirds", "hold", "triplets"), ("k.hs.h", "khhshh", "k..s.s", "")),
    "slow rock": Style(4, _TRIPLETS, ("quarters", "halves", "bar"), ("triplets", "hold"),
                       ("khhshhkhhshh", "khhshhkkhshh", "")),
    "shanty": Style(2, {(2 / 3, 1 / 3): 4.0, (1.0,): 3.0, (1 / 3,) * 3: 1.5, (2.0,): 0.5},
                    ("root fifth", "quarters", "bar"), ("off thirds", "second", "hold"), ("k..s..", "k.hs.h", "")),
    "ballad": Style(4, _LONG, ("halves", "bar", "quarters"), ("broken", "hold"),
                    ("k.h.s.h.", "khhhshhh", "", "k.hhs.hh"), (1.0, 0.5)),
    "shuffle": Style(4, _PLAIN, ("walking", "quarters"), ("hold", "offbeat"), ("khshkhsh", "k.s.k.s.", "khshkhsk"),
                     swing=2 / 3),
    "funk": Style(4, _BUSY, ("synco", "octaves"), ("synco", "offbeat"),
                  ("k.hks.hhhkk.s.h.", "khkhs.hkhkk.shho", "k.hhs.hkk.hhs.hh"), (2.0, 1.0)),
    "march": Style(4, _PLAIN, ("root fifth", "quarters"), ("offbeat", "hold"), ("k.s.k.s.", "k.ssk.ss", "ksks", "")),
    "four to the floor": Style(4, _BUSY, ("off eighths", "octaves", "sixteenths"), ("offbeat", "sixteenths", "hold"),
                               ("khkhkhkh", "k.hhs.hhk.hhs.hh", "k.h.k.h.k.h.k.h."), (1.0, 2.0)),
    "ska": Style(4, _PLAIN, ("walking", "quarters"), ("offbeat",), ("khshkhsh", "hhshhhsh", "k.s.k.s.")),
    "minuet": Style(3, {(1.0,): 3.0, (0.5, 0.5): 4.0, (2.0,): 1.0, (0.5, 0.25, 0.25): 0.4}, ("bar", "quarters"),
                    ("with lead", "two three", "eighth broken"), ("", "khh")),
    "battle": Style(4, _BUSY, ("gallop", "eighths", "octaves"), ("second", "sixteenths"),
                    ("khhkshhkkhhkshhh", "k.hhs.hhk.khs.hh", "khhhshhhkhkhshhh")),
    "dungeon": Style(4, _LONG, ("eighths", "halves"), ("broken", "tick arpeggio"), ("", "khsh", "k.h.s.h."),
                     (2.0, 1.0)),
    "boogie": Style(4, _PLAIN, ("boogie",), ("hold", "offbeat"), ("khshkhsh", "hhshhhsh", ""), (1.0, 2.0)),
    "tango": Style(4, {(0.75, 0.25): 3.0, (0.5, 0.5): 3.0, (1.0,): 3.0, (0.25,) * 4: 0.7, (2.0,): 1.0},
                   ("tango", "quarters"), ("hold", "second", "offbeat"), ("k..kk.s.", "k.s.k.sk", "")),
    "blues": Style(4, _TRIPLETS, ("quarters", "walking"), ("triplets", "hold"), ("khhshhkhhshh", "k.hs.hk.hs.h")),
}  # fmt: skip
"""Styles on which the finding of tempos may be fitted, by name."""

HELD_OUT_STYLES: Final = {
    "techno": Style(4, _BUSY, ("off eighths", "sixteenths"), ("sixteenths", "offbeat"),
                    ("k.h.k.h.", "kohokoho", "k.o.k.o.")),
    "polka": Style(2, _PLAIN, ("walking", "quarters"), ("offbeat",), ("khsh", "k.s.", "")),
    "bossa nova": Style(4, {(0.75, 0.25): 2.0, (1.5, 0.5): 2.0, (1.0,): 3.0, (0.5, 0.5): 3.0}, ("dotted",),
                        ("synco", "hold"), ("khhkkhhkkhhkkhhs", "h.hhh.hh", "k.hkk.hk")),
    "train beat": Style(4, _PLAIN, ("root fifth", "walking"), ("offbeat", "hold"), ("khsskhsk", "khsskhss")),
    "lament": Style(4, _LONG, ("bar", "halves"), ("broken", "hold"), ("",), (1.0, 0.5)),
    "synth pop": Style(4, _PLAIN, ("octaves", "eighths"), ("sixteenths", "hold"), ("k.h.s.h.k.k.s.h.", "khshkhsh")),
    "gigue": Style(2, _TRIPLETS, ("bar", "quarters"), ("with lead", "triplets"), ("khhshh", "k..s..", "")),
    "swing": Style(4, _PLAIN, ("walking",), ("offbeat", "with lead"), ("h.hhh.hh", "k.hhk.hh"), swing=0.64),
    "chase": Style(4, _BUSY, ("gallop", "sixteenths"), ("hold", "eighth chords"), ("khshkhsh", "k.hhs.hh")),
    "sarabande": Style(3, _LONG, ("bar", "quarters"), ("two three", "with lead"), ("",)),
}  # fmt: skip
"""Styles that only judge it."""

LATER_STYLES: Final = {
    "disco": Style(4, _BUSY, ("octaves", "synco"), ("offbeat", "sixteenths"), ("kohskohs", "k.h.s.h.k.h.s.hh")),
    "reggae": Style(4, _PLAIN, ("aa..a.f.", "..a.a.h."), ("offbeat",), ("..h.k.h.", "hhhhkhhh", "h.h.s.h.")),
    "mazurka": Style(3, {(0.75, 0.25): 3.0, (1.0,): 4.0, (2.0,): 1.0, (0.5, 0.5): 1.0}, ("bar", "bar and fifth"),
                     ("two three",), ("", "khh")),
    "samba": Style(2, {(0.25, 0.5, 0.25): 2.0, (0.5, 0.5): 2.0, (0.75, 0.25): 2.0, (1.0,): 1.0},
                   ("a..aa..a", "a...h..."), (".bb..b.b", "hold"), ("khhkshhk", "k.hkk.hk")),
    "barcarolle": Style(2, _TRIPLETS, ("bar", "quarters"), ("abcbcb", "hold"), ("",)),
    "foxtrot": Style(4, _PLAIN, ("root fifth", "walking"), ("offbeat", "second"), ("k.s.k.s.", "khshkhsh", ""),
                     swing=0.6),
    "dirge": Style(4, {(1.5, 0.5): 2.0, (1.0,): 4.0, (2.0,): 2.0, (3.0,): 0.5}, ("quarters", "halves"),
                   ("hold", "second"), ("k.......k.....ss", "")),
    "hornpipe": Style(2, {(0.25,) * 4: 3.0, (0.5, 0.5): 3.0, (0.5, 0.25, 0.25): 2.0, (1.0,): 1.0},
                      ("quarters", "walking"), ("offbeat", "with lead"), ("k.s.", "khsh", "")),
    "breakbeat": Style(4, _BUSY, ("bar", "a.....a.f......."), ("hold", "a..b..c.a..b..c."),
                       ("k.k.s..s.sk.s..s", "khkhshhshskhshhs")),
    "pastorale": Style(4, _TRIPLETS, ("bar", "halves"), ("triplets", "with lead"), ("", "k.hs.hk.hs.h")),
}  # fmt: skip
"""Styles that judge it, too, and were written after the weights had been fitted for the last time."""

_BASSES: Final[dict[str, Callable[[int], list[tuple[float, float, int]]]]] = {
    "quarters": lambda n: [(b, 1.0, 0) for b in range(n)],
    "eighths": lambda n: [(b / 2, 0.5, 0) for b in range(2 * n)],
    "sixteenths": lambda n: [(b / 4, 0.25, 0) for b in range(4 * n)],
    "gallop": lambda n: [
        (b + at, length, 0) for b in range(n) for at, length in ((0, 0.5), (0.5, 0.25), (0.75, 0.25))
    ],
    "octaves": lambda n: [(b / 2, 0.5, 12 * (b % 2)) for b in range(2 * n)],
    "off eighths": lambda n: [(b + 0.5, 0.5, 0) for b in range(n)],
    "root fifth": lambda n: [(b, 1.0, 7 * (b // 2 % 2)) for b in range(0, n, 2)],
    "halves": lambda n: [(b, 2.0, 0) for b in range(0, n, 2)],
    "bar": lambda n: [(0, float(n), 0)],
    "bar and fifth": lambda n: [(0, n - 1.0, 0), (n - 1, 1.0, 7)],
    "walking": lambda n: [(b, 1.0, (0, 4, 7, 9, 7)[b % 5]) for b in range(n)],
    "boogie": lambda n: [(b / 2, 0.5, (0, 0, 4, 4, 7, 7, 9, 9)[b % 8]) for b in range(2 * n)],
    "tresillo": lambda n: [
        (b + at, length, 0) for b in range(0, n, 2) for at, length in ((0, 0.75), (0.75, 0.75), (1.5, 0.5))
    ],
    "dotted": lambda n: [
        (b + at, length, 7 * (b // 2 % 2)) for b in range(0, n, 2) for at, length in ((0, 1.5), (1.5, 0.5))
    ],
    "tango": lambda n: [(0, 1.5, 0), (1.5, 0.5, 0), (2.0, 1.0, 7), (3.0, 1.0, 7)],
    "synco": lambda n: [(0, 0.75, 0), (0.75, 0.25, 0), (1.5, 0.5, 12), (2.5, 0.5, 0), (3.0, 0.5, 7), (3.75, 0.25, 12)],
}  # fmt: skip
"""Beat, length and semitones over the root of the notes in a bar of so many beats."""

_CHORDS: Final[dict[str, Callable[[int], list[tuple[float, float, int]]]]] = {
    "none": lambda n: [],
    "hold": lambda n: [(0, float(n), 0)],
    "broken": lambda n: [(b / 2, 0.5, b % 3) for b in range(2 * n)],
    "off thirds": lambda n: [(b + 2 / 3, 0.3, 1) for b in range(n)],
    "triplets": lambda n: [(b / 3, 1 / 3, b % 3) for b in range(3 * n)],
    "eighth broken": lambda n: [(b / 2, 0.5, (0, 2, 1, 2)[b % 4]) for b in range(2 * n)],
    "sixteenths": lambda n: [(b / 4, 0.25, b % 4) for b in range(4 * n)],
    "offbeat": lambda n: [(b + 0.5, 0.4, 1) for b in range(n)],
    "two three": lambda n: [(b, 0.7, 1) for b in range(1, n)],
    "eighth chords": lambda n: [(b / 2, 0.4, 1) for b in range(2 * n)],
    "synco": lambda n: [(0.5, 0.25, 1), (1.25, 0.5, 2), (2.5, 0.25, 1), (3.25, 0.5, 0)],
}
"""Beat, length and which note of the chord."""


_LEAD_AND_TICKS: Final = ("second", "with lead", "tick arpeggio")
"""Chords that follow the lead, or go round with each tick."""


def piece_of(style: Style, bpm: float, seed: int, *, seconds: float = 45.0, on_ticks: bool = False) -> Changes:
    """Return a piece.

    Parameters
    ----------
    style : Style
    bpm : float
    seed : int
        Everything else is drawn with it.
    seconds : float
        About how long it lasts.
    on_ticks : bool
        Whether each note begins with a tick of a game's engine, 60.0988 a second, instead of with its own sample.
    """
    rng = np.random.default_rng(seed)
    n_bars = max(int(seconds * bpm / 60 / style.beats), 8)
    scale, tonic = _SCALES[rng.integers(2)], int(rng.integers(40, 52))
    progression = _PROGRESSIONS[rng.integers(len(_PROGRESSIONS))]
    bars_a_chord = float(rng.choice(style.bars_a_chord))
    bass, chord, drums = (str(rng.choice(kinds)) for kinds in (style.basses, style.chords, style.drums))

    def root(bar: float) -> int:
        return progression[int(bar / bars_a_chord) % len(progression)]

    def pitch(degree: int, octave: int) -> int:
        return tonic + scale[degree % 7] + 12 * (octave + degree // 7)

    leads = _phrases(rng, style, n_bars)
    voices: dict[Voice, list[Note]] = {voice: [] for voice in Voice}
    lead_timbre, chord_timbre = (int(timbre) for timbre in rng.integers(0, 3, 2))
    degree = int(rng.integers(0, 7))
    for bar in range(n_bars):
        start = bar * style.beats
        for at, length, step in leads[bar]:
            if step is None:
                continue
            degree = int(np.clip(degree + step, -2, 11))
            if at % 1 == 0 and rng.random() < 0.5:  # chord tones on beats
                degree = root(bar + at / style.beats) + int(rng.choice((0, 2, 4)))
            volume = int(rng.integers(11, 14))
            voices[Voice.P1].append((start + at, 0.85 * length, pitch(degree, 2), volume, lead_timbre))
            if chord in ("second", "with lead"):
                voices[Voice.P2].append((start + at, 0.85 * length, pitch(degree - 2, 2), 8, chord_timbre))
        for at, length, over in _moves(_BASSES, bass, style.beats):
            note = pitch(root(bar + at / style.beats), 0) + over
            voices[Voice.TR].append((start + at, 0.85 * length, note, 0, 0))
        if chord == "tick arpeggio":
            n_ticks = int(style.beats * 60 / bpm * ENGINE_RATE_HZ)
            of_tick = style.beats / n_ticks
            for tick in range(n_ticks):
                note = pitch(root(bar) + (0, 2, 4)[tick % 3], 1)
                voices[Voice.P2].append((start + tick * of_tick, of_tick, note, 6, chord_timbre))
        for at, length, which in _moves(_CHORDS, chord, style.beats):
            note = pitch(root(bar + at / style.beats) + (0, 2, 4, 7)[which], 1)
            voices[Voice.P2].append((start + at, 0.8 * length, note, 8, chord_timbre))
        is_fill = bar % 8 == 7 and drums and rng.random() < 0.5
        for index, kind in enumerate(drums):
            at = index * style.beats / len(drums)
            kind = str(rng.choice(list("sts.k"))) if is_fill and at >= style.beats - 1 else kind
            if kind in _DRUMS:
                note, volume = _DRUMS[kind]
                voices[Voice.NO].append((start + at, 0.12, note, volume, 0))
    lead_in = float(rng.uniform(0, 1.5))

    def sample(beat: float) -> int:
        whole, part = divmod(beat, 1.0)
        if style.swing != 0.5:
            part = part * 2 * style.swing if part < 0.5 else style.swing + (part - 0.5) * 2 * (1 - style.swing)
        at = lead_in + (whole + part) * 60 / bpm
        at = round(at * ENGINE_RATE_HZ) / ENGINE_RATE_HZ if on_ticks else at
        return round(at * GRID_RATE_HZ)

    length = sample(n_bars * style.beats)
    tracks = [_track(voices[voice], sample, length) for voice in Voice]
    return Changes(tuple(starts for starts, _ in tracks), tuple(states for _, states in tracks), length)


def _moves(
    named: dict[str, Callable[[int], list[tuple[float, float, int]]]], pattern: str, beats: int
) -> list[tuple[float, float, int]]:
    """Return beat, length and letter's number of the notes of a pattern in a bar of so many beats."""
    if pattern in _LEAD_AND_TICKS:
        return []
    if pattern in named:
        return named[pattern](beats)
    begins = [(at, ord(letter) - ord("a")) for at, letter in enumerate(pattern) if letter != "."]
    ends = [at for at, _ in begins[1:]] + [len(pattern)]
    part = beats / len(pattern)
    return [(at * part, (end - at) * part, number) for (at, number), end in zip(begins, ends, strict=True)]


def _phrases(rng: np.random.Generator, style: Style, n_bars: int) -> list[list[tuple[float, float, int | None]]]:
    """Return for each bar the lead's notes: beat, length and the step to it in the scale, or None for a rest."""
    cells, weights = list(style.cells), np.array(list(style.cells.values()))
    kinds = []
    for _ in range(3):
        bars = []
        for _ in range(4):
            notes: list[tuple[float, float, int | None]] = []
            at = 0.0
            while at < style.beats - 1e-6:
                fits = np.array([sum(cell) <= style.beats - at + 1e-6 for cell in cells])
                cell = cells[rng.choice(len(cells), p=weights * fits / (weights * fits).sum())]
                for length in cell:
                    step = None if rng.random() < 0.08 else int(rng.integers(-2, 3))
                    notes.append((at, length, step))
                    at += length
            bars.append(notes)
        kinds.append(bars)
    form = [kinds[kind] for kind in (0, 0, 1, 0, 2, 2, 1, 0)]
    return [form[bar // 4 % len(form)][bar % 4] for bar in range(n_bars)]


def _track(
    notes: list[Note], sample: Callable[[float], int], length: int
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return the changes of a voice with some notes; each ends at the latest where the next one begins."""
    starts, states = [0], [(0, 0, 0)]
    notes = sorted(notes)
    for index, (beat, beats, note, volume, timbre) in enumerate(notes):
        begin, end = sample(beat), sample(beat + beats)
        following = sample(notes[index + 1][0]) if index + 1 < len(notes) else length
        starts.append(begin)
        states.append((note, volume, timbre))
        if end < following:
            starts.append(end)
            states.append((0, 0, timbre))
    return tidied(np.array(starts, np.int64), np.array(states, np.uint8).reshape(-1, N_COLUMNS), length)
