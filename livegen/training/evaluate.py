"""What a network knows of songs that it has not seen: nats a frame, by voice, column and order of voices."""

from itertools import permutations
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from livegen.predictor.checkpoint import read_config, read_weights
from livegen.score import N_COLUMNS, Column, Voice
from livegen.training.dataset import Songs, in_order, load_songs, split_file
from livegen.training.model import Network, batch_of

_N_LANES: Final = 64
_N_FRAMES: Final = 128

REPORTED_ORDER: Final = tuple(Voice)
"""The order of the voices, P1, P2, TR, NO, in which figures are told unless they say otherwise."""

Known = frozenset[Voice]
"""The voices of a frame that are known when another one is predicted."""


def evaluate(data: Path, model_folder: Path) -> dict[str, Any]:
    """Measure a model on a split that it was not trained on.

    Every song starts from a new state; each frame is predicted from what really came before, in every order of
    the voices. Figures are means over all frames, in nats, in the order P1, P2, TR, NO.

    Parameters
    ----------
    data : Path
        An .npz split, or the folder that holds the split named "valid".
    model_folder : Path
        A folder as `livegen.predictor.checkpoint.load_predictor` takes.

    Returns
    -------
    dict
        ``model songs frames``; ``note_nll volume_nll timbre_nll``, sums over the voices; the same by voice in
        ``note_nll_by_voice`` and so on; ``nll_by_order``, notes, volumes and timbres together; and
        ``order_spread`` and ``note_order_spread``, by how much the worst order is worse than the best one, as a
        share of the best, for all columns and for notes alone.

    Raises
    ------
    TrainingError, CheckpointError
        If the data or the model cannot be used.
    """
    songs = load_songs(split_file(data, "valid"))
    network = load_network(model_folder)
    voices = list(Voice)
    all_known = {(voice, known) for order in permutations(voices) for voice, known in _pairs(order)}
    nlls = mean_nlls(network, songs, all_known)
    figures: dict[str, Any] = {
        "model": model_folder.resolve().name,
        "songs": len(songs),
        "frames": songs.n_frames,
    }
    reported = {voice: nlls[voice, known] for voice, known in _pairs(REPORTED_ORDER)}
    for column in Column:
        by_voice = {voice.name: float(nll[column]) for voice, nll in reported.items()}
        figures[f"{column.name.lower()}_nll"] = sum(by_voice.values())
        figures[f"{column.name.lower()}_nll_by_voice"] = by_voice
    by_order = {order: sum(nlls[pair] for pair in _pairs(order)) for order in permutations(voices)}
    figures["nll_by_order"] = {
        " ".join(voice.name for voice in order): float(np.sum(nll)) for order, nll in by_order.items()
    }
    figures["order_spread"] = _spread([float(np.sum(nll)) for nll in by_order.values()])
    figures["note_order_spread"] = _spread([float(np.asarray(nll)[Column.NOTE]) for nll in by_order.values()])
    return figures


def note_nll(network: Network, songs: Songs) -> float:
    """Return the note NLL in nats a frame, the four voices summed, in the order P1, P2, TR, NO."""
    nlls = mean_nlls(network, songs, set(_pairs(REPORTED_ORDER)))
    return float(sum(nll[Column.NOTE] for nll in nlls.values()))


def load_network(model_folder: Path) -> Network:
    """Load a model folder into torch; raises CheckpointError."""
    _, config = read_config(model_folder)
    arrays = read_weights(model_folder, config.shapes())
    network = Network(config)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return network.to("cuda" if torch.cuda.is_available() else "cpu")


@torch.no_grad()
def mean_nlls(
    network: Network, songs: Songs, wanted: set[tuple[Voice, Known]]
) -> dict[tuple[Voice, Known], NDArray[np.float64]]:
    """Return the mean NLL in nats, (3 columns,), of each voice given those that are known, over all frames.

    The 24 orders of the voices share 32 such pairs, so all of them together cost eight times one.
    """
    network.eval()
    device = network.is_legal.device
    total = {pair: torch.zeros(N_COLUMNS, dtype=torch.float64) for pair in wanted}
    state = network.new_state(_N_LANES)
    for segment in in_order(songs, _N_LANES, _N_FRAMES):
        batch = batch_of(segment, device)
        if segment.is_start.any():
            state = network.new_state(segment.before.shape[1])
        outputs, state = network(batch.rows, state)
        h, seen = outputs.flatten(0, 1)[batch.counts.bool()], network.see(batch.that_count())
        for voice, known in wanted:
            is_known = torch.tensor([[u in known for u in Voice]], device=device)
            losses = network.voice_losses(voice, h, seen, is_known)
            total[voice, known] += torch.stack(losses).sum(1).double().cpu()
    return {pair: nll.numpy() / songs.n_frames for pair, nll in total.items()}


def _pairs(order: tuple[Voice, ...]) -> list[tuple[Voice, Known]]:
    """Return each voice of an order with the voices before it."""
    return [(voice, frozenset(order[:place])) for place, voice in enumerate(order)]


def _spread(values: list[float]) -> float:
    return max(values) / min(values) - 1.0
