"""Every finding: a trace that has it, one that has not; counts by a naive twin; nothing crashes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sgengine.analyze import AnalyzeSettings
from sgengine.check import KINDS, SEVERITIES, Checked, Finding, check
from sgengine.errors import DataError, UsageError
from sgengine.executors import Serial, Threads
from sgengine.schema import RULES
from tests import strategies as own
from tests.effort import FEWER
from tests.engine.make import EPOCH, Row, plain_row, table_of
from tests.reference import measure_row
from tests.strategies import HOUR, MS

S = 10**9
RULE_NAMES = {rule.name for rule in RULES}
SETTINGS = AnalyzeSettings(executor=Serial())
SHARED = Path(__file__).parents[3] / "shared" / "traces"


def good_row(k: int, **more: Any) -> Row:
    """A request at its time in a run of one a second, with nothing wrong."""
    gaps = [(100 + k % 7) * MS, *[(20 + k % 5) * MS] * (5 + k % 3)]
    return plain_row(k, list(accumulate(gaps)), arrival_ns=EPOCH + k * S + k % 11 * 40 * MS) | more


def good_rows(count: int = 1200, **more: Any) -> list[Row]:
    return [good_row(k, **more) for k in range(count)]


def write(path: Path, rows: Sequence[Row], group: int = 10**6) -> str:
    pq.write_table(table_of(rows), path, row_group_size=group)
    return str(path)


def found_in(path: Path, rows: Sequence[Row]) -> dict[str, Finding]:
    return by_name(check([write(path / "x.parquet", rows)], SETTINGS))


def by_name(checked: Checked) -> dict[str, Finding]:
    assert len({found.name for found in checked.findings}) == len(checked.findings)
    return {found.name: found for found in checked.findings}


def changed(every: int, **more: Any) -> list[Row]:
    """Good rows, of which each ``every``-th is changed."""
    return [good_row(k, **(more if k % every == 0 else {})) for k in range(1200)]


def scaled(factor: Callable[[int], int], *, arrivals: bool = False) -> list[Row]:
    """Good rows with times, or arrivals since 1970, in another unit."""
    rows = good_rows()
    for row in rows:
        if arrivals:
            row["arrival_ns"] = factor(row["arrival_ns"])
        else:
            row["chunk_times_ns"] = [factor(time) for time in row["chunk_times_ns"]]
    return rows


def closed(slots: int, count: int = 400) -> list[Row]:
    """A closed loop: each slot sends when its request ends, a few ms later."""
    rng = Random(1)
    free = [EPOCH] * slots
    rows = []
    for k in range(count):
        slot = min(range(slots), key=lambda i: free[i])
        times = list(accumulate([100 * MS, *[rng.randrange(10 * MS, 50 * MS) for _ in range(9)]]))
        rows.append(plain_row(k, times, arrival_ns=free[slot]))
        free[slot] += times[-1] + rng.randrange(2 * MS)
    return rows


def opened(rate: float, count: int = 600) -> list[Row]:
    """An open loop: arrivals of a Poisson process."""
    rng = Random(2)
    arrivals = accumulate(int(rng.expovariate(rate) * S) for _ in range(count))
    return [
        plain_row(k, [100 * MS, rng.randrange(200, 4000) * MS], arrival_ns=EPOCH + arrival)
        for k, arrival in enumerate(arrivals)
    ]


def stepped() -> list[Row]:
    """From row 800 on, the clock is an hour behind."""
    return [
        good_row(k) | ({"arrival_ns": EPOCH + k * S - HOUR} if k >= 800 else {})
        for k in range(1200)
    ]


BARE = {"chunk_times_ns": None, "output_tokens": 5}
TWICE = good_rows()
TWICE[7] |= {"request_id": "r6"}
SLOW = [good_row(k) | ({"chunk_times_ns": [9 * S, 10 * S]} if k < 15 else {}) for k in range(1200)]
HAS: dict[str, tuple[list[Row], int]] = {
    "negative_time": (changed(100, chunk_times_ns=[-5, 5]), 12),
    "decreasing_times": (changed(100, chunk_times_ns=[5, 4]), 12),
    "counts_mismatch": (changed(100, chunk_tokens=[1]), 12),
    "duplicate_key": (TWICE, 1),
    "mixed_clocks": (changed(2, clock="monotonic"), 1),
    "mixed_origins": (changed(2, origin="scheduled"), 1),
    "monotonic_clock": (good_rows(clock="monotonic"), 1),
    "epoch_unlikely": (scaled(lambda ns: ns // 10**3, arrivals=True), 1),
    "arrivals_too_dense": (scaled(lambda ns: ns // 10**9, arrivals=True), 1),
    "times_too_small": (scaled(lambda ns: ns // 10**6), 1),
    "times_too_large": (scaled(lambda ns: ns * 10**4), 1),
    "zero_ttft": (changed(2, chunk_times_ns=[0, 5 * MS]), 600),
    "buffered": (changed(2, chunk_times_ns=[3 * S] * 5), 600),
    "end_before_last_chunk": (changed(400, end_ns=5), 3),
    "clock_steps": (stepped(), 1),
    "out_of_order": (good_rows()[::-1], 1199),
    "chunks_per_token": (good_rows(chunk_times_ns=[5 * MS, 9 * MS], chunk_tokens=[1, 2]), 1),
    "token_deficit": (changed(400, output_tokens=50), 3),
    "token_surplus": (changed(400, output_tokens=1), 3),
    "unfinished": (changed(50, status="failed"), 24),
    "ok_without_output": (changed(400, chunk_times_ns=[]), 3),
    "timing_none": (changed(400, **BARE, timing="none"), 3),
    "timing_mean": (changed(400, **BARE, timing="mean", ttft_ns=5 * MS, last_ns=S), 3),
    "timing_first_last": (
        changed(400, **BARE, timing="first_last", ttft_ns=5 * MS, last_ns=S),
        3,
    ),
    "timing_split": (changed(400, timing="split"), 3),
    "few_samples": (good_rows(99), 1),
    "no_arrivals": (changed(400, arrival_ns=None), 3),
    "slow_start": (SLOW, 1),
    "closed_loop": (closed(8), 1),
    "open_loop": (opened(4.0), 1),
    "burst": ([row | {"arrival_ns": EPOCH} for row in good_rows(50)], 1),
    "time_span": (good_rows(), 1),
}
ELSEWHERE = {
    *("unreadable_source", "no_requests", "duration_differs", "rate_differs"),
    *("source_note", "skipped_file"),
}
"""Findings that a table of deliveries cannot have: tested below, on files of clients and folders."""


def test_every_kind_of_finding_is_tested():
    assert {kind.name for kind in KINDS} - RULE_NAMES == (HAS.keys() | ELSEWHERE) - RULE_NAMES
    assert {kind.severity for kind in KINDS} == set(SEVERITIES)
    assert len({kind.name for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("name", HAS)
def test_a_trace_that_has_it_is_told(name, tmp_path):
    rows, count = HAS[name]
    found = found_in(tmp_path, rows)[name]
    (kind,) = [kind for kind in KINDS if kind.name == name]
    assert (found.count, found.of, found.severity) == (count, kind.of, kind.severity)
    assert found.share is not None
    assert 0 < found.share <= 1
    assert found.message.endswith(f": {kind.advice}")
    assert found.example is not None
    assert found.example.source == str(tmp_path / "x.parquet")


def test_a_good_trace_has_no_error_and_no_warning(tmp_path):
    found = found_in(tmp_path, good_rows())
    assert {name: each.severity for name, each in found.items()} == {
        "closed_loop": "info",
        "time_span": "info",
    } or found.keys() == {"open_loop", "time_span"}


def test_counts_severities_and_thresholds(tmp_path):
    rare = found_in(tmp_path, changed(300, status="failed", chunk_times_ns=[5]))
    assert rare["unfinished"].severity == "info"
    assert rare["unfinished"].share == pytest.approx(4 / 1200)
    assert found_in(tmp_path, good_rows(999))["few_samples"].severity == "info"
    assert "zero_ttft" not in found_in(tmp_path, changed(3, chunk_times_ns=[0, 5 * MS]))
    assert "buffered" not in found_in(tmp_path, changed(3, chunk_times_ns=[3 * S] * 5))
    many = found_in(tmp_path, changed(50, status="failed"))
    assert many["unfinished"].severity == "warning"
    assert many["unfinished"].example.request == "r0"


def test_the_worst_run_is_the_example(tmp_path):
    rows = [
        *changed(300, status="failed"),
        *[r | {"run": "b"} for r in changed(3, status="timeout")],
    ]
    found = found_in(tmp_path, rows)["unfinished"]
    assert found.example is not None
    assert found.example.run == "b"
    assert "33.3 % of run b at worst" in found.message
    assert found.count == 404


def test_what_is_told_of_clocks_and_units(tmp_path):
    found = found_in(tmp_path, scaled(lambda ns: ns // 10**6))["times_too_small"]
    assert "the median gap is 22 ns" in found.message
    found = found_in(tmp_path, stepped())["clock_steps"]
    assert "step back by up to 35" in found.message
    found = found_in(tmp_path, good_rows())["time_span"]
    assert "from 2023-11-14 22:13:20 UTC" in found.message


@pytest.mark.parametrize("slots", [1, 4, 32])
def test_closed_loops_are_told_from_open_ones(slots, tmp_path):
    found = found_in(tmp_path, closed(slots))
    assert f"about {slots} in flight" in found["closed_loop"].message
    for rate in (0.1, 1.0, 20.0):
        assert "open_loop" in found_in(tmp_path, opened(rate))


@pytest.mark.parametrize(("rate", "stay_ms"), [(4, 1000), (30, 990), (50, 800)])
def test_even_arrivals_are_an_open_loop_however_many_are_in_flight(rate, stay_ms, tmp_path):
    """As many are always in flight, as in a closed loop; but no arrival waits for an end."""
    rng = Random(5)
    rows = [
        plain_row(k, [(stay_ms + rng.randrange(-20, 20)) * MS], arrival_ns=EPOCH + k * S // rate)
        for k in range(600)
    ]
    assert "open_loop" in found_in(tmp_path, rows)


# --- Sources -------------------------------------------------------------------------------------


def vllm(path: Path, **more: Any) -> str:
    """A result file of vLLM's client: 100 requests, one a second."""
    run = {
        "backend": "vllm",
        "model_id": "m",
        "num_prompts": 100,
        "request_rate": 1.0,
        "max_concurrency": None,
        "duration": 100.0,
        "completed": 100,
        "input_lens": [5] * 100,
        "output_lens": [3] * 100,
        "ttfts": [0.1] * 100,
        "itls": [[0.02, 0.03]] * 100,
        "start_times": [float(k) for k in range(100)],
        "generated_texts": [""] * 100,
        "errors": [""] * 100,
    }
    path.write_text(json.dumps(run | more))
    return str(path)


