"""Renders a session on the offline clock: with the same instrument as live, as fast as the machine can."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.apu import MemoryChange
from livegen.beat import Beat
from livegen.errors import FormatError
from livegen.events import Event
from livegen.formats.audio.file import AUDIO_ENDINGS, AudioWriter
from livegen.formats.chip.register_files import (
    REGISTER_ENDINGS,
    is_register_file,
    plain_name,
    synth_log,
    write_registers,
)
from livegen.formats.chip.register_log import VGM_RATE_HZ, RegisterLog, Tags, with_loop
from livegen.formats.files import check_place
from livegen.formats.score.kinds import SCORE_ENDINGS, write_piece
from livegen.formats.score.piece import Piece
from livegen.formats.score.roll import PICTURE_ENDINGS, write_picture
from livegen.instrument.instrument import COMMIT_MARGIN_SECONDS, Instrument
from livegen.offline.clock import OfflineClock
from livegen.outputs.native import play_offline
from livegen.patch import Patch
from livegen.score import N_COLUMNS, N_VOICES
from livegen.score_table import PLAYER
from livegen.synth.register_log import join_writes, power_up_writes, take_loads, take_writes
from livegen.units import frame_to_sample, period_to_bpm

RENDER_ENDINGS: Final = (*AUDIO_ENDINGS, *SCORE_ENDINGS, *REGISTER_ENDINGS, *PICTURE_ENDINGS)
"""Endings of the names of files that a session can be rendered to."""

_FADE_SECONDS: Final = 0.01
_NO_SOUND: Final[NDArray[np.float32]] = np.zeros((0, 1), np.float32)
_SAME_TEMPO: Final = 0.002
"""Tempos that differ by no more than this share of each other are the same tempo."""


@dataclass(frozen=True, slots=True)
class RenderedFrame:
    """A frame that was played, with its sound.

    Attributes
    ----------
    frame : ndarray of uint8, shape (4, 3)
    is_player : ndarray of bool, shape (4,)
        Which voices were the player's.
    samples : ndarray of float32, shape (n, channels)
    beat : Beat or None
        The beat, if it was known.
    """

    frame: NDArray[np.uint8]
    is_player: NDArray[np.bool_]
    samples: NDArray[np.float32]
    beat: Beat | None = None


class OfflineRun:
    """Plays an instrument on the offline clock, a frame at a time.

    Parameters
    ----------
    instrument : Instrument
        A new instrument that has played nothing.
    source : str
        Name of the performer whose events it is given.
    has_sound : bool
        Whether its sound is made; without it, the score is the same.

    Attributes
    ----------
    clock : OfflineClock
    n_frames : int
        How many frames it has played.
    """

    def __init__(self, instrument: Instrument, source: str = "file", *, has_sound: bool = True) -> None:
        self.clock = OfflineClock(int(instrument.callback["sample_rate"][0]))
        self.n_frames = 0
        self._instrument = instrument
        self._source = source
        self._has_sound = has_sound
        self._margin_samples = round(COMMIT_MARGIN_SECONDS * self.clock.sample_rate)
        self._pending: list[tuple[int, int, Event]] = []  # a heap; those of one time in the order in which they came
        self._n_received = 0
        instrument.is_awaited = False
        instrument.play_frame(0, self.clock.position_at)

    def receive(self, event: Event, time_ns: int) -> None:
        """Take an event that happens at a time, in nanoseconds since the start, not before what was played."""
        heapq.heappush(self._pending, (time_ns, self._n_received, event))
        self._n_received += 1

    def play_frame(self) -> NDArray[np.float32]:
        """Play the next frame and return its sound, float32 (n, channels)."""
        end = frame_to_sample(self.n_frames + 1, self.clock.sample_rate)
        before = self._play_until(end - self._margin_samples)
        self.n_frames += 1
        self._instrument.play_frame(self.n_frames, self.clock.position_at)
        return np.concatenate([before, self._play_until(end)])

    def _play_until(self, sample: int) -> NDArray[np.float32]:
        pieces = []
        while self._pending and self.clock.sample_at(self._pending[0][0]) < sample:
            time_ns, _, event = heapq.heappop(self._pending)
            pieces.append(self._sound_until(self.clock.sample_at(time_ns)))
            self._instrument.receive(event, self._source, time_ns)
        return np.concatenate([*pieces, self._sound_until(sample)])

    def _sound_until(self, sample: int) -> NDArray[np.float32]:
        return render_to(self._instrument, sample) if self._has_sound else _NO_SOUND


def render(
    instrument: Instrument,
    n_frames: int,
    events: Sequence[tuple[float, Event]] = (),
    *,
    source: str = "file",
    has_sound: bool = True,
) -> Iterator[RenderedFrame]:
    """Play a number of frames offline.

    An event sounds at its own sample. The model gets to know it as late as in a live session: when the first frame is
    planned that begins at least `COMMIT_MARGIN_SECONDS` after the event.

    Parameters
    ----------
    instrument : Instrument
        A new instrument that has played nothing.
    n_frames : int
    events : sequence of (float, Event)
        What a performer plays: each event with its time in seconds since the start, ascending.
    source : str
        Name of that performer.
    has_sound : bool
        Whether the sound is made; else frames have no samples.

    Yields
    ------
    RenderedFrame
        The frames in order. A frame is yielded one frame late, when the player's notes in it are known.
    """
    run = OfflineRun(instrument, source, has_sound=has_sound)
    for seconds, event in events:
        run.receive(event, round(seconds * 1_000_000_000))
    sounds: list[NDArray[np.float32]] = []
    for frame_index in range(n_frames):
        sounds.append(run.play_frame())
        if frame_index > 0:  # events at the end of a frame are known only when the frame after the next is planned
            yield rendered_frame(instrument, frame_index - 1, sounds.pop(0))
    if n_frames:
        instrument.play_frame(n_frames, run.clock.position_at)
        yield rendered_frame(instrument, n_frames - 1, sounds.pop(0))


def render_to(instrument: Instrument, sample: int) -> NDArray[np.float32]:
    """Return the sound of an instrument from its present sample up to `sample`, float32 (n, channels)."""
    n_samples = max(sample - int(instrument.callback["sample"][0]), 0)
    n_channels = int(instrument.callback["n_channels"][0])
    samples = np.zeros(n_samples * n_channels, np.float32)
    play_offline(instrument.callback, samples, n_samples)
    return samples.reshape(n_samples, n_channels)


def check_output(path: Path) -> None:
    """Refuse a file that cannot be rendered to, before any work is done; raises FormatError."""
    check_ending(path)
    check_place(path)


def check_ending(path: Path) -> None:
    """Refuse a file that cannot be rendered to by its name; raises FormatError."""
    if not plain_name(path).endswith(RENDER_ENDINGS):
        raise FormatError(f"{path} cannot be rendered: its name must end in {', '.join(RENDER_ENDINGS)}")


def render_to_file(
    instrument: Instrument,
    path: Path,
    n_frames: int,
    events: Sequence[tuple[float, Event]] = (),
    *,
    tags: Tags | None = None,
    loop_from: float | None = None,
    is_for_daw: bool = False,
    on_frame: Callable[[], None] = lambda: None,
) -> None:
    """Render to a file of the kind that its name ends with: sound, score, register writes or picture.

    The sound fades over its last 10 ms, so that it does not end in a click. Register writes are those of the whole
    session, with the player's notes; levels and mutes of the mix are not in them.

    Parameters
    ----------
    instrument : Instrument
        For register writes its voices must not be apart.
    path : Path
        Its name ends in one of `RENDER_ENDINGS`.
    n_frames : int
    events : sequence of (float, Event)
        See `render`.
    tags : Tags, optional
    loop_from : float, optional
        The time in seconds from which players of register writes repeat the file when it has come to its end.
    is_for_daw : bool, optional
        For MIDI files; see `livegen.formats.score.kinds.write_piece`.
    on_frame : callable
        Called after each frame, for a progress bar.

    Raises
    ------
    FormatError
        If the file cannot be written.
    """
    rendered = render(instrument, n_frames, events, has_sound=needs_sound(path))
    write_rendered(
        path, instrument, rendered, n_frames, tags=tags, loop_from=loop_from, is_for_daw=is_for_daw, on_frame=on_frame
    )


def needs_sound(path: Path) -> bool:
    """Tell whether a file needs its session's sound, by its name; a score or a picture does not."""
    return plain_name(path).endswith((*AUDIO_ENDINGS, *REGISTER_ENDINGS))


