-- scalar macro: _whole_ns
-- doc: Milliseconds as whole ns, rounded.
-- param: ms DOUBLE  Milliseconds.
-- returns: BIGINT  NULL for NULL.
CREATE OR REPLACE MACRO _whole_ns(ms) AS CAST(round(CAST(ms AS DOUBLE) * 1e6) AS BIGINT);