def test_what_a_file_states_is_compared_with_what_it_shows(tmp_path):
    fine = by_name(check([vllm(tmp_path / "fine.json")], SETTINGS))
    assert not {"duration_differs", "rate_differs", "source_note"} & fine.keys()
    assert "1 requests/s are stated" in fine["open_loop"].message
    off = by_name(
        check([vllm(tmp_path / "off.json", request_rate=2.0, duration=50.0, completed=9)], SETTINGS)
    )
    assert "50.00 s stated, 99.15 s observed" in off["duration_differs"].message
    assert "2 requests/s stated, 1 observed" in off["rate_differs"].message
    assert "9 completed requests" in off["source_note"].message


def test_sources_that_cannot_be_read_are_found_beside_others(tmp_path):
    write(tmp_path / "good.parquet", good_rows())
    whole = Path(write(tmp_path / "cut.parquet", good_rows())).read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:4] + bytes(4000) + whole[4004:])
    (tmp_path / "notes.txt").write_text("no trace")
    checked = check([str(tmp_path)], SETTINGS)
    found = by_name(checked)
    assert found["skipped_file"].count == 1
    assert not checked.is_clean
    assert found["unreadable_source"].example.source == str(tmp_path / "cut.parquet")
    write(tmp_path / "cut.parquet", good_rows())
    assert by_name(check([str(tmp_path)], SETTINGS)).keys() >= {"duplicate_key", "skipped_file"}


