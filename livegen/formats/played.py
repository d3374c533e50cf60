"""What a file plays in place of a performer: messages with their seconds, and the tempo where its onsets tell it.

A MIDI file plays as it is. A score of another kind, such as a file of register writes, begins with its first beat:
the silence before the music is left out, and a pick-up keeps its place in the bar. Its tempo is that of its exact
onsets, so that nobody has to guess it while it plays.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import mido

from livegen.beat import first_beat
from livegen.errors import FormatError
from livegen.formats.files import Warn, ignore
from livegen.formats.midi.file import midi_timeline
from livegen.formats.midi.timeline import changes_to_timeline
from livegen.formats.score.kinds import MIDI_SOURCE_ENDINGS, SCORE_SOURCE_ENDINGS, read_piece
from livegen.formats.score.tactus import beat_of, rhythm_of
from livegen.score import MIDI_CHANNEL, Voice
from livegen.units import FRAME_RATE_HZ, period_to_bpm
from livegen.voices import VOICE_OF_NAME

_VOICE_OF_CHANNEL: Final = {channel: voice for voice, channel in MIDI_CHANNEL.items()}

Timeline = Sequence[tuple[float, mido.Message]]


@dataclass(frozen=True, slots=True)
class Played:
    """What a file plays.

    Attributes
    ----------
    timeline : sequence of (float, mido.Message)
        Channel messages and the seconds at which they are due, in the order of time.
    bpm : float or None
        Beats a minute; a beat begins at 0 seconds. None if the file is to be listened to for its beat.
    """

    timeline: Timeline
    bpm: float | None = None

    @property
    def controls(self) -> dict[str, float]:
        """The live controls that a session starts with, unless the user says otherwise."""
        return {} if self.bpm is None else {"bpm": self.bpm}


def read_played(path: Path, voices: Collection[Voice] = tuple(Voice), warn: Warn = ignore) -> Played:
    """Return what a file plays with some of its voices.

    Parameters
    ----------
    path : Path
        A MIDI file, whose channels 2, 3 and 10 are P2, TR and NO, and all others P1; or another score, by its name.
    voices : collection of Voice
    warn : callable
        As `livegen.formats.score.kinds.read_piece` has it.

    Raises
    ------
    FormatError
        If the file cannot be read; or as `warn` does.
    """
    name = path.name.lower()
    if name.endswith(MIDI_SOURCE_ENDINGS) or not name.endswith(SCORE_SOURCE_ENDINGS):
        timeline = midi_timeline(path, warn)
        return Played(timeline if set(voices) >= set(Voice) else _Some(timeline, voices))
    piece = read_piece(path, warn)
    beat = beat_of(piece.exact)
    begin = first_beat(rhythm_of(piece.exact), beat) / FRAME_RATE_HZ
    timeline = [(max(at - begin, 0.0), message) for at, message in changes_to_timeline(piece.exact, voices)]
    return Played(timeline, None if beat is None else period_to_bpm(beat.period_frames))


def voices_named(text: str) -> tuple[Voice, ...]:
    """Return the voices of a text such as ``"p1,tr"``; raises FormatError for any other."""
    names = [name.strip().lower() for name in text.split(",")]
    if unknown := [name for name in names if name not in VOICE_OF_NAME]:
        raise FormatError(f"{unknown[0]!r} is no voice: name one or more of {', '.join(VOICE_OF_NAME)}, such as p1,tr")
    return tuple(dict.fromkeys(VOICE_OF_NAME[name] for name in names))


class _Some(Sequence[tuple[float, mido.Message]]):
    """Those messages of a timeline that some voices play; each is made when it is asked for, as in the timeline."""

    def __init__(self, timeline: Timeline, voices: Collection[Voice]) -> None:
        self._timeline = timeline
        self._places = [
            place
            for place, (_, message) in enumerate(timeline)
            if _VOICE_OF_CHANNEL.get(getattr(message, "channel", 0), Voice.P1) in voices
        ]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return [self._timeline[place] for place in self._places[index]]
        return self._timeline[self._places[index]]
