-- view: stalls
-- grain: one row a request that made the measured reader wait, or may have
-- doc: The worst user idle latencies with their envelope, worst first. A request of which only bounds
--   are known is here if its upper bound is above 0, and is placed by that bound.
-- column: run VARCHAR  The run.
-- column: request_id VARCHAR  The request, unique within its run.
-- column: system VARCHAR  The serving system.
-- column: workload VARCHAR  The workload.
-- column: status VARCHAR  How the request ended.
-- column: timing VARCHAR  How good the chunk times are.
-- column: arrival_ns BIGINT  When the user committed the request, on the run's clock; NULL if unknown.
-- column: user_idle_latency_ms DOUBLE  How long the measured reader waited; NULL if only bounds are known.
-- column: user_idle_latency_ms_min DOUBLE  Its lower bound, only where bounds are all that is known.
-- column: user_idle_latency_ms_max DOUBLE  Its upper bound, only where bounds are all that is known.
-- column: ttft_ms DOUBLE  Time to first token.
-- column: itl_max_ms DOUBLE  The longest gap between chunks; NULL for one chunk, or if chunk times are unknown.
-- column: n_output_tokens INTEGER  Tokens delivered.
-- column: late_tokens INTEGER  Tokens after their deadline; NULL if only bounds are known.
-- column: envelope STRUCT(token INTEGER, time_ns BIGINT)[]  Its envelope; envelope_max where only bounds are known.
-- column: job VARCHAR  The job of the store; NULL unless the input is a store.
-- column: day DATE  The night; NULL unless the input is a store.
-- column: commit_id VARCHAR  The commit, with run and request_id the key in a store; NULL unless the input is a store.
CREATE OR REPLACE VIEW stalls AS
SELECT
    r.run,
    r.request_id,
    r.system,
    r.workload,
    r.status,
    r.timing,
    r.arrival_ns,
    r.user_idle_latency_ns / 1e6 AS user_idle_latency_ms,
    r.user_idle_latency_ns_min / 1e6 AS user_idle_latency_ms_min,
    r.user_idle_latency_ns_max / 1e6 AS user_idle_latency_ms_max,
    r.ttft_ns / 1e6 AS ttft_ms,
    r.itl_max_ns / 1e6 AS itl_max_ms,
    r.n_output_tokens,
    r.late_tokens,
    coalesce(r.envelope, r.envelope_max) AS envelope,
    r.job,
    r.day,
    r.commit_id
FROM measured_requests AS r
WHERE coalesce(r.user_idle_latency_ns, r.user_idle_latency_ns_max) > 0
ORDER BY
    coalesce(r.user_idle_latency_ns, r.user_idle_latency_ns_max) DESC, r.day, r.job,
    r.run, r.request_id;
