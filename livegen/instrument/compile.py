"""Compiles all that playing will call, before it is called."""

from livegen.engines.protocol import Engine
from livegen.outputs.callback import warm_up
from livegen.patch import Patch
from livegen.performance import form
from livegen.system.kernels import mark_compiled


def compile_all(engine: Engine, patch: Patch) -> None:
    """Compile all that playing will call, or load it from the cache, so that nothing is compiled on stage.

    If all is compiled already, this takes two milliseconds.
    """
    engine.warm_up()
    form.warm_up()
    warm_up(patch)
    mark_compiled()