def test_a_source_without_a_good_row_is_an_error(tmp_path):
    found = found_in(tmp_path, good_rows(20, chunk_times_ns=[-1]))
    assert {name for name, each in found.items() if each.is_error} == {
        "negative_time",
        "no_requests",
    }
    empty = found_in(tmp_path, [])
    assert empty.keys() == {"no_requests"}


def test_nothing_to_read_is_refused():
    with pytest.raises(UsageError):
        check([])
    with pytest.raises(UsageError):
        check(["/nowhere/at/all"])


def test_one_source_that_is_no_trace_is_refused(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(DataError):
        check([str(tmp_path / "x.json")])


def events(path: Path, rows: Sequence[Row], *, stray: bool) -> str:
    """The rows as an event log; with a chunk of a request that never arrived."""
    lines = [{"request_id": "none", "event": "chunk", "time_ns": EPOCH}] if stray else []
    for row in rows:
        about, start = {"request_id": row["request_id"]}, row["arrival_ns"]
        chunks = [start + time for time in row["chunk_times_ns"]]
        lines += [about | {"event": "arrival", "time_ns": start}]
        lines += [about | {"event": "chunk", "time_ns": time, "tokens": 1} for time in chunks]
        lines += [about | {"event": "end", "time_ns": chunks[-1]}]
    path.write_text("\n".join(map(json.dumps, lines)))
    return str(path)


def test_event_logs_are_checked_as_the_requests_they_hold(tmp_path):
    fine = check([events(tmp_path / "fine.jsonl", good_rows(), stray=False)], SETTINGS)
    assert fine.is_clean
    assert (fine.sources, fine.requests) == (1, 1200)
    assert fine.rows == sum(2 + len(row["chunk_times_ns"]) for row in good_rows())
    off = check([events(tmp_path / "off.jsonl", good_rows(), stray=True)], SETTINGS)
    found = by_name(off)["no_arrival"]
    assert (found.count, found.severity, off.rows) == (1, "error", fine.rows + 1)
    assert found.example is not None
    assert found.example.request == "request none"


def test_a_damaged_event_log_is_found_beside_others(tmp_path):
    events(tmp_path / "log.jsonl", good_rows(), stray=False)
    write(tmp_path / "x.parquet", good_rows())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sgengine.check.run.with_parts", refuse)
        found = by_name(check([str(tmp_path)], SETTINGS))
        assert found["unreadable_source"].example.source == str(tmp_path / "log.jsonl")
        assert "cut" in found["unreadable_source"].message
        with pytest.raises(DataError, match="cut"):
            check([str(tmp_path / "log.jsonl")], SETTINGS)


def refuse(*_: Any) -> None:
    raise DataError("it is cut")


# --- Any trace -----------------------------------------------------------------------------------

ODD = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))


