"""What is to come: the score takes it when it plans its frame, and the sound when it is due."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from livegen.controls import CONTROLS, MODEL_CONTROLS
from livegen.events import ControlChange, Event, NoteOff, NoteOn, SetControl

_SWITCHES: Final = frozenset({"start", "stop", "patch", *MODEL_CONTROLS})


@dataclass(slots=True, eq=False)
class Bundle:
    """Events that take effect together at a time to come.

    Attributes
    ----------
    time_ns : int
        On the clock of `time.perf_counter_ns`.
    sample : int
        What is made then.
    events : sequence of Event
    source : str
    is_in_score : bool
        Whether the score has taken them.
    is_overtaken : bool
        Whether something else came between that and their sound, which the score then knows in another order.
    """

    time_ns: int
    sample: int
    events: Sequence[Event]
    source: str
    is_in_score: bool = False
    is_overtaken: bool = False

    @property
    def has_keys(self) -> bool:
        """Whether there are keys among them."""
        return any(isinstance(event, (NoteOn, NoteOff)) for event in self.events)

    def sounds_ns(self, keys_ns: int) -> int:
        """Return when it is handed to the sound: with keys, which sound at their sample, `keys_ns` before its time."""
        return self.time_ns - (keys_ns if self.has_keys else 0)


class Ahead:
    """Bundles by their times; not for several threads."""

    def __init__(self) -> None:
        self._bundles: list[Bundle] = []

    @property
    def n_events(self) -> int:
        """How many events wait."""
        return sum(len(bundle.events) for bundle in self._bundles)

    def add(self, bundle: Bundle) -> None:
        """Let a bundle wait."""
        self._bundles.append(bundle)
        self._bundles.sort(key=lambda each: each.time_ns)

    def for_score(self, end_sample: int) -> list[Bundle]:
        """Return the bundles before a sample, of which the score is to know, once; they wait on until they sound."""
        due = [bundle for bundle in self._bundles if not bundle.is_in_score and bundle.sample < end_sample]
        for bundle in due:
            bundle.is_in_score = True
        return due

    def take_due(self, time_ns: int, keys_ns: int) -> list[Bundle]:
        """Return what sounds now: what is due, and so much earlier what has keys, which sound at their sample."""
        return self._take(lambda bundle: bundle.sounds_ns(keys_ns) <= time_ns)

    def next_ns(self, keys_ns: int) -> int | None:
        """Return when `take_due` has something next; None where nothing waits."""
        return min((each.sounds_ns(keys_ns) for each in self._bundles), default=None)

    @property
    def has_known(self) -> bool:
        """Whether the score knows of something that has not sounded."""
        return any(bundle.is_in_score for bundle in self._bundles)

    def overtake(self) -> None:
        """Note that something else comes first."""
        for bundle in self._bundles:
            bundle.is_overtaken |= bundle.is_in_score

    def take_known(self) -> list[Bundle]:
        """Return what the score knows and has not sounded, which waits no more."""
        return self._take(lambda bundle: bundle.is_in_score)

    def drop(self, source: str | None) -> list[Bundle]:
        """Forget what waits, of a source or of all, and return what of it the score knows."""
        dropped = self._take(lambda bundle: source in (None, bundle.source))
        return [bundle for bundle in dropped if bundle.is_in_score]

    def _take(self, is_taken: Callable[[Bundle], bool]) -> list[Bundle]:
        taken = [bundle for bundle in self._bundles if is_taken(bundle)]
        if taken:
            self._bundles = [bundle for bundle in self._bundles if bundle not in taken]
        return taken


def is_said_again(event: Event) -> bool:
    """Tell whether an event of a bundle that was overtaken is told to the score anew, so that it has the last word.

    That is what sets and what lets go; not what does something each time that it is said.
    """
    if isinstance(event, SetControl):
        return event.name in _SWITCHES or not CONTROLS[event.name].is_action
    return isinstance(event, (NoteOff, ControlChange))
