"""Has a service render ideas, and fetches the files. What is there already is not asked for again, so it resumes."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livegen.errors import OrderError
from livegen.formats.files import atomic_path
from livegen.serve.client.client import Client
from livegen.serve.client.ideas import Idea

_AT_ONCE: Final = 32  # jobs; others of the service's clients want to play, too
_LOOK_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an idea: an error in a sentence, or None, and whether its files were there before."""

    idea: Idea
    error: str | None = None
    was_there: bool = False


def submit_all(
    client: Client,
    ideas: Sequence[Idea],
    folder: Path,
    *,
    on_progress: Callable[[float], None] = lambda done: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Outcome]:
    """Have ideas rendered, and write their files to a folder, each at once as a whole.

    Parameters
    ----------
    client : Client
    ideas : sequence of Idea
    folder : Path
        Is made if it is not there.
    on_progress : callable
        Told how many ideas are done, parts of one included.
    sleep : callable
        Waits for so many seconds.

    Yields
    ------
    Outcome
        One for each idea, in any order.

    Raises
    ------
    QueueError
        If the service cannot be reached.
    FormatError
        If a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OrderError(f"{folder} cannot be made ({error.strerror}): give another folder with --out") from error
    waiting: deque[Idea] = deque()
    n_ended = 0
    for idea in ideas:
        if all(path.is_file() for path in _files(idea, folder).values()):
            n_ended += 1
            yield Outcome(idea, was_there=True)
        else:
            waiting.append(idea)
    open_jobs: dict[str, list[Idea]] = {}  # two ideas may be the same request
    while waiting or open_jobs:
        while waiting and sum(map(len, open_jobs.values())) < _AT_ONCE:
            idea = waiting.popleft()
            try:
                job = client.ask("POST", f"/predictions/{idea.model}", idea.body)
                open_jobs.setdefault(job["id"], []).append(idea)
            except OrderError as refused:
                n_ended += 1
                yield Outcome(idea, str(refused))
        part = 0.0
        trouble: str | None
        for id in list(open_jobs):
            try:
                job = client.ask("GET", f"/jobs/{id}")
                if job["state"] in ("queued", "running"):
                    part += len(open_jobs[id]) * job["progress"]
                    continue
                trouble = job["error"] or None
                if job["state"] == "done":
                    for idea in open_jobs[id]:
                        _fetch(client, id, idea, folder)
            except OrderError as refused:
                trouble = str(refused)
            for idea in open_jobs.pop(id):
                n_ended += 1
                yield Outcome(idea, trouble)
        on_progress(n_ended + part)
        if open_jobs:
            sleep(_LOOK_SECONDS)


def _files(idea: Idea, folder: Path) -> dict[str, Path]:
    return {kind: folder / f"{idea.name}.{kind}" for kind in idea.files}


def _fetch(client: Client, id: str, idea: Idea, folder: Path) -> None:
    for kind, path in _files(idea, folder).items():
        if not path.is_file():
            content = client.fetch("GET", f"/jobs/{id}/result.{kind}")
            with atomic_path(path) as partial:
                partial.write_bytes(content)
