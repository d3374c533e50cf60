"""What comes in one frame: first what is settled, then what the voices that are drawn do, as often as one acts.

Each voice is asked in turn whether it is the next one, given that those asked before are not, and what is settled
already. That a voice which could have acted did not makes it less likely that anybody acts, and more likely that it is
one of the others who does. Once one acts, all that have not are asked again, with what it did known.
"""

from collections.abc import Callable, Mapping, Set
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.lstm.draws import Shape
from livegen.engines.sampling import uniform
from livegen.engines.transformer.draws import SURE, begins, masses, may_act
from livegen.engines.transformer.network import Network, Node
from livegen.engines.transformer.spelling import Spelling, is_before_song
from livegen.score import N_VOICES, Voice

Ask = Callable[[Voice, float, NDArray[np.float32], float], tuple[int | None, float]]
"""Draws what a voice does, of the voice, the probability that it acts, the logits of words, and a number: the word, or
None and what is left of the number."""

_MOST_TURNS: Final = 12
_TINY: Final = 1e-300
_TOGETHER: Final = 0.7
"""How much of what was expected of voices that stay silent falls to the others: songs' voices often act together, but a
network that goes from event to event tells of one at a time."""

_ACTS, _GOES_ON = 0, 1
"""Given to `uniform` in place of a column, and the turn in place of a voice: who acts, and whether anything follows."""


class Group:
    """What comes in one frame.

    Parameters
    ----------
    network : Network
    node : Node
        Before the frame.
    elapsed : int
        Half samples from the last word to the frame's beginning.
    frame : ndarray of uint8, shape (4, 3)
        The frame before.
    due : mapping of Voice to int
        What is known to come: the words of voices that are settled.
    silent : set of Voice
        Voices that are known to do nothing.

    Attributes
    ----------
    happens : float
        The probability that any voice acts, as far as is known before one is asked.
    """

    def __init__(
        self,
        network: Network,
        node: Node,
        elapsed: int,
        frame: NDArray[np.uint8],
        due: Mapping[Voice, int],
        silent: Set[Voice],
    ) -> None:
        self._network, self._node, self._elapsed = network, node, elapsed
        self._frame = frame
        self._due = due
        self._settled = set(silent) | set(due)
        self.happens = SURE if due or is_before_song(node) else float(begins(node.logits, elapsed))

    def _begun(self) -> Spelling:
        """Return the frame with what is settled."""
        spelling = Spelling(self._network, self._node, self._elapsed)
        spelling.act_all(self._due.values())
        return spelling

    def settled_words(self) -> list[int]:
        """Return the words of what is settled, with the waits before and between; none where nothing is to come."""
        return self._begun().words if self._due else []

    def may_act(self, on_grid: float, shape: Shape, seed: np.uint64, frame_index: int) -> bool:
        """Tell whether `draw` could let any voice act: most frames are quickly told to be empty."""
        return self.happens >= SURE or bool(may_act(self.happens, on_grid, shape, uniform(seed, frame_index, 0, _ACTS)))

    def draw(self, voices: list[Voice], ask: Ask, seed: np.uint64, frame_index: int) -> None:
        """Ask voices until none of them acts any more."""
        spelling, is_begun, left = self._begun(), bool(self._due), list(voices)
        for turn in range(_MOST_TURNS):
            if not left:
                return
            acts = self._next(spelling, left, is_begun, ask, uniform(seed, frame_index, turn, _ACTS))
            if acts is not None:
                voice, word = acts
                left.remove(voice)
                self._settled.add(voice)
                spelling.act(word)
                is_begun = True
                continue
            inside, outside = spelling.waiting()
            if not is_begun or uniform(seed, frame_index, turn, _GOES_ON) * (inside + outside) >= inside:
                return
            spelling.wait()

    def _next(
        self, spelling: Spelling, left: list[Voice], is_begun: bool, ask: Ask, number: float
    ) -> tuple[Voice, int] | None:
        """Return the voice that acts next, of those that are left, and its word; None where none does."""
        shares, rest = self._shares(spelling, is_begun), 1.0
        for voice in left:
            chance = min(shares[voice] / rest, SURE) if rest > 0.0 else SURE
            word, number = ask(voice, chance, spelling.node.logits, number)
            if word is not None:
                return voice, word
            rest -= shares[voice]
        return None

    def _shares(self, spelling: Spelling, is_begun: bool) -> NDArray[np.float64]:
        """Return the probability of each voice to be the next one, and that of a wait within the frame, (5,)."""
        found = np.empty(N_VOICES)
        masses(spelling.node.logits, self._frame, found)
        if not is_begun:  # a voice that is silent may be the one that was expected, and may not be alone
            expected = found.sum()
            found[list(self._settled)] = 0.0
            own = found.sum()
            shared = own + _TOGETHER * (expected - own)
            return np.append(self.happens * found / max(own, _TINY) * shared / max(expected, _TINY), 0.0)
        inside, outside = spelling.waiting()
        found[list(self._settled)] = 0.0
        return np.append(found, inside) / max(found.sum() + inside + outside, _TINY)

    def chance(self, voice: Voice) -> tuple[float, NDArray[np.float32]]:
        """Return the probability that a voice is the next to act after what is settled, and the logits of words."""
        spelling, is_begun = self._begun(), bool(self._due)
        shares = self._shares(spelling, is_begun)
        chance, goes_on = float(shares[voice]), float(shares[N_VOICES])
        if goes_on > 0.0:
            spelling.wait()
            chance += goes_on * float(self._shares(spelling, is_begun)[voice])
        return min(chance, SURE), spelling.node.logits
