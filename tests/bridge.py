"""The reference's readers, clauses, benefits and rows as the engine's values, and back."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa

from sgengine import objectives
from sgengine.objectives import Reader, Slo
from tests import strategies as ours
from tests.reference import itl, settle_sizes
from tests.reference_slo import NS_PER_S, Benefit, Clause, Row

ENVELOPES = ("envelope", "envelope_min", "envelope_max")


def reader_of(times: tuple[int, int], *, skip_first: bool = False) -> Reader:
    """The engine's reader of (d_1, V)."""
    return Reader(first_ns=times[0], pace_ns=times[1], skip_first=skip_first)


def benefit_of(spec: Benefit, unfinished_ns: int = 0) -> objectives.Benefit:
    """The engine's benefit function of the reference's; alphas here are exact as doubles."""
    tau = None if spec.tau_s is None else int(spec.tau_s * NS_PER_S)
    return objectives.Benefit(
        penalty=spec.shape, alpha=float(spec.alpha), tau_ns=tau, unfinished_idle_ns=unfinished_ns
    )


def slo_of(clauses: Sequence[Clause]) -> Slo | None:
    """The engine's SLO of clauses of different kinds; None for none."""
    given: dict[str, Any] = {}
    for clause in clauses:
        if clause.kind == "pace":
            given["pace"] = reader_of(clause.reader)
        elif clause.kind == "tokens":
            share = Decimal(clause.share.numerator) / Decimal(clause.share.denominator)
            given |= {"tokens_share": share, "tokens_reader": reader_of(clause.reader)}
        else:
            given[f"{clause.kind}_ns"] = clause.limit_ns
    return Slo(**given) if given else None


def batch_of(rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
    """The DELIVERIES rows as one batch."""
    table = ours.deliveries_table(rows).combine_chunks()
    return table.to_batches()[0] if rows else pa.RecordBatch.from_pylist([], table.schema)


def request_rows(requests: pa.RecordBatch | pa.Table) -> list[dict[str, Any]]:
    """REQUESTS rows as dicts, envelopes as lists of pairs."""
    rows: list[dict[str, Any]] = requests.to_pylist()
    for row in rows:
        for name in ENVELOPES:
            if row.get(name) is not None:
                row[name] = [(vertex["token"], vertex["time_ns"]) for vertex in row[name]]
    return rows


def itl_of(row: Row, rule: str) -> list[Fraction]:
    """The reference's ITL samples of one DELIVERIES row."""
    times = row["chunk_times_ns"]
    if times is None:
        return []
    sizes = settle_sizes(times, row["chunk_tokens"], row["output_tokens"])[1]
    return itl(times, sizes, rule)
