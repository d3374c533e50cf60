"""Measures how well a network predicts songs that it has not seen: NLL in nats a frame, by voice, column and order."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from livegen.engines.checkpoint import read_config, read_weights
from livegen.engines.lstm import features
from livegen.engines.lstm.features import N_NOTE_VALUES
from livegen.engines.lstm.lstm import LstmConfig
from livegen.errors import CheckpointError
from livegen.score import N_COLUMNS, N_VOICES, NOTE_RANGE, Column, Voice
from livegen.training.data.songs import Songs, only
from livegen.training.data.sources import TRAIN, VALID, Listener, has_split, load_songs
from livegen.training.dataset import in_order
from livegen.training.model import Network, batch_of

_N_LANES: Final = 64
_N_FRAMES: Final = 128
_BIGRAM_PRIOR: Final = 0.1
"""The count that every possible pair of notes starts with in the bigram model."""

Known = frozenset[Voice]
"""The voices of a frame that are known when another one is predicted."""


def evaluate(
    data: Path,
    model_folder: Path,
    *,
    has_beat: bool = False,
    listener: Listener | None = None,
    is_strict: bool = False,
) -> dict[str, Any]:
    """Measure a model on a split that it was not trained on.

    Every song starts from a new state. Each frame except a song's first is predicted from what really came before, in
    every order of the voices. Figures are means over these frames; NLLs are in nats. Without another order named, they
    are those of the order P1, P2, TR, NO.

    Parameters
    ----------
    data : Path
        Songs, as `livegen.training.data.sources.load_songs` takes them; the split "valid" is measured.
    model_folder : Path
        A folder as `livegen.engines.checkpoint.load_engine` takes.
    has_beat : bool
        Measure also with the beat told. It is estimated from the whole song, so it uses what is still to come.
    listener : Listener, optional
        Is told how reading goes.
    is_strict : bool
        As `livegen.training.data.sources.load_songs` has it.

    Returns
    -------
    dict
        ``model songs frames`` (those predicted). ``note_nll volume_nll timbre_nll`` by voice, and their sums
        ``note_nll_sum`` and so on. By voice, ``note_accuracy``, and ``change_accuracy`` over the frames where the
        voice's note changes; ``change_accuracy_mean`` is its mean over P1, P2 and TR. ``nll_by_order``: notes, volumes
        and timbres together. ``order_spread`` and ``note_order_spread``: how much worse the worst order is than the
        best one, as a share of the best, for all columns and for notes alone. ``memory_hidden_note_nll_sum``: with the
        motif memory hidden. ``copy_last_accuracy``: of a model that holds every note. ``bigram_note_nll_sum``: of
        bigrams of the train split, if there is one. With `has_beat`, the network's own figures again under
        ``beat_given``.

    Raises
    ------
    TrainingError, CheckpointError
        If the data or the model cannot be used.
    """
    network = load_network(model_folder)
    voices = network.config.voices
    songs = only(load_songs(data, VALID, listener, is_strict=is_strict), voices)
    figures: dict[str, Any] = {
        "model": model_folder.resolve().name,
        "songs": len(songs),
        "frames": songs.n_frames - len(songs),
        **_figures(network, songs),
        "memory_hidden_note_nll_sum": note_nll(network, songs, has_memory=False),
        "copy_last_accuracy": copy_last_accuracy(songs),
    }
    if has_split(data, TRAIN):
        train = only(load_songs(data, TRAIN, listener, is_strict=is_strict), voices)
        figures["bigram_note_nll_sum"] = bigram_note_nll(train, songs)
    if has_beat:
        figures["beat_given"] = _figures(network, songs, has_beat=True)
    return figures


def _figures(network: Network, songs: Songs, *, has_beat: bool = False) -> dict[str, Any]:
    voices = network.config.voices
    all_known = {(voice, known) for order in permutations(voices) for voice, known in _pairs(order)}
    measured = measure(network, songs, all_known, has_beat=has_beat)
    reported = {voice: measured[voice, known] for voice, known in _pairs(voices)}
    figures: dict[str, Any] = {}
    for column in Column:
        name, by_voice = f"{column.name.lower()}_nll", [of_voice.nll[column] for of_voice in reported.values()]
        figures[f"{name}_sum"] = float(sum(by_voice))
        figures[name] = _by_voice(voices, by_voice)
    figures["note_accuracy"] = _by_voice(voices, [of_voice.accuracy for of_voice in reported.values()])
    figures["change_accuracy"] = _by_voice(voices, [of_voice.change_accuracy for of_voice in reported.values()])
    pitched = [of_voice.change_accuracy for voice, of_voice in reported.items() if voice is not Voice.NO]
    if pitched:
        figures["change_accuracy_mean"] = float(np.mean(pitched))
    by_order = {order: sum(measured[pair].nll for pair in _pairs(order)) for order in permutations(voices)}
    figures["nll_by_order"] = {
        " ".join(voice.name for voice in order): float(np.sum(nll)) for order, nll in by_order.items()
    }
    figures["order_spread"] = _spread([float(np.sum(nll)) for nll in by_order.values()])
    figures["note_order_spread"] = _spread([float(np.asarray(nll)[Column.NOTE]) for nll in by_order.values()])
    return figures


def _by_voice(voices: Sequence[Voice], values: Sequence[float]) -> dict[str, float]:
    return {voice.name.lower(): float(value) for voice, value in zip(voices, values, strict=True)}


def copy_last_accuracy(songs: Songs) -> float:
    """Return the share of notes that are the same as in the frame before; the first frame of a song is left out."""
    notes = [song[:, songs.voices, 0] for song in map(songs.song, range(len(songs)))]
    held = sum((of_song[1:] == of_song[:-1]).sum() for of_song in notes)
    return float(held / (len(songs.voices) * (songs.n_frames - len(songs))))


def bigram_note_nll(train: Songs, songs: Songs) -> float:
    """Return the note NLL, summed over the voices, in nats a frame, of a bigram model of each, fitted to `train`."""
    total = 0.0
    for voice in songs.voices:
        counts = np.full((N_NOTE_VALUES, N_NOTE_VALUES), _BIGRAM_PRIOR)
        lowest, highest = NOTE_RANGE[voice]
        counts[:, 1:lowest] = counts[:, highest + 1 :] = 0.0
        for song in map(train.song, range(len(train))):
            np.add.at(counts, (song[:-1, voice, 0], song[1:, voice, 0]), 1.0)
        log_probs = np.log(counts / counts.sum(1, keepdims=True), where=counts > 0, out=np.zeros_like(counts))
        total -= sum(
            log_probs[song[:-1, voice, 0], song[1:, voice, 0]].sum() for song in map(songs.song, range(len(songs)))
        )
    return float(total / (songs.n_frames - len(songs)))


def note_nll(network: Network, songs: Songs, *, has_memory: bool = True) -> float:
    """Return the note NLL in nats a frame, summed over the network's voices, in the order P1, P2, TR, NO."""
    measured = measure(network, songs, set(_pairs(network.config.voices)), has_memory=has_memory)
    return float(sum(of_voice.nll[Column.NOTE] for of_voice in measured.values()))


