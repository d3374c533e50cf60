"""Where a cue lands: on the next bar line, at once, or where the section ends; and how long it lasts."""

import math
from typing import Final

from livegen.controls import Value
from livegen.engines.tonality import Key
from livegen.performance.cues.cue import Cue, Mark
from livegen.performance.tempo import Tempo
from livegen.units import FRAME_RATE_HZ
from livegen.voices import VOICE_OF_NAME

_RING_FRAMES: Final = 1.5 * FRAME_RATE_HZ
"""How long the last note of an ending rings, about, at any tempo: a second and a half."""

_BARS_OF_ENDING: Final = 2
"""Within so many bars of its cue an ending is over."""

_NOTICE: Final = 0.5
"""Share of a bar that an ending is given at least to come to its last note."""


def next_bar(tempo: Tempo, frame_index: int, beats_a_bar: int, after_beats: float = 0.0) -> float:
    """Return the first bar line, in beats, that a frame or a later one begins at, some beats on."""
    return (math.floor((tempo.beats_at(frame_index - 0.5) + after_beats) / beats_a_bar) + 1.0) * beats_a_bar


def placed(
    name: str,
    value: Value,
    when: str,
    tempo: Tempo,
    horizon: int,
    *,
    number: int,
    source: str,
    beats_a_bar: int,
    section_end: int | None = None,
    key: Key | None = None,
) -> Cue:
    """Return a cue that was given now, at its place.

    Parameters
    ----------
    name : str
        One of `livegen.performance.cues.cue.CUES`.
    value : Value
        How many bars it lasts, or the voice of a solo; of no meaning for the others.
    when : {"bar", "now", "section"}
    tempo : Tempo
    horizon : int
        The first frame that it can shape.
    number : int
        How many cues were given before it.
    source : str
    beats_a_bar : int
    section_end : int, optional
        The frame in which the section ends that is played; where nobody knows it, the next bar line serves.
    key : Key, optional
        Of an ending.
    """
    bar, place = float(beats_a_bar), next_bar(tempo, horizon, beats_a_bar)
    if when == "section" and section_end is not None and section_end > horizon:
        place = max(round(tempo.beats_at(section_end) / bar) * bar, place)
    if name == "end":
        return _ending(place, when, tempo, horizon, number, source, bar, key)
    begin = Mark(tempo.beats_at(horizon), horizon) if when == "now" else Mark.at(place, tempo, horizon)
    voice = VOICE_OF_NAME[str(value)] if name == "solo" else None
    until = Mark.at(_until(name, value, begin.beats, bar), tempo, begin.frame_index)
    return Cue(name, number, source, begin, until, voice=voice)


def _until(name: str, value: Value, begin: float, bar: float) -> float:
    """Return where a cue is over: on a bar line, so that one that began within a bar is shorter or longer by a part."""
    if name == "tutti":
        return begin
    if name in ("drop", "solo"):
        return math.inf
    n_bars = int(value) if name in ("break", "build") else 1
    return max(round(begin / bar) + n_bars, math.floor(begin / bar) + 1) * bar


def _ending(
    place: float, when: str, tempo: Tempo, horizon: int, number: int, source: str, bar: float, key: Key | None
) -> Cue:
    """Return an ending. Its last note is on the first bar line that leaves time for a cadence, and rings for beats.

    All is over within two bars of the cue: so the bar line is half a bar ahead at least, and never more than a bar and
    a half.
    """
    now = tempo.beats_at(horizon)
    limit = tempo.beats_at(horizon - 1) + _BARS_OF_ENDING * bar
    if when == "now":
        strike = math.floor(now + 1.0) + float(now % 1.0 > _NOTICE)
    elif when == "section" and place - now > bar:
        strike, limit = place, place + bar
    else:
        strike = place if place - now >= _NOTICE * bar else place + bar
    ring = max(1.0, round(_RING_FRAMES / tempo.period_frames))
    room = limit - strike
    until = strike + (min(ring, math.floor(room)) if room >= 1.0 else room)
    begin = Mark(now, horizon) if strike - bar <= now else Mark.at(strike - bar, tempo, horizon)
    struck = Mark.at(strike, tempo, horizon)
    return Cue(
        "end", number, source, begin, Mark.at(until, tempo, struck.frame_index), strike=struck, key=key or Key(0)
    )
