"""The final state of a simulation as Arrow tables: deliveries, and the log of iterations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sgengine.kernels.grouping import close_up
from sgengine.kernels.simulation_state import DONE, LOST, NEVER, REFUSED, TOO_LONG, State
from sgengine.schema import DELIVERIES
from sgengine.simulate.cost import CostModel
from sgengine.simulate.load import Load
from sgengine.simulate.systems import System

_STATUSES = {DONE: "ok", LOST: "cancelled", REFUSED: "rejected", TOO_LONG: "rejected"}
_ERRORS = {
    LOST: "abandoned at a missed deadline",
    REFUSED: "turned away: too much to do",
    TOO_LONG: "turned away: longer than the memory",
}
_LOG_NAMES = (
    "replica",
    "start_ns",
    "end_ns",
    "prefill_tokens",
    "decode_tokens",
    "kv_tokens",
    "running",
    "queued",
)


def deliveries_of(
    state: State, system: System, load: Load, cost: CostModel, seed: int, run: str | None
) -> pa.Table:
    """DELIVERIES, a row a request in the load's order, and the run's parameters as dimensions."""
    n = load.requests
    rate = load.offered_rate
    name = run or _run_name(system, load, cost, seed)
    own = {
        "run": _label(name, n),
        "system": _label(system.name, n),
        "workload": _label(load.name, n),
        "clock": _label("monotonic", n),
        "origin": _label("scheduled", n),
        "timing": _label("token", n),
        **_requests(state),
    }
    columns = {c.name: own.get(c.name, pa.nulls(n, c.type)) for c in DELIVERIES.columns}
    columns |= {
        "request_rate": pa.array(np.full(n, rate)) if rate else pa.nulls(n, pa.float64()),
        "model": _label(cost.model.name, n),
        "hardware": _label(cost.hardware.name, n),
        "seed": pa.array(np.full(n, seed, np.int64)),
        "session": pa.array(load.session),
        "turn": pa.array(load.turn),
        **_service(state),
    }
    fields = {c.name: c.field() for c in DELIVERIES.columns}
    schema = pa.schema([fields.get(k, pa.field(k, v.type)) for k, v in columns.items()])
    return pa.table(columns, schema=schema)


def _run_name(system: System, load: Load, cost: CostModel, seed: int) -> str:
    rate = f" at {load.offered_rate:g}/s" if load.offered_rate else ""
    return f"{system.name}, {load.name}{rate}, {cost.name}, seed {seed}"


def _label(value: str, n: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([value]))


def _requests(state: State) -> dict[str, pa.Array]:
    q = state.q
    n = q.end.size
    made = q.cursor - q.start
    texts = pa.array([_ERRORS.get(code) for code in range(TOO_LONG + 1)])
    return {
        "request_id": pa.array(np.arange(n)).cast(pa.string()),
        "status": _statuses(q.status),
        "error": texts.take(pa.array(q.status)),
        "arrival_ns": pa.array(q.arrival),
        "end_ns": pa.array(q.end - q.arrival),
        "chunk_times_ns": _times(state, made),
        "input_tokens": pa.array(q.input.astype(np.int32)),
        "output_tokens": pa.array(made.astype(np.int32), mask=q.status != DONE),
    }


def _statuses(codes: Any) -> pa.Array:
    """Labels; two codes are one status, and a dictionary holds a value once."""
    names = sorted(set(_STATUSES.values()))
    place = np.zeros(TOO_LONG + 1, np.int32)
    for code, name in _STATUSES.items():
        place[code] = names.index(name)
    return pa.DictionaryArray.from_arrays(pa.array(place[codes]), pa.array(names))


def _times(state: State, made: Any) -> pa.Array:
    """The times of each request's tokens, those that were never made left out."""
    offsets = np.empty(made.size + 1, np.int64)
    close_up(np.ascontiguousarray(state.q.start), made, state.times, np.empty(0, np.int32), offsets)
    values = pa.array(state.times[: offsets[-1]])
    kind = DELIVERIES.column("chunk_times_ns").type
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values, type=kind)


def _service(state: State) -> dict[str, pa.Array]:
    """How each request was served; ``queue_ns``: to its first iteration, NULL if it had none."""
    q = state.q
    waited = np.where(q.begun == NEVER, 0, q.begun - q.arrival)
    return {
        "replica": pa.array(q.place.astype(np.int32), mask=q.place < 0),
        "n_preemptions": pa.array(q.preemptions.astype(np.int32)),
        "n_migrations": pa.array(q.migrations.astype(np.int32)),
        "queue_ns": pa.array(waited, mask=q.begun == NEVER),
    }


def iterations_of(pieces: Sequence[Any]) -> pa.Table:
    """The log: replica, start and end, tokens computed, and memory and requests at the start."""
    rows = np.concatenate(pieces)
    return pa.table({name: pa.array(rows[:, i].copy()) for i, name in enumerate(_LOG_NAMES)})
