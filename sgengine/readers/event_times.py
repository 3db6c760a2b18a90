"""When events happened, as whole nanoseconds: columns of any declared unit, timestamps, ISO 8601 texts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from sgengine.readers.arrays import Cast, is_string, whole
from sgengine.readers.seconds import TooLongError
from sgengine.readers.timestamps import UNITS, TimestampError, iso_ns

_NAME = re.compile(r"(?:time|timestamp|ts)(?:_(ns|us|ms|s))?")
_LIMIT = 2**62
"""Differences of two such times still fit int64."""

DECIMALS = 18
"""Of numbers in JSON: more than any unit has nanoseconds."""


def time_name(names: Iterable[str]) -> str | None:
    """The column of times: one whose name has a unit before one without; the finest unit first."""
    found = [name for name in names if _NAME.fullmatch(name)]
    order = [*UNITS, None]
    return min(found, key=lambda name: (order.index(unit_of(name)), name), default=None)


def unit_of(name: str) -> str | None:
    """The unit that a column's name declares, if it does."""
    found = _NAME.fullmatch(name)
    return found[1] if found else None


def fits(name: str, kind: pa.DataType) -> bool:
    """Whether a column of this name and type holds times: numbers need a unit."""
    if pt.is_timestamp(kind) or is_string(kind):
        return unit_of(name) is None
    is_number = pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind)
    return bool(is_number) and unit_of(name) is not None


def times_of(name: str, column: pa.Array) -> Cast:
    """int64 ns of a column that ``fits``; 0 where it is null or out of range, and those rows marked."""
    kind = column.type
    if pt.is_timestamp(kind):
        return _scaled(column.cast(pa.int64()), UNITS[kind.unit])
    if is_string(kind):
        return _texts(column)
    power = UNITS[unit_of(name) or "ns"]
    if pt.is_integer(kind):
        return _scaled(column, power)
    return _floats(column, power) if pt.is_floating(kind) else decimals(column, power)


def _scaled(column: pa.Array, power: int) -> Cast:
    """Whole numbers of 10 to the ``power`` ns."""
    array, outside = whole(column, pa.int64())
    if power == 0 and array.null_count == 0 and outside is None and _within(array):
        return Cast(array)
    values = array.fill_null(0).to_numpy(zero_copy_only=False)
    limit = _LIMIT // 10**power
    bad = (values <= -limit) | (values >= limit) | _nulls(array)
    if outside is not None:
        bad |= outside
    return Cast(pa.array(np.where(bad, 0, values) * 10**power), bad if bad.any() else None)


def _within(array: pa.Array) -> bool:
    bounds = pc.min_max(array)
    low, high = bounds["min"].as_py(), bounds["max"].as_py()
    return low is None or (low > -_LIMIT and high < _LIMIT)


def _nulls(array: pa.Array) -> np.ndarray:
    found: np.ndarray = array.is_null().to_numpy(zero_copy_only=False)
    return found


def _floats(column: pa.Array, power: int) -> Cast:
    """Numbers that were floats before they came here: whole part and fraction each without loss."""
    values = column.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False)
    bad = ~(np.abs(values) < _LIMIT / 10**power)
    values = np.where(bad, 0.0, values)
    seconds = np.floor(values)
    fraction = np.rint((values - seconds) * 10**power).astype(np.int64)
    made = seconds.astype(np.int64) * 10**power + fraction
    return Cast(pa.array(made), bad if bad.any() else None)


def decimals(column: pa.Array, power: int) -> Cast:
    """Decimal numbers of 10 to the ``power`` ns, finer ones rounded half to even."""
    exact = column.cast(pa.decimal128(38, max(DECIMALS, column.type.scale)))
    rounded = pc.round(exact, ndigits=power, round_mode="half_to_even")
    whole_ns = rounded.cast(pa.decimal128(38, power)).fill_null(0)
    _, data = whole_ns.buffers()
    words = np.frombuffer(data, dtype=np.int64)[2 * whole_ns.offset :][: 2 * len(whole_ns)]
    low, high = words[::2], words[1::2]
    bad = (high != low >> 63) | (np.abs(low) >= _LIMIT) | _nulls(column)
    return Cast(pa.array(np.where(bad, 0, low)), bad if bad.any() else None)


def _texts(column: pa.Array) -> Cast:
    """ISO 8601 with any zone, UTC where none is named."""
    for kind in (pa.timestamp("ns", tz="UTC"), pa.timestamp("ns")):
        try:
            return _scaled(column.cast(kind).cast(pa.int64()), 0)
        except pa.ArrowInvalid:
            continue
    found = [_text_ns(text) for text in column.to_pylist()]
    bad = np.array([ns is None for ns in found], dtype=bool)
    return Cast(pa.array([ns or 0 for ns in found], pa.int64()), bad if bad.any() else None)


def _text_ns(text: str | None) -> int | None:
    try:
        return None if text is None else iso_ns(text, UTC)
    except (TimestampError, TooLongError):
        return None
