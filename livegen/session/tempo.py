"""The tempo: where the beat is, and who says so.

In order: a MIDI clock, then what was tapped or set, then what the performer's own onsets tell. Each gives a line, beats
over frames. It goes on where its source falls silent.
"""

from dataclasses import dataclass, field, replace
from typing import Final, Literal

from livegen.controls import Values
from livegen.events import ClockTick, Continue, NoteOn, SetControl, SongPosition, StampedEvent, Start, Stop
from livegen.predictor.beat import Beat, follow_beat
from livegen.session.ticks import FASTEST_BPM, LOST_FRAMES, SLOWEST_BPM, Ticks
from livegen.units import FRAME_RATE_HZ, MIDI_CLOCK_PPQN

Source = Literal["clock", "tap", "set", "player", "none"]

UNKNOWN_PERIOD_FRAMES: Final = 60.0 * FRAME_RATE_HZ / 120.0
"""Frames a beat where nobody knows: 120 beats a minute."""

_TAKE_OVER_FRAMES: Final = 2 * FRAME_RATE_HZ
_FORGET_TAPS_FRAMES: Final = 2 * FRAME_RATE_HZ
_MOST_TAPS: Final = 8
_HEARD_FRAMES: Final = 8 * FRAME_RATE_HZ
_MOST_ONSETS: Final = 64
_LOOK_FRAMES: Final = FRAME_RATE_HZ // 4
_CHORD_FRAMES: Final = 0.75
"""The performer's beat is looked for in the last eight seconds, four times a second at most."""

_TICKS_A_SIXTEENTH: Final = MIDI_CLOCK_PPQN // 4


@dataclass(frozen=True, slots=True)
class Line:
    """Beats over frames: a beat that does not change its tempo."""

    frame: float
    beats: float
    period_frames: float

    def at(self, frame: float) -> float:
        """Return the beats at a time in frames."""
        return self.beats + (frame - self.frame) / self.period_frames

    def beat_at(self, frame: float) -> Beat:
        """Return the beat with its phase at a time in frames."""
        return Beat(self.period_frames, self.at(frame) % 1.0)


@dataclass(frozen=True, slots=True)
class Clock:
    """A MIDI clock, and whose it is.

    Attributes
    ----------
    source : str
        Of the one that is followed; the first that ticks, until it is silent for two seconds.
    ticks : Ticks
    """

    source: str = ""
    ticks: Ticks = field(default_factory=Ticks)

    def hear(self, stamped: StampedEvent) -> "Clock":
        """Return the clock after an event."""
        if stamped.source != self.source:
            is_free = stamped.position > self.ticks.heard + _TAKE_OVER_FRAMES
            if not is_free or not isinstance(stamped.event, (ClockTick, Start, Continue, SongPosition)):
                return self
            return Clock(stamped.source).hear(stamped)
        match stamped.event:
            case ClockTick():
                return replace(self, ticks=self.ticks.hear(stamped.position))
            case Start():
                return replace(self, ticks=self.ticks.go_to(0))
            case Continue():
                return replace(self, ticks=self.ticks.go_to(self.ticks.number + 1))
            case SongPosition(pos):
                return replace(self, ticks=self.ticks.go_to(pos * _TICKS_A_SIXTEENTH))
        return self


@dataclass(frozen=True, slots=True)
class Player:
    """The performer's own beat.

    Attributes
    ----------
    onsets : tuple of float
        When the last keys went down, at most 64, those of a chord once.
    line : Line or None
        Their beat, if it is clear.
    looked : float
        When it was looked for last.
    """

    onsets: tuple[float, ...] = ()
    line: Line | None = None
    looked: float = -_LOOK_FRAMES

    def hear(self, position: float) -> "Player":
        """Return the beat after a key went down."""
        if self.onsets and abs(position - self.onsets[-1]) < _CHORD_FRAMES:
            return self
        first = position - _HEARD_FRAMES
        onsets = (*(onset for onset in self.onsets[1 - _MOST_ONSETS :] if first <= onset < position), position)
        if position < self.looked + _LOOK_FRAMES:
            return replace(self, onsets=onsets)
        current = None if self.line is None else self.line.beat_at(position)
        found = follow_beat([onset - position for onset in onsets], current)
        return Player(onsets, self.line if found is None else self._line(found, position), position)

    def _line(self, found: Beat, position: float) -> Line:
        """Return the line of a beat; its bars go on, or begin with the first onset."""
        first = self.onsets[0]
        expected = (position - first) / found.period_frames if self.line is None else self.line.at(position)
        return Line(position, found.phase + round(expected - found.phase), found.period_frames)