def write_rendered(
    path: Path,
    instrument: Instrument,
    rendered_frames: Iterable[RenderedFrame],
    n_frames: int,
    *,
    tags: Tags | None = None,
    loop_from: float | None = None,
    is_for_daw: bool = False,
    on_frame: Callable[[], None] = lambda: None,
) -> None:
    """Write so many frames that an instrument plays to a file; see `render_to_file`."""
    name = plain_name(path)
    sample_rate, n_channels = int(instrument.callback["sample_rate"][0]), int(instrument.callback["n_channels"][0])
    n_left = n_frames
    with AudioWriter(path, sample_rate, n_channels) if name.endswith(AUDIO_ENDINGS) else nullcontext() as writer:

        def hear(rendered: RenderedFrame) -> None:
            nonlocal n_left
            n_left -= 1
            if writer is not None:
                writer.write(rendered.samples if n_left else faded(rendered.samples, sample_rate))
            on_frame()

        piece, log = record(instrument, rendered_frames, tags=tags, has_log=is_register_file(path), on_frame=hear)
    if log is not None:
        write_registers(path, log if loop_from is None else with_loop(log, round(loop_from * VGM_RATE_HZ)))
    elif name.endswith((*PICTURE_ENDINGS, *SCORE_ENDINGS)):
        write_silent(path, piece, is_for_daw=is_for_daw)


