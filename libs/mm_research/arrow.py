"""Exact decimals in Arrow: integer columns times a decimal unit, and CSV that writes them with all their decimals."""

from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from mm_research.exact import exact_products

Column = np.ndarray[Any, np.dtype[Any]]

_PRECISION = 19  # digits of what fits 63 bits; more would overflow the sums that people make
_WIDE_PRECISION = 38  # digits of what does not


def decimals(counts: Column, unit: Decimal, scale: int = 0, mask: Column | None = None) -> pa.Array:
    """`counts` x `unit` with the unit's decimals, or `scale` if that is more; null where `mask` is true.

    19 digits, as 63 bits hold; 38 where a value needs more. OverflowError where it needs more than those.
    """
    scale = max(scale, scale_of(unit))
    products = exact_products(counts, int(unit.scaleb(scale)))
    if products.dtype == object:
        return _wide_decimals(products, scale, mask)
    values = np.empty((len(counts), 2), np.int64)
    values[:, 0] = products
    values[:, 1] = values[:, 0] >> 63  # the upper half: the sign
    valid = None if mask is None else pa.py_buffer(np.packbits(~mask, bitorder="little"))
    kind = pa.decimal128(_PRECISION, scale)
    return pa.Array.from_buffers(kind, len(counts), [valid, pa.py_buffer(values)])


def _wide_decimals(values: Column, scale: int, mask: Column | None) -> pa.Array:
    """Python integers of 10^-scale as decimals of 38 digits."""
    hidden = [False] * len(values) if mask is None else mask.tolist()
    exponent = Decimal(1).scaleb(-scale)
    with localcontext(prec=2 * _WIDE_PRECISION):
        found = [None if hide else int(value) * exponent for value, hide in zip(values.tolist(), hidden, strict=True)]
    try:
        return pa.array(found, pa.decimal128(_WIDE_PRECISION, scale))
    except pa.ArrowInvalid as error:
        raise OverflowError(f"an amount does not fit {_WIDE_PRECISION} digits, {scale} of them decimals") from error


def scale_of(unit: Decimal) -> int:
    """Decimals that multiples of a unit need."""
    exponent = unit.normalize().as_tuple().exponent
    assert isinstance(exponent, int), unit
    return max(0, -exponent)


def names(codes: Column, by_code: dict[int, str]) -> pa.Array:
    """Text of each code; null for a code that has none."""
    found = sorted(by_code)
    places = np.searchsorted(found, codes).clip(max=len(found) - 1)
    known = np.array(found)[places] == codes
    return pa.array([by_code[code] for code in found], pa.string()).take(pa.array(places, mask=~known))


def fixed(column: pa.ChunkedArray) -> pa.Array:
    """Decimals as text with all their decimals; Arrow's own text of small ones has an exponent."""
    array = column.combine_chunks()
    scale = array.type.scale
    if array.type.precision > _PRECISION:
        return pa.array([None if value is None else f"{value:f}" for value in array.to_pylist()], pa.string())
    low = np.frombuffer(array.buffers()[1], np.int64)[2 * array.offset :: 2][: len(array)]
    whole, part = np.divmod(np.abs(low), 10**scale)
    text = pa.array(whole).cast(pa.string())
    if scale:
        digits = pc.utf8_lpad(pa.array(part).cast(pa.string()), scale, "0")
        text = pc.binary_join_element_wise(text, digits, ".")
    signs = pa.array(["", "-"]).take(pa.array((low < 0).astype(np.int64)))
    return pc.if_else(pc.is_valid(array), pc.binary_join_element_wise(signs, text, ""), None)


def write_csv(table: pa.Table, path: Any, *, header: bool = True) -> None:
    """CSV with a header line, fixed decimals, and nothing for null."""
    for i, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            table = table.set_column(i, field.name, fixed(table.column(i)))
    options = pyarrow.csv.WriteOptions(include_header=header, quoting_style="none", quoting_header="none")
    pyarrow.csv.write_csv(table, path, options)
