"""The sample: every system under every workload as DELIVERIES tables, and two clients' own files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sgengine.errors import UsageError
from sgengine.sample.clients import aiperf_lines, vllm_document
from sgengine.sample.jobs import Job
from sgengine.sample.policies import SYSTEMS, System
from sgengine.sample.serving import serve
from sgengine.sample.workloads import CHAT, SECOND, WORKLOADS, Workload
from sgengine.schema import DELIVERIES, LABEL

SEED = 20_260_302

_SCHEMA = pa.schema(
    [
        *DELIVERIES.schema(),
        pa.field("model", LABEL, metadata={"doc": "The model served."}),
        pa.field("tenant", LABEL, metadata={"doc": "Whose request it is."}),
    ]
)
"""DELIVERIES, and two dimensions to slice by."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One workload served by one system."""

    system: System
    workload: Workload
    jobs: Sequence[Job]

    @property
    def name(self) -> str:
        """The run's name, the same each time."""
        return f"{self.workload.name}-{self.system.name}"


def sample_deliveries(seed: int = SEED) -> dict[str, pa.Table]:
    """Make the sample: a DELIVERIES table for each system, by the name of its file.

    The same seed gives the same tables on every platform: all arithmetic is on whole numbers.
    """
    return {f"{system.name}.parquet": _table(system, seed) for system in SYSTEMS}


def sample_texts(seed: int = SEED) -> dict[str, str]:
    """Make what two benchmark clients would have written of a short chat run, by file name."""
    short = replace(CHAT, requests=31, seed=3, breaks_per_million=80_000, drain_ns=60 * SECOND)
    stays = replace(short, leaves_per_million=0)  # this client cancels nothing
    prefill_first, chunked_prefill = SYSTEMS[:2]
    return {
        "vllm-bench-serve.json": vllm_document(stays, serve(prefill_first, stays, seed)),
        "profile_export.jsonl": aiperf_lines(short, serve(chunked_prefill, short, seed)),
    }


def write_sample(folder: Path | str) -> list[Path]:
    """Write the sample into ``folder``, made if needed; return the files written.

    Raises
    ------
    UsageError
        The folder cannot be made or written to.
    """
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        return list(_written(target))
    except OSError as error:
        raise UsageError(f"cannot write the sample to {folder}: {error.strerror}") from error


def _written(folder: Path) -> Iterator[Path]:
    for name, table in sample_deliveries().items():
        pq.write_table(
            table,
            folder / name,
            compression="zstd",
            use_dictionary=[f.name for f in table.schema if f.type == LABEL],
            column_encoding={"chunk_times_ns.list.element": "DELTA_BINARY_PACKED"},
        )
        yield folder / name
    for name, text in sample_texts().items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
        yield folder / name


def _table(system: System, seed: int) -> pa.Table:
    rows = []
    for workload in WORKLOADS:
        run = Run(system=system, workload=workload, jobs=serve(system, workload, seed))
        rows += [_row(run, job) for job in run.jobs]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _row(run: Run, job: Job) -> dict[str, object]:
    return {
        "run": run.name,
        "request_id": job.call.request_id,
        "system": run.system.name,
        "workload": run.workload.name,
        "clock": "unix",
        "origin": run.workload.origin,
        "timing": "chunk" if run.system.drafts else "token",
        "status": job.status,
        "error": job.error,
        "arrival_ns": run.workload.start_ns + job.call.arrival_ns,
        "end_ns": job.end_ns,
        "chunk_times_ns": [at_ns for at_ns, _ in job.chunks],
        "chunk_tokens": [tokens for _, tokens in job.chunks],
        "input_tokens": job.call.prompt_tokens,
        "output_tokens": job.made if job.status == "ok" else None,
        "model": run.workload.model,
        "tenant": job.call.tenant,
    }
