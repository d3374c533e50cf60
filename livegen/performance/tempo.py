"""The tempo: where the beat is, and who says so.

The first of these that is there counts: a MIDI clock; a Link session with others in it; what was tapped or set; the
beat of the performer's own onsets; the session's own beat. Each gives a line, beats over frames. The line goes on when
its source falls silent.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat, follow_beat
from livegen.controls import Values
from livegen.events import (
    MIDI_CLOCK_EVENTS,
    ClockTick,
    Continue,
    LinkBeat,
    NoteOn,
    SetControl,
    SongPosition,
    StampedEvent,
    Start,
)
from livegen.performance.pulse import TAKE_OVER_BEATS, Glide, draw_period
from livegen.performance.ticks import FASTEST_BPM, LOST_FRAMES, SLOWEST_BPM, Ticks
from livegen.units import FRAME_RATE_HZ, MIDI_CLOCK_PPQN, bpm_to_period, period_to_bpm

Source = Literal["clock", "link", "tap", "set", "player", "own", "none"]

_Frames = TypeVar("_Frames", float, NDArray[np.float64])

UNKNOWN_PERIOD_FRAMES: Final = bpm_to_period(120.0)
"""Frames a beat when no source gives a tempo: 120 beats a minute."""

_TAKE_OVER_FRAMES: Final = 2 * FRAME_RATE_HZ
"""Another MIDI clock may take over when the one that is followed has been silent for this long: 2 seconds."""

_FORGET_TAPS_FRAMES: Final = 2 * FRAME_RATE_HZ
_MOST_TAPS: Final = 8
"""A tap that comes later than this after the last one begins a new series; this many taps at most give the tempo."""

_HEARD_FRAMES: Final = 24 * FRAME_RATE_HZ
_MOST_ONSETS: Final = 192
"""The performer's beat is told by the onsets of the last 24 seconds, by this many at most."""

_LOOK_FRAMES: Final = FRAME_RATE_HZ // 4
"""Shortest time between two searches for the performer's beat: a quarter of a second."""

_CHORD_FRAMES: Final = 0.75
"""Onsets that are nearer together than this are one chord, and count as one onset."""

_TICKS_A_SIXTEENTH: Final = MIDI_CLOCK_PPQN // 4

_CONTROLS: Final = frozenset({"tap", "bpm", "reset", "song", "sync", "phase_offset"})
"""The controls that the tempo depends on."""

_MOST_SOUGHT: Final = 64
"""How many frames are tried at most for the one that a place in beats belongs to."""

_LINK_BPM: Final = (20.0, 999.0)  # all that Link allows
_SAME_LINE_FRAMES: Final = 0.05
_LINK_GAIN: Final = 0.25
"""A beat of Link less than `_SAME_LINE_FRAMES` (2 ms) off the line is taken for jitter of the audio clock: it moves the
line by `_LINK_GAIN` of the difference. A greater difference, as after a skipped audio block, moves the line at once by
all of it.
"""

_SAME_PERIOD_SHARE: Final = 0.02
_SAME_PHASE_BEATS: Final = 0.25
_PULL: Final = 0.5
"""A performer's beat that is found again, with nearly the same period and phase, moves the one that is followed by this
share of the differences: a few seconds of onsets tell a beat only roughly.

With melodies of 60 songs of NES-MDB's train split, in whole frames, the quarters of the beat that is followed then keep
to the song's with a coherence of .87 in seconds 4 to 40, and of .83 without it. A share of .3, and of .1 of the period,
comes to .88, but falls behind twice as far where somebody gets faster.
"""


@dataclass(frozen=True, slots=True)
class Line:
    """Beats over frames: a beat of constant tempo."""

    frame: float
    beats: float
    period_frames: float

    def at(self, frame: _Frames) -> _Frames:
        """Return the beats at a time in frames, or at many."""
        return self.beats + (frame - self.frame) / self.period_frames

    def beat_at(self, frame: float) -> Beat:
        """Return the beat with its phase at a time in frames."""
        return Beat(self.period_frames, self.at(frame) % 1.0)

    def pulled_to(self, found: Beat, frame: float) -> "Line | None":
        """Return the line moved a little towards a beat, which has its phase at `frame`; None if it is another beat."""
        shift = (found.phase - self.at(frame) + 0.5) % 1.0 - 0.5
        stretch = found.period_frames - self.period_frames
        if abs(stretch) > _SAME_PERIOD_SHARE * self.period_frames or abs(shift) > _SAME_PHASE_BEATS:
            return None
        return Line(frame, self.at(frame) + _PULL * shift, self.period_frames + _PULL * stretch)

    def recounted(self, more: float) -> "Line":
        """Return the line with so many beats more on its count."""
        return replace(self, beats=self.beats + more)


