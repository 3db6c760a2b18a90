-- view: slo_attainment
-- grain: one row a system and workload
-- doc: The SLO that the connection was opened with: attainment under every denominator, and of each
--   clause by itself. Everything but requests is NULL without an SLO. For another SLO, see goodput.
-- column: system VARCHAR  The serving system.
-- column: workload VARCHAR  The workload.
-- column: requests BIGINT  Requests, any status.
-- column: attained BIGINT  Requests that are ok, have a token and keep every clause.
-- column: undetermined BIGINT  Requests with a clause that their timing leaves open; they do not attain.
-- column: attainment_all DOUBLE  Attained / all requests.
-- column: attainment_sent DOUBLE  Attained / requests that were sent: the same, for no status says never sent.
-- column: attainment_completed DOUBLE  Attained / requests with status ok; NULL if there are none.
-- column: attainment_determined DOUBLE  Attained / requests without an open clause, not cancelled or incomplete; NULL if there are none.
-- column: one_token BIGINT  Requests with exactly one token: they keep tpot by vacuity.
-- column: one_chunk BIGINT  Requests with exactly one chunk: they keep tbt by vacuity.
-- column: ttft_attainment DOUBLE  Requests that are ok and keep ttft / all requests; NULL without the clause.
-- column: tbt_attainment DOUBLE  The same for tbt.
-- column: tpot_attainment DOUBLE  The same for tpot.
-- column: e2e_attainment DOUBLE  The same for e2e.
-- column: pace_attainment DOUBLE  The same for pace.
-- column: tokens_attainment DOUBLE  The same for tokens.
CREATE OR REPLACE VIEW slo_attainment AS
WITH grouped AS (
    SELECT
        s.system,
        s.workload,
        count(*) AS requests,
        count(s.attained) > 0 AS judged,
        count(*) FILTER (s.attained) AS n_attained,
        count(*) FILTER (s.undetermined) AS n_undetermined,
        count(*) FILTER (_in_denominator('completed', s.status, s.undetermined)) AS n_completed,
        count(*) FILTER (_in_denominator('determined', s.status, s.undetermined)) AS n_determined,
        count(*) FILTER (
            s.attained AND _in_denominator('determined', s.status, s.undetermined)
        ) AS n_attained_determined,
        count(*) FILTER (s.n_output_tokens = 1) AS one_token,
        count(*) FILTER (s.n_chunks = 1) AS one_chunk,
        count(*) FILTER (s.status = 'ok' AND s.holds_ttft) AS n_ttft,
        count(*) FILTER (s.status = 'ok' AND s.holds_tbt) AS n_tbt,
        count(*) FILTER (s.status = 'ok' AND s.holds_tpot) AS n_tpot,
        count(*) FILTER (s.status = 'ok' AND s.holds_e2e) AS n_e2e,
        count(*) FILTER (s.status = 'ok' AND s.holds_pace) AS n_pace,
        count(*) FILTER (s.status = 'ok' AND s.holds_tokens) AS n_tokens
    FROM _measured_scores AS s
    GROUP BY s.system, s.workload
)
SELECT
    g.system,
    g.workload,
    g.requests,
    CASE WHEN g.judged THEN g.n_attained END AS attained,
    CASE WHEN g.judged THEN g.n_undetermined END AS undetermined,
    CASE WHEN g.judged THEN g.n_attained / g.requests END AS attainment_all,
    CASE WHEN g.judged THEN g.n_attained / g.requests END AS attainment_sent,
    CASE WHEN g.judged AND g.n_completed > 0 THEN g.n_attained / g.n_completed END
        AS attainment_completed,
    CASE WHEN g.judged AND g.n_determined > 0 THEN g.n_attained_determined / g.n_determined END
        AS attainment_determined,
    CASE WHEN g.judged THEN g.one_token END AS one_token,
    CASE WHEN g.judged THEN g.one_chunk END AS one_chunk,
    CASE WHEN m.max_ttft_ns IS NOT NULL THEN g.n_ttft / g.requests END AS ttft_attainment,
    CASE WHEN m.max_tbt_ns IS NOT NULL THEN g.n_tbt / g.requests END AS tbt_attainment,
    CASE WHEN m.max_tpot_ns IS NOT NULL THEN g.n_tpot / g.requests END AS tpot_attainment,
    CASE WHEN m.max_e2e_ns IS NOT NULL THEN g.n_e2e / g.requests END AS e2e_attainment,
    CASE WHEN m.pace_ns IS NOT NULL THEN g.n_pace / g.requests END AS pace_attainment,
    CASE WHEN m.tokens_share_num IS NOT NULL THEN g.n_tokens / g.requests END AS tokens_attainment
FROM grouped AS g, measured_settings AS m
ORDER BY g.system, g.workload;
