"""Event logs: which columns they have, and a table of them brought to EVENTS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from sgengine.errors import FormatError
from sgengine.readers import arrays, event_times
from sgengine.readers.base import Partition, Reject
from sgengine.readers.deliveries import NEEDED as OF_DELIVERIES
from sgengine.schema import DELIVERIES, EVENTS, LABEL
from sgengine.schema.enums import EVENT_KINDS

NEEDED = ("request_id", "event")

IDS, WHOLE, TEXT = "ids", "whole", "text"
"""The detail of a partition that says what request ids are: int64, or texts (JSON; or any file of a log
some of whose files have texts)."""

_TEXTS = ("request_id", "run", "event", "status", "error", "system", "workload", "clock", "origin")
_WHOLE = ("tokens", "seq", "input_tokens", "output_tokens")
_RESERVED = (*(n for n in DELIVERIES.names if n.endswith("_ns")), "chunk_tokens", "code")
"""Names that mean something else behind the grouping; columns named so are left out."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EventBatch:
    """Some rows of an event log: EVENTS columns that it has, then dimensions; and what was left out.

    ``request_id`` is int64 or string, ``event`` a dictionary, ``time_ns`` int64; none of them has
    NULLs, and every event is of a known kind.
    """

    rows: pa.RecordBatch
    rejects: tuple[Reject, ...] = ()


