"""``connect``: SQL over a measured trace, or over a results store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from os import PathLike
from typing import TYPE_CHECKING, Any, overload

from sgengine.aggregate import settings_row
from sgengine.aggregate.spelling import Duration, resolve, summary_over, summary_settings
from sgengine.analyze.stored import recorded_settings
from sgengine.analyze.stored_files import Wanted
from sgengine.api.calls import with_reader
from sgengine.api.stored import Day, store_of, wanted_nights
from sgengine.api.values import Measured
from sgengine.errors import UsageError
from sgengine.objectives import Slo
from sgengine.store import Snapshot, Store

if TYPE_CHECKING:
    import duckdb  # noqa: TID251 - the type of what views opens, never imported here

    from sgengine.views import StoreConnection

Time = int | str | datetime
"""A version of a store, or a time (with its zone), of which the last version before it is meant."""


@overload
def connect(
    source: Measured,
    *,
    goodput: str | Iterable[str] | Slo | None = None,
    alpha: float | None = None,
    penalty: str | None = None,
    unfinished_idle: Duration | None = None,
    preset: str | None = None,
    denominator: str | None = None,
) -> duckdb.DuckDBPyConnection: ...


@overload
def connect(
    source: Store | str | PathLike[str],
    *,
    at: Time | None = None,
    job: str | None = None,
    day: Day | None = None,
    since: Day | None = None,
    until: Day | None = None,
    speed: float | None = None,
    first_token: Duration | None = None,
    goodput: str | Iterable[str] | Slo | None = None,
    alpha: float | None = None,
    penalty: str | None = None,
    unfinished_idle: Duration | None = None,
    preset: str | None = None,
    denominator: str | None = None,
) -> StoreConnection: ...


def connect(
    source: Measured | Store | str | PathLike[str],
    *,
    at: Time | None = None,
    job: str | None = None,
    day: Day | None = None,
    since: Day | None = None,
    until: Day | None = None,
    denominator: str | None = None,
    **objectives: Any,
) -> duckdb.DuckDBPyConnection | StoreConnection:
    """DuckDB, in memory, with the views and macros of docs/sql.md over a measured trace or a store.

    A measured trace is scanned in place, and gives a DuckDB connection that reads no files. A store
    (or its path) gives a connection that only reads, pinned to the newest version or to ``at`` (a
    version, or a time); ``job``, and ``day`` or ``since`` and ``until``, narrow it to some nights.
    Objectives (``goodput``, ``alpha``, ``penalty``, ``unfinished_idle``, ``preset``, ``denominator``;
    of a store ``speed`` and ``first_token``, too) are as for ``summarize``: the views use them, while
    the macros take their own. Those not given are, of a store, what its newest night was scored with.
    """
    if isinstance(source, Measured):
        _refuse(at=at, job=job, day=day, since=since, until=until)
        return _connect_measured(source, denominator or "all", objectives)
    wanted = None
    if any(part is not None for part in (job, day, since, until)):
        wanted = wanted_nights(job=job, day=day, since=since, until=until)
    return _connect_store(store_of(source), at, wanted, denominator, objectives)


def _connect_store(
    store: Store,
    at: Time | None,
    wanted: Wanted | None,
    denominator: str | None,
    objectives: dict[str, Any],
) -> StoreConnection:
    from sgengine.views import StoreConnection  # duckdb costs 0.1 s, for those who ask for SQL

    is_said = denominator is not None or any(part is not None for part in objectives.values())

    def row(snapshot: Snapshot) -> dict[str, Any] | None:
        if not is_said:
            return None
        recorded = recorded_settings(snapshot, wanted)
        return settings_row(summary_over(recorded, objectives, {"denominator": denominator}))

    version = parse_time(at) if isinstance(at, str) else at
    return StoreConnection(store, at=version, wanted=wanted, settings=row)


def _connect_measured(
    measured: Measured, denominator: str, objectives: dict[str, Any]
) -> duckdb.DuckDBPyConnection:
    from sgengine.views import open_views  # duckdb costs 0.1 s, for those who ask for SQL

    _refuse(speed=objectives.pop("speed", None), first_token=objectives.pop("first_token", None))
    given = {name: value for name, value in objectives.items() if value is not None}
    settings = summary_settings(with_reader(resolve(**given), measured), denominator=denominator)
    return open_views(
        measured.requests, measured.gaps, measured.rejects, measured.runs, settings_row(settings)
    )


def _refuse(**given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"{name} is for a store, and this is a measured trace: leave it out")


def parse_time(text: str) -> int | datetime:
    """A version, as in ``12``, or a time in ISO 8601 with its zone; UsageError for anything else."""
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"at is '{text}': give a version, as in 12, or a time, as in 2026-01-31T12:00Z"
        ) from error
