-- table macro: smooth_goodput
-- grain: one row a system and workload
-- doc: Smooth goodput of any reader and benefit function, over all requests of any status.
-- param: speed DOUBLE  Tokens a second that the reader reads, above 0.
-- param: alpha DOUBLE = NULL  Weight of waiting, >= 0; NULL: 2.5 tokens a second waited for linear, an error for others.
-- param: first_token_ms DOUBLE = NULL  When the reader expects the first token; NULL: as long as one token takes to read.
-- param: penalty VARCHAR = 'linear'  The benefit function: linear, quadratic, fraction, exponential or step.
-- param: tau_s DOUBLE = NULL  Time constant above 0, needed by fraction and exponential, refused for others.
-- param: unfinished_idle_s DOUBLE = 0  Idle time added to every request that is not ok.
-- column: system VARCHAR  The serving system.
-- column: workload VARCHAR  The workload.
-- column: requests BIGINT  Requests, any status.
-- column: duration_s DOUBLE  T: what the connection was opened with, else the sum over the runs that the group touches (in a store, the nights, where they have bounds); NULL if one is unknown, or T is 0.
-- column: smooth_goodput DOUBLE  Sum of benefit / T, in tokens/s; NULL if T is unknown or 0, or any benefit is NULL.
-- column: smooth_goodput_min DOUBLE  Its lower bound, only where the sum of benefit is not known; NULL if nothing bounds it.
-- column: smooth_goodput_max DOUBLE  Its upper bound, only where the sum of benefit is not known; NULL if nothing bounds it.
CREATE OR REPLACE MACRO smooth_goodput(
    speed,
    alpha := NULL,
    first_token_ms := NULL,
    penalty := 'linear',
    tau_s := NULL,
    unfinished_idle_s := 0
) AS TABLE
WITH by_run AS (
    SELECT
        s.system,
        s.workload,
        s.job,
        s.day,
        s.commit_id,
        s.run,
        count(*) AS requests,
        _whole_fsum(s.benefit) AS benefit,
        _whole_fsum(s.benefit_min) AS benefit_min,
        _whole_fsum(s.benefit_max) AS benefit_max
    FROM scored(
        speed,
        alpha := alpha,
        first_token_ms := first_token_ms,
        penalty := penalty,
        tau_s := tau_s,
        unfinished_idle_s := unfinished_idle_s
    ) AS s
    GROUP BY s.system, s.workload, s.job, s.day, s.commit_id, s.run
),
grouped AS (
    SELECT
        b.system,
        b.workload,
        CAST(sum(b.requests) AS BIGINT) AS requests,
        coalesce(_given_ns(), _window_sum(w.unit, w.unit_ns)) AS duration_ns,
        _whole_fsum(b.benefit) AS benefit,
        _whole_fsum(b.benefit_min) AS benefit_min,
        _whole_fsum(b.benefit_max) AS benefit_max
    FROM by_run AS b
    LEFT JOIN _run_windows AS w
        ON b.run = w.run
        AND b.job IS NOT DISTINCT FROM w.job
        AND b.day IS NOT DISTINCT FROM w.day
        AND b.commit_id IS NOT DISTINCT FROM w.commit_id
    GROUP BY b.system, b.workload
)
SELECT
    g.system,
    g.workload,
    g.requests,
    _seconds(g.duration_ns) AS duration_s,
    _rate(g.benefit, g.duration_ns) AS smooth_goodput,
    CASE WHEN g.benefit IS NULL THEN _rate(g.benefit_min, g.duration_ns) END AS smooth_goodput_min,
    CASE WHEN g.benefit IS NULL THEN _rate(g.benefit_max, g.duration_ns) END AS smooth_goodput_max
FROM grouped AS g
ORDER BY g.system, g.workload;
