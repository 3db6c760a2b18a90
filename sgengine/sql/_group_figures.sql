-- table macro: _group_figures
-- grain: one row a group
-- doc: Every figure of a group of requests under the settings that the connection was opened with;
--   the by_* views pick their key columns. A key that is not grouped by is one constant, so that
--   one definition serves them all.
-- param: with_night BOOLEAN  Whether to group by job and day.
-- param: with_system BOOLEAN  Whether to group by system.
-- param: with_workload BOOLEAN  Whether to group by workload.
-- param: with_hour BOOLEAN  Whether to group by hour of arrival.
-- column: job VARCHAR  The job of the store; NULL unless grouped by it.
-- column: day DATE  The night; NULL unless grouped by it.
-- column: system VARCHAR  The serving system; NULL unless grouped by it.
-- column: workload VARCHAR  The workload; NULL unless grouped by it.
-- column: hour TIMESTAMP  Start of the hour of arrival, in UTC; NULL unless grouped by it.
-- column: requests BIGINT  Requests, any status.
-- column: n_ok BIGINT  Requests with status ok.
-- column: n_failed BIGINT  Requests with status failed.
-- column: n_timeout BIGINT  Requests with status timeout.
-- column: n_rejected BIGINT  Requests with status rejected.
-- column: n_cancelled BIGINT  Requests with status cancelled.
-- column: n_incomplete BIGINT  Requests with status incomplete.
-- column: n_output_tokens BIGINT  Tokens delivered; NULL if any request's count is unknown.
-- column: duration_s DOUBLE  T: what the caller states, else 3600 for an hour, or what of it the chosen windows cover, else the sum over the runs that the group touches (in a store, the nights, where they have bounds); NULL if one is unknown, or T is 0.
-- column: request_throughput DOUBLE  Requests with status ok / T, in requests/s; NULL if T is unknown or 0, as for every rate.
-- column: output_throughput DOUBLE  Tokens delivered / T, in tokens/s; NULL if any count is unknown.
-- column: total_throughput DOUBLE  The same plus the input tokens of requests with a token; NULL if any count is unknown.
-- column: chunks_per_token DOUBLE  Chunks / tokens, over the requests where both are known and there is a token; NULL if none.
-- column: n_ttft BIGINT  Requests with a time to first token.
-- column: ttft_mean_ms DOUBLE  Mean of time to first token; NULL if no request has one.
-- column: ttft_std_ms DOUBLE  Standard deviation (ddof 0) of time to first token; NULL if no request has one.
-- column: ttft_min_ms DOUBLE  Least of time to first token; NULL if no request has one.
-- column: ttft_p50_ms DOUBLE  50th percentile (linear interpolation) of time to first token; NULL if no request has one.
-- column: ttft_p90_ms DOUBLE  90th percentile of time to first token; NULL if no request has one.
-- column: ttft_p95_ms DOUBLE  95th percentile of time to first token; NULL if no request has one.
-- column: ttft_p99_ms DOUBLE  99th percentile of time to first token; NULL if no request has one.
-- column: ttft_p99_9_ms DOUBLE  99.9th percentile of time to first token; NULL if no request has one.
-- column: ttft_max_ms DOUBLE  Greatest of time to first token; NULL if no request has one.
-- column: n_tpot BIGINT  Requests with a time per output token after the first.
-- column: tpot_mean_ms DOUBLE  Mean of time per output token after the first; NULL if no request has one.
-- column: tpot_std_ms DOUBLE  Standard deviation (ddof 0) of time per output token after the first; NULL if no request has one.
-- column: tpot_min_ms DOUBLE  Least of time per output token after the first; NULL if no request has one.
-- column: tpot_p50_ms DOUBLE  50th percentile (linear interpolation) of time per output token after the first; NULL if no request has one.
-- column: tpot_p90_ms DOUBLE  90th percentile of time per output token after the first; NULL if no request has one.
-- column: tpot_p95_ms DOUBLE  95th percentile of time per output token after the first; NULL if no request has one.
-- column: tpot_p99_ms DOUBLE  99th percentile of time per output token after the first; NULL if no request has one.
-- column: tpot_p99_9_ms DOUBLE  99.9th percentile of time per output token after the first; NULL if no request has one.
-- column: tpot_max_ms DOUBLE  Greatest of time per output token after the first; NULL if no request has one.
-- column: n_e2e_latency BIGINT  Requests with a end-to-end latency.
-- column: e2e_latency_mean_ms DOUBLE  Mean of end-to-end latency; NULL if no request has one.
-- column: e2e_latency_std_ms DOUBLE  Standard deviation (ddof 0) of end-to-end latency; NULL if no request has one.
-- column: e2e_latency_min_ms DOUBLE  Least of end-to-end latency; NULL if no request has one.
-- column: e2e_latency_p50_ms DOUBLE  50th percentile (linear interpolation) of end-to-end latency; NULL if no request has one.
-- column: e2e_latency_p90_ms DOUBLE  90th percentile of end-to-end latency; NULL if no request has one.
-- column: e2e_latency_p95_ms DOUBLE  95th percentile of end-to-end latency; NULL if no request has one.
-- column: e2e_latency_p99_ms DOUBLE  99th percentile of end-to-end latency; NULL if no request has one.
-- column: e2e_latency_p99_9_ms DOUBLE  99.9th percentile of end-to-end latency; NULL if no request has one.
-- column: e2e_latency_max_ms DOUBLE  Greatest of end-to-end latency; NULL if no request has one.
-- column: n_user_idle_latency BIGINT  Requests with a user idle latency of the measured reader.
-- column: user_idle_latency_mean_ms DOUBLE  Mean of user idle latency of the measured reader; NULL if no request has one.
-- column: user_idle_latency_std_ms DOUBLE  Standard deviation (ddof 0) of user idle latency of the measured reader; NULL if no request has one.
-- column: user_idle_latency_min_ms DOUBLE  Least of user idle latency of the measured reader; NULL if no request has one.
-- column: user_idle_latency_p50_ms DOUBLE  50th percentile (linear interpolation) of user idle latency of the measured reader; NULL if no request has one.
-- column: user_idle_latency_p90_ms DOUBLE  90th percentile of user idle latency of the measured reader; NULL if no request has one.
-- column: user_idle_latency_p95_ms DOUBLE  95th percentile of user idle latency of the measured reader; NULL if no request has one.
-- column: user_idle_latency_p99_ms DOUBLE  99th percentile of user idle latency of the measured reader; NULL if no request has one.
-- column: user_idle_latency_p99_9_ms DOUBLE  99.9th percentile of user idle latency of the measured reader; NULL if no request has one.
-- column: user_idle_latency_max_ms DOUBLE  Greatest of user idle latency of the measured reader; NULL if no request has one.
-- column: smooth_goodput DOUBLE  Sum of benefit / T over all requests, in tokens/s; NULL if any benefit is NULL.
-- column: smooth_goodput_min DOUBLE  Its lower bound, only where the sum of benefit is not known; NULL if nothing bounds it.
-- column: smooth_goodput_max DOUBLE  Its upper bound, only where the sum of benefit is not known; NULL if nothing bounds it.
-- column: attained BIGINT  Requests that attain the SLO; NULL if there is none.
-- column: undetermined BIGINT  Requests with a clause that their timing leaves open; NULL without an SLO.
-- column: slo_attainment DOUBLE  Attained / requests of the denominator of the settings; NULL without an SLO, or if the denominator is empty.
-- column: request_goodput DOUBLE  Attained requests / T, in requests/s; NULL without an SLO.
-- column: token_goodput DOUBLE  Tokens of attained requests / T, in tokens/s; NULL without an SLO, or if a count is unknown.
-- column: token_attainment DOUBLE  1 - late tokens / tokens for the measured reader; NULL if there are no tokens or a count is unknown.
-- column: on_time_token_goodput DOUBLE  Tokens on time for the measured reader / T, in tokens/s; NULL if a count is unknown.
CREATE OR REPLACE MACRO _group_figures(with_night, with_system, with_workload, with_hour) AS TABLE
WITH keyed AS (
    SELECT
        CASE WHEN with_night THEN s.job END AS key_job,
        CASE WHEN with_night THEN s.day END AS key_day,
        CASE WHEN with_system THEN s.system END AS key_system,
        CASE WHEN with_workload THEN s.workload END AS key_workload,
        CASE WHEN with_hour THEN s.hour END AS key_hour,
        s.*,
        _in_denominator(m.denominator, s.status, s.undetermined) AS counts
    FROM _measured_scores AS s, measured_settings AS m
),
grouped AS (
    SELECT
        k.key_job,
        k.key_day,
        k.key_system,
        k.key_workload,
        k.key_hour,
        list(DISTINCT {'job': k.job, 'day': k.day, 'commit_id': k.commit_id, 'run': k.run})
            AS touched,
        count(*) AS requests,
        count(*) FILTER (k.status = 'ok') AS n_ok,
        count(*) FILTER (k.status = 'failed') AS n_failed,
        count(*) FILTER (k.status = 'timeout') AS n_timeout,
        count(*) FILTER (k.status = 'rejected') AS n_rejected,
        count(*) FILTER (k.status = 'cancelled') AS n_cancelled,
        count(*) FILTER (k.status = 'incomplete') AS n_incomplete,
        _whole_sum(k.n_output_tokens) AS tokens,
        _whole_sum(CASE WHEN k.n_output_tokens = 0 THEN 0 ELSE k.n_input_tokens END)
            AS input_tokens,
        _whole_sum(CASE WHEN k.n_output_tokens = 0 THEN 0 ELSE k.late_tokens END) AS late,
        sum(k.n_chunks) FILTER (k.n_output_tokens > 0) AS chunks,
        sum(k.n_output_tokens) FILTER (k.n_output_tokens > 0 AND k.n_chunks IS NOT NULL) AS chunked,
        _latency(k.ttft_ns) AS ttft,
        _latency(k.tpot_ns) AS tpot,
        _latency(k.e2e_latency_ns) AS e2e,
        _latency(k.idle_ns) AS idle,
        _whole_fsum(k.benefit) AS benefit,
        _whole_fsum(k.benefit_min) AS benefit_min,
        _whole_fsum(k.benefit_max) AS benefit_max,
        count(k.attained) > 0 AS judged,
        count(*) FILTER (k.attained) AS n_attained,
        count(*) FILTER (k.undetermined) AS n_undetermined,
        count(*) FILTER (k.counts) AS n_counted,
        count(*) FILTER (k.counts AND k.attained) AS n_attained_counted,
        CASE
            WHEN count(*) FILTER (k.attained AND k.n_output_tokens IS NULL) = 0
                THEN coalesce(sum(k.n_output_tokens) FILTER (k.attained), 0)
        END AS attained_tokens
    FROM keyed AS k
    GROUP BY k.key_job, k.key_day, k.key_system, k.key_workload, k.key_hour
),
-- The requests are scanned once, and the windows hang on the groups. By night they hang on the groups'
-- own keys, so that a filter on job or day reaches the files of runs and nights, too.
touching AS (
    SELECT
        g.key_job, g.key_day, g.key_system, g.key_workload, g.key_hour,
        g AS figures,
        unnest(g.touched) AS place
    FROM grouped AS g
),
clipped AS (
    SELECT
        t.*,
        w.unit,
        w.unit_ns,
        greatest(w.start_ns, epoch_ns(t.key_hour)) AS start_ns,
        least(w.end_ns, epoch_ns(t.key_hour) + 3600000000000) AS end_ns
    FROM touching AS t
    LEFT JOIN _run_windows AS w
        ON t.place.run = w.run
        AND _is_same(CASE WHEN with_night THEN t.key_job ELSE t.place.job END, w.job)
        AND _is_same(CASE WHEN with_night THEN t.key_day ELSE t.place.day END, w.day)
        AND _is_same(t.place.commit_id, w.commit_id)
),
covering AS (
    SELECT
        c.*,
        greatest(c.start_ns, coalesce(max(c.end_ns) OVER earlier, c.start_ns)) AS new_from_ns
    FROM clipped AS c
    WINDOW earlier AS (
        PARTITION BY c.key_job, c.key_day, c.key_system, c.key_workload, c.key_hour
        ORDER BY c.start_ns, c.end_ns
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
),
windowed AS (
    SELECT
        c.key_job, c.key_day, c.key_system, c.key_workload, c.key_hour,
        any_value(c.figures) AS g,
        CASE
            WHEN _given_ns() IS NOT NULL THEN _given_ns()
            WHEN c.key_hour IS NULL THEN _window_sum(c.unit, c.unit_ns)
            ELSE CAST(sum(greatest(c.end_ns - c.new_from_ns, 0)) AS BIGINT)
        END AS duration_ns
    FROM covering AS c
    GROUP BY c.key_job, c.key_day, c.key_system, c.key_workload, c.key_hour
)
SELECT
    w.key_job AS job,
    w.key_day AS day,
    w.key_system AS system,
    w.key_workload AS workload,
    w.key_hour AS hour,
    w.g.requests,
    w.g.n_ok,
    w.g.n_failed,
    w.g.n_timeout,
    w.g.n_rejected,
    w.g.n_cancelled,
    w.g.n_incomplete,
    CAST(w.g.tokens AS BIGINT) AS n_output_tokens,
    _seconds(w.duration_ns) AS duration_s,
    _rate(w.g.n_ok, w.duration_ns) AS request_throughput,
    _rate(w.g.tokens, w.duration_ns) AS output_throughput,
    _rate(w.g.tokens + w.g.input_tokens, w.duration_ns) AS total_throughput,
    w.g.chunks / w.g.chunked AS chunks_per_token,
    w.g.ttft.n AS n_ttft,
    w.g.ttft.mean / 1e6 AS ttft_mean_ms,
    w.g.ttft.std / 1e6 AS ttft_std_ms,
    w.g.ttft.least / 1e6 AS ttft_min_ms,
    w.g.ttft.percentiles[1] / 1e6 AS ttft_p50_ms,
    w.g.ttft.percentiles[2] / 1e6 AS ttft_p90_ms,
    w.g.ttft.percentiles[3] / 1e6 AS ttft_p95_ms,
    w.g.ttft.percentiles[4] / 1e6 AS ttft_p99_ms,
    w.g.ttft.percentiles[5] / 1e6 AS ttft_p99_9_ms,
    w.g.ttft.greatest / 1e6 AS ttft_max_ms,
    w.g.tpot.n AS n_tpot,
    w.g.tpot.mean / 1e6 AS tpot_mean_ms,
    w.g.tpot.std / 1e6 AS tpot_std_ms,
    w.g.tpot.least / 1e6 AS tpot_min_ms,
    w.g.tpot.percentiles[1] / 1e6 AS tpot_p50_ms,
    w.g.tpot.percentiles[2] / 1e6 AS tpot_p90_ms,
    w.g.tpot.percentiles[3] / 1e6 AS tpot_p95_ms,
    w.g.tpot.percentiles[4] / 1e6 AS tpot_p99_ms,
    w.g.tpot.percentiles[5] / 1e6 AS tpot_p99_9_ms,
    w.g.tpot.greatest / 1e6 AS tpot_max_ms,
    w.g.e2e.n AS n_e2e_latency,
    w.g.e2e.mean / 1e6 AS e2e_latency_mean_ms,
    w.g.e2e.std / 1e6 AS e2e_latency_std_ms,
    w.g.e2e.least / 1e6 AS e2e_latency_min_ms,
    w.g.e2e.percentiles[1] / 1e6 AS e2e_latency_p50_ms,
    w.g.e2e.percentiles[2] / 1e6 AS e2e_latency_p90_ms,
    w.g.e2e.percentiles[3] / 1e6 AS e2e_latency_p95_ms,
    w.g.e2e.percentiles[4] / 1e6 AS e2e_latency_p99_ms,
    w.g.e2e.percentiles[5] / 1e6 AS e2e_latency_p99_9_ms,
    w.g.e2e.greatest / 1e6 AS e2e_latency_max_ms,
    w.g.idle.n AS n_user_idle_latency,
    w.g.idle.mean / 1e6 AS user_idle_latency_mean_ms,
    w.g.idle.std / 1e6 AS user_idle_latency_std_ms,
    w.g.idle.least / 1e6 AS user_idle_latency_min_ms,
    w.g.idle.percentiles[1] / 1e6 AS user_idle_latency_p50_ms,
    w.g.idle.percentiles[2] / 1e6 AS user_idle_latency_p90_ms,
    w.g.idle.percentiles[3] / 1e6 AS user_idle_latency_p95_ms,
    w.g.idle.percentiles[4] / 1e6 AS user_idle_latency_p99_ms,
    w.g.idle.percentiles[5] / 1e6 AS user_idle_latency_p99_9_ms,
    w.g.idle.greatest / 1e6 AS user_idle_latency_max_ms,
    _rate(w.g.benefit, w.duration_ns) AS smooth_goodput,
    CASE WHEN w.g.benefit IS NULL THEN _rate(w.g.benefit_min, w.duration_ns) END
        AS smooth_goodput_min,
    CASE WHEN w.g.benefit IS NULL THEN _rate(w.g.benefit_max, w.duration_ns) END
        AS smooth_goodput_max,
    CASE WHEN w.g.judged THEN w.g.n_attained END AS attained,
    CASE WHEN w.g.judged THEN w.g.n_undetermined END AS undetermined,
    CASE WHEN w.g.judged AND w.g.n_counted > 0 THEN w.g.n_attained_counted / w.g.n_counted END
        AS slo_attainment,
    CASE WHEN w.g.judged THEN _rate(w.g.n_attained, w.duration_ns) END AS request_goodput,
    CASE WHEN w.g.judged THEN _rate(w.g.attained_tokens, w.duration_ns) END AS token_goodput,
    CASE WHEN w.g.tokens > 0 THEN 1 - w.g.late / w.g.tokens END AS token_attainment,
    _rate(w.g.tokens - w.g.late, w.duration_ns) AS on_time_token_goodput
FROM windowed AS w;
