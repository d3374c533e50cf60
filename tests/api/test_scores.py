"""Scores that programs render, read and write: the same as the commands make them."""

import re
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from typer.testing import CliRunner

from livegen.api import Model, Score, load_model, render
from livegen.cli.app import app
from livegen.errors import CheckpointError, ControlError, FormatError, LivegenError, ScoreError
from livegen.formats.score.kinds import SCORE_ENDINGS
from livegen.score import NOTE_RANGE, TIMBRE_MAX, VOLUME_MAX, Voice

SECONDS = 1.5
KEYS = [
    (0.1, mido.Message("note_on", note=64, velocity=100)),
    (0.7, mido.Message("note_off", note=64)),
    (0.7, mido.Message("note_on", note=67, velocity=50)),
]


@pytest.fixture(scope="module")
def loaded(model: Path) -> Model:
    return load_model(model)


@pytest.fixture(scope="module")
def prompt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prompt") / "keys.mid"
    track = mido.MidiTrack([message.copy(time=0) for _, message in KEYS])
    for message, ticks in zip(track, (96, 576, 0), strict=True):
        message.time = ticks
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(track)
    file.save(path)
    return path


@pytest.mark.parametrize(
    ("name", "options", "write"),
    [
        ("a.wav", [], lambda score, path: score.to_audio(path)),
        (
            "a.flac",
            ["--rate", "44100", "--audio-channels", "voices"],
            lambda s, p: s.to_audio(p, rate=44100, voices=True),
        ),
        ("a.vgm", ["--title", "T", "--author", "A"], lambda s, p: s.to_vgm(p, title="T", author="A")),
        ("a.nsf", ["--loop-from", "0.5"], lambda score, path: score.to_vgm(path, loop_from=0.5)),
        ("a.mid", ["--title", "T"], lambda score, path: score.to_midi(path, title="T")),
        ("b.mid", ["--midi-layout", "daw"], lambda score, path: score.to_midi(path, layout="daw")),
        ("a.npz", [], lambda score, path: score.to_file(path)),
        ("a.svg", [], lambda score, path: score.to_file(path)),
        ("a.ftm.txt", [], lambda score, path: score.to_file(path)),
    ],
)
def test_it_is_what_the_command_renders(
    name: str, options: list[str], write: Any, model: Path, loaded: Model, prompt: Path, tmp_path: Path
) -> None:
    score = render(SECONDS, 5, {"temperature": 0.8}, prompt, model=loaded, patch="lead")
    write(score, tmp_path / name)
    (tmp_path / "command").mkdir()
    said = ["--seconds", SECONDS, "--seed", 5, "--set", "temperature=0.8", "--prompt", prompt, "--patch", "lead"]
    arguments = ["render", tmp_path / "command" / name, "--model", model, *said, *options]
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "command" / name).read_bytes() == (tmp_path / name).read_bytes()


def test_messages_are_a_prompt_as_their_file_is(loaded: Model, prompt: Path) -> None:
    by_file, by_messages = (render(SECONDS, 5, prompt=said, model=loaded) for said in (prompt, KEYS))
    assert np.array_equal(by_file.frames, by_messages.frames)
    assert by_file.is_player[:, 0].tolist() == [False] * 2 + [True] * 34
    assert by_file.frames[3:16, 0, 0].tolist() == [64] * 13


def test_a_seed_that_was_drawn_is_told(loaded: Model) -> None:
    score = render(0.5, model=loaded)
    assert np.array_equal(render(0.5, score.seed, model=loaded).frames, score.frames)
    assert not np.array_equal(render(0.5, (score.seed or 0) + 1, model=loaded).frames, score.frames)


def test_samples_are_those_of_the_file(loaded: Model, tmp_path: Path) -> None:
    rendered = render(1, 5, model=loaded)
    # What was not played is made in double precision, so that single precision may round to the next level.
    for score, most in ((rendered, 0), (Score.from_frames(rendered.frames), 1)):
        score.to_audio(tmp_path / "a.wav", voices=True)
        written, rate = soundfile.read(tmp_path / "a.wav", dtype="int16")
        samples = score.samples(voices=True)
        assert (rate, samples.shape, samples.dtype) == (48_000, (48_000, 4), np.float32)
        assert np.abs(np.rint(np.clip(samples, -1, 1) * 32767) - written).max() <= most
        assert np.abs(samples).max() > 0.05


def test_frames_are_read_only(loaded: Model) -> None:
    with pytest.raises(ValueError, match="read-only"):
        render(0.5, 5, model=loaded).frames[0, 0, 0] = 60


