-- view: slo_by_class
-- grain: one row a night, system and SLO class; of requests that no class is configured for, one more
-- doc: Every request against the SLO and the reader of its own class, as the job was configured for its
--   workload or tenant when the night was measured. Of the classes that match a request the one of
--   the least position counts. Without a store no class is configured.
-- column: job VARCHAR  The job of the store; NULL unless the input is a store.
-- column: day DATE  The night; NULL unless the input is a store.
-- column: system VARCHAR  The serving system.
-- column: class VARCHAR  The class; NULL for the requests that no class is configured for.
-- column: requests BIGINT  Requests, any status.
-- column: attained BIGINT  Requests that attain the SLO of the class; NULL if it has none, or without a class.
-- column: undetermined BIGINT  Requests with a clause that their timing leaves open; NULL where attained is.
-- column: slo_attainment DOUBLE  Attained / requests of the denominator of the class; NULL where attained is, or if the denominator is empty.
-- column: duration_s DOUBLE  T: the sum over the runs that the group touches (in a store, the nights, where they have bounds); NULL if one is unknown, or T is 0.
-- column: request_goodput DOUBLE  Attained requests / T, in requests/s; NULL where attained is, or if T is unknown or 0.
-- column: token_goodput DOUBLE  Tokens of attained requests / T, in tokens/s; NULL where attained is, if T is unknown or 0, or if a token count is unknown.
-- column: smooth_goodput DOUBLE  Sum of benefit / T under the reader and benefit function of the class, in tokens/s; NULL without a class, if T is unknown or 0, or any benefit is NULL.
-- column: smooth_goodput_min DOUBLE  Its lower bound, only where the sum of benefit is not known; NULL if nothing bounds it.
-- column: smooth_goodput_max DOUBLE  Its upper bound, only where the sum of benefit is not known; NULL if nothing bounds it.
CREATE OR REPLACE VIEW slo_by_class AS
WITH by_run AS (
    SELECT
        s.job,
        s.day,
        s.commit_id,
        s.system,
        s.class,
        s.run,
        count(*) AS requests,
        count(s.attained) AS judged,
        count(*) FILTER (s.attained) AS attained,
        count(*) FILTER (s.undetermined) AS undetermined,
        count(*) FILTER (s.counts) AS counted,
        count(*) FILTER (s.counts AND s.attained) AS attained_counted,
        CASE
            WHEN count(*) FILTER (s.attained AND s.n_output_tokens IS NULL) = 0
                THEN coalesce(sum(s.n_output_tokens) FILTER (s.attained), 0)
        END AS tokens,
        _whole_fsum(s.benefit) AS benefit,
        _whole_fsum(s.benefit_min) AS benefit_min,
        _whole_fsum(s.benefit_max) AS benefit_max
    FROM _class_scores AS s
    GROUP BY s.job, s.day, s.commit_id, s.system, s.class, s.run
),
grouped AS (
    SELECT
        b.job,
        b.day,
        b.system,
        b.class,
        CAST(sum(b.requests) AS BIGINT) AS requests,
        sum(b.judged) > 0 AS judged,
        CAST(sum(b.attained) AS BIGINT) AS attained,
        CAST(sum(b.undetermined) AS BIGINT) AS undetermined,
        sum(b.counted) AS counted,
        sum(b.attained_counted) AS attained_counted,
        _whole_sum(b.tokens) AS tokens,
        _whole_fsum(b.benefit) AS benefit,
        _whole_fsum(b.benefit_min) AS benefit_min,
        _whole_fsum(b.benefit_max) AS benefit_max,
        coalesce(_given_ns(), _window_sum(w.unit, w.unit_ns)) AS duration_ns
    FROM by_run AS b
    LEFT JOIN _run_windows AS w
        ON b.run = w.run
        AND _is_same(b.job, w.job)
        AND _is_same(b.day, w.day)
        AND _is_same(b.commit_id, w.commit_id)
    GROUP BY b.job, b.day, b.system, b.class
)
SELECT
    g.job,
    g.day,
    g.system,
    g.class,
    g.requests,
    CASE WHEN g.judged THEN g.attained END AS attained,
    CASE WHEN g.judged THEN g.undetermined END AS undetermined,
    CASE WHEN g.judged AND g.counted > 0 THEN g.attained_counted / g.counted END AS slo_attainment,
    _seconds(g.duration_ns) AS duration_s,
    CASE WHEN g.judged THEN _rate(g.attained, g.duration_ns) END AS request_goodput,
    CASE WHEN g.judged THEN _rate(g.tokens, g.duration_ns) END AS token_goodput,
    _rate(g.benefit, g.duration_ns) AS smooth_goodput,
    CASE WHEN g.benefit IS NULL THEN _rate(g.benefit_min, g.duration_ns) END AS smooth_goodput_min,
    CASE WHEN g.benefit IS NULL THEN _rate(g.benefit_max, g.duration_ns) END AS smooth_goodput_max
FROM grouped AS g
ORDER BY g.day, g.job, g.system, g.class;
