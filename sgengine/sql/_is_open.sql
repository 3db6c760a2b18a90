-- scalar macro: _is_open
-- doc: Whether the timing of a request leaves a clause open, whatever its status.
-- param: held STRUCT  What _held says.
-- param: s STRUCT  The settings.
-- returns: BOOLEAN  NULL if there is no clause.
CREATE OR REPLACE MACRO _is_open(held, s) AS
    CASE
        WHEN _has_slo(s) THEN
            held.ttft IS NULL OR held.tbt IS NULL OR held.tpot IS NULL
            OR held.e2e IS NULL OR held.pace IS NULL OR held.tokens IS NULL
    END;
