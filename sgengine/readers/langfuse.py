"""Langfuse: observations of type GENERATION, as its API and exports write them.

JSON Lines, one array, or pages of the API (an array under ``data``). Times are ISO texts of ms;
``completionStartTime`` is null, or equals ``endTime``, where the response was not streamed: then the
first token's time is unknown.
"""

from __future__ import annotations

import msgspec
import pyarrow as pa

from sgengine.errors import FormatError
from sgengine.readers import json_rows, tables
from sgengine.readers.base import BatchIterator, Partition, ReadOptions, Source, SourcePlan
from sgengine.readers.faults import one_line
from sgengine.readers.json_lines import Line
from sgengine.readers.request_rows import (
    ROW_FAULTS,
    BadValueError,
    Dimension,
    RequestRow,
    ends,
    gathered,
    since,
    tokens,
)
from sgengine.readers.timestamps import json_moment, number_ns

_ABSENT = msgspec.Raw(b"null")
_GENERATION = "GENERATION"

OTHER_TYPES = (
    "SPAN",
    "EVENT",
    "AGENT",
    "TOOL",
    "CHAIN",
    "RETRIEVER",
    "EVALUATOR",
    "EMBEDDING",
    "GUARDRAIL",
)
"""Observations that are no requests to a model for text."""

DIMENSIONS = (
    *(
        Dimension(name, pa.string())
        for name in ("model", "session_id", "user", "name", "trace_id", "environment", "level")
    ),
    Dimension("reasoning_tokens", pa.int32()),
)


class Observation(msgspec.Struct, gc=False):
    """One observation; everything else in it, above all input and output, is passed over."""

    id: str | None = None
    traceId: str | None = None  # noqa: N815 - Langfuse's name
    type: str | None = None
    name: str | None = None
    startTime: msgspec.Raw = _ABSENT  # noqa: N815
    endTime: msgspec.Raw = _ABSENT  # noqa: N815
    completionStartTime: msgspec.Raw = _ABSENT  # noqa: N815
    timeToFirstToken: msgspec.Raw = _ABSENT  # noqa: N815
    usageDetails: dict[str, msgspec.Raw] | None = None  # noqa: N815
    usage: dict[str, msgspec.Raw] | None = None
    promptTokens: msgspec.Raw = _ABSENT  # noqa: N815
    completionTokens: msgspec.Raw = _ABSENT  # noqa: N815
    level: str | None = None
    statusMessage: str | None = None  # noqa: N815
    model: str | None = None
    sessionId: str | None = None  # noqa: N815
    userId: str | None = None  # noqa: N815
    environment: str | None = None


_DECODER = msgspec.json.Decoder(Observation)


class _Scan:
    """What a pass over all rows finds out."""

    def __init__(self) -> None:
        self.generations = self.others = self.untimed = 0
        self.first_arrival: int | None = None
        self.first_error = "it has no rows"

    def see(self, line: Line) -> None:
        """Count one row."""
        try:
            seen = _DECODER.decode(line.text)
            if seen.type in OTHER_TYPES:
                self.others += 1
                return
            found = row(seen, line.number)
        except ROW_FAULTS as error:
            self.first_error = one_line(error, 120) if self.generations == 0 else self.first_error
            return
        self.generations += 1
        self.untimed += found.ttft_ns is None and found.output_tokens != 0
        self.first_arrival = found.arrival_ns if self.first_arrival is None else self.first_arrival

    def notes(self) -> tuple[str, ...]:
        """What concerns the file as a whole."""
        found = []
        if self.untimed:
            found.append(
                f"{self.untimed} of {self.generations} generations were not streamed or have no "
                "completionStartTime: their first token's time is unknown."
            )
        if self.others:
            found.append(f"{self.others} observations that are no generations were left out.")
        return tuple(found)


