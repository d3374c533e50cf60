"""Link: what is told and when, with real peers in this process where they find each other."""

import builtins
import time
from collections.abc import Iterator
from types import ModuleType

import pytest
from waiting import wait_until

from livegen.errors import PortError
from livegen.events import LinkBeat
from livegen.inputs.link import LinkInput, OwnBeat


def test_without_the_package_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    imports = builtins.__import__

    def refuse(name: str, *args: object, **kwargs: object) -> ModuleType:
        if name == "link":
            raise ImportError(name)
        return imports(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(PortError, match=r"pip install 'livegen\[link\]'"):
        LinkInput(lambda beat, time_ns: None, lambda time_ns: OwnBeat())


class Peer:
    """A `LinkInput` that remembers what it told."""

    def __init__(self) -> None:
        pytest.importorskip("link", reason="the extra link is not installed")
        self.own = OwnBeat()
        self.told: list[tuple[LinkBeat, int]] = []
        self.input = LinkInput(lambda beat, time_ns: self.told.append((beat, time_ns)), lambda time_ns: self.own)

    def polled(self) -> LinkBeat:
        """Return the beat that was told last, after a poll."""
        self.input.poll()
        return self.told[-1][0]


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.input.close()


@pytest.fixture
def other(peer: Peer) -> Iterator[Peer]:
    """Return another peer in the same session."""
    other = Peer()
    if not wait_until(lambda: peer.polled().peers == 1 and other.polled().peers == 1, 5.0):
        other.input.close()
        pytest.skip("no peer is found: this machine passes no multicast")
    yield other
    other.input.close()


def test_a_beat_is_told_with_its_time_and_again_only_when_it_is_news(peer: Peer) -> None:
    before_ns = time.perf_counter_ns()
    peer.input.poll()
    ((first, first_ns),) = peer.told
    assert before_ns <= first_ns <= time.perf_counter_ns()
    for _ in range(20):
        peer.input.poll()
    if time.perf_counter_ns() - first_ns < 100_000_000:
        assert len(peer.told) == 1
    assert wait_until(lambda: peer.polled() is not first)
    (second, second_ns) = peer.told[1]
    assert (second_ns - first_ns) / 1e9 >= 0.125
    assert second.beats - first.beats == pytest.approx((second_ns - first_ns) / 1e9 * first.bpm / 60, abs=0.002)


def test_alone_link_takes_over_tempo_and_bars_of_the_performance(peer: Peer) -> None:
    peer.own = OwnBeat(beats_a_bar=3, beats=7.25, bpm=90.0)
    beat = peer.polled()
    assert beat.beats == pytest.approx(7.25, abs=1e-3)
    assert (beat.bpm, beat.peers) == (pytest.approx(90.0), 0)


def test_with_others_only_a_tempo_by_hand_goes_out_and_no_phase(peer: Peer, other: Peer) -> None:
    before, before_ns = peer.polled(), peer.told[-1][1]
    peer.own = OwnBeat(beats=before.beats + 1.7, bpm=77.0)  # the session goes by its own tempo: Link is not followed
    assert peer.polled().bpm == before.bpm
    peer.own = OwnBeat(by_hand_bpm=77.0, by_hand_at=5.0)
    assert peer.polled().bpm == before.bpm
    peer.own = OwnBeat(by_hand_bpm=78.0, by_hand_at=6.0, is_links=True)
    changed, changed_ns = peer.polled(), peer.told[-1][1]
    assert changed.bpm == pytest.approx(78.0)
    assert changed.beats == pytest.approx(before.beats + (changed_ns - before_ns) / 1e9 * before.bpm / 60, abs=0.01)
    assert wait_until(lambda: other.polled().bpm == pytest.approx(78.0))


def test_an_old_tempo_by_hand_is_not_told_to_those_who_are_joined(peer: Peer) -> None:
    peer.own = OwnBeat(by_hand_bpm=78.0, by_hand_at=6.0)
    before = peer.polled()
    peer.own = OwnBeat(by_hand_bpm=78.0, by_hand_at=6.0, is_links=True)
    assert peer.polled().bpm == before.bpm
