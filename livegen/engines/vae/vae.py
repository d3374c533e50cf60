"""The VAE at play: a window of two bars from a place among its latents, decoded frame by frame with what is heard.

A state says what was heard and on which steps, as a chain of values; the decoder's state follows from that, the place
and the seed. The seed is told where a frame is drawn, not where one is heard. So the decoder's state is computed where
it is needed, and kept in a small cache by all that it depends on: playing on is one step of the network, and going back
computes at most a window anew, to the same bits.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat
from livegen.engines.cache import Cache
from livegen.engines.lstm.draws import attack
from livegen.engines.lstm.features import next_buckets
from livegen.engines.lstm.kernels import N_CLASSES, NOTE_CLASS
from livegen.engines.lstm.lstm import shape_of
from livegen.engines.protocol import NONE_LATER, UNCONDITIONED, Conditions, Info, Sampling
from livegen.engines.sampling import seed_bits
from livegen.engines.steps import N_STEPS
from livegen.engines.vae import kernels, rows
from livegen.engines.vae.attributes import latents_of, measure
from livegen.engines.vae.config import N_POINTERS, VaeConfig
from livegen.engines.vae.grid import Grid
from livegen.engines.vae.place import Knobs, place_of
from livegen.engines.vae.weights import Weights, fold
from livegen.score import N_COLUMNS, N_VOICES, SILENCE, Column, Voice

_KEPT_PLANS: Final = 32
_KEPT_STATES: Final = 4096
"""Plans and decoder states that are kept: of a window 180 KB, of a step 1.3 KB."""

_LARGEST: Final = np.array([rows.N_NOTES - 1, rows.N_VOLUMES - 1, rows.N_TIMBRES - 1], np.uint8)
_NO_SONG: Final = np.zeros((N_STEPS, N_VOICES, N_COLUMNS), np.uint8)


class Plan(NamedTuple):
    """What the conductor makes of a place."""

    state: NDArray[np.float32]  # (n_state,)
    plan: NDArray[np.float32]  # (96, n_plan)
    gates: NDArray[np.float32]  # (96, 3 n_state)


@dataclass(frozen=True, slots=True)
class Where:
    """All that the latents of a window depend on, besides the seed."""

    window: int = 0
    knobs: Knobs = field(default_factory=Knobs)
    heard: bytes = b""  # what was just played, encoded, float32; empty where nobody follows it


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """A step of the decoder: what it heard, where, and the step before it in the window; the first one has none."""

    where: Where
    place: int
    last: bytes  # (4, 3)
    bar: bytes  # (4,)
    before: "Link | None"
    key: bytes

    @classmethod
    def after(cls, before: "Link | None", where: Where, place: int, last: bytes, bar: bytes) -> Self:
        """Return the step with a key that no other chain of steps has."""
        digest = hashlib.blake2b(before.key if before else b"", digest_size=16)
        digest.update(repr(where).encode() + bytes([place]) + last + bar)
        return cls(where, place, last, bar, before, digest.digest())


@dataclass(frozen=True, slots=True, eq=False)
class VaeState:
    """What the VAE remembers. `song` are the last 96 steps as they were heard, the latest last."""

    grid: Grid
    where: Where
    song: NDArray[np.uint8]  # (96, 4, 3), read-only
    link: Link | None  # the step that the last frame played
    n_new: int  # steps that the last frame has gone on: 0 where it went on with the step before


@dataclass(frozen=True, slots=True, eq=False)
class VaeDistribution:
    """The next frame as the VAE expects it. Nothing is computed before a voice is drawn or asked for."""

    engine: "VaeEngine"
    links: tuple[Link, ...]  # the steps that the frame covers: none where the step before goes on, or the last two
    song: NDArray[np.uint8]
    beat: Beat | None  # with its phase in the frame before

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
        """Draw a frame; see `livegen.engines.protocol.Distribution`.

        A frame that covers two steps takes a voice's change from the first of them that has one.
        """
        held = self.song[-1].copy()
        held[is_forced] = forced[is_forced]
        if not self.links:
            return held
        shape = shape_of(sampling)
        on_grid = float(attack(next_buckets(self.beat)[0], sampling.grid, sampling.between))
        recent = np.ascontiguousarray(self.song[..., Column.NOTE])
        drawn, later = held, is_later.copy()  # Numba compiles anew for a read-only array
        for place, link in enumerate(self.links):
            frame, known = np.minimum(held, _LARGEST), is_forced | self.engine.is_absent
            last, bar = link_arrays(link)
            kernels.draw_step(
                frame,
                known,
                later,
                last,
                bar,
                True,
                recent,
                self.engine.units(link, seed),
                self.engine.weights.decoder,
                on_grid,
                shape,
                seed_bits(seed),
                2 * frame_index + place,
            )
            if place > 0:
                is_settled = drawn[:, Column.NOTE] != last[:, Column.NOTE]
                frame = np.where(is_settled[:, None], drawn, frame)
            drawn = frame
        drawn[is_forced] = forced[is_forced]
        return drawn

    def note_log_probs(
        self, voice: Voice, frame: NDArray[np.uint8], is_known: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return a voice's log-probabilities by note, at the place that seed 0 draws."""
        found = np.full(rows.N_NOTES, -np.inf, np.float32)
        if self.engine.is_absent[voice] or not self.links:
            found[0 if self.engine.is_absent[voice] else self.song[-1, voice, Column.NOTE]] = 0.0
            return found
        decoder = self.engine.weights.decoder
        last, bar = link_arrays(self.links[-1])
        hidden = np.empty(decoder.trunk.shape[2], np.float32)
        scores = np.empty(N_CLASSES + N_POINTERS, np.float32)
        h = self.engine.units(self.links[-1], 0)
        known, frame = is_known | self.engine.is_absent, np.minimum(frame, _LARGEST)
        kernels.head_units(int(voice), frame, known, last, bar, True, h, decoder, hidden)
        note = int(last[voice, Column.NOTE])
        kernels.note_logits(int(voice), note, int(bar[voice]), hidden[: decoder.note.shape[1]], decoder, scores)
        logits = scores[:N_CLASSES].astype(np.float64)
        logits -= logits.max()
        logits -= np.log(np.exp(logits).sum())
        return logits[NOTE_CLASS[voice]].astype(np.float32)

    def match_lengths(self, frame: NDArray[np.uint8]) -> tuple[int, ...]:
        """Return zeros: the VAE has no motif memory."""
        return (0,) * N_VOICES


