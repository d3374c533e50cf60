"""The arrays of a VAE as its kernels take them."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from livegen.engines.lstm.kernels import N_CLASSES
from livegen.engines.vae import rows
from livegen.engines.vae.config import N_POINTERS, VaeConfig
from livegen.score import Voice


class Gru(NamedTuple):
    """One direction of a GRU with n units, its matrices transposed."""

    input: NDArray[np.float32]  # (n_in, 3 n)
    bias: NDArray[np.float32]  # (3 n,)
    recurrent: NDArray[np.float32]  # (n, 3 n)
    recurrent_bias: NDArray[np.float32]  # (3 n,)


class Encoder(NamedTuple):
    """From a window to the free latents; only their means are needed to play."""

    seen: NDArray[np.float32]  # (N_SEEN, n_seen)
    seen_bias: NDArray[np.float32]  # (n_seen,)
    beats: NDArray[np.float32]  # (12 n_seen, n_beat)
    beats_bias: NDArray[np.float32]  # (n_beat,)
    forth: Gru
    back: Gru
    free: NDArray[np.float32]  # (4 n_encoder, n_free)
    free_bias: NDArray[np.float32]  # (n_free,)


class Conductor(NamedTuple):
    """From latents to the decoder's first state and its plan."""

    begin: NDArray[np.float32]  # (n_latents, n_conductor + n_state)
    begin_bias: NDArray[np.float32]  # (n_conductor + n_state,)
    beat: NDArray[np.float32]  # (8, n_conductor)
    gru: Gru
    plan: NDArray[np.float32]  # (n_conductor, 12 n_plan)
    plan_bias: NDArray[np.float32]  # (12 n_plan,)
    gates: NDArray[np.float32]  # (n_plan, 3 n_state): what a step's plan adds to the decoder's gates
    gates_bias: NDArray[np.float32]  # (3 n_state,)


class Decoder(NamedTuple):
    """From the plan and what was played to what is played; a voice has `n` hidden units."""

    inputs: NDArray[np.float32]  # (N_IN, 3 n_state): folded into the gates
    recurrent: NDArray[np.float32]  # (n_state, 3 n_state)
    recurrent_bias: NDArray[np.float32]  # (3 n_state,)
    trunk: NDArray[np.float32]  # (4, n_state + n_plan, n)
    trunk_bias: NDArray[np.float32]  # (4, n)
    known: NDArray[np.float32]  # (4, N_HEAD, n)
    note: NDArray[np.float32]  # (4, n_note_hidden, N_CLASSES + N_POINTERS)
    note_bias: NDArray[np.float32]  # (4, N_CLASSES + N_POINTERS)
    new: NDArray[np.float32]  # (4, N_NEW, n_after_note)
    volume: NDArray[np.float32]  # (4, n_volume_hidden, 16)
    volume_bias: NDArray[np.float32]  # (4, 16)
    loud: NDArray[np.float32]  # (4, 16, n_timbre_hidden)
    timbre: NDArray[np.float32]  # (4, n_timbre_hidden, 4)
    timbre_bias: NDArray[np.float32]  # (4, 4)


class Weights(NamedTuple):
    """All of a VAE."""

    quantiles: NDArray[np.float32]  # (n_named, N_QUANTILES)
    encoder: Encoder
    conductor: Conductor
    decoder: Decoder


def fold(config: VaeConfig, arrays: Mapping[str, NDArray]) -> Weights:
    """Return the arrays of a checkpoint, named and shaped as `VaeConfig.shapes` says, as kernels take them.

    Tables go through the layer that follows them; voices that the model does not have get zeros.
    """
    c = config
    w = {name: np.asarray(array, np.float32) for name, array in arrays.items()}

    def of_voices(layer: str, part: str, *shape: int) -> NDArray[np.float32]:
        """Stack a layer of the four voices, its matrices transposed where they are no tables."""
        found = [w.get(f"{layer}.{voice.name}.{part}", np.zeros(shape, np.float32)) for voice in Voice]
        return _whole(np.stack(found))

    def turned(layer: str, n_in: int, n_out: int) -> NDArray[np.float32]:
        return _whole(of_voices(layer, "weight", n_out, n_in).transpose(0, 2, 1))

    known = of_voices("known", "weight", rows.N_HEAD, c.n_hidden)
    for voice in Voice:
        for place, other in enumerate(other for other in Voice if other != voice):
            if other not in c.voices:  # nothing was learnt of it
                at = rows.KNOWN + place * rows.KNOWN_VOICE
                known[voice, at : at + rows.KNOWN_VOICE] = 0.0
    of_input, of_plan = w["decoder.weight_ih_l0"].T[: c.n_embedding], w["decoder.weight_ih_l0"].T[c.n_embedding :]
    decoder = Decoder(
        inputs=_whole(w["inputs.weight"] @ of_input),
        recurrent=_whole(w["decoder.weight_hh_l0"].T),
        recurrent_bias=w["decoder.bias_hh_l0"],
        trunk=turned("trunk", c.n_state + c.n_plan, c.n_hidden),
        trunk_bias=of_voices("trunk", "bias", c.n_hidden),
        known=known,
        note=turned("note", c.n_note_hidden, N_CLASSES + N_POINTERS),
        note_bias=of_voices("note", "bias", N_CLASSES + N_POINTERS),
        new=of_voices("new", "weight", rows.N_NEW, c.n_after_note),
        volume=turned("volume", c.n_volume_hidden, rows.N_VOLUMES),
        volume_bias=of_voices("volume", "bias", rows.N_VOLUMES),
        loud=of_voices("loud", "weight", rows.N_VOLUMES, c.n_timbre_hidden),
        timbre=turned("timbre", c.n_timbre_hidden, rows.N_TIMBRES),
        timbre_bias=of_voices("timbre", "bias", rows.N_TIMBRES),
    )
    conductor = Conductor(
        begin=_whole(w["begin.weight"].T),
        begin_bias=w["begin.bias"],
        beat=w["beat.weight"],
        gru=_gru(w, "conductor"),
        plan=_whole(w["plan.weight"].T),
        plan_bias=w["plan.bias"],
        gates=_whole(of_plan),
        gates_bias=w["decoder.bias_ih_l0"],
    )
    encoder = Encoder(
        seen=w["seen.weight"],
        seen_bias=w["seen.bias"],
        beats=_whole(w["beats.weight"].T),
        beats_bias=w["beats.bias"],
        forth=_gru(w, "encoder"),
        back=_gru(w, "encoder", "_reverse"),
        free=_whole(w["free.weight"][: c.n_free].T),
        free_bias=_whole(w["free.bias"][: c.n_free]),
    )
    return Weights(w["quantiles"], encoder, conductor, decoder)


def _gru(w: Mapping[str, NDArray], name: str, end: str = "") -> Gru:
    return Gru(
        _whole(w[f"{name}.weight_ih_l0{end}"].T),
        w[f"{name}.bias_ih_l0{end}"],
        _whole(w[f"{name}.weight_hh_l0{end}"].T),
        w[f"{name}.bias_hh_l0{end}"],
    )


def _whole(array: NDArray) -> NDArray[np.float32]:
    return np.ascontiguousarray(array, np.float32)
