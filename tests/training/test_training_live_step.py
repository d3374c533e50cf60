from pathlib import Path

import numpy as np
import pytest
from songs import song

torch = pytest.importorskip("torch")

from livegen.score import SILENCE, Voice  # noqa: E402
from livegen.training.data.songs import songs_of  # noqa: E402
from livegen.training.dataset import in_order  # noqa: E402
from livegen.training.evaluate import load_network  # noqa: E402
from livegen.training.live_step import TorchStep, one_thread  # noqa: E402
from livegen.training.model import batch_of  # noqa: E402

DEFAULT = Path(__file__).parents[2] / "models" / "default"
N_FRAMES = 40


def test_steps_one_by_one_agree_with_one_pass_over_the_song():
    frames = song(1, N_FRAMES)
    network = load_network(DEFAULT).cpu().eval()
    batch = batch_of(next(in_order(songs_of([frames]), 1, N_FRAMES)), torch.device("cpu"))
    known = torch.tensor([[u < v for u in Voice] for v in Voice]).expand(N_FRAMES, -1, -1)
    with torch.no_grad():
        h, _ = network(batch.rows, network.new_state(1))
        losses = network.losses(h.flatten(0, 1), batch, known)
    expected = sum(column.sum(1) for column in losses[:3]).numpy()
    step = TorchStep(DEFAULT)
    heard = [SILENCE, *frames[:-1]]
    got = [step.step(frame, target) for frame, target in zip(heard, frames, strict=True)]
    assert np.array(got) == pytest.approx(expected, abs=1e-3)


def test_torch_has_its_threads_back_afterwards():
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
