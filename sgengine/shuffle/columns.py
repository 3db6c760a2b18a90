"""The columns of arrivals and ends over all files of a log, brought to one type each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

import pyarrow as pa
import pyarrow.types as pt

from sgengine.shuffle.pieces import Piece

_FIRST = ("code", "time_ns")


def types_in(pieces: Iterable[Piece]) -> tuple[pa.Schema, ...]:
    """The distinct schemas of arrivals and ends, without the columns that all have."""
    found: dict[pa.Schema, None] = {}
    for piece in pieces:
        for table in (piece.arrivals, piece.ends):
            fields = [pa.field(f.name, f.type) for f in table.schema if f.name not in _FIRST]
            found[pa.schema(fields)] = None
    return tuple(found)


def one_type_each(schemas: Iterable[pa.Schema]) -> pa.Schema:
    """Every column of ``schemas``, in order of first appearance, with a type that holds all its values.

    Numbers of several types become float64, whole ones int64; of anything else that differs, texts.
    """
    types: dict[str, list[pa.DataType]] = {}
    for schema in schemas:
        for field in schema:
            types.setdefault(field.name, []).append(field.type)
    return pa.schema([pa.field(name, _common(found)) for name, found in types.items()])


def _common(types: Sequence[pa.DataType]) -> pa.DataType:
    return reduce(_of_two, types)


def _of_two(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one == other or pt.is_null(other):
        return one
    if pt.is_null(one):
        return other
    if pt.is_signed_integer(one) and pt.is_signed_integer(other):
        return pa.int64()
    if _is_number(one) and _is_number(other):
        return pa.float64()
    return pa.string()


def _is_number(kind: pa.DataType) -> bool:
    return bool(pt.is_integer(kind) or pt.is_floating(kind))
