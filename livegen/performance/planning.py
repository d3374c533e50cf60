"""One frame of the score: who plays what in it, what the engine knows before it, and what the model draws."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat
from livegen.engines.protocol import Conditions, Performer, Sampling
from livegen.engines.sampling import seed_bits, uniform
from livegen.performance.cues.cadence import Chord, chord_at, in_chord, settled
from livegen.performance.cues.cue import Cue
from livegen.performance.cues.drum_fill import fill_hit
from livegen.performance.cues.effect import coming_in, cue_gains, cued, who_plays
from livegen.performance.dynamics import followed_gain, scaled
from livegen.performance.form import arranged
from livegen.performance.harmony.lead import leading, led
from livegen.performance.keyboard import is_player
from livegen.performance.modes import TURNS, echo_lag, owners
from livegen.performance.shaping import Asked, knobs_of
from livegen.performance.state import State
from livegen.performance.tightness import LISTEN_FRAMES, MEMORY_FRAMES, Groove, Reach, barred
from livegen.performance.timeline import NO_OFFSET, Context, Place, Step, Timeline
from livegen.score import N_COLUMNS, N_VOICES, SILENCE, VOLUME_MAX, Column, Voice, attacks
from livegen.score_table import MODEL, OFF, PLAYER, PlannedFrame

_DRIFT_FRAMES: Final = 0.25
_DRIFT: Final = 0.03
"""How far a beat may move before frames are planned anew: in frames, and as a share of its period."""

_LONGEST_BAR_FRAMES: Final = 240.0
"""Longest bar that the form is told, 10 seconds. A longer bar is halved until it fits."""

_STRICT: Final = 3
"""Column of the random number that decides whether a voice keeps to the grid in a frame. Columns 0 to 2 draw note,
volume and timbre."""

_ECHO_NATS: Final = 3.0
"""Added to the log-odds of a player's voice going on as in the phrase that the model answers. Answers and turns then
have .60 and .52 of the phrase's pairs of intervals, and had .14 and .10; the next four seconds of a song have .47."""


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a frame that is settled before the model draws.

    Attributes
    ----------
    owner : ndarray of uint8, shape (4,)
    rests : ndarray of bool, shape (4,)
        Which voices the model draws inaudibly, while it listens.
    frame : ndarray of uint8, shape (4, 3)
        The player's notes.
    performer : Performer
        What the engine is told of the player.
    """

    owner: NDArray[np.uint8]
    rests: NDArray[np.bool_]
    frame: NDArray[np.uint8]
    performer: Performer


def part_of(state: State, frame_index: int) -> Part:
    """Return the settled part of a frame. `state` must be the one that was in force when the frame was played."""
    keys = [state.keyboard.sounding(voice) for voice in Voice]
    if state.tapped.frame_index == frame_index:
        keys = [tap or key for tap, key in zip(state.tapped.keys, keys, strict=True)]
    cue = state.cues.at(frame_index)
    owner, rests = owners(
        state.values,
        state.keyboard,
        keys,
        state.playing,
        state.tempo,
        frame_index,
        is_ending=cue is not None and cue.name == "end",
    )
    if cue is not None:
        owner, rests = who_plays(cue, owner, rests)
    frame = np.zeros((N_VOICES, N_COLUMNS), np.uint8)
    for voice, key in zip(Voice, keys, strict=True):
        if owner[voice] == PLAYER and key is not None:
            frame[voice] = key.note, min(key.volume, VOLUME_MAX[voice]), state.notation.timbres[voice]
    performer = Performer(tuple((owner == PLAYER).tolist()), state.keyboard.pitches())
    return Part(owner, rests, frame, performer)


def replay(step: Step, part: Part, timeline: Timeline, context: Context) -> Step:
    """Return a frame that stands, with the player's part as it was really played.

    If a voice has passed from the model to the player, the model's note sounded on until the player's first key.
    """
    was = step.planned
    played, heard, owner, offset = was.frame.copy(), step.heard.copy(), was.owner.copy(), was.onset_offset.copy()
    for voice in range(N_VOICES):
        is_taken = part.frame[voice, Column.NOTE] > 0 or _owner_before(timeline, voice) == PLAYER
        if was.owner[voice] == PLAYER or (part.owner[voice] == PLAYER and is_taken):
            played[voice] = heard[voice] = part.frame[voice]
            owner[voice], offset[voice] = part.owner[voice], 0.0
    planned = replace(was, frame=played, owner=owner, onset_offset=offset)
    return replace(step, planned=planned, heard=heard, context=context)


def _owner_before(timeline: Timeline, voice: int) -> int:
    return int(timeline.steps[-1].planned.owner[voice]) if timeline.steps else OFF


def next_context(state: State, timeline: Timeline, performer: Performer) -> Context:
    """Return what the engine knows before the frame that comes next, and is told of who plays in it."""
    return timeline.next_context(seed=state.seed, told=_told(state, timeline.end, performer))


def _told(state: State, frame_index: int, performer: Performer) -> Conditions:
    """Return what the engine is told for a frame, as it hears the frame before."""
    return Conditions(
        beat=beat_before(state, frame_index),
        memory=float(state.values["memory"]),
        plan=_echo_lag(state, frame_index),
        performer=performer,
        bar=_bar_before(state, frame_index),
        knobs=knobs_of(state.values),
        is_led=state.values["chord_from"] == "model",
    )


def arrive(state: State, place: Place) -> Place:
    """Return the place at which the song goes on in the next frame, with the engine told the present beat."""
    told = _told(state, state.timeline.end, place.context.told.performer)
    return place.told(told) if is_moved(place.context.told.beat, told.beat) else place


def _echo_lag(state: State, frame_index: int) -> int:
    return echo_lag(state.values, state.playing, state.tempo, frame_index)


def beat_before(state: State, frame_index: int) -> Beat | None:
    """Return the beat that the engine is told for a frame, with its phase in the frame before."""
    beat = Groove.of(state.tempo, state.values).beat_at(frame_index)
    return None if beat is None else beat.after(-1)


def _bar_before(state: State, frame_index: int) -> Beat | None:
    """Return the bar as a slow beat with its phase in the frame before; a part of a long bar; None if unknown."""
    if state.tempo.source == "none":
        return None
    n_beats = float(state.values["beats_a_bar"])
    while n_beats * state.tempo.period_frames > _LONGEST_BAR_FRAMES:
        n_beats /= 2.0
    return Beat(n_beats * state.tempo.period_frames, state.tempo.beats_at(frame_index - 1) / n_beats % 1.0)


def is_moved(told: Beat | None, beat: Beat | None) -> bool:
    """Tell whether a beat has moved so far that what was planned on it must be planned anew."""
    if told is None or beat is None:
        return told is not beat
    drift = (beat.phase - told.phase + 0.5) % 1.0 - 0.5
    is_late = abs(drift) * beat.period_frames > _DRIFT_FRAMES
    return is_late or abs(beat.period_frames - told.period_frames) > _DRIFT * told.period_frames


def plan(
    state: State,
    timeline: Timeline,
    part: Part,
    context: Context,
    asked: Asked,
    early: Step | None,
    reach: Sequence[Reach],
) -> Step:
    """Return the frame that comes next with the model's voices drawn, or taken from the loop that is held.

    `asked` is what the controls in force ask for. `early` is the same frame as it was planned before: a voice whose
    onset is early in it is kept, since the onset may sound already. `reach` has the two frames before and this one.
    """
    frame_index, is_running, cue = timeline.end, state.runs_at(timeline.end), state.cues.at(timeline.end)
    frame, offsets, is_drawn = part.frame, NO_OFFSET, (part.owner == MODEL) | part.rests
    waiting, chord = SILENCE, None
    if is_running and cue is not None and cue.name == "end":
        chord = chord_at(cue, frame_index, state.bar_frames)
        before = timeline.steps[-1].heard if timeline.steps else SILENCE
        last, is_set = settled(cue, frame_index, chord, before, is_drawn & _has_voice(context))
        frame, is_drawn = np.where(is_set[:, None], last, frame), is_drawn & ~is_set
    elif is_running and cue is not None and cue.name == "fill" and (is_drawn & _has_voice(context))[Voice.NO]:
        frame, is_drawn = _filled(state, cue, timeline, frame, is_drawn, reach)
    if is_running and early is not None and (early.planned.onset_offset < 0.0).any():
        stands = (early.planned.onset_offset < 0.0) & (part.owner == MODEL) & (early.planned.owner == MODEL)
        frame, is_drawn = np.where(stands[:, None], early.planned.frame, frame), is_drawn & ~stands
        offsets = np.where(stands, early.planned.onset_offset, 0.0)
    if is_running and state.machine.loop is not None:
        frame = np.where(is_drawn[:, None], _over(state.machine.loop.at(frame_index), chord, is_drawn), frame)
    elif is_running:
        takes_turns = state.values["mode"] in TURNS  # which are short: what has long been silent enters in any case
        amount = 1.0 if takes_turns else float(state.values["arrangement"])
        is_performed = bool((part.owner == PLAYER).any())
        sampling = asked.beside if is_performed else asked.alone
        is_full = takes_turns or is_performed  # who plays wants the band
        sampling = arranged(sampling, context.form, amount, is_full=is_full)
        if _echo_lag(state, frame_index):
            sampling = replace(sampling, follow=tuple(_ECHO_NATS * is_player(state.values, voice) for voice in Voice))
        sampling = sampling if cue is None else cued(sampling, cue, frame_index)
        sampling = (
            _led(sampling, state, timeline, part, context)
            if chord is None
            else replace(sampling, scale=chord.pitch_classes)
        )
        if state.band_enters_at(frame_index):
            sampling = coming_in(sampling, context.form.rests)
        frame, waiting = _drawn(state, timeline, part, frame, is_drawn, sampling, context, reach, chord)
    played = np.where(part.rests[:, None], SILENCE, frame)
    if is_running:
        played = _balanced(state, timeline, part, played, cue)
    return Step(PlannedFrame(frame_index, played, part.owner, offsets), frame, context, is_running, waiting)


def _led(sampling: Sampling, state: State, timeline: Timeline, part: Part, context: Context) -> Sampling:
    """Return how the next frame is drawn under the chord that leads, if one does."""
    frame_index, keys = timeline.end, part.performer.keys
    triad = leading(state.values, state.walk, timeline.steps, keys, frame_index, context.chord)
    if triad is None:
        return sampling
    beat = state.tempo.beat_at(frame_index)
    before = timeline.steps[-1].heard if timeline.steps else SILENCE
    return led(
        sampling,
        triad,
        float(state.values["chord_pull"]),
        seed=state.seed,
        frame_index=frame_index,
        phase=None if beat is None else beat.phase,
        sounding=before[:, Column.NOTE].tolist(),
        keys=keys,
    )


def _balanced(
    state: State, timeline: Timeline, part: Part, frame: NDArray[np.uint8], cue: Cue | None
) -> NDArray[np.uint8]:
    """Return a frame as loud as it sounds: beside the performer, and under a cue."""
    gain = followed_gain(timeline, timeline.end, float(state.values["follow"]))
    gains = [gain] * N_VOICES if cue is None else (gain * cue_gains(cue, timeline.end)).tolist()
    return frame if gains == [1.0] * N_VOICES else scaled(frame, gains, part.owner)


def _filled(
    state: State,
    cue: Cue,
    timeline: Timeline,
    frame: NDArray[np.uint8],
    is_drawn: NDArray[np.bool_],
    reach: Sequence[Reach],
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return a frame with the hit that a drum fill has there, and which voices are left to be drawn."""
    heard = [step.heard for step in timeline.steps[-MEMORY_FRAMES - 1 :]]
    hit = fill_hit(cue, timeline.end, state.tempo, state.seed, heard[-1] if heard else SILENCE)
    if hit is None or barred(heard, reach)[Voice.NO]:
        return frame, is_drawn
    is_drums = np.arange(N_VOICES) == Voice.NO
    return np.where(is_drums[:, None], hit, frame), is_drawn & ~is_drums


