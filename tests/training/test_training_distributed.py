import json
import signal

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.numpy import load_file  # noqa: E402
from songs import song, write_splits  # noqa: E402
from tiny_training import run, start_group  # noqa: E402

from livegen.errors import TrainingError  # noqa: E402
from livegen.training.curve import read_curve  # noqa: E402
from livegen.training.data.songs import songs_of  # noqa: E402
from livegen.training.dataset import Lanes  # noqa: E402
from livegen.training.distributed import Group, own_group  # noqa: E402

PATIENCE_SECONDS = 240.0


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_splits(tmp_path_factory.mktemp("data"))


def train_together(*arguments):
    """Return how two processes ended, and what they said."""
    processes = start_group(2, *arguments)
    try:
        words = [process.communicate(timeout=PATIENCE_SECONDS)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [process.returncode for process in processes], words


@pytest.fixture(scope="module")
def unbroken(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "two"
    codes, words = train_together(data, out, 12, 0.0)
    assert codes == [0, 0], words
    return out, [text.splitlines()[-1] for text in words]


def test_two_processes_take_the_same_steps_and_one_writes(unbroken):
    out, said = unbroken
    assert said[0] == said[1]  # the mean loss of both, after the same twelve steps
    assert said[0].startswith("12 ")
    assert [row.step for row in read_curve(out)] == list(range(1, 13))
    record = json.loads((out / "run.json").read_text())
    assert (record["processes"], len(record["parts"])) == (2, 1)
    assert record["parts"][0]["status"] == "finished"


def test_each_has_songs_of_its_own(unbroken):
    out, _ = unbroken
    kept = load_file(out / "resume.safetensors")
    h = kept["state.h"]
    assert h.shape[1] == 8
    assert not np.allclose(h[:, :4], h[:, 4:])


def test_a_killed_group_goes_on_and_ends_where_an_unbroken_one_does(data, unbroken, tmp_path):
    out, said = unbroken
    codes, words = train_together(data, tmp_path, 12, 0.0, "die-at-5")
    assert codes[0] == -signal.SIGKILL, words
    assert codes[1] != 0  # and it does not wait for ever
    codes, words = train_together(data, tmp_path, 12, 0.0, "resume")
    assert codes == [0, 0], words
    assert [text.splitlines()[-1] for text in words] == said
    expected, got = load_file(out / "weights.safetensors"), load_file(tmp_path / "weights.safetensors")
    for name, array in expected.items():
        np.testing.assert_allclose(got[name], array, atol=2e-3, err_msg=name)
    with pytest.raises(TrainingError, match="processes if several"):
        run(data, tmp_path, 20, 0.0, resume=True)


def test_processes_share_out_the_songs_of_an_epoch():
    songs = songs_of([song(i) for i in range(7)])
    taken = []
    for rank in range(2):
        lanes = Lanes(songs, n_lanes=7, n_frames=8, seed=3, rank=rank, n_ranks=2)
        lanes.next_segment()
        taken += [(epoch, song) for epoch, song, _ in lanes.position()[1:]]
    assert sorted(taken) == [(epoch, song) for epoch in range(2) for song in range(7)]


def test_a_group_of_one_does_nothing():
    group = Group()
    network = torch.nn.Linear(2, 2)
    assert group.wrap(network) is network
    assert group.mean(1.0, 2.0) == group.of_first(1.0, 2.0) == (1.0, 2.0)
    (own,) = group.gather(torch.tensor([3]))
    assert own.tolist() == [3]


@pytest.mark.parametrize(("rank", "size"), [("2", "2"), ("-1", "2"), ("0", "0"), ("x", "2"), ("0", "")])
def test_an_environment_that_cannot_be_is_refused(monkeypatch, rank, size):
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", size)
    with pytest.raises(TrainingError, match="torchrun"):
        own_group()