@dataclass(frozen=True, eq=False)
class VaeEngine:
    """The VAE, ready to play; see `livegen.engines.protocol`. Safe to call from several threads."""

    name: str
    config: VaeConfig
    weights: Weights
    is_absent: NDArray[np.bool_]  # (4,): voices that it does not have
    plans: Cache[Plan] = field(default_factory=lambda: Cache(_KEPT_PLANS))
    states: Cache[NDArray[np.float32]] = field(default_factory=lambda: Cache(_KEPT_STATES))

    @classmethod
    def from_arrays(cls, name: str, config: VaeConfig, arrays: Mapping[str, NDArray]) -> Self:
        """Build it from arrays that are named and shaped as ``config.shapes()`` says."""
        is_absent = np.array([voice not in config.voices for voice in Voice])
        return cls(name, config, fold(config, arrays), is_absent)

    @property
    def info(self) -> Info:
        """What it is: its latents are for two bars, but it draws frame by frame, with all that is known of it."""
        return Info("vae", self.config.voices)

    @property
    def latents(self) -> tuple[str, ...]:
        """The names of the first latents, in their order; the others have none."""
        return self.config.latents

    def initial_state(self) -> VaeState:
        """Return the state before a song."""
        return VaeState(Grid(), Where(), _frozen(_NO_SONG.copy()), None, 0)

    def step(
        self, frame: NDArray[np.uint8], state: VaeState, conditions: Conditions = UNCONDITIONED
    ) -> tuple[VaeDistribution, VaeState]:
        """Hear one frame, ``uint8 (4, 3)``, and return what may follow it, and the state after it."""
        song = self._heard(frame, state)
        grid, n_new = state.grid.after(conditions.beat, conditions.bar)
        where = self._where(state, grid, song, Knobs.of(conditions.knobs))
        link, links = state.link if grid.window == state.grid.window else None, []
        last = song[-1].tobytes()
        for i in range(n_new):
            place = grid.place - (n_new - 1 - i)
            if place < 0:
                continue  # a leap over a seam: the new window begins where it has got to
            link = Link.after(link, where, place, last, _bar_of(song, place, i))
            links.append(link)
        after = VaeState(grid, where, song, link, n_new)
        return VaeDistribution(self, tuple(links[-2:]), song, conditions.beat), after

    def _heard(self, frame: NDArray[np.uint8], state: VaeState) -> NDArray[np.uint8]:
        """Return the song with a frame in it. A step keeps a note as it was struck while the note goes on."""
        heard = self._taken_in(frame)
        if state.n_new == 0 and state.grid.place >= 0:
            song = state.song.copy()
            is_same = heard[:, Column.NOTE] == song[-1, :, Column.NOTE]
            song[-1] = np.where(is_same[:, None], song[-1], heard)
            return _frozen(song)
        skipped = np.repeat(state.song[-1:], min(max(state.n_new - 1, 0), N_STEPS), 0)
        return _frozen(np.concatenate([state.song, skipped, heard[None]])[-N_STEPS:])

    def _taken_in(self, steps: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return steps, (..., 4, 3), within the network's tables, and all zeros where a voice is absent or silent."""
        heard = np.minimum(steps, _LARGEST)
        heard[..., self.is_absent, :] = 0
        heard[heard[..., Column.NOTE] == 0] = 0
        return heard

    def _where(self, state: VaeState, grid: Grid, song: NDArray[np.uint8], knobs: Knobs) -> Where:
        """Return what the latents of the next frame depend on: as at the last seam, or as it is now."""
        if state.link is not None and grid.window == state.grid.window:
            is_latched = state.where.knobs.is_latched and knobs.is_latched
            return state.where if is_latched else replace(state.where, knobs=knobs)
        heard = self.encode(song).tobytes() if knobs.follow > 0.0 and song.any() else b""
        return Where(grid.window, knobs, heard)

    def place(self, where: Where, seed: int) -> NDArray[np.float32]:
        """Return the latents of a window, (n_latents,)."""
        heard = np.frombuffer(where.heard, np.float32) if where.heard else None
        return place_of(where.knobs, seed, where.window, self.config.gains, self.config.n_latents, heard)

    def plan(self, z: NDArray[np.float32]) -> Plan:
        """Return the plan of latents, (n_latents,)."""
        n_state, n_plan = self.config.n_state, self.config.n_plan
        made = Plan(
            np.empty(n_state, np.float32),
            np.empty((N_STEPS, n_plan), np.float32),
            np.empty((N_STEPS, 3 * n_state), np.float32),
        )
        kernels.plan_window(np.ascontiguousarray(z, np.float32), self.weights.conductor, *made)
        return made

    def prepare(self, state: VaeState, conditions: Conditions, seed: int, sampling: Sampling) -> None:
        """Make the plan of the next window, if the knobs stay as they are; where it follows, it has to wait."""
        knobs = Knobs.of(conditions.knobs)
        if knobs.follow == 0.0:
            self._plan_of(Where(state.where.window + 1, knobs), seed)

    def _plan_of(self, where: Where, seed: int) -> Plan:
        return self.plans.made((where, seed), lambda: self.plan(self.place(where, seed)))

    def units(self, link: Link, seed: int) -> NDArray[np.float32]:
        """Return the decoder's state at a step and the plan there, (n_state + n_plan,)."""
        missing, at = [], link
        found = self.states.get((link.key, seed))
        while found is None:
            missing.append(at)
            if at.before is None:
                break
            at = at.before
            found = self.states.get((at.key, seed))
        for each in reversed(missing):
            plan = self._plan_of(each.where, seed)
            h = plan.state if found is None else found[: self.config.n_state]
            found = np.empty(self.config.n_state + self.config.n_plan, np.float32)
            last, bar = link_arrays(each)
            decoder, gates = self.weights.decoder, plan.gates[each.place]
            kernels.decoder_step(last, bar, each.place, True, gates, h, decoder, found[: self.config.n_state])
            found[self.config.n_state :] = plan.plan[each.place]
            self.states.keep((each.key, seed), found)
        assert found is not None
        return found

    def encode(self, window: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the latents, (n_latents,), of a window on the beat, ``uint8 (96, 4, 3)``: the encoder's mean."""
        window = np.ascontiguousarray(self._taken_in(window))
        free = np.empty(self.config.n_free, np.float32)
        kernels.encode(window, self.weights.encoder, free)
        named = latents_of(measure(window[None], self.config.latents), self.weights.quantiles)[0]
        return np.concatenate([named, free])

    def decode(self, z: NDArray[np.float32], sampling: Sampling, seed: int = 0) -> NDArray[np.uint8]:
        """Return a window on the beat, ``uint8 (96, 4, 3)``, that hears nothing but itself."""
        frames = np.zeros((N_STEPS, N_VOICES, N_COLUMNS), np.uint8)
        made, shape = self.plan(z), shape_of(sampling)
        kernels.decode_window(*made, self.weights.decoder, self.is_absent, shape, seed_bits(seed), frames)
        return frames

    def warm_up(self) -> None:
        """Compile everything that playing will call."""
        nothing_known = np.zeros(N_VOICES, np.bool_)
        state = self.initial_state()
        frame = SILENCE
        for _ in range(2):
            distribution, state = self.step(frame, state)
            frame = distribution.sample(SILENCE, nothing_known, Sampling(), seed=0, frame_index=0)
            distribution.note_log_probs(Voice.P1, frame, nothing_known)
        self.decode(self.encode(state.song), Sampling())


def link_arrays(link: Link) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the step before, (4, 3), and the notes of a bar ago, (4,), that a step of the decoder hears."""
    last = np.frombuffer(link.last, np.uint8).reshape(N_VOICES, N_COLUMNS).copy()
    return last, np.frombuffer(link.bar, np.uint8).copy()


def _bar_of(song: NDArray[np.uint8], place: int, n_after: int) -> bytes:
    """Return the notes of a bar before a place; the song's last step is `n_after` + 1 steps before it."""
    if place < rows.BAR_STEPS:
        return bytes([rows.UNKNOWN_NOTE] * N_VOICES)
    return song[n_after - rows.BAR_STEPS, :, Column.NOTE].tobytes()


def _frozen(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    array.flags.writeable = False
    return array
