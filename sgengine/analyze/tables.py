"""Batches of REQUESTS from different sources brought together: the union of their dimensions."""

from __future__ import annotations

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
    tables = [pa.Table.from_batches([plain_dimensions(batch)]) for batch in batches]
    return pa.concat_tables(tables, promote_options="permissive").unify_dictionaries()


def widened(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with the columns of ``schema``, NULL in those that it lacks."""
    arrays = [
        batch.column(field.name).cast(field.type)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
