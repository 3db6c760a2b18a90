"""The aggregates of a store as tables: the views of docs/sql.md, and groups of one's own choice."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from sgengine.aggregate import flat_group
from sgengine.analyze import AnalyzeSettings
from sgengine.analyze.stored import analyze_store, recorded_settings
from sgengine.analyze.stored_files import Wanted
from sgengine.sql import load_catalog
from sgengine.store import Snapshot
from sgengine.views import open_store, run_query

VIEWS = ("nights", "by_night", "trend", "slo_by_class", "itl_percentiles")
"""The views that are exported, each as a table of its name."""

FIGURES = "figures"
"""The table of the groups that ``by`` chooses."""


def aggregate_tables(
    snapshot: Snapshot, wanted: Wanted, by: Sequence[str], settings: AnalyzeSettings
) -> dict[str, pa.Table]:
    """The tables by name: the views, and with ``by`` the figures of these groups.

    All are scored as the newest of the wanted nights was, but for ``slo_by_class``, where each class
    has its own settings. Raises UsageError if no night is wanted, or for an unknown column of ``by``.
    """
    figures = {FIGURES: _figures(snapshot, wanted, by, settings)} if by else {}
    with open_store(snapshot, wanted=wanted) as connection:
        return {name: run_query(connection, f"FROM {name}") for name in VIEWS} | figures


def _figures(
    snapshot: Snapshot, wanted: Wanted, by: Sequence[str], settings: AnalyzeSettings
) -> pa.Table:
    summary = recorded_settings(snapshot, wanted, by=tuple(by))
    groups = analyze_store(snapshot, settings.scoring(summary), wanted).groups
    return _typed(pa.Table.from_pylist([flat_group(group) for group in groups]), by)


def _typed(table: pa.Table, by: Sequence[str]) -> pa.Table:
    """The table with types where all is NULL: figures are numbers, what is grouped by is text."""
    fields = [
        field
        if field.type != pa.null()
        else field.with_type(pa.string() if field.name in by else pa.float64())
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def table_docs() -> dict[str, str]:
    """What a row of each view is, and what it answers."""
    return {item.name: f"{item.grain}: {item.doc}" for item in load_catalog() if item.name in VIEWS}
