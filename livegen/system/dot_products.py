"""Dot products of whole numbers for kernels: sums of products of int16 with int8, sixteen of them at a time.

Numba makes every sum of whole numbers one of int64, and so fills a quarter of the processor's lanes at best. So the
loop is written here as LLVM sees it, without the instructions of any one processor: on x86 a step of it is a load
that widens, ``vpmaddwd``, and an addition. Sums of whole numbers are exact in any order, so they are the same on every
machine.

A matrix is cut into tiles of four rows by sixteen columns, which follow each other as they are read. So the processor
fetches them ahead: row after row, the same products took 1.4 times as long.
"""

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

N_ROWS: Final = 4
N_LANES: Final = 16
"""Rows and columns of a tile."""

_INT8, _INT16, _INT32, _INT64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_WIDE: Final = ir.VectorType(_INT32, N_LANES)
_SUMS: Final = ir.VectorType(_INT32, N_LANES // 2)
_UNDEFINED: Final = ir.Constant(_WIDE, ir.Undefined)


def _every_second(first: int) -> ir.Constant:
    return ir.Constant(_SUMS, [ir.Constant(_INT32, i) for i in range(first, N_LANES, 2)])


_EVEN, _ODD = _every_second(0), _every_second(1)


def _load_wide(builder: Any, data: Any, at: Any, element: ir.IntType) -> Any:
    """Load sixteen numbers from an index on, and make int32 of them."""
    pointer = builder.gep(data, [at], source_etype=element)
    numbers = builder.load(pointer, typ=ir.VectorType(element, N_LANES), align=element.width // 8)
    return builder.sext(numbers, _WIDE)


@intrinsic
def dot_products(typing_context: Any, x: Any, tiles: Any, block: Any) -> Any:
    """Return the dot products of `x` with the rows of one block of tiles, four int32.

    ``x (N_LANES * n,)`` is int16 and ``tiles (blocks, n, N_ROWS, N_LANES)`` int8, both C-contiguous. Nothing is
    checked, and what does not fit into an int32 wraps around.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        numbers, matrix = (
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args[:2], args[:2], strict=True)
        )
        (length,) = cgutils.unpack_tuple(builder, numbers.shape)
        sums = [cgutils.alloca_once_value(builder, ir.Constant(_SUMS, None)) for _ in range(N_ROWS)]
        begin = builder.mul(args[2], builder.mul(length, _INT64(N_ROWS)))
        with cgutils.for_range_slice(builder, _INT64(0), length, _INT64(N_LANES), _INT64) as (at, _):
            of_x = _load_wide(builder, numbers.data, at, _INT16)
            tile = builder.add(begin, builder.mul(at, _INT64(N_ROWS)))
            for row, total in enumerate(sums):
                of_row = builder.add(tile, _INT64(row * N_LANES))
                products = builder.mul(of_x, _load_wide(builder, matrix.data, of_row, _INT8))
                pairs = [builder.shuffle_vector(products, _UNDEFINED, which) for which in (_EVEN, _ODD)]
                builder.store(builder.add(builder.load(total, typ=_SUMS), builder.add(*pairs)), total)
        kind = ir.FunctionType(_INT32, [_SUMS])
        reduce = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.add.v{_SUMS.count}i32")
        totals = [builder.call(reduce, [builder.load(total, typ=_SUMS)]) for total in sums]
        return context.make_tuple(builder, signature.return_type, totals)

    return types.UniTuple(types.int32, N_ROWS)(x, tiles, types.intp), generate
