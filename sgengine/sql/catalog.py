"""Reads the .sql files of this package: what each object is.

A file holds one statement under a header of comments::

    -- view: by_system                       or scalar macro, or table macro
    -- grain: one row a system               (not for scalar macros)
    -- doc: What it answers.
    --   Lines indented by two more blanks continue the entry above.
    -- param: speed DOUBLE = 5  What it means.
    -- column: system VARCHAR  What it means; when it is NULL.
    -- columns of: _group_figures except system, workload
    -- returns: DOUBLE  What it means; when it is NULL.   (scalar macros alone)

Two blanks part a type from its text. Names that begin with ``_`` are internal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

BASES = (
    "measured_requests",
    "measured_gaps",
    "measured_rejects",
    "measured_runs",
    "measured_settings",
    "measured_nights",
    "measured_classes",
)
"""Relations that the SQL reads and does not make; whoever opens a connection registers them."""

ORDER = (
    "_whole_ns",
    "_floor_div",
    "_bucket_edge_ns",
    "_whole_sum",
    "_whole_fsum",
    "_rate",
    "_seconds",
    "_given_ns",
    "_is_same",
    "_latency",
    "_idle_ns",
    "user_idle_latency_ms",
    "speed_pace_ns",
    "idle_penalty",
    "_benefit",
    "_in_denominator",
    "_holds_within",
    "_holds_tpot",
    "_holds_tbt",
    "_holds_pace",
    "_holds_tokens",
    "_held",
    "_has_slo",
    "_attains",
    "_is_open",
    "_late_of",
    "_settings_are_valid",
    "_chosen",
    "_run_windows",
    "_window_sum",
    "_scored",
    "_measured_scores",
    "_group_figures",
    "requests",
    "by_system",
    "by_workload",
    "by_system_workload",
    "by_hour",
    "by_night",
    "trend",
    "slo_attainment",
    "_class_scores",
    "slo_by_class",
    "stalls",
    "gaps",
    "_histogram_percentile",
    "itl_percentiles",
    "nights",
    "runs",
    "rejects",
    "invariants",
    "scored",
    "smooth_goodput",
    "goodput",
)
"""Every object, each after those it uses."""

KINDS = ("view", "table macro", "scalar macro")

_ENTRY = re.compile(r"-- ([a-z ]+): (.*)")
_NAMED = re.compile(r"(\w+) (.+?)(?: = (.+?))?  (.+)")


@dataclass(frozen=True, kw_only=True)
class SqlColumn:
    """A column that a view or table macro returns: DuckDB's type, meaning, and when it is NULL."""

    name: str
    type: str
    doc: str


@dataclass(frozen=True, kw_only=True)
class SqlParam:
    """A parameter of a macro; ``default`` is its SQL text, None where the caller must give it."""

    name: str
    type: str
    doc: str
    default: str | None = None


@dataclass(frozen=True, kw_only=True)
class SqlObject:
    """One view or macro. ``shares`` names the object whose columns it repeats, if it does."""

    kind: str
    name: str
    doc: str
    sql: str
    order: int
    grain: str = ""
    columns: tuple[SqlColumn, ...] = ()
    own_columns: tuple[SqlColumn, ...] = ()
    shares: str | None = None
    params: tuple[SqlParam, ...] = ()
    returns: SqlColumn | None = None

    @property
    def public(self) -> bool:
        """Whether users may rely on it."""
        return not self.name.startswith("_")


@dataclass
class _Header:
    """A header while it is read, entry by entry."""

    kind: str = ""
    name: str = ""
    grain: str = ""
    doc: str = ""
    shares: str | None = None
    own: list[SqlColumn] = field(default_factory=list)
    columns: list[SqlColumn] = field(default_factory=list)
    params: list[SqlParam] = field(default_factory=list)
    returns: SqlColumn | None = None


@cache
def load_catalog() -> tuple[SqlObject, ...]:
    """Every object in the order of ``ORDER``, in which they can be created."""
    read: dict[str, SqlObject] = {}
    for order, name in enumerate(ORDER):
        sql = files("sgengine.sql").joinpath(f"{name}.sql").read_text(encoding="utf-8")
        read[name] = parse_object(sql, order, read)
    return tuple(read.values())


def parse_object(sql: str, order: int, earlier: dict[str, SqlObject]) -> SqlObject:
    """The object that ``sql`` creates; ValueError for a header that is not as this module says."""
    header = _Header()
    for key, text in _entries(sql):
        _take(header, key, text, earlier)
    if header.kind not in KINDS or not header.doc:
        raise ValueError(f"{header.name or sql[:60]!r}: a header needs its kind and a doc")
    return SqlObject(
        kind=header.kind,
        name=header.name,
        doc=header.doc,
        sql=sql,
        order=order,
        grain=header.grain,
        columns=tuple(header.columns),
        own_columns=tuple(header.own),
        shares=header.shares,
        params=tuple(header.params),
        returns=header.returns,
    )


def _entries(sql: str) -> list[tuple[str, str]]:
    entries: list[tuple[str, str]] = []
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        if line.startswith("--   ") and entries:
            key, text = entries[-1]
            entries[-1] = (key, f"{text} {line[5:].strip()}")
            continue
        match = _ENTRY.fullmatch(line)
        if match is None:
            raise ValueError(f"header line {line!r}: give '-- key: text'")
        entries.append((match[1], match[2]))
    return entries


def _take(header: _Header, key: str, text: str, earlier: dict[str, SqlObject]) -> None:
    if key in KINDS:
        header.kind, header.name = key, text
    elif key == "grain":
        header.grain = text
    elif key == "doc":
        header.doc = text
    elif key == "column":
        column = _column(text)
        header.own.append(column)
        header.columns.append(column)
    elif key == "columns of":
        _share(header, text, earlier)
    elif key == "param":
        header.params.append(_param(text))
    elif key == "returns":
        header.returns = _column(f"returns {text}")
    else:
        raise ValueError(f"{header.name}: header key {key!r} is not known")


def _share(header: _Header, text: str, earlier: dict[str, SqlObject]) -> None:
    name, _, excepted = text.partition(" except ")
    left_out = {word.strip() for word in excepted.split(",")}
    header.shares = name
    header.columns += [c for c in earlier[name].columns if c.name not in left_out]


def _column(text: str) -> SqlColumn:
    name, kind, default, doc = _named(text)
    if default is not None:
        raise ValueError(f"column {name} has a default")
    return SqlColumn(name=name, type=kind, doc=doc)


def _param(text: str) -> SqlParam:
    name, kind, default, doc = _named(text)
    return SqlParam(name=name, type=kind, doc=doc, default=default)


def _named(text: str) -> tuple[str, str, str | None, str]:
    match = _NAMED.fullmatch(text)
    if match is None:
        raise ValueError(f"header entry {text!r}: give 'name TYPE  text'")
    return match[1], match[2], match[3], match[4]
