"""The values that a commit is made of: nights, tickets, facts, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import pyarrow as pa

from sgengine.errors import DataError, UsageError
from sgengine.store.layout import partition_value


class Night(NamedTuple):
    """The unit that a commit replaces: everything of one job on one day."""

    job: str
    day: date

    def __str__(self) -> str:
        return f"{self.day} of job {self.job}"


class NightConflict(DataError):  # noqa: N818 - it names what happened to the night, not a fault
    """Another commit replaced a night since the ticket was taken; nothing of this one is visible."""


@dataclass(frozen=True, kw_only=True)
class Committed:
    """What a store holds of a night: how often it was committed, and from which inputs."""

    seq: int = 0
    input_digest: int | None = None


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """Leave to replace nights of one job, with the state of the store when it was taken.

    ``committed``: each night asked for as it was then. ``any_day``: rows of other days are taken, and
    those days replaced too. ``whole_job``: so is all else that the store holds of the job.
    ``columns``: those of requests.
    """

    job: str
    version: int
    columns: pa.Schema
    committed: Mapping[date, Committed]
    any_day: bool = False
    whole_job: bool = False


@dataclass(frozen=True, kw_only=True)
class NightFacts:
    """What only the job knows of its nights: columns of NIGHTS beside those that are counted.

    ``settings_row``: the columns of SETTINGS, by name. ``settings``: all settings as JSON.
    """

    settings_row: Mapping[str, Any]
    code_version: str
    zone: str | None = None
    from_ns: int | None = None
    until_ns: int | None = None
    input_digest: int | None = None
    rows_outside: int = 0
    sources_missing: int = 0
    settings: str | None = None


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit that was made: its id, the version of the store that it made, its nights."""

    commit_id: str
    version: int
    nights: tuple[Night, ...]
    requests: int
    files: int


def checked_job(job: str) -> str:
    """``job`` if it can name one; UsageError if it is empty or too long for a folder."""
    if partition_value(job) != job:
        raise UsageError(f"job '{job[:40]}': give a name of 1 to 160 bytes")
    return job
