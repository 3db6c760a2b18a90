-- scalar macro: _seconds
-- doc: A window in seconds.
-- param: window_ns NUMERIC  T in ns.
-- returns: DOUBLE  NULL where T is unknown or 0.
CREATE OR REPLACE MACRO _seconds(window_ns) AS CASE WHEN window_ns > 0 THEN window_ns / 1e9 END;
