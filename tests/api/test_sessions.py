"""Sessions that programs play: how they are cut into runs changes nothing, and on devices they are those of a jam."""

from pathlib import Path

import mido
import numpy as np
import pytest

from livegen.api import Live, Model, Score, Session, load_model, render
from livegen.errors import AudioError, ControlError, ScoreError

NO_DEVICES = Live(audio="null", midi_api="none", osc_port=0)
DOWN, UP = mido.Message("note_on", note=64, velocity=90), mido.Message("note_off", note=64)


@pytest.fixture(scope="module")
def loaded(model: Path) -> Model:
    return load_model(model)


def test_how_it_is_cut_into_runs_changes_nothing(loaded: Model) -> None:
    whole, cut = Session(5, model=loaded), Session(5, model=loaded)
    for session in (whole, cut):
        session.send(DOWN, at=0.3)
        session.send(UP, at=0.8)
        session.set("temperature", 0.5, at=0.5)
    whole.run(1.5)
    for _ in range(15):
        cut.run(0.1)
        assert len(cut.frames) == round(cut.seconds * 24)
    assert whole.seconds == cut.seconds == 1.5
    assert np.array_equal(whole.frames, cut.frames)
    assert np.array_equal(whole.score.samples(), cut.score.samples())


def test_what_comes_between_two_runs_is_in_the_frame_that_begins_there(loaded: Model) -> None:
    for n in range(1, 8):  # where the start of a frame is a whole number of nanoseconds, and where it is not
        session = Session(5, model=loaded)
        session.run(n / 24)
        session.send(DOWN)
        session.run(0.5)
        assert session.frames[n : n + 3, 0, 0].tolist() == [64] * 3
        assert not session.score.is_player[:n].any()


def test_its_score_is_what_was_played(loaded: Model) -> None:
    session = Session(5, {"p2.role": "off"}, model=loaded)
    session.run(0.5)
    session.send(DOWN)
    first = session.score
    session.run(1)
    assert np.array_equal(session.score.frames, session.frames)
    assert np.array_equal(first.frames, session.frames[:12])
    assert session.score.seed == session.seed == 5


def test_without_a_performer_it_is_a_render(loaded: Model) -> None:
    session = Session(5, {"temperature": 0.7}, model=loaded, patch="lead")
    session.run(1)
    rendered = render(1, 5, {"temperature": 0.7}, model=loaded, patch="lead")
    assert np.array_equal(session.score.samples(), rendered.samples())


def test_on_devices_it_plays_as_time_passes(loaded: Model, tmp_path: Path) -> None:
    with Session(5, model=loaded, live=NO_DEVICES) as session:
        session.run(0.2)
        session.send(DOWN)
        session.set("temperature", 0.5)
        session.run(0.4)
        assert session.controls["temperature"] == 0.5
        standing = session.frames
    score = session.score
    assert session.seconds >= 0.6
    assert np.array_equal(score.frames[: len(standing)], standing)
    assert score.is_player[-1, 0]
    assert score.frames[-1, 0, 0] == 64
    score.to_audio(tmp_path / "a.wav")
    with pytest.raises(AudioError, match="closed"):
        session.run(1)
    session.close()


def test_a_take_is_kept_where_that_is_asked_for(loaded: Model, tmp_path: Path) -> None:
    devices = Live(audio="null", midi_api="none", osc_port=0, take=tmp_path)
    with Session(5, model=loaded, live=devices) as session:
        session.run(0.3)
    (take,) = tmp_path.iterdir()
    assert np.array_equal(Score.from_take(take).frames, session.score.frames)


def test_what_is_wrong_is_said_in_one_sentence(loaded: Model) -> None:
    session = Session(5, model=loaded)
    with pytest.raises(ScoreError, match="nothing was played yet"):
        _ = session.score
    with pytest.raises(ScoreError, match="cannot go on for -1 seconds"):
        session.run(-1)
    with pytest.raises(ControlError, match="says nothing to livegen"):
        session.send(mido.Message("sysex"))
    with pytest.raises(ControlError, match="says nothing to livegen"):
        session.send("note_on")
    with pytest.raises(ControlError, match="cannot change on the offline clock"):
        session.set("model", "solo")
    with pytest.raises(ControlError, match="no control"):
        session.set("loudness", 1)
    with pytest.raises(AudioError):
        Session(5, model=loaded, live=Live(audio="no such device", midi_api="none", osc_port=0))
