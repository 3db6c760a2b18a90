-- scalar macro: _benefit
-- doc: Benefit of one request, n - alpha f(l'), l' = l (0 for n = 0) plus unfinished_idle unless ok.
-- param: n INTEGER  Tokens of the request.
-- param: ended VARCHAR  Its status.
-- param: waited_ns BIGINT  Its user idle latency l.
-- param: s STRUCT  The settings: alpha, penalty, tau_s, unfinished_idle_s.
-- returns: DOUBLE  Tokens; NULL where n is NULL, or n > 0 and waited_ns is NULL.
CREATE OR REPLACE MACRO _benefit(n, ended, waited_ns, s) AS
    CASE
        WHEN n IS NOT NULL THEN
            n - s.alpha * idle_penalty(
                s.penalty,
                (
                    CAST(CASE WHEN n = 0 THEN 0 ELSE waited_ns END AS HUGEINT)
                    + CASE WHEN ended = 'ok' THEN 0
                        ELSE CAST(round(s.unfinished_idle_s * 1e9) AS BIGINT) END
                ) / 1e9,
                n,
                s.tau_s
            )
    END;
