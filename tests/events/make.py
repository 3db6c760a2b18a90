"""Event logs from deliveries: rows, in any order, over files of every format."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from sgengine.schema import DELIVERIES
from tests import strategies as own

Row = dict[str, Any]

FORMATS = ("parquet", "ipc", "stream", "jsonl")
_ON_ARRIVAL = ("system", "workload", "clock", "origin", "timing", "input_tokens")
_TYPES = {
    "time_ns": pa.int64(),
    "seq": pa.int64(),
    "tokens": pa.int32(),
    "input_tokens": pa.int32(),
    "output_tokens": pa.int32(),
}


# --- Deliveries that events can express -------------------------------------------------------------


@st.composite
def delivery(draw: st.DrawFn) -> Row:
    """One DELIVERIES row with an arrival and chunk times, of known or unknown sizes."""
    times = draw(own.chunk_times(gaps=own.GAPS))
    sizes = draw(own.chunk_sizes(len(times))) if draw(st.booleans()) else None
    if sizes is not None:
        pairs = sorted(zip(times, sizes, strict=True), key=lambda pair: (pair[0], -pair[1]))
        sizes = [size for _, size in pairs]
    status = draw(st.sampled_from(("ok", "ok", *own.FAILURES)))
    is_over = status != "incomplete"
    last = times[-1] if times else 0
    row: Row = dict.fromkeys(DELIVERIES.names)
    return row | {
        "run": draw(st.sampled_from(("a", "b"))),
        "system": draw(st.sampled_from(("s", "t"))),
        "workload": "w",
        "clock": "unix",
        "origin": "accepted",
        "timing": draw(st.sampled_from(("token", "chunk", "split"))),
        "status": status,
        "error": draw(st.sampled_from((None, "broken"))) if is_over and status != "ok" else None,
        "arrival_ns": 1_700_000_000 * 10**9 + draw(st.integers(0, 5 * own.HOUR)),
        "end_ns": last + draw(st.integers(0, own.HOUR)) if is_over else None,
        "chunk_times_ns": times,
        "chunk_tokens": sizes if times else None,
        "input_tokens": draw(st.one_of(st.none(), st.integers(0, 4000))),
        "output_tokens": draw(st.one_of(st.none(), st.integers(0, 5000))),
    }


@st.composite
def deliveries(draw: st.DrawFn, max_size: int = 8) -> list[Row]:
    """Several rows; ids are whole numbers as texts, unique within their run."""
    rows = draw(st.lists(delivery(), min_size=1, max_size=max_size))
    return [row | {"request_id": str(k // 2 * 7919)} for k, row in enumerate(_apart(rows))]


def _apart(rows: Sequence[Row]) -> list[Row]:
    """Two rows share an id, one in each run."""
    return [row | {"run": "ab"[k % 2]} for k, row in enumerate(rows)]


# --- Events -----------------------------------------------------------------------------------------


def events_of(row: Row, *, seq: bool = True, **dimensions: Any) -> list[Row]:
    """The events of one DELIVERIES row, in order; ``dimensions`` are on its arrival."""
    about = {"run": row["run"], "request_id": row["request_id"]}
    start = row["arrival_ns"]
    arrival = about | {"event": "arrival", "time_ns": start} | dimensions
    found = [arrival | {name: row[name] for name in _ON_ARRIVAL}]
    sizes = row["chunk_tokens"] or [None] * len(row["chunk_times_ns"])
    for number, (time, size) in enumerate(zip(row["chunk_times_ns"], sizes, strict=True)):
        chunk = about | {"event": "chunk", "time_ns": start + time, "tokens": size}
        found.append(chunk | ({"seq": number} if seq else {}))
    if row["end_ns"] is not None:
        end = {"event": "end", "time_ns": start + row["end_ns"], "status": row["status"]}
        found.append(about | end | {"error": row["error"]})
    # Where there is no end the arrival says how many tokens were declared.
    found[-1 if row["end_ns"] is not None else 0]["output_tokens"] = row["output_tokens"]
    return found


def table(rows: Sequence[Row], *, whole_ids: bool = False) -> pa.Table:
    """The events as a table, with a column for every key."""
    names = dict.fromkeys(name for row in rows for name in row)
    made = {}
    for name in names:
        values = [row.get(name) for row in rows]
        if name == "request_id" and whole_ids:
            values = [None if value is None else int(value) for value in values]
        kinds = {type(value) for value in values} - {type(None)}
        made[name] = pa.array(values, _TYPES.get(name) or (None if kinds else pa.string()))
    return pa.table(made)


def write(path: Path, rows: Sequence[Row], kind: str, *, whole_ids: bool = False) -> Path:
    """The events as a file of one of FORMATS."""
    if kind == "jsonl":
        as_id = int if whole_ids else str
        texts = (json.dumps(row | {"request_id": as_id(row["request_id"])}) for row in rows)
        path.write_text("".join(f"{text}\n" for text in texts))
        return path
    made = table(rows, whole_ids=whole_ids)
    if kind == "parquet":
        pq.write_table(made, path, row_group_size=max(1, len(rows) // 3))
        return path
    new = pa.ipc.new_file if kind == "ipc" else pa.ipc.new_stream
    with new(path, made.schema) as writer:
        writer.write_table(made, max_chunksize=max(1, len(rows) // 3))
    return path


def scattered(
    folder: Path,
    rows: Sequence[Row],
    kinds: Sequence[str],
    *,
    whole_ids: bool = False,
) -> list[Path]:
    """The events dealt out over a file of each kind; every file has at least one."""
    parts = [rows[i :: len(kinds)] for i in range(len(kinds))]
    return [
        write(folder / f"{i}.{kind}", part, kind, whole_ids=whole_ids)
        for i, (kind, part) in enumerate(zip(kinds, parts, strict=True))
        if part
    ]


def sorted_rows(rows: Iterable[Row]) -> list[Row]:
    """By run and id, with sizes of no chunks left out: [] and NULL mean the same there."""
    return sorted(
        (row | {"chunk_tokens": row["chunk_tokens"] or None} for row in rows),
        key=lambda row: (row["run"], row["request_id"]),
    )
