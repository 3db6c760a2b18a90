"""``export``: a store's aggregates in the formats of others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sgengine.analyze import AnalyzeSettings
from sgengine.analyze.stored_files import Wanted, check_wanted
from sgengine.errors import UsageError
from sgengine.export.files import WRITERS, check_folder, new_file, write_folder
from sgengine.export.prometheus import exposition
from sgengine.export.tables import aggregate_tables, table_docs
from sgengine.store import Snapshot
from sgengine.views import write_database

FORMATS = (*WRITERS, "duckdb", "prometheus")
SUFFIXES = {".duckdb": "duckdb", ".prom": "prometheus"}
"""By which names of files a format is known that is not said."""


def export(
    snapshot: Snapshot,
    to: str | Path,
    *,
    kind: str | None = None,
    wanted: Wanted | None = None,
    by: Sequence[str] = (),
    settings: AnalyzeSettings | None = None,
) -> list[Path]:
    """Write the aggregates of the wanted nights; the files, which appear whole or not at all.

    ``kind``: one of FORMATS; None: by the name of ``to``, else Parquet. ``to``: a folder for one file
    a table (parquet, csv, json), else a file. ``by``: one more table, the figures of these groups.
    Raises UsageError for a wrong call or a night that is not there.
    """
    target, wanted = Path(to), wanted or Wanted()
    chosen = kind or SUFFIXES.get(target.suffix, "parquet")
    if chosen not in FORMATS:
        raise UsageError(f"format is '{chosen}': give one of {', '.join(FORMATS)}")
    if chosen == "prometheus" and by:
        raise UsageError("--by is for tables: Prometheus has a series a system and workload")
    check_wanted(wanted, snapshot)
    work = settings or AnalyzeSettings()
    if chosen in WRITERS:
        check_folder(target, chosen)
        return write_folder(target, chosen, aggregate_tables(snapshot, wanted, by, work))
    with new_file(target) as path:
        if chosen == "prometheus":
            path.write_text(exposition(snapshot, wanted), encoding="utf-8")
        else:
            write_database(path, aggregate_tables(snapshot, wanted, by, work), table_docs())
    return [target]