@dataclass(frozen=True, slots=True)
class Tempo:
    """The beat as it is known at one moment: a value.

    Attributes
    ----------
    source : {"clock", "tap", "set", "player", "none"}
        Who says it.
    period_frames : float
        Frames a beat; that of 120 beats a minute where nobody knows.
    clock : Clock
    by_hand : Line or None
        What was tapped or set last.
    hand : {"tap", "set"}
        Which of them it was.
    taps : tuple of float
        When the last taps came.
    player : Player
    offset_frames : float
        How much later the beat falls than its source says.
    """

    source: Source = "none"
    period_frames: float = UNKNOWN_PERIOD_FRAMES
    clock: Clock = field(default_factory=Clock)
    by_hand: Line | None = None
    hand: Literal["tap", "set"] = "set"
    taps: tuple[float, ...] = ()
    player: Player = field(default_factory=Player)
    offset_frames: float = 0.0

    @classmethod
    def at_start(cls, values: Values) -> "Tempo":
        """Return the tempo of a session before its first frame."""
        tempo = cls()
        if values["bpm"]:
            tempo = tempo._set_bpm(float(values["bpm"]), 0.0)
        return tempo._settled(values)

    def beat_at(self, frame: float) -> Beat | None:
        """Return the beat with its phase at a time in frames, None where it is unknown."""
        return None if self.source == "none" else Beat(self.period_frames, self.beats_at(frame) % 1.0)

    def beats_at(self, frame: float) -> float:
        """Return the beats since bar 1, beat 1: since the clock's start, the first tap, or the song's start."""
        frame -= self.offset_frames
        if self.source == "clock":
            return self.clock.ticks.at(frame) / MIDI_CLOCK_PPQN
        return self._line().at(frame)

    def is_lost_at(self, frame: float) -> bool:
        """Tell whether the clock that gave the tempo is silent; the tempo runs on."""
        return self.source == "clock" and frame > self.clock.ticks.heard + LOST_FRAMES

    def hear(self, stamped: StampedEvent, values: Values) -> "Tempo":
        """Return the tempo after an event.

        Parameters
        ----------
        stamped : StampedEvent
        values : Values
            The controls in force after the event.
        """
        tempo, position = self, stamped.position
        match stamped.event:
            case ClockTick() | Start() | Continue() | Stop() | SongPosition():
                tempo = replace(self, clock=self.clock.hear(stamped))
            case SetControl(name="tap", value=True):
                tempo = self._tap(position)
            case SetControl(name="bpm", value=bpm):
                tempo = self._set_bpm(float(bpm), position)
            case NoteOn():
                tempo = replace(self, player=self.player.hear(position))
            case SetControl(name="reset", value=True):
                tempo = replace(self, player=Player())
            case SetControl():
                pass
            case _:
                return self
        return tempo._settled(values)

    def _line(self) -> Line:
        line = {"tap": self.by_hand, "set": self.by_hand, "player": self.player.line}.get(self.source)
        return line or _NOBODY_S

    def _tap(self, position: float) -> "Tempo":
        is_series = bool(self.taps) and 0.0 < position - self.taps[-1] <= _FORGET_TAPS_FRAMES
        taps = (*self.taps[1 - _MOST_TAPS :], position) if is_series else (position,)
        if len(taps) < 2:
            return replace(self, taps=taps)
        period = _clamped((taps[-1] - taps[0]) / (len(taps) - 1))
        middle = sum(taps) / len(taps)
        return replace(self, taps=taps, hand="tap", by_hand=Line(middle, (len(taps) - 1) / 2.0, period))

    def _set_bpm(self, bpm: float, position: float) -> "Tempo":
        if bpm <= 0.0:
            return replace(self, by_hand=None, taps=())
        period = _clamped(60.0 * FRAME_RATE_HZ / bpm)
        line = Line(position - self.offset_frames, self.beats_at(position), period)
        return replace(self, by_hand=line, hand="set", taps=())

    def _settled(self, values: Values) -> "Tempo":
        """Return the tempo with its source chosen anew."""
        source: Source = "none"
        sync = str(values["sync"])
        period = UNKNOWN_PERIOD_FRAMES
        if sync in ("auto", "clock") and self.clock.ticks.is_acquired:
            source, period = "clock", self.clock.ticks.period * MIDI_CLOCK_PPQN
        elif sync in ("auto", "set") and self.by_hand is not None:
            source, period = self.hand, self.by_hand.period_frames
        elif sync in ("auto", "player") and self.player.line is not None:
            source, period = "player", self.player.line.period_frames
        offset_frames = float(values["phase_offset"]) * FRAME_RATE_HZ / 1000.0
        return replace(self, source=source, period_frames=period, offset_frames=offset_frames)


_NOBODY_S: Final = Line(0.0, 0.0, UNKNOWN_PERIOD_FRAMES)


def _clamped(period_frames: float) -> float:
    shortest, longest = 60.0 * FRAME_RATE_HZ / FASTEST_BPM, 60.0 * FRAME_RATE_HZ / SLOWEST_BPM
    return min(max(period_frames, shortest), longest)
