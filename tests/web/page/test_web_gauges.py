"""What the gauges show is what the session is."""

import json
from collections.abc import Iterator

import pytest
from hash_engine import HashEngine
from waiting import wait_until

from livegen.events import NoteOn, SetControl
from livegen.patch import load_patch
from livegen.session.build import build_session
from livegen.session.session import Session
from livegen.session.settings import Settings
from livegen.web.page.gauges import gauges


@pytest.fixture
def session() -> Iterator[Session]:
    settings = Settings(audio="null", midi_api="none", osc_port=0, seed=7, controls={"bpm": 120.0})
    session = build_session(HashEngine(), load_patch("plain"), settings)
    session.start(lambda: None)
    yield session
    session.stop()


def test_they_show_how_the_session_stands(session: Session) -> None:
    assert wait_until(lambda: session.instrument.state.horizon >= 14)
    session.receive(SetControl("learn", "temperature"), "test")
    session.receive(SetControl("store", "verse"), "test")
    session.receive(SetControl("vae.store", "calm"), "test")
    assert wait_until(lambda: "verse" in session.instrument.state.machine.memories)
    shown = gauges(session)
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown
    assert shown["seconds"] > 0.5
    assert (shown["is_running"], shown["patch"], shown["model"]) == (True, "plain", "hash")
    assert (shown["learning"], shown["memories"], shown["take"]) == ("temperature", ["verse"], None)
    assert (shown["learning_press"], shown["song_seconds"]) == ("single", pytest.approx(shown["seconds"], abs=0.3))
    assert shown["engines"] == {"hash": {"voices": ["p1", "p2", "tr", "no"], "latents": [], "stored": []}}
    assert session.desk.pads.names("vae") == ["calm"]
    assert (shown["sound"], shown["sound_ms"], shown["block_samples"]) == ("null", 0.0, 256)
    assert (shown["midi_in"], shown["midi_out"], shown["troubles"]) == ([], [], session.status.troubles())
    assert (shown["late_frames"], shown["underflows"]) == (0, 0)
    assert 2 < shown["frames_in_hand"] < 20
    assert 0 < shown["key_to_sound_ms"] < 500
    tempo = shown["tempo"]
    assert (tempo["bpm"], tempo["source"], tempo["is_lost"], tempo["peers"]) == (120.0, "set", False, 0)
    assert 4 * (tempo["bar"] - 1) + tempo["beat"] - 1 == pytest.approx(session.seconds() * 2, abs=1.5)


def test_a_song_s_seconds_begin_with_it(session: Session) -> None:
    assert wait_until(lambda: session.instrument.state.horizon >= 24)
    session.instrument.receive(SetControl("song", "Night"), "set-list")
    session.receive(SetControl("learn", "end long"), "test")
    assert wait_until(lambda: session.instrument.state.song == "Night")
    shown = gauges(session)
    assert shown["song_seconds"] < 0.5 < shown["seconds"]
    assert (shown["learning"], shown["learning_press"]) == ("end", "long")


def test_the_meters_move(session: Session) -> None:
    session.receive(NoteOn(0, 60, 127), "test")
    assert wait_until(lambda: gauges(session)["levels"][0] > 0.5)
    assert wait_until(lambda: gauges(session)["mix"] > 0.01)
    session.receive(SetControl("panic", True), "test")
    assert wait_until(lambda: not gauges(session)["is_running"])
    assert wait_until(lambda: max(gauges(session)["levels"]) < 0.05)


def test_where_nobody_knows_the_beat_there_is_no_tempo(session: Session) -> None:
    session.receive(SetControl("bpm", 0.0), "test")
    assert wait_until(lambda: gauges(session)["tempo"]["source"] == "own")
    session.receive(SetControl("sync", "none"), "test")
    assert wait_until(lambda: gauges(session)["tempo"] is None)


def test_a_cue_is_shown_before_it_happens_and_a_count_in_counts_down(session: Session) -> None:
    assert gauges(session)["cues"] == []
    session.receive(SetControl("end", True), "test")
    assert wait_until(lambda: gauges(session)["cues"] != [])
    (cue,) = gauges(session)["cues"]
    assert (cue["name"], cue["voice"]) == ("end", None)
    assert cue["begin"] <= cue["strike"] < cue["until"]
    assert cue["strike"] % 48 == 0  # a bar line
    assert wait_until(lambda: not gauges(session)["is_running"], 10.0)
    assert not session.instrument.is_model_audible
    session.receive(SetControl("start", 2), "test")
    assert wait_until(lambda: gauges(session)["count_in"] == 2)
    assert wait_until(lambda: gauges(session)["is_running"])
    assert session.instrument.is_model_audible
