"""How a store is laid out: its tables, their partitions, the names of data files.

::

    ROOT/requests/job=J/day=D/system=S/workload=W/s<schema>-<commit>-<n>.parquet
    ROOT/{gaps, rejects, runs, nights, classes}/...      the side tables
    ROOT/<table>/_delta_log/                             what belongs to a table
    ROOT/_sgengine/                                      store.json, writer.lock, views.sql
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import quote

from sgengine.errors import DataError
from sgengine.schema import CLASSES, GAPS, NIGHTS, REJECTS, REQUESTS, RUNS, TableSpec

LAYOUT = 1
"""The version of this layout; a store of a later one is not opened."""

OWN = "_sgengine"
"""The folder of what is no table: Delta leaves names that begin with ``_`` alone."""

MARKER = f"{OWN}/store.json"
LOCK = f"{OWN}/writer.lock"
VIEWS = f"{OWN}/views.sql"
LOG = "_delta_log"

NONE = "(none)"
"""System and workload of the file without rows by which a day without requests is committed."""

EMPTY = "(empty)"
"""What the empty text is as a partition value: readers take ``key=`` for NULL."""

_LONGEST = 160
"""Bytes of a partition value in a path: a folder's name ends at 255 with ``workload=`` and more."""

_NULL = "__HIVE_DEFAULT_PARTITION__"
_FILE = re.compile(r"s([0-9a-f]{8})-([0-9a-f]{16})-(\d{4,})\.parquet")

NAMED = r"/s(?P<schema_id>[0-9a-f]{8})-(?P<commit_id>[0-9a-f]{16})-[0-9]{4,}\.parquet$"
"""What the paths of our data files end with, for Arrow: a year's, one by one, would take 7 ms."""


@dataclass(frozen=True, kw_only=True)
class StoreTable:
    """One Delta table of a store: its columns and what it is partitioned by."""

    spec: TableSpec
    partitions: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its folder in the store."""
        return self.spec.name


_BY_NIGHT = ("job", "day")
_BY_WORKLOAD = ("job", "day", "system", "workload")

COMMIT_POINT = StoreTable(spec=REQUESTS, partitions=_BY_WORKLOAD)
"""The table whose log says what is committed."""

SIDES = (
    StoreTable(spec=GAPS, partitions=_BY_WORKLOAD),
    *(StoreTable(spec=spec, partitions=_BY_NIGHT) for spec in (REJECTS, RUNS, NIGHTS, CLASSES)),
)
"""The tables that are appended to before the commit, and count if it is made."""

STORE_TABLES = {table.name: table for table in (COMMIT_POINT, *SIDES)}


class FileName(NamedTuple):
    """What the name of a data file says."""

    schema_id: str
    commit_id: str
    number: int

    def __str__(self) -> str:
        return f"s{self.schema_id}-{self.commit_id}-{self.number:04d}.parquet"


def parse_name(path: str) -> FileName:
    """The parts of a data file's name; DataError for a name that no commit of ours made."""
    found = _FILE.fullmatch(path.rpartition("/")[2])
    if found is None:
        raise DataError(
            f"'{path}' is no data file of a store: another program wrote or compacted the table"
        )
    return FileName(found[1], found[2], int(found[3]))


def partition_value(text: str) -> str:
    """``text`` as a partition value: itself, unless readers would take it for NULL or it is too long.

    What is cut has a digest behind it, so different texts stay different.
    """
    if text in ("", _NULL):
        return EMPTY if not text else f"({text})"
    if len(_escaped(text)) <= _LONGEST:
        return text
    digest = sha256(text.encode()).hexdigest()[:16]
    cut = text
    while len(_escaped(cut)) > _LONGEST - len(digest) - 1:
        cut = cut[:-1]
    return f"{cut}~{digest}"


def folder(values: Mapping[str, str]) -> str:
    """The folder of the partition of these values, relative to its table."""
    return "/".join(f"{name}={_escaped(value)}" for name, value in values.items())


def _escaped(text: str) -> str:
    return quote(text, safe="")
