"""inference-perf's per_request_lifecycle_metrics.json: one array, a request an object.

Times are seconds of the load generator's monotonic clock, brought to ns from their decimal text; those
of several worker hosts have different origins, which the file does not tell. When requests were due is
not recorded. ``end_time`` was taken after the client had counted tokens: it is the end of the request,
never of its last token.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pyarrow as pa

from sgengine.errors import FormatError
from sgengine.readers import json_document
from sgengine.readers.base import BatchIterator, Partition, ReadOptions, Source, SourcePlan
from sgengine.readers.client_runs import Run
from sgengine.readers.faults import one_line
from sgengine.readers.inference_perf_rows import Error, row
from sgengine.readers.json_document import Cursor, cut, decoded
from sgengine.readers.request_rows import ROW_FAULTS, Dimension, gathered
from sgengine.readers.timestamps import number_ns
from sgengine.schema import DELIVERIES

CLIENT = "inference-perf"
SUMMARY = "summary_lifecycle_metrics.json"
"""What the client calls the summary that it puts beside."""

_SUMMARY_BYTES = 2**24
_LABEL = "label:"

_DIMENSIONS = (
    Dimension("model", pa.string()),
    Dimension("lora_adapter", pa.string()),
)


class _ScanInfo(msgspec.Struct, gc=False):
    labels: dict[str, msgspec.Raw] | None = None


class _ScanRow(msgspec.Struct, gc=False):
    start_time: Decimal
    info: _ScanInfo | None = None
    error: Error | None = None


_SCAN = msgspec.json.Decoder(_ScanRow)


class _Tally:
    """What a pass over all rows finds out."""

    def __init__(self) -> None:
        self.readable = self.broken = 0
        self.labels: dict[str, None] = {}
        self.first_error = "it has no rows"

    def see(self, text: bytes, _: int) -> None:
        """Count one row."""
        try:
            row: _ScanRow = decoded(_SCAN, text)
        except ROW_FAULTS as error:
            self.first_error = one_line(error, 120) if self.readable == 0 else self.first_error
            return
        self.readable += 1
        about = row.info or _ScanInfo()
        self.labels.update(dict.fromkeys(about.labels or ()))
        error_type = None if row.error is None else row.error.error_type or ""
        self.broken += error_type is not None and not error_type.startswith("HTTP")


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """Ranges of rows. Raises ``FormatError`` if the array is damaged or no row is a request."""
    tally, cursor = _Tally(), Cursor(source.path)
    found = cut(cursor, 1, tally.see)
    cursor.finish()
    if tally.readable == 0:
        raise FormatError(
            f"{source.path} has no row that is a request of inference-perf: {tally.first_error}; "
            "set report.request_lifecycle.per_request and run it again"
        )
    run = Run(
        client=CLIENT,
        clock="monotonic",
        origins=("sent",),
        duration_ns=_duration(source.path),
        notes=tuple(_notes(tally)),
    )
    details = tuple((f"{_LABEL}{name}", "text") for name in _label_names(tally))
    ranges = [(piece, details) for piece in found.pieces]
    return json_document.plan_of(source, [json_document.planned(source, options, run, ranges)])


def _label_names(tally: _Tally) -> list[str]:
    """Labels that can be columns: those whose names are not taken."""
    taken = {*DELIVERIES.names, *(dimension.name for dimension in _DIMENSIONS), ""}
    return [name for name in tally.labels if name not in taken]


def _notes(tally: _Tally) -> Iterator[str]:
    yield "When requests were due is not recorded: times count from the client's send."
    if tally.broken:
        yield f"{tally.broken} requests broke off; the client drops the times of what they had got."


def _duration(path: str) -> int | None:
    """The duration in the summary beside the file; ``None`` if there is none that can be read."""
    beside = Path(path).with_name(SUMMARY)
    try:
        if beside.stat().st_size > _SUMMARY_BYTES:
            return None
        summary = json.loads(beside.read_bytes(), parse_float=Decimal, parse_int=Decimal)
        found = number_ns(summary["benchmark_time_seconds"], "s")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return found if found >= 0 else None


def dimensions(partition: Partition) -> tuple[Dimension, ...]:
    """The columns after those of DELIVERIES: labels that any row has come last."""
    return (*_DIMENSIONS, *(Dimension(name, pa.string()) for name in _labels(partition)))


def _labels(partition: Partition) -> list[str]:
    return [name.removeprefix(_LABEL) for name, _ in partition.details if name.startswith(_LABEL)]


def read(partition: Partition) -> BatchIterator:
    """The rows of the range, in order; damaged rows are rejects."""
    labels = _labels(partition)
    found = json_document.outcomes(partition, lambda text, place: row(text, place, labels))
    yield from gathered(partition, json_document.WORD, dimensions(partition), found)
