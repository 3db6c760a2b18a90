"""The same requests given to the clients' own metric code, called as libraries, and to the engine.

Objects that a client's code works on are built before its clock starts, as the engine's Arrow table is;
figures are compared before they are timed, by the client's own definition of each.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.case import Budget, Case, Outcome, missing
from benchmarks.environment import CLIENTS, NOT_MADE, python, reasons
from benchmarks.kernels import FAMILIES
from benchmarks.sizes import Size
from benchmarks.threads import WORKERS
from benchmarks.workloads import Workload
from sgengine.analyze import AnalyzeSettings, analyze_table
from sgengine.executors import Threads

OURS = "clients' figures: sgengine"
_DRIVER = Path(__file__).parent / "peers" / "drive.py"
_CALLS = {"bench": 2, "full": 4}
"""Calls of a client's code, the first of which stands apart: GuideLLM takes seconds for one."""


def cases(size: Size, folder: Path) -> Iterator[Case]:
    """The engine, then each client; those that are not installed say why."""
    table = Workload(name="clients", requests=size.clients).table()
    faults = dict.fromkeys(CLIENTS, NOT_MADE) if size.is_tiny else reasons(install=size.is_full)
    callable_ones = [name for name in CLIENTS if not faults[name]]
    names = {name: f"clients' figures: {pin.replace('==', ' ')}" for name, pin in CLIENTS.items()}
    yield Case(
        name=OURS,
        amount=table.num_rows,
        unit="requests",
        action=partial(analyzed, table),
        budgets=tuple(
            Budget(
                text=f"100 x {CLIENTS[name].partition('==')[0]}",
                ratio="faster",
                limit=100,
                of=(names[name],),
            )
            for name in CLIENTS
        ),
    )
    path = folder / "clients.json"
    if callable_ones:
        path.write_text(json.dumps(_requests(table)), "utf-8")
        expected = figures(table)
    for name in CLIENTS:
        if faults[name]:
            yield missing(names[name], faults[name])
            continue
        found = _driven(name, path, _CALLS[size.name])
        if isinstance(found, str):
            yield missing(names[name], found)
            continue
        _check_equal(name, found["figures"], expected)
        yield Case(
            name=names[name],
            amount=table.num_rows,
            unit="requests",
            action=partial(_told, iter(found["seconds"]), found["peak_mib"]),
            repeats=len(found["seconds"]) - 1,
            against=OURS,
        )


def analyzed(table: pa.Table) -> dict[str, object]:
    """All that ``analyze`` prints of deliveries in memory."""
    slim = FAMILIES["REQUESTS without envelopes and smoothness"]
    settings = AnalyzeSettings(measure=slim, executor=Threads(workers=WORKERS))
    (group,) = analyze_table(table, settings).groups
    return group


def figures(table: pa.Table) -> dict[str, float]:
    """What the clients are held to, in ms."""
    group: dict[str, Any] = analyzed(table)
    return {
        "ttft_mean": group["ttft_ms"]["mean"],
        "ttft_p99": group["ttft_ms"]["p99"],
        "ttft_max": group["ttft_ms"]["max"],
        "e2e_mean": group["e2e_latency_ms"]["mean"],
        "tpot_mean": group["tpot_ms"]["mean"],
        "itl_mean": group["itl_ms"]["mean"],
        "itl_p99": group["itl_ms"]["p99"],
    }


def _requests(table: pa.Table) -> list[dict[str, Any]]:
    names = {
        "request_id": "id",
        "arrival_ns": "arrival_ns",
        "chunk_times_ns": "times_ns",
        "input_tokens": "input_tokens",
    }
    return table.select(list(names)).rename_columns(list(names.values())).to_pylist()


def _driven(name: str, path: Path, calls: int) -> dict[str, Any] | str:
    """Figures, seconds and memory of a client's calls; or why there are none, on one line."""
    command = [str(python()), str(_DRIVER), name, str(path), str(calls)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=path.parent)
    if done.returncode != 0:
        return f"its code fails here: {(done.stderr.splitlines() or ['it says nothing'])[-1][:200]}"
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _check_equal(name: str, found: dict[str, float], expected: dict[str, float]) -> None:
    # their times are doubles in seconds: those since the epoch hold a quarter of a microsecond
    for figure, value in found.items():
        close = np.isclose(value, expected[figure], rtol=1e-9, atol=1e-3)
        assert close, f"{name}: {figure} is {value}, ours {expected[figure]}"


def _told(seconds: Iterator[float], peak_mib: float) -> Outcome:
    return Outcome(seconds=next(seconds), peak_mib=peak_mib)
