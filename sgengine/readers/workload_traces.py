"""Published workload traces: when requests arrived and how many tokens they had, not how they went.

Timing is ``none``: Azure LLM inference traces (CSV), BurstGPT (CSV), Mooncake (JSON Lines). BurstGPT
may state each request's whole duration, which is then the time of the last token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC
from functools import partial

import msgspec
import pyarrow as pa

from sgengine.errors import FormatError
from sgengine.readers import json_rows, tables
from sgengine.readers.base import BatchIterator, Partition, ReadOptions, Source, SourcePlan
from sgengine.readers.files import BOM, head
from sgengine.readers.json_lines import Cutter, Line, lines
from sgengine.readers.request_rows import (
    ROW_FAULTS,
    BadValueError,
    Dimension,
    RequestRow,
    ends,
    gathered,
    tokens,
)
from sgengine.readers.timestamps import is_naive, iso_ns, number_ns
from sgengine.readers.typed import Int64

AZURE = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
BURSTGPT = ("Timestamp", "Model", "Request tokens", "Response tokens", "Total tokens", "Log Type")
"""Columns that must be there; BurstGPT may have ``Session ID`` and ``Elapsed time`` besides."""

_HEADER_BYTES = 2**12

Cells = dict[str, str]
Make = Callable[[Line], RequestRow]


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """One kind of trace: the row of a line (CSV: with its columns' names), and its dimensions."""

    dimensions: tuple[Dimension, ...]
    make: Callable[[Line, tuple[str, ...]], RequestRow]
    is_csv: bool = True


def csv_format(start: bytes) -> str | None:
    """The format whose header is the first line of a file that begins so; ``None``: of no trace."""
    # The first line of a JSON document may be a megabyte of names that are none.
    if not any(all(name.encode() in start for name in known) for known in (AZURE, BURSTGPT)):
        return None
    names = _names(start)
    if names == AZURE:
        return "azure"
    return "burstgpt" if set(BURSTGPT) <= set(names) else None


def _names(start: bytes) -> tuple[str, ...]:
    first = start.removeprefix(BOM).split(b"\n", 1)[0]
    return tuple(name.strip() for name in first.decode("utf-8", "replace").split(","))


def _cells(line: Line, names: tuple[str, ...]) -> Cells:
    values = line.text.decode().split(",")
    if len(values) != len(names):
        raise BadValueError(f"{len(values)} values, the header names {len(names)}")
    return dict(zip(names, values, strict=True))


def _count(cells: Cells, name: str) -> int | None:
    text = cells.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20):
        raise BadValueError(f"{name} is {text[:40]!r}, allowed is a whole number")
    return tokens(name, int(text))


def _azure(line: Line, names: tuple[str, ...]) -> RequestRow:
    cells = _cells(line, names)
    return RequestRow(
        place=line.number,
        timing="none",
        request_id=_row_id(line),
        arrival_ns=iso_ns(cells["TIMESTAMP"], UTC),
        input_tokens=_count(cells, "ContextTokens"),
        output_tokens=_count(cells, "GeneratedTokens"),
    )


def _row_id(line: Line) -> str:
    """The number of the request: the first line is the header."""
    return str(line.number - 1)


def _burstgpt(line: Line, names: tuple[str, ...]) -> RequestRow:
    cells = _cells(line, names)
    elapsed = cells.get("Elapsed time", "").strip()
    took = number_ns(elapsed, "s") if elapsed else None
    output = _count(cells, "Response tokens")
    found = ends(output, None, took)
    return RequestRow(
        place=line.number,
        timing="none" if found.last_ns is None else "first_last",
        request_id=_row_id(line),
        status="failed" if output == 0 else "ok",
        arrival_ns=number_ns(cells["Timestamp"], "s"),
        end_ns=took,
        input_tokens=_count(cells, "Request tokens"),
        output_tokens=output,
        last_ns=found.last_ns,
        dimensions=tuple(
            cells.get(name, "").strip() or None for name in ("Model", "Session ID", "Log Type")
        ),
    )


class _Mooncake(msgspec.Struct, gc=False):
    timestamp: msgspec.Raw
    input_length: Int64
    output_length: Int64


_MOONCAKE = msgspec.json.Decoder(_Mooncake)


def _mooncake(line: Line, names: tuple[str, ...]) -> RequestRow:
    row = _MOONCAKE.decode(line.text)
    return RequestRow(
        place=line.number,
        timing="none",
        request_id=str(line.number),
        arrival_ns=number_ns(bytes(row.timestamp).decode(), "ms"),
        input_tokens=tokens("input_length", row.input_length),
        output_tokens=tokens("output_length", row.output_length),
    )


_KINDS = {
    "azure": _Kind(dimensions=(), make=_azure),
    "burstgpt": _Kind(
        dimensions=tuple(
            Dimension(name, pa.string()) for name in ("model", "session_id", "log_type")
        ),
        make=_burstgpt,
    ),
    "mooncake": _Kind(dimensions=(), make=_mooncake, is_csv=False),
}


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """Ranges of lines. Raises ``FormatError`` if no line is a request of this trace.

    Arrivals are those the service saw (origin accepted), unless ``options.origin`` names another.
    """
    kind, names = _KINDS[source.format], _header(source)
    cutter = Cutter()
    readable, naive, arrival = 0, False, None
    for line in _requests(source.path, kind):
        cutter.see(line)
        try:
            row = kind.make(line, names)
        except ROW_FAULTS:
            continue
        readable += 1
        arrival = row.arrival_ns if arrival is None else arrival
        naive = naive or (source.format == "azure" and _shows_no_zone(line))
    if readable == 0:
        raise FormatError(
            f"{source.path} has no line that is a request of a {source.format} trace; give a "
            "complete file with its header"
        )
    notes = ["The trace holds arrivals and token counts only: no time of a token is known."]
    notes += ["Times without a zone were taken for UTC."] if naive else []
    seen = replace(options, origin=options.origin or "accepted")
    pieces = cutter.pieces(source.path)
    details = (("columns", ",".join(names)),)
    return tables.plan_of(source, seen, (), pieces, arrival, details, tuple(notes))


def _shows_no_zone(line: Line) -> bool:
    return is_naive(line.text.split(b",", 1)[0].decode())


def _header(source: Source) -> tuple[str, ...]:
    if not _KINDS[source.format].is_csv:
        return ()
    start = head(source.path, _HEADER_BYTES)
    if csv_format(start) != source.format:
        wanted = AZURE if source.format == "azure" else BURSTGPT
        raise FormatError(
            f"{source.path} does not begin with the header of a {source.format} trace; its "
            f"columns are {', '.join(wanted)}"
        )
    return _names(start)


def _requests(
    path: str, kind: _Kind, start: int = 0, stop: int | None = None, first: int = 1
) -> Iterator[Line]:
    """The lines of the range but the header."""
    for line in lines(path, start, stop, first):
        if line.number > 1 or not kind.is_csv:
            yield line


def read(partition: Partition) -> BatchIterator:
    """The requests of the range, in order; lines that are none are rejects."""
    kind = _KINDS[partition.source.format]
    names = tuple((partition.detail("columns") or "").split(","))
    make = partial(_made, kind, names)
    found = json_rows.outcomes(partition, json_rows.LINES, make)
    yield from gathered(partition, "line", kind.dimensions, found)


def _made(kind: _Kind, names: tuple[str, ...], line: Line) -> RequestRow | None:
    return None if kind.is_csv and line.number == 1 else kind.make(line, names)
