"""The usual lines of an AIPerf export as columns of DELIVERIES, without an object each.

Usual are lines of requests that went well, with the kinds of numbers that AIPerf writes: what
``aiperf_rows.row`` makes of each is made here of all at once. Of other lines, that function decides.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sgengine.kernels import numbers
from sgengine.kernels.json_values import LIST, NUMBER, OBJECT, PLAIN, WHOLE
from sgengine.readers import arrays
from sgengine.readers.aiperf_rows import UNITS, Record
from sgengine.readers.aiperf_scan import GAPS, OUTPUTS, PHASES, VALUES, warm
from sgengine.readers.base import Partition
from sgengine.readers.json_shape import Found, Shape, shape_of
from sgengine.readers.seconds import POWERS

_INT32_MAX = 2**31 - 1
_FAR = 2**61
"""Two moments between 0 and this are less than 2^62 ns apart; it is in the year 2043."""

_FIRSTS = ("metrics.time_to_first_token", "metrics.ttft")
_VISIBLE = "metrics.time_to_first_output_token"
_INPUTS = ("metrics.usage_prompt_tokens.value", "metrics.input_sequence_length.value")
_REASONING = ("metrics.reasoning_token_count.value",)
_SENT = ("metadata.request_start_ns", "metadata.timestamp_ns")
_SCHEDULED = ("metadata.credit_issued_ns",)
_END = ("metadata.request_end_ns",)


class Usual(NamedTuple):
    """The usual lines among some: which (indices), and their columns."""

    rows: np.ndarray
    columns: pa.RecordBatch


def shape(gaps: int) -> Shape:
    """What of a line matters. ``gaps``: LATER or LIST, whether their list is left to be looked into."""
    units = (f"{path}.unit" for path in (*_FIRSTS, GAPS, _VISIBLE))
    plain = dict.fromkeys((*units, *PHASES), PLAIN)
    return shape_of(Record, {VALUES: gaps, **plain})


def usual(found: Found, lines: np.ndarray, partition: Partition) -> Usual:
    """The usual lines among these, whose numbers in the file are ``lines`` (int64)."""
    rows = np.flatnonzero(found.sure & ~warm(found) & ~_failed(found))
    cells = _cells(found.rows(rows), partition.origin)
    is_usual = ~np.logical_or.reduce([cell.odd for cell in cells.values()])
    rows = rows[is_usual]
    cells = {name: cell.rows(is_usual) for name, cell in cells.items()}
    some = found.rows(rows)
    times = _times(some, cells)
    made = pa.RecordBatch.from_pydict(_columns(some, lines[rows], cells, times, partition))
    if times.sure.all():
        return Usual(rows, made)
    return Usual(rows[times.sure], made.filter(pa.array(times.sure)))


def _failed(found: Found) -> np.ndarray:
    """Lines of requests that failed, or were cancelled: true has four letters."""
    starts, stops = found.places("metadata.was_cancelled")
    failed: np.ndarray = found.has("error", OBJECT) | (stops - starts == len("true"))
    return failed


class _Cells(NamedTuple):
    """A number a line (int64): where it is known, and where the line is not usual for it."""

    values: np.ndarray
    known: np.ndarray
    odd: np.ndarray

    def rows(self, chosen: np.ndarray) -> _Cells:
        """Those of some lines."""
        return _Cells(self.values[chosen], self.known[chosen], self.odd[chosen])

    def array(self, kind: pa.DataType) -> pa.Array:
        """A column, null where unknown."""
        return pa.array(self.values, pa.int64(), mask=~self.known).cast(kind)

    def since(self, arrival: _Cells) -> _Cells:
        """Ns from arrival to these moments, known where both are."""
        return _Cells(self.values - arrival.values, self.known & arrival.known, self.odd)

    def plus(self, delay: np.ndarray) -> _Cells:
        """Moved by so many ns a line."""
        return _Cells(self.values + delay, self.known, self.odd)


def _cells(found: Found, origin: str) -> dict[str, _Cells]:
    """The numbers of lines, times in ns since arrival, and the powers of ten that their units are."""
    sent = _first_of(found, _SENT, 0, _FAR)
    arrival = _first_of(found, _SCHEDULED, 0, _FAR) if origin == "scheduled" else sent
    # Times of the file count from the send: without it, they cannot be brought to arrival.
    delay = np.where(arrival.known, sent.values - arrival.values, 0)
    lost = _Cells(delay, sent.known, sent.odd | (arrival.known & ~sent.known))
    first, powers = _first(found)
    return {
        "arrival": arrival,
        "end": _first_of(found, _END, 0, _FAR).since(arrival),
        "lost": lost,
        "first": first.plus(delay),
        "powers": powers,
        "visible": _decimals(found, _VISIBLE, _powers(found, _VISIBLE)).plus(delay),
        "input": _tokens(found, _INPUTS),
        "output": _tokens(found, OUTPUTS),
        "reasoning": _tokens(found, _REASONING),
    }


def _first_of(found: Found, paths: tuple[str, ...], least: int, most: int) -> _Cells:
    """The first of these members that has a value; whole numbers from ``least`` to ``most`` are usual."""
    values = np.zeros(len(found), dtype=np.int64)
    known, odd = np.zeros((2, len(found)), dtype=np.bool_)
    for path in paths:
        is_next = ~known & found.has(path, WHOLE | NUMBER)
        is_whole = is_next & found.has(path, WHOLE)
        values[is_whole] = found.numbers(path)[is_whole]
        odd |= is_next & ~is_whole
        known |= is_next
    outside = (values < least) | (values > most)
    # So that no difference leaves int64 before its line is left out.
    return _Cells(np.where(outside, 0, values), known, odd | outside)


def _tokens(found: Found, paths: tuple[str, ...]) -> _Cells:
    return _first_of(found, paths, -_INT32_MAX, _INT32_MAX)


def _first(found: Found) -> tuple[_Cells, _Cells]:
    """The first token's time since the send, and the power of ten that its unit and that of gaps is."""
    usual_powers, old_powers = (_powers(found, metric) for metric in _FIRSTS)
    is_old = ~found.has(_FIRSTS[0], OBJECT)
    powers = np.where(is_old, old_powers, usual_powers)
    usual, old = (_decimals(found, metric, powers) for metric in _FIRSTS)
    values, known = (np.where(is_old, b, a) for a, b in zip(usual[:2], old[:2], strict=True))
    odd = np.where(is_old, old.odd, usual.odd) | ~known
    has_gaps = found.has(GAPS, OBJECT)
    other = has_gaps & (~found.has(VALUES, LIST) | (_powers(found, GAPS) != powers))
    return _Cells(values, known, odd), _Cells(powers, known, other)


