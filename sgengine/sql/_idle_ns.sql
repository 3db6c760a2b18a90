-- scalar macro: _idle_ns
-- doc: User idle latency of one envelope in whole ns, exact: max(0, max over its vertices of
--   time - d_1 - (token - 1) V). The product is taken in 128 bits where 64 would not hold that of the
--   last vertex (a third slower), so it cannot overflow. The length is tested because
--   greatest(0, NULL) is 0; a lambda (x -> ...) would not bind inside a macro.
-- param: hull STRUCT(token INTEGER, time_ns BIGINT)[]  The envelope.
-- param: first_due_ns BIGINT  d_1 of the reader.
-- param: pace_due_ns BIGINT  V of the reader.
-- returns: BIGINT  NULL for the empty or a NULL envelope, and where a part of the reader is NULL.
CREATE OR REPLACE MACRO _idle_ns(hull, first_due_ns, pace_due_ns) AS
    CASE
        WHEN len(hull) > 0 AND first_due_ns IS NOT NULL AND pace_due_ns IS NOT NULL THEN
            CAST(
                greatest(
                    0,
                    CASE
                        WHEN
                            CAST(hull AS STRUCT(token INTEGER, time_ns BIGINT)[])[-1].token
                            <= 9223372036854775807 // greatest(pace_due_ns, 1)
                        THEN
                            list_max([
                                v.time_ns - (v.token - 1) * pace_due_ns::BIGINT FOR v IN hull
                            ])
                        ELSE
                            list_max([
                                v.time_ns - (v.token - 1)::HUGEINT * pace_due_ns FOR v IN hull
                            ])
                    END::HUGEINT - first_due_ns
                ) AS BIGINT
            )
    END;
