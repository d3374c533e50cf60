"""The one native function that plays a callback, whoever asks: the sound card, the null clock, or a file that is made.

No kernel takes longer to compile, so there is one alone: Python calls it as PortAudio does.
"""

import ctypes
import functools
import sys
from collections.abc import Callable
from typing import Any, Final

import numba
import numpy as np
from numba import carray, types
from numpy.typing import NDArray

from livegen.outputs.callback import (
    CALLBACK,
    MAX_PIECE_SAMPLES,
    TIMED_RING,
    attach,
    begin_with_gains,
    detach,
    fill_block,
    new_callback,
    publish_commands,
    render_block,
    stage_command,
    stays_idle,
)
from livegen.outputs.scope import Scope
from livegen.outputs.tap import TAP_SAMPLES, read_tap
from livegen.patch import Patch
from livegen.score import N_VOICES, SILENCE
from livegen.score_table import PlannedFrame, read_frame, write_frames
from livegen.synth.commands import COMMAND
from livegen.synth.register_log import power_up_writes

# Flags of ours, beside those of PortAudio: who calls is not the sound card, and nobody waits for the block.
_IS_OURS: Final = 1 << 16
_IS_OFFLINE: Final = 1 << 17

_UNSIGNED_LONG: Final = types.uint32 if sys.platform == "win32" else types.uint64
_C_FUNCTION: Final = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_ulong,
    ctypes.c_void_p,
    ctypes.c_ulong,
    ctypes.c_void_p,
)


@functools.cache
def native_callback() -> Any:
    """Return the compiled function that PortAudio calls. Its user data is a pointer to a `CALLBACK`."""
    signature = types.int32(
        types.voidptr,
        types.CPointer(types.float32),
        _UNSIGNED_LONG,
        types.voidptr,
        _UNSIGNED_LONG,
        types.CPointer(numba.from_dtype(CALLBACK)),
    )

    @numba.cfunc(signature, cache=True, error_model="numpy")
    def fill(input_pointer, output_pointer, n_samples, time_info, status_flags, callback_pointer):  # type: ignore[no-untyped-def]
        callback = carray(callback_pointer, 1)[0]
        out = carray(output_pointer, n_samples * callback.n_channels)
        if status_flags & _IS_OFFLINE:
            render_block(callback, out, np.int64(n_samples))
        elif status_flags & _IS_OURS or not stays_idle(callback):
            # signed, as everywhere else, so that one compiled kernel serves all callers
            fill_block(callback, out, np.int64(n_samples), np.int64(status_flags))
        else:
            out[:] = 0.0
        return types.int32(0)

    return fill


@functools.cache
def _c_function() -> Callable[..., int]:
    return _C_FUNCTION(native_callback().address)


def play_live(callback: NDArray[np.void], out: NDArray[np.float32], n_samples: int, status_flags: int = 0) -> None:
    """Fill `out` with the next samples as the sound card does, counted and timed; the card may be detached.

    Parameters
    ----------
    callback : ndarray of CALLBACK, shape (1,)
    out : ndarray of float32, shape (n_samples * channels,)
        Contiguous; interleaved.
    n_samples : int
    status_flags : int
        As PortAudio has them.
    """
    _c_function()(None, out.ctypes.data, n_samples, None, status_flags | _IS_OURS, callback.ctypes.data)


def play_offline(callback: NDArray[np.void], out: NDArray[np.float32], n_samples: int) -> None:
    """Fill `out` with the next samples for nobody who waits; the arguments are those of `play_live`."""
    _c_function()(None, out.ctypes.data, n_samples, None, _IS_OFFLINE, callback.ctypes.data)


def warm_up(patch: Patch) -> None:
    """Compile every kernel that playing calls, or load it from the cache."""
    for part in parts_to_warm_up(patch):
        part()


def parts_to_warm_up(patch: Patch) -> tuple[Callable[[], None], ...]:
    """Return what `warm_up` does, in two parts that have little in common; the first takes longest."""
    return _warm_up_callback, lambda: _warm_up_rest(patch)


def _warm_up_callback() -> None:
    play_offline(np.zeros(1, CALLBACK), np.zeros(0, np.float32), 0)


def _warm_up_rest(patch: Patch) -> None:
    callback = new_callback(48_000, patch)
    begin_with_gains(callback, np.ones(N_VOICES))
    power_up_writes()
    write_frames(callback["table"], [PlannedFrame(0, SILENCE, np.zeros(N_VOICES, np.uint8), np.zeros(N_VOICES))])
    read_frame(callback["table"], 0)
    command = np.zeros(1, COMMAND)
    command["note"] = 69
    for ring_index in (0, TIMED_RING):
        stage_command(callback[0], ring_index, command[0])
        publish_commands(callback[0], ring_index)
    detach(callback[0])
    attach(callback[0])
    read_tap(callback["tap"][0], 0, np.zeros(TAP_SAMPLES, np.int16), MAX_PIECE_SAMPLES)
    Scope(callback).read()
