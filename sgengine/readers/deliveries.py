"""Brings a table with some of the DELIVERIES columns to DELIVERIES: defaults, casts, order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sgengine.errors import FormatError
from sgengine.readers import arrays
from sgengine.readers.base import Batch, Partition, ReadOptions, Reject, Source
from sgengine.schema import DELIVERIES, LABEL, REQUESTS

NEEDED = ("chunk_times_ns", "ttft_ns")
"""A deliveries table has at least one of these columns."""

UNIX_FROM = 10**17
"""Arrivals from here on (March 1973) count from the epoch: no machine has run that long."""

_MEASURED = "user_idle_latency_ns"
_LISTS = ("chunk_times_ns", "chunk_tokens")
_TEXTS = ("request_id", "error")
_NAMES, _TYPES = list(DELIVERIES.names), DELIVERIES.schema().types
_LABELS = tuple(i for i, column in enumerate(DELIVERIES.columns) if column.type == LABEL)


def check_columns(path: str, names: Sequence[str]) -> None:
    """Raise ``FormatError`` unless these columns make a deliveries table, each name once."""
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise FormatError(
            f"{path} has several columns named {', '.join(twice)}; every column needs its own name"
        )
    if not set(NEEDED) & set(names):
        raise FormatError(
            f"{path} has neither column chunk_times_ns nor ttft_ns (it has: {_listed(names)}); a "
            "deliveries table needs chunk_times_ns (list of int64, ns since arrival) or ttft_ns"
        )
    if _MEASURED in names and "chunk_times_ns" not in names:
        raise FormatError(
            f"{path} holds measured {REQUESTS.name}, not {DELIVERIES.name}: give the trace that "
            "they were measured from, or commit that to a store by analyze --store DIR, and give the "
            "store, which answers for other readers and SLOs"
        )


def _listed(names: Sequence[str], limit: int = 12) -> str:
    shown = ", ".join(names[:limit])
    return f"{shown}, ..." if len(names) > limit else shown or "no columns"


def check_types(path: str, schema: pa.Schema) -> None:
    """Raise ``FormatError`` naming every column whose type cannot hold its declared values."""
    wrong = [
        f"{field.name} is {field.type}, allowed is {_allowed(field.name)}"
        for field in schema
        if field.name in DELIVERIES.names and not _fits(field)
    ]
    if wrong:
        raise FormatError(
            f"{path} has wrong column types: {'; '.join(wrong)}; times are whole nanoseconds: "
            "multiply seconds by 1e9, round and cast"
        )


def _fits(field: pa.Field) -> bool:
    if field.name in _LISTS:
        return arrays.is_whole_list(field.type)
    if _is_text(field.name):
        return arrays.is_text(field.type)
    return arrays.is_whole(field.type)


def _is_text(name: str) -> bool:
    return name in _TEXTS or DELIVERIES.column(name).type == LABEL


def _allowed(name: str) -> str:
    kind = DELIVERIES.column(name).type
    if name in _LISTS:
        return f"a list of {kind.value_type} or another integer type"
    return "text" if _is_text(name) else f"{kind} or another integer type"


def clock_of(first_arrival: int | None) -> str:
    """The clock of a file that does not say, from its first arrival (``None``: it has none)."""
    if first_arrival is None:
        return "none"
    return "unix" if first_arrival >= UNIX_FROM else "monotonic"


def origin_of(source: Source, options: ReadOptions) -> str:
    """The origin of a file that does not say."""
    return options.origin or "sent"


def conform(
    rows: pa.RecordBatch,
    partition: Partition,
    places: np.ndarray,
    place_word: str,
    rejects: Sequence[Reject] = (),
) -> Batch:
    """The rows as a batch of DELIVERIES columns, then the other columns in their order.

    Rows with numbers outside the declared integer types become rejects.
    """
    whole = None if partition.forced else _canonical(rows)
    if whole is not None:
        return Batch(
            deliveries=whole, places=places, place_word=place_word, rejects=_merged(rejects)
        )
    columns: list[pa.Array] = []
    bad = np.zeros(rows.num_rows, dtype=bool)
    for name in DELIVERIES.names:
        column, outside = _column(name, rows, partition, places)
        columns.append(column)
        if outside is not None:
            bad |= outside
            found = _outside(name, outside, columns[0], places, place_word)
            rejects = (*rejects, *found)
    batch = _with_dimensions(columns, rows)
    if bad.any():
        batch, places = batch.filter(pa.array(~bad)), places[~bad]
    return Batch(deliveries=batch, places=places, place_word=place_word, rejects=_merged(rejects))


def _canonical(rows: pa.RecordBatch) -> pa.RecordBatch | None:
    """The rows, if they are DELIVERIES as they are: of these columns alone, with every label said.

    Rows of Parquet may all be NULL, as far as their schema says. Whole schemas are compared at a glance.
    """
    schema = DELIVERIES.schema()
    is_same = rows.schema.equals(schema, check_metadata=True)
    if not is_same and (rows.schema.names != _NAMES or rows.schema.types != _TYPES):
        return None
    labels = (rows.column(place) for place in _LABELS)
    if any(label.null_count or label.dictionary.null_count for label in labels):
        return None
    return rows if is_same else pa.RecordBatch.from_arrays(rows.columns, schema=schema)


def _with_dimensions(columns: list[pa.Array], rows: pa.RecordBatch) -> pa.RecordBatch:
    extra = [field for field in rows.schema if field.name not in DELIVERIES.names]
    dimensions = [arrays.dimension(rows.column(field.name)) for field in extra]
    fields = [field.with_type(a.type) for field, a in zip(extra, dimensions, strict=True)]
    schema = pa.schema([*DELIVERIES.schema(), *fields])
    return pa.RecordBatch.from_arrays([*columns, *dimensions], schema=schema)


def _column(
    name: str, rows: pa.RecordBatch, partition: Partition, places: np.ndarray
) -> arrays.Cast:
    kind = DELIVERIES.column(name).type
    given = rows.column(name) if name in rows.schema.names else None
    if kind == LABEL:
        return arrays.Cast(_label(name, given, rows, partition))
    if given is None:
        absent = name == "request_id"
        made = pa.array(places).cast(pa.string()) if absent else pa.nulls(rows.num_rows, kind)
        return arrays.Cast(made)
    if name in _LISTS:
        return arrays.whole_list(given, kind)
    return arrays.Cast(arrays.text(given)) if name in _TEXTS else arrays.whole(given, kind)


def _label(
    name: str, given: pa.Array | None, rows: pa.RecordBatch, partition: Partition
) -> pa.Array:
    kept = None if name in partition.forced else given
    if kept is not None and arrays.is_full_label(kept):
        return kept  # what its nulls would be took as long as all other columns together
    default = _timing(rows) if name == "timing" else _default(name, partition)
    if kept is not None:
        return arrays.label(kept, default)
    if isinstance(default, str):
        return arrays.constant(default, rows.num_rows)
    return default.dictionary_encode().cast(LABEL)


def _default(name: str, partition: Partition) -> str:
    return "ok" if name == "status" else str(getattr(partition, name))


def _timing(rows: pa.RecordBatch) -> str | pa.Array:
    """What the columns show: listed times, else a first token's time, else nothing."""
    listed, first = (_known(rows, name) for name in NEEDED)
    if rows.num_rows and listed.all():
        return "chunk"
    codes = np.where(listed, 0, np.where(first, 1, 2))
    return pa.array(["chunk", "first_last", "none"]).take(pa.array(codes))


def _known(rows: pa.RecordBatch, name: str) -> np.ndarray:
    if name not in rows.schema.names:
        return np.zeros(rows.num_rows, dtype=bool)
    known: np.ndarray = pc.is_valid(rows.column(name)).to_numpy(zero_copy_only=False)
    return known


def _outside(
    name: str, outside: np.ndarray, runs: pa.Array, places: np.ndarray, word: str
) -> list[Reject]:
    kind = DELIVERIES.column(name).type
    item = kind.value_type if name in _LISTS else kind
    detail = f"{name} has a number outside {item}"
    return [
        Reject(
            run=runs[int(row)].as_py(),
            place=f"{word} {places[row]}",
            reason="wrong_type",
            count=1,
            detail=detail,
        )
        for row in np.flatnonzero(outside)
    ]


def _merged(rejects: Sequence[Reject]) -> tuple[Reject, ...]:
    """One reject a place: a row with several faults is still one row."""
    first: dict[str, Reject] = {}
    for reject in rejects:
        first.setdefault(reject.place, reject)
    return tuple(first.values())
