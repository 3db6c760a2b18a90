"""From the values of a row, as a mapping names them, to the row of DELIVERIES. All exact."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol, cast

import numpy as np
import pyarrow as pa

from sgengine.readers.faults import LIMIT, one_line
from sgengine.readers.mapping import (
    ARRIVAL,
    ISO,
    PREVIOUS,
    Carried,
    Field,
    Label,
    Moment,
    TraceMapping,
)
from sgengine.readers.request_rows import BadValueError, Dimension, RequestRow
from sgengine.readers.seconds import TooLongError
from sgengine.readers.timestamps import UNITS, TimestampError, iso_ns, number_ns, numbers_ns

Scalar = bool | int | float | Decimal | str
"""A value of a row; floats are of Parquet only and stand for their shortest decimal text."""

Items = np.ndarray | Sequence[Scalar | None]
"""A list of a row; whole numbers as an int64 array where that is at hand."""

_LIMIT = 2**62
"""Differences of two such times still fit int64."""

_INT32_MAX = 2**31 - 1
_INT64_MAX = 2**63 - 1
_TYPES = {"text": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
_BOOLS = {"true": True, "false": False, "1": True, "0": False}


class Cells(Protocol):
    """One row of a file."""

    def one(self, field: Field) -> Scalar | None:
        """A value; ``None`` if it is absent or null. Raises ``BadValueError`` for a list."""

    def many(self, field: Field) -> Items | None:
        """A list; ``None`` if it is absent or null. Raises ``BadValueError`` for anything else."""


def dimensions_of(mapping: TraceMapping) -> tuple[Dimension, ...]:
    """The columns after those of DELIVERIES, in the order in which rows have them."""
    found = [Dimension(carried.column, _TYPES[carried.type]) for carried in mapping.dimensions]
    if _has_reasoning(mapping):
        found.append(Dimension("reasoning_tokens", pa.int32()))
    if mapping.moment("first_visible_token") is not None:
        found.append(Dimension("ttft_visible_ns", pa.int64()))
    return tuple(found)


def _has_reasoning(mapping: TraceMapping) -> bool:
    return any(name == "reasoning_tokens" for name, _ in mapping.counts)


class Mapper:
    """Makes rows of a file by a mapping.

    ``units`` are those of fields whose columns have a type that says them.
    """

    def __init__(self, mapping: TraceMapping, units: dict[Field, str] | None = None) -> None:
        self._mapping = mapping
        self._units = units or {}
        self._counts = dict(mapping.counts)
        self._meanings = dict(mapping.status.values) if mapping.status else {}
        self._labels = {label.column: label for label in mapping.labels}

    def row(self, place: int, cells: Cells) -> RequestRow:
        """The row of these cells. Raises one of ``ROW_FAULTS``."""
        arrival = self.arrival(cells)
        times = self._times(cells, arrival)
        first = self._bare("first_token", cells, arrival) if times is None else None
        last = self._bare("last_token", cells, arrival) if times is None else None
        error = _text(cells, self._mapping.error)
        return RequestRow(
            place=place,
            timing=self._timing(cells, times is not None),
            request_id=_text(cells, self._mapping.request_id)
            if self._mapping.request_id
            else str(place),
            **{name: self._label(cells, name) for name in ("run", "system", "workload")},
            clock=self._label(cells, "clock"),
            origin=self._label(cells, "origin"),
            status=self._status(cells, error),
            error=error if error is None or len(error) <= LIMIT else one_line(error),
            arrival_ns=arrival,
            end_ns=self._bare("end", cells, arrival),
            times=times,
            tokens=self._sizes(cells) if times is not None else None,
            input_tokens=self._count(cells, "input_tokens"),
            output_tokens=self._count(cells, "output_tokens"),
            ttft_ns=first,
            last_ns=last,
            dimensions=self._dimensions(cells, arrival),
        )

    def arrival(self, cells: Cells) -> int | None:
        """When the request arrived, in ns on its clock."""
        moment = self._mapping.arrival
        value = cells.one(moment.field) if moment else None
        return None if moment is None or value is None else self._ns(moment, value)

    def _ns(self, moment: Moment, value: Scalar) -> int:
        return _nanos(value, moment, self._units.get(moment.field, moment.unit))

    def _bare(self, name: str, cells: Cells, arrival: int | None) -> int | None:
        moment = self._mapping.moment(name)
        value = cells.one(moment.field) if moment else None
        if moment is None or value is None:
            return None
        return self._ns(moment, value) - _zero(moment, arrival)

    def _times(self, cells: Cells, arrival: int | None) -> np.ndarray | None:
        chunks = self._mapping.chunks
        given = cells.many(chunks.times.field) if chunks else None
        if chunks is None or given is None:
            return None
        moment = chunks.times
        found = _all_nanos(given, moment, self._units.get(moment.field, moment.unit))
        if moment.since != PREVIOUS:
            return found - _zero(moment, arrival) if len(found) else found
        first = cells.one(chunks.first) if chunks.first else None
        if first is not None:
            unit = self._units.get(chunks.first, moment.unit) if chunks.first else moment.unit
            found = np.concatenate([[_nanos(first, moment, unit)], found])
        elif chunks.first is not None and len(found):
            raise BadValueError(f"{chunks.first.name} is null beside gaps that follow it")
        return _summed(found)

    def _sizes(self, cells: Cells) -> np.ndarray | None:
        field = self._mapping.chunks.sizes if self._mapping.chunks else None
        given = cells.many(field) if field else None
        if given is None or field is None:
            return None
        if isinstance(given, np.ndarray) and _fits_int32(given):
            return given.astype(np.int32)
        return np.array([_whole(value, field.name, _INT32_MAX) for value in given], dtype=np.int32)

    def _timing(self, cells: Cells, is_listed: bool) -> str:
        label = self._labels.get("timing")
        found = _text(cells, label.field) if label and label.field else None
        if found is not None:
            return found
        if is_listed:
            return (label and label.value) or "chunk"
        moments = (self._mapping.moment("first_token"), self._mapping.moment("last_token"))
        return "none" if moments == (None, None) else "first_last"

    def _label(self, cells: Cells, column: str) -> str | None:
        label: Label | None = self._labels.get(column)
        if label is None or label.field is None:
            return None if label is None else label.value
        return _text(cells, label.field)

    def _status(self, cells: Cells, error: str | None) -> str:
        status = self._mapping.status
        found = _text(cells, status.field) if status else None
        if found is None or status is None:
            return "failed" if error else "ok"
        return self._meanings.get(found, status.other or found)

    def _count(self, cells: Cells, name: str) -> int | None:
        field = self._counts.get(name)
        value = cells.one(field) if field else None
        return None if value is None else _whole(value, name, _INT32_MAX)

    def _dimensions(self, cells: Cells, arrival: int | None) -> tuple[object, ...]:
        found = [_carried(cells, carried) for carried in self._mapping.dimensions]
        if _has_reasoning(self._mapping):
            found.append(self._count(cells, "reasoning_tokens"))
        if self._mapping.moment("first_visible_token") is not None:
            found.append(self._bare("first_visible_token", cells, arrival))
        return tuple(found)


def _zero(moment: Moment, arrival: int | None) -> int:
    """What is subtracted from a time to count from arrival."""
    if moment.since == ARRIVAL:
        return 0
    if arrival is None:
        raise BadValueError(f"{moment.field.name} is on the clock, but the arrival is null")
    return arrival


def _nanos(value: Scalar, moment: Moment, unit: str) -> int:
    if unit == ISO:
        if not isinstance(value, str):
            raise TimestampError(
                f"{moment.field.name} is {one_line(value, 40)}, not an ISO 8601 text"
            )
        return iso_ns(value, moment.zone)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise TimestampError(
            f"{moment.field.name} is {one_line(value, 40)}, allowed is a number of {unit}"
        )
    return number_ns(_exact(value), unit)


def _exact(value: int | float | Decimal | str) -> int | Decimal | str:
    """A float is the shortest decimal that is read back as it: what was written before it became one."""
    return Decimal(repr(value)) if isinstance(value, float) else value


def _all_nanos(given: Items, moment: Moment, unit: str) -> np.ndarray:
    if len(given) == 0:
        return np.zeros(0, dtype=np.int64)
    if isinstance(given, np.ndarray):
        factor = 10 ** UNITS[unit] if unit != ISO else 0
        if not factor:
            raise TimestampError(f"{moment.field.name} holds numbers, not ISO 8601 texts")
        low, high = int(given.min()), int(given.max())
        if not -_LIMIT < low * factor <= high * factor <= _LIMIT:
            raise TooLongError(f"{moment.field.name} is beyond the range of int64 nanoseconds")
        found: np.ndarray = given * np.int64(factor)
        return found
    if unit != ISO and set(map(type, given)) == {Decimal}:
        return np.array(numbers_ns(cast("list[Decimal]", given), unit), dtype=np.int64)
    return np.array([_item(value, moment, unit) for value in given], dtype=np.int64)


def _item(value: Scalar | None, moment: Moment, unit: str) -> int:
    if value is None:
        raise BadValueError(f"{moment.field.name} holds a null")
    return _nanos(value, moment, unit)


def _fits_int32(given: np.ndarray) -> bool:
    return len(given) == 0 or bool(given.min() >= -_INT32_MAX and given.max() <= _INT32_MAX)


def _summed(gaps: np.ndarray) -> np.ndarray:
    if float(np.abs(gaps.astype(np.float64)).sum()) > 1.5 * _LIMIT:
        raise TooLongError(f"the sum of {len(gaps)} gaps is beyond int64 nanoseconds")
    return gaps.cumsum()


def _whole(value: Scalar | np.int64 | None, name: str, most: int) -> int:
    """A whole number, written as one or with zeros behind the point."""
    number = _decimal(value)
    if number is None or number.adjusted() > 20 or number != int(number) or abs(number) > most:
        raise BadValueError(
            f"{name} is {one_line(value, 40)!r}, allowed are whole numbers to {most}"
        )
    return int(number)


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = Decimal(repr(value) if isinstance(value, float) else str(value).strip())
    except ArithmeticError:
        return None
    return number if number.is_finite() else None


def _text(cells: Cells, field: Field | None) -> str | None:
    """A value as text: numbers as they are written, true and false in small letters."""
    value = cells.one(field) if field is not None else None
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _carried(cells: Cells, carried: Carried) -> object:
    found = _text(cells, carried.field)
    if found is None or carried.type == "text":
        return found
    if carried.type == "int":
        return _whole(found, carried.column, _INT64_MAX)
    try:
        return float(found) if carried.type == "float" else _BOOLS[found.strip().lower()]
    except (KeyError, ValueError) as error:
        raise BadValueError(
            f"{carried.column} is {one_line(found, 40)!r}, which is no {carried.type}"
        ) from error