def write_silent(path: Path, piece: Piece, *, is_for_daw: bool = False) -> None:
    """Write a piece to a file that needs no sound: a picture or a score; see `write_piece`."""
    if plain_name(path).endswith(PICTURE_ENDINGS):
        write_picture(path, piece)
    else:
        write_piece(path, piece, is_for_daw=is_for_daw)


def record(
    instrument: Instrument,
    rendered_frames: Iterable[RenderedFrame],
    *,
    tags: Tags | None = None,
    has_log: bool = True,
    on_frame: Callable[[RenderedFrame], None] = lambda rendered: None,
) -> tuple[Piece, RegisterLog | None]:
    """Return the score of all frames that an instrument plays, one or more, and what is written to the chip.

    Parameters
    ----------
    instrument : Instrument
        For a log it must play at `VGM_RATE_HZ`, and its voices must not be apart.
    rendered_frames : iterable of RenderedFrame
        What `render` yields of it.
    tags : Tags, optional
    has_log : bool, optional
        Whether what is written to the chip is wanted.
    on_frame : callable
        Called after each frame, with it.
    """
    instrument.callback["log"]["is_on"] = has_log
    gathered, writes, loads = Gathered(instrument.patch), [power_up_writes()], list[MemoryChange]()
    for rendered in rendered_frames:
        gathered.add(rendered)
        writes.append(take_writes(instrument.callback["log"]))
        loads += take_loads(instrument.callback["log"])
        on_frame(rendered)
    tags = Tags() if tags is None else tags
    length = frame_to_sample(gathered.n_frames, VGM_RATE_HZ)
    return gathered.piece(tags), synth_log(join_writes(writes), length, tags, loads) if has_log else None


class Gathered:
    """The frames of a session that begins with a patch, as they come; together they are a piece."""

    def __init__(self, patch: Patch) -> None:
        self._patch = patch
        self._frames: list[NDArray[np.uint8]] = []
        self._masks: list[NDArray[np.bool_]] = []
        self._tempos: list[tuple[int, float]] = []

    @property
    def n_frames(self) -> int:
        """How many frames there are."""
        return len(self._frames)

    def add(self, rendered: RenderedFrame) -> None:
        """Take the next frame, and its tempo if that has changed."""
        if rendered.beat is not None:
            beats_a_minute = period_to_bpm(rendered.beat.period_frames)
            if not self._tempos or abs(beats_a_minute / self._tempos[-1][1] - 1) > _SAME_TEMPO:
                self._tempos.append((self.n_frames, beats_a_minute))
        self._frames.append(rendered.frame)
        self._masks.append(rendered.is_player)

    def follow(self, instrument: Instrument) -> None:
        """Take the frames of an instrument that stand by now and were not taken yet; call it at every frame."""
        while self.n_frames < instrument.state.horizon - 1:  # keys at the end of the frame before may come yet
            self.add(rendered_frame(instrument, self.n_frames))

    @property
    def frames(self) -> NDArray[np.uint8]:
        """The frames so far, uint8 (N, 4, 3)."""
        frames = list(self._frames)  # another thread may add some
        return np.stack(frames) if frames else np.zeros((0, N_VOICES, N_COLUMNS), np.uint8)

    def piece(self, tags: Tags) -> Piece:
        """Return the frames so far, one at least, as a piece."""
        return Piece(np.stack(self._frames), np.stack(self._masks), tuple(self._tempos), tags=tags, patch=self._patch)


def faded(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Return samples, float32 (n, channels), that fade out over their last 10 ms."""
    n_faded = min(round(_FADE_SECONDS * sample_rate), len(samples))
    gain = np.ones((len(samples), 1), np.float32)
    gain[len(samples) - n_faded :, 0] = np.linspace(1.0, 0.0, n_faded + 1)[1:]
    return samples * gain


def rendered_frame(instrument: Instrument, frame_index: int, samples: NDArray[np.float32] = _NO_SOUND) -> RenderedFrame:
    """Return a frame that an instrument has played, with its sound."""
    planned = instrument.state.timeline.at(frame_index).planned
    return RenderedFrame(planned.frame, planned.owner == PLAYER, samples, instrument.state.tempo.beat_at(frame_index))
