"""What rows become in a store: plain types that every reader of Delta and Parquet knows alike."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from operator import itemgetter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import Schema

from sgengine.schema import REQUESTS, Column
from sgengine.schema.nights import COMMIT_ID, DAY, JOB
from sgengine.store.layout import COMMIT_POINT, StoreTable

TEXT_SUFFIX = "_text"
"""Behind the name of a column that holds, as text, what does not fit the column of that name."""

DIMENSION_SUFFIX = "_dim"
"""Behind the name of a dimension whose own name is a column's."""

_TAKEN = frozenset({*REQUESTS.names, COMMIT_ID.name, JOB.name, DAY.name})
_UNFIT = re.compile(r"[ ,;{}()\n\t=]")
"""Letters that Delta allows in no column's name."""

_BIG = pa.decimal128(20, 0)
"""A type for uint64, which Delta lacks."""

_INSTANT = pa.timestamp("us", "UTC")
"""The one kind of timestamp that every Delta reader knows."""


def file_schema(table: StoreTable) -> pa.Schema:
    """The columns of the table's data files, but for dimensions; partition columns are in no file."""
    return plain_schema(pa.schema([(c.name, c.type) for c in file_columns(table)]))


def file_columns(table: StoreTable) -> tuple[Column, ...]:
    """The declared columns of the table's data files, the commit's id first."""
    declared = (COMMIT_ID, *(column for column in table.spec.columns if column != COMMIT_ID))
    return tuple(column for column in declared if column.name not in table.partitions)


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The schema with texts for dictionaries of texts: the same columns, as a file holds them."""
    return pa.schema([(field.name, _plain(field.type)) for field in schema])


def delta_schema(table: StoreTable) -> Schema:
    """The table's Delta schema at its creation; later ones have dimensions behind."""
    kinds = [pa.date32() if name == DAY.name else pa.string() for name in table.partitions]
    return Schema.from_arrow(
        pa.schema([*file_schema(table), *map(pa.field, table.partitions, kinds)])
    )


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def schema_id(schema: pa.Schema) -> str:
    """Eight letters that are the same for files with the same columns, and for no others."""
    lines = "\n".join(f"{field.name}\t{field.type}" for field in plain_schema(schema))
    return sha256(lines.encode()).hexdigest()[:8]


def plain_batch(table: StoreTable, rows: pa.RecordBatch, commit_id: str) -> pa.RecordBatch:
    """Rows of a side table as its files hold them."""
    schema = file_schema(table)
    if COMMIT_ID.name not in rows.schema.names:
        rows = rows.append_column(
            COMMIT_ID.name, pa.array([commit_id] * rows.num_rows, pa.string())
        )
    return rows.select(schema.names).cast(schema)


_STORED = file_columns(COMMIT_POINT)


class Shaper:
    """Brings batches of REQUESTS with any dimensions to the columns of a store.

    ``held``: the columns that the store has. The first values of a dimension give it its type; values
    of another type that do not convert exactly go to a column of texts beside it.
    """

    def __init__(self, held: pa.Schema) -> None:
        self._kinds: dict[str, pa.Field] = {field.name.lower(): field for field in held}

    def shape(self, batch: pa.RecordBatch, commit_id: str) -> pa.RecordBatch:
        """``batch`` as files of requests hold it: declared columns, then its dimensions by name."""
        arrays = {COMMIT_ID.name: _same(commit_id, batch.num_rows)}
        for column in _STORED[1:]:
            arrays[column.name] = batch.column(column.name).cast(column.type)
        names = dimension_names(batch.schema.names)
        taken = {name.lower() for name in names.values()}
        for place, name in sorted(names.items(), key=itemgetter(1)):
            values = plain_values(batch.column(place))
            if not pa.types.is_null(values.type):
                field, stored = self._placed(name, values, taken)
                taken.add(field.lower())
                arrays[field] = stored
        return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))

    def _placed(self, name: str, values: pa.Array, taken: set[str]) -> tuple[str, pa.Array]:
        """The column for the values of dimension ``name``, and the values as it holds them.

        ``taken``: the columns of the batch's dimensions, which texts must not go to.
        """
        held = self._kinds.setdefault(name.lower(), pa.field(name, values.type))
        stored = _exactly(values, held.type)
        while stored is None:
            name += TEXT_SUFFIX
            if name.lower() not in taken:
                held = self._kinds.setdefault(name.lower(), pa.field(name, pa.string()))
                stored = _texts(values) if held.type == pa.string() else None
        return held.name, stored


def dimension_names(names: list[str]) -> dict[int, str]:
    """The name in the store of each column that is a dimension, by its place; case makes no other."""
    taken = {name.lower() for name in _TAKEN}
    found = {}
    for place, given in enumerate(names):
        if given in REQUESTS.names:
            continue
        name = _UNFIT.sub("_", given) or "_"
        while name.lower() in taken:
            name += DIMENSION_SUFFIX
        taken.add(name.lower())
        found[place] = name
    return found


def plain_values(values: pa.Array) -> pa.Array:
    """A dimension's values as int64, float64, text, boolean, date, decimal or instant; else as text."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = values.type
    if kind == pa.uint64():
        return values.cast(_BIG)
    if pa.types.is_integer(kind):
        return values.cast(pa.int64())
    if pa.types.is_floating(kind):
        floats = values.cast(pa.float64())
        return pc.if_else(pc.is_nan(floats), pa.scalar(None, pa.float64()), floats)
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        instants = _exactly(values, _INSTANT)
        return _texts(values) if instants is None else instants
    is_decimal = pa.types.is_decimal128(kind) and 0 <= kind.scale <= kind.precision
    return values if kind in _PLAIN or is_decimal else _texts(values)


_PLAIN = (pa.null(), pa.bool_(), pa.string(), pa.date32())


def _same(text: str, rows: int) -> pa.Array:
    """``rows`` times one text, as LABEL."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text]))


def _exactly(values: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """The values as ``kind``; None unless that can be undone: '007' is no number, 7 no boolean."""
    if values.type == kind:
        return values
    try:
        stored = values.cast(kind)
        return stored if stored.cast(values.type).equals(values) else None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        return None


def _texts(values: pa.Array) -> pa.Array:
    try:
        return values.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        return pa.array([_text(value) for value in values.to_pylist()], pa.string())


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, default=str) if isinstance(value, list | dict) else str(value)
