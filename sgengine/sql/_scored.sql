-- table macro: _scored
-- grain: one row a request
-- doc: Every request against one reader, benefit function and SLO, from stored columns alone. The
--   settings are checked even where no column that needs them is read.
-- param: chosen STRUCT  The settings: one row of measured_settings as a struct.
-- column: job VARCHAR  The job of the store; NULL unless the input is a store.
-- column: day DATE  The night; NULL unless the input is a store.
-- column: commit_id VARCHAR  The commit, with run and request_id the key in a store; NULL unless the input is a store.
-- column: run VARCHAR  The run.
-- column: request_id VARCHAR  The request, unique within its run.
-- column: system VARCHAR  The serving system.
-- column: workload VARCHAR  The workload.
-- column: clock VARCHAR  What arrival_ns counts from.
-- column: status VARCHAR  How the request ended.
-- column: arrival_ns BIGINT  When the user committed the request; NULL if unknown.
-- column: n_input_tokens INTEGER  Prompt tokens; NULL if not declared.
-- column: n_output_tokens INTEGER  Tokens delivered; NULL if unknown.
-- column: n_chunks INTEGER  Chunks delivered; NULL if chunk times are unknown.
-- column: ttft_ns BIGINT  Time to first token; NULL if there is none or it is unknown.
-- column: tpot_ns DOUBLE  Time per output token after the first; NULL for less than two tokens.
-- column: e2e_latency_ns BIGINT  Time of the last token; NULL if there is none or it is unknown.
-- column: late_tokens INTEGER  Late tokens of the chosen reader; NULL if unknown, no token, or measured for another reader.
-- column: idle_ns BIGINT  User idle latency of the chosen reader; NULL without tokens, or if only bounds are known.
-- column: idle_min_ns BIGINT  Its lower bound; NULL where idle_ns is known or nothing bounds it.
-- column: idle_max_ns BIGINT  Its upper bound; NULL where idle_ns is known or nothing bounds it.
-- column: benefit DOUBLE  n - alpha f(l'); NULL if n is unknown, or n > 0 and l is.
-- column: benefit_min DOUBLE  Least benefit the bounds allow (that of idle_max_ns), the benefit where it is exact.
-- column: benefit_max DOUBLE  Greatest benefit the bounds allow (that of idle_min_ns), the benefit where it is exact.
-- column: holds_ttft BOOLEAN  Clause ttft; true if absent, NULL if open.
-- column: holds_tbt BOOLEAN  Clause tbt; true if absent, NULL if open.
-- column: holds_tpot BOOLEAN  Clause tpot; true if absent, NULL if open.
-- column: holds_e2e BOOLEAN  Clause e2e; true if absent, NULL if open.
-- column: holds_pace BOOLEAN  Clause pace; true if absent, NULL if open.
-- column: holds_tokens BOOLEAN  Clause tokens; true if absent, NULL if open.
-- column: attained BOOLEAN  Status ok, n >= 1 and every clause holds; NULL if there is no clause.
-- column: undetermined BOOLEAN  Some clause is open, whatever the status; NULL if there is no clause.
CREATE OR REPLACE MACRO _scored(chosen) AS TABLE
WITH p AS (
    SELECT s FROM (SELECT chosen AS s) WHERE _settings_are_valid(s)
),
evaluated AS (
    SELECT
        r.job,
        r.day,
        r.commit_id,
        r.run,
        r.request_id,
        r.system,
        r.workload,
        r.clock,
        r.status,
        r.arrival_ns,
        r.n_input_tokens,
        r.n_output_tokens,
        r.n_chunks,
        r.ttft_ns,
        r.tpot_ns,
        r.e2e_latency_ns,
        _late_of(r.late_tokens, r.reader_first_ns, r.reader_pace_ns, p.s) AS late_tokens,
        _idle_ns(r.envelope, p.s.reader_first_ns, p.s.reader_pace_ns) AS idle_ns,
        _idle_ns(r.envelope_min, p.s.reader_first_ns, p.s.reader_pace_ns) AS idle_min_ns,
        _idle_ns(r.envelope_max, p.s.reader_first_ns, p.s.reader_pace_ns) AS idle_max_ns,
        _held(
            r.n_output_tokens, r.n_chunks, r.ttft_ns, r.e2e_latency_ns, r.itl_max_ns,
            r.envelope, r.envelope_min, r.envelope_max,
            _late_of(r.late_tokens, r.reader_first_ns, r.reader_pace_ns, p.s), p.s
        ) AS held,
        p.s
    FROM measured_requests AS r, p
)
SELECT
    e.* EXCLUDE (held, s),
    _benefit(e.n_output_tokens, e.status, e.idle_ns, e.s) AS benefit,
    _benefit(e.n_output_tokens, e.status, coalesce(e.idle_ns, e.idle_max_ns), e.s) AS benefit_min,
    _benefit(e.n_output_tokens, e.status, coalesce(e.idle_ns, e.idle_min_ns), e.s) AS benefit_max,
    e.held.ttft AS holds_ttft,
    e.held.tbt AS holds_tbt,
    e.held.tpot AS holds_tpot,
    e.held.e2e AS holds_e2e,
    e.held.pace AS holds_pace,
    e.held.tokens AS holds_tokens,
    _attains(e.status, e.held, e.s) AS attained,
    _is_open(e.held, e.s) AS undetermined
FROM evaluated AS e;
