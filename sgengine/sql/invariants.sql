-- view: invariants
-- grain: one row a rule that is broken, and the place where
-- doc: What must hold in every trace and in every store, as queries that find where it does not: no row is
--   good news. request_twice, gap_twice, night_twice: a key comes again. night_requests, night_rows,
--   run_rows, rejected_rows: counts of NIGHTS, RUNS and REJECTS that do not add up. run_contents,
--   gap_count: tokens, chunks or gaps of a run that are not those of its requests. without_run,
--   without_night: requests that no row of runs or nights speaks of. outside_night: an arrival beyond
--   the bounds of its night. times_order, idle_of_envelope, idle_bounds, late_tokens, tpot_of_times,
--   no_tokens, status_name, not_finite: columns of one request that contradict each other.
-- column: invariant VARCHAR  The rule that is broken.
-- column: job VARCHAR  The job of the store; NULL unless the input is a store.
-- column: day DATE  The night; NULL unless the input is a store.
-- column: run VARCHAR  The run; NULL where the rule is about a night or a source.
-- column: place VARCHAR  The request, the source, or the group; NULL where run or day says it all.
-- column: found VARCHAR  What was found.
CREATE OR REPLACE VIEW invariants AS
WITH by_request AS (
    SELECT
        r.job,
        r.day,
        r.run,
        r.request_id,
        unnest([
            CASE
                WHEN r.ttft_ns > r.e2e_latency_ns OR r.e2e_latency_ns > r.last_chunk_ns
                    OR least(r.ttft_ns, r.itl_max_ns, r.end_ns, r.last_chunk_ns) < 0
                    THEN {
                        'invariant': 'times_order',
                        'found': concat_ws(
                            ', ', r.ttft_ns, r.e2e_latency_ns, r.last_chunk_ns, r.itl_max_ns
                        )
                    }
            END,
            CASE
                WHEN r.user_idle_latency_ns IS DISTINCT FROM
                    _idle_ns(r.envelope, r.reader_first_ns, r.reader_pace_ns)
                    THEN {
                        'invariant': 'idle_of_envelope',
                        'found': coalesce(CAST(r.user_idle_latency_ns AS VARCHAR), 'NULL')
                    }
            END,
            CASE
                WHEN r.user_idle_latency_ns_min IS DISTINCT FROM
                        _idle_ns(r.envelope_min, r.reader_first_ns, r.reader_pace_ns)
                    OR r.user_idle_latency_ns_max IS DISTINCT FROM
                        _idle_ns(r.envelope_max, r.reader_first_ns, r.reader_pace_ns)
                    OR r.user_idle_latency_ns_min > r.user_idle_latency_ns_max
                    OR (
                        r.envelope IS NOT NULL
                        AND coalesce(r.envelope_min, r.envelope_max) IS NOT NULL
                    )
                    THEN {
                        'invariant': 'idle_bounds',
                        'found': concat_ws(
                            ' to ', r.user_idle_latency_ns_min, r.user_idle_latency_ns_max
                        )
                    }
            END,
            CASE
                WHEN (r.late_tokens > 0) <> (r.user_idle_latency_ns > 0)
                    OR r.late_tokens NOT BETWEEN 0 AND r.n_output_tokens
                    THEN {
                        'invariant': 'late_tokens',
                        'found': r.late_tokens || ' late of ' || r.n_output_tokens
                    }
            END,
            CASE
                WHEN abs(r.tpot_ns * (r.n_output_tokens - 1) - (r.e2e_latency_ns - r.ttft_ns))
                    > 1e-9 * (r.e2e_latency_ns - r.ttft_ns) + 1
                    THEN {'invariant': 'tpot_of_times', 'found': CAST(r.tpot_ns AS VARCHAR)}
            END,
            CASE
                WHEN r.n_output_tokens < 0
                    OR (
                        r.n_output_tokens = 0 AND coalesce(
                            r.ttft_ns, r.e2e_latency_ns, r.user_idle_latency_ns
                        ) IS NOT NULL
                    )
                    THEN {
                        'invariant': 'no_tokens',
                        'found': r.n_output_tokens || ' tokens, with times'
                    }
            END,
            CASE
                WHEN r.status NOT IN (
                    'ok', 'failed', 'timeout', 'rejected', 'cancelled', 'incomplete'
                )
                    THEN {'invariant': 'status_name', 'found': r.status}
            END,
            CASE
                WHEN NOT (
                    isfinite(coalesce(r.tpot_ns, 0)) AND isfinite(coalesce(r.eq5_pace_ns, 0))
                    AND isfinite(coalesce(r.sustained_pace_ns, 0))
                    AND isfinite(coalesce(r.qoe, 0)) AND isfinite(coalesce(r.fluidity, 0))
                )
                    THEN {
                        'invariant': 'not_finite',
                        'found': concat_ws(
                            ', ', r.tpot_ns, r.eq5_pace_ns, r.sustained_pace_ns, r.qoe, r.fluidity
                        )
                    }
            END,
            CASE
                WHEN r.clock = 'unix' AND (r.arrival_ns < n.from_ns OR r.arrival_ns >= n.until_ns)
                    THEN {
                        'invariant': 'outside_night',
                        'found': 'arrival_ns ' || r.arrival_ns
                    }
            END
        ]) AS broken
    FROM measured_requests AS r
    LEFT JOIN measured_nights AS n
        ON r.job = n.job AND r.day = n.day AND r.commit_id = n.commit_id
),
contents AS (
    SELECT
        r.job,
        r.day,
        r.commit_id,
        r.run,
        count(*) AS requests,
        count(*) FILTER (r.status = 'incomplete') AS incomplete,
        CAST(coalesce(sum(r.n_output_tokens), 0) AS BIGINT) AS tokens,
        CAST(coalesce(sum(r.n_chunks), 0) AS BIGINT) AS chunks,
        CAST(coalesce(sum(greatest(r.n_chunks - 1, 0)), 0) AS BIGINT) AS gaps
    FROM measured_requests AS r
    GROUP BY r.job, r.day, r.commit_id, r.run
),
by_run AS (
    SELECT
        r.job,
        r.day,
        r.commit_id,
        r.run,
        CAST(sum(r.n_output_tokens) AS BIGINT) AS tokens,
        CAST(sum(r.n_chunks) AS BIGINT) AS chunks
    FROM measured_runs AS r
    GROUP BY r.job, r.day, r.commit_id, r.run
),
gap_counts AS (
    SELECT
        g.job,
        g.day,
        g.commit_id,
        g.run,
        CAST(sum(g.count) AS BIGINT) AS gaps
    FROM measured_gaps AS g
    GROUP BY g.job, g.day, g.commit_id, g.run
    HAVING count(*) FILTER (g.itl_rule <> 'chunk') = 0
),
compared AS (
    SELECT
        c.job,
        c.day,
        c.run,
        c.requests,
        c.tokens,
        c.chunks,
        c.gaps,
        r.tokens AS run_tokens,
        r.chunks AS run_chunks,
        g.gaps AS counted_gaps
    FROM contents AS c
    LEFT JOIN by_run AS r
        ON c.run = r.run AND c.job IS NOT DISTINCT FROM r.job
        AND c.day IS NOT DISTINCT FROM r.day AND c.commit_id IS NOT DISTINCT FROM r.commit_id
    LEFT JOIN gap_counts AS g
        ON c.run = g.run AND c.job IS NOT DISTINCT FROM g.job
        AND c.day IS NOT DISTINCT FROM g.day AND c.commit_id IS NOT DISTINCT FROM g.commit_id
),
held_nights AS (
    SELECT
        c.job,
        c.day,
        c.commit_id,
        CAST(sum(c.requests) AS BIGINT) AS requests,
        CAST(sum(c.incomplete) AS BIGINT) AS incomplete
    FROM contents AS c
    WHERE c.job IS NOT NULL
    GROUP BY c.job, c.day, c.commit_id
),
run_nights AS (
    SELECT
        r.job,
        r.day,
        r.commit_id,
        CAST(sum(r.rows_in) AS BIGINT) AS rows_in,
        CAST(sum(r.rows_measured) AS BIGINT) AS rows_measured,
        CAST(sum(r.rows_rejected) AS BIGINT) AS rows_rejected
    FROM measured_runs AS r
    GROUP BY r.job, r.day, r.commit_id
),
rejected AS (
    SELECT
        b.job,
        b.day,
        b.source,
        sum(b.in_runs) AS in_runs,
        sum(b.in_rejects) AS in_rejects
    FROM (
        SELECT r.job, r.day, r.source, r.rows_rejected AS in_runs, 0 AS in_rejects
        FROM measured_runs AS r
        UNION ALL
        SELECT j.job, j.day, j.source, 0 AS in_runs, j.count AS in_rejects
        FROM measured_rejects AS j
    ) AS b
    GROUP BY b.job, b.day, b.source
),
found AS (
    SELECT
        b.broken.invariant AS invariant, b.job, b.day, b.run, b.request_id AS place,
        b.broken.found AS found
    FROM by_request AS b
    WHERE b.broken IS NOT NULL
    UNION ALL
    SELECT
        'request_twice', r.job, r.day, r.run, r.request_id,
        count(*) || ' rows of ' || count(DISTINCT r.commit_id) || ' commits'
    FROM measured_requests AS r
    GROUP BY r.job, r.day, r.run, r.request_id
    HAVING count(*) > 1
    UNION ALL
    SELECT
        'gap_twice', g.job, g.day, g.run,
        concat_ws(', ', g.system, g.workload, g.hour_ns, g.itl_rule, 'bucket ' || g.bucket),
        count(*) || ' rows'
    FROM measured_gaps AS g
    GROUP BY g.job, g.day, g.run, g.system, g.workload, g.hour_ns, g.itl_rule, g.bucket
    HAVING count(*) > 1
    UNION ALL
    SELECT 'night_twice', n.job, n.day, NULL, NULL, count(*) || ' rows'
    FROM measured_nights AS n
    GROUP BY n.job, n.day
    HAVING count(*) > 1
    UNION ALL
    SELECT
        'night_requests', n.job, n.day, NULL, NULL,
        n.requests || ' and ' || n.incomplete || ' incomplete in nights, '
        || coalesce(h.requests, 0) || ' and ' || coalesce(h.incomplete, 0) || ' in requests'
    FROM measured_nights AS n
    LEFT JOIN held_nights AS h
        ON n.job = h.job AND n.day = h.day AND n.commit_id = h.commit_id
    WHERE n.requests <> coalesce(h.requests, 0) OR n.incomplete <> coalesce(h.incomplete, 0)
    UNION ALL
    SELECT
        'night_rows', n.job, n.day, NULL, NULL,
        concat_ws(', ', n.rows_in, n.rows_measured, n.rows_rejected) || ' in nights, '
        || concat_ws(', ', r.rows_in, r.rows_measured, r.rows_rejected) || ' in runs'
    FROM measured_nights AS n
    LEFT JOIN run_nights AS r
        ON n.job = r.job AND n.day = r.day AND n.commit_id = r.commit_id
    WHERE n.rows_in <> n.rows_measured + n.rows_rejected
        OR n.rows_in <> coalesce(r.rows_in, 0)
        OR n.rows_measured <> coalesce(r.rows_measured, 0)
        OR n.rows_rejected <> coalesce(r.rows_rejected, 0)
    UNION ALL
    SELECT
        'run_rows', r.job, r.day, r.run, r.source,
        concat_ws(', ', r.rows_in, r.rows_measured, r.rows_rejected)
    FROM measured_runs AS r
    WHERE r.rows_in <> r.rows_measured + r.rows_rejected
        OR least(r.rows_measured, r.rows_rejected) < 0
    UNION ALL
    SELECT
        'rejected_rows', j.job, j.day, NULL, j.source,
        j.in_runs || ' in runs, ' || j.in_rejects || ' in rejects'
    FROM rejected AS j
    WHERE j.in_runs <> j.in_rejects
    UNION ALL
    SELECT
        'run_contents', c.job, c.day, c.run, NULL,
        c.run_tokens || ' tokens and ' || c.run_chunks || ' chunks in runs, '
        || c.tokens || ' and ' || c.chunks || ' in requests'
    FROM compared AS c
    WHERE c.run_tokens <> c.tokens OR c.run_chunks <> c.chunks
    UNION ALL
    SELECT
        'gap_count', c.job, c.day, c.run, NULL,
        c.counted_gaps || ' in gaps, ' || c.gaps || ' in requests'
    FROM compared AS c
    WHERE c.counted_gaps <> c.gaps
    UNION ALL
    SELECT 'without_run', c.job, c.day, c.run, NULL, c.requests || ' requests'
    FROM compared AS c
    WHERE c.run_tokens IS NULL
    UNION ALL
    SELECT 'without_night', h.job, h.day, NULL, NULL, h.requests || ' requests'
    FROM held_nights AS h
    LEFT JOIN measured_nights AS n
        ON h.job = n.job AND h.day = n.day AND h.commit_id = n.commit_id
    WHERE n.commit_id IS NULL
)
SELECT
    f.invariant,
    f.job,
    f.day,
    f.run,
    f.place,
    f.found
FROM found AS f
ORDER BY f.invariant, f.day, f.job, f.run, f.place, f.found;
