"""Values of Arrow as Python has them, and as text where it has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

_INFINITE_DAYS = 2**31 - 1
_INFINITE_TICKS = 2**63 - 1
"""What DuckDB has for dates and times that are infinite, and the negatives for those before all others."""


def python_values(column: pa.ChunkedArray) -> list[Any]:
    """The values of a column; dates and times that Python's types do not reach as ISO text."""
    try:
        values: list[Any] = column.to_pylist()
    except (OverflowError, ValueError):
        return [_value(item) for item in column]
    return values


def _value(item: pa.Scalar) -> Any:
    try:
        return item.as_py()
    except (OverflowError, ValueError):
        pass
    if isinstance(item, pa.StructScalar):
        return {name: _value(part) for name, part in item.items()}
    if isinstance(item, pa.MapScalar):
        return [(_value(part[0]), _value(part[1])) for part in item.values]
    if isinstance(item, pa.ListScalar):
        return [_value(part) for part in item.values]
    return _text(item)


def _text(item: pa.Scalar) -> str:
    """A date or time as ISO 8601 has it, with as many digits as its year needs."""
    kind = item.type
    if not (pt.is_date(kind) or pt.is_timestamp(kind)):
        return str(item.cast(pa.string()).as_py())
    is_date = pt.is_date32(kind)
    if abs(item.value) == (_INFINITE_DAYS if is_date else _INFINITE_TICKS):
        return "infinity" if item.value > 0 else "-infinity"
    text = str(np.datetime64(item.value, "D" if is_date else kind.unit)).removesuffix(".000000")
    if text.startswith("-"):  # NumPy counts the sign as one of the year's four digits
        year, _, rest = text[1:].partition("-")
        text = f"-{year:0>4}-{rest}"
    return text + "+00:00" if pt.is_timestamp(kind) and kind.tz else text
