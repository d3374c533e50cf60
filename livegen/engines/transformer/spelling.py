"""A frame in words: what voices do in it, each at the time where the network most expects it.

Songs write to the chip one register after another, so what begins together is a few samples apart, in an order of the
song's own. A frame does not say which. So of several events the likeliest comes first, and a wait stands between two
where waits are likelier than the events that are left.
"""

from collections.abc import Iterable

import numpy as np

from livegen.engines.transformer.draws import FRAME, wait_within, waits_until
from livegen.engines.transformer.network import Network, Node
from livegen.engines.transformer.words import SAMPLES_OF


def is_before_song(node: Node) -> bool:
    """Tell whether nothing has been heard yet: a song begins with its first event, and not with a wait."""
    return len(node.song) == 1


class Spelling:
    """The words of a frame, one after another.

    Parameters
    ----------
    network : Network
    node : Node
        Before the frame.
    elapsed : int
        Half samples from the last word to the frame's beginning.

    Attributes
    ----------
    words : list of int
    elapsed : int
        Half samples from the last word to the beginning of the next frame.
    """

    def __init__(self, network: Network, node: Node, elapsed: int) -> None:
        self._network = network
        self._node = node
        self._n_heard = 0
        self.words: list[int] = []
        if is_before_song(node):
            self.elapsed, self._is_moment = FRAME, True
        else:
            self.elapsed = elapsed + FRAME
            self._add(int(wait_within(node.logits, elapsed, elapsed + FRAME)))

    def _add(self, word: int) -> None:
        self.words.append(word)
        self._is_moment = bool(SAMPLES_OF[word] > 0)
        self.elapsed -= 2 * int(SAMPLES_OF[word])

    @property
    def node(self) -> Node:
        """The place after its words."""
        self._node = self._network.after(self._node, self.words[self._n_heard :])
        self._n_heard = len(self.words)
        return self._node

    @property
    def may_wait(self) -> bool:
        """Whether a wait may come next: one that ends within the frame, and not a second one."""
        return not self._is_moment and self.elapsed > 2

    def waiting(self) -> tuple[float, float]:
        """Return how likely waits are that end within the frame, and those that do not, as `masses` has it."""
        inside, outside = waits_until(self.node.logits, self.elapsed)
        return (float(inside), float(outside)) if self.may_wait else (0.0, float(inside + outside))

    def wait(self) -> None:
        """Add the likeliest wait that ends within the frame."""
        self._add(int(wait_within(self.node.logits, 1, self.elapsed)))

    def act(self, word: int) -> None:
        """Add what a voice does."""
        self._add(word)

    def act_all(self, words: Iterable[int]) -> None:
        """Add what several voices do, in the order and with the waits that the network expects."""
        left = list(words)
        while left:
            if len(left) > 1 or not self._is_moment:
                logits = self.node.logits
                left.sort(key=lambda word: -logits[word])
                inside, _ = self.waiting()
                if inside > np.exp(logits[left].astype(np.float64) - logits[1:].max()).sum():
                    self.wait()
                    continue
            self.act(left.pop(0))
