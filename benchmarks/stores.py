"""A results store: a night committed, other questions to its requests, and a year of nights opened.

``python -m benchmarks.stores ROOT N OUT`` commits a night of N requests in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import sgengine
from benchmarks.case import Budget, Case, Outcome
from benchmarks.sizes import Size
from benchmarks.timing import memory_mib
from benchmarks.workloads import Workload
from sgengine.aggregate import SummarySettings, settings_row
from sgengine.api import Measured, connect, measure
from sgengine.store import Night, NightFacts, Store
from sgengine.views import publish

FIRST_DAY = date(2026, 1, 1)
YEAR = 365
_JOB = "nightly"
_DAY_NS = 86_400 * 10**9
_NIGHT = Workload(name="night", requests=100_000)
_FEW = Workload(name="few", requests=16, tokens=20)

QUESTION: dict[str, Any] = {"speed": 20, "alpha": 2.5, "goodput": "pace:20 ttft:500ms"}
"""Another reader and SLO than the requests were measured with: every envelope is read, twice asked."""

ONE_DAY = {
    "by_night": "FROM by_night WHERE day = DATE '{day}'",
    "scored(20)": "FROM scored(20) WHERE day = DATE '{day}'",
    "itl_percentiles": "FROM itl_percentiles WHERE day = DATE '{day}'",
}


def cases(size: Size, folder: Path) -> Iterator[Case]:
    """The cases of one size: a night of ``size.envelopes`` requests, and a year (3 nights, if tiny)."""
    yield from night_cases(size.envelopes, folder)
    yield from year_cases(3 if size.is_tiny else YEAR, folder)


def night_cases(requests: int, folder: Path) -> Iterator[Case]:
    """A night of so many requests: its commit first, then what is asked of it."""
    timed = partial(Case, amount=requests, unit="requests")
    root = folder / "night"
    yield timed(
        name="store: commit a night",
        action=partial(committed, root, requests, folder / "night.json"),
        budgets=(Budget(text="1 GiB", ratio="peak", limit=1024),),
        repeats=0,
    )
    yield timed(
        name="store: figures for a new reader and SLO",
        action=lambda: sgengine.summarize(root, **QUESTION),
        budgets=_seconds(f"5 s for {requests / 1e6:g} M", 5.0),
    )
    yield timed(
        name="store: SQL macro smooth_goodput",
        action=partial(_asked, root, "FROM smooth_goodput(20, alpha := 2.5)"),
    )


def year_cases(nights: int, folder: Path) -> Iterator[Case]:
    """So many nights of 16 partitions: opening, and queries for one day of them."""
    root = folder / "year"
    fill(root, nights)
    timed = partial(Case, amount=nights, unit="nights", budgets=_seconds("0.3 s for a year", 0.3))
    yield timed(name=f"store: open {nights} nights", action=lambda: connect(root).close())
    con = connect(root)
    day = FIRST_DAY + timedelta(nights // 2)
    for name, query in ONE_DAY.items():
        ask: Callable[[], Any] = partial(con.sql, query.format(day=day))
        yield timed(name=f"store: one day of {name} among {nights} nights", action=ask)


def _seconds(text: str, limit: float) -> tuple[Budget, ...]:
    return (Budget(text=text, ratio="seconds", limit=limit),)


def _asked(root: Path, query: str) -> None:
    with connect(root) as con:
        con.sql(query)


def fill(root: Path, nights: int, at_once: int = 1) -> Store:
    """A store of so many nights of 16 partitions with a request each; ``at_once``: nights a commit."""
    store = Store.create(root)
    measured = measure(_labelled(_FEW.table(), 4, 4))
    for first in range(0, nights, at_once):
        commit(store, range(first, min(first + at_once, nights)), measured, 1)
    publish(store.snapshot())
    return store


def commit(store: Store, numbers: Sequence[int], measured: Measured, times: int) -> None:
    """Commit the measured rows, so many times over, as each of these nights, in one commit."""
    nights = {number: Night(_JOB, FIRST_DAY + timedelta(number)) for number in numbers}
    with store.stage(store.begin(list(nights.values()))) as staging:
        for number, night in nights.items():
            for batch in measured.requests.to_batches() * times:
                staging.write(_arriving(batch, number), night.day)
            staging.gaps(measured.gaps, night.day)
            staging.runs(measured.runs, night.day)
        first = _midnight_ns(min(nights))
        facts = NightFacts(
            settings_row=settings_row(SummarySettings()),
            code_version="0",
            zone="UTC",
            from_ns=first,
            until_ns=first + _DAY_NS,  # of several nights at once, too: each counts as a day
        )
        store.commit(staging, facts)


def _midnight_ns(number: int) -> int:
    first = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)
    return int(first.timestamp()) * 10**9 + number * _DAY_NS


def _arriving(batch: pa.RecordBatch, number: int) -> pa.RecordBatch:
    """The rows with arrivals of a night."""
    place = batch.schema.get_field_index("arrival_ns")
    times = batch.column(place).to_numpy()
    return batch.set_column(
        place, "arrival_ns", pa.array(times - times[0] + _midnight_ns(number), pa.int64())
    )


def _labelled(table: pa.Table, systems: int, workloads: int) -> pa.Table:
    """DELIVERIES with systems and workloads in turn: every pair of them."""
    rows = np.arange(table.num_rows)
    for name, codes in (("system", rows % systems), ("workload", rows // systems % workloads)):
        place = table.schema.get_field_index(name)
        names = [f"{name}-{code}" for code in range(int(codes.max()) + 1)]
        labels = pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), names)
        table = table.set_column(place, name, labels.cast(table.schema.field(place).type))
    return table


def committed(root: Path, requests: int, out: Path) -> Outcome:
    """A night of so many requests committed by another process: seconds and memory of the commit alone."""
    command = [sys.executable, "-m", "benchmarks.stores", str(root), str(requests), str(out)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[1])
    return Outcome(**json.loads(out.read_text("utf-8")))


def main() -> None:
    """Commit the night: some requests of 200 tokens, in ten partitions, again and again."""
    root, requests, out = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    few = replace(_NIGHT, requests=min(requests, _NIGHT.requests))
    measured = measure(_labelled(few.table(), 2, 5))
    store = Store.create(root)
    start = time.perf_counter()
    commit(store, range(1), measured, requests // few.requests)
    publish(store.snapshot())
    found = {"seconds": time.perf_counter() - start, "peak_mib": memory_mib("VmHWM")}
    out.write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    main()
