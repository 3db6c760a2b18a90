-- scalar macro: _rate
-- doc: An amount a second.
-- param: amount NUMERIC  The amount.
-- param: window_ns NUMERIC  T in ns.
-- returns: DOUBLE  NULL where T is unknown or 0.
CREATE OR REPLACE MACRO _rate(amount, window_ns) AS
    CASE WHEN window_ns > 0 THEN amount * 1e9 / window_ns END;
