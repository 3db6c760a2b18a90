-- scalar macro: _holds_tokens
-- doc: Clause tokens: n - late_tokens >= Q n with Q = num / den, on integers. An absent clause (NULL
--   num) holds; a request without tokens keeps no clause.
-- param: n INTEGER  Tokens of the request.
-- param: late INTEGER  Tokens after their deadline, for the measured reader.
-- param: num BIGINT  Numerator of Q; NULL: no such clause.
-- param: den BIGINT  Denominator of Q.
-- returns: BOOLEAN  NULL where n or late is not known: the clause is open.
CREATE OR REPLACE MACRO _holds_tokens(n, late, num, den) AS
    CASE
        WHEN num IS NULL THEN true
        WHEN n = 0 THEN false
        ELSE CAST(n - late AS HUGEINT) * den >= CAST(n AS HUGEINT) * num
    END;
