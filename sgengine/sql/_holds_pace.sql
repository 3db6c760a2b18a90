-- scalar macro: _holds_pace
-- doc: Clause pace: user idle latency is 0 at the clause's reader. An absent clause (NULL pace) holds;
--   a request without tokens keeps no clause. Bounds decide where they can.
-- param: n INTEGER  Tokens of the request.
-- param: hull STRUCT(token INTEGER, time_ns BIGINT)[]  Column envelope.
-- param: hull_min STRUCT(token INTEGER, time_ns BIGINT)[]  Column envelope_min.
-- param: hull_max STRUCT(token INTEGER, time_ns BIGINT)[]  Column envelope_max.
-- param: first_due_ns BIGINT  d_1 of the clause.
-- param: pace_due_ns BIGINT  V of the clause; NULL: no such clause.
-- returns: BOOLEAN  NULL where the bounds do not decide: the clause is open.
CREATE OR REPLACE MACRO _holds_pace(n, hull, hull_min, hull_max, first_due_ns, pace_due_ns) AS
    CASE
        WHEN pace_due_ns IS NULL THEN true
        WHEN n = 0 THEN false
        WHEN hull IS NOT NULL THEN _idle_ns(hull, first_due_ns, pace_due_ns) = 0
        WHEN _idle_ns(hull_max, first_due_ns, pace_due_ns) = 0 THEN true
        WHEN _idle_ns(hull_min, first_due_ns, pace_due_ns) > 0 THEN false
    END;
