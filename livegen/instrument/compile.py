"""Compiles all that playing will call, before it is called.

If all is compiled already, that takes two milliseconds. The first time, processes compile it side by side into the
cache: that is quicker, and what a compiler leaves in memory goes with them.
"""

import sys
from collections.abc import Callable
from typing import Final

from livegen.engines.ensemble import models_of
from livegen.engines.protocol import Conducts, Engine
from livegen.outputs.native import parts_to_warm_up
from livegen.patch import Patch
from livegen.performance import form, tightness
from livegen.system.kernels import is_compiled, mark_compiled
from livegen.system.processes import SideBySide

_BEHIND: Final = 19
"""Niceness of what compiles while somebody waits for the sound, or plays already."""


def compile_all(engine: Engine, patch: Patch, conductor: Conducts | None = None) -> None:
    """Compile all that playing will call, or load it from the cache, so that nothing is compiled on stage."""
    parts = (*_models(engine, conductor), *_sound(patch))
    if Compiling.is_wanted():
        SideBySide(parts).wait()
    for part in parts:
        part()
    mark_compiled()


class Compiling:
    """What playing will call, while it is compiled: the sound first, so that keys need not wait for the model.

    Made before any thread is started. It fits only where `is_wanted`.

    Parameters
    ----------
    engine : Engine
        The models that are to play.
    patch : Patch
    conductor : Conducts or None
    """

    def __init__(self, engine: Engine, patch: Patch, conductor: Conducts | None) -> None:
        sound = _sound(patch)
        first = SideBySide(sound)
        self._models = SideBySide(_models(engine, conductor), _BEHIND)
        try:
            first.wait()
            for part in sound:
                part()
        except BaseException:
            self.end()
            raise

    @staticmethod
    def is_wanted() -> bool:
        """Tell whether not all is compiled, and what is missing can be compiled beside what plays."""
        return sys.platform == "linux" and not is_compiled()  # elsewhere processes cannot be forked safely

    def wait(self) -> None:
        """Wait until the models are compiled."""
        self._models.wait()
        mark_compiled()

    def end(self) -> None:
        """Give up; safe to call twice."""
        self._models.end()


def _sound(patch: Patch) -> tuple[Callable[[], None], ...]:
    return form.warm_up, tightness.warm_up, *parts_to_warm_up(patch)


def _models(engine: Engine, conductor: Conducts | None) -> tuple[Callable[[], None], ...]:
    each = {id(one): one.warm_up for one in (*models_of(engine).values(), conductor) if one is not None}
    return tuple(each.values())
