"""The LSTM at run time: a few matrix products a frame, without torch.

`livegen.training.model` is the reference and says what the network is. Here everything that depends on one small number
(a note, a volume, an age) goes into the heads through tables that are folded when the model is loaded: where the
reference multiplies, a row is looked up and added. These matrix products are left: for each frame one with the input,
256 to 2560, and one with the state, 640 to 2560; for each voice that is drawn one with the state, 640 to 384, and for
its note one of 256 to 121 and one of 256 to 291. Their weights are rounded to int8 when the model is loaded, see
`livegen.engines.int8`; files keep what was learnt, so that it can be trained on.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from livegen.engines.config import (
    ALL_VOICES,
    check_sizes,
    check_voices,
    is_some_of,
    size_lines,
    sizes_of,
    voice_lines,
    voices_of,
)
from livegen.engines.int8 import Int8Matrix, int8_matrix, matrix_of
from livegen.engines.lstm import draws, ear, features, kernels
from livegen.engines.lstm.draws import Shape
from livegen.engines.lstm.kernels import (
    HAS_VOLUME,
    N_CLASSES,
    N_SCORES,
    N_VOLUME_SCORES,
    NOTE_CLASS,
    Told,
    Weights,
)
from livegen.engines.lstm.match import match_lengths
from livegen.engines.lstm.memory import Memory, Past, is_shown
from livegen.engines.protocol import NONE_LATER, UNCONDITIONED, Conditions, Info, Sampling
from livegen.engines.sampling import seed_bits
from livegen.errors import CheckpointError
from livegen.score import N_VOICES, SILENCE, Voice

LEAVES_OUT: Final = ("memory", "ages", "orders")
"""Parts that a network can be trained without; see `LstmConfig`."""

_IN_INT8: Final = ("lstm.weight", "trunk.", "note.", "relative.", "volume.", "timbre.")
"""How the names of the matrices begin that the step multiplies with; biases have none."""

_NONE_ABSENT: Final = np.zeros(N_VOICES, np.bool_)
"""Of a model that has all voices."""

_LARGEST: Final = np.array([[features.N_NOTE_VALUES - 1, features.N_VOLUMES - 1, features.N_TIMBRES - 1]], np.uint8)


@dataclass(frozen=True)
class LstmConfig:
    """What the network is, as `config.toml` holds it.

    Attributes
    ----------
    n_embedding, n_state, n_known, n_own, n_note_hidden, n_volume_hidden, n_timbre_hidden : int
        Its sizes.
    voices : tuple of Voice
        The voices that it hears and plays, in their order; it hears the others as silent.
    leaves_out : tuple of str
        What the network does without, to measure what each part is worth: "memory", the motif memory; "ages", how long
        notes have lasted; "orders", all orders of the voices in a frame except P1, P2, TR, NO.
    listens : bool
        It has an ear (`livegen.engines.lstm.ear`), is told who performs, and leans on the beat; older models do not.

    Raises
    ------
    CheckpointError
        If a size is no whole number within 1..4096, or a voice or a part that is left out does not exist.
    """

    n_embedding: int = 256
    n_state: int = 640
    n_known: int = 48
    n_own: int = 96
    n_note_hidden: int = 256
    n_volume_hidden: int = 96
    n_timbre_hidden: int = 32
    voices: tuple[Voice, ...] = ALL_VOICES
    leaves_out: tuple[str, ...] = ()
    listens: bool = True

    def __post_init__(self) -> None:
        check_sizes(self)
        check_voices(self.voices)
        if not is_some_of(self.leaves_out, LEAVES_OUT):
            raise CheckpointError(f"leaves_out is {self.leaves_out!r}: allowed is {', '.join(LEAVES_OUT)}, each once")
        if type(self.listens) is not bool:
            raise CheckpointError(f"listens is {self.listens!r}: allowed is true or false")

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Return what a `config.toml` says; raises CheckpointError."""
        sizes, voices, leaves_out = sizes_of(cls, table), voices_of(table), table.get("leaves_out", ())
        leaves_out = tuple(leaves_out) if isinstance(leaves_out, list) else leaves_out
        return cls(**sizes, voices=voices, leaves_out=leaves_out, listens=table.get("listens", False))

    def to_lines(self) -> list[str]:
        """Return the lines of TOML that say it, as `from_table` reads them."""
        lines = voice_lines(self.voices)
        if self.leaves_out:
            lines.append(f"leaves_out = {json.dumps(self.leaves_out)}")
        if self.listens:
            lines.append("listens = true")
        return [*lines, *size_lines(self)]

    @property
    def n_hidden(self) -> int:
        """Number of hidden units of a voice: those of its note, volume and timbre."""
        return self.n_note_hidden + self.n_after_note

    @property
    def n_after_note(self) -> int:
        """Number of hidden units of a voice's volume and timbre."""
        return self.n_volume_hidden + self.n_timbre_hidden

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of every array of the weights."""
        n = len(self.voices)
        n_input_rows = features.N_INPUT_ROWS - (N_VOICES - n) * features.VOICE_ROWS
        shapes: dict[str, tuple[int, ...]] = {
            "input_rows.weight": (n_input_rows, self.n_embedding),
            "lstm.weight_ih_l0": (4 * self.n_state, self.n_embedding),
            "lstm.weight_hh_l0": (4 * self.n_state, self.n_state),
            "lstm.bias_ih_l0": (4 * self.n_state,),
            "lstm.bias_hh_l0": (4 * self.n_state,),
            "own_rows.weight": (n * features.N_OWN_ROWS, self.n_own),
            "new_rows.weight": (n * features.N_NEW_ROWS, self.n_after_note),
            "volume_rows.weight": (n * features.N_VOLUMES, self.n_timbre_hidden),
        }
        if n > 1:
            shapes["known_rows.weight"] = (n * features.N_KNOWN_ROWS, self.n_known)
        for voice in self.voices:
            layers = {
                "trunk": (self.n_hidden, self.n_state),
                "note": (N_SCORES, self.n_note_hidden),
            }
            if HAS_VOLUME[voice]:
                layers["volume"] = (N_VOLUME_SCORES, self.n_volume_hidden)
                layers["timbre"] = (features.N_TIMBRES, self.n_timbre_hidden)
            for layer, (n_out, n_in) in layers.items():
                shapes[f"{layer}.{voice.name}.weight"] = (n_out, n_in)
                shapes[f"{layer}.{voice.name}.bias"] = (n_out,)
            if n > 1:
                shapes[f"known.{voice.name}.weight"] = (self.n_hidden, (n - 1) * self.n_known)
            shapes[f"own.{voice.name}.weight"] = (self.n_hidden, self.n_own)
        return shapes | (self._ear_shapes() if self.listens else {})

    def _ear_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of the arrays of a network that listens; all at zero, it is one that does not."""
        shapes: dict[str, tuple[int, ...]] = {"performed_rows.weight": (ear.N_PERFORMED, self.n_embedding)}
        for voice in self.voices:
            shapes[f"performed.{voice.name}.weight"] = (ear.N_PERFORMED, self.n_hidden)
            shapes[f"hold.{voice.name}.weight"] = (features.N_BEAT_PLACES, 1)
            if voice is not Voice.NO:
                shapes[f"relative.{voice.name}.weight"] = (ear.N_RELATIVE, self.n_note_hidden)
                shapes[f"relative.{voice.name}.bias"] = (ear.N_RELATIVE,)
        return shapes


