"""The form: which earlier bars the next bars repeat, and which voices play in them.

A network that has learnt from real songs goes on repeating when the song repeats, but never begins a repetition by
itself. So at the start of each section a lag is drawn, with the frequencies found in songs, and given to the network
as a plan (`livegen.engines.lstm.memory`). The network does not leave a loop by itself either: when it is in one, it is
sent to an earlier passage. A section is two bars and ends on a bar line if the bars are known. If only the beat is
known, a section is two times four beats. If the beat is unknown too, it is estimated from what was played.

The **arrangement** is drawn at the same times: each voice rests or plays for the section, as often as in songs. The
network seldom lets a voice rest for long, and when it does, it seldom brings the voice in again. So silence is made
likelier for a voice that is to rest, and less likely for a voice that is to play and has long been silent. `arranged`
does this by a bias on the draws of the model's voices: nothing is muted, and the player's voices are not changed.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat, estimate_beat
from livegen.engines.protocol import Sampling
from livegen.engines.sampling import seed_bits, uniform
from livegen.performance.ruts import NO_RUTS, Ruts
from livegen.score import N_VOICES, SILENCE, onsets
from livegen.system.kernels import kernel
from livegen.units import FRAME_RATE_HZ

HEARD_FRAMES: Final = 480
"""Number of the song's last frames in which `next_form` looks for a beat: 20 seconds."""

REPEATED_SHARE: Final = 0.4
"""Share of the sections that repeat something, unless another share is asked for."""

LOOP_FRAMES: Final = 120
"""Number of the song's last frames in which `next_form` looks for short loops, in every frame: 5 seconds."""

_BEATS_A_BAR: Final = 4
_BARS_A_SECTION: Final = 2
_USUAL_BEAT_FRAMES: Final = 12.0
"""Frames a beat when no beat is known or found: 120 beats a minute."""

_FIRST_BARS: Final = 4
"""Bars at the start of a song in which nothing is repeated."""

_BACK_BARS: Final = (2, 4, 8, 16)
_BACK_WEIGHTS: Final = (0.15, 0.35, 0.35, 0.15)
"""How many bars back a repetition begins, and how likely each of these distances is drawn."""

_GO_ON: Final = 0.6
"""Probability that, if two sections in a row repeat something, the second one goes on at the first one's distance."""

_QUARTERS: Final = 4
_LOOP_TIMES: Final = 5
"""A passage that was played this many times in a row is a loop."""

_DRAW: Final = N_VOICES
_ARRANGEMENT: Final = _DRAW + 1
"""Given to `uniform` in place of a voice: the random numbers of the sections, and those of the arrangement."""

_FIRST_RESTS: Final = (0.05, 0.07, 0.1, 0.2)
"""Probability, by voice, that it rests in a song's first section. On the train split .07, .09, .11 and .36 of all songs
begin without the voice; songs of a minute or more do so less often."""

_ENTERS: Final = (0.3, 0.3, 0.3, 0.08)
"""Probability, by voice, that a voice that rested plays in the next section. On the train split it is .20, .18, .11 and
.03."""

_LEAVES: Final = (0.0047, 0.0069, 0.0074, 0.0089)
"""Probability, by voice, that a voice that played rests in the next section; these are those of the train split."""

_LONG_SILENCE_FRAMES: Final = 48
"""Frames of silence after which a voice that is to play is made likelier to enter: 2 seconds."""

_FEWEST_HEARD_FRAMES: Final = 12
"""A voice that sounded in at least this many of the last `_LONG_SILENCE_FRAMES` frames has not rested."""

_REST_NATS: Final = 4.0
_ENTER_NATS: Final = -4.0
_ENTER_NATS_A_SECOND: Final = -1.0
_BREATH_NATS: Final = (0.3, 0.0, 0.1, 0.0)
"""Added to the log-odds of a voice's silence: `_REST_NATS` if it rests; if it is to enter, `_ENTER_NATS` and, for each
second that it waits, `_ENTER_NATS_A_SECOND`; if it plays, its number of `_BREATH_NATS`."""

_COPY_NATS: Final = (0.0, 0.0, 0.0, 2.0)
"""Added, by voice, to the log-odds of going on as after its longest match in the song. Only the drums need it: they
repeat more than the network sees by itself."""

_LEAVE_LOOP_NATS: Final = -8.0
"""Added to the log-odds of a change while the song is in a loop: a note that comes late breaks the loop."""