_NOBODY_S: Final = Line(0.0, 0.0, UNKNOWN_PERIOD_FRAMES)


@dataclass(frozen=True, slots=True)
class Clock:
    """The MIDI clock that is followed.

    Attributes
    ----------
    source : str
        The source that sends it: the first that ticks, until it is silent for two seconds.
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
            return Clock(stamped.source, self.ticks).hear(stamped)
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
class Link:
    """The beat of an Ableton Link session.

    Attributes
    ----------
    line : Line or None
        None before the session was joined.
    n_peers : int
        Number of others in the session.
    heard : float
        When its beat was heard last.
    shared_at : float
        When its beat was heard last while there were others.
    """

    line: Line | None = None
    n_peers: int = 0
    heard: float = -math.inf
    shared_at: float = -math.inf

    def hear(self, event: LinkBeat, position: float) -> "Link":
        """Return the session's beat after Link has reported it again."""
        period = bpm_to_period(min(max(event.bpm, _LINK_BPM[0]), _LINK_BPM[1]))
        beats = event.beats
        if self.line is not None and self.line.period_frames == period:
            surprise = beats - self.line.at(position)
            if abs(surprise) * period < _SAME_LINE_FRAMES:
                beats -= (1.0 - _LINK_GAIN) * surprise
        shared_at = position if event.peers > 0 else self.shared_at
        return Link(Line(position, beats, period), event.peers, position, shared_at)


@dataclass(frozen=True, slots=True)
class Player:
    """The performer's own beat.

    Attributes
    ----------
    onsets : tuple of float
        When the last keys went down, at most 192; a chord counts as one.
    line : Line or None
        The beat of these onsets, if it is clear.
    looked : float
        When the beat was looked for last.
    """

    onsets: tuple[float, ...] = ()
    line: Line | None = None
    looked: float = -_LOOK_FRAMES

    def hear(self, position: float, *, looks: bool) -> "Player":
        """Return the performer's beat after a key went down; it is looked for only if `looks` is true."""
        if self.onsets and abs(position - self.onsets[-1]) < _CHORD_FRAMES:
            return self
        first = position - _HEARD_FRAMES
        onsets = (*(onset for onset in self.onsets[1 - _MOST_ONSETS :] if first <= onset < position), position)
        if not looks or position < self.looked + _LOOK_FRAMES:
            return replace(self, onsets=onsets)
        current = None if self.line is None else self.line.beat_at(position)
        found = follow_beat([onset - position for onset in onsets], current)
        return Player(onsets, self.line if found is None else self._line(found, position), position)

    def _line(self, found: Beat, position: float) -> Line:
        """Return the line of a beat. Its beats are counted on from the old line; without one, from the first onset."""
        if self.line is not None and (pulled := self.line.pulled_to(found, position)):
            return pulled
        first = self.onsets[0]
        expected = (position - first) / found.period_frames if self.line is None else self.line.at(position)
        return Line(position, found.phase + round(expected - found.phase), found.period_frames)


