"""The LSTM at run time: a few matrix products a frame, without torch.

`livegen.training.model` is the reference and says what the network is. Here everything that depends on one
small number (a note, a volume, an age) goes into the heads through tables that are folded when the model is loaded: a
row is looked up and added where the reference multiplies. What is left is the product with the input, 256 to 2560,
two with the state, 640 to 2560 and to 1536, and one of 256 to 121 for each voice that is drawn.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from livegen.errors import CheckpointError
from livegen.predictor import features, lstm_kernels
from livegen.predictor.beat import beat_buckets
from livegen.predictor.lstm_kernels import (
    HAS_VOLUME,
    N_CLASSES,
    N_SCORES,
    N_VOLUME_SCORES,
    NOTE_CLASS,
    Shape,
    Told,
    Weights,
)
from livegen.predictor.memory import Memory, Past, is_shown
from livegen.predictor.predictor import UNCONDITIONED, Conditions, Sampling
from livegen.score import N_VOICES, SILENCE, Voice

_MAX_SIZE: Final = 4096
_LARGEST: Final = np.array([[features.N_NOTE_VALUES - 1, features.N_VOLUMES - 1, features.N_TIMBRES - 1]], np.uint8)


@dataclass(frozen=True)
class LstmConfig:
    """Sizes of the network, as `config.toml` holds them.

    Raises
    ------
    CheckpointError
        If a size is no whole number within 1..4096.
    """

    n_embedding: int = 256
    n_state: int = 640
    n_known: int = 48
    n_own: int = 96
    n_note_hidden: int = 256
    n_volume_hidden: int = 96
    n_timbre_hidden: int = 32

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not int or not 1 <= value <= _MAX_SIZE:
                raise CheckpointError(f"{field.name} is {value!r}: allowed is a whole number within 1..{_MAX_SIZE}")

    @property
    def n_hidden(self) -> int:
        """Hidden units of a voice: those of its note, volume and timbre."""
        return self.n_note_hidden + self.n_after_note

    @property
    def n_after_note(self) -> int:
        """Hidden units of a voice's volume and timbre."""
        return self.n_volume_hidden + self.n_timbre_hidden

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of every array of the weights."""
        shapes: dict[str, tuple[int, ...]] = {
            "input_rows.weight": (features.N_INPUT_ROWS, self.n_embedding),
            "lstm.weight_ih_l0": (4 * self.n_state, self.n_embedding),
            "lstm.weight_hh_l0": (4 * self.n_state, self.n_state),
            "lstm.bias_ih_l0": (4 * self.n_state,),
            "lstm.bias_hh_l0": (4 * self.n_state,),
            "known_rows.weight": (N_VOICES * features.N_KNOWN_ROWS, self.n_known),
            "own_rows.weight": (N_VOICES * features.N_OWN_ROWS, self.n_own),
            "new_rows.weight": (N_VOICES * features.N_NEW_ROWS, self.n_after_note),
            "volume_rows.weight": (N_VOICES * features.N_VOLUMES, self.n_timbre_hidden),
        }
        for voice in Voice:
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
            shapes[f"known.{voice.name}.weight"] = (self.n_hidden, (N_VOICES - 1) * self.n_known)
            shapes[f"own.{voice.name}.weight"] = (self.n_hidden, self.n_own)
        return shapes


def _folded(config: LstmConfig, arrays: Mapping[str, NDArray]) -> Weights:
    """Fold the arrays of a checkpoint, named and shaped as `LstmConfig.shapes` says."""
    w = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
    c = config

    def of_voices(layer: str, *shape: int) -> NDArray[np.float32]:
        """Stack a layer of the four voices; the triangle has none of some."""
        return np.stack([w.get(layer.format(voice.name), np.zeros(shape, np.float32)) for voice in Voice])

    known = w["known_rows.weight"].reshape(N_VOICES, features.N_KNOWN_ROWS, c.n_known)
    known_rows = np.zeros((N_VOICES, N_VOICES, features.N_KNOWN_ROWS, c.n_hidden), np.float32)
    for voice in Voice:
        beside = w[f"known.{voice.name}.weight"].reshape(c.n_hidden, N_VOICES - 1, c.n_known)
        for place, other in enumerate(other for other in Voice if other != voice):
            known_rows[voice, other] = known[other] @ beside[:, place].T
    own = w["own_rows.weight"].reshape(N_VOICES, features.N_OWN_ROWS, c.n_own)
    folded = Weights(
        input_rows=w["input_rows.weight"],
        input=w["lstm.weight_ih_l0"].T,
        gate_bias=w["lstm.bias_ih_l0"] + w["lstm.bias_hh_l0"],
        recurrent=w["lstm.weight_hh_l0"].T,
        trunk=of_voices("trunk.{}.weight").reshape(N_VOICES * c.n_hidden, c.n_state).T,
        trunk_bias=of_voices("trunk.{}.bias").reshape(-1),
        own_rows=own @ of_voices("own.{}.weight").transpose(0, 2, 1),
        known_rows=known_rows,
        note=of_voices("note.{}.weight").transpose(0, 2, 1),
        note_bias=of_voices("note.{}.bias"),
        new_rows=w["new_rows.weight"].reshape(N_VOICES, features.N_NEW_ROWS, c.n_after_note),
        volume=of_voices("volume.{}.weight", N_VOLUME_SCORES, c.n_volume_hidden).transpose(0, 2, 1),
        volume_bias=of_voices("volume.{}.bias", N_VOLUME_SCORES),
        volume_rows=w["volume_rows.weight"].reshape(N_VOICES, features.N_VOLUMES, c.n_timbre_hidden),
        timbre=of_voices("timbre.{}.weight", features.N_TIMBRES, c.n_timbre_hidden).transpose(0, 2, 1),
        timbre_bias=of_voices("timbre.{}.bias", features.N_TIMBRES),
    )
    return Weights(*(np.ascontiguousarray(array, np.float32) for array in folded))


@dataclass(frozen=True, slots=True, eq=False)
class LstmState:
    """What the LSTM remembers: read-only arrays, and the song so far; `past` is None if nothing was heard yet."""

    heard: NDArray[np.uint8]  # (4, 19), see `livegen.predictor.features`
    h: NDArray[np.float32]  # (n_state,)
    c: NDArray[np.float32]  # (n_state,)
    memory: Memory
    past: Past | None


@dataclass(frozen=True, slots=True, eq=False)
class LstmDistribution:
    """The next frame as the LSTM expects it; the voices are worked out when they are asked for."""

    told: Told
    hidden: NDArray[np.float32]  # (4, n)
    weights: Weights

    def sample(
        self,
        forced: NDArray[np.uint8],
        is_forced: NDArray[np.bool_],
        sampling: Sampling,
        *,
        seed: int,
        frame_index: int,
    ) -> NDArray[np.uint8]:
        """Draw a frame; see `livegen.predictor.predictor.Distribution`."""
        known = np.array(is_forced, np.bool_)
        frame = np.minimum(forced, _LARGEST)
        lstm_kernels.sample(
            frame,
            known,
            self.told,
            self.weights,
            self.hidden.copy(),
            np.empty(N_SCORES, np.float32),
            np.empty(N_CLASSES, np.float64),
            _shape(sampling),
            np.uint64(seed & 0xFFFFFFFFFFFFFFFF),
            frame_index,
        )
        frame[is_forced] = forced[is_forced]
        return frame

    def note_log_probs(
        self, voice: Voice, frame: NDArray[np.uint8], is_known: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return a voice's log-probabilities by note; see `livegen.predictor.predictor.Distribution`."""
        frame = np.minimum(frame, _LARGEST)
        hidden = self.hidden[voice].copy()
        scores = np.empty(N_SCORES, np.float32)
        is_known = np.array(is_known, np.bool_)
        lstm_kernels.see_voices(int(voice), frame, is_known, self.told, self.weights, hidden)
        n_note = self.weights.note.shape[1]
        lstm_kernels.note_logits(int(voice), frame, is_known, self.told, self.weights, hidden[:n_note], scores)
        logits = scores[:N_CLASSES].astype(np.float64)
        top = logits.max()
        logits -= top + np.log(np.exp(logits - top).sum())
        return logits[NOTE_CLASS[voice]].astype(np.float32)


