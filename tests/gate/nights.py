"""Nights of synthetic requests in a real store: measured by the engine, committed by the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

import sgengine
from sgengine.aggregate import SummarySettings, settings_row
from sgengine.store import Night, NightFacts, Store
from tests.engine.make import Row, plain_row, table_of
from tests.strategies import MS

DAY_NS = 86_400 * 10**9
FIRST = date(2026, 1, 1)


def start_ns(day: date) -> int:
    """Midnight UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 10**9


def requests(
    day: date, system: str, workload: str, *, count: int = 40, ttft_ms: float = 300, **more: Any
) -> list[Row]:
    """Requests of ten tokens, 20 ms apart, the first after about ``ttft_ms``."""
    rng = Random(f"{day}{system}{workload}")
    rows = []
    for k in range(count):
        first = round(ttft_ms * MS * rng.uniform(0.98, 1.02))
        row = plain_row(
            k,
            [first + i * 20 * MS for i in range(10)],
            run=f"{system}-{workload}",
            system=system,
            workload=workload,
            arrival_ns=start_ns(day) + k * 60 * 10**9,
            input_tokens=100,
        )
        rows.append(row | more)
    return rows


def commit(
    store: Store,
    day: date,
    rows: Sequence[Row] | pa.Table,
    *,
    job: str = "nightly",
    settings: SummarySettings | None = None,
    bounded: bool = True,
    dimensions: Sequence[str] = (),
    classes: pa.Table | None = None,
) -> None:
    """Measure the rows for the settings' reader and commit them as one night."""
    settings = settings or SummarySettings()
    pace = settings.reader.pace_ns
    table = rows if isinstance(rows, pa.Table) else table_of(rows, dimensions)
    first = f"{settings.reader.first_ns}ns"
    measured = sgengine.measure(table, speed=1e9 / pace, first_token=first)
    assert measured.rejects.num_rows == 0
    bounds = {"zone": "UTC", "from_ns": start_ns(day), "until_ns": start_ns(day) + DAY_NS}
    with store.stage(store.begin([Night(job, day)])) as staging:
        for batch in measured.requests.to_batches(max_chunksize=20_000):
            staging.write(batch, day)
        staging.gaps(measured.gaps, day)
        staging.runs(measured.runs, day)
        if classes is not None:
            staging.classes(classes)
        facts = NightFacts(
            settings_row=settings_row(settings), code_version="0", **(bounds if bounded else {})
        )
        store.commit(staging, facts)


def empty_store(folder: Path) -> Store:
    """A store without nights."""
    return Store.create(folder / "store")