def _has_voice(context: Context) -> NDArray[np.bool_]:
    """Return which voices the model has that plays, bool (4,)."""
    return np.array([voice in context.engine.info.voices for voice in Voice])


def _over(frame: NDArray[np.uint8], chord: Chord | None, is_drawn: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a frame with what the model plays in it over the chord of an ending, if there is one."""
    return frame if chord is None else in_chord(frame, chord, is_drawn)


def _drawn(
    state: State,
    timeline: Timeline,
    part: Part,
    frame: NDArray[np.uint8],
    is_drawn: NDArray[np.bool_],
    sampling: Sampling,
    context: Context,
    reach: Sequence[Reach],
    chord: Chord | None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a frame with the model's voices drawn, and the notes that wait for a later frame.

    A voice whose attack would be heard off the grid holds its note instead. It plays the new note in the next open
    frame, unless it attacks there anyway. The other voices are drawn again, given that this one holds or plays it.
    """

    def draw() -> NDArray[np.uint8]:
        sample = context.distribution.sample(frame, ~is_drawn, sampling, seed=state.seed, frame_index=timeline.end)
        return _over(sample, chord, is_drawn)

    drawn = draw()
    if not timeline.steps:
        return drawn, SILENCE
    last, is_model_s = timeline.steps[-1], is_drawn & (part.owner == MODEL)
    is_barred = is_model_s & barred([step.heard for step in timeline.steps[-MEMORY_FRAMES - 1 :]], reach)
    before = last.heard * (last.planned.owner == MODEL)[:, None]
    is_attack = attacks(before, drawn)
    if last.waiting is SILENCE and not (is_barred & is_attack).any():
        return drawn, SILENCE
    is_barred &= [_is_strict(state, timeline.end, voice) for voice in range(N_VOICES)]
    waiting = np.where(is_model_s[:, None], last.waiting, SILENCE)
    while True:
        is_attack = is_drawn & is_attack
        is_held, is_due = is_attack & is_barred, is_drawn & ~is_attack & ~is_barred & (waiting[:, Column.NOTE] > 0)
        if not is_held.any() and not is_due.any():
            break
        frame = np.where(is_held[:, None], before, np.where(is_due[:, None], waiting, frame))
        waiting = np.where(is_held[:, None], drawn, waiting)
        is_drawn = is_drawn & ~is_held & ~is_due
        drawn = draw()
        is_attack = attacks(before, drawn)
    waiting = np.where(is_barred[:, None], waiting, SILENCE)
    return drawn, waiting if waiting.any() else SILENCE


def _is_strict(state: State, frame_index: int, voice: int) -> bool:
    """Tell whether a voice keeps to the grid in a frame: `tightness` is the probability that it does."""
    number = uniform(seed_bits(state.seed), frame_index, voice, _STRICT)
    return bool(number < float(state.values["tightness"]))


def groove_of(state: State, timeline: Timeline) -> Groove:
    """Return how planned frames lie on the beat, with the grid that fits what was played before."""
    groove, at = Groove.of(state.tempo, state.values), max(state.horizon - timeline.start, 0)
    if not groove.middle:
        return groove
    heard = timeline.steps[max(at - LISTEN_FRAMES, 0) : at]
    owner = np.array([step.planned.owner for step in heard]) if heard and state.keyboard.n_pressed else None
    return groove.fitted(_frames_of(heard), state.horizon, owner)


def timed(state: State, timeline: Timeline, groove: Groove, reach: Sequence[Reach]) -> Timeline:
    """Return the timeline with the onsets of all frames that may still change moved to the present beat.

    `reach` has the timeline's last frames: all that may change, and `MEMORY_FRAMES` + 1 before them.
    """
    at = max(state.horizon - timeline.start, 0)
    before = timeline.steps[max(at - MEMORY_FRAMES - 1, 0) : at]
    planned = [step.planned for step in timeline.steps[at:]]
    heard_offset = before[-1].planned.onset_offset if before else NO_OFFSET
    within = reach[len(reach) - len(before) - len(planned) :]
    offsets = groove.offsets(_frames_of(before), heard_offset, planned, within)
    steps = list(timeline.steps)
    for i, each in enumerate(planned):
        if offsets[i].tolist() != each.onset_offset.tolist():
            steps[at + i] = replace(steps[at + i], planned=replace(each, onset_offset=offsets[i]))
    return replace(timeline, steps=tuple(steps))


def _frames_of(steps: Sequence[Step]) -> NDArray[np.uint8]:
    each = b"".join([step.planned.frame.tobytes() for step in steps])  # an array of arrays takes twice as long
    return np.frombuffer(each, np.uint8).reshape(-1, N_VOICES, N_COLUMNS)


def is_retimed(before: Timeline, planned: PlannedFrame) -> bool:
    """Tell whether an onset of a frame sounds at another time than in the timeline before."""
    was = before.at(planned.frame_index).planned.onset_offset
    return was is not planned.onset_offset and was.tolist() != planned.onset_offset.tolist()