def row(seen: Observation, place: int) -> RequestRow:
    """The row of a generation. Raises one of ``ROW_FAULTS``."""
    if seen.type not in (None, _GENERATION):
        raise BadValueError(f"type is {one_line(seen.type, 40)!r}, which Langfuse does not have")
    start, end = json_moment(seen.startTime), json_moment(seen.endTime)
    if start is None:
        raise BadValueError("no startTime, which is when the request was sent")
    if seen.type is None and seen.usageDetails is None and seen.usage is None:
        raise BadValueError("neither type nor usage")
    counts = _usage(seen)
    output = counts.get("output")
    how = "failed" if seen.level == "ERROR" else "incomplete" if end is None else "ok"
    took = since(start, end)
    found = ends(output, _ttft(seen, start, end), took if how == "ok" else None)
    return RequestRow(
        place=place,
        timing="first_last",
        request_id=seen.id or str(place),
        status=how,
        error=one_line(seen.statusMessage or "") or None if how == "failed" else None,
        arrival_ns=start,
        end_ns=took,
        input_tokens=counts.get("input"),
        output_tokens=output,
        ttft_ns=found.ttft_ns,
        last_ns=found.last_ns,
        dimensions=(*_labels(seen), counts.get("reasoning")),
    )


def _ttft(seen: Observation, start: int, end: int | None) -> int | None:
    first = json_moment(seen.completionStartTime)
    if first is not None:
        return None if first == end else first - start
    stated = bytes(seen.timeToFirstToken).decode()
    return None if stated == "null" else number_ns(stated, "s")


def _labels(seen: Observation) -> tuple[str | None, ...]:
    about = (seen.model, seen.sessionId, seen.userId, seen.name)
    return (*about, seen.traceId, seen.environment, seen.level)


def _usage(seen: Observation) -> dict[str, int]:
    """Input, output and reasoning tokens, those that are stated.

    Langfuse may count a part, like reasoning, inside ``output`` or beside it; beside it if only then
    all parts add up to ``total``.
    """
    given = seen.usageDetails or seen.usage or {}
    older = {"input": seen.promptTokens, "output": seen.completionTokens}
    counts = {name: _count(name, raw) for name, raw in (older | given).items()}
    known = {name: count for name, count in counts.items() if count is not None}
    total = known.pop("total", None)
    found: dict[str, int] = {k: known[k] for k in ("input", "output") if k in known}
    if total is not None and sum(found.values()) != total == sum(known.values()):
        found = {side: _sum_of(known, side) for side in ("input", "output")}
    reasoning = [count for name, count in known.items() if "reasoning" in name]
    if reasoning:
        found["reasoning"] = sum(reasoning)
    return {name: tokens(name, count) or 0 for name, count in found.items()}


def _sum_of(counts: dict[str, int], side: str) -> int:
    return sum(count for name, count in counts.items() if side in name)


def _count(name: str, raw: msgspec.Raw) -> int | None:
    """A count of the usage; costs and units, which may stand beside, are no counts."""
    try:
        return msgspec.json.decode(raw, type=int | None)
    except msgspec.DecodeError:
        if name in ("input", "output"):
            raise
        return None


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """Ranges of lines, or the whole array. Raises ``FormatError`` if no row is an observation."""
    scan = _Scan()
    shape = json_rows.layout(source.path)
    pieces = json_rows.cut(source.path, shape, scan.see)
    if scan.generations == 0:
        why = "all are spans and events" if scan.others else scan.first_error
        raise FormatError(
            f"{source.path} has no row that is a generation of Langfuse: {why}; export "
            "observations of type GENERATION"
        )
    details = (("layout", shape),)
    return tables.plan_of(source, options, (), pieces, scan.first_arrival, details, scan.notes())


def read(partition: Partition) -> BatchIterator:
    """The generations, in order; damaged rows are rejects."""
    shape = partition.detail("layout") or json_rows.LINES
    found = json_rows.outcomes(partition, shape, _made)
    yield from gathered(partition, json_rows.WORDS[shape], DIMENSIONS, found)


def _made(line: Line) -> RequestRow | None:
    seen = _DECODER.decode(line.text)
    return None if seen.type in OTHER_TYPES else row(seen, line.number)
