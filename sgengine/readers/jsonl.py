"""Deliveries in JSON Lines: one object a line, keys as in DELIVERIES, other scalars as dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from sgengine.errors import FormatError
from sgengine.kernels.json_values import LATER
from sgengine.readers import deliveries, tables
from sgengine.readers.base import (
    Batch,
    BatchIterator,
    Partition,
    ReadOptions,
    Reject,
    Source,
    SourcePlan,
)
from sgengine.readers.faults import one_line
from sgengine.readers.json_lines import (
    REFUSALS,
    SCAN_BYTES,
    TEXT_SHARE,
    Cutter,
    LineBlock,
    blocks,
    unreadable,
)
from sgengine.readers.json_shape import Found, shape_of
from sgengine.readers.jsonl_scan import CANONICAL, LISTS, Scan
from sgengine.readers.typed import Int32, Int64
from sgengine.readers.whole_lists import whole_lists
from sgengine.schema import DELIVERIES, LABEL

_DIMENSIONS: dict[str, tuple[Any, pa.DataType]] = {
    "text": (str, pa.string()),
    "int": (Int64, pa.int64()),
    "float": (float, pa.float64()),
    "bool": (bool, pa.bool_()),
    "mixed": (msgspec.Raw, pa.string()),
}
"""Kinds of dimensions: how a value is decoded, and the column it makes. Mixed values are text."""


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """Ranges of lines. One pass finds the columns, so that every batch has the same ones."""
    scan, cutter = Scan(), Cutter()
    for block in blocks(source.path, SCAN_BYTES):
        cutter.see_all(block)
        scan.see_all(block)
    if not scan.columns:
        raise FormatError(f"{source.path} has no line that is a JSON object; check the format")
    deliveries.check_columns(source.path, list(scan.columns))
    pieces = cutter.pieces(source.path)
    arrival, details, notes = scan.first_arrival, scan.details(), _notes(scan.left_out())
    return tables.plan_of(
        source, options, list(scan.columns), pieces, arrival, details=details, notes=notes
    )


def _notes(left_out: Sequence[str]) -> tuple[str, ...]:
    if not left_out:
        return ()
    named = one_line(", ".join(map(repr, left_out)), 120)
    return (f"Left out, for they hold lists or objects or have odd characters: {named}.",)


def read(partition: Partition) -> BatchIterator:
    """The rows of the range, in order; lines that do not parse are rejects of their batch."""
    kind = _row_type(partition.details)
    lists = {f"f{i}": LATER for i, (name, _) in enumerate(partition.details) if name in LISTS}
    shape, exact = shape_of(kind, lists), msgspec.json.Decoder(kind)
    size = -(-partition.batch_bytes // TEXT_SHARE)
    for block in blocks(partition.path, size, partition.start, partition.stop, partition.first_row):
        columns = _at_once(partition, shape.find(block.text, block.starts, block.stops))
        if columns is None:
            yield _one_by_one(partition, exact, block)
        else:
            yield _batch(partition, columns, block.numbers, ())


def _at_once(partition: Partition, found: Found) -> dict[str, pa.Array] | None:
    """The columns of lines that are all sure, without an object each; None: a decoder has to see them."""
    columns: dict[str, pa.Array] = {}
    for index, (name, kind) in enumerate(partition.details if found.sure.all() else ()):
        made = _found_column(found, f"f{index}", name, kind)
        if made is None:
            return None
        columns[name] = made
    return columns or None


def _found_column(found: Found, path: str, name: str, kind: str) -> pa.Array | None:
    """One column, or None where its values are not sure."""
    declared = DELIVERIES.column(name).type if kind == CANONICAL else _DIMENSIONS[kind][1]
    if name in LISTS:
        return whole_lists(found.text, found.places(path), declared.value_type)
    if declared in (pa.int64(), pa.int32()):
        return found.integers(path, declared)
    if kind in (CANONICAL, "text"):
        return found.texts(path)
    decode = msgspec.json.Decoder(_decoded(name, kind)).decode
    values = [None if value is None else decode(value) for value in found.values(path)]
    return _column(values, name, kind)


def _one_by_one(
    partition: Partition, decoder: msgspec.json.Decoder[Any], block: LineBlock
) -> Batch:
    """The batch of any lines; each that does not parse is a reject, which says why."""
    own_runs = partition.detail("run") is not None and "run" not in partition.forced
    run = None if own_runs else partition.run
    numbers: list[int] = []
    rows: list[Any] = []
    rejects: list[Reject] = []
    for line in block.lines():
        try:
            rows.append(decoder.decode(line.text))
            numbers.append(line.number)
        except REFUSALS as error:
            rejects.append(unreadable(run, line, error))
    columns = {
        name: _column([getattr(row, f"f{index}") for row in rows], name, kind)
        for index, (name, kind) in enumerate(partition.details)
    }
    return _batch(partition, columns, np.array(numbers, dtype=np.int64), rejects)


def _row_type(details: Sequence[tuple[str, str]]) -> Any:
    """The type of a row: a field a column, absent and null values ``None``.

    Fields are numbered, for keys of JSON need not be names of Python.
    """
    fields = [(f"f{index}", _decoded(*detail), None) for index, detail in enumerate(details)]
    keys = {f"f{index}": name for index, (name, _) in enumerate(details)}
    return msgspec.defstruct("Row", fields, rename=keys, gc=False)


def _decoded(name: str, kind: str) -> Any:
    if kind == "mixed":
        return msgspec.Raw  # raw JSON may be null already, and is refused beside None
    if kind != CANONICAL:
        return _DIMENSIONS[kind][0] | None
    declared = DELIVERIES.column(name).type
    if declared in (pa.string(), LABEL):
        return str | int | None
    if pa.types.is_list(declared):
        return list[_integer(declared.value_type) | None] | None  # type: ignore[misc]
    return _integer(declared) | None


def _integer(kind: pa.DataType) -> Any:
    return Int32 if kind == pa.int32() else Int64


def _batch(
    partition: Partition,
    columns: Mapping[str, pa.Array],
    numbers: np.ndarray,
    rejects: Sequence[Reject],
) -> Batch:
    batch = pa.RecordBatch.from_pydict(columns)
    return deliveries.conform(batch, partition, numbers, "line", rejects)


def _column(values: Sequence[Any], name: str, kind: str) -> pa.Array:
    if kind == "mixed":
        return pa.array([_mixed(value) for value in values], pa.string())
    if kind != CANONICAL:
        return pa.array(values, _DIMENSIONS[kind][1])
    declared = DELIVERIES.column(name).type
    if declared not in (pa.string(), LABEL):
        return pa.array(values, declared)
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _mixed(raw: msgspec.Raw | None) -> str | None:
    """A value of any scalar kind as text: strings as they are, others as their JSON."""
    if raw is None or bytes(raw) == b"null":
        return None
    text = bytes(raw)
    return msgspec.json.decode(text, type=str) if text[:1] == b'"' else text.decode()
