-- scalar macro: _holds_within
-- doc: Clauses ttft and e2e: a time is at most the limit. An absent clause (NULL limit) holds; a
--   request without tokens keeps no clause.
-- param: n INTEGER  Tokens of the request.
-- param: seen_ns BIGINT  The time.
-- param: limit_ns BIGINT  The limit; NULL: no such clause.
-- returns: BOOLEAN  NULL where the time is not known: the clause is open.
CREATE OR REPLACE MACRO _holds_within(n, seen_ns, limit_ns) AS
    CASE
        WHEN limit_ns IS NULL THEN true
        WHEN n = 0 THEN false
        ELSE seen_ns <= limit_ns
    END;
