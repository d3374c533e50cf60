"""Submitting: what a file of ideas says, and patience with a service that is busy or away."""

import json
import urllib.error
from email.message import Message
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from livegen.errors import FormatError, LivegenError, OrderError, QueueError
from livegen.serve.client.client import Client
from livegen.serve.client.ideas import read_ideas
from livegen.serve.client.submit import submit_all


def ideas_of(folder: Path, text: str) -> Any:
    path = folder / "ideas.toml"
    path.write_text(text)
    return read_ideas(path)


def test_what_stands_on_top_is_for_all_ideas(tmp_path: Path) -> None:
    (tmp_path / "riff.mid").write_bytes(b"MThd")
    first, second, third = ideas_of(
        tmp_path,
        """
model = "vae"
seconds = 10
files = ["mid", "flac"]
controls.temperature = 0.7
controls.p1.role = "model"

[[idea]]
name = "verse"
seed = 7
count = 2

[[idea]]
model = "gan"
patch = "lead"
prompt = "riff.mid"
controls.temperature = 1.2
""",
    )
    assert (first.name, second.name, third.name) == ("verse-01", "verse-02", "idea-02")
    assert (first.model, third.model) == ("vae", "gan")
    assert first.files == ("mid", "flac")
    assert [idea.body["seed"] for idea in (first, second, third)] == [7, 8, 0]
    assert first.body["controls"] == {"temperature": 0.7, "p1.role": "model"}
    assert third.body["controls"] == {"temperature": 1.2, "p1.role": "model"}
    assert third.body["prompt"] == {"kind": ".mid", "data": "TVRoZA=="}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seconds = 0", "seconds cannot be 0: allowed is a number from 0.1 to 600"),
        ("tempo = 3", "tempo is no key"),
        ('files = ["exe"]', "files cannot be"),
        ('[[idea]]\nname = "../x"', "name cannot be '../x': allowed is letters"),
        ('[[idea]]\nname = "x"\n[[idea]]\nname = "x"', "two ideas are called 'x'"),
        ("controls.panic = true", "is a command and holds no value"),
        ('[[idea]]\nprompt = "x.exe"', "x.exe is no prompt by its name"),
        ('[[idea]]\nprompt = "x.mid"', "x.mid is not a file"),
        ("[[idea]]\ncount = 0", "count cannot be 0"),
        ("=", "is not TOML"),
    ],
)
def test_what_an_idea_cannot_say_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(LivegenError) as refused:
        ideas_of(tmp_path, text)
    assert words in str(refused.value)
    assert isinstance(refused.value, OrderError | FormatError)


class Answers:
    """Stands in for `urllib.request.urlopen`: gives one answer after another, a body or an error."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, str]] = []

    def __call__(self, request: Any, timeout: float) -> BytesIO:
        self.asked.append((request.method, request.full_url))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return BytesIO(json.dumps(answer).encode())


def problem(status: int, detail: str, retry: str = "") -> urllib.error.HTTPError:
    headers = Message()
    if retry:
        headers["retry-after"] = retry
    return urllib.error.HTTPError("", status, "reason", headers, BytesIO(json.dumps({"detail": detail}).encode()))


def test_a_busy_service_is_asked_again_when_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Answers(problem(429, "wait", "7"), OSError("away"), problem(503, "away", "2"), {"id": "x"})
    monkeypatch.setattr("urllib.request.urlopen", answers)
    slept: list[float] = []
    assert Client("http://127.0.0.1:1/", sleep=slept.append).ask("GET", "/jobs/x") == {"id": "x"}
    assert slept == [7.0, 1.0, 2.0]
    assert answers.asked[0] == ("GET", "http://127.0.0.1:1/jobs/x")


def test_what_it_refuses_is_said_in_its_own_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib.request.urlopen", Answers(problem(404, "there is no job x")))
    with pytest.raises(OrderError, match=r"^there is no job x$"):
        Client("http://127.0.0.1:1").ask("GET", "/jobs/x")


def test_one_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib.request.urlopen", Answers(*[ConnectionRefusedError("no")] * 9))
    slept: list[float] = []
    with pytest.raises(QueueError, match="cannot be reached"):
        Client("http://127.0.0.1:1", patience_seconds=3, sleep=slept.append).ask("GET", "/models")
    assert slept == [1.0, 1.0, 1.0]


def test_two_ideas_that_are_the_same_request_are_one_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ideas = ideas_of(tmp_path, 'files = ["mid"]\n[[idea]]\nname = "a"\n[[idea]]\nname = "b"')
    job = {"id": "x", "state": "queued", "progress": 0.0, "error": ""}
    answers = Answers(job, job, {**job, "state": "running", "progress": 0.5}, {**job, "state": "done"}, "A", "B")
    monkeypatch.setattr("urllib.request.urlopen", answers)
    told: list[float] = []
    client = Client("http://127.0.0.1:1")
    outcomes = list(submit_all(client, ideas, tmp_path / "out", on_progress=told.append, sleep=lambda seconds: None))
    assert [(outcome.idea.name, outcome.error) for outcome in outcomes] == [("a", None), ("b", None)]
    assert told == [1.0, 2.0]
    assert (tmp_path / "out" / "b.mid").read_text() == '"B"'
