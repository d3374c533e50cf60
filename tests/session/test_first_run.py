"""The first run of all: keys sound before the models are compiled, and the models join in."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from recorded_jam import TOLD
from waiting import wait_until

from livegen.engines.checkpoint import load_engine
from livegen.events import NoteOn
from livegen.instrument.compile import Compiling
from livegen.patch import load_patch
from livegen.rig import Rig, load_library
from livegen.session.build import build_session
from livegen.session.session import Session
from livegen.session.settings import Settings
from livegen.system import kernels
from livegen.system.resources import model_folder
from livegen.takes.library import find_take
from livegen.takes.replay import check
from livegen.takes.take import Take

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it waits until all is compiled")


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session for which nothing seems to be compiled."""
    marked: list[bool] = []
    monkeypatch.setattr("livegen.instrument.compile.is_compiled", lambda: bool(marked))
    monkeypatch.setattr("livegen.instrument.compile.mark_compiled", lambda: marked.append(True))
    settings = Settings(
        audio="null",
        midi_api="none",
        osc_port=0,
        seed=7,
        library=load_library(Rig()),
        take=replace(TOLD, folder=tmp_path),
        is_patient=False,
    )
    session = build_session(load_engine(model_folder("default")), load_patch("plain"), settings)
    yield session
    session.stop()
    assert marked


def test_keys_sound_at_once_and_the_model_joins_in(session: Session, tmp_path: Path) -> None:
    assert session.model == "rest"
    assert session.desk.news == "loading the model default"
    session.receive(NoteOn(0, 60, 100), "test")
    session.start(lambda: None)
    assert wait_until(lambda: session.instrument.callback["synth"]["voices"]["playing"]["note"][0, 0] == 60)
    state = lambda: session.instrument.state  # noqa: E731  # it changes
    assert wait_until(lambda: session.model == "default" and state().ears is None, 180.0)
    assert wait_until(lambda: any(step.planned.frame[1:, 0].any() for step in state().timeline.steps), 60.0)
    assert session.rig().model is None  # nobody has asked for another
    assert session.status.faults == 0
    session.stop()
    take = Take(find_take(None, tmp_path))
    assert take.head.model["name"] == "rest"
    engine = load_engine(Path(take.head.model["folder"]))
    outcome = check(take, engine, load=lambda each: load_engine(Path(each.folder)))
    assert outcome.difference == ""


def test_who_is_patient_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livegen.instrument.compile.is_compiled", lambda: False)
    assert Compiling.is_wanted()
    settings = Settings(audio="null", midi_api="none", osc_port=0)
    session = build_session(load_engine(model_folder("default")), load_patch("plain"), settings)
    assert session.model == "default"
    session.stop()


def test_once_all_is_compiled_nobody_waits() -> None:
    if kernels.is_compiled():
        assert not Compiling.is_wanted()