@dataclass(frozen=True, slots=True)
class Form:
    """What is planned for a frame: a value.

    Attributes
    ----------
    lag : int
        How many frames back the frame lies that the next frame repeats; 0 if it repeats none.
    until : int
        Frames from the start of the song at which the next section begins.
    back_frames : float
        How far back the passage lies that the section repeats: whole bars, which are seldom whole frames.
    beat : Beat or None
        The beat that the section was planned with, its phase at the song's start.
    is_fresh : bool
        Whether the motif memory is hidden in this section: the song is in a loop and has no earlier passage to go to.
    since : int
        Frames from the start of the song at which the section began.
    rests : tuple of bool
        Which voices rest in the section.
    quiet : tuple of int
        For how many frames each voice has been silent before the next frame, up to `LOOP_FRAMES`.
    is_looping : bool
        Whether the last frames are a loop of all voices together.
    ruts : Ruts
        The few notes that each voice has gone round among.
    """

    lag: int = 0
    until: int = 0
    back_frames: float = 0.0
    beat: Beat | None = None
    is_fresh: bool = False
    since: int = 0
    rests: tuple[bool, ...] = (False,) * N_VOICES
    quiet: tuple[int, ...] = (0,) * N_VOICES
    is_looping: bool = False
    ruts: Ruts = NO_RUTS


NO_FORM: Final = Form()
"""The form before a song: nothing is planned."""


def next_form(
    form: Form,
    n_frames: int,
    heard: NDArray[np.uint8],
    *,
    seed: int,
    share: float,
    beat: Beat | None = None,
    bar: Beat | None = None,
) -> Form:
    """Return the form for the frame that follows `n_frames` of a song.

    What is drawn depends on the seed and the frame alone.

    Parameters
    ----------
    form : Form
        That of the frame before; `NO_FORM` for a song's first.
    heard : ndarray of uint8, shape (n, 4, 3)
        The last frames of the song: `HEARD_FRAMES` of them where a section begins, `LOOP_FRAMES` elsewhere.
    share : float
        0..1: share of the sections that repeat something.
    beat : Beat, optional
        The beat, if it is known, with its phase in the last frame.
    bar : Beat, optional
        The bar as if it were a slow beat, with its phase in the last frame; four beats if left out.
    """
    goes_round = is_looping(heard[-LOOP_FRAMES:])
    ruts = form.ruts.hear(heard[-1]) if len(heard) else form.ruts
    is_stuck = n_frames >= form.since + LOOP_FRAMES // _LOOP_TIMES and goes_round
    if n_frames >= form.until or is_stuck:
        rests = _next_rests(form, n_frames, heard, seed)
        form = replace(_next_section(form, n_frames, heard[-HEARD_FRAMES:], seed, share, beat, bar), rests=rests)
    lag = _lag(n_frames, form.back_frames, form.beat) if form.back_frames else 0
    return replace(form, lag=lag, quiet=_quiet(heard[-LOOP_FRAMES:]), is_looping=goes_round, ruts=ruts)


def _next_rests(form: Form, n_frames: int, heard: NDArray[np.uint8], seed: int) -> tuple[bool, ...]:
    """Draw which voices rest in the section that begins; if all would rest, none does.

    A voice that was to rest but was heard, because the player played it, counts as one that played.
    """
    sounds = (heard[-_LONG_SILENCE_FRAMES:, :, 0] > 0).sum(0) >= _FEWEST_HEARD_FRAMES
    name = seed_bits(seed)
    numbers = [uniform(name, n_frames, _ARRANGEMENT, voice) for voice in range(N_VOICES)]
    if form.until:
        rests = [
            number >= enters if rested and not sounded else number < leaves
            for number, rested, sounded, enters, leaves in zip(
                numbers, form.rests, sounds.tolist(), _ENTERS, _LEAVES, strict=True
            )
        ]
    else:
        rests = [number < share for number, share in zip(numbers, _FIRST_RESTS, strict=True)]
    return (False,) * N_VOICES if all(rests) else tuple(rests)