SIZES: Final = {
    "full": LstmConfig(),
    "small": LstmConfig(
        n_embedding=128,
        n_state=256,
        n_known=24,
        n_own=48,
        n_note_hidden=128,
        n_volume_hidden=48,
        n_timbre_hidden=16,
    ),
}
"""By name, the networks of four voices that `livegen train` makes."""


def _spread(table: NDArray[np.float32], voices: tuple[Voice, ...]) -> NDArray[np.float32]:
    """Return tables of the four voices, (4, rows, width), from those of some voices that follow each other in one."""
    spread = np.zeros((N_VOICES, len(table) // len(voices), table.shape[1]), np.float32)
    spread[list(voices)] = table.reshape(len(voices), *spread.shape[1:])
    return spread


def as_played(arrays: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """Return the arrays of a checkpoint with its matrices as the live step has them: rounded to int8."""
    is_rounded = {name: name.startswith(_IN_INT8) and "bias" not in name for name in arrays}
    return {
        name: matrix_of(int8_matrix(array), array.shape[-1]) if is_rounded[name] else array
        for name, array in arrays.items()
    }


def _folded(config: LstmConfig, arrays: Mapping[str, NDArray]) -> Weights:
    """Fold the arrays of a checkpoint, named and shaped as `LstmConfig.shapes` says.

    Voices that the model does not have get tables of zeros, so the kernels need no special case for them. A model that
    does not listen gets no relative weights at all.
    """
    w = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
    c = config

    def of_voices(layer: str, *shape: int) -> NDArray[np.float32]:
        """Stack a layer of the four voices; a voice without it, as TR without volume, gets zeros."""
        return np.stack([w.get(layer.format(voice.name), np.zeros(shape, np.float32)) for voice in Voice])

    known_rows = np.zeros((N_VOICES, N_VOICES, features.N_KNOWN_ROWS, c.n_hidden), np.float32)
    for voice in c.voices if len(c.voices) > 1 else ():
        known = _spread(w["known_rows.weight"], c.voices)
        others = [other for other in c.voices if other != voice]
        beside = w[f"known.{voice.name}.weight"].reshape(c.n_hidden, len(others), c.n_known)
        for place, other in enumerate(others):
            known_rows[voice, other] = known[other] @ beside[:, place].T
    n_relative = ear.N_RELATIVE if c.listens else 0
    n_of_voices = len(c.voices) * features.VOICE_ROWS
    of_each, of_all = w["input_rows.weight"][:n_of_voices], w["input_rows.weight"][n_of_voices:]
    folded = Weights(
        input_rows=np.concatenate([_spread(of_each, c.voices).reshape(-1, c.n_embedding), of_all]),
        input=int8_matrix(w["lstm.weight_ih_l0"]),
        gate_bias=w["lstm.bias_ih_l0"] + w["lstm.bias_hh_l0"],
        recurrent=int8_matrix(w["lstm.weight_hh_l0"]),
        trunk=int8_matrix(of_voices("trunk.{}.weight", c.n_hidden, c.n_state)),
        trunk_bias=of_voices("trunk.{}.bias", c.n_hidden),
        own_rows=_spread(w["own_rows.weight"], c.voices)
        @ of_voices("own.{}.weight", c.n_hidden, c.n_own).transpose(0, 2, 1),
        known_rows=known_rows,
        note=int8_matrix(of_voices("note.{}.weight", N_SCORES, c.n_note_hidden)),
        note_bias=of_voices("note.{}.bias", N_SCORES),
        performed_rows=w.get("performed_rows.weight", np.zeros((ear.N_PERFORMED, c.n_embedding), np.float32)),
        performed=of_voices("performed.{}.weight", ear.N_PERFORMED, c.n_hidden),
        hold=of_voices("hold.{}.weight", features.N_BEAT_PLACES, 1)[..., 0],
        relative=int8_matrix(of_voices("relative.{}.weight", n_relative, c.n_note_hidden)),
        relative_bias=of_voices("relative.{}.bias", n_relative),
        new_rows=_spread(w["new_rows.weight"], c.voices),
        volume=int8_matrix(of_voices("volume.{}.weight", N_VOLUME_SCORES, c.n_volume_hidden)),
        volume_bias=of_voices("volume.{}.bias", N_VOLUME_SCORES),
        volume_rows=_spread(w["volume_rows.weight"], c.voices),
        timbre=int8_matrix(of_voices("timbre.{}.weight", features.N_TIMBRES, c.n_timbre_hidden)),
        timbre_bias=of_voices("timbre.{}.bias", features.N_TIMBRES),
    )
    contiguous: Iterable[Any] = (
        part if isinstance(part, Int8Matrix) else np.ascontiguousarray(part, np.float32) for part in folded
    )
    return Weights(*contiguous)


@dataclass(frozen=True, slots=True, eq=False)
class LstmState:
    """What the LSTM remembers: read-only arrays, and the song so far. `past` is None if nothing was heard yet."""

    heard: NDArray[np.uint8]  # (4, 19), see `livegen.engines.lstm.features`
    h: NDArray[np.float32]  # (n_state,)
    c: NDArray[np.float32]  # (n_state,)
    profiles: NDArray[np.float32]  # (3, 12), see `livegen.engines.lstm.ear`
    memory: Memory
    past: Past | None


@dataclass(frozen=True, slots=True, eq=False)
class LstmDistribution:
    """The next frame as the LSTM expects it. A voice is computed only when it is drawn or asked for."""

    told: Told
    h: NDArray[np.float32]  # (n_state,)
    weights: Weights
    is_absent: NDArray[np.bool_]  # (4,): voices that the model does not have; they are taken for known and silent

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
        known = is_forced | self.is_absent
        frame = _heard_of(forced, self.is_absent)
        draws.sample(
            frame,
            known,
            ~known if is_later is NONE_LATER else ~(known | is_later),
            self.told,
            self.weights,
            self.h,
            self._new_units(),
            np.empty(N_SCORES, np.float32),
            np.empty(N_CLASSES, np.float64),
            shape_of(sampling),
            seed_bits(seed),
            frame_index,
        )
        frame[is_forced] = forced[is_forced]
        return frame

    def note_log_probs(
        self, voice: Voice, frame: NDArray[np.uint8], is_known: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return a voice's log-probabilities by note; see `livegen.engines.protocol.Distribution`."""
        if self.is_absent[voice]:
            return np.where(np.arange(features.N_NOTE_VALUES) == 0, 0.0, -np.inf).astype(np.float32)
        frame = _heard_of(frame, self.is_absent)
        hidden = self._new_units()
        scores = np.empty(N_SCORES, np.float32)
        is_known = is_known | self.is_absent
        kernels.voice_units(int(voice), frame, is_known, self.told, self.weights, self.h, hidden)
        kernels.note_logits(int(voice), frame, is_known, self.told, self.weights, 1.0, hidden, scores)
        logits = scores[:N_CLASSES].astype(np.float64)
        top = logits.max()
        logits -= top + np.log(np.exp(logits - top).sum())
        return logits[NOTE_CLASS[voice]].astype(np.float32)

    def match_lengths(self, frame: NDArray[np.uint8]) -> tuple[int, ...]:
        """Return the lengths of the matches that a frame follows; see `livegen.engines.protocol.Distribution`."""
        return match_lengths(self.told.heard, self.told.proposals, frame)

    def _new_units(self) -> NDArray[np.float32]:
        """Return room for a voice's hidden units."""
        return np.empty(self.weights.trunk_bias.shape[1], np.float32)


@dataclass(frozen=True, eq=False)
class LstmEngine:
    """The LSTM, ready to play; see `livegen.engines.protocol.Engine`. Safe to call from several threads."""

    name: str
    config: LstmConfig
    weights: Weights
    is_absent: NDArray[np.bool_]  # (4,): voices that it does not have

    @classmethod
    def from_arrays(cls, name: str, config: LstmConfig, arrays: Mapping[str, NDArray]) -> Self:
        """Build it from arrays that are named and shaped as ``config.shapes()`` says."""
        is_absent = np.array([voice not in config.voices for voice in Voice])
        is_absent = is_absent if is_absent.any() else _NONE_ABSENT
        return cls(name, config, _folded(config, arrays), is_absent)

    @property
    def info(self) -> Info:
        """What it is."""
        return Info("lstm", self.config.voices)

    def initial_state(self) -> LstmState:
        """Return the state before a song."""
        nothing = np.zeros((N_VOICES, features.N_HEARD), np.uint8)
        zeros = np.zeros(self.config.n_state, np.float32)
        profiles = np.zeros((ear.N_PROFILES, ear.N_PITCH_CLASSES), np.float32)
        return _frozen(LstmState(nothing, zeros, zeros, profiles, Memory(), None))

    def step(
        self, frame: NDArray[np.uint8], state: LstmState, conditions: Conditions = UNCONDITIONED
    ) -> tuple[LstmDistribution, LstmState]:
        """Hear one frame, ``uint8 (4, 3)``, and return what may follow it, and the state after it."""
        n_state = self.config.n_state
        frame = _heard_of(frame, self.is_absent)
        past, proposals = state.memory.hear(state.past, frame, conditions.plan)
        if "memory" in self.config.leaves_out or not is_shown(past.frame_index, conditions.memory):
            proposals = features.NO_PROPOSALS
        proposals = proposals.view()
        proposals.flags.writeable = False  # as NO_PROPOSALS is: Numba compiles anew for another type
        beat = features.next_buckets(conditions.beat)
        after = LstmState(
            np.empty_like(state.heard),
            np.empty(n_state, np.float32),
            np.empty(n_state, np.float32),
            np.empty_like(state.profiles),
            state.memory,
            past,
        )
        performed = sum(is_theirs << voice for voice, is_theirs in enumerate(conditions.performer.voices))
        keys = conditions.performer.keys
        harmony = np.empty((ear.N_EAR, ear.N_PITCH_CLASSES), np.float32)
        ear.hear_harmony(
            frame, performed, ear.keys_mask(keys), ear.bass_of(keys, performed), state.profiles, after.profiles, harmony
        )
        kernels.step(
            frame,
            state.heard,
            proposals,
            beat,
            performed,
            state.past is None,
            "ages" not in self.config.leaves_out,
            state.h,
            state.c,
            self.weights,
            np.empty(features.N_INPUTS, np.int64),
            np.empty(4 * n_state, np.float32),
            after.heard,
            after.h,
            after.c,
        )
        _frozen(after)
        told = Told(after.heard, proposals, beat, harmony, performed)
        return LstmDistribution(told, after.h, self.weights, self.is_absent), after

    def warm_up(self) -> None:
        """Compile everything that playing will call."""
        nothing_known = np.zeros(N_VOICES, np.bool_)
        state = self.initial_state()
        for memory in (1.0, 0.0):
            distribution, state = self.step(SILENCE, state, Conditions(memory=memory))
            frame = distribution.sample(SILENCE, nothing_known, Sampling(), seed=0, frame_index=0)
            distribution.note_log_probs(Voice.P1, frame, nothing_known)


def _heard_of(frame: NDArray[np.uint8], is_absent: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a frame as the model hears it: values limited to its tables, and silence in voices that it lacks."""
    heard = np.minimum(frame, _LARGEST)
    if is_absent is not _NONE_ABSENT:
        heard[is_absent] = 0
    return heard


def shape_of(sampling: Sampling) -> Shape:
    """Return how a draw is shaped, in a form that kernels take."""
    hot = sampling.temperature
    a, b, c, d = sampling.density
    p1, p2, tr, no = sampling.leave_note
    return Shape(
        _floats([hot * factor for factor in sampling.voice_temperature]),
        float(sampling.top_p),
        _floats((a + p1, b + p2, c + tr, d + no)),
        float(sampling.grid),
        (float(sampling.between[0]), float(sampling.between[1])),
        _floats(sampling.silence),
        _floats(sampling.copy),
        _floats(sampling.follow),
        np.array(sampling.usual, np.uint8),
        np.array(sampling.leave, np.float64),
        _ints(sampling.lowest),
        _ints(sampling.highest),
        int(sampling.pitch_classes),
        float(sampling.harmony),
    )


def _floats(values: Sequence[float]) -> tuple[float, float, float, float]:
    p1, p2, tr, no = values
    return float(p1), float(p2), float(tr), float(no)


def _ints(values: Sequence[int]) -> tuple[int, int, int, int]:
    p1, p2, tr, no = values
    return int(p1), int(p2), int(tr), int(no)


def _frozen(state: LstmState) -> LstmState:
    for array in (state.heard, state.h, state.c, state.profiles):
        array.flags.writeable = False
    return state
