"""The live step done simply in torch: the Numba step's speed and results are compared with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from livegen.engines.lstm import ear, features
from livegen.engines.lstm.memory import Memory, Past
from livegen.score import N_VOICES, Voice
from livegen.training.dataset import Segment
from livegen.training.evaluate import load_network
from livegen.training.model import batch_of


class TorchStep:
    """The network in torch on the CPU: it hears one frame at a time, and predicts one voice after another.

    Voices that the network does not have must be silent in the frames that it hears.

    Parameters
    ----------
    model_folder : Path
        As `livegen.engines.checkpoint.load_engine` takes.

    Raises
    ------
    CheckpointError
        If the model cannot be used.
    """

    def __init__(self, model_folder: Path) -> None:
        self._network = load_network(model_folder).cpu().eval()
        self._state = self._network.new_state(1)
        self._heard = np.zeros((N_VOICES, features.N_HEARD), np.uint8)
        self._is_start = True
        self._profiles = np.zeros((ear.N_PROFILES, ear.N_PITCH_CLASSES), np.float32)
        self._memory = Memory()
        self._past: Past | None = None
        self._is_known = [torch.tensor([[u < voice for u in Voice]]) for voice in Voice]

    @torch.inference_mode()
    def step(self, frame: NDArray[np.uint8], target: NDArray[np.uint8]) -> float:
        """Hear a frame, and compute what is expected of every voice of the next one.

        Each draw changes what the voices after it see. So the inputs are looked up anew for each voice, as in the live
        step. The draws themselves are left out: the next frame is given.

        Parameters
        ----------
        frame, target : ndarray of uint8, shape (4, 3)
            The frame that is heard, and the one after it.

        Returns
        -------
        float
            The negative log-likelihood of `target` in nats; the network's voices are in the order P1, P2, TR, NO.
        """
        network = self._network
        heard, next_heard = np.empty_like(self._heard), np.empty_like(self._heard)
        features.hear(frame, self._heard, heard)
        features.hear(target, heard, next_heard)
        self._past, proposals = self._memory.hear(self._past, frame)
        profiles, harmony = np.empty_like(self._profiles), np.empty((ear.N_EAR, ear.N_PITCH_CLASSES), np.float32)
        ear.hear_harmony(frame, 0, 0, ear.NO_BASS, self._profiles, profiles, harmony)
        self._profiles = profiles
        segment = Segment(
            before=heard[None, None],
            target=next_heard[None, None],
            proposals=proposals[None, None],
            beat=features.NO_BEAT[None, None],
            harmony=harmony[None, None],
            performed=np.zeros((1, 1), np.uint8),
            weights=np.ones((1, 1, N_VOICES), np.float32),
            is_turn=np.zeros((1, 1, N_VOICES), np.bool_),
            is_start=np.array([self._is_start]),
            n_frames=np.ones(1, np.int64),
        )
        batch = batch_of(segment, torch.device("cpu"), network.config.leaves_out)
        h, self._state = network(batch.rows, self._state)
        self._heard, self._is_start = heard, False
        total = 0.0
        for voice in network.config.voices:
            seen = network.see(batch)
            total += float(sum(network.voice_losses(voice, h[0], seen, self._is_known[voice])))
        return total


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread only while the body runs, as the live step does."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