@kernel
def _quiet(heard: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return for how many of the last frames each voice has been silent."""
    n_quiet = np.zeros(N_VOICES, np.int64)
    for voice in range(N_VOICES):
        while n_quiet[voice] < len(heard) and heard[len(heard) - 1 - n_quiet[voice], voice, 0] == 0:
            n_quiet[voice] += 1
    return n_quiet[0], n_quiet[1], n_quiet[2], n_quiet[3]


def arranged(sampling: Sampling, form: Form, amount: float = 1.0, *, is_full: bool = False) -> Sampling:
    """Return how the next frame is drawn in a form: biased to the arrangement, and out of loops and ruts.

    Parameters
    ----------
    amount : float
        0..1: how strongly voices rest and enter as the form has it.
    is_full : bool
        Whether all voices are wanted: then none rests for a section.
    """
    silence = tuple(
        own + amount * _silence(rest and not is_full, n_quiet, 0.0 if is_full else breath)
        for own, rest, n_quiet, breath in zip(sampling.silence, form.rests, form.quiet, _BREATH_NATS, strict=True)
    )
    density, copy = sampling.density, sampling.copy
    if form.is_looping:
        density = tuple(own + _LEAVE_LOOP_NATS for own in density)
    else:
        copy = tuple(own + added for own, added in zip(copy, _COPY_NATS, strict=True))
    ruts = form.ruts
    return replace(sampling, silence=silence, density=density, copy=copy, usual=ruts.usual, leave=ruts.leave)


def _silence(rests: bool, n_quiet: int, breath: float) -> float:
    """Return what is added to the log-odds of a voice's silence."""
    if rests:
        return _REST_NATS
    n_waited = n_quiet - _LONG_SILENCE_FRAMES
    return breath if n_waited < 0 else _ENTER_NATS + _ENTER_NATS_A_SECOND * n_waited / FRAME_RATE_HZ


def _next_section(
    form: Form,
    n_frames: int,
    heard: NDArray[np.uint8],
    seed: int,
    share: float,
    beat: Beat | None,
    known_bar: Beat | None,
) -> Form:
    if beat:
        found: Beat | None = beat.after(1 - n_frames)
    else:
        found = estimate_beat(np.nonzero(onsets(heard))[0])
        found = found and found.after(len(heard) - n_frames)
    bar, n_bars = _BEATS_A_BAR * (found.period_frames if found else _USUAL_BEAT_FRAMES), float(_BARS_A_SECTION)
    if known_bar is not None:  # the section ends on the nearest bar line
        bar, phase = known_bar.period_frames, known_bar.after(1).phase
        n_bars += round(phase) - phase
    until = n_frames + round(n_bars * bar)
    is_stuck = is_looping(heard)
    name = seed_bits(seed)
    if n_frames < _FIRST_BARS * bar or (not is_stuck and uniform(name, n_frames, _DRAW, 0) >= share):
        return Form(until=until, is_fresh=is_stuck, since=n_frames)
    if form.back_frames and not is_stuck and uniform(name, n_frames, _DRAW, 1) < _GO_ON:
        return replace(form, until=until, since=n_frames)
    nearest = 4 * bar if is_stuck else 0.0  # nearer passages are the loop itself
    weights = np.array(
        [weight * (nearest <= bars * bar <= n_frames) for bars, weight in zip(_BACK_BARS, _BACK_WEIGHTS, strict=True)]
    )
    place = np.searchsorted(np.cumsum(weights) / weights.sum(), uniform(name, n_frames, _DRAW, 2), side="right")
    back_frames = _BACK_BARS[min(int(place), len(_BACK_BARS) - 1)] * bar
    return Form(until=until, back_frames=back_frames, beat=found, since=n_frames)


@kernel
def _is_repeated(heard: NDArray[np.uint8], period: int, n: int) -> bool:
    """Tell whether each of the last `n` frames has the notes of the frame `period` frames before it."""
    for at in range(len(heard) - 1, len(heard) - 1 - n, -1):
        for voice in range(N_VOICES):
            if heard[at, voice, 0] != heard[at - period, voice, 0]:
                return False
    return True


@kernel
def is_looping(heard: NDArray[np.uint8]) -> bool:
    """Tell whether the last frames, ``uint8 (n, 4, 3)``, are one passage five times; a held chord is no passage."""
    for period in range(2, len(heard) // _LOOP_TIMES + 1):
        n_looped = _LOOP_TIMES * period
        if _is_repeated(heard, period, n_looped - period) and not _is_repeated(heard, 1, n_looped - 1):
            return True
    return False


def warm_up() -> None:
    """Compile what `next_form` calls in every frame."""
    _quiet(SILENCE[None].copy())
    is_looping(SILENCE[None].copy())
    uniform(seed_bits(0), 0, 0, 0)


def _lag(n_frames: int, back_frames: float, beat: Beat | None) -> int:
    """Return the lag of a frame: whole frames between the nearest sixteenth and its counterpart `back_frames` earlier.

    `back_frames` is seldom a whole number of frames. With one constant lag the music would drift off its beat a little
    with every copy of a copy.
    """
    if beat is None:
        return round(back_frames)
    quarter = beat.period_frames / _QUARTERS
    phase = (beat.phase % 1.0) * beat.period_frames
    nearest = round((n_frames + phase) / quarter) * quarter - phase
    return math.floor(nearest + 0.5) - math.floor(nearest - back_frames + 0.5)
