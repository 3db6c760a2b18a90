"""What is timed of a results store: other questions to stored requests, a year of nights, a commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.workloads import Workload
from sgengine.aggregate import SummarySettings, settings_row
from sgengine.api import Measured, measure
from sgengine.store import Night, NightFacts, Store
from sgengine.views import publish

FIRST_DAY = date(2026, 1, 1)
_DAY_NS = 86_400 * 10**9
_JOB = "nightly"


def night_ns(number: int) -> int:
    """Midnight, UTC, at which night ``number`` begins, in ns since the epoch."""
    begins = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)
    return int(begins.timestamp()) * 10**9 + number * _DAY_NS


def labelled(table: pa.Table, systems: int, workloads: int) -> pa.Table:
    """DELIVERIES or REQUESTS with systems and workloads in turn, so that all pairs come up."""
    rows = np.arange(table.num_rows)
    for name, codes in (("system", rows % systems), ("workload", rows // systems % workloads)):
        texts = [f"{name}-{i}" for i in range(codes.max(initial=0) + 1)]
        labels = pa.DictionaryArray.from_arrays(codes.astype(np.int32), pa.array(texts))
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(place), labels.cast(table.schema.field(place).type))
    return table


def commit(store: Store, measured: Measured, numbers: Sequence[int], times: int = 1) -> None:
    """Commit ``measured`` as each of these nights, all in one commit; ``times``: so often over."""
    nights = [Night(_JOB, FIRST_DAY + timedelta(number)) for number in numbers]
    with store.stage(store.begin(nights)) as staging:
        for night, number in zip(nights, numbers, strict=True):
            for batch in measured.requests.to_batches() * times:
                staging.write(batch, night.day)
            staging.gaps(measured.gaps, night.day)
            staging.runs(measured.runs, night.day)
        facts = NightFacts(settings_row=settings_row(SummarySettings()), code_version="0", zone="UTC", from_ns=night_ns(numbers[0]), until_ns=night_ns(numbers[0] + 1))
        store.commit(staging, facts)


def year(root: Path, nights: int = 365, at_once: int = 1) -> Store:
    store = Store.create(root)
    trace = labelled(Workload(name="night", requests=16, tokens=20).table(), 4, 4)
    measured = measure(trace)
    for first in range(0, nights, at_once):
        commit(store, measured, range(first, min(first + at_once, nights)))
    publish(store.snapshot())
    return store
