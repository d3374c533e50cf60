"""Acquire and release for kernels: Numba has no atomics on the CPU.

Plain loads and stores may be reordered, by the compiler everywhere and by the processor on ARM. These three
intrinsics give the order that a single writer and its readers on other threads need.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_WORD = ir.IntType(64)


def _element_pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    view = context.make_array(array_type)(context, builder, array)
    return cgutils.get_item_pointer(context, builder, array_type, view, [index], wraparound=False)


@intrinsic
def load_acquire(typing_context: Any, array: Any, index: Any) -> Any:
    """Return ``array[index]`` of a 1-d int64 array; what follows happens after the load."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _element_pointer(context, builder, signature.args[0], args[0], args[1])
        return builder.load_atomic(pointer, "acquire", 8, typ=_WORD)

    return types.int64(array, types.intp), generate


@intrinsic
def store_release(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    """Store an int64 to ``array[index]`` of a 1-d int64 array; what came before happens before the store."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _element_pointer(context, builder, signature.args[0], args[0], args[1])
        builder.store_atomic(args[2], pointer, "release", 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.int64), generate


@intrinsic
def fence(typing_context: Any) -> Any:
    """Order all loads and stores before this point before all that follow."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate
