"""Lessons: what a network is taught of a song, and endless lanes of shuffled and varied songs, cut into segments.

Every draw comes from a generator seeded with the run's seed, the epoch and, if they matter, the song and the place in
it. So what a run sees depends only on its seed and on how far it got: a resumed run goes on exactly.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat
from livegen.engines.lstm import ear
from livegen.engines.lstm.features import (
    N_CANDIDATES,
    N_HEARD,
    NO_BEAT,
    NO_PROPOSALS,
    beat_buckets,
    hear_each,
    hear_song,
)
from livegen.engines.lstm.memory import propose_song
from livegen.score import N_VOICES, PITCHED, SILENCE, Voice, onsets
from livegen.training.data.songs import Songs, allowed_shifts
from livegen.training.mishear import mishear
from livegen.training.perform import Performance, in_wrong_keys, modulated, moved_by, next_right, nobody, perform

_Any = TypeVar("_Any", bound=np.generic)

_UNSHIFTED_SHARE: Final = 0.25
"""Share of the songs that are not transposed."""

_SWAP_SHARE: Final = 0.1
"""Share of the songs in which P1 and P2 are exchanged."""

_MISHEARD_SHARE: Final = 0.5
_LOOSE_SHARE: Final = 0.5
"""Share of the songs that are heard with slips in them, and share of these that are also heard out of time. The latter
only if their beat is told."""

_STRETCHED_SHARE: Final = 0.5
_MOST_STRETCH: Final = 0.05
"""Share of the songs that are made slower or faster, and by what part of their length at most."""

_LEFT_OUT_SHARE: Final = 0.1
_BEAT_HIDDEN_SHARE: Final = 0.4
"""Share of the songs in which one voice is silenced, and share of those whose beat is not told."""

_PLANNED_SHARE: Final = 0.35
_FRAMES_A_REPEAT: Final = 400
_REPEAT_LAGS: Final = (40, 400)
_REPEAT_FRAMES: Final = (40, 240)
"""Share of the songs that are made to go back now and then, with a plan that tells so; mean number of frames between
two such places; fewest and most frames that they go back; fewest and most frames that the plan is given for."""

_MEMORY_HIDDEN_SHARE: Final = 0.15
_CANDIDATE_HIDDEN_SHARE: Final = 0.1
"""Share of the segments in which the whole motif memory is hidden, and in which a given candidate of it is hidden."""

_MADE_SHARE: Final = 0.6
"""How often a song is heard as a model made it, of which there is such a history."""


@dataclass(frozen=True)
class Lesson:
    """A song of N frames in the form that the network takes.

    Attributes
    ----------
    before, target : ndarray of uint8, shape (N, 4, 19)
        What was heard up to the frame before, and up to the frame itself; see `livegen.engines.lstm.features`.
    proposals : ndarray of uint8, shape (N, 4, 4, 6)
        What the memory proposes for each frame.
    beat : ndarray of uint8, shape (N, 2)
        Where each frame falls in the beat.
    harmony : ndarray of float32, shape (N, N_EAR, 12)
        What is heard of the harmony before each frame, `livegen.engines.lstm.ear`.
    performed : ndarray of uint8, shape (N,)
        Bits of the voices that are a performer's.
    weights : ndarray of float32, shape (N, 4)
        How much each voice of a frame counts; the performer's not at all, and what is not to be learnt.
    is_turn : ndarray of bool, shape (N, 4)
        Where a voice finds back from a wrong past.
    """

    before: NDArray[np.uint8]
    target: NDArray[np.uint8]
    proposals: NDArray[np.uint8]
    beat: NDArray[np.uint8]
    harmony: NDArray[np.float32]
    performed: NDArray[np.uint8]
    weights: NDArray[np.float32]
    is_turn: NDArray[np.bool_]


def lesson_of(
    frames: NDArray[np.uint8],
    misheard: NDArray[np.uint8] | None = None,
    beat: Beat | None = None,
    plans: NDArray[np.int64] | None = None,
    performance: Performance | None = None,
    is_turn: NDArray[np.bool_] | None = None,
    is_learnt: NDArray[np.bool_] | None = None,
) -> Lesson:
    """Return the lesson of a song, ``uint8 (N, 4, 3)``; if `misheard` is given, it is heard as that.

    `beat` has its phase in the first frame; `plans` are those of `livegen.engines.lstm.memory.propose_song`; `is_turn`,
    (N, 4), tells where a voice finds back from a wrong past, and `is_learnt`, (N, 4), what counts, None for everything.
    """
    frames = np.ascontiguousarray(frames)
    past = frames if misheard is None else misheard
    heard = np.empty((len(frames) + 1, N_VOICES, N_HEARD), np.uint8)
    hear_song(past, heard)
    target = heard[1:]
    if misheard is not None:
        target = np.empty_like(heard[1:])
        hear_each(frames, heard[:-1], target)
    buckets = beat_buckets(beat and beat.after(-1), len(frames))
    who = performance or nobody(len(frames))
    harmony = np.empty((len(frames), ear.N_EAR, ear.N_PITCH_CLASSES), np.float32)
    ear.listen_song(np.ascontiguousarray(past), who.performed, who.keys, who.bass, harmony)
    weights = np.ones((len(frames), N_VOICES), np.float32)
    weights[(who.performed[:, None] >> np.arange(N_VOICES)) & 1 == 1] = 0.0
    if is_learnt is not None:
        weights[~is_learnt] = 0.0
    turns = np.zeros(weights.shape, np.bool_) if is_turn is None else is_turn & (weights > 0)
    return Lesson(heard[:-1], target, propose_song(past, plans)[:-1], buckets, harmony, who.performed, weights, turns)


@dataclass
class _Lane:
    """One row of the batch: a song, varied for this epoch, and the place in it."""

    epoch: int
    song: int
    place: int
    lesson: Lesson


@dataclass(frozen=True)
class Segment:
    """A batch of consecutive frames.

    Attributes
    ----------
    before, target : ndarray of uint8, shape (T, B, 4, 19)
        What was heard up to the frame before, and up to the frame itself.
    proposals : ndarray of uint8, shape (T, B, 4, 4, 6)
        What the memory proposes for each frame.
    beat : ndarray of uint8, shape (T, B, 2)
        Where each frame falls in the beat.
    harmony : ndarray of float32, shape (T, B, N_EAR, 12)
        What is heard of the harmony before each frame.
    performed : ndarray of uint8, shape (T, B)
        Bits of the voices that are a performer's.
    weights : ndarray of float32, shape (T, B, 4)
        How much each voice of a frame counts.
    is_turn : ndarray of bool, shape (T, B, 4)
        Where a voice finds back from a wrong past.
    is_start : ndarray of bool, shape (B,)
        Lanes in which a song begins with this segment: they start from a new state.
    n_frames : ndarray of int64, shape (B,)
        Number of frames that count in each lane; after the end of a song the lane is padded.
    """

    before: NDArray[np.uint8]
    target: NDArray[np.uint8]
    proposals: NDArray[np.uint8]
    beat: NDArray[np.uint8]
    harmony: NDArray[np.float32]
    performed: NDArray[np.uint8]
    weights: NDArray[np.float32]
    is_turn: NDArray[np.bool_]
    is_start: NDArray[np.bool_]
    n_frames: NDArray[np.int64]


def _empty_segment(n_lanes: int, n_frames: int) -> Segment:
    shape = (n_frames, n_lanes)
    return Segment(
        np.zeros((*shape, N_VOICES, N_HEARD), np.uint8),
        np.zeros((*shape, N_VOICES, N_HEARD), np.uint8),
        np.tile(NO_PROPOSALS, (*shape, 1, 1, 1)),
        np.tile(NO_BEAT, (*shape, 1)),
        np.zeros((*shape, ear.N_EAR, ear.N_PITCH_CLASSES), np.float32),
        np.zeros(shape, np.uint8),
        np.ones((*shape, N_VOICES), np.float32),
        np.zeros((*shape, N_VOICES), np.bool_),
        np.zeros(n_lanes, np.bool_),
        np.zeros(n_lanes, np.int64),
    )


def _fill(segment: Segment, lane: int, place: int, lesson: Lesson, is_hidden: NDArray[np.bool_]) -> None:
    """Put a song, from a place in it, into a lane of an empty segment, without the candidates that are hidden."""
    n = max(min(len(lesson.target) - place, len(segment.target)), 0)
    segment.before[:n, lane] = lesson.before[place : place + n]
    segment.target[:n, lane] = lesson.target[place : place + n]
    for i in np.flatnonzero(~is_hidden):
        segment.proposals[:n, lane, :, i] = lesson.proposals[place : place + n, :, i]
    segment.beat[:n, lane] = lesson.beat[place : place + n]
    segment.harmony[:n, lane] = lesson.harmony[place : place + n]
    segment.performed[:n, lane] = lesson.performed[place : place + n]
    segment.weights[:n, lane] = lesson.weights[place : place + n]
    segment.is_turn[:n, lane] = lesson.is_turn[place : place + n]
    segment.is_start[lane] = place == 0
    segment.n_frames[lane] = n


@dataclass
class Lanes:
    """Endless segments of shuffled songs; a song goes on in the same lane, segment after segment.

    Several processes take the songs in turn, so that together they use every song once an epoch.
    """

    songs: Songs
    n_lanes: int
    n_frames: int
    seed: int
    rank: int = 0
    n_ranks: int = 1
    taken: int = 0
    _lanes: list[_Lane] = field(default_factory=list)

    def position(self) -> list[list[int]]:
        """Return where the lanes are, as numbers that `resume_at` takes."""
        return [[self.taken, 0, 0], *([lane.epoch, lane.song, lane.place] for lane in self._lanes)]

    def resume_at(self, position: list[list[int]]) -> None:
        """Go to a place that `position` has returned, for lanes over the same songs with the same seed and sizes."""
        self.taken = position[0][0]
        self._lanes = [_Lane(epoch, song, place, self._varied(epoch, song)) for epoch, song, place in position[1:]]

    def next_segment(self) -> Segment:
        """Return the next segment of every lane."""
        while len(self._lanes) < self.n_lanes:
            self._lanes.append(self._new_lane())
        segment = _empty_segment(self.n_lanes, self.n_frames)
        for i, lane in enumerate(self._lanes):
            if lane.place >= len(lane.lesson.target):
                self._lanes[i] = lane = self._new_lane()
            _fill(segment, i, lane.place, lane.lesson, self._hidden(lane))
            lane.place += self.n_frames
        return segment

    def _new_lane(self) -> _Lane:
        epoch, place = divmod(self.taken * self.n_ranks + self.rank, len(self.songs))
        song = int(np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.songs))[place])
        self.taken += 1
        return _Lane(epoch, song, 0, self._varied(epoch, song))

    def _hidden(self, lane: _Lane) -> NDArray[np.bool_]:
        """Tell which candidates of the memory are hidden in the segment that begins at the lane's place."""
        generator = np.random.default_rng([self.seed, 2, lane.epoch, lane.song, lane.place])
        is_all = generator.random() < _MEMORY_HIDDEN_SHARE
        return is_all | (generator.random(N_CANDIDATES) < _CANDIDATE_HIDDEN_SHARE)

    def _varied(self, epoch: int, song: int) -> Lesson:
        """Return the lesson of a song, varied at random for this epoch."""
        generator = np.random.default_rng([self.seed, 1, epoch, song])
        shift = int(generator.integers(self.songs.lowest_shift[song], self.songs.highest_shift[song] + 1))
        shift = 0 if generator.random() < _UNSHIFTED_SHARE else shift
        frames, beat, voices = transposed(self.songs.song(song), shift), self.songs.beats[song], self.songs.voices
        of_jam = self.songs.learnt(song)
        is_learnt = np.ones(frames.shape[:2], np.bool_) if of_jam is None else of_jam
        made, is_own, given = None, np.zeros(len(frames), np.bool_), None
        if self.songs.made is not None and self.songs.made.performed[song] >= 0 and generator.random() < _MADE_SHARE:
            own = slice(self.songs.offsets[song], self.songs.offsets[song + 1])
            made, is_own = moved_by(self.songs.made.frames[own], PITCHED, shift), self.songs.made.is_own[own]
            given = Voice(int(self.songs.made.performed[song]))
        if generator.random() < _SWAP_SHARE and made is None and {Voice.P1, Voice.P2} <= set(voices):
            swapped = [Voice.P2, Voice.P1, Voice.TR, Voice.NO]
            frames, is_learnt = frames[:, swapped], is_learnt[:, swapped]
        if generator.random() < _STRETCHED_SHARE:
            factor = 1.0 + generator.uniform(-_MOST_STRETCH, _MOST_STRETCH)
            frames, is_own = stretched(frames, factor), stretched(is_own, factor)
            is_learnt = stretched(is_learnt, factor)
            made = made if made is None else stretched(made, factor)
            beat = beat and Beat(beat.period_frames * factor, beat.phase)
        if generator.random() < _LEFT_OUT_SHARE and made is None and of_jam is None and len(voices) > 1:
            frames[:, voices[generator.integers(len(voices))]] = SILENCE[0]
        if generator.random() < _BEAT_HIDDEN_SHARE:
            beat = None
        plans = None
        if generator.random() < _PLANNED_SHARE:
            at, plans = repeated(frames, generator, beat)
            frames, is_own, is_learnt = frames[at], is_own[at], is_learnt[at]
            made = made if made is None else made[at]
        key_from, key = 0, 0
        if made is None:
            frames, key_from, key = modulated(frames, generator, *allowed_shifts(frames))
        if of_jam is None:
            frames, who = perform(frames, generator, voices, beat, given)
        else:  # who performs in a jam is whom it is to learn from
            who = nobody(len(frames))
        heard = frames if made is None else made
        if generator.random() < _MISHEARD_SHARE:
            is_loose = beat is not None and generator.random() < _LOOSE_SHARE
            heard = mishear(heard, generator, is_loose=is_loose)
        if not who.voices:
            return lesson_of(frames, None if heard is frames else heard, beat, plans, is_learnt=is_learnt)
        heard = np.where(np.isin(np.arange(N_VOICES), who.voices)[:, None], frames, heard)
        others = tuple(voice for voice in voices if voice not in (*who.voices, Voice.NO))
        is_wrong = np.zeros(heard.shape[:2], np.bool_)
        if made is not None:
            is_wrong |= is_own[:, None] & np.isin(np.arange(N_VOICES), others)
        elif others:
            is_wrong = in_wrong_keys(heard, generator, others, key_from, key)
        targets, is_turn = next_right(frames, heard, is_wrong, who, generator)
        return lesson_of(targets, heard, beat, plans, who, is_turn)


