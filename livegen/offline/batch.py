"""Renders many files: the same session with one seed after another, on several processes if wanted.

A worker is a process that renders one file after another. If a worker fails, the others go on.
"""

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import takewhile
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from livegen.controls import Value
from livegen.engines.cast import Cast
from livegen.engines.checkpoint import load_cast, load_conductor
from livegen.errors import FormatError, LivegenError
from livegen.events import Event
from livegen.formats.audio.file import AUDIO_ENDINGS
from livegen.formats.chip.register_files import REGISTER_ENDINGS, plain_name
from livegen.formats.chip.register_log import Tags
from livegen.formats.files import Warn, ignore
from livegen.formats.played import read_played
from livegen.formats.score.kinds import MIDI_ENDINGS
from livegen.formats.score.roll import PICTURE_ENDINGS
from livegen.inputs.midi_file import timeline_events
from livegen.instrument.compile import compile_all
from livegen.offline.prompt_key import short_prompt
from livegen.offline.render import check_output
from livegen.offline.rendition import Rendition
from livegen.patch import load_patch
from livegen.system.processes import n_cores
from livegen.units import frame_to_seconds

_PATIENCE_SECONDS: Final = 5.0  # how long a worker that is told to end may take
_MOST_WORKERS: Final = 16
"""So many at most, unless more are asked for: each takes 250 MB."""


@dataclass(frozen=True, slots=True)
class Renders:
    """What is rendered, and to which files.

    Attributes
    ----------
    paths : tuple of Path
        One file for each seed.
    seeds : tuple of int
    n_frames : int
    cast : Cast
        Which model plays which voice, each by its name or its folder.
    patch : str
    prompt : Path or None
        MIDI file of what the performer plays, from the start.
    controls : mapping
        Values over those of the patch, by full name.
    rate : int or None
        Sample rate in Hz, for sound.
    is_apart : bool
        Whether sound has a channel for each voice.
    tags : Tags
    loop_from : float or None
        For register writes; see `render_to_file`.
    is_for_daw : bool
        For MIDI files; see `livegen.formats.score.kinds.write_piece`.
    """

    paths: tuple[Path, ...]
    seeds: tuple[int, ...]
    n_frames: int
    cast: Cast
    patch: str = "plain"
    prompt: Path | None = None
    controls: Mapping[str, Value] = field(default_factory=dict)
    rate: int | None = None
    is_apart: bool = False
    tags: Tags = field(default_factory=Tags)
    loop_from: float | None = None
    is_for_daw: bool = False

    def check(self) -> None:
        """Refuse what cannot be rendered, before any work is done; raises FormatError."""
        path = self.paths[0]
        check_output(path)
        name = plain_name(path)
        for option, is_given, endings in (
            ("--rate", self.rate is not None, AUDIO_ENDINGS),
            ("--audio-channels voices", self.is_apart, AUDIO_ENDINGS),
            ("--loop-from", self.loop_from is not None, REGISTER_ENDINGS),
            ("--midi-layout daw", self.is_for_daw, MIDI_ENDINGS),
            ("--author", bool(self.tags.author), REGISTER_ENDINGS),
            ("--title", bool(self.tags.title), (*REGISTER_ENDINGS, *MIDI_ENDINGS, *PICTURE_ENDINGS)),
        ):
            if is_given and not name.endswith(endings):
                raise FormatError(f"{option} means nothing for {path.name}: leave it out, or write {endings[0]}")


@dataclass(frozen=True, slots=True)
class Rendered:
    """The result for one file.

    Attributes
    ----------
    index : int
        Place of the file in `Renders.paths`.
    error : str or None
        What went wrong, in a sentence; None if the file was written.
    """

    index: int
    error: str | None = None


def usual_jobs() -> int:
    """Return how many processes render a batch where nobody says: one on each core that this process may use."""
    return min(n_cores(), _MOST_WORKERS)


def numbered(path: Path, count: int) -> tuple[Path, ...]:
    """Return paths for `count` files: song-01.wav, song-02.wav ...; for a single file, the path itself."""
    if count == 1:
        return (path,)
    stem, dot, ending = path.name.partition(".")
    digits = max(len(str(count)), 2)
    return tuple(path.with_name(f"{stem}-{number:0{digits}d}{dot}{ending}") for number in range(1, count + 1))


def performed(
    prompt: Path | None, n_frames: int, warn: Warn = ignore
) -> tuple[list[tuple[float, Event]], Mapping[str, Value]]:
    """Return what a performer plays in so many frames, by a file, and the controls with the tempo of that.

    Raises
    ------
    FormatError
        If the file cannot be read, or as `warn` does.
    """
    if prompt is None:
        return [], {}
    length = frame_to_seconds(n_frames)
    played = read_played(prompt, warn=warn)
    return timeline_events(takewhile(lambda due: due[0] < length, played.timeline)), played.controls


