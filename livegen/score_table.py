"""The ring of planned frames between the session, which writes it, and the outputs, which read it.

There is one writer. A sequence number guards each slot and is odd while the writer changes the slot (a seqlock): a
reader copies the slot, checks whether the number changed, and tries again a bounded number of times. A slot carries
the index of its frame, so that a reader can tell a stale slot from a planned one.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.score import N_COLUMNS, N_VOICES
from livegen.system.atomics import fence, load_acquire, store_release
from livegen.system.kernels import Record, kernel
from livegen.units import FRAME_RATE_HZ

N_SLOTS: Final = 128
"""Number of slots in the ring: a power of two, more than twice the longest look-ahead."""

RELEASE_AFTER_FRAMES: Final = FRAME_RATE_HZ // 2
"""Number of missing frames, half a second, after which the model's voices are released.

Until then a missing frame holds the one before; without the release the voices would drone.
"""

MODEL: Final = 0
PLAYER: Final = 1
OFF: Final = 2
"""Who plays a voice in a slot."""

_TRIES: Final = 16  # times that a reader tries to copy a slot

SLOT: Final = np.dtype(
    [
        ("frame_index", np.int64),
        ("beats", np.float64),  # beats from bar 1, beat 1 to the start of the frame; NaN where the beat is unknown
        ("beats_a_frame", np.float64),
        ("beats_a_bar", np.int64),
        ("counted_from", np.int64),  # the beats of a count-in, from this one up to that before the next number
        ("counted_until", np.int64),
        ("onset_offset", np.float64, N_VOICES),  # frames by which the voice's onset moves, over -1 and under 1
        ("frame", np.uint8, (N_VOICES, N_COLUMNS)),
        ("owner", np.uint8, N_VOICES),  # MODEL, PLAYER or OFF
    ],
    align=True,
)

TABLE: Final = np.dtype([("sequence", np.int64, N_SLOTS), ("slots", SLOT, N_SLOTS)], align=True)


@dataclass(frozen=True, slots=True)
class FrameBeat:
    """Where a frame is on the beat.

    Attributes
    ----------
    beats : float
        Beats from bar 1, beat 1 to the start of the frame.
    beats_a_frame : float
        More than 0.
    beats_a_bar : int
    counted : tuple of int
        The beats of a count-in that must be heard: the number of the first, and that of the beat after the last.
    """

    beats: float
    beats_a_frame: float
    beats_a_bar: int = 4
    counted: tuple[int, int] = (0, 0)


_UNKNOWN_BEAT: Final = FrameBeat(math.nan, 0.0)


@dataclass(frozen=True, slots=True)
class PlannedFrame:
    """A frame as it is planned: what sounds, and who plays it.

    Attributes
    ----------
    frame_index : int
    frame : ndarray of uint8, shape (4, 3)
    owner : ndarray of uint8, shape (4,)
        `MODEL`, `PLAYER` or `OFF` for each voice.
    onset_offset : ndarray of float64, shape (4,)
        Part of a frame by which the onset of each voice moves, over -1 and under 1.
    beat : FrameBeat or None
        None where the beat is unknown.
    """

    frame_index: int
    frame: NDArray[np.uint8]
    owner: NDArray[np.uint8]
    onset_offset: NDArray[np.float64]
    beat: FrameBeat | None = None


def new_table() -> NDArray[np.void]:
    """Return an empty table: an array of shape (1,) of `TABLE` whose slots hold no frame."""
    table = np.zeros(1, TABLE)
    clear(table)
    return table


def clear(table: NDArray[np.void]) -> None:
    """Empty a table that nobody reads yet."""
    table["slots"]["frame_index"] = -1


def write_frames(table: NDArray[np.void], frames: list[PlannedFrame]) -> None:
    """Publish planned frames, in the order given. Only the one writer may call this.

    Parameters
    ----------
    table : ndarray of TABLE, shape (1,)
    frames : list of PlannedFrame
    """
    slot = np.zeros(1, SLOT)
    for planned in frames:
        beat = planned.beat or _UNKNOWN_BEAT
        slot[0] = (
            planned.frame_index,
            beat.beats,
            beat.beats_a_frame,
            beat.beats_a_bar,
            *beat.counted,
            planned.onset_offset,
            planned.frame,
            planned.owner,
        )
        write_slot(table[0], slot[0])


def read_frame(table: NDArray[np.void], frame_index: int) -> PlannedFrame | None:
    """Return the frame planned for an index, or None where there is none. Any thread may call this."""
    copy = np.zeros(1, SLOT)
    if not read_slot(table[0], frame_index, copy[0]):
        return None
    slot = copy[0]
    beats, beats_a_frame = float(slot["beats"]), float(slot["beats_a_frame"])
    counted = int(slot["counted_from"]), int(slot["counted_until"])
    beat = FrameBeat(beats, beats_a_frame, int(slot["beats_a_bar"]), counted) if beats_a_frame > 0.0 else None
    return PlannedFrame(frame_index, slot["frame"], slot["owner"], slot["onset_offset"], beat)


@kernel
def write_slot(table: Record, planned: Record) -> None:
    """Write one slot, a `SLOT`; the kernel behind `write_frames`."""
    position = planned.frame_index & (N_SLOTS - 1)
    sequence = table.sequence[position]
    store_release(table.sequence, position, sequence + 1)
    fence()
    _copy(table.slots[position], planned)
    store_release(table.sequence, position, sequence + 2)


@kernel
def read_slot(table: Record, frame_index: int, copy: Record) -> bool:
    """Copy the slot of a frame into `copy`, a `SLOT`. False if the slot holds another frame or is being written."""
    position = frame_index & (N_SLOTS - 1)
    for _ in range(_TRIES):
        before = load_acquire(table.sequence, position)
        _copy(copy, table.slots[position])
        fence()
        if before & 1 == 0 and load_acquire(table.sequence, position) == before:
            return copy.frame_index == frame_index
    return False


@kernel
def _copy(copy: Record, slot: Record) -> None:
    """Copy a slot value by value.

    Assigning whole arrays could raise, and would make Numba compile its string support for the error's message.
    """
    copy.frame_index = slot.frame_index
    copy.beats, copy.beats_a_frame, copy.beats_a_bar = slot.beats, slot.beats_a_frame, slot.beats_a_bar
    copy.counted_from, copy.counted_until = slot.counted_from, slot.counted_until
    for voice in range(N_VOICES):
        copy.owner[voice], copy.onset_offset[voice] = slot.owner[voice], slot.onset_offset[voice]
        for column in range(N_COLUMNS):
            copy.frame[voice, column] = slot.frame[voice, column]
