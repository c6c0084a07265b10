"""Prefetch a row before it is needed: the loop's branches keep the CPU from running ahead of them on its own.

Measured on the benchmark job's rows: 8.6 ns a row without, 4.8 with rows prefetched 128 ahead (docs/decisions.md). It
changes no result, so the plain Python mode does nothing.
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from mm_core.compiled import JIT

ROWS_AHEAD = 128


def _prefetch_codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """LLVM's prefetch of array[index] for reading, into all caches; it cannot fault, so nothing is checked."""
    array = context.make_array(signature.args[0])(context, builder, args[0])
    shape = cgutils.unpack_tuple(builder, array.shape)
    strides = cgutils.unpack_tuple(builder, array.strides)
    address = cgutils.get_item_pointer2(
        context, builder, array.data, shape, strides, "C", [args[1]], wraparound=False, boundscheck=False
    )
    byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(function, [builder.bitcast(address, byte), word(0), word(3), word(1)])
    return context.get_dummy_value()


def _prefetch_typed(_typing_context: Any, array: Any, index: Any) -> Any:
    return types.void(array, index), _prefetch_codegen


def _nothing(array: Any, index: int) -> None:
    """The plain Python mode has no cache to warm."""


prefetch = intrinsic(_prefetch_typed) if JIT else _nothing