class Studio:
    """What all renders of a batch share: patch, model and prompt, loaded once, and all kernels compiled."""

    def __init__(self, renders: Renders, warn: Warn = ignore, tell: Warn = ignore) -> None:
        self._renders = renders
        self._events, played = performed(renders.prompt, renders.n_frames, warn)
        self._controls = {**played, **renders.controls}
        self._patch = load_patch(renders.patch)
        self._engine = load_cast(renders.cast)
        remark = short_prompt(self._events, self._engine, self._controls)
        if remark:
            tell(remark)
        compile_all(self._engine, self._patch, load_conductor(self._engine))

    def render(self, index: int, on_frame: Callable[[], None] = lambda: None) -> None:
        """Render one of the files; raises LivegenError."""
        renders, path = self._renders, self._renders.paths[index]
        rendition = Rendition(
            self._engine, self._patch, renders.n_frames, renders.seeds[index], self._controls, self._events
        )
        rendition.write(
            path,
            rate=renders.rate,
            is_apart=renders.is_apart,
            tags=renders.tags,
            loop_from=renders.loop_from,
            is_for_daw=renders.is_for_daw,
            on_frame=on_frame,
        )


def render_all(
    renders: Renders,
    *,
    n_jobs: int = 1,
    on_frame: Callable[[], None] = lambda: None,
    warn: Warn = ignore,
    tell: Warn = ignore,
) -> Iterator[Rendered]:
    """Render all files; one that fails does not lose the others.

    Parameters
    ----------
    renders : Renders
    n_jobs : int
        Number of processes.
    on_frame : callable
        Called after each frame of any file.
    warn : callable
        Is told once what was lost or guessed of a damaged prompt.
    tell : callable
        Is told once what a sound prompt does not tell the models.

    Yields
    ------
    Rendered
        One for each file as it is done, in any order.

    Raises
    ------
    LivegenError
        If patch, model or prompt cannot be loaded, or there is one file alone, and it cannot be written; or as `warn`
        does.
    """
    # here too, so that what is wrong with it is said once, and kernels are compiled once
    studio = Studio(renders, warn, tell)
    if len(renders.paths) == 1:
        studio.render(0, on_frame)
        yield Rendered(0)
        return
    if n_jobs == 1:
        yield from (_attempt(studio, index, on_frame) for index in range(len(renders.paths)))
        return
    waiting = deque(range(len(renders.paths)))
    workers = [_Worker(renders) for _ in range(min(n_jobs, len(waiting)))]
    try:
        for worker in workers:
            worker.begin(waiting.popleft())
        while any(worker.index is not None for worker in workers):
            ready = wait([worker.connection for worker in workers if worker.index is not None])
            for place, worker in enumerate(workers):
                if worker.connection not in ready:
                    continue
                done = worker.receive(on_frame)
                if done is None:
                    continue
                yield done
                if not waiting:
                    continue
                if not worker.is_alive:
                    worker.end()
                    workers[place] = worker = _Worker(renders)
                worker.begin(waiting.popleft())
    finally:
        for worker in workers:
            worker.end()


def _attempt(studio: Studio, index: int, on_frame: Callable[[], None]) -> Rendered:
    """Render a file, and return the result."""
    try:
        studio.render(index, on_frame)
    except LivegenError as error:
        return Rendered(index, str(error))
    except Exception as error:
        return Rendered(index, f"something went wrong that should not have ({type(error).__name__}: {error})")
    return Rendered(index)


class _Worker:
    """A process that renders, with the connection to it."""

    def __init__(self, renders: Renders) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_work, args=(renders, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.index: int | None = None  # of the file that it renders now
        self.is_alive = True

    def begin(self, index: int) -> None:
        self.index = index
        with suppress(OSError):  # the process has died; the next `receive` reports it
            self.connection.send(index)

    def receive(self, on_frame: Callable[[], None]) -> Rendered | None:
        """Receive a message: a frame is done (returns None), or the result of the file."""
        assert self.index is not None
        done: Rendered | None = None
        try:
            done = self.connection.recv()
        except (EOFError, OSError):
            self.process.join(_PATIENCE_SECONDS)
            self.is_alive = False
            done = Rendered(self.index, f"its process ended ({self.process.exitcode}): is there enough memory?")
        if done is None:
            on_frame()
        else:
            self.index = None
        return done

    def end(self) -> None:
        self.connection.close()
        if self.index is not None:
            self.process.terminate()
        self.process.join(_PATIENCE_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join(_PATIENCE_SECONDS)


def _work(renders: Renders, connection: Connection) -> None:
    """Render the files that are asked for until the connection is closed; runs in a worker's process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the parent process
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that a half-written file is removed
    with suppress(EOFError, OSError, KeyboardInterrupt, LivegenError):
        studio = Studio(renders)
        while True:
            connection.send(_attempt(studio, connection.recv(), lambda: connection.send(None)))
