"""The Transformer as an engine: it hears frames as words of TX1, and draws the words that come in the next frame.

A frame in which voices act is a wait and a word for each of them. The network hears these at the time within the frame
where it most expects them; so a rhythm that frames have rounded is steady for it. A frame in which no voice acts is no
word: the wait goes on. Words are drawn in the same form, so what was drawn is what is heard, and is not computed again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat
from livegen.engines.lstm.draws import attack
from livegen.engines.lstm.features import next_buckets
from livegen.engines.lstm.kernels import N_CLASSES, NOTE_CLASS
from livegen.engines.lstm.lstm import shape_of
from livegen.engines.protocol import NOBODY, NONE_LATER, UNCONDITIONED, Conditions, Info, Performer, Sampling
from livegen.engines.sampling import seed_bits
from livegen.engines.transformer import touch
from livegen.engines.transformer.config import TransformerConfig
from livegen.engines.transformer.draws import FRAME, LONGEST_WAIT, change_logits, draw_voice
from livegen.engines.transformer.group import Group
from livegen.engines.transformer.network import Network, Node
from livegen.engines.transformer.spelling import Spelling, is_before_song
from livegen.engines.transformer.words import FIRST_OWN, FIRST_WAIT, LOWEST, N_OWN, N_WAITS
from livegen.score import N_VOICES, NOTE_RANGE, PITCHED, SILENCE, Column, Voice, is_onset

_N_RECENT: Final = 8
"""Last notes of a voice that count as played lately where it draws."""

_MOST_AGE: Final = 255
_LAST_WAIT: Final = FIRST_WAIT + N_WAITS - 1

_BESIDE_NATS: Final = {1: -2.0, 2: -1.0, 6: -1.2, 10: -1.0, 11: -2.0}
"""What is added, at a `harmony` of 1, to the logits of notes so many semitones over one that a performer plays, and
taken from those of staying on them.

