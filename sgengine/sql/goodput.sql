-- table macro: goodput
-- grain: one row a system and workload
-- doc: Attainment and goodput of any SLO whose clauses are ttft, tpot, tbt, e2e and pace; a request
--   attains it if it is ok, has a token, and keeps every clause. Without a clause the figures are NULL.
-- param: max_ttft_ms DOUBLE = NULL  Clause ttft; NULL: no such clause.
-- param: max_tpot_ms DOUBLE = NULL  Clause tpot.
-- param: max_tbt_ms DOUBLE = NULL  Clause tbt: every gap between chunks.
-- param: max_e2e_ms DOUBLE = NULL  Clause e2e.
-- param: speed DOUBLE = NULL  Clause pace: a reader of so many tokens a second never waits.
-- param: first_token_ms DOUBLE = NULL  When that reader expects the first token; NULL: as long as one token takes to read.
-- column: system VARCHAR  The serving system.
-- column: workload VARCHAR  The workload.
-- column: requests BIGINT  Requests, any status.
-- column: attained BIGINT  Requests that attain the SLO; NULL if there is no clause.
-- column: undetermined BIGINT  Requests with a clause that their timing leaves open; NULL if there is no clause.
-- column: duration_s DOUBLE  T: what the connection was opened with, else the sum over the runs that the group touches (in a store, the nights, where they have bounds); NULL if one is unknown, or T is 0.
-- column: slo_attainment DOUBLE  attained / requests; NULL if there is no clause.
-- column: request_goodput DOUBLE  Attained requests / T, in requests/s; NULL if there is no clause, or T is unknown or 0.
-- column: token_goodput DOUBLE  Tokens of attained requests / T, in tokens/s; NULL if there is no clause, T is unknown or 0, or a token count is unknown.
CREATE OR REPLACE MACRO goodput(
    max_ttft_ms := NULL,
    max_tpot_ms := NULL,
    max_tbt_ms := NULL,
    max_e2e_ms := NULL,
    speed := NULL,
    first_token_ms := NULL
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
        count(s.attained) AS judged,
        count(*) FILTER (s.attained) AS attained,
        count(*) FILTER (s.undetermined) AS undetermined,
        CASE
            WHEN count(*) FILTER (s.attained AND s.n_output_tokens IS NULL) = 0
                THEN coalesce(sum(s.n_output_tokens) FILTER (s.attained), 0)
        END AS tokens
    FROM _scored(
        _chosen(
            speed, first_token_ms, NULL, 'linear', NULL, 0,
            max_ttft_ms, max_tbt_ms, max_tpot_ms, max_e2e_ms, speed IS NOT NULL
        )
    ) AS s
    GROUP BY s.system, s.workload, s.job, s.day, s.commit_id, s.run
),
grouped AS (
    SELECT
        b.system,
        b.workload,
        CAST(sum(b.requests) AS BIGINT) AS requests,
        CASE WHEN sum(b.judged) > 0 THEN CAST(sum(b.attained) AS BIGINT) END AS attained,
        CASE WHEN sum(b.judged) > 0 THEN CAST(sum(b.undetermined) AS BIGINT) END AS undetermined,
        CASE WHEN sum(b.judged) > 0 THEN _whole_sum(b.tokens) END AS tokens,
        coalesce(_given_ns(), _window_sum(w.unit, w.unit_ns)) AS duration_ns
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
    g.attained,
    g.undetermined,
    _seconds(g.duration_ns) AS duration_s,
    g.attained / g.requests AS slo_attainment,
    _rate(g.attained, g.duration_ns) AS request_goodput,
    _rate(g.tokens, g.duration_ns) AS token_goodput
FROM grouped AS g
ORDER BY g.system, g.workload;
