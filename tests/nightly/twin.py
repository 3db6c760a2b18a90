"""A night, the slow and obvious way: DELIVERIES rows as they were known before the cut."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def of_night(rows: list[Row], start: int, end: int) -> list[Row]:
    """The rows that arrive in [start, end)."""
    return [row for row in rows if start <= row["arrival_ns"] < end]


def known_before(row: Row, cut: int) -> Row:
    """The row as an event log that ends at ``cut`` shows it."""
    seen = dict(row)
    times = row["chunk_times_ns"]
    if times is not None:
        pairs = list(zip(times, row["chunk_tokens"] or [None] * len(times), strict=True))
        pairs = [(time, size) for time, size in pairs if row["arrival_ns"] + time < cut]
        seen["chunk_times_ns"] = [time for time, _ in pairs]
        if row["chunk_tokens"] is not None:
            seen["chunk_tokens"] = [size for _, size in pairs]
    for name in ("ttft_ns", "last_ns"):
        if row[name] is not None and row["arrival_ns"] + row[name] >= cut:
            seen[name] = None
    if is_open(row, seen, cut):
        seen |= {"status": "incomplete", "end_ns": None, "error": None, "output_tokens": None}
    return seen


def is_open(row: Row, seen: Row, cut: int) -> bool:
    """Whether the end was not seen; where none is known, whether anything was not seen."""
    if row["end_ns"] is not None:
        return bool(row["arrival_ns"] + row["end_ns"] >= cut)
    return any(row[name] != seen[name] for name in ("chunk_times_ns", "ttft_ns", "last_ns"))