With the melodies of six valid songs at the default harmony, P2 and TR clashed in .06 and .07 of the time; with less of
it, -1.5 for semitones and -.5 for whole tones, they did in .14 and .13."""


@dataclass(frozen=True, slots=True, eq=False)
class TransformerState:
    """What the engine remembers.

    Attributes
    ----------
    node : Node
        The words that it has heard.
    elapsed : int
        Half samples from the last of them to the beginning of the next frame.
    heard : ndarray of uint8, shape (4, 3)
        The last frame.
    ages : tuple of int
        By voice, how many frames before that it attacked.
    recent : ndarray of uint8, shape (4, 8)
        The last notes of each voice, the latest first.
    performed : tuple of bool
        Which voices are a performer's in the next frame: what they do comes first in it.
    """

    node: Node
    elapsed: int
    heard: NDArray[np.uint8]
    ages: tuple[int, ...]
    recent: NDArray[np.uint8]
    performed: tuple[bool, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TransformerDistribution:
    """The next frame as the Transformer expects it."""

    network: Network
    state: TransformerState
    beat: Beat | None  # with its phase in the frame before
    performer: Performer

    def sample(
        self,
        forced: NDArray[np.uint8],
        is_forced: NDArray[np.bool_],
        sampling: Sampling,
        *,
        seed: int,
        frame_index: int,
        is_later: NDArray[np.bool_] = NONE_LATER,
    ) -> NDArray[np.uint8]:
        """Draw a frame; see `livegen.engines.protocol.Distribution`."""
        frame = np.where(is_forced[:, None], forced, SILENCE)
        if (is_forced | is_later).all():
            return frame
        state, bits = self.state, seed_bits(seed)
        on_grid = float(attack(next_buckets(self.beat)[0], sampling.grid, sampling.between))
        beside = self._beside(frame, is_forced, sampling.harmony)
        shape = shape_of(replace(sampling, leave_note=self._leaving(beside, sampling.leave_note)))
        voices = [voice for voice in Voice if not (is_forced[voice] or is_later[voice])]
        for voice in voices:
            frame[voice] = self._row(voice, int(state.heard[voice, Column.NOTE]), is_again=False)
        group = self._group(frame, is_forced)
        if not group.may_act(on_grid, shape, bits, frame_index):
            return frame

        def ask(voice: Voice, chance: float, logits: NDArray[np.float32], number: float) -> tuple[int | None, float]:
            before, recent = int(state.heard[voice, Column.NOTE]), state.recent[voice]
            note, is_again, left = draw_voice(
                int(voice), before, logits, chance, recent, beside, on_grid, shape, number
            )
            row = self._row(voice, note, is_again=is_again)
            event = event_of(voice, state.heard[voice], row)
            if event is not None:
                frame[voice] = row
            return event, left

        group.draw(voices, ask, bits, frame_index)
        return frame

    def _row(self, voice: Voice, note: int, *, is_again: bool) -> NDArray[np.uint8]:
        """Return note, volume and timbre of a voice that plays a note, 0 for none."""
        state = self.state
        return np.array(touch.row(voice, note, state.heard[voice], state.ages[voice], is_again=is_again), np.uint8)

    def _group(self, frame: NDArray[np.uint8], is_forced: NDArray[np.bool_]) -> Group:
        """Return what comes in the next frame, with the settled voices in it."""
        state = self.state
        events = {voice: event_of(voice, state.heard[voice], frame[voice]) for voice in Voice if is_forced[voice]}
        known = {voice: event for voice, event in events.items() if event is not None}
        return Group(self.network, state.node, state.elapsed, state.heard, known, events.keys() - known.keys())

    def _beside(self, frame: NDArray[np.uint8], is_forced: NDArray[np.bool_], harmony: float) -> NDArray[np.float32]:
        """Return what is added to the logits of notes by their pitch classes, beside what a performer plays."""
        theirs = [voice for voice in PITCHED if self.performer.voices[voice] and is_forced[voice]]
        notes = {int(frame[voice, Column.NOTE]) for voice in theirs if frame[voice, Column.NOTE] > 0}
        beside = np.zeros(12, np.float32)
        for note in notes | set(self.performer.keys):
            for semitones, nats in _BESIDE_NATS.items():
                beside[(note + semitones) % 12] += harmony * nats
        return beside

    def _leaving(self, beside: NDArray[np.float32], leave_note: tuple[float, ...]) -> tuple[float, ...]:
        """Return how much sooner voices leave their notes, where these are beside what a performer plays, too."""
        return tuple(
            own - float(beside[note % 12]) if voice in PITCHED and note > 0 else own
            for voice, note, own in zip(Voice, self.state.heard[:, Column.NOTE].tolist(), leave_note, strict=True)
        )

    def note_log_probs(
        self, voice: Voice, frame: NDArray[np.uint8], is_known: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return a voice's log-probabilities by note; see `livegen.engines.protocol.Distribution`."""
        group = self._group(frame, is_known & (np.arange(N_VOICES) != voice))
        scores = np.empty(N_CLASSES, np.float32)
        chance, logits = group.chance(voice)
        change_logits(int(voice), int(self.state.heard[voice, Column.NOTE]), logits, chance, scores)
        exact = scores.astype(np.float64)
        exact -= exact.max()
        exact -= np.log(np.exp(exact).sum())
        return exact[NOTE_CLASS[voice]].astype(np.float32)

    def log_prob(self, frame: NDArray[np.uint8]) -> float:
        """Return the log-probability of what voices do in a frame; see `livegen.engines.protocol.Scores`."""
        state, group = self.state, self._group(frame, ~NONE_LATER)
        words = group.settled_words()
        if not words:
            return float(np.log1p(-group.happens))
        found, _ = self.network.log_probs(state.node, words)
        return float(found.sum()) if is_before_song(state.node) else float(np.log(group.happens) + found[1:].sum())

    def match_lengths(self, frame: NDArray[np.uint8]) -> tuple[int, ...]:
        """Return zeros: what it copies from is words, and not frames."""
        return (0,) * N_VOICES