@dataclass(kw_only=True)
class Faults:
    """Rows of a batch that cannot be used: the first rule that each of them breaks."""

    rows: int
    bad: np.ndarray = field(init=False)
    found: list[tuple[str, str, np.ndarray]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bad = np.zeros(self.rows, dtype=bool)

    def add(self, rule: str, detail: str, rows: np.ndarray | None) -> None:
        """Mark ``rows`` (bool), unless something is wrong with them already."""
        if rows is None:
            return
        new = np.flatnonzero(rows & ~self.bad)
        if new.size:
            self.bad |= rows
            self.found.append((rule, detail, new))

    def rejects(self, run: str | None, places: np.ndarray, word: str) -> Iterator[Reject]:
        """A reject a rule."""
        for rule, detail, rows in self.found:
            place = f"{word} {places[rows[0]]}" + (" and later" if rows.size > 1 else "")
            yield Reject(run=run, place=place, reason=rule, count=rows.size, detail=detail)


def is_log(names: Collection[str]) -> bool:
    """Whether columns of these names, or keys, make an event log."""
    has_all = set(NEEDED) <= set(names) and event_times.time_name(names) is not None
    return has_all and not set(OF_DELIVERIES) & set(names)


def check(path: str, schema: pa.Schema) -> None:
    """Raise FormatError unless these columns are those of an event log, with usable types."""
    twice = sorted(name for name, count in Counter(schema.names).items() if count > 1)
    if twice:
        raise FormatError(f"{path} has several columns named {', '.join(twice)}; name each once")
    if not is_log(schema.names):
        raise FormatError(
            f"{path} is no event log: it needs columns request_id, event, and time_ns (or time_us, "
            "time_ms, time_s, or a timestamp named time)"
        )
    wrong = [
        f"{item.name} is {item.type}, allowed is {_allowed(item.name)}"
        for item in schema
        if not _fits(item)
    ]
    if wrong:
        raise FormatError(f"{path} has wrong column types: {'; '.join(wrong)}")


def _fits(item: pa.Field) -> bool:
    if item.name in _WHOLE:
        return arrays.is_whole(item.type)
    if item.name in _TEXTS:
        return arrays.is_text(item.type)
    if event_times.unit_of(item.name) is None and item.name not in ("time", "timestamp", "ts"):
        return True
    return event_times.fits(item.name, item.type)


def _allowed(name: str) -> str:
    if name in _WHOLE:
        return "a type of whole numbers"
    if name in _TEXTS:
        return "text"
    return "a number if its name ends in its unit (time_ns, time_us, time_ms, time_s), else a timestamp"


def ids_of(kind: pa.DataType) -> str:
    """What request ids of this type are: WHOLE or TEXT."""
    return WHOLE if pt.is_integer(kind) and not pt.is_uint64(kind) else TEXT


def conform(
    rows: pa.RecordBatch, partition: Partition, places: np.ndarray, word: str
) -> EventBatch:
    """The rows as EVENTS; those that cannot be used become rejects, one a rule."""
    faults = Faults(rows=rows.num_rows)
    time = event_times.time_name(rows.schema.names)
    assert time is not None, "checked"
    made: dict[str, pa.Array] = {
        "request_id": _ids(rows.column("request_id"), partition, faults),
        "event": _events(rows.column("event"), faults),
    }
    made["time_ns"], outside = event_times.times_of(time, rows.column(time))
    detail = f"{time} is not there, or no time that fits int64 nanoseconds"
    faults.add("wrong_type", detail, outside)
    for item in rows.schema:
        if item.name not in (*made, *partition.forced, time):
            column = _other(item, rows.column(item.name), faults)
            if column is not None:
                made[item.name] = column
    batch = pa.RecordBatch.from_pydict(made)
    if faults.bad.any():
        batch = batch.filter(pa.array(~faults.bad))
    own_runs = "run" in made
    rejects = faults.rejects(None if own_runs else partition.run, places, word)
    return EventBatch(rows=_with_runs(batch, partition), rejects=tuple(rejects))


def _with_runs(batch: pa.RecordBatch, partition: Partition) -> pa.RecordBatch:
    """NULL in a column of runs is the input's one run."""
    if "run" not in batch.schema.names:
        return batch
    place = batch.schema.get_field_index("run")
    return batch.set_column(place, "run", arrays.label(batch.column(place), partition.run))


def _ids(ids: pa.Array, partition: Partition, faults: Faults) -> pa.Array:
    faults.add("missing_request_id", "request_id is null", _nulls(ids))
    if partition.detail(IDS) == WHOLE:
        ids = ids.cast(pa.int64())
        return ids.fill_null(0) if ids.null_count else ids
    if pt.is_dictionary(ids.type) and ids.null_count == 0 and ids.dictionary.null_count == 0:
        texts = ids.dictionary.cast(pa.string())
        return pa.DictionaryArray.from_arrays(ids.indices, texts)
    texts = ids if pt.is_large_string(ids.type) else arrays.text(ids)
    return texts.fill_null("") if texts.null_count else texts


def _nulls(column: pa.Array) -> np.ndarray | None:
    if pt.is_dictionary(column.type):
        found = column.is_null()
        if column.dictionary.null_count:
            found = pc.or_(found, pc.is_null(column.dictionary_decode()))
    elif column.null_count == 0:
        return None
    else:
        found = column.is_null()
    nulls: np.ndarray = found.to_numpy(zero_copy_only=False)
    return nulls


def _events(events: pa.Array, faults: Faults) -> pa.Array:
    """The column as a dictionary."""
    if not pt.is_dictionary(events.type):
        events = arrays.text(events).dictionary_encode()
    names = events.dictionary.to_pylist()
    if events.null_count or not set(names) <= set(EVENT_KINDS):
        known = pc.is_in(events.dictionary_decode().cast(pa.string()), pa.array(EVENT_KINDS))
        wrong = ~known.to_numpy(zero_copy_only=False)
        others = [name for name in names if name not in EVENT_KINDS]
        named = ", ".join(repr(name) for name in others[:3]) or "null"
        faults.add(
            "unknown_event", f"event is {named}; allowed are {', '.join(EVENT_KINDS)}", wrong
        )
    return events


def _other(item: pa.Field, column: pa.Array, faults: Faults) -> pa.Array | None:
    """Any other column: of its declared type, or a dimension; None if it cannot be either."""
    if item.name in _WHOLE:
        kind = EVENTS.column(item.name).type
        made, outside = arrays.whole(column, kind)
        faults.add("wrong_type", f"{item.name} has a number outside {kind}", outside)
        return made
    if item.name in _TEXTS:
        if item.name == "run" and column.type == LABEL:
            return column
        return arrays.text(column)
    return column if _is_dimension(item) else None


def _is_dimension(item: pa.Field) -> bool:
    """Whether a column is carried along: scalars that SQL can slice by."""
    kind = item.type.value_type if pt.is_dictionary(item.type) else item.type
    is_plain = arrays.is_string(kind) or pt.is_boolean(kind) or pt.is_null(kind)
    is_number = pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind)
    is_moment = pt.is_temporal(kind)
    return (is_plain or is_number or is_moment) and item.name not in _RESERVED


def left_out(schema: Sequence[pa.Field]) -> list[str]:
    """Columns that are neither EVENTS nor dimensions."""
    time = event_times.time_name([item.name for item in schema])
    known = (*_TEXTS, *_WHOLE, time)
    return [i.name for i in schema if i.name not in known and not _is_dimension(i)]
