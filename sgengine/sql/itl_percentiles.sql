-- view: itl_percentiles
-- grain: one row a job, day, system, workload and chunk rule
-- doc: Inter-token latency from the merged histograms (the view gaps): every order statistic is the middle
--   of its bucket, so each figure is within 1/256 relative of the exact one (below 256 ns, within half
--   a ns). A system and workload without a gap has one row of NULLs. The exact figures need the tokens:
--   sgengine analyze gives them.
-- column: job VARCHAR  The job of the store; NULL unless the input is a store.
-- column: day DATE  The night; NULL unless the input is a store.
-- column: system VARCHAR  The serving system.
-- column: workload VARCHAR  The workload.
-- column: itl_rule VARCHAR  The chunk rule: chunk, spread, token or divide; NULL if there is no gap.
-- column: n_itl BIGINT  Samples, exact.
-- column: itl_mean_approx_ms DOUBLE  Mean; NULL if there is no gap, as all that follow.
-- column: itl_min_approx_ms DOUBLE  The least.
-- column: itl_p50_approx_ms DOUBLE  50th percentile (linear interpolation).
-- column: itl_p90_approx_ms DOUBLE  90th percentile.
-- column: itl_p95_approx_ms DOUBLE  95th percentile.
-- column: itl_p99_approx_ms DOUBLE  99th percentile.
-- column: itl_p99_9_approx_ms DOUBLE  99.9th percentile.
-- column: itl_max_approx_ms DOUBLE  The greatest.
CREATE OR REPLACE VIEW itl_percentiles AS
WITH merged AS (
    SELECT
        g.job, g.day, g.system, g.workload, g.itl_rule, g.bucket,
        CAST(sum(g.count) AS BIGINT) AS n
    FROM measured_gaps AS g
    GROUP BY g.job, g.day, g.system, g.workload, g.itl_rule, g.bucket
),
placed AS (
    SELECT
        m.job, m.day, m.system, m.workload, m.itl_rule, m.n,
        (_bucket_edge_ns(m.bucket) + _bucket_edge_ns(m.bucket + 1)) / 2 AS middle,
        CAST(sum(m.n) OVER (
            PARTITION BY m.job, m.day, m.system, m.workload, m.itl_rule ORDER BY m.bucket
        ) AS BIGINT) AS up_to,
        CAST(sum(m.n) OVER (
            PARTITION BY m.job, m.day, m.system, m.workload, m.itl_rule
        ) AS BIGINT) AS total
    FROM merged AS m
),
figures AS (
    SELECT
        p.job, p.day, p.system, p.workload, p.itl_rule,
        max(p.total) AS n_itl,
        fsum(p.middle * p.n) / max(p.total) / 1e6 AS itl_mean_approx_ms,
        min(p.middle) / 1e6 AS itl_min_approx_ms,
        _histogram_percentile(p.middle, p.up_to, p.total, 500) / 1e6
            AS itl_p50_approx_ms,
        _histogram_percentile(p.middle, p.up_to, p.total, 900) / 1e6
            AS itl_p90_approx_ms,
        _histogram_percentile(p.middle, p.up_to, p.total, 950) / 1e6
            AS itl_p95_approx_ms,
        _histogram_percentile(p.middle, p.up_to, p.total, 990) / 1e6
            AS itl_p99_approx_ms,
        _histogram_percentile(p.middle, p.up_to, p.total, 999) / 1e6
            AS itl_p99_9_approx_ms,
        max(p.middle) / 1e6 AS itl_max_approx_ms
    FROM placed AS p
    GROUP BY p.job, p.day, p.system, p.workload, p.itl_rule
),
every AS (
    SELECT * FROM figures
    UNION ALL BY NAME
    SELECT DISTINCT r.job, r.day, r.system, r.workload, 0 AS n_itl FROM measured_requests AS r
)
SELECT
    e.job,
    e.day,
    e.system,
    e.workload,
    e.itl_rule,
    e.n_itl,
    e.itl_mean_approx_ms,
    e.itl_min_approx_ms,
    e.itl_p50_approx_ms,
    e.itl_p90_approx_ms,
    e.itl_p95_approx_ms,
    e.itl_p99_approx_ms,
    e.itl_p99_9_approx_ms,
    e.itl_max_approx_ms
FROM every AS e
QUALIFY e.n_itl > 0 OR max(e.n_itl) OVER (PARTITION BY e.job, e.day, e.system, e.workload) = 0
ORDER BY e.day, e.job, e.system, e.workload, e.itl_rule;
