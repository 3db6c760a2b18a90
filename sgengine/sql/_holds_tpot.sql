-- scalar macro: _holds_tpot
-- doc: Clause tpot: t_n - t_1 <= P (n - 1), on integers. One token passes; an absent clause (NULL
--   limit) holds; a request without tokens keeps no clause. The product is taken in 128 bits.
-- param: n INTEGER  Tokens of the request.
-- param: span_ns BIGINT  t_n - t_1.
-- param: limit_ns BIGINT  P; NULL: no such clause.
-- returns: BOOLEAN  NULL where n or a time is not known: the clause is open.
CREATE OR REPLACE MACRO _holds_tpot(n, span_ns, limit_ns) AS
    CASE
        WHEN limit_ns IS NULL THEN true
        WHEN n = 0 THEN false
        WHEN n = 1 THEN true
        ELSE span_ns <= CAST(limit_ns AS HUGEINT) * (n - 1)
    END;
