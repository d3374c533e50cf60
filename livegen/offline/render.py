"""Renders a session on the offline clock: with the same instrument as live, as fast as the machine can."""

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
from livegen.formats.chip.register_log import VGM_RATE_HZ, Tags, with_loop
from livegen.formats.files import check_place
from livegen.formats.score.kinds import SCORE_ENDINGS, write_piece
from livegen.formats.score.piece import Piece
from livegen.formats.score.roll import PICTURE_ENDINGS, write_picture
from livegen.instrument.instrument import COMMIT_MARGIN_SECONDS, Instrument
from livegen.offline.clock import OfflineClock
from livegen.outputs.callback import render_block
from livegen.score_table import PLAYER
from livegen.synth.register_log import join_writes, power_up_writes, take_loads, take_writes
from livegen.units import frame_to_sample, period_to_bpm

RENDER_ENDINGS: Final = (*AUDIO_ENDINGS, *SCORE_ENDINGS, *REGISTER_ENDINGS, *PICTURE_ENDINGS)
"""Endings of the names of files that a session can be rendered to."""

_FADE_SECONDS: Final = 0.01
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


def render(
    instrument: Instrument, n_frames: int, events: Sequence[tuple[float, Event]] = (), *, source: str = "file"
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

    Yields
    ------
    RenderedFrame
        The frames in order. A frame is yielded one frame late, when the player's notes in it are known.
    """
    clock = OfflineClock(int(instrument.callback["sample_rate"][0]))
    pending = [(round(seconds * 1_000_000_000), event) for seconds, event in events]
    pending.reverse()
    margin_samples = round(COMMIT_MARGIN_SECONDS * clock.sample_rate)

    def play_until(sample: int) -> NDArray[np.float32]:
        pieces = []
        while pending and clock.sample_at(pending[-1][0]) < sample:
            time_ns, event = pending.pop()
            pieces.append(render_to(instrument, clock.sample_at(time_ns)))
            instrument.receive(event, source, time_ns)
        return np.concatenate([*pieces, render_to(instrument, sample)])

    instrument.play_frame(0, clock.position_at)
    sounds: list[NDArray[np.float32]] = []
    for frame_index in range(n_frames):
        end = frame_to_sample(frame_index + 1, clock.sample_rate)
        before = play_until(end - margin_samples)
        instrument.play_frame(frame_index + 1, clock.position_at)
        sounds.append(np.concatenate([before, play_until(end)]))
        if frame_index > 0:  # events at the end of a frame are known only when the frame after the next is planned
            yield _frame(instrument, frame_index - 1, sounds.pop(0))
    if n_frames:
        instrument.play_frame(n_frames, clock.position_at)
        yield _frame(instrument, n_frames - 1, sounds.pop(0))


def render_to(instrument: Instrument, sample: int) -> NDArray[np.float32]:
    """Return the sound of an instrument from its present sample up to `sample`, float32 (n, channels)."""
    n_samples = max(sample - int(instrument.callback["sample"][0]), 0)
    n_channels = int(instrument.callback["n_channels"][0])
    samples = np.zeros(n_samples * n_channels, np.float32)
    render_block(instrument.callback[0], samples, n_samples)
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
    rendered = render(instrument, n_frames, events)
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
    instrument.callback["log"]["is_on"] = is_register_file(path)
    patch = instrument.patch
    frames, masks, writes, loads = [], [], [power_up_writes()], list[MemoryChange]()
    tempos: list[tuple[int, float]] = []
    with AudioWriter(path, sample_rate, n_channels) if name.endswith(AUDIO_ENDINGS) else nullcontext() as writer:
        for rendered in rendered_frames:
            frames.append(rendered.frame)
            masks.append(rendered.is_player)
            writes.append(take_writes(instrument.callback["log"]))
            loads += take_loads(instrument.callback["log"])
            _follow_tempo(tempos, rendered.beat, len(frames) - 1)
            if writer is not None:
                is_last = len(frames) == n_frames
                writer.write(_faded(rendered.samples, sample_rate) if is_last else rendered.samples)
            on_frame()
    tags = Tags() if tags is None else tags
    piece = Piece(np.stack(frames), np.stack(masks), tuple(tempos), tags=tags, patch=patch)
    if is_register_file(path):
        log = synth_log(join_writes(writes), frame_to_sample(n_frames, VGM_RATE_HZ), tags, loads)
        write_registers(path, log if loop_from is None else with_loop(log, round(loop_from * VGM_RATE_HZ)))
    elif name.endswith(PICTURE_ENDINGS):
        write_picture(path, piece)
    elif name.endswith(SCORE_ENDINGS):
        write_piece(path, piece, is_for_daw=is_for_daw)


def _follow_tempo(tempos: list[tuple[int, float]], beat: Beat | None, frame_index: int) -> None:
    """Append frame and tempo in beats a minute to `tempos`, if the beat is known and the tempo has changed."""
    if beat is None:
        return
    beats_a_minute = period_to_bpm(beat.period_frames)
    if not tempos or abs(beats_a_minute / tempos[-1][1] - 1) > _SAME_TEMPO:
        tempos.append((frame_index, beats_a_minute))


def _faded(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    n_faded = min(round(_FADE_SECONDS * sample_rate), len(samples))
    gain = np.ones((len(samples), 1), np.float32)
    gain[len(samples) - n_faded :, 0] = np.linspace(1.0, 0.0, n_faded + 1)[1:]
    return samples * gain


def _frame(instrument: Instrument, frame_index: int, samples: NDArray[np.float32]) -> RenderedFrame:
    planned = instrument.state.timeline.at(frame_index).planned
    return RenderedFrame(planned.frame, planned.owner == PLAYER, samples, instrument.state.tempo.beat_at(frame_index))
