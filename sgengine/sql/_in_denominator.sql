-- scalar macro: _in_denominator
-- doc: Whether slo_attainment counts a request: all and sent, every one (no status says never sent);
--   completed, the ok; determined, those without an open clause that are not cancelled or incomplete.
--   Another name is an error.
-- param: kind VARCHAR  all, sent, completed or determined.
-- param: ended VARCHAR  Status of the request.
-- param: is_open BOOLEAN  Whether a clause is undetermined.
-- returns: BOOLEAN  NULL where it hangs on is_open and that is NULL.
CREATE OR REPLACE MACRO _in_denominator(kind, ended, is_open) AS
    CASE kind
        WHEN 'all' THEN true
        WHEN 'sent' THEN true
        WHEN 'completed' THEN ended = 'ok'
        WHEN 'determined' THEN ended NOT IN ('cancelled', 'incomplete') AND NOT is_open
        ELSE CAST(error(
            'denominator is ' || coalesce(kind, 'NULL')
            || ': give one of all, sent, completed, determined'
        ) AS BOOLEAN)
    END;
