"""Lines of an event log one by one: exact, slow, and sure of which line is no event."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from sgengine.readers import event_times
from sgengine.readers.base import Reject
from sgengine.readers.faults import one_line
from sgengine.readers.json_lines import REFUSALS
from sgengine.readers.seconds import TooLongError
from sgengine.readers.timestamps import TimestampError, iso_ns, number_ns
from sgengine.readers.typed import Int32, Int64

CORE = ("request_id", "event", "run", "tokens", "seq")
"""What every event may have, beside its time; the rest are details of arrivals and ends."""

_Raw = msgspec.Raw
_ROW = msgspec.json.Decoder(dict[str, _Raw])
_TEXT = msgspec.json.Decoder(str | int | None)
_INT32 = msgspec.json.Decoder(Int32 | None)
_INT64 = msgspec.json.Decoder(Int64 | None)
_SCALAR = msgspec.json.Decoder(str | bool | int | float | None)
FAULTS = (*REFUSALS, TimestampError, TooLongError)
"""What reading one line may raise."""

_DECLARED: dict[str, msgspec.json.Decoder[Any]] = {
    "tokens": _INT32,
    "input_tokens": _INT32,
    "output_tokens": _INT32,
    "seq": _INT64,
}
_NAMES = ("request_id", "event", "run", "status", "error", "system", "workload", "clock", "origin")
_DECLARED |= dict.fromkeys(_NAMES, _TEXT)


def moment(name: str, raw: msgspec.Raw) -> int | None:
    """The time in ns, None for null; text without a zone is UTC. Raises one of ``FAULTS``."""
    unit = event_times.unit_of(name)
    if unit == "ns":
        whole: int | None = _INT64.decode(raw)
        return whole
    text = bytes(raw).decode()
    if text == "null":
        return None
    if unit is None:
        return iso_ns(msgspec.json.decode(text, type=str), UTC)
    return number_ns(text, unit)


def rows_of(
    numbered: Sequence[tuple[int, bytes]], time: str, run: str | None
) -> tuple[pa.RecordBatch, np.ndarray, list[Reject]]:
    """The lines (number, text) as a table of events, the numbers of its rows, and the other lines.

    Blank lines are no rows. Dimensions are those of all lines.
    """
    rows: list[dict[str, Any]] = []
    numbers: list[int] = []
    rejects: list[Reject] = []
    for number, text in numbered:
        if not text.strip():
            continue
        try:
            rows.append(_row(text, time))
            numbers.append(number)
        except FAULTS as error:
            rejects.append(_reject(run, number, error))
    found = (name for row in rows for name in row if name != time)
    names = dict.fromkeys(["request_id", "event", *found])
    columns = {name: _column(name, [row.get(name) for row in rows]) for name in names}
    columns["time_ns"] = pa.array([row[time] for row in rows], pa.int64())
    kept = {name: column for name, column in columns.items() if column is not None}
    return pa.RecordBatch.from_pydict(kept), np.array(numbers, dtype=np.int64), rejects


def _reject(run: str | None, number: int, error: Exception) -> Reject:
    is_type = isinstance(error, msgspec.ValidationError | TimestampError | TooLongError)
    return Reject(
        run=run,
        place=f"line {number}",
        reason="wrong_type" if is_type else "unreadable_row",
        count=1,
        detail=one_line(error),
    )


def _row(text: bytes, time: str) -> dict[str, Any]:
    raw = _ROW.decode(text)
    row = {name: _value(name, value) for name, value in raw.items() if name != time}
    row[time] = moment(time, raw[time]) if time in raw else None
    return row


def _value(name: str, raw: msgspec.Raw) -> Any:
    """A declared column's value, a scalar dimension's; a list or object is left out as None."""
    if name in _DECLARED:
        value = _DECLARED[name].decode(raw)
        return str(value) if isinstance(value, int) and name in _NAMES else value
    return None if bytes(raw)[:1] in (b"[", b"{") else _SCALAR.decode(raw)


def details_of(lines: Sequence[bytes], known: Collection[str]) -> dict[str, pa.Array] | None:
    """The columns of these lines that are not ``known``; None if a line holds what a column cannot."""
    rows: list[dict[str, Any]] = []
    try:
        for text in lines:
            raw = _ROW.decode(text)
            rows.append(
                {
                    name: _value(name, value)
                    for name, value in raw.items()
                    if name not in known and name not in CORE
                }
            )
    except REFUSALS:
        return None
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: _column(name, [row.get(name) for row in rows]) for name in names}
    return {name: column for name, column in columns.items() if column is not None}


def _column(name: str, values: list[Any]) -> pa.Array | None:
    """A column of the type that its values have; texts where they differ; None if all are null."""
    if name in _DECLARED:
        whole = {_INT32: pa.int32(), _INT64: pa.int64()}
        return pa.array(values, whole.get(_DECLARED[name], pa.string()))
    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return None
    if kinds <= {int, float} and _fits_int64(values):
        return pa.array(values, pa.float64() if float in kinds else pa.int64())
    if len(kinds) == 1 and kinds <= {str, bool}:
        return pa.array(values)
    return pa.array([None if value is None else _shown(value) for value in values], pa.string())


def _fits_int64(values: list[Any]) -> bool:
    return all(not isinstance(v, int) or -(2**63) <= v < 2**63 for v in values)


def _shown(value: Any) -> str:
    """Texts as they are, other scalars as JSON has them."""
    encode: Callable[[Any], bytes] = msgspec.json.encode
    return value if isinstance(value, str) else encode(value).decode()
