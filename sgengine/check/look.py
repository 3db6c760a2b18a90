"""The unit of work: one partition looked at, and what is kept of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.aggregate import Activity, group_rows
from sgengine.aggregate.table import OK, status_codes
from sgengine.aggregate.windows import flights
from sgengine.analyze import AnalyzeSettings, Part, read_part
from sgengine.analyze.rejects import rejected_in
from sgengine.check.evidence import FIRST, Evidence, Histogram, RunEvidence
from sgengine.check.keys import Keys
from sgengine.compute import Measured, MeasureSettings, compute, itl_histogram
from sgengine.compute.ragged import int64s
from sgengine.errors import SgengineError
from sgengine.executors import Stop
from sgengine.kernels.histogram import N_BUCKETS, count_samples
from sgengine.readers import Batch
from sgengine.schema import REQUESTS

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LABELS = ("clock", "origin", "timing", "status")

_SLIM = MeasureSettings(envelopes=False, smoothness=False, gaps=False)


@dataclass(frozen=True, kw_only=True)
class Look:
    """Looks at partitions; a source that turns out to be damaged is evidence, not an error."""

    settings: AnalyzeSettings

    def empty(self) -> Evidence:
        """What has seen nothing yet."""
        share = self.settings.share_bytes // 2
        return Evidence(
            activity=Activity(in_flight=True, limit_bytes=share), keys=Keys(limit_bytes=share)
        )

    def __call__(self, partition: Part, stop: Stop) -> Evidence:
        """What is seen in one partition, a batch at a time."""
        found = self.empty()
        source = partition.source.path
        try:
            for batch in read_part(partition):
                stop.check()
                self._take(batch, source, found)
        except SgengineError as error:
            found.failures[source] = str(error)
        return found

    def _take(self, batch: Batch, source: str, found: Evidence) -> None:
        measured = compute(batch.deliveries, _SLIM)
        for reject in rejected_in(batch, measured, source):
            found.rejects[reject.source, reject.run, reject.reason] += reject.count
            found.places.setdefault(
                reject.reason, (reject.source, reject.run, reject.place, reject.detail)
            )
        for remark in batch.remarks:
            found.remarks[source, remark.run, remark.text] += remark.count
        found.rows += int(batch.weight(measured.kept).sum())
        requests = measured.requests
        if requests.num_rows == 0:
            return
        found.activity.add(requests)
        found.keys.add(requests)
        found.gaps.setdefault(source, Histogram()).add(_gaps(measured))
        requests = requests.select(
            [name for name in requests.schema.names if name in REQUESTS.names]
        )
        runs, codes = group_rows(requests, ("run",))
        for i, (run,) in enumerate(runs):
            rows = pa.array(np.flatnonzero(codes == i))
            part = requests if len(runs) == 1 else requests.take(rows)
            found.runs.setdefault((source, str(run)), RunEvidence()).merge(run_evidence(part))


def _gaps(measured: Measured) -> Int64s:
    codes = np.zeros(measured.kept.size, dtype=np.int64)
    counts: Int64s = itl_histogram(measured, "chunk", codes, 1)[0]
    return counts


def run_evidence(requests: pa.RecordBatch) -> RunEvidence:
    """What some REQUESTS rows of one run show, in the order of the rows."""
    found = RunEvidence()
    ids = requests.column("request_id")
    for name, holds in _facts(requests).items():
        rows = np.flatnonzero(holds)
        if rows.size:
            found.counts[name] = rows.size
            found.examples[name] = str(ids[int(rows[0])])
    found.counts["chunks"], found.counts["tokens"] = _chunks(requests)
    for name in LABELS:
        counts = requests.column(name).cast(pa.string()).value_counts().to_pylist()
        found.labels[name] = Counter({str(c["values"]): c["counts"] for c in counts})
    ttft = int64s(requests.column("ttft_ns"))
    _add_ttft(found, ttft)
    _add_arrivals(found, requests, ttft)
    return found


def _facts(requests: pa.RecordBatch) -> dict[str, Bools]:
    """What may hold of a row, by name, (R,) bool each."""
    status = status_codes(requests.column("status"))
    n, ttft, last = (
        int64s(requests.column(name)) for name in ("n_output_tokens", "ttft_ns", "e2e_latency_ns")
    )
    end, last_chunk = int64s(requests.column("end_ns")), int64s(requests.column("last_chunk_ns"))
    deficit = int64s(requests.column("token_deficit"), 0)
    several = (n >= 2) & (ttft >= 0) & (last >= 0)
    timing = requests.column("timing").cast(pa.string()).to_numpy(zero_copy_only=False)
    output = (n > 0) | ((n < 0) & (status == OK))
    bare = {f"timing_{t}": output & (timing == t) for t in ("none", "mean", "first_last", "split")}
    return bare | {
        "rows": np.ones(n.size, dtype=np.bool_),
        "output": output,
        "has_ttft": ttft >= 0,
        "zero_ttft": ttft == 0,
        "several": several,
        "buffered": several & (last == ttft),
        "end_before_last_chunk": (end >= 0) & (end < last_chunk),
        "token_deficit": deficit > 0,
        "token_surplus": deficit < 0,
        "unfinished": status != OK,
        "ok_without_output": (status == OK) & (n == 0),
        "no_arrivals": requests.column("arrival_ns").is_null().to_numpy(zero_copy_only=False),
    }


def _chunks(requests: pa.RecordBatch) -> tuple[int, int]:
    """Chunks and tokens of the rows where both are known and there is a token (METRICS 5)."""
    n, chunks = int64s(requests.column("n_output_tokens")), int64s(requests.column("n_chunks"))
    known = (n > 0) & (chunks >= 0)
    return int(chunks[known].sum()), int(n[known].sum())


def _add_ttft(found: RunEvidence, ttft: Int64s) -> None:
    known = ttft[ttft >= 0]
    counts = np.zeros((1, N_BUCKETS), dtype=np.int64)
    count_samples(known.astype(np.float64), np.zeros(known.size, dtype=np.int64), counts)
    found.ttft.add(counts[0])


def _add_arrivals(found: RunEvidence, requests: pa.RecordBatch, ttft: Int64s) -> None:
    starts, ends = flights(requests)
    if starts.size == 0:
        return
    found.longest_ns = int((ends - starts).max())
    found.first_row_ns, found.previous_ns = int(starts[0]), int(starts[-1])
    found.last_arrival_ns = int(starts.max())
    steps = starts[:-1] - starts[1:]
    found.step_back(steps[steps > 0].tolist())
    ttft = ttft[requests.column("arrival_ns").is_valid().to_numpy(zero_copy_only=False)]
    known = ttft >= 0
    first = np.argsort(starts[known], kind="stable")[:FIRST]
    found.earliest = sorted(
        zip(starts[known][first].tolist(), ttft[known][first].tolist(), strict=True)
    )
