"""A group's figures as one row of plain values: what a table or a CSV line holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sgengine.aggregate.distribution import STATISTICS

LATENCIES = ("ttft_ms", "tpot_ms", "itl_ms", "e2e_latency_ms", "user_idle_latency_ms")

APPROXIMATE = "itl_approx_ms"
"""What stands beside ``itl_ms`` where only a histogram of the samples is left."""


def flat_group(group: Mapping[str, Any]) -> dict[str, Any]:
    """One row of plain values: what a group's figures are in a table, as in CSV.

    Latencies are in ms, ``ttft_p99_ms`` and so on, with their counts, ``n_ttft``; statuses are counts,
    ``n_ok``. What is approximate says so: ``itl_p99_approx_ms``.
    """
    row: dict[str, Any] = {}
    for name, value in group.items():
        if name == "status":
            row |= {f"n_{status}": count for status, count in value.items()}
        elif name in LATENCIES:
            stem = name.removesuffix("_ms")
            row[f"n_{stem}"] = value["count"]
            row |= {f"{stem}_{part}_ms": value[part] for part in STATISTICS}
        elif name == APPROXIMATE:
            row |= {f"itl_{part}_approx_ms": value[part] for part in STATISTICS}
        else:
            row[name] = value
    return row
