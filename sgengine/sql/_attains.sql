-- scalar macro: _attains
-- doc: Whether a request attains an SLO: status ok and every clause kept (which needs a token).
-- param: ended VARCHAR  Status of the request.
-- param: held STRUCT  What _held says.
-- param: s STRUCT  The settings.
-- returns: BOOLEAN  False where a clause is open; NULL if there is no clause.
CREATE OR REPLACE MACRO _attains(ended, held, s) AS
    CASE
        WHEN _has_slo(s) THEN coalesce(
            ended = 'ok'
            AND held.ttft AND held.tbt AND held.tpot AND held.e2e AND held.pace AND held.tokens,
            false
        )
    END;
