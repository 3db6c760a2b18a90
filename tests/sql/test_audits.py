"""Audits: queries over any trace that must return no rows."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings

from tests.sql.support import measured, rows_of, views
from tests.strategies import deliveries

SLO = {"max_ttft_ns": 500_000_000, "max_tbt_ns": 10**9, "pace_first_ns": 10**9, "pace_ns": 10**8}

AUDITS = {
    "first token after last": "FROM requests WHERE ttft_ns > e2e_latency_ns",
    "last token after last chunk": "FROM requests WHERE e2e_latency_ns > last_chunk_ns",
    "bounds out of order": "FROM scored(5) WHERE idle_min_ms > idle_max_ms OR benefit_min > benefit_max",
    "exact and bounded at once": (
        "FROM requests WHERE user_idle_latency_ns IS NOT NULL "
        "AND coalesce(user_idle_latency_ns_min, user_idle_latency_ns_max) IS NOT NULL"
    ),
    "NaN": (
        "FROM by_system WHERE isnan(smooth_goodput) OR isnan(ttft_std_ms) OR isnan(chunks_per_token)"
    ),
    "attained though undetermined": "FROM scored(5, max_tbt_ms := 9) WHERE attained AND undetermined",
    "attained though not ok": "FROM scored(5, max_ttft_ms := 1e6) WHERE attained AND status <> 'ok'",
    "shares out of range": (
        "FROM slo_attainment WHERE attainment_all NOT BETWEEN 0 AND 1 "
        "OR attainment_completed NOT BETWEEN 0 AND 1 OR attainment_determined NOT BETWEEN 0 AND 1 "
        "OR attainment_all > attainment_completed"
    ),
    "attainment of all above one clause's": (
        "FROM slo_attainment WHERE attainment_all > "
        "least(ttft_attainment, tbt_attainment, pace_attainment)"
    ),
    "statuses do not add up": (
        "FROM by_hour WHERE requests <> "
        "n_ok + n_failed + n_timeout + n_rejected + n_cancelled + n_incomplete"
    ),
    "percentiles out of order": (
        "FROM by_workload WHERE NOT (ttft_min_ms <= ttft_p50_ms AND ttft_p50_ms <= ttft_p90_ms "
        "AND ttft_p90_ms <= ttft_p99_ms AND ttft_p99_ms <= ttft_p99_9_ms "
        "AND ttft_p99_9_ms <= ttft_max_ms)"
    ),
    "groups lose requests": (
        "FROM (SELECT sum(requests) AS n FROM by_system UNION ALL "
        "SELECT sum(requests) FROM by_workload UNION ALL SELECT sum(requests) FROM by_hour UNION ALL "
        "SELECT sum(requests) FROM by_system_workload UNION ALL "
        "SELECT sum(requests) FROM slo_attainment UNION ALL "
        "SELECT sum(requests) FROM smooth_goodput(5) UNION ALL SELECT sum(requests) FROM goodput(9)) "
        "WHERE n IS DISTINCT FROM nullif((SELECT count(*) FROM requests), 0)"
    ),
    "macros and views disagree": (
        "FROM by_system_workload AS b JOIN smooth_goodput(5, 2.5) AS s USING (system, workload) "
        "WHERE (b.requests, b.duration_s, b.smooth_goodput IS NULL) "
        "IS DISTINCT FROM (s.requests, s.duration_s, s.smooth_goodput IS NULL)"
    ),
    "a request without tokens has an idle latency": (
        "FROM scored(5) WHERE n_output_tokens = 0 AND idle_ms IS NOT NULL"
    ),
    "the measured reader is judged otherwise": (
        "FROM scored(5) AS s JOIN requests AS r USING (run, request_id) "
        "WHERE s.idle_ms IS DISTINCT FROM r.user_idle_latency_ms "
        "OR s.idle_min_ms IS DISTINCT FROM r.user_idle_latency_ms_min "
        "OR s.idle_max_ms IS DISTINCT FROM r.user_idle_latency_ms_max"
    ),
    "a more patient reader waits longer": (
        "FROM scored(10) AS s JOIN scored(5) AS t USING (run, request_id) WHERE s.idle_ms < t.idle_ms"
    ),
    "late tokens without idle latency": (
        "FROM requests WHERE (late_tokens > 0) IS DISTINCT FROM (user_idle_latency_ns > 0)"
    ),
}


@pytest.fixture(scope="module")
def con():
    """A few hundred requests of every shape."""
    rows = []

    @settings(max_examples=60, derandomize=True, database=None, phases=[Phase.generate])
    @given(trace=deliveries(max_size=12))
    def collect(trace):
        rows.extend(measured(trace))

    collect()
    rows = [row | {"request_id": str(i)} for i, row in enumerate(rows)]
    assert len(rows) > 100
    return views(rows, chosen=SLO)


@pytest.mark.parametrize("audit", AUDITS.values(), ids=AUDITS.keys())
def test_audit_finds_nothing(con, audit):
    assert rows_of(con, audit) == []
