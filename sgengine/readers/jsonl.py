"""Deliveries in JSON Lines: one object a line, keys as in DELIVERIES, other scalars as dimensions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from sgengine.errors import FormatError
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
from sgengine.readers.json_lines import REFUSALS, TEXT_SHARE, Cutter, Line, lines, unreadable
from sgengine.readers.typed import Int32, Int64
from sgengine.readers.whole_lists import whole_lists
from sgengine.schema import DELIVERIES, LABEL

_TIMES = "chunk_times_ns"

_CANONICAL = "canonical"
_UNUSABLE = "unusable"
_DECLARED = frozenset(DELIVERIES.names)
_ODD_KEY = re.compile(r'["\\\x00-\x1f]')
"""Characters that the decoder does not take in the names of fields."""

_DIMENSIONS: dict[str, tuple[Any, pa.DataType]] = {
    "text": (str, pa.string()),
    "int": (Int64, pa.int64()),
    "float": (float, pa.float64()),
    "bool": (bool, pa.bool_()),
    "mixed": (msgspec.Raw, pa.string()),
}
"""Kinds of dimensions: how a value is decoded, and the column it makes. Mixed values are text."""


class _Scan:
    """What a pass over all lines finds out: columns, kinds of dimensions, the first arrival."""

    def __init__(self) -> None:
        self.columns: dict[str, set[str]] = {}
        self.first_arrival: int | None = None
        self._names: tuple[str, ...] = ()
        self._others: list[str] = []
        self._decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])

    def see(self, line: Line) -> None:
        """Take note of a line's keys; a line that cannot be read has none."""
        try:
            row = self._decoder.decode(line.text)
        except REFUSALS:
            return
        names = tuple(row)
        if names != self._names:  # most lines have the keys of the one before
            self._names = names
            self._others = [name for name in names if name not in _DECLARED]
            for name in names:
                self.columns.setdefault(name, set())
        for name in self._others:
            self.columns[name].add(_kind(bytes(row[name])))
        if self.first_arrival is None and "arrival_ns" in row:
            self.first_arrival = _whole(bytes(row["arrival_ns"]))

    def details(self) -> tuple[tuple[str, str], ...]:
        """Column and kind of every canonical column and every dimension."""
        kinds = ((name, self._column_kind(name)) for name in self.columns)
        return tuple((name, kind) for name, kind in kinds if kind != _UNUSABLE)

    def left_out(self) -> list[str]:
        """Keys that cannot be dimensions."""
        return [name for name in self.columns if self._column_kind(name) == _UNUSABLE]

    def _column_kind(self, name: str) -> str:
        if name in DELIVERIES.names:
            return _CANONICAL
        kinds = self.columns[name] - {"null"}
        if _UNUSABLE in kinds or _ODD_KEY.search(name):
            return _UNUSABLE
        if kinds == {"int", "float"}:
            return "float"
        return kinds.pop() if len(kinds) == 1 else "mixed" if kinds else "text"


def _kind(raw: bytes) -> str:
    simple = {
        b'"': "text",
        b"t": "bool",
        b"f": "bool",
        b"n": "null",
        b"[": _UNUSABLE,
        b"{": _UNUSABLE,
    }
    found = simple.get(raw[:1])
    if found:
        return found
    if any(mark in raw for mark in b".eE"):
        return "float"
    return "int" if _whole(raw) is not None else "mixed"


def _whole(raw: bytes) -> int | None:
    try:
        return msgspec.json.decode(raw, type=Int64)
    except msgspec.DecodeError:
        return None


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """Ranges of lines. One pass finds the columns, so that every batch has the same ones."""
    scan, cutter = _Scan(), Cutter()
    for line in lines(source.path):
        cutter.see(line)
        scan.see(line)
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
    quick = msgspec.json.Decoder(_row_type(partition.details, times=msgspec.Raw))
    exact = msgspec.json.Decoder(_row_type(partition.details))
    for group in _groups(partition):
        batch = _quickly(partition, quick, group)
        yield _exactly(partition, exact, group) if batch is None else batch


def _quickly(
    partition: Partition, decoder: msgspec.json.Decoder[Any], group: Sequence[Line]
) -> Batch | None:
    """The batch of lines whose times are lists of whole numbers, without an object each; else None."""
    try:
        rows = [decoder.decode(line.text) for line in group]
    except REFUSALS:
        return None
    made = {}
    for index, (name, _) in enumerate(partition.details):
        if name == _TIMES:
            made[name] = whole_lists([getattr(row, f"f{index}") for row in rows])
    if any(column is None for column in made.values()):
        return None
    return _batch(partition, rows, [line.number for line in group], (), made)


def _exactly(
    partition: Partition, decoder: msgspec.json.Decoder[Any], group: Sequence[Line]
) -> Batch:
    """The batch of any lines; each that does not parse is a reject, which says why."""
    own_runs = partition.detail("run") is not None and "run" not in partition.forced
    run = None if own_runs else partition.run
    numbers: list[int] = []
    rows: list[Any] = []
    rejects: list[Reject] = []
    for line in group:
        try:
            rows.append(decoder.decode(line.text))
            numbers.append(line.number)
        except REFUSALS as error:
            rejects.append(unreadable(run, line, error))
    return _batch(partition, rows, numbers, rejects, {})


def _groups(partition: Partition) -> Iterator[list[Line]]:
    group: list[Line] = []
    size = 0
    for line in lines(partition.path, partition.start, partition.stop, partition.first_row):
        group.append(line)
        size += len(line.text)
        if size * TEXT_SHARE >= partition.batch_bytes:
            yield group
            group, size = [], 0
    if group:
        yield group


def _row_type(details: Sequence[tuple[str, str]], times: Any = None) -> Any:
    """The type of a row: a field a column, absent and null values ``None``.

    Fields are numbered, for keys of JSON need not be names of Python. ``times``: the type of the chunk
    times if it is not lists; as text, absent ones are the text null.
    """
    fields = [
        (f"f{index}", times, msgspec.Raw(b"null"))
        if times is not None and detail[0] == _TIMES
        else (f"f{index}", _decoded(*detail), None)
        for index, detail in enumerate(details)
    ]
    keys = {f"f{index}": name for index, (name, _) in enumerate(details)}
    return msgspec.defstruct("Row", fields, rename=keys, gc=False)


def _decoded(name: str, kind: str) -> Any:
    if kind == "mixed":
        return msgspec.Raw  # raw JSON may be null already, and is refused beside None
    if kind != _CANONICAL:
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
    rows: Sequence[Any],
    numbers: Sequence[int],
    rejects: Sequence[Reject],
    made: Mapping[str, pa.Array],
) -> Batch:
    """The rows as a batch; ``made``: columns that there are already."""
    columns = {
        name: made[name]
        if name in made
        else _column([getattr(row, f"f{index}") for row in rows], name, kind)
        for index, (name, kind) in enumerate(partition.details)
    }
    batch = pa.RecordBatch.from_pydict(columns)
    places = np.array(numbers, dtype=np.int64)
    return deliveries.conform(batch, partition, places, "line", rejects)


def _column(values: Sequence[Any], name: str, kind: str) -> pa.Array:
    if kind == "mixed":
        return pa.array([_mixed(value) for value in values], pa.string())
    if kind != _CANONICAL:
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
