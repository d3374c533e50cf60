"""What Numba does not give to kernels by itself: floats of half precision, and arrays found by their address."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def halves_at(typing_context: Any, address: Any) -> Any:
    """Return an address, an int64, as the pointer to the bits of float16, uint16, that `numba.carray` takes.

    The array there must be C-contiguous and live as long as what is made of the pointer: the caller sees to that.
    """
    pointer = types.CPointer(types.uint16)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(pointer))

    return pointer(types.int64), generate


@intrinsic
def half(typing_context: Any, bits: Any) -> Any:
    """Return the float32 that the bits of a float16 stand for, a uint16. It is exact, and compiles to vectors."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fpext(builder.bitcast(args[0], ir.HalfType()), ir.FloatType())

    return types.float32(types.uint16), generate


@intrinsic
def half_bits(typing_context: Any, number: Any) -> Any:
    """Return the bits of the float16 that is nearest to a float32."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(builder.fptrunc(args[0], ir.HalfType()), ir.IntType(16))

    return types.uint16(types.float32), generate
