"""What a plan has to know of all lines of an AIPerf export, without turning times into numbers."""

from __future__ import annotations

import msgspec
import numpy as np

from sgengine.kernels import json_columns
from sgengine.kernels.json_values import LATER, LIST, NUMBER, OBJECT, PLAIN, WHOLE
from sgengine.readers import aiperf_rows
from sgengine.readers.aiperf_rows import Metadata, Number, WrongValueError
from sgengine.readers.faults import one_line
from sgengine.readers.json_lines import REFUSALS, Line, LineBlock, lines
from sgengine.readers.json_shape import Found, shape_of

GAPS = "metrics.inter_chunk_latency"
VALUES = f"{GAPS}.value"
OUTPUTS = ("metrics.usage_completion_tokens.value", "metrics.output_sequence_length.value")
_CREDIT = "metadata.credit_issued_ns"
PHASES = ("metadata.benchmark_phase", "metadata.credit_phase")


class _RawNumbers(msgspec.Struct, gc=False):
    value: msgspec.Raw


class _Metrics(msgspec.Struct, gc=False):
    inter_chunk_latency: _RawNumbers | None = None
    output_sequence_length: Number | None = None
    usage_completion_tokens: Number | None = None
    reasoning_token_count: Number | None = None
    time_to_first_output_token: Number | None = None


class _Record(msgspec.Struct, gc=False):
    metadata: Metadata
    metrics: _Metrics | None = None


def warm(found: Found) -> np.ndarray:
    """Which lines are of the warm-up phase (bool); phases are PLAIN."""
    is_warm: np.ndarray = found.equal(PHASES[0], "warmup") | found.equal(PHASES[1], "warmup")
    return is_warm


class Scan:
    """Counts of the lines: ``readable`` ones, ``rows`` of the measured phase, and of those others.

    ``rows`` and ``readable`` may count a line whose list of gaps is damaged, if nothing else is said of
    it: ``exactly`` looks at all.
    """

    def __init__(self) -> None:
        self.readable = self.rows = self.unscheduled = self.surplus = 0
        self.has_reasoning = self.has_visible = False
        self.first_error = "it has no lines"
        self._decoder = msgspec.json.Decoder(_Record)
        phases = dict.fromkeys(PHASES, PLAIN)
        self._quick = shape_of(_Record, {VALUES: LATER, **phases})
        self._exact = shape_of(_Record, {VALUES: LIST, **phases})

    def see(self, line: Line) -> None:
        """Count one line."""
        try:
            record = self._decoder.decode(line.text)
        except REFUSALS as error:
            self.first_error = one_line(error) if self.readable == 0 else self.first_error
            return
        self.readable += 1
        if record.metadata.is_warmup:
            return
        self.rows += 1
        self.unscheduled += record.metadata.credit_issued_ns is None
        metrics = record.metrics or _Metrics()
        self.has_reasoning |= metrics.reasoning_token_count is not None
        self.has_visible |= metrics.time_to_first_output_token is not None
        self.surplus += _has_surplus(metrics)

    def see_all(self, block: LineBlock) -> None:
        """Count the lines of a block. Lists of gaps are checked where a line says something new."""
        row = 0
        while self.readable == 0 and row < len(block.numbers):
            self.see(block.line(row))
            row += 1
        found = self._quick.find(block.text, block.starts[row:], block.stops[row:])
        is_dull = found.sure & ~self._tells(found)
        self.readable += int(is_dull.sum())
        self.rows += int((is_dull & ~warm(found)).sum())
        telling = np.flatnonzero(~is_dull) + row
        if len(telling):
            self._see_telling(block, telling)

    def _see_telling(self, block: LineBlock, rows: np.ndarray) -> None:
        found = self._exact.find(block.text, block.starts[rows], block.stops[rows])
        is_known = found.sure & ~_is_odd(found)
        self._count(found.rows(is_known))
        for row in rows[~is_known].tolist():
            self.see(block.line(row))

    def _tells(self, found: Found) -> np.ndarray:
        """Which lines tell more than that there is one more."""
        tells: np.ndarray = _is_odd(found) | ~found.has(_CREDIT, WHOLE) | _surplus(found)
        if not self.has_reasoning:
            tells |= found.has("metrics.reasoning_token_count", OBJECT)
        if not self.has_visible:
            tells |= found.has("metrics.time_to_first_output_token", OBJECT)
        tells &= ~warm(found)
        return tells

    def _count(self, found: Found) -> None:
        self.readable += len(found)
        found = found.rows(~warm(found))
        self.rows += len(found)
        self.unscheduled += int((~found.has(_CREDIT, WHOLE)).sum())
        self.has_reasoning |= bool(found.has("metrics.reasoning_token_count", OBJECT).any())
        self.has_visible |= bool(found.has("metrics.time_to_first_output_token", OBJECT).any())
        self.surplus += int(_surplus(found).sum())


def exactly(path: str) -> Scan:
    """The counts of a file, line by line."""
    scan = Scan()
    for line in lines(path):
        scan.see(line)
    return scan


def _has_surplus(metrics: _Metrics) -> bool:
    gaps = metrics.inter_chunk_latency
    try:
        output = aiperf_rows.declared(
            metrics.usage_completion_tokens, metrics.output_sequence_length
        )
    except WrongValueError:
        return False
    if gaps is None or output is None:
        return False
    return 1 <= output < 1 + _count_of(bytes(gaps.value))


def _count_of(text: bytes) -> int:
    """Numbers of a JSON list."""
    inner = text.strip(b" \t[]")
    return inner.count(b",") + 1 if inner else 0


def _is_odd(found: Found) -> np.ndarray:
    """Lines whose chunks and tokens are not there to be compared at once: they are decoded."""
    odd: np.ndarray = found.has(GAPS, OBJECT) & ~found.has(VALUES, LIST)
    for path in OUTPUTS:
        odd |= found.has(path, NUMBER)
    return odd


def _surplus(found: Found) -> np.ndarray:
    """Which lines have more chunks than tokens; of odd ones, nothing is said."""
    first, second = (found.has(path, WHOLE) for path in OUTPUTS)
    output = np.where(second, found.numbers(OUTPUTS[1]), 0)
    output = np.where(first, found.numbers(OUTPUTS[0]), output)
    starts, stops = found.places(VALUES)
    count = np.empty(len(found), dtype=np.int64)
    json_columns.commas(found.text, starts, stops, count)
    for row in np.flatnonzero((count == 0) & (output == 1) & (starts >= 0)):
        count[row] = _count_of(found.text[starts[row] : stops[row]].tobytes()) - 1
    is_surplus: np.ndarray = (starts >= 0) & (output >= 1) & (output < 2 + count)
    return is_surplus
