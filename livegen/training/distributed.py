"""Several processes that train one model, on GPUs or machines of their own.

`torchrun --nproc-per-node 2 -m livegen train ...` starts the command twice, and tells each process by its environment
which one it is (https://docs.pytorch.org/docs/stable/elastic/run.html). Only the first writes, reports and measures.
What depends on time or on the machine is decided by the first and told to the others, so that all take the same steps.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

from livegen.errors import TrainingError

_PATIENCE: Final = timedelta(hours=2)
"""How long a process waits for the others, which may still be measuring or reading."""

_LETTING_GO_SECONDS: Final = 0.5
"""How long a process waits before it ends, so that gloo's threads can let go of the last tensors. They need Python's
lock for it, and a thread that asks for it while Python shuts down aborts the process (pytorch/pytorch#190489): one in
a hundred did so on a busy machine."""


@dataclass(frozen=True)
class Group:
    """The processes of a run.

    Attributes
    ----------
    rank : int
        Number of this process, from 0.
    size : int
        Number of processes. It is 1 if torchrun was not used; then the methods return what they are given.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes, reports and measures."""
        return self.rank == 0

    def wrap(self, network: nn.Module) -> nn.Module:
        """Return a network that starts from the first process's weights and learns from all processes."""
        return network if self.size == 1 else DistributedDataParallel(network, forward_sync_buffers=False)

    def mean(self, *values: float) -> tuple[float, ...]:
        """Return the mean of each number over the processes."""
        if self.size == 1:
            return values
        total = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(total)
        return tuple((total / self.size).tolist())

    def of_first(self, *values: float) -> tuple[float, ...]:
        """Return the first process's numbers, in every process."""
        if self.size == 1:
            return values
        told = torch.tensor(values, dtype=torch.float64)
        dist.broadcast(told, 0)
        return tuple(told.tolist())

    def gather(self, value: Tensor) -> list[Tensor]:
        """Return the tensor of every process, in the order of the ranks, on the CPU; all have one shape and type."""
        value = value.detach().cpu().contiguous()
        if self.size == 1:
            return [value]
        found = [torch.empty_like(value) for _ in range(self.size)]
        dist.all_gather(found, value)
        return found


def own_group() -> Group:
    """Return the group as torchrun has set it in the environment, or a group of one.

    Raises
    ------
    TrainingError
        If the environment has no valid rank and size.
    """
    rank, size = os.environ.get("RANK", "0"), os.environ.get("WORLD_SIZE", "1")
    if not (rank.isdecimal() and size.isdecimal() and int(rank) < int(size)):
        raise TrainingError(f"RANK is {rank!r} of WORLD_SIZE {size!r}: start several processes with torchrun")
    return Group(int(rank), int(size))


def device_of_process() -> torch.device:
    """Return where this process computes: its own GPU of the machine, the GPU, or the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


def wait_for_device() -> None:
    """Wait until a GPU has done what it was given."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def alone(what: str) -> Group:
    """Return the group of a run that one process does; raises TrainingError if there are several."""
    group = own_group()
    if group.size > 1:
        raise TrainingError(f"{what} is trained by one process and not by {group.size}: start it without torchrun")
    return group


@contextmanager
def joined() -> Iterator[Group]:
    """Yield the group of this process, connected to the others: by gloo, and by NCCL between GPUs.

    Raises
    ------
    TrainingError
        If the others cannot be reached.
    """
    group = own_group()
    if group.size == 1:
        yield group
        return
    backend = "cpu:gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(device_of_process())
        if torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", "1")):
            backend += ",cuda:nccl"
        else:
            backend += ",cuda:gloo"  # NCCL needs a GPU for each process
    try:
        dist.init_process_group(backend, timeout=_PATIENCE)
    except (ValueError, RuntimeError) as error:
        raise TrainingError(f"the {group.size} processes cannot meet: {error}; start them with torchrun") from error
    try:
        yield group
        dist.barrier()  # without it, a process may abort when another has already left the group
    finally:
        dist.destroy_process_group()
        time.sleep(_LETTING_GO_SECONDS)
