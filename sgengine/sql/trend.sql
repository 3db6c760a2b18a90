-- view: trend
-- grain: one row a job, day, system, workload and figure
-- doc: Night over night: figures of by_night beside those of the night before, which is the latest earlier
--   night of the same job in which the same system and workload have requests. All nights are judged
--   with the settings that the connection was opened with, so a change is one of the system. It
--   reads every night that the connection was opened for.
-- column: job VARCHAR  The job of the store; NULL unless the input is a store.
-- column: day DATE  The night; NULL unless the input is a store.
-- column: system VARCHAR  The serving system.
-- column: workload VARCHAR  The workload.
-- column: figure VARCHAR  A column of by_night: requests, output_throughput, request_throughput, ttft_p50_ms, ttft_p99_ms, tpot_p50_ms, tpot_p99_ms, e2e_latency_p50_ms, e2e_latency_p99_ms, user_idle_latency_p50_ms, user_idle_latency_p99_ms, smooth_goodput, slo_attainment, request_goodput, token_goodput, token_attainment.
-- column: value DOUBLE  The figure; NULL where it is in by_night.
-- column: previous_day DATE  The night before; NULL for the first.
-- column: previous DOUBLE  The figure of the night before; NULL for the first night, or where it was.
-- column: change DOUBLE  value - previous; NULL where one of them is.
-- column: change_percent DOUBLE  change in percent of the absolute of previous; NULL where change is, or previous is 0.
CREATE OR REPLACE VIEW trend AS
WITH told AS (
    SELECT
        n.job,
        n.day,
        n.system,
        n.workload,
        CAST(n.requests AS DOUBLE) AS requests,
        n.output_throughput,
        n.request_throughput,
        n.ttft_p50_ms,
        n.ttft_p99_ms,
        n.tpot_p50_ms,
        n.tpot_p99_ms,
        n.e2e_latency_p50_ms,
        n.e2e_latency_p99_ms,
        n.user_idle_latency_p50_ms,
        n.user_idle_latency_p99_ms,
        n.smooth_goodput,
        n.slo_attainment,
        n.request_goodput,
        n.token_goodput,
        n.token_attainment
    FROM by_night AS n
),
tall AS (
    FROM told UNPIVOT INCLUDE NULLS (
        value FOR figure IN (
            requests,
            output_throughput,
            request_throughput,
            ttft_p50_ms,
            ttft_p99_ms,
            tpot_p50_ms,
            tpot_p99_ms,
            e2e_latency_p50_ms,
            e2e_latency_p99_ms,
            user_idle_latency_p50_ms,
            user_idle_latency_p99_ms,
            smooth_goodput,
            slo_attainment,
            request_goodput,
            token_goodput,
            token_attainment
        )
    )
),
paired AS (
    SELECT
        t.job,
        t.day,
        t.system,
        t.workload,
        t.figure,
        t.value,
        lag(t.day) OVER earlier AS previous_day,
        lag(t.value) OVER earlier AS previous
    FROM tall AS t
    WINDOW earlier AS (PARTITION BY t.job, t.system, t.workload, t.figure ORDER BY t.day)
)
SELECT
    p.job,
    p.day,
    p.system,
    p.workload,
    p.figure,
    p.value,
    p.previous_day,
    p.previous,
    p.value - p.previous AS change,
    CASE WHEN p.previous <> 0 THEN 100 * (p.value - p.previous) / abs(p.previous) END
        AS change_percent
FROM paired AS p
ORDER BY p.day, p.job, p.system, p.workload, p.figure;
