"""``query`` and ``query_store``: SQL over traces or over a store, from inputs to rows in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sgengine.aggregate import SummarySettings, settings_row
from sgengine.analyze import Analysis, AnalyzeSettings, Progress, analyze
from sgengine.analyze.stored import recorded_settings
from sgengine.analyze.stored_files import Wanted
from sgengine.api.connect import parse_time
from sgengine.errors import UsageError
from sgengine.store import Snapshot, Store


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a query gave: ``table``, and the ``analysis`` of the inputs, without figures of groups.

    Of a store there is no analysis: None.
    """

    table: pa.Table
    analysis: Analysis | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns; one that comes again has a number behind it: a, a_1."""
        names: list[str] = []
        for name in self.table.column_names:
            again = (f"{name}_{i}" for i in count(1))
            names.append(name if name not in names else next(n for n in again if n not in names))
        return tuple(names)

    def rows(self) -> list[tuple[Any, ...]]:
        """The rows as Python values; as ISO text what Python has no type for.

        That is timestamps in ns, for Python's end at microseconds, and dates and times beyond its years.
        """
        from sgengine.views import python_values

        columns = [python_values(_plain(column)) for column in self.table.columns]
        return list(zip(*columns, strict=True))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not (pa.types.is_timestamp(column.type) and column.type.unit == "ns"):
        return column
    return pc.replace_substring(column.cast(pa.string()), " ", "T", max_replacements=1)


def query(
    sql: str,
    inputs: Sequence[str],
    settings: AnalyzeSettings | None = None,
    *,
    progress: Progress | None = None,
) -> Answer:
    """Measure ``inputs`` and run one statement that only reads over the views of docs/sql.md.

    The measured tables are held in memory. Raises UsageError, before anything is read, for another
    kind of statement; UsageError in one line for every error of SQL; DataError if nothing is a trace.
    """
    from sgengine.views import check_query, open_views, run_query  # duckdb costs 0.1 s

    check_query(sql)
    analysis = analyze(inputs, settings, keep_requests=True, figures=False, progress=progress)
    if analysis.requests is None or analysis.gaps is None:
        raise ValueError("the views need REQUESTS and GAPS: measure with gaps=True")
    row = settings_row(analysis.settings.summary)
    with open_views(
        analysis.requests, analysis.gaps, analysis.rejects, analysis.runs, row
    ) as connection:
        return Answer(table=run_query(connection, sql), analysis=analysis)


def query_store(
    sql: str,
    store: Store,
    scored: Callable[[SummarySettings], SummarySettings],
    *,
    at: str | None = None,
    wanted: Wanted | None = None,
) -> Answer:
    """Run one statement that only reads over the views of a store.

    ``scored``: from the settings of its newest night to those that the views use. ``at``: a version or
    a time, None for now. ``wanted``: nights, system and workload. Raises UsageError as ``query`` does,
    and for a window, which is of a run and not of a night; DataError for a store that is damaged.
    """
    from sgengine.views import StoreConnection, check_query  # duckdb costs 0.1 s

    check_query(sql)

    def row(snapshot: Snapshot) -> dict[str, Any] | None:
        if not snapshot.nights:
            return None
        summary = scored(recorded_settings(snapshot, wanted))
        if summary.selection is not None:
            raise UsageError(
                f"--{summary.selection.kind} chooses a part of a run, and the runs of a store were cut "
                "into nights: give it to the analysis that fills the store"
            )
        return settings_row(summary)

    version = None if at is None else parse_time(at)
    with StoreConnection(store, at=version, wanted=wanted, settings=row) as connection:
        return Answer(table=connection.sql(sql).to_arrow_table())