@st.composite
def frames(draw: st.DrawFn) -> np.ndarray:
    n = draw(st.integers(1, 30))
    columns = []
    for voice in Voice:
        lowest, highest = NOTE_RANGE[voice]
        note = draw(arrays(np.uint8, n, elements=st.sampled_from([0, lowest, (lowest + highest) // 2, highest])))
        volume = draw(arrays(np.uint8, n, elements=st.integers(0, VOLUME_MAX[voice])))
        timbre = draw(arrays(np.uint8, n, elements=st.integers(0, TIMBRE_MAX[voice])))
        columns.append(np.stack([note, volume, timbre], axis=1))
    return np.stack(columns, axis=1)


@given(frames())
def test_frames_come_back_from_every_exact_file(tmp_path_factory: pytest.TempPathFactory, made: np.ndarray) -> None:
    folder = tmp_path_factory.getbasetemp()
    for ending in SCORE_ENDINGS:
        if ending in (".npz", ".exprsco.pkl"):
            Score.from_frames(made).to_file(folder / f"exact{ending}")
            assert np.array_equal(Score.from_file(folder / f"exact{ending}").frames, made)


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        (lambda model, path: render(0, model=model), ScoreError, "music of 0 seconds"),
        (lambda model, path: render(float("nan"), model=model), ScoreError, "up to 36000"),
        (lambda model, path: render(1, -1, model=model), ControlError, "a seed is a number of 0"),
        (lambda model, path: render(1, 1, {"loudness": 3}, model=model), ControlError, "no control 'loudness'"),
        (lambda model, path: render(1, 1, {"panic": True}, model=model), ControlError, "panic is no setting"),
        (lambda model, path: render(1, 1, prompt=path / "no.mid", model=model), FormatError, "is not a file"),
        (lambda model, path: render(1, 1, model="nobody"), CheckpointError, "there is no model 'nobody'"),
        (lambda model, path: render(1, 1, patch="nothing", model=model), LivegenError, "nothing"),
        (lambda model, path: load_model("default", {"p9": "gan"}), CheckpointError, "there is no voice 'p9'"),
        (lambda model, path: render(1, 1, model=model).to_audio(path / "a.mp3"), FormatError, "end in .wav or .flac"),
        (lambda model, path: render(1, 1, model=model).to_midi(path / "a.wav"), FormatError, "end in .mid or .midi"),
        (lambda model, path: render(1, 1, model=model).to_vgm(path / "a.mid"), FormatError, "end in .vgm"),
        (lambda model, path: render(1, 1, model=model).to_file(path / "a.txt"), FormatError, "cannot be rendered"),
        (lambda model, path: render(1, 1, model=model).to_audio(path / "x" / "a.wav"), FormatError, "no folder"),
        (lambda model, path: render(1, 1, model=model).samples(7), FormatError, "7 Hz is not to be had"),
        (
            lambda model, path: render(1, 1, model=model).to_midi(path / "a.mid", layout="x"),
            FormatError,
            "exact or daw",
        ),
        (lambda model, path: render(1, 1, model=model).to_vgm(path / "a.vgm", loop_from=1), FormatError, "1 s long"),
        (lambda model, path: Score.from_frames(np.zeros((0, 4, 3), int)), ScoreError, "one frame at least"),
        (lambda model, path: Score.from_frames([[[1, 2, 3]]]), ScoreError, "has the shape"),
        (lambda model, path: Score.from_frames(np.zeros((1, 4, 3), int), bpm=-1), ScoreError, "no tempo"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    wrong: Any, kind: type[LivegenError], words: str, loaded: Model, tmp_path: Path
) -> None:
    with pytest.raises(kind) as caught:
        wrong(loaded, tmp_path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_the_title_of_a_file_goes_where_its_score_goes(tmp_path: Path) -> None:
    frames = np.zeros((24, 4, 3), np.uint8)
    frames[:, 0] = 69, 15, 2
    Score.from_frames(frames).to_midi(tmp_path / "a.mid", title="Mine")
    score = Score.from_file(tmp_path / "a.mid")
    for name in ("a.vgm", "a.nsf", "b.mid", "a.ftm.txt"):
        score.to_file(tmp_path / name)
        assert b"Mine" in (tmp_path / name).read_bytes().replace(b"\0", b"")
    score.to_vgm(tmp_path / "b.vgm", title="Yours")
    assert b"Yours" in (written := (tmp_path / "b.vgm").read_bytes().replace(b"\0", b""))
    assert b"Mine" not in written


def test_a_track_is_read(tmp_path: Path) -> None:
    frames = np.zeros((24, 4, 3), np.uint8)
    frames[:, 0] = 69, 15, 2
    Score.from_frames(frames).to_file(tmp_path / "a.ftm.txt")
    text = (tmp_path / "a.ftm.txt").read_text()
    (tmp_path / "a.txt").write_text(text + re.sub(r" A-\d ", " A-2 ", text[text.index("TRACK ") :]))
    assert [Score.from_file(tmp_path / "a.txt", track=track).frames[2, 0, 0] for track in (None, 1, 2)] == [69, 69, 57]
    Score.from_frames(frames).to_file(tmp_path / "a.nsf")
    assert Score.from_file(tmp_path / "a.nsf", track=1).frames[2, 0, 0] == 69
    for name, words in (("a.txt", "no track 3"), ("a.nsf", "no song 3"), ("a.mid", "holds one song")):
        Score.from_frames(frames).to_midi(tmp_path / "a.mid")
        with pytest.raises(FormatError, match=words):
            Score.from_file(tmp_path / name, track=3)
