"""Batches of REQUESTS from different sources brought together: the union of their dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from sgengine.schema import REQUESTS


def plain_dimensions(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with dimensions as plain values: formats differ in whether they encode texts."""
    fields, arrays = [], []
    for field, array in zip(batch.schema, batch.columns, strict=True):
        if pa.types.is_dictionary(field.type) and field.name not in REQUESTS.names:
            field, array = field.with_type(field.type.value_type), array.dictionary_decode()
        fields.append(field)
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def joined_requests(batches: list[pa.RecordBatch]) -> pa.Table:
    """One REQUESTS table of all batches, in order; NULL where a batch lacks a dimension."""
    if not batches:
        return REQUESTS.empty()
    schemas = [batch.schema for batch in batches]
    if all(schema == schemas[0] for schema in schemas):
        return pa.Table.from_batches(batches).unify_dictionaries()
    plain = [plain_dimensions(batch) for batch in batches]
    schema = common_schema([batch.schema for batch in plain])
    whole = pa.Table.from_batches([widened(batch, schema) for batch in plain], schema)
    return whole.unify_dictionaries()


def common_schema(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """All columns of ``schemas``, each of a type that holds what they have: text if nothing else does."""
    kinds: dict[str, pa.Field] = {}
    for schema in dict.fromkeys(schemas):
        for field in schema:
            held = kinds.get(field.name)
            kinds[field.name] = field if held is None else _common_field(held, field)
    everywhere = set.intersection(*[set(schema.names) for schema in schemas])
    fields = [kinds[name] for name in kinds]
    return pa.schema([f if f.name in everywhere else f.with_nullable(True) for f in fields])


def _common_field(a: pa.Field, b: pa.Field) -> pa.Field:
    if a.type == b.type:
        return a if a.nullable else b
    both = [pa.schema([pa.field(a.name, field.type)]) for field in (a, b)]
    try:
        if pa.uint64() in (a.type, b.type) and pa.types.is_integer(a.type):
            raise pa.ArrowTypeError("no type has the values of both")
        return pa.unify_schemas(both, promote_options="permissive").field(0)
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.field(a.name, pa.string())


def widened(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with the columns of ``schema``, NULL in those that it lacks."""
    arrays = [
        _as_type(batch.column(field.name), field.type)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _as_type(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """The column as ``kind``, which is its own, a wider one, or text."""
    if column.type == kind:
        return column
    try:
        return column.cast(kind, safe=not pa.types.is_floating(kind))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        texts = [None if value is None else str(value) for value in column.to_pylist()]
        return pa.array(texts, pa.string())
