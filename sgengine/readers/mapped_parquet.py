"""The columns of Parquet files that a mapping names: found by name, inner fields by path."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as pt

from sgengine.errors import FormatError
from sgengine.readers.faults import one_line
from sgengine.readers.mapped_cells import ColumnCells
from sgengine.readers.mapping import ISO, Field, Moment, TraceMapping
from sgengine.readers.tables import Piece

_BATCH_ROWS = 4096

Take = Callable[[int], object]


def opened(path: str) -> pq.ParquetFile:
    """The file, mapped into memory. Absolute, for Arrow takes a name with a colon for a URI."""
    return pq.ParquetFile(Path(path).absolute(), memory_map=True)


def check(path: str, mapping: TraceMapping) -> dict[Field, str]:
    """The units of columns whose type says them. Raises ``FormatError`` if the mapping does not fit."""
    with opened(path) as file:
        schema = file.schema_arrow
    types = {field: _type_of(path, schema, field) for field in mapping.fields()}
    units: dict[Field, str] = {}
    for moment in mapping.times():
        kind = _element(types[moment.field])
        if pt.is_timestamp(kind) or pt.is_duration(kind):
            _check_unit(path, moment, kind)
            units[moment.field] = "ns"
    return units


def _check_unit(path: str, moment: Moment, kind: pa.DataType) -> None:
    name, wanted = moment.field.name, ISO if pt.is_timestamp(kind) else kind.unit
    if moment.unit != wanted:
        raise FormatError(
            f"{path}: column {name} is {kind}; write unit = {wanted!r} for it in the mapping, not "
            f"{moment.unit!r}"
        )
    if pt.is_timestamp(kind) and kind.tz is None and moment.zone is None:
        raise FormatError(
            f"{path}: column {name} is {kind} without a zone; write the zone into the mapping"
        )


def _type_of(path: str, schema: pa.Schema, field: Field) -> pa.DataType:
    if schema.names.count(field.name) == 1:
        return schema.field(field.name).type
    kind: pa.DataType = pa.struct(list(schema))
    for key in field.keys:
        index = kind.get_field_index(key) if pt.is_struct(kind) else -1
        if index < 0:
            raise FormatError(
                f"{path} has no column {field.name} (it has: {_listed(schema)}); name the columns "
                "of the file in the mapping"
            )
        kind = kind.field(index).type
    return kind


def _listed(schema: pa.Schema) -> str:
    return one_line(", ".join(schema.names), 120)


def _element(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if _is_list(kind) else kind


def _is_list(kind: pa.DataType) -> bool:
    return bool(pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind))


def pieces(path: str, batch_bytes: int) -> list[Piece]:
    """Row groups, gathered until they hold a fair part of a batch."""
    found: list[Piece] = []
    start, first, row, size = 0, 1, 1, 0
    with opened(path) as file:
        metadata = file.metadata
        for group in range(metadata.num_row_groups):
            size += metadata.row_group(group).total_byte_size
            row += metadata.row_group(group).num_rows
            if size >= batch_bytes // 8 or group == metadata.num_row_groups - 1:
                found.append(Piece(start=start, stop=group + 1, first_row=first))
                start, first, size = group + 1, row, 0
    return found


def rows(
    path: str, mapping: TraceMapping, start: int, stop: int, first: int
) -> Iterator[tuple[int, int, ColumnCells]]:
    """Number, size in bytes and cells of every row of these row groups."""
    fields = mapping.fields()
    zones = {moment.field: moment.zone for moment in mapping.times()}
    wanted = [field.name for field in fields]
    with opened(path) as file:
        groups = list(range(start, stop))
        batches = file.iter_batches(_BATCH_ROWS, groups, columns=wanted, use_threads=False)
        for batch in batches:
            batch.validate(full=True)
            columns = {field: _taker(_column(batch, field), zones.get(field)) for field in fields}
            size = batch.nbytes // max(1, batch.num_rows)
            for index in range(batch.num_rows):
                yield first + index, size, ColumnCells(index, columns, mapping.separator)
            first += batch.num_rows


def _column(batch: pa.RecordBatch, field: Field) -> pa.Array:
    if field.name in batch.schema.names:
        return batch.column(field.name)
    column = batch.column(field.keys[0])
    for key in field.keys[1:]:
        column = pc.struct_field(column, key)
    return column


def _taker(column: pa.Array, zone: tzinfo | None) -> Take:
    """How a row's value is had: lists of whole numbers and of times as arrays of int64."""
    if pt.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not _is_list(column.type):
        values: list[object] = _as_ns(column, zone).to_pylist()
        return values.__getitem__
    items = _as_ns(column.flatten(), zone)
    is_plain = pt.is_integer(items.type) and not pt.is_uint64(items.type) and not items.null_count
    flat = items.cast(pa.int64()).to_numpy() if is_plain else items.to_pylist()
    lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    ends = np.cumsum(lengths)
    known = column.is_valid().to_pylist()
    return lambda row: flat[ends[row] - lengths[row] : ends[row]] if known[row] else None


def _as_ns(column: pa.Array, zone: tzinfo | None) -> pa.Array:
    """Timestamps as ns since the epoch, durations as ns, other columns as they are."""
    kind = column.type
    if pt.is_duration(kind):
        return column.cast(pa.duration("ns")).cast(pa.int64())
    if not pt.is_timestamp(kind):
        return column
    if kind.tz is None and isinstance(zone, ZoneInfo):
        column = pc.assume_timezone(column, zone.key)
        zone = None
    found = column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64())
    if kind.tz is None and zone is not None:
        offset = zone.utcoffset(None) or timedelta(0)
        found = pc.subtract_checked(found, round(offset.total_seconds()) * 10**9)
    return found
