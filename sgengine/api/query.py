"""``query``: SQL over traces, from inputs to rows in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sgengine.aggregate import settings_row
from sgengine.analyze import Analysis, AnalyzeSettings, Progress, analyze


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a query gave: ``table``, and the ``analysis`` of the inputs that it ran over."""

    table: pa.Table
    analysis: Analysis

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns; one that comes again has a number behind it: a, a_1."""
        names: list[str] = []
        for name in self.table.column_names:
            again = (f"{name}_{i}" for i in count(1))
            names.append(name if name not in names else next(n for n in again if n not in names))
        return tuple(names)

    def rows(self) -> list[tuple[Any, ...]]:
        """The rows as Python values; timestamps in ns as ISO text, for Python's end at microseconds."""
        columns = [_plain(column).to_pylist() for column in self.table.columns]
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
    analysis = analyze(inputs, settings, keep_requests=True, progress=progress)
    if analysis.requests is None or analysis.gaps is None:
        raise ValueError("the views need REQUESTS and GAPS: measure with gaps=True")
    row = settings_row(analysis.settings.summary)
    with open_views(
        analysis.requests, analysis.gaps, analysis.rejects, analysis.runs, row
    ) as connection:
        return Answer(table=run_query(connection, sql), analysis=analysis)