@dataclass(frozen=True, eq=False)
class TransformerEngine:
    """The Transformer, ready to play; see `livegen.engines.protocol.Engine`. Safe to call from several threads."""

    name: str
    network: Network

    @classmethod
    def from_arrays(cls, name: str, config: TransformerConfig, arrays: Mapping[str, NDArray]) -> Self:
        """Build it from arrays that are named and shaped as ``config.shapes()`` says."""
        return cls(name, Network.from_arrays(config, arrays))

    @property
    def info(self) -> Info:
        """What it is: it plays moment by moment, and a frame holds one at most."""
        return Info("transformer", self.network.config.voices)

    def initial_state(self) -> TransformerState:
        """Return the state before a song."""
        recent = np.zeros((N_VOICES, _N_RECENT), np.uint8)
        return TransformerState(self.network.root, 0, SILENCE, (0,) * N_VOICES, recent, NOBODY.voices)

    def step(
        self, frame: NDArray[np.uint8], state: TransformerState, conditions: Conditions = UNCONDITIONED
    ) -> tuple[TransformerDistribution, TransformerState]:
        """Hear one frame, ``uint8 (4, 3)``, and return what may follow it, and the state after it."""
        each = {voice: event_of(voice, state.heard[voice], frame[voice]) for voice in Voice}
        events = {voice: event for voice, event in each.items() if event is not None}
        node, elapsed = state.node, state.elapsed + FRAME
        if events:
            spelling = Spelling(self.network, node, state.elapsed)
            spelling.act_all(event for voice, event in events.items() if state.performed[voice])
            spelling.act_all(event for voice, event in events.items() if not state.performed[voice])
            node, elapsed = spelling.node, spelling.elapsed
        elif elapsed > LONGEST_WAIT and not is_before_song(node):
            node, elapsed = self.network.after(node, (_LAST_WAIT,)), elapsed - LONGEST_WAIT
        recent = state.recent
        struck = [voice for voice in events if frame[voice, Column.NOTE] > 0]
        if struck:
            recent = recent.copy()
            recent[struck, 1:] = state.recent[struck, :-1]
            recent[struck, 0] = frame[struck, Column.NOTE]
        ages = tuple(0 if voice in struck else min(state.ages[voice] + 1, _MOST_AGE) for voice in Voice)
        frame = frame.copy()
        frame.flags.writeable = False
        after = TransformerState(node, elapsed, frame, ages, recent, conditions.performer.voices)
        return TransformerDistribution(self.network, after, conditions.beat, conditions.performer), after

    def warm_up(self) -> None:
        """Compile everything that playing will call."""
        nothing_known, state, frame = np.zeros(N_VOICES, np.bool_), self.initial_state(), SILENCE
        for index in range(3):
            distribution, state = self.step(frame, state)
            distribution.note_log_probs(Voice.P1, frame, nothing_known)
            distribution.sample(SILENCE, nothing_known, Sampling(), seed=0, frame_index=index)
            frame = np.array([(lowest + index, 9, 0) for lowest, _ in NOTE_RANGE.values()], np.uint8)


def event_of(voice: Voice, before: NDArray[np.uint8], now: NDArray[np.uint8]) -> int | None:
    """Return the word for what a voice does from one frame, (3,), to the next; None where it goes on as it was."""
    (was, was_volume, _), (note, volume, _) = before.tolist(), now.tolist()
    if is_onset(was, was_volume, note, volume):
        return word_of(voice, note)
    return word_of(voice, 0) if note == 0 and was > 0 else None


def word_of(voice: Voice, note: int) -> int:
    """Return the word with which a voice begins a note, the nearest one that there is, or ends its note for 0."""
    first, n = int(FIRST_OWN[voice]), int(N_OWN[voice])
    return first if note == 0 else first + min(max(note - int(LOWEST[voice]) + 1, 1), n - 1)
