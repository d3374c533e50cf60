"""A command straight into a ring of the audio callback, to be run next."""

import numpy as np

from livegen.outputs.callback import publish_commands, stage_command


def push_command(callback: np.void, ring_index: int, command: np.void) -> bool:
    """Put a copy of a command into a ring; False if the ring is full."""
    is_staged = bool(stage_command(callback, ring_index, command))
    publish_commands(callback, ring_index)
    return is_staged
