"""Delaying and abandoning rows: by hand, and equal to the twin for rows of every shape."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.audit import Abandon, Change, Delay, change, parse_abandon, parse_delay
from sgengine.compute import MeasureSettings, compute
from sgengine.errors import UsageError
from sgengine.objectives import Reader
from sgengine.schema import DELIVERIES
from tests import strategies as own
from tests.audit.twins import MAX_TIME, UNDETERMINED, abandoned, delayed
from tests.bridge import batch_of, slo_of
from tests.effort import FEWER
from tests.engine.make import plain_row
from tests.reference_slo import Clause

MS = 10**6
Row = dict[str, Any]


def rows_of(changed: Change) -> list[Row]:
    found: list[Row] = changed.deliveries.to_pylist()
    return found


def marked(changed: Change) -> list[str | None]:
    """What each row is marked as; never as several things by one operation."""
    names = ("delayed", "cut", UNDETERMINED)
    columns = [getattr(changed.marks, name).tolist() for name in names]
    out: list[str | None] = []
    for row in zip(*columns, strict=True):
        hit = [name for name, is_set in zip(names, row, strict=True) if is_set]
        assert len(hit) <= 1
        out.append(hit[0] if hit else None)
    return out


def after(row: Row, *operations: Delay | Abandon) -> Row:
    (found,) = rows_of(change(batch_of([row]), operations))
    return found


def cut(row: Row, text: str) -> tuple[list[int] | None, int | None, str]:
    """(chunk times, end, status) of a row that is abandoned at an SLO."""
    found = after(row, parse_abandon(text))
    return found["chunk_times_ns"], found["end_ns"], found["status"]


# --- By hand -------------------------------------------------------------------------------------


def test_a_delay_holds_each_chunk_back_to_the_one_before_it() -> None:
    """Gaps 10, 10, 300 ms at G = 100 ms: the stall absorbs what the delay has added."""
    row = plain_row(0, [t * MS for t in (50, 60, 70, 370)], end_ns=380 * MS)
    found = after(row, parse_delay("tbt:100"))
    assert found["chunk_times_ns"] == [t * MS for t in (50, 150, 250, 370)]
    assert (found["end_ns"], found["status"]) == (380 * MS, "ok")


def test_a_delay_moves_the_end_behind_the_last_chunk() -> None:
    found = after(plain_row(0, [0, 10, 20], end_ns=25), Delay(threshold_ns=30))
    assert found["chunk_times_ns"] == [0, 30, 60]
    assert found["end_ns"] == 60
    assert after(plain_row(0, [0, 10, 20]), Delay(threshold_ns=30))["end_ns"] is None


@pytest.mark.parametrize(
    ("clause", "kept", "moment"),
    [
        ("ttft:9ns", [], 9),
        ("ttft:10ns", [10, 20, 50, 60], None),
        ("tbt:29ns", [10, 20], 49),
        ("tbt:30ns", [10, 20, 50, 60], None),
        ("tpot:16ns", [10, 20, 50], 58),
        ("tpot:17ns", [10, 20, 50, 60], None),
        ("e2e:50ns", [10, 20, 50], 50),
        ("e2e:60ns", [10, 20, 50, 60], None),
        ("pace:12ns first:10ns", [10, 20], 34),
        ("pace:20ns first:10ns", [10, 20, 50, 60], None),
        ("pace:1ns first:9ns", [], 9),
        ("e2e:55ns tbt:29ns", [10, 20], 49),
        ("tbt:29ns ttft:5ns", [], 5),
    ],
)
def test_a_request_is_cut_when_it_is_lost(clause: str, kept: list[int], moment: int | None) -> None:
    """Chunks at 10, 20, 50, 60 ns, one token each. tpot:16: 10 + 3 * 16 = 58 < 60. pace:12: token 3
    is due at 10 + 2 * 12 = 34 and comes at 50. Of several clauses the first that is lost counts."""
    row = plain_row(0, [10, 20, 50, 60])
    status = "ok" if moment is None else "cancelled"
    assert cut(row, clause) == (kept, moment, status)


def test_a_chunk_at_the_very_moment_stays_with_all_its_tokens() -> None:
    """e2e:20 keeps the chunk at 20 ns; output_tokens says what is left."""
    row = plain_row(0, [10, 20, 30], chunk_tokens=[2, 3, 4], output_tokens=9)
    found = after(row, parse_abandon("e2e:20ns"))
    assert (found["chunk_tokens"], found["output_tokens"]) == ([2, 3], 5)


def test_an_empty_chunk_counts_for_tbt_alone() -> None:
    """A late chunk without tokens ends no answer, and is late for no reader; its gap is one."""
    row = plain_row(0, [10, 20, 90], chunk_tokens=[1, 1, 0])
    assert cut(row, "e2e:20ns pace:10ns")[2] == "ok"
    assert cut(row, "tbt:20ns") == ([10, 20], 40, "cancelled")


def test_of_a_chunk_the_first_token_is_the_one_that_is_late() -> None:
    """Token 2 of the chunk at 25 is due at 20, token 3 at 30: lost at 20."""
    row = plain_row(0, [10, 25], chunk_tokens=[1, 2])
    assert cut(row, "pace:10ns") == ([10], 20, "cancelled")


def test_a_request_that_delivered_nothing_stays_as_it_is() -> None:
    row = plain_row(0, [], status="timeout", end_ns=99)
    assert cut(row, "ttft:5ns") == ([], 99, "timeout")


def test_a_request_that_failed_later_is_cut_too() -> None:
    row = plain_row(0, [10, 80], status="failed", error="reset", end_ns=90)
    found = after(row, parse_abandon("tbt:20ns"))
    assert (found["status"], found["end_ns"], found["error"]) == ("cancelled", 30, "reset")


def bare(ttft: int | None, last: int | None, n: int | None) -> Row:
    times = {"ttft_ns": ttft, "last_ns": last, "output_tokens": n}
    return plain_row(0, None, timing="first_last", **times)


@pytest.mark.parametrize(
    ("row", "text", "mark"),
    [
        (bare(10, 90, 5), "ttft:9ns", "cut"),
        (bare(10, 90, 5), "ttft:10ns", None),
        (bare(10, 90, 5), "tbt:80ns", None),
        (bare(10, 90, 5), "tbt:79ns", UNDETERMINED),
        (bare(10, 90, 5), "tpot:20ns e2e:90ns", None),
        (bare(10, 90, 5), "tpot:19ns", UNDETERMINED),
        (bare(10, 90, 5), "e2e:89ns", UNDETERMINED),
        (bare(10, 90, 5), "e2e:9ns", "cut"),
        (bare(10, 90, 5), "pace:80ns first:10ns", None),
        (bare(10, 90, 5), "pace:79ns first:10ns", UNDETERMINED),
        (bare(10, 90, 5), "pace:79ns first:9ns", "cut"),
        (bare(10, None, 5), "ttft:10ns", None),
        (bare(10, None, 5), "e2e:99ns", UNDETERMINED),
        (bare(10, 10, 1), "e2e:10ns tbt:0ns", None),
        (bare(10, 10, 1), "e2e:9ns", "cut"),
        (bare(10, 90, None), "ttft:9ns", UNDETERMINED),
        (plain_row(0, [10, 90], output_tokens=5), "tbt:80ns", None),
        (plain_row(0, [10, 90], output_tokens=5), "tbt:79ns", UNDETERMINED),
        (plain_row(0, [10, 90], output_tokens=5), "ttft:9ns tbt:79ns", "cut"),
        (plain_row(0, [10, 90], output_tokens=5), "e2e:9ns", "cut"),
    ],
)
def test_what_bounds_decide_is_decided(row: Row, text: str, mark: str | None) -> None:
    """First and last token at 10 and 90 ns of 5 tokens; or two chunks of 5 tokens in all."""
    found = change(batch_of([row]), [parse_abandon(text)])
    assert marked(found) == [mark]
    (left,) = rows_of(found)
    if mark == "cut":
        assert (left["status"], left["output_tokens"], left["ttft_ns"]) == ("cancelled", 0, None)
        assert not left["chunk_times_ns"]
    else:
        assert left == row


@pytest.mark.parametrize(
    ("n", "mark"), [(0, None), (1, None), (5, UNDETERMINED), (None, UNDETERMINED)]
)
def test_a_delay_of_unknown_times_is_undetermined(n: int | None, mark: str | None) -> None:
    """Of one token or none nothing moves."""
    times = (None, None) if n == 0 else (10, 10 if n == 1 else 90)
    row = bare(*times, n)
    found = change(batch_of([row]), [Delay(threshold_ns=20)])
    assert marked(found) == [mark]
    assert rows_of(found) == [row]


def test_an_undetermined_request_is_left_alone_by_what_follows() -> None:
    """Had it been cut at e2e first, or not, decides what a delay would do."""
    row = plain_row(0, [10, 90], output_tokens=5)
    found = change(batch_of([row]), [parse_abandon("e2e:80ns"), Delay(threshold_ns=500)])
    assert marked(found) == [UNDETERMINED]
    assert rows_of(found) == [row]


def test_operations_follow_each_other() -> None:
    """Delayed to 100, 150 first, the second chunk is past e2e:140; cut first, there is none."""
    row = plain_row(0, [100, 130])
    delay, abandon = Delay(threshold_ns=50), parse_abandon("e2e:140ns")
    assert after(row, delay, abandon)["chunk_times_ns"] == [100]
    assert after(row, abandon, delay)["chunk_times_ns"] == [100, 150]


def test_rows_that_break_a_rule_are_left_to_be_rejected() -> None:
    rows = [plain_row(0, [5, 3]), plain_row(1, [3, 9])]
    found = change(batch_of(rows), [Delay(threshold_ns=50), parse_abandon("ttft:1ns")])
    assert rows_of(found)[0]["chunk_times_ns"] == [5, 3]
    assert found.marks.cut.tolist() == [False, True]


def test_wrong_operations_are_refused() -> None:
    for text in ("ttft:5", "tbt:5 ttft:5", "100ms", "tbt:x"):
        with pytest.raises(UsageError):
            parse_delay(text)
    with pytest.raises(UsageError, match="tokens"):
        parse_abandon("ttft:5 tokens:0.9@100ms")
    assert parse_delay("tbt:0.1s") == Delay(threshold_ns=100 * MS)
    assert parse_abandon(["ttft:5", "tpot:7"]).text == "ttft:5ms tpot:7ms"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (f"tpot:{2**62}ns", None),
        (f"tpot:{2**32}ns", 2**32 * (2**31 - 2)),
        (f"pace:{2**62}ns", None),
        ("pace:1ns first:0ns", 2**31 - 2),
        (f"tbt:{2**62}ns", 2**62),
        (f"e2e:{2**62}ns", 2**62),
    ],
)
def test_times_and_tokens_at_the_end_of_what_is_held(text: str, moment: int | None) -> None:
    """2^31 - 2 tokens at 0 and one at 2^63 - 1, where a product with a limit does not fit."""
    row = plain_row(0, [0, MAX_TIME], chunk_tokens=[2**31 - 2, 1])
    kept = [0, MAX_TIME] if moment is None else [0]
    assert cut(row, text) == (kept, moment, "ok" if moment is None else "cancelled")


def test_delays_end_at_the_latest_time() -> None:
    row = plain_row(0, [0, 1, 2, MAX_TIME])
    found = after(row, Delay(threshold_ns=2**62))
    assert found["chunk_times_ns"] == [0, 2**62, MAX_TIME, MAX_TIME]


# --- Against the twin ----------------------------------------------------------------------------


def as_written(rows: list[Row]) -> list[Row]:
    """Rows as the table gives them back."""
    return batch_of(rows).to_pylist()


GAP = st.one_of(st.integers(0, 400).map(lambda ms: ms * MS), st.integers(0, own.FAR))


@FEWER
@given(own.deliveries(), GAP)
def test_delays_equal_the_twin(rows: list[Row], gap: int) -> None:
    expected = [delayed(row, gap) for row in rows]
    found = change(batch_of(rows), [Delay(threshold_ns=gap)])
    assert rows_of(found) == as_written([row for row, _ in expected])
    assert marked(found) == [mark for _, mark in expected]


@st.composite
def slos(draw: st.DrawFn) -> list[Clause]:
    """One to three clauses of different kinds, none of them tokens."""
    return draw(st.lists(own.clauses(), min_size=1, max_size=3, unique_by=lambda c: c.kind))


@FEWER
@given(own.deliveries(), slos())
def test_abandoning_equals_the_twin(rows: list[Row], clauses: list[Clause]) -> None:
    slo = slo_of(clauses)
    assert slo is not None
    expected = [abandoned(row, clauses) for row in rows]
    found = change(batch_of(rows), [Abandon(slo=slo)])
    assert rows_of(found) == as_written([row for row, _ in expected])
    assert marked(found) == [mark for _, mark in expected]


@FEWER
@given(own.deliveries(min_size=1), slos(), GAP, st.booleans(), st.data())
def test_operations_in_a_row_and_batches_cut_anywhere(
    rows: list[Row], clauses: list[Clause], gap: int, first: bool, data: st.DataObject
) -> None:
    """The same for slices with offsets, and for what was measured before."""
    slo = slo_of(clauses)
    assert slo is not None
    operations = [Delay(threshold_ns=gap), Abandon(slo=slo)][:: 1 if first else -1]
    expected = []
    for row in rows:
        marks: set[str | None] = set()
        for operation in operations:
            if UNDETERMINED not in marks:
                is_delay = isinstance(operation, Delay)
                row, mark = delayed(row, gap) if is_delay else abandoned(row, clauses)
                marks.add(mark)
        expected.append((row, marks - {None}))
    table = data.draw(own.chunked(own.deliveries_table(rows)))
    got: list[tuple[Row, set[str | None]]] = []
    for batch in table.to_batches():
        measured = compute(batch, MeasureSettings(reader=Reader(pace_ns=7)))
        found = change(batch, operations, measured)
        names = ("delayed", "cut", UNDETERMINED)
        marks_of = [
            {name for name in names if getattr(found.marks, name)[i]} for i in range(batch.num_rows)
        ]
        got.extend(zip(rows_of(found), marks_of, strict=True))
    assert [row for row, _ in got] == as_written([row for row, _ in expected])
    assert [marks for _, marks in got] == [marks for _, marks in expected]


@FEWER
@given(own.deliveries(min_size=1), slos(), GAP)
def test_a_changed_batch_is_one_of_deliveries_and_keeps_the_rules(
    rows: list[Row], clauses: list[Clause], gap: int
) -> None:
    slo = slo_of(clauses)
    assert slo is not None
    batch = batch_of(rows).append_column("tenant", pa.array(["x"] * len(rows)))
    found = change(batch, [Delay(threshold_ns=gap), Abandon(slo=slo)]).deliveries
    assert found.schema == batch.schema
    assert found.schema.names == [*DELIVERIES.names, "tenant"]
    found.validate(full=True)
    before, after = (compute(each, MeasureSettings()) for each in (batch, found))
    assert after.breaches == before.breaches == ()
    unchanged = ("run", "request_id", "arrival_ns", "n_input_tokens", "tenant", "timing")
    assert after.requests.select(unchanged) == before.requests.select(unchanged)
