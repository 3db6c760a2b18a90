-- scalar macro: _holds_tbt
-- doc: Clause tbt: every gap between chunks is at most G. One chunk passes; an absent clause (NULL
--   limit) holds; a request without tokens keeps no clause. Where no chunk times are known, no gap is
--   longer than t_n - t_1 and the longest is not shorter than (t_n - t_1) / (n - 1).
-- param: n INTEGER  Tokens of the request.
-- param: k INTEGER  Chunks of the request; NULL where chunk times are not known.
-- param: gap_ns BIGINT  The longest gap between chunks.
-- param: span_ns BIGINT  t_n - t_1.
-- param: limit_ns BIGINT  G; NULL: no such clause.
-- returns: BOOLEAN  NULL where the bounds do not decide: the clause is open.
CREATE OR REPLACE MACRO _holds_tbt(n, k, gap_ns, span_ns, limit_ns) AS
    CASE
        WHEN limit_ns IS NULL THEN true
        WHEN n = 0 THEN false
        WHEN k = 1 OR (k IS NULL AND n = 1) THEN true
        WHEN k IS NOT NULL THEN gap_ns <= limit_ns
        WHEN span_ns <= limit_ns THEN true
        WHEN span_ns > CAST(limit_ns AS HUGEINT) * (n - 1) THEN false
    END;
