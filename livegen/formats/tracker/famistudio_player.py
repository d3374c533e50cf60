"""Plays a song of FamiStudio's tick by tick: columns of patterns, tempo and grooves."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate
from typing import Final

from livegen.formats.score.piece import Piece
from livegen.formats.tracker.famistudio_channel import Channel
from livegen.formats.tracker.famistudio_song import CHANNELS, Note, Padding, Project, Song, Timing
from livegen.formats.tracker.famistudio_song import Channel as Part
from livegen.formats.tracker.ticks import PLAYER_SUFFIX, Recorder, RowClock, clock_of
from livegen.score import Voice

_USUAL_TEMPO: Final = {
    False: 150,
    True: 125,
}  # at which a row has as many ticks as the speed says, by whether it is PAL
_LONGEST_SLIDE: Final = 256


def play_song(name: str, project: Project, song: Song) -> Piece:
    """Play a song once, and return it as a score.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    project : Project
    song : Song

    Raises
    ------
    FormatError
        If it does not end within an hour.
    """
    player = _Player(name, project, song)
    for column in range(song.length):
        player.play_column(column)
    player.end()
    return player.recorder.piece(replace(project.tags, title=project.tags.title or song.name), player.tempos)


class Groove:
    """Goes through the ticks of a groove, one note after another.

    Parameters
    ----------
    groove : tuple of int
    padding : str
    """

    def __init__(self, groove: tuple[int, ...], padding: Padding) -> None:
        self._groove = groove
        note_length = min(groove)
        self._pad_at = {"Beginning": 0, "Middle": note_length // 2, "End": note_length}[padding]
        self._note_length = note_length
        self._note = self._tick = 0

    @property
    def is_padding(self) -> bool:
        """Whether the song does not go on in this tick."""
        return self._groove[self._note] != self._note_length and self._tick == self._pad_at

    def step(self) -> None:
        """Go on by a tick."""
        self._tick += 1
        if self._tick == self._groove[self._note]:
            self._note, self._tick = (self._note + 1) % len(self._groove), 0


class _Player:
    """A song that is played."""

    def __init__(self, name: str, project: Project, song: Song) -> None:
        self._project, self._song = project, song
        _, self._rate_hz = clock_of(is_pal=project.is_pal)
        self.recorder = Recorder(name, self._rate_hz)
        self._timings = [song.timings.get(column, song.timing) for column in range(song.length)]
        self._starts = [0, *accumulate(timing.length for timing in self._timings)]
        self._channels = [Channel(voice, project) for voice in Voice]
        parts = [song.channels.get(kind, Part()) for kind in CHANNELS[: len(Voice)]]
        self._notes = [dict(self._notes_of(part)) for part in parts]
        self._begins = [sorted(at for at, note in notes.items() if note.value is not None) for notes in self._notes]
        self._louder = [sorted(at for at, note in notes.items() if note.volume is not None) for notes in self._notes]
        self._of_player = {name for name in project.instruments if name.endswith(PLAYER_SUFFIX)}
        self._groove: Groove | None = None
        self._speed, self._clock = song.speed, RowClock(self._rate_hz)

    @property
    def tempos(self) -> tuple[tuple[int, float], ...]:
        """The tempo of the first column, in beats a minute, at frame 0."""
        timing = self._timings[0]
        return ((0, 60.0 * self._rate_hz / (timing.beat_length * self._ticks_a_unit(timing))),)

    def play_column(self, column: int) -> None:
        """Play a column of patterns."""
        timing = self._timings[column]
        for unit in range(timing.length):
            if self._project.has_famitracker_tempo:
                self._begin_unit(column, unit)
                for _ in self._clock.row(self._speed, self._song.tempo):
                    self._play_tick()
                continue
            while self._groove is not None and self._groove.is_padding:
                self._play_tick()
            if unit == 0:
                self._groove = Groove(timing.groove, timing.padding)
            self._begin_unit(column, unit)
            self._play_tick()

    def end(self) -> None:
        """Play what pads the groove after the last note."""
        while self._groove is not None and self._groove.is_padding:
            self._play_tick()

    def _notes_of(self, part: Part) -> Iterator[tuple[int, Note]]:
        """Yield the notes of a channel with their times."""
        for column, timing in enumerate(self._timings):
            for at, note in part.patterns.get(part.instances.get(column, ""), {}).items():
                if at < timing.length:
                    yield self._starts[column] + at, note

    def _ticks_a_unit(self, timing: Timing) -> float:
        if not self._project.has_famitracker_tempo:
            return sum(timing.groove) / len(timing.groove) / min(timing.groove)
        return self._speed * _USUAL_TEMPO[self._project.is_pal] / self._song.tempo

    def _begin_unit(self, column: int, unit: int) -> None:
        at = self._starts[column] + unit
        notes = [of_voice.get(at) for of_voice in self._notes]
        for note in notes:
            self._speed = note.speed if note is not None and note.speed else self._speed
        for voice, note in enumerate(notes):
            slides = (0.0, 0.0) if note is None else self._slide_ticks(voice, note, at, self._timings[column])
            self._channels[voice].advance(note, *slides, self._starts[-1] - at)

    def _slide_ticks(self, voice: int, note: Note, at: int, timing: Timing) -> tuple[float, float]:
        """Return how many ticks slides of the pitch and of the volume last that begin with a note."""
        pitch = volume = 0.0
        if note.slide_target:
            n_units = min(self._until(self._begins[voice], at), note.duration or _LONGEST_SLIDE)
            is_cut = note.cut_delay is not None
            pitch = float(note.cut_delay or 0) if is_cut else n_units * self._ticks_a_unit(timing)
        if note.volume_target is not None:
            volume = self._until(self._louder[voice], at) * self._ticks_a_unit(timing)
        return pitch, volume

    def _until(self, times: list[int], at: int) -> int:
        """Return how many units there are to the next time after `at`, 256 at most."""
        place = bisect_right(times, at)
        end = times[place] if place < len(times) else self._starts[-1]
        return min(end - at, _LONGEST_SLIDE)

    def _play_tick(self) -> None:
        is_player = [channel.instrument in self._of_player for channel in self._channels]
        self.recorder.add([channel.tick() for channel in self._channels], is_player)
        if self._groove is not None:
            self._groove.step()
