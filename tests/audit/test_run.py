"""Audits of files: any format, any executor, any budget; what is not changed is what analyze says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sgengine.aggregate import SummarySettings, choose
from sgengine.analyze import AnalyzeSettings, analyze
from sgengine.audit import Audited, audit, audit_table, change, parse_abandon, parse_delay
from sgengine.executors import Serial, Threads
from sgengine.objectives import parse_slo
from tests.engine.make import plain_row, random_rows, table_of, write
from tests.events import make as events
from tests.readers.make import vllm, vllm_result

ROWS = random_rows(600, seed=6)
OPERATIONS = [parse_delay("tbt:40"), parse_abandon("pace:200 first:1s tbt:2s")]
SLO = parse_slo(["ttft:800", "tbt:300"])


def settings_of(**more: Any) -> AnalyzeSettings:
    chosen = {"executor": Serial()} | {k: more.pop(k) for k in ("executor",) if k in more}
    return AnalyzeSettings(summary=SummarySettings(slo=SLO, **more), **chosen)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("audit")
    broken = [*ROWS[300:], plain_row(999, [5, 3], run="fast-a", system="fast", tenant="x")]
    parts = {"a": ROWS[:300], "b": broken}
    return [
        str(write(folder / f"{name}.parquet", rows, dimensions=("tenant",), group=37))
        for name, rows in parts.items()
    ]


def sides(audited: Audited) -> list[Any]:
    return [(g.key, g.before, g.after, g.change, g.effects, g.break_even) for g in audited.groups]


def test_the_trace_as_it_is_has_the_figures_of_analyze(inputs: list[str]) -> None:
    audited = audit(inputs, OPERATIONS, settings_of())
    analysis = analyze(inputs, settings_of())
    assert audited.analysis.groups == analysis.groups
    assert audited.analysis.rejected == analysis.rejected
    assert audited.analysis.runs == analysis.runs
    assert [reject.count for reject in audited.analysis.rejected] == [1]
    for group, figures in zip(audited.groups, analysis.groups, strict=True):
        before = {name: figures[name] for name in group.before if name in figures}
        assert before == {n: v for n, v in group.before.items() if n != "slo_attainment_completed"}
        assert group.effects.cut
        assert group.effects.delayed
        assert group.effects.undetermined


def test_the_other_side_has_the_figures_of_the_changed_table(inputs: list[str]) -> None:
    """Those that do not divide by T, which the changed table has of its own."""
    (whole,) = table_of(ROWS, ("tenant",)).combine_chunks().to_batches()
    changed = pa.Table.from_batches([change(whole, OPERATIONS).deliveries])
    again = audit_table(changed, [parse_delay("tbt:0")], settings_of())
    for group, other in zip(
        audit(inputs, OPERATIONS, settings_of()).groups, again.groups, strict=True
    ):
        for name in ("requests", "status", "attained", "slo_attainment", "token_attainment"):
            assert group.after[name] == other.before[name]
        for name in ("ttft_ms", "tpot_ms", "itl_ms", "e2e_latency_ms", "user_idle_latency_ms"):
            assert group.after[name] == other.before[name]


def test_where_and_in_how_many_parts_it_is_worked_changes_no_bit(
    inputs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small batches, several threads, samples and numbers beyond the budget."""
    whole = sides(audit(inputs, OPERATIONS, settings_of(by=("system", "tenant"))))
    monkeypatch.setattr("sgengine.analyze.settings._LARGEST_BATCH", 20_000)
    threads = settings_of(by=("system", "tenant"), executor=Threads(workers=3))
    assert sides(audit(inputs, OPERATIONS, threads)) == whole
    monkeypatch.setattr(AnalyzeSettings, "share_bytes", 2000)
    assert sides(audit(inputs, OPERATIONS, threads)) == whole


def test_a_table_in_memory_is_audited_as_its_file_is(inputs: list[str]) -> None:
    in_memory = audit_table(table_of(ROWS, ("tenant",)), OPERATIONS, settings_of())
    assert sides(in_memory) == sides(audit(inputs, OPERATIONS, settings_of()))


@pytest.mark.parametrize(
    "options", [{"window": "900s,6000s"}, {"trim": "1000s,2000s"}, {"steady": 0.5}]
)
def test_a_window_is_that_of_the_trace_as_it_is(inputs: list[str], options: dict[str, Any]) -> None:
    """Members and T on both sides; what is outside is in no count."""
    settings = settings_of(selection=choose(**options))
    audited = audit(inputs, OPERATIONS, settings)
    analysis = analyze(inputs, settings)
    assert audited.analysis.groups == analysis.groups
    for group in audited.groups:
        for name in ("requests", "requests_outside", "duration_s", "duration_source"):
            assert group.after[name] == group.before[name]
        marked = group.effects.cut + group.effects.undetermined
        assert marked <= int(str(group.before["requests"]))


def test_a_clients_file_is_audited_too(tmp_path: Path) -> None:
    bench = vllm(tmp_path / "bench.json", vllm_result())
    found = audit([str(bench)], [parse_delay("tbt:1s")])
    assert [group.effects.delayed > 0 for group in found.groups] == [True]


def test_an_event_log_has_the_effects_of_its_deliveries(tmp_path: Path) -> None:
    rows = [plain_row(k, [k + 5, k + 90, k + 95], arrival_ns=k, end_ns=k + 100) for k in range(40)]
    written = [event for row in rows for event in events.events_of(row)]
    log = events.write(tmp_path / "log.parquet", written, "parquet")
    operations = [parse_abandon("tbt:50ns"), parse_delay("tbt:9ns")]
    (ours,) = audit([str(log)], operations, AnalyzeSettings(executor=Serial())).groups
    (theirs,) = audit_table(table_of(rows), operations).groups
    assert ours.effects == theirs.effects
    assert (ours.effects.cut, ours.effects.lost_tokens) == (40, 80)
