"""Whether rows keep the rules of schema.rules that can be decided without walking their chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sgengine.compute.bare import BareTimes
from sgengine.compute.ragged import (
    Bools,
    Lists,
    bools,
    empty_lists,
    int64s,
    known,
    least,
    lists,
    only_value,
    places_in,
)
from sgengine.schema import enums
from sgengine.schema.rules import RULE_BY_NAME

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Breach:
    """One row that is not measured: its index in the batch, the rule, and what was found."""

    row: int
    rule: str
    found: str

    @property
    def detail(self) -> str:
        """What was found and what is allowed, in one line."""
        return f"{self.found}; allowed: {RULE_BY_NAME[self.rule].allowed}"


@dataclass(frozen=True, kw_only=True)
class RowFacts:
    """The columns of one ``batch`` of R rows that the checks look at, as arrays; absent numbers are -1.

    Made when asked for: rows with chunk times need no other times.
    """

    batch: pa.RecordBatch

    @cached_property
    def times(self) -> Lists:
        """The chunk times."""
        return lists(self.batch.column("chunk_times_ns"), np.int64)

    @cached_property
    def sizes(self) -> Lists:
        """The chunks' tokens."""
        rows, sizes = self.batch.num_rows, self.batch.column("chunk_tokens")
        return lists(sizes, np.int32) if sizes.null_count < rows else empty_lists(rows, np.int32)

    @cached_property
    def declared(self) -> Int64s:
        """The output tokens that the source states."""
        return int64s(self.batch.column("output_tokens"))

    @cached_property
    def bare(self) -> BareTimes:
        """The first and last token's times."""
        ttft, last = self.batch.column("ttft_ns"), self.batch.column("last_ns")
        return BareTimes(
            ttft=int64s(ttft), last=int64s(last), has_ttft=known(ttft), has_last=known(last)
        )


def breaches(facts: RowFacts) -> dict[int, Breach]:
    """The first rule that each row breaks, by row index."""
    found: dict[int, Breach] = {}
    for breach in _all(facts):
        found.setdefault(breach.row, breach)
    return found


def _all(facts: RowFacts) -> Iterator[Breach]:
    yield from _labels(facts)
    yield from _ids(facts)
    yield from _lists(facts)
    yield from _counts(facts)
    yield from _bare_times(facts)


def _at(rule: str, broken: Bools, found: str) -> Iterator[Breach]:
    for row in np.flatnonzero(broken):
        yield Breach(row=int(row), rule=rule, found=found)


def _labels(facts: RowFacts) -> Iterator[Breach]:
    enumerated = {
        "status": enums.STATUSES,
        "clock": enums.CLOCKS,
        "origin": enums.ORIGINS,
        "timing": enums.TIMINGS,
    }
    for name, allowed in enumerated.items():
        column = facts.batch.column(name)
        if _holds_only(column, allowed):
            continue
        texts = column.cast(pa.string())
        for row in np.flatnonzero(~bools(pc.is_in(texts, pa.array(allowed)))):
            value = texts[int(row)].as_py()
            yield Breach(row=int(row), rule="unknown_value", found=f"{name} is {value!r}")


def _holds_only(column: pa.Array, allowed: tuple[str, ...]) -> bool:
    """Whether a column's dictionary alone shows that every row has an allowed value."""
    if not isinstance(column, pa.DictionaryArray) or column.null_count:
        return False
    return set(column.dictionary.to_pylist()) <= set(allowed)


def _ids(facts: RowFacts) -> Iterator[Breach]:
    if not facts.batch.column("request_id").null_count:
        return
    missing = facts.batch.column("request_id").is_null()
    yield from _at("missing_request_id", bools(missing), "request_id is null")


def _lists(facts: RowFacts) -> Iterator[Breach]:
    times, sizes = facts.times, facts.sizes
    if times.complete and not sizes.some:
        return
    yield from _at("null_chunk", times.holed, "chunk_times_ns holds a null")
    yield from _at("null_chunk", sizes.holed, "chunk_tokens holds a null")
    for row in np.flatnonzero(sizes.valid & (sizes.lengths != times.lengths)):
        found = f"{times.lengths[row]} chunk_times_ns, {sizes.lengths[row]} chunk_tokens"
        yield Breach(row=int(row), rule="counts_mismatch", found=found)


def _counts(facts: RowFacts) -> Iterator[Breach]:
    for name in ("input_tokens", "output_tokens", "end_ns"):
        column = facts.batch.column(name)
        if column.null_count == len(column) or least(column) >= 0:
            continue
        negative = bools(pc.fill_null(pc.less(column, 0), False))
        rule = "negative_time" if name == "end_ns" else "negative_count"
        for row in np.flatnonzero(negative):
            yield Breach(row=int(row), rule=rule, found=f"{name} is {column[int(row)].as_py()}")


def _bare_times(facts: RowFacts) -> Iterator[Breach]:
    """Rules of rows without chunk times, and that timing agrees with what is there."""
    timing = facts.batch.column("timing")
    if facts.times.complete and only_value(timing) in enums.LISTED_TIMINGS:
        return
    listed, n = facts.times.valid, facts.declared
    ttft, last = facts.bare.ttft, facts.bare.last
    has_ttft, has_last = facts.bare.has_ttft, facts.bare.has_last
    says_listed = places_in(timing, enums.LISTED_TIMINGS) >= 0
    if listed.all() and says_listed.all():
        return
    says_none = places_in(timing, ("none",)) >= 0
    rule = "timing_contradicts"
    yield from _at(rule, listed & ~says_listed, "chunk_times_ns beside a timing without them")
    yield from _at(rule, ~listed & says_listed, "a timing of chunks without chunk_times_ns")
    yield from _at(rule, ~listed & says_none & (has_ttft | has_last), "times beside timing none")
    yield from _at("negative_time", ~listed & has_ttft & (ttft < 0), "ttft_ns is negative")
    yield from _at("negative_time", ~listed & has_last & (last < 0), "last_ns is negative")
    both = ~listed & has_ttft & has_last
    yield from _at(rule, both & (last < ttft), "last_ns is before ttft_ns")
    yield from _at(rule, both & (n == 1) & (last != ttft), "one token with two times")
    yield from _at(rule, ~listed & (n == 0) & (has_ttft | has_last), "times beside 0 output_tokens")
