"""A team's own JSON, CSV or Parquet files, read by a mapping that the user gives.

Nothing here is guessed: a mapping says where each value is and what it means. See docs/mapping.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from sgengine.errors import FormatError, UsageError
from sgengine.readers import json_rows, mapped_csv, mapped_parquet, mapping_toml, tables
from sgengine.readers.base import BatchIterator, Partition, ReadOptions, Reject, Source, SourcePlan
from sgengine.readers.faults import one_line, reading
from sgengine.readers.files import BOM, head
from sgengine.readers.json_lines import REFUSALS, Line
from sgengine.readers.mapped_cells import JsonRows
from sgengine.readers.mapped_rows import Cells, Mapper, dimensions_of
from sgengine.readers.mapping import Field, TraceMapping
from sgengine.readers.request_rows import ROW_FAULTS, Outcome, RequestRow, gathered, rejected
from sgengine.readers.tables import Piece

_HEAD = 2**16
_SAMPLE = 100


class _Row(NamedTuple):
    """One row of the file: its number, its size in bytes, and its cells or what is wrong with it."""

    number: int
    size: int
    cells: Cells | Exception


def check(path: str, options: ReadOptions) -> None:
    """Raise ``FormatError`` if the options' mapping cannot be of this file, by its head alone."""
    found = _loaded(options)
    with reading(path, "mapped"):
        kind = _kind(path, found)
        if kind != "json":
            _units(path, found, kind)
            return
        seen = _Seen(found)
        for number, line in enumerate(json_rows.entries(path, json_rows.layout(path))):
            seen.see(line)
            if number >= _SAMPLE:
                break
    seen.check(path)


def _loaded(options: ReadOptions) -> TraceMapping:
    if options.mapping is None:
        raise UsageError("format mapped needs a mapping; give --mapping FILE.toml")
    return mapping_toml.load(options.mapping)


def _kind(path: str, found: TraceMapping) -> str:
    """The kind of file: as the mapping says, else by its first bytes."""
    if found.file is not None:
        return found.file
    start = head(path, _HEAD)
    if start.startswith(b"PAR1"):
        return "parquet"
    return "json" if start.removeprefix(BOM).lstrip()[:1] in (b"{", b"[") else "csv"


def _units(path: str, found: TraceMapping, kind: str) -> dict[Field, str]:
    """The units that columns have by their type. Raises ``FormatError`` for absent columns."""
    if kind == "parquet":
        return mapped_parquet.check(path, found)
    if kind == "csv":
        mapped_csv.check(path, found)
    return {}


class _Seen:
    """Which fields occur in the rows of a JSON file."""

    def __init__(self, found: TraceMapping) -> None:
        self._needed = found.needed()
        self._missing = dict.fromkeys(found.fields())
        self._decoder = JsonRows(found.fields())
        self._readable = 0
        self._first_error = "it has no rows"

    def see(self, line: Line) -> None:
        """Take note of a row's fields."""
        if self._readable and not self._missing:
            return
        try:
            cells = self._decoder.cells(line.text)
        except REFUSALS as error:
            self._first_error = one_line(error, 120)
            return
        self._readable += 1
        self._missing = {field: None for field in self._missing if not cells.has(field)}

    def check(self, path: str) -> None:
        """Raise ``FormatError`` if no row can be read, or none has a field that must be there."""
        if not self._readable:
            raise FormatError(f"{path} has no row that is a JSON object: {self._first_error}")
        absent = [field.name for field in self._needed if field in self._missing]
        if absent:
            raise FormatError(
                f"{path} has no row with {', '.join(absent)}; name the fields of its rows in the "
                "mapping"
            )

    def notes(self) -> tuple[str, ...]:
        """Which of the other fields never occur."""
        names = ", ".join(field.name for field in self._missing)
        return (
            (f"No row has these fields of the mapping: {one_line(names, 120)}.",) if names else ()
        )


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """Ranges of lines or row groups; a document or a CSV file is one.

    Raises ``UsageError`` for a mapping that is amiss, ``FormatError`` if the file lacks its fields.
    """
    found = _loaded(options)
    kind = _kind(source.path, found)
    pieces, shape, notes = _pieces(source.path, found, kind, options)
    arrival = _first_arrival(source.path, found, kind, shape, pieces)
    own = ("run",) if _names_runs(found) else ()
    details = (("mapping", found.text), ("kind", kind), ("layout", shape))
    planned = tables.plan_of(source, options, own, pieces, arrival, details, notes)
    return _as_stated(planned, found)


