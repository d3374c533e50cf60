"""The whole analysis of a piece, as a value, and as plain figures for JSON."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.analysis.bars import STEPS_A_BAR, STEPS_A_BEAT, Bars, bars_of
from livegen.analysis.form import PHRASE_BARS, phrases, similarities
from livegen.analysis.keys import NAMES, key_changes, key_of, keys_by_bar, name_of
from livegen.analysis.motifs import Motif, motifs_of
from livegen.engines.tonality import Key
from livegen.errors import FormatError
from livegen.formats.score.changes import Changes
from livegen.formats.score.downsample import GRID_RATE_HZ
from livegen.formats.score.piece import Piece
from livegen.score import PITCHED, Column, Voice
from livegen.units import FRAME_RATE_HZ, frame_to_seconds

MAX_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class VoicePart:
    """What a voice has to play.

    Attributes
    ----------
    lowest, highest : int
        Of its notes; 0 if it plays none.
    share : float
        Of the time in which it sounds, 0..1.
    n_notes : int
        How many notes it strikes.
    """

    lowest: int
    highest: int
    share: float
    n_notes: int


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """What was found in a piece.

    Attributes
    ----------
    seconds : float
    bars : Bars
    key : Key or None
        Of the whole; None if nothing pitched sounds.
    key_fit : float
        How well it fits, -1..1.
    keys : list of Key
        Of each bar.
    alike : ndarray of float32, shape (bars, bars)
        How alike the bars are, 0..1.
    first_phrase : int
        Bar in which the first whole phrase begins, from 0.
    letters : list of str
        A letter for each phrase of four bars.
    voices : dict of Voice to VoicePart
    motifs : list of Motif
    """

    seconds: float
    bars: Bars
    key: Key | None
    key_fit: float
    keys: list[Key]
    alike: NDArray[np.float32]
    first_phrase: int
    letters: list[str]
    voices: dict[Voice, VoicePart]
    motifs: list[Motif]

    def figures(self) -> dict[str, Any]:
        """Return the analysis as plain values."""
        runs = key_changes(self.keys)
        return {
            "seconds": round(self.seconds, 3),
            "tempo": {
                "bpm": round(self.bars.bpm, 3) if self.bars.is_beat else None,
                "clarity": round(self.bars.clarity, 3),
                "first_bar_seconds": round(self.bars.first_frame / FRAME_RATE_HZ, 4),
                "bars": self.bars.n_bars,
            },
            "key": {"name": None if self.key is None else name_of(self.key), "fit": round(self.key_fit, 3)},
            "keys": [{"from_bar": bar + 1, "key": name_of(self.keys[bar])} for bar in runs] if self.key else [],
            "form": {
                "first_phrase_bar": self.first_phrase + 1,
                "phrase_bars": PHRASE_BARS,
                "letters": " ".join(self.letters),
            },
            "voices": {
                voice.name.lower(): {
                    "lowest": note_name(part.lowest, voice),
                    "highest": note_name(part.highest, voice),
                    "share": round(part.share, 3),
                    "notes": part.n_notes,
                }
                for voice, part in self.voices.items()
            },
            "motifs": [self._motif(motif) for motif in self.motifs],
        }

    def _motif(self, motif: Motif) -> dict[str, Any]:
        return {
            "notes": " ".join(note_name(note, Voice.P1) for note in motif.notes),
            "sixteenths": " ".join(map(str, motif.steps)),
            "times": len(motif.places),
            "places": [
                {
                    "voice": voice.name.lower(),
                    "bar": step // STEPS_A_BAR + 1,
                    "beat": 1 + step % STEPS_A_BAR / STEPS_A_BEAT,
                    "semitones": semitones,
                }
                for voice, step, semitones in motif.places
            ],
        }


def analyse(piece: Piece) -> Analysis:
    """Return what is found in a piece.

    Raises
    ------
    FormatError
        If it has no frames, or lasts over an hour.
    """
    frames = piece.frames
    if not 0 < len(frames) <= MAX_SECONDS * FRAME_RATE_HZ:
        raise FormatError(
            f"the score lasts {len(frames) / FRAME_RATE_HZ / 3600:.1f} hours: up to {MAX_SECONDS // 3600} is analysed"
            if len(frames)
            else "the score has no frames, so there is nothing to analyse: choose another file"
        )
    bars = bars_of(piece.exact, len(frames))
    chromas = _chromas(frames, bars)
    whole = key_of(chromas.sum(axis=0))
    alike = similarities(_steps(frames, bars))
    first_phrase, letters = phrases(alike)
    return Analysis(
        seconds=frame_to_seconds(len(frames)),
        bars=bars,
        key=None if whole is None else whole[0],
        key_fit=0.0 if whole is None else whole[1],
        keys=keys_by_bar(chromas),
        alike=alike,
        first_phrase=first_phrase,
        letters=letters,
        voices={voice: _part(frames[:, voice], piece.exact, voice) for voice in Voice},
        motifs=motifs_of({voice: _struck(piece.exact, voice, bars) for voice in PITCHED}),
    )


def note_name(note: int, voice: Voice) -> str:
    """Return a note's name, such as ``"A4"`` for 69; the noise's is its number, and nothing that of none."""
    if not note:
        return ""
    return str(note) if voice is Voice.NO else f"{NAMES[note % 12]}{note // 12 - 1}"


def _part(column: NDArray[np.uint8], changes: Changes, voice: Voice) -> VoicePart:
    notes = column[:, Column.NOTE]
    sounding = notes[notes > 0]
    n_notes = int(changes.is_onset(voice).sum())
    if not len(sounding):
        return VoicePart(0, 0, 0.0, n_notes)
    return VoicePart(int(sounding.min()), int(sounding.max()), len(sounding) / len(notes), n_notes)


def _chromas(frames: NDArray[np.uint8], bars: Bars) -> NDArray[np.float64]:
    """Return for how many frames each pitch class sounds in each bar, shape (bars, 12)."""
    edges = np.clip(np.rint(bars.step_frames()[::STEPS_A_BAR]), 0, len(frames)).astype(np.int64)
    bar = np.searchsorted(edges, np.arange(len(frames)), side="right") - 1
    chromas = np.zeros((bars.n_bars, 12))
    for voice in PITCHED:
        notes = frames[:, voice, Column.NOTE]
        sounds = (notes > 0) & (bar >= 0) & (bar < bars.n_bars)
        np.add.at(chromas, (bar[sounds], notes[sounds] % 12), 1.0)
    return chromas


def _steps(frames: NDArray[np.uint8], bars: Bars) -> NDArray[np.uint8]:
    """Return the notes that sound in the middle of each sixteenth, shape (16 bars, 4)."""
    edges = bars.step_frames()
    middle = np.floor((edges[1:] + edges[:-1]) / 2).astype(np.int64)
    is_inside = (middle >= 0) & (middle < len(frames))
    return np.where(is_inside[:, None], frames[np.clip(middle, 0, len(frames) - 1), :, Column.NOTE], 0).astype(np.uint8)


def _struck(changes: Changes, voice: Voice, bars: Bars) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the sixteenths in which a voice strikes notes, and the first note that it strikes in each."""
    is_onset = changes.is_onset(voice)
    at = changes.starts[voice][is_onset] * (FRAME_RATE_HZ / GRID_RATE_HZ)
    steps = np.maximum(np.rint((at - bars.first_frame) / bars.period_frames * STEPS_A_BEAT), 0).astype(np.int64)
    steps, first = np.unique(steps, return_index=True)
    return steps, changes.states[voice][is_onset][first, Column.NOTE].astype(np.int64)