@st.composite
def odd_rows(draw: st.DrawFn) -> list[Row]:
    """Rows of every shape, some with values that no clock gives."""
    rows = draw(own.deliveries(max_size=12))
    for row in rows:
        row |= {"clock": draw(st.sampled_from(["unix", "monotonic", "none"]))}
        row |= {"request_id": draw(st.sampled_from(["0", "1", row["request_id"]]))}
        if draw(st.booleans()):
            row |= {
                draw(st.sampled_from(["arrival_ns", "end_ns", "ttft_ns", "last_ns"])): draw(ODD)
            }
    return rows


@given(odd_rows(), st.integers(1, 5))
@settings(FEWER, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_trace_crashes_and_every_row_is_counted(tmp_path, rows, group):
    checked = check([write(tmp_path / "x.parquet", rows, group)], SETTINGS)
    assert (checked.sources, checked.rows) == (1, len(rows))
    for found in checked.findings:
        assert found.count > 0
        assert found.share is None or 0 < found.share <= 1
        assert found.message
    ranks = [SEVERITIES.index(found.severity) for found in checked.findings]
    assert ranks == sorted(ranks)


@given(own.deliveries(max_size=12), st.integers(1, 5))
@settings(FEWER, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_are_those_of_a_naive_twin(tmp_path, rows, group):
    measured = [measure_row(row, 1, 1) for row in rows]
    naive: Counter[str] = Counter()
    for row in measured:
        n, last, end = row["n_output_tokens"], row["last_chunk_ns"], row["end_ns"]
        naive["unfinished"] += row["status"] != "ok"
        naive["ok_without_output"] += row["status"] == "ok" and n == 0
        naive["end_before_last_chunk"] += end is not None and last is not None and end < last
        naive["token_deficit"] += (row["token_deficit"] or 0) > 0
        naive["token_surplus"] += (row["token_deficit"] or 0) < 0
        naive["no_arrivals"] += row["arrival_ns"] is None
        output = (n or 0) > 0 or (n is None and row["status"] == "ok")
        for timing in ("none", "mean", "first_last", "split"):
            naive[f"timing_{timing}"] += output and row["timing"] == timing
    found = by_name(check([write(tmp_path / "x.parquet", rows, group)], SETTINGS))
    assert {name: found[name].count if name in found else 0 for name in naive} == naive


@pytest.mark.parametrize("name", HAS)
def test_row_groups_and_threads_change_nothing(name, tmp_path):
    rows, _ = HAS[name]
    whole = check([write(tmp_path / "x.parquet", rows)], SETTINGS)
    parts = AnalyzeSettings(executor=Threads(workers=2))
    assert check([write(tmp_path / "x.parquet", rows, 97)], parts) == whole


def test_beyond_the_budget_findings_are_the_same(tmp_path, monkeypatch):
    rows = [*closed(8), *[row | {"run": "b"} for row in TWICE]]
    path = write(tmp_path / "x.parquet", rows, 100)
    whole = check([path], SETTINGS)
    monkeypatch.setattr(AnalyzeSettings, "share_bytes", property(lambda self: 1000))
    assert check([path], SETTINGS) == whole


FILES = sorted(SHARED.rglob("*.json*")) if SHARED.is_dir() else []


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(SHARED)) for path in FILES])
def test_recorded_files_are_checked_or_refused_in_one_line(path):
    try:
        checked = check([str(path)], SETTINGS)
    except DataError as error:
        checked, said = None, str(error)
    assert checked.findings if checked else "\n" not in said


def test_large_texts_of_dimensions_do_not_matter(tmp_path):
    table = table_of(good_rows(10)).append_column("text", pa.array(["x" * 10**5] * 10))
    pq.write_table(table, tmp_path / "x.parquet")
    assert check([str(tmp_path / "x.parquet")], SETTINGS).requests == 10
