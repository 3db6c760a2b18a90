-- view: requests
-- grain: one row a request, with every per-request metric
-- doc: The measured requests. Every duration is there in whole ns and in ms. After these columns come
--   the dimensions of the source (model, tenant, ...), untouched, under their own names; one whose
--   name is taken gets the suffix _dim.
-- column: run VARCHAR  The run: one execution of one load against one system. With request_id the key.
-- column: request_id VARCHAR  The request, unique within its run.
-- column: system VARCHAR  The serving system under measurement.
-- column: workload VARCHAR  The workload that the run replays.
-- column: clock VARCHAR  What arrival_ns counts from: unix (the epoch), monotonic (an arbitrary origin of the run), or none. Monotonic clocks of different runs are never compared.
-- column: origin VARCHAR  Which moment the arrival is: scheduled, sent (by the client) or accepted (by the server).
-- column: timing VARCHAR  How good the chunk times are: token, chunk, split, first_last, mean or none.
-- column: status VARCHAR  How the request ended: ok, failed, timeout, rejected, cancelled or incomplete.
-- column: error VARCHAR  What the source says went wrong; NULL if no error was recorded.
-- column: arrival_ns BIGINT  When the user committed the request, on the run's clock; NULL if the source has no arrival times.
-- column: arrival TIMESTAMP  arrival_ns in UTC, to the microsecond, rounded down; NULL unless the clock is unix.
-- column: end_ns BIGINT  When the request completed, failed or was cancelled; NULL if the source does not say.
-- column: end_ms DOUBLE  end_ns in milliseconds; NULL where that is.
-- column: n_input_tokens INTEGER  Prompt tokens; NULL if not declared.
-- column: n_output_tokens INTEGER  n: the tokens delivered (METRICS 1); NULL if neither chunks nor a declared count are known.
-- column: n_chunks INTEGER  K: the chunks delivered, with or without tokens; NULL if chunk times are unknown.
-- column: token_deficit INTEGER  Declared output tokens minus the tokens that the chunks account for. Above 0 with unknown sizes: some chunks hold several tokens and per-token values are NULL or bounded. Below 0: more chunks than declared tokens, each counted as one; NULL if no output tokens were declared, or chunk times are unknown.
-- column: last_chunk_ns BIGINT  Time of the last chunk, with or without tokens; NULL if no chunk was delivered, or its time is unknown.
-- column: last_chunk_ms DOUBLE  last_chunk_ns in milliseconds; NULL where that is.
-- column: ttft_ns BIGINT  Time to first token, t_1; NULL if no token was delivered, or its time is unknown.
-- column: ttft_ms DOUBLE  ttft_ns in milliseconds; NULL where that is.
-- column: e2e_latency_ns BIGINT  End-to-end latency, t_n: the time of the last token; NULL if no token was delivered, or its time is unknown.
-- column: e2e_latency_ms DOUBLE  e2e_latency_ns in milliseconds; NULL where that is.
-- column: tpot_ns DOUBLE  Time per output token after the first, (t_n - t_1) / (n - 1); NULL if n < 2, or a time is unknown.
-- column: tpot_ms DOUBLE  tpot_ns in milliseconds; NULL where that is.
-- column: itl_max_ns BIGINT  The longest gap between chunks; NULL if fewer than two chunks, or chunk times are unknown.
-- column: itl_max_ms DOUBLE  itl_max_ns in milliseconds; NULL where that is.
-- column: eq5_pace_ns DOUBLE  The least V with every token by d_i = V i: max t_i / i, rounded up; NULL if n = 0, chunk times or chunk sizes are unknown.
-- column: eq5_pace_ms DOUBLE  eq5_pace_ns in milliseconds; NULL where that is.
-- column: envelope STRUCT(token INTEGER, time_ns BIGINT)[]  Vertices of the upper convex hull of (index of first token, time) over the chunks with tokens (METRICS 4); the empty list for n = 0; NULL if chunk times or chunk sizes are unknown.
-- column: envelope_min STRUCT(token INTEGER, time_ns BIGINT)[]  Where envelope is NULL: the hull that gives the least user idle latency of any reader; NULL if envelope is known, or nothing bounds it.
-- column: envelope_max STRUCT(token INTEGER, time_ns BIGINT)[]  Where envelope is NULL: the hull that gives the greatest user idle latency of any reader; NULL if envelope is known, or nothing bounds it.
-- column: reader_first_ns BIGINT  d_1 of the reader that the columns below were measured with.
-- column: reader_first_ms DOUBLE  reader_first_ns in milliseconds; NULL where that is.
-- column: reader_pace_ns BIGINT  V of that reader.
-- column: reader_pace_ms DOUBLE  reader_pace_ns in milliseconds; NULL where that is.
-- column: user_idle_latency_ns BIGINT  max(0, max_i (t_i - d_i)): how long that reader waited beyond what was accepted; NULL if n = 0, or only bounds are known.
-- column: user_idle_latency_ms DOUBLE  user_idle_latency_ns in milliseconds; NULL where that is.
-- column: user_idle_latency_ns_min BIGINT  Lower bound of user_idle_latency_ns, where only bounds are known; NULL if the value is exact or undefined, or nothing bounds it.
-- column: user_idle_latency_ms_min DOUBLE  user_idle_latency_ns_min in milliseconds; NULL where that is.
-- column: user_idle_latency_ns_max BIGINT  Upper bound of user_idle_latency_ns, where only bounds are known; NULL if the value is exact or undefined, or nothing bounds it.
-- column: user_idle_latency_ms_max DOUBLE  user_idle_latency_ns_max in milliseconds; NULL where that is.
-- column: late_tokens INTEGER  Tokens delivered after their deadline; NULL if n = 0, chunk times or chunk sizes are unknown.
-- column: sustained_pace_ns DOUBLE  The least V >= 0 at which no token is late with this reader's d_1, rounded up; NULL if n = 0, chunk times or chunk sizes are unknown, or t_1 > d_1.
-- column: sustained_pace_ms DOUBLE  sustained_pace_ns in milliseconds; NULL where that is.
-- column: qoe DOUBLE  Andes v2 quality of experience (arXiv 2404.16283) for that reader; NULL if n = 0, chunk times or chunk sizes are unknown.
-- column: fluidity DOUBLE  Etalon fluidity index (arXiv 2407.07000, Algorithm 1) for that reader; NULL if n = 0, chunk times or chunk sizes are unknown, V = 0, or token 1 is skipped and n < 2.
-- column: job VARCHAR  The job of the store; NULL unless the input is a store.
-- column: day DATE  The night; NULL unless the input is a store.
-- column: commit_id VARCHAR  The commit, with run and request_id the key in a store; NULL unless the input is a store.
CREATE OR REPLACE VIEW requests AS
SELECT
    r.run,
    r.request_id,
    r.system,
    r.workload,
    r.clock,
    r.origin,
    r.timing,
    r.status,
    r.error,
    r.arrival_ns,
    CASE WHEN r.clock = 'unix' THEN make_timestamp(_floor_div(r.arrival_ns, 1000)) END AS arrival,
    r.end_ns,
    r.end_ns / 1e6 AS end_ms,
    r.n_input_tokens,
    r.n_output_tokens,
    r.n_chunks,
    r.token_deficit,
    r.last_chunk_ns,
    r.last_chunk_ns / 1e6 AS last_chunk_ms,
    r.ttft_ns,
    r.ttft_ns / 1e6 AS ttft_ms,
    r.e2e_latency_ns,
    r.e2e_latency_ns / 1e6 AS e2e_latency_ms,
    r.tpot_ns,
    r.tpot_ns / 1e6 AS tpot_ms,
    r.itl_max_ns,
    r.itl_max_ns / 1e6 AS itl_max_ms,
    r.eq5_pace_ns,
    r.eq5_pace_ns / 1e6 AS eq5_pace_ms,
    r.envelope,
    r.envelope_min,
    r.envelope_max,
    r.reader_first_ns,
    r.reader_first_ns / 1e6 AS reader_first_ms,
    r.reader_pace_ns,
    r.reader_pace_ns / 1e6 AS reader_pace_ms,
    r.user_idle_latency_ns,
    r.user_idle_latency_ns / 1e6 AS user_idle_latency_ms,
    r.user_idle_latency_ns_min,
    r.user_idle_latency_ns_min / 1e6 AS user_idle_latency_ms_min,
    r.user_idle_latency_ns_max,
    r.user_idle_latency_ns_max / 1e6 AS user_idle_latency_ms_max,
    r.late_tokens,
    r.sustained_pace_ns,
    r.sustained_pace_ns / 1e6 AS sustained_pace_ms,
    r.qoe,
    r.fluidity,
    r.job,
    r.day,
    r.commit_id,
    r.* EXCLUDE (
        run, request_id, system, workload, clock, origin, timing, status, error, arrival_ns,
        end_ns, n_input_tokens, n_output_tokens, n_chunks, token_deficit, last_chunk_ns, ttft_ns,
        e2e_latency_ns, tpot_ns, itl_max_ns, eq5_pace_ns, envelope, envelope_min, envelope_max,
        reader_first_ns, reader_pace_ns, user_idle_latency_ns, user_idle_latency_ns_min,
        user_idle_latency_ns_max, late_tokens, sustained_pace_ns, qoe, fluidity,
        job, day, commit_id
    )
FROM measured_requests AS r;
