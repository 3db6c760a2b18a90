"""Simulations of systems under demands: as tables, or as a file of deliveries to analyse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from os import PathLike, fspath
from os.path import realpath
from typing import Any

import pyarrow as pa

from sgengine.analyze.sinks import ParquetSink
from sgengine.api.loads import Demand
from sgengine.errors import UsageError
from sgengine.schema import DELIVERIES, LABEL
from sgengine.simulate.cost import CostModel
from sgengine.simulate.run import Simulated, simulate
from sgengine.simulate.systems import System

Progress = Callable[[int, int], None]

_BATCH_BYTES = 4 << 20

_REPEATED = (
    *(column.name for column in DELIVERIES.columns if column.type == LABEL),
    *("request_rate", "model", "hardware", "seed"),
)
_PARAMETERS = ("system", "workload", "request_rate", "model", "hardware", "seed")
_PACKED = {
    "use_dictionary": list(_REPEATED),
    "column_encoding": {"chunk_times_ns.list.element": "DELTA_BINARY_PACKED"},
}


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """What to simulate: a run for each system, rate and seed; every system meets the same loads.

    ``jitter``: the share by which an iteration may take longer, uniform by the seed.
    """

    systems: tuple[System, ...]
    demand: Demand
    cost: CostModel
    jitter: float = 0.0

    def __post_init__(self) -> None:
        names = [system.name for system in self.systems]
        if not names or len(set(names)) < len(names):
            raise UsageError(
                f"systems are {', '.join(names) or 'none'}: give each once, at least one"
            )

    @property
    def count(self) -> int:
        """How many runs there are."""
        demand = self.demand
        return len(self.systems) * max(1, len(demand.rates)) * len(demand.seeds)

    def runs(self) -> Iterator[Simulated]:
        """Simulate one run after the other: load by load, system by system."""
        for load, seed in self.demand.loads():
            for system in self.systems:
                yield simulate(system, load, self.cost, seed, jitter=self.jitter)


def write_simulation(
    path: str | PathLike[str], simulation: Simulation, progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Simulate, and write the deliveries of all runs to one Parquet file; return what each run was.

    The file appears when all runs are in it, or not at all; one run is in memory at a time. A run is
    told by the columns run, system, workload, request_rate and seed. Raises UsageError for a path or
    a demand that cannot be, and for a path of a trace that is read.
    """
    if realpath(path) in map(realpath, simulation.demand.files):
        raise UsageError(f"the output is '{fspath(path)}', which is an input: give another file")
    facts: list[dict[str, Any]] = []
    with ParquetSink(fspath(path), what="the output", **_PACKED) as sink:
        for run in simulation.runs():
            for batch in _batches(run.deliveries):
                sink.write(batch)
            facts.append(facts_of(run))
            if progress is not None:
                progress(len(facts), simulation.count)
    return facts


def _batches(table: pa.Table) -> list[pa.RecordBatch]:
    """The rows of a run in batches of about ``_BATCH_BYTES``."""
    rows = max(1, table.num_rows * _BATCH_BYTES // max(table.nbytes, 1))
    batches: list[pa.RecordBatch] = table.to_batches(max_chunksize=rows)
    return batches


def facts_of(run: Simulated) -> dict[str, Any]:
    """What a run was and what happened in it, as plain values: its parameters, then its facts."""
    first = run.deliveries.slice(0, 1)
    named = {name: first[name][0].as_py() for name in ("run", *_PARAMETERS)}
    counts = run.deliveries["status"].value_counts().to_pylist()
    statuses = {count["values"]: count["counts"] for count in counts}
    return named | {"status": statuses} | asdict(run.facts)