def _names_runs(found: TraceMapping) -> bool:
    label = found.label("run")
    return label is not None and label.field is not None


def _pieces(
    path: str, found: TraceMapping, kind: str, options: ReadOptions
) -> tuple[list[Piece], str, tuple[str, ...]]:
    """The ranges, the layout of JSON, and notes."""
    if kind == "json":
        shape, seen = json_rows.layout(path), _Seen(found)
        pieces = json_rows.cut(path, shape, seen.see)
        seen.check(path)
        return pieces, shape, seen.notes()
    _units(path, found, kind)
    if kind == "parquet":
        return mapped_parquet.pieces(path, options.batch_bytes), "", ()
    return [Piece(start=0, stop=Path(path).stat().st_size, first_row=1)], "", ()


def _first_arrival(
    path: str, found: TraceMapping, kind: str, shape: str, pieces: list[Piece]
) -> int | None:
    if found.arrival is None:
        return None
    mapper = Mapper(found, _units(path, found, kind))
    for piece in pieces:
        for row in _rows(path, found, kind, shape, piece):
            try:
                arrival = None if isinstance(row.cells, Exception) else mapper.arrival(row.cells)
            except ROW_FAULTS:
                continue
            if arrival is not None:
                return arrival
    return None


def _as_stated(planned: SourcePlan, found: TraceMapping) -> SourcePlan:
    """The plan with what the mapping says of all rows, where no option says otherwise."""
    labels = {label.column: label.value for label in found.labels if label.value is not None}
    labels.pop("timing", None)
    parts = []
    for part in planned.partitions:
        kept: dict[str, Any] = {k: v for k, v in labels.items() if k not in part.forced}
        parts.append(replace(part, **kept))
    facts = tuple(
        replace(fact, **{name: getattr(parts[0], name) for name in labels})
        for fact in planned.facts
        if parts
    )
    return replace(planned, partitions=tuple(parts), facts=facts)


def _rows(path: str, found: TraceMapping, kind: str, shape: str, piece: Piece) -> Iterator[_Row]:
    range_of = (piece.start, piece.stop, piece.first_row)
    if kind == "parquet":
        yield from map(_Row._make, mapped_parquet.rows(path, found, *range_of))
    elif kind == "csv":
        yield from map(_Row._make, mapped_csv.rows(path, found))
    else:
        decoder = JsonRows(found.fields())
        for line in json_rows.entries(path, shape, *range_of):
            try:
                cells: Cells | Exception = decoder.cells(line.text, found.separator)
            except REFUSALS as error:
                cells = error
            yield _Row(line.number, len(line.text), cells)


def read(partition: Partition) -> BatchIterator:
    """The rows of the range, in order; those that the mapping cannot read are rejects."""
    found = mapping_toml.parse(partition.detail("mapping") or "")
    kind, shape = partition.detail("kind") or "", partition.detail("layout") or ""
    mapper = Mapper(found, _units(partition.path, found, kind))
    word = json_rows.WORDS.get(shape, "row")
    piece = Piece(start=partition.start, stop=partition.stop, first_row=partition.first_row)
    rows = _rows(partition.path, found, kind, shape, piece)
    own_runs = _names_runs(found) and "run" not in partition.forced
    run = None if own_runs else partition.run
    outcomes = (_outcome(mapper, row, run, word) for row in rows)
    yield from gathered(partition, word, dimensions_of(found), outcomes)


def _outcome(mapper: Mapper, row: _Row, run: str | None, word: str) -> Outcome:
    try:
        if isinstance(row.cells, Exception):
            raise row.cells
        result: RequestRow | Reject = mapper.row(row.number, row.cells)
    except ROW_FAULTS as error:
        result = rejected(run, f"{word} {row.number}", error)
    return Outcome(result, row.size)