@dataclass(frozen=True, slots=True)
class Tempo:
    """The beat as it is known at one moment: a value.

    Attributes
    ----------
    source : {"clock", "link", "tap", "set", "player", "own", "none"}
        What the tempo comes from.
    period_frames : float
        Frames a beat; those of 120 beats a minute if no source gives a tempo.
    clock : Clock
    link : Link
    by_hand : Line or None
        The beat that was tapped or set last.
    hand : {"tap", "set"}
        Whether it was tapped or set.
    hand_at : float
        When it was tapped or set.
    taps : tuple of float
        When the last taps of the series came.
    n_taps : int
        Number of taps in the series.
    player : Player
    seed : int
        By which the session's own tempo is drawn.
    own : Line
        The session's own beat.
    glide : Glide
        What is left of the difference between the performer's beat and the one whose place it has taken.
    offset_frames : float
        How much later the beat falls than its source says.
    """

    source: Source = "none"
    period_frames: float = UNKNOWN_PERIOD_FRAMES
    clock: Clock = field(default_factory=Clock)
    link: Link = field(default_factory=Link)
    by_hand: Line | None = None
    hand: Literal["tap", "set"] = "set"
    hand_at: float = 0.0
    taps: tuple[float, ...] = ()
    n_taps: int = 0
    player: Player = field(default_factory=Player)
    seed: int = 0
    own: Line = _NOBODY_S
    glide: Glide = field(default_factory=Glide)
    offset_frames: float = 0.0

    @classmethod
    def at_start(cls, values: Values, seed: int = 0) -> "Tempo":
        """Return the tempo of a session before its first frame."""
        tempo = cls(seed=seed)._with_new_song(0)
        if values["bpm"]:
            tempo = tempo._set_bpm(float(values["bpm"]), 0.0)
        return tempo._settled(values, 0.0)

    def beat_at(self, frame: float) -> Beat | None:
        """Return the beat with its phase at a time in frames; None if it is unknown."""
        return None if self.source == "none" else Beat(self.period_frames, self.beats_at(frame) % 1.0)

    def beats_at(self, frame: float) -> float:
        """Return the beats since bar 1, beat 1: since the clock's start, the first tap, or the song's start.

        In a Link session Link counts the beats.
        """
        frame -= self.offset_frames
        if self.source == "clock":
            return self.clock.ticks.at(frame) / MIDI_CLOCK_PPQN
        return self._line().at(frame) + (self.glide.at(frame) if self.source == "player" else 0.0)

    def beats_of(self, frames: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return `beats_at` of many times in frames at once, the same to the last bit."""
        if self.source == "clock":
            return np.array([self.beats_at(frame) for frame in frames.tolist()], np.float64)
        frames = frames - self.offset_frames
        beats = self._line().at(frames)
        return beats + self.glide.of(frames) if self.source == "player" else beats

    def frame_at(self, beats: float, near: int) -> int:
        """Return the frame whose start is nearest to a place in beats; `near` is any frame from which to look for it.

        So it is the first frame of the bar that begins there, as `livegen.performance.modes.bar_of` counts bars.
        """
        frame = near + math.ceil((beats - self.beats_at(near + 0.5)) * self.period_frames)
        for _ in range(_MOST_SOUGHT):  # the line is straight but for a clock that speeds up, and for a glide
            if self.beats_at(frame + 0.5) < beats:
                frame += 1
            elif self.beats_at(frame - 0.5) >= beats:
                frame -= 1
            else:
                break
        return frame

    @property
    def is_outer(self) -> bool:
        """Whether somebody else counts the bars: a MIDI clock, or a Link session."""
        return self.source in ("clock", "link")

    def counted_from(self, frame: float, beats: float) -> "Tempo":
        """Return the tempo with the count of beats set at a time in frames; a clock's and Link's stay theirs."""
        more = beats - self.beats_at(frame)
        by_hand, line = (
            self.by_hand and self.by_hand.recounted(more),
            self.player.line and self.player.line.recounted(more),
        )
        return replace(self, by_hand=by_hand, player=replace(self.player, line=line), own=self.own.recounted(more))

    @property
    def bpm(self) -> float:
        """Beats a minute."""
        return period_to_bpm(self.period_frames)

    def bar_and_beat_at(self, frame: float, beats_a_bar: int) -> tuple[int, int]:
        """Return the bar and the beat in it at a time in frames, as a musician counts them: the first is 1.1."""
        bar, beat = divmod(math.floor(self.beats_at(frame)), beats_a_bar)
        return bar + 1, beat + 1

    def is_lost_at(self, frame: float) -> bool:
        """Tell whether the MIDI clock or Link session that gives the tempo has fallen silent; the tempo runs on."""
        heard = {"clock": self.clock.ticks.heard, "link": self.link.heard}.get(self.source, math.inf)
        return frame > heard + LOST_FRAMES

    def hear(self, stamped: StampedEvent, values: Values) -> "Tempo":
        """Return the tempo after an event.

        Parameters
        ----------
        stamped : StampedEvent
        values : Values
            The controls in force after the event.
        """
        tempo, position = self, stamped.position
        if isinstance(stamped.event, MIDI_CLOCK_EVENTS):
            return replace(self, clock=self.clock.hear(stamped))._settled(values, position)
        match stamped.event:
            case LinkBeat():
                tempo = replace(self, link=self.link.hear(stamped.event, position))
            case SetControl(name="tap", value=True):
                tempo = self._tap(position)
            case SetControl(name="bpm", value=bpm):
                tempo = self._set_bpm(float(bpm), position)
            case NoteOn():
                looks = values["sync"] in ("auto", "player") and self.source in ("none", "own", "player")
                tempo = replace(self, player=self.player.hear(position, looks=looks))
            case SetControl(name="sync"):
                tempo = self._with_own_beside(position)
            case SetControl(name="reset", value=True):
                tempo = replace(self, player=Player())._with_new_song(math.ceil(position))
            case SetControl(name="song", value=name) if name:
                return self._in_new_song(values, position)
            case SetControl(name) if name in _CONTROLS:
                pass
            case _:
                return self
        return tempo._settled(values, position)

    def _with_new_song(self, first: int) -> "Tempo":
        """Return the tempo with a beat of its own that begins in a frame, in a tempo that is drawn."""
        return replace(self, own=Line(first, 0.0, draw_period(self.seed, first)), glide=Glide())

    def _in_new_song(self, values: Values, position: float) -> "Tempo":
        """Return the tempo of a new song: nothing that was tapped or played before counts, and its bar 1 is now."""
        tempo = replace(self._set_bpm(float(values["bpm"]), position), player=Player())
        first = round(position)
        return tempo._with_new_song(first)._settled(values, position).counted_from(first, 0.0)

    def _with_own_beside(self, position: float) -> "Tempo":
        """Return the tempo with its own beat where the present one is, so that another can take over without a jump."""
        if self.source in ("own", "none"):
            return self
        own = Line(position - self.offset_frames, self.beats_at(position), self.own.period_frames)
        return replace(self, own=own)

    def _line(self) -> Line:
        by_hand = self.by_hand
        lines = {"link": self.link.line, "tap": by_hand, "set": by_hand, "player": self.player.line, "own": self.own}
        return lines.get(self.source) or _NOBODY_S

    def _tap(self, position: float) -> "Tempo":
        is_series = bool(self.taps) and 0.0 < position - self.taps[-1] <= _FORGET_TAPS_FRAMES
        taps = (*self.taps[1 - _MOST_TAPS :], position) if is_series else (position,)
        n_taps = self.n_taps + 1 if is_series else 1
        tempo = replace(self, taps=taps, n_taps=n_taps)
        if len(taps) < 2:
            return tempo
        period = _clamped((taps[-1] - taps[0]) / (len(taps) - 1))
        line = Line(sum(taps) / len(taps), n_taps - 0.5 * (len(taps) + 1), period)
        return replace(tempo, by_hand=line, hand="tap", hand_at=position)

    def _set_bpm(self, bpm: float, position: float) -> "Tempo":
        if bpm <= 0.0:
            return replace(self._with_own_beside(position), by_hand=None, taps=())
        period = _clamped(bpm_to_period(bpm))
        line = Line(position - self.offset_frames, self.beats_at(position), period)
        return replace(self, by_hand=line, hand="set", hand_at=position, taps=())

    def _settled(self, values: Values, position: float) -> "Tempo":
        """Return the tempo with its source chosen anew, at a time in frames."""
        source: Source = "none"
        sync = str(values["sync"])
        period = UNKNOWN_PERIOD_FRAMES
        ticks, link = self.clock.ticks, self.link
        by_hand_at = -math.inf if self.by_hand is None else self.hand_at
        is_replaced = max(by_hand_at, link.shared_at) > ticks.heard + LOST_FRAMES  # since the clock was lost
        is_shared = link.n_peers > 0 or link.shared_at > by_hand_at  # Link goes on when the others have left
        if ticks.is_acquired and (sync == "clock" or (sync == "auto" and not is_replaced)):
            source, period = "clock", ticks.period * MIDI_CLOCK_PPQN
        elif link.line is not None and (sync == "link" or (sync == "auto" and is_shared)):
            source, period = "link", link.line.period_frames
        elif sync in ("auto", "set") and self.by_hand is not None:
            source, period = self.hand, self.by_hand.period_frames
        elif sync in ("auto", "player") and self.player.line is not None:
            source, period = "player", self.player.line.period_frames
        elif sync in ("auto", "own"):
            source, period = "own", self.own.period_frames
        offset_frames = float(values["phase_offset"]) * FRAME_RATE_HZ / 1000.0
        tempo = replace(self, source=source, period_frames=period, offset_frames=offset_frames)
        is_taken_over = source == "player" and self.source not in ("player", "none")
        return tempo._taken_over(position) if is_taken_over else tempo

    def _taken_over(self, position: float) -> "Tempo":
        """Return the tempo with the performer's beat in place of one that was where the session's own is.

        The count goes on from there, and the two beats become one over `TAKE_OVER_BEATS`.
        """
        line = self.player.line
        assert line is not None
        position -= self.offset_frames
        apart = self.own.at(position) - line.at(position)
        line = replace(line, beats=line.beats + round(apart))
        glide = Glide(position, apart - round(apart), TAKE_OVER_BEATS * line.period_frames)
        return replace(self, player=replace(self.player, line=line), glide=glide)


def _clamped(period_frames: float) -> float:
    return min(max(period_frames, bpm_to_period(FASTEST_BPM)), bpm_to_period(SLOWEST_BPM))
