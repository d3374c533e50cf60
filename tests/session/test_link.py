"""What Link is told of the performance's beat, and a session that shares a real one."""

import math
import time

import numpy as np
import pytest
from hash_engine import HashEngine
from waiting import wait_until

from livegen.controls import DEFAULTS
from livegen.events import LinkBeat, SetControl, StampedEvent
from livegen.patch import load_patch
from livegen.performance.tempo import Tempo
from livegen.session.build import build_session
from livegen.session.link import own_beat
from livegen.session.settings import Settings

PLACES_TESTED = 200


def test_link_is_told_of_the_beat_without_the_offset_and_of_none_where_it_is_its_own() -> None:
    values = {**DEFAULTS, "phase_offset": 250.0}
    nobody_s = own_beat(Tempo.at_start({**values, "sync": "none"}), 48.0, 4)
    assert (nobody_s.beats, nobody_s.by_hand_bpm, nobody_s.is_links) == (None, None, False)
    tempo = Tempo.at_start({**values, "bpm": 90.0})
    told = own_beat(tempo, 48.0, 3)
    assert (told.beats_a_bar, told.beats, told.bpm, told.by_hand_bpm) == (3, pytest.approx(3.0), 90.0, 90.0)
    tempo = tempo.hear(StampedEvent(SetControl("bpm", 100.0), "osc", 50.0), values)
    tempo = tempo.hear(StampedEvent(LinkBeat(1.0, 120.0, 1), "link", 60.0), values)
    told = own_beat(tempo, 60.0, 4)
    assert (told.beats, told.bpm, told.is_links) == (None, 120.0, True)
    assert (told.by_hand_bpm, told.by_hand_at) == (pytest.approx(100.0), 50.0)


def test_a_session_keeps_to_the_bars_of_another_peer_and_tells_it_of_a_new_tempo() -> None:
    link = pytest.importorskip("link", reason="the extra link is not installed")
    other = link.Link(97.0)
    other.enabled = True
    session = build_session(
        HashEngine(),
        load_patch("plain"),
        Settings(audio="null", midi_api="none", osc_port=0, link=True, controls={"beats_a_bar": 3}),
    )
    try:
        session.start(lambda: None)
        if not wait_until(lambda: other.numPeers() == 1 and session.instrument.state.tempo.link.n_peers == 1, 5.0):
            pytest.skip("no peer is found: this machine passes no multicast")
        assert wait_until(lambda: session.instrument.state.tempo.source == "link")
        state = other.captureAppSessionState()
        state.setTempo(140.0, other.clock().micros())
        other.commitAppSessionState(state)
        assert wait_until(lambda: session.instrument.state.tempo.period_frames == pytest.approx(60 * 24 / 140))
        apart_seconds = []
        for _ in range(PLACES_TESTED):
            time_ns, micros = time.perf_counter_ns(), other.clock().micros()
            beats = session.instrument.state.tempo.beats_at(session.clock.position_at(time_ns))
            phase = other.captureAppSessionState().phaseAtTime(micros, 3)
            apart_seconds.append(math.remainder(beats - phase, 3) * 60 / 140)
        assert np.median(np.abs(apart_seconds)) < 0.005
        session.instrument.receive(SetControl("bpm", 100.0), "test")
        assert wait_until(lambda: other.captureAppSessionState().tempo() == pytest.approx(100.0))
        assert session.instrument.state.tempo.source == "link"
    finally:
        session.stop()
        other.enabled = False
    assert session.status.faults == 0
