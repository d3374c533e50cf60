"""Compiles all that playing will call, before it is called."""

import sys

from livegen.engines.protocol import Conducts, Engine
from livegen.outputs.callback import warm_up
from livegen.patch import Patch
from livegen.performance import form
from livegen.system.kernels import is_compiled, mark_compiled
from livegen.system.processes import side_by_side


def compile_all(engine: Engine, patch: Patch, conductor: Conducts | None = None) -> None:
    """Compile all that playing will call, or load it from the cache, so that nothing is compiled on stage.

    If all is compiled already, this takes two milliseconds. The first time, processes compile it side by side into the
    cache: that is quicker, and what a compiler leaves in memory goes with them.
    """
    conducting = () if conductor is None else (conductor.warm_up,)
    parts = (engine.warm_up, *conducting, form.warm_up, lambda: warm_up(patch))
    if sys.platform == "linux" and not is_compiled():  # elsewhere processes cannot be forked safely
        side_by_side(parts)
    for part in parts:
        part()
    mark_compiled()