def load_network(model_folder: Path) -> Network:
    """Load a model folder into torch; raises CheckpointError."""
    _, config = read_config(model_folder)
    if not isinstance(config, LstmConfig):
        raise CheckpointError(f"the model in {model_folder} is no lstm, and only an lstm can be measured like this")
    arrays = read_weights(model_folder, config.shapes())
    network = Network(config)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return network.to("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True)
class Measured:
    """The figures of one voice, given the known voices: means over all frames that are learnt from but songs' first."""

    nll: NDArray[np.float64]  # (3 columns,)
    accuracy: float
    change_accuracy: float


@torch.no_grad()
def measure(
    network: Network,
    songs: Songs,
    wanted: set[tuple[Voice, Known]],
    *,
    has_beat: bool = False,
    has_memory: bool = True,
) -> dict[tuple[Voice, Known], Measured]:
    """Measure each voice given those that are known.

    The 24 orders of the voices have only 32 such pairs among them, so measuring all orders costs eight times one.
    """
    network.eval()
    device = network.is_legal.device
    nll = {pair: torch.zeros(N_COLUMNS, dtype=torch.float64) for pair in wanted}
    hits = {pair: np.zeros(2, np.int64) for pair in wanted}
    frames, changes = np.zeros((2, N_VOICES), np.int64)
    state = network.new_state(_N_LANES)
    for segment in in_order(songs, _N_LANES, _N_FRAMES, has_beat=has_beat, has_memory=has_memory):
        batch = batch_of(segment, device, network.config.leaves_out)
        if segment.is_start.any():
            state = network.new_state(segment.before.shape[1])
            batch.counts[: len(segment.is_start)] = 0.0  # a song's first frame
        outputs, state = network(batch.rows, state)
        h, batch = outputs.flatten(0, 1)[batch.counts.bool()], batch.that_count()
        seen = network.see(batch)
        counts = batch.weights.bool()
        is_change = counts & (batch.target[:, :, features.NOTE] != batch.before[:, :, features.NOTE])
        frames += counts.sum(0).cpu().numpy()
        changes += is_change.sum(0).cpu().numpy()
        for voice, known in wanted:
            is_known = torch.tensor([[u in known for u in Voice]], device=device)
            logits = network.voice_logits(voice, h, seen, is_known)
            weights = batch.weights[:, voice]
            nll[voice, known] += (torch.stack(network.nlls(voice, logits, seen)) * weights).sum(1).double().cpu()
            note_class = network.note_class[voice][batch.target[:, voice, features.NOTE]]
            is_hit = counts[:, voice] & (logits[0].argmax(1) == note_class)
            hits[voice, known] += is_hit.sum().item(), (is_hit & is_change[:, voice]).sum().item()
    n = np.maximum(frames, 1)
    return {
        (voice, known): Measured(
            nll[voice, known].numpy() / n[voice],
            float(hits[voice, known][0] / n[voice]),
            float(hits[voice, known][1] / max(changes[voice], 1)),
        )
        for voice, known in wanted
    }


def _pairs(order: tuple[Voice, ...]) -> list[tuple[Voice, Known]]:
    """Return each voice of an order with the voices before it."""
    return [(voice, frozenset(order[:place])) for place, voice in enumerate(order)]


def _spread(values: list[float]) -> float:
    return max(values) / min(values) - 1.0
