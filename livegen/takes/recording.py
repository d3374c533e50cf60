"""How a take sounded: its frames, whose they were, their beat, and what the player did."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat
from livegen.errors import TakeError
from livegen.events import NoteOn, SetControl, StampedEvent
from livegen.performance.state import ControlInForce
from livegen.score import N_COLUMNS, N_VOICES
from livegen.score_table import MODEL, OFF, PLAYER, PlannedFrame
from livegen.takes.records import Head, Played, Turned
from livegen.takes.take import Take

_MAX_EVENTS: Final = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A take as it sounded, from its first frame on.

    Attributes
    ----------
    head : Head
    frames : ndarray of uint8, shape (N, 4, 3)
    owner : ndarray of uint8, shape (N, 4)
    onset_offset : ndarray of float64, shape (N, 4)
    beats : mapping of int to Beat
        The beat that was known, by frame; frames without a known beat are left out.
    events : sequence of StampedEvent
        In the order in which they came.
    """

    head: Head
    frames: NDArray[np.uint8]
    owner: NDArray[np.uint8]
    onset_offset: NDArray[np.float64]
    beats: Mapping[int, Beat]
    events: Sequence[StampedEvent]

    @property
    def is_player(self) -> NDArray[np.bool_]:
        """By frame, which voices were the player's, (N, 4)."""
        return self.owner == PLAYER

    def sounding(self, start: int = 0) -> list[PlannedFrame]:
        """Return the frames from `start` on, numbered from 0, as they are to sound together with the player's keys.

        In the frame in which the player takes over a voice, the score has the player's note. But until the key went
        down, the model's note sounded; so the frame returned has the model's note of the frame before.
        """
        frames, owner = self.frames.copy(), self.owner.copy()
        for at in {stamped.frame_index for stamped in self.events if isinstance(stamped.event, NoteOn)}:
            if 0 < at < len(frames):
                is_taken = (owner[at] == PLAYER) & (self.owner[at - 1] == MODEL)
                frames[at, is_taken], owner[at, is_taken] = frames[at - 1, is_taken], MODEL
        rows = zip(frames[start:], owner[start:], self.onset_offset[start:], strict=True)
        return [PlannedFrame(at, *row) for at, row in enumerate(rows)]


def read_recording(take: Take, end: int | None = None) -> Recording:
    """Read how a take sounded; a frame that is missing in the log holds the frame before.

    Parameters
    ----------
    take : Take
    end : int, optional
        Frame to stop before.

    Raises
    ------
    TakeError
        If the log is not that of a take, or has no frame.
    """
    frames, owners, offsets, beats = bytearray(), bytearray(), {}, {}
    events: list[StampedEvent] = []
    frame_bytes = N_VOICES * N_COLUMNS
    for record in take.records():
        if isinstance(record, Turned):
            events += [*record.events, *_consequences(record)]
            if len(events) > _MAX_EVENTS:
                raise TakeError(f"{take.path} has over {_MAX_EVENTS:,} events, the most that are played")
        elif isinstance(record, Played) and (end is None or record.planned.frame_index < end):
            planned = record.planned
            at = planned.frame_index
            n_missing = at - len(owners) // N_VOICES
            if n_missing > 0:
                frames += (frames[-frame_bytes:] or bytes(frame_bytes)) * n_missing
                owners += (owners[-N_VOICES:] or bytes([OFF] * N_VOICES)) * n_missing
            frames[at * frame_bytes : (at + 1) * frame_bytes] = planned.frame.tobytes()
            owners[at * N_VOICES : (at + 1) * N_VOICES] = planned.owner.tobytes()
            if planned.onset_offset.any():
                offsets[at] = planned.onset_offset
            if record.beat is not None:
                beats[at] = record.beat
    n_frames = len(owners) // N_VOICES
    if not n_frames:
        raise TakeError(f"{take.path} holds no frame: the jam ended before it began")
    onset_offset = np.zeros((n_frames, N_VOICES))
    for at, offset in offsets.items():
        onset_offset[at] = offset
    return Recording(
        take.head,
        np.frombuffer(bytes(frames), np.uint8).reshape(n_frames, N_VOICES, N_COLUMNS),
        np.frombuffer(bytes(owners), np.uint8).reshape(n_frames, N_VOICES),
        onset_offset,
        beats,
        events,
    )


def _consequences(turned: Turned) -> Iterator[StampedEvent]:
    """Yield the controls that an undo or a recall has set; in the jam the sound got them from the score."""
    for message in turned.messages:
        if isinstance(message, ControlInForce) and message.is_consequence and turned.calls:
            yield StampedEvent(SetControl(message.name, message.value), message.source, turned.calls[0].to_frame)