@dataclass(frozen=True, eq=False)
class LstmPredictor:
    """The LSTM, ready to play; see `livegen.predictor.predictor.Predictor`. Safe to call from several threads."""

    name: str
    config: LstmConfig
    weights: Weights

    @classmethod
    def from_arrays(cls, name: str, config: LstmConfig, arrays: Mapping[str, NDArray]) -> Self:
        """Build it from arrays that are named and shaped as ``config.shapes()`` says."""
        return cls(name, config, _folded(config, arrays))

    def initial_state(self) -> LstmState:
        """Return the state before a song."""
        nothing = np.zeros((N_VOICES, features.N_HEARD), np.uint8)
        zeros = np.zeros(self.config.n_state, np.float32)
        return _frozen(LstmState(nothing, zeros, zeros, Memory(), None))

    def step(
        self, frame: NDArray[np.uint8], state: LstmState, conditions: Conditions = UNCONDITIONED
    ) -> tuple[LstmDistribution, LstmState]:
        """Hear one frame, ``uint8 (4, 3)``, and return what may follow it, and the state after it."""
        n_state = self.config.n_state
        frame = np.minimum(frame, _LARGEST)
        past, proposals = state.memory.hear(state.past, frame, conditions.plan)
        if not is_shown(past.frame_index, conditions.memory):
            proposals = features.NO_PROPOSALS
        beat = beat_buckets(conditions.beat)[0]
        after = LstmState(
            np.empty_like(state.heard),
            np.empty(n_state, np.float32),
            np.empty(n_state, np.float32),
            state.memory,
            past,
        )
        hidden = np.empty(N_VOICES * self.config.n_hidden, np.float32)
        lstm_kernels.step(
            frame,
            state.heard,
            proposals,
            beat,
            state.past is None,
            state.h,
            state.c,
            self.weights,
            np.empty(features.N_INPUTS, np.int64),
            np.empty(4 * n_state, np.float32),
            after.heard,
            after.h,
            after.c,
            hidden,
        )
        _frozen(after)
        told = Told(after.heard, proposals, beat)
        return LstmDistribution(told, hidden.reshape(N_VOICES, -1), self.weights), after

    def warm_up(self) -> None:
        """Compile everything that playing will call."""
        nothing_known = np.zeros(N_VOICES, np.bool_)
        state = self.initial_state()
        for _ in range(2):
            distribution, state = self.step(SILENCE, state)
            frame = distribution.sample(SILENCE, nothing_known, Sampling(), seed=0, frame_index=0)
            distribution.note_log_probs(Voice.P1, frame, nothing_known)


def _shape(sampling: Sampling) -> Shape:
    return Shape(
        _four(float, (sampling.temperature * factor for factor in sampling.voice_temperature)),
        float(sampling.top_p),
        _four(float, sampling.density),
        float(sampling.grid),
        _four(float, sampling.silence),
        _four(float, sampling.copy),
        _four(int, sampling.lowest),
        _four(int, sampling.highest),
        int(sampling.scale),
    )


def _four(kind: type, values: Iterable[float]) -> tuple[Any, Any, Any, Any]:
    p1, p2, tr, no = map(kind, values)
    return p1, p2, tr, no


def _frozen(state: LstmState) -> LstmState:
    for array in (state.heard, state.h, state.c):
        array.flags.writeable = False
    return state
