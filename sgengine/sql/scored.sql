-- table macro: scored
-- grain: one row a request
-- doc: Every request against any reader, benefit function and SLO, from stored columns alone.
--   Without an SLO clause, attained and undetermined are NULL.
-- param: speed DOUBLE  Tokens a second that the reader reads, above 0.
-- param: alpha DOUBLE = NULL  Weight of waiting, >= 0; NULL: 2.5 tokens a second waited for linear, an error for others.
-- param: first_token_ms DOUBLE = NULL  When the reader expects the first token; NULL: as long as one token takes to read.
-- param: penalty VARCHAR = 'linear'  The benefit function: linear, quadratic, fraction, exponential or step.
-- param: tau_s DOUBLE = NULL  Time constant above 0, needed by fraction and exponential, refused for others.
-- param: unfinished_idle_s DOUBLE = 0  Idle time added to every request that is not ok.
-- param: max_ttft_ms DOUBLE = NULL  SLO clause ttft; NULL: no such clause.
-- param: max_tpot_ms DOUBLE = NULL  SLO clause tpot.
-- param: max_tbt_ms DOUBLE = NULL  SLO clause tbt: every gap between chunks.
-- param: max_e2e_ms DOUBLE = NULL  SLO clause e2e.
-- param: on_pace BOOLEAN = false  Whether the SLO has the clause that this reader never waits.
-- column: run VARCHAR  The run.
-- column: request_id VARCHAR  The request, unique within its run.
-- column: system VARCHAR  The serving system.
-- column: workload VARCHAR  The workload.
-- column: status VARCHAR  How the request ended.
-- column: n_output_tokens INTEGER  Tokens delivered; NULL if unknown.
-- column: idle_ms DOUBLE  User idle latency of this reader; NULL without tokens, or if only bounds are known.
-- column: idle_min_ms DOUBLE  Its lower bound; NULL where idle_ms is known or nothing bounds it.
-- column: idle_max_ms DOUBLE  Its upper bound; NULL where idle_ms is known or nothing bounds it.
-- column: benefit DOUBLE  Tokens, less what waiting cost; NULL if n is unknown, or n > 0 and idle_ms is NULL.
-- column: benefit_min DOUBLE  Least benefit the bounds allow, the benefit where it is exact; NULL if nothing bounds it.
-- column: benefit_max DOUBLE  Greatest benefit the bounds allow, the benefit where it is exact; NULL if nothing bounds it.
-- column: attained BOOLEAN  Status ok, n >= 1 and every clause holds; NULL if there is no clause.
-- column: undetermined BOOLEAN  The timing leaves a clause open (not attained then); NULL if there is no clause.
-- column: job VARCHAR  The job of the store; NULL unless the input is a store.
-- column: day DATE  The night; NULL unless the input is a store.
-- column: commit_id VARCHAR  The commit, with run and request_id the key in a store; NULL unless the input is a store.
CREATE OR REPLACE MACRO scored(
    speed,
    alpha := NULL,
    first_token_ms := NULL,
    penalty := 'linear',
    tau_s := NULL,
    unfinished_idle_s := 0,
    max_ttft_ms := NULL,
    max_tpot_ms := NULL,
    max_tbt_ms := NULL,
    max_e2e_ms := NULL,
    on_pace := false
) AS TABLE
SELECT
    s.run,
    s.request_id,
    s.system,
    s.workload,
    s.status,
    s.n_output_tokens,
    s.idle_ns / 1e6 AS idle_ms,
    s.idle_min_ns / 1e6 AS idle_min_ms,
    s.idle_max_ns / 1e6 AS idle_max_ms,
    s.benefit,
    s.benefit_min,
    s.benefit_max,
    s.attained,
    s.undetermined,
    s.job,
    s.day,
    s.commit_id
FROM _scored(
    _chosen(
        coalesce(
            speed, CAST(error('speed is NULL: give tokens a second above 0, as in 5') AS DOUBLE)
        ),
        first_token_ms, alpha, penalty, tau_s, unfinished_idle_s,
        max_ttft_ms, max_tbt_ms, max_tpot_ms, max_e2e_ms, on_pace
    )
) AS s;