def _powers(found: Found, metric: str) -> np.ndarray:
    """The power of ten of ns that the metric's unit is (int64), -1 for an unknown one."""
    powers = np.full(len(found), -1, dtype=np.int64)
    for name, unit in UNITS.items():
        powers[found.equal(f"{metric}.unit", name)] = POWERS[unit]
    return powers


def _decimals(found: Found, metric: str, powers: np.ndarray) -> _Cells:
    """A time of 10^``powers`` ns; it is odd if its unit is, or if only doubles can tell it."""
    starts, stops = found.places(f"{metric}.value")
    values, known = np.zeros(len(found), dtype=np.int64), starts >= 0
    able = np.flatnonzero(known & (powers >= 0))
    out = np.empty(len(able), dtype=np.int64)
    numbers.decimals(found.text, starts[able], stops[able], powers[able], out)
    values[able] = np.where(out == numbers.UNKNOWN, 0, out)
    odd = known & (powers < 0)
    odd[able] |= out == numbers.UNKNOWN
    return _Cells(values, known, odd)


class _Times(NamedTuple):
    """Chunk times one line behind another, where those of each begin and end, and which lines are sure."""

    values: np.ndarray
    offsets: np.ndarray
    sure: np.ndarray


def _times(found: Found, cells: dict[str, _Cells]) -> _Times:
    starts, stops = found.places(VALUES)
    # A number and its comma are two bytes at the least; the first time is another one.
    out = np.empty((stops - starts).sum() // 2 + 2 * len(found), dtype=np.int64)
    ends = np.empty(len(found), dtype=np.int64)
    first, powers = cells["first"].values, cells["powers"].values
    numbers.running_sums(found.text, starts, stops, first, powers, out, ends)
    offsets = np.maximum.accumulate(np.concatenate([[0], ends])).astype(np.int32)
    return _Times(out[: offsets[-1]], offsets, ends != numbers.UNSURE)


def _columns(
    found: Found,
    lines: np.ndarray,
    cells: dict[str, _Cells],
    times: _Times,
    partition: Partition,
) -> dict[str, pa.Array]:
    count = len(found)
    about = {
        "request_id": _identity(found, lines),
        "status": pa.array(["ok"] * count, pa.string()),
        "error": pa.nulls(count, pa.string()),
        "arrival_ns": cells["arrival"].array(pa.int64()),
        "end_ns": cells["end"].array(pa.int64()),
        "chunk_times_ns": arrays.listed(times.offsets, times.values),
        "chunk_tokens": _sizes(np.diff(times.offsets), cells["output"]),
        "input_tokens": cells["input"].array(pa.int32()),
        "output_tokens": cells["output"].array(pa.int32()),
        "session_id": found.texts("metadata.conversation_id"),
        "turn": found.integers("metadata.turn_index", pa.int32()),
        "model": pa.array([partition.detail("model")] * count, pa.string()),
        "worker_id": found.texts("metadata.worker_id"),
    }
    if partition.detail("reasoning_tokens") is not None:
        about["reasoning_tokens"] = cells["reasoning"].array(pa.int32())
    if partition.detail("ttft_visible_ns") is not None:
        about["ttft_visible_ns"] = cells["visible"].array(pa.int64())
    return about


def _identity(found: Found, lines: np.ndarray) -> pa.Array:
    """The requests' ids; the numbers of lines that have none."""
    names = found.texts("metadata.x_request_id")
    if names.null_count == 0 and not pc.any(pc.equal(names, "")).as_py():
        return names
    some = zip(names.to_pylist(), lines.tolist(), strict=True)
    return pa.array([name or str(line) for name, line in some], pa.string())


def _sizes(chunks: np.ndarray, output: _Cells) -> pa.Array:
    """What ``aiperf_rows.sizes`` makes of each line."""
    has_surplus = output.known & (output.values >= 1) & (output.values < chunks)
    return arrays.sizes(chunks, np.where(has_surplus, chunks - output.values, 0))