def repeated(
    frames: NDArray[np.uint8], generator: np.random.Generator, beat: Beat | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how a song goes back to an earlier place now and then and plays on from there, with the plans for it.

    The places that it leaves and goes back to are onsets. If `beat` is given, they are whole beats apart.

    Parameters
    ----------
    frames : ndarray of uint8, shape (N, 4, 3)

    Returns
    -------
    ndarray of int64, shape (M,)
        The frames that are played.
    ndarray of int64, shape (M,)
        The lag that each frame is planned to follow, or 0 without a plan.
    """
    at, order = np.flatnonzero(onsets(frames).any(1)), np.arange(len(frames))
    parts, plans, done = [], [], 0
    for _ in range(generator.poisson(len(frames) / _FRAMES_A_REPEAT)):
        places = at[at > done + _REPEAT_LAGS[0]]
        if not len(places):
            break
        place = int(generator.choice(places))
        lags = place - at[(at >= done) & (at <= place - _REPEAT_LAGS[0]) & (at >= place - _REPEAT_LAGS[1])]
        if beat:
            beats = np.round(lags / beat.period_frames)
            lags = lags[np.abs(lags - beats * beat.period_frames) < 1.0]
        if not len(lags):
            continue
        lag = int(generator.choice(lags))
        told = min(int(generator.integers(*_REPEAT_FRAMES)), lag)
        parts += [order[done:place], order[place - lag : place - lag + told]]
        plans += [np.zeros(place - done, np.int64), np.full(told, lag, np.int64)]
        done = place - lag + told
    parts.append(order[done:])
    plans.append(np.zeros(len(frames) - done, np.int64))
    return np.concatenate(parts), np.concatenate(plans)


def transposed(frames: NDArray[np.uint8], shift: int) -> NDArray[np.uint8]:
    """Return a copy of a song, ``uint8 (N, 4, 3)``, with the notes of P1, P2 and TR moved by `shift` semitones."""
    frames = frames.copy()
    notes = frames[:, : Voice.NO, 0]
    notes[notes > 0] += np.uint8(shift % 256)  # uint8 wraps round, so this also adds a negative shift
    return frames


def stretched(frames: NDArray[_Any], factor: float) -> NDArray[_Any]:
    """Return a song, or anything of its N > 0 frames, that takes `factor` times as long."""
    n = max(round(len(frames) * factor), 1)
    return frames[np.minimum((np.arange(n) / factor).astype(np.int64), len(frames) - 1)]


def in_order(
    songs: Songs, n_lanes: int, n_frames: int, *, has_beat: bool = False, has_memory: bool = True
) -> Iterator[Segment]:
    """Yield every frame of a split once, unvaried: songs of similar length side by side, each from its start."""
    is_hidden = np.full(N_CANDIDATES, not has_memory)
    by_length = np.argsort(-np.diff(songs.offsets), kind="stable")
    for first in range(0, len(songs), n_lanes):
        chosen = [int(i) for i in by_length[first : first + n_lanes]]
        group = [
            lesson_of(songs.song(i), beat=songs.beats[i] if has_beat else None, is_learnt=songs.learnt(i))
            for i in chosen
        ]
        for place in range(0, len(group[0].target), n_frames):
            segment = _empty_segment(len(group), n_frames)
            for lane, lesson in enumerate(group):
                _fill(segment, lane, place, lesson, is_hidden)
            yield segment
