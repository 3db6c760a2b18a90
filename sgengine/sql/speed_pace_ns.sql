-- scalar macro: speed_pace_ns
-- doc: Reading time of one token, V = round_half_even(1e9 / speed). A speed that is not a finite
--   number above 0, or for which V passes 2^62 ns, is an error.
-- param: speed DOUBLE  Tokens a second.
-- returns: BIGINT  Whole ns a token; NULL for a NULL speed.
CREATE OR REPLACE MACRO speed_pace_ns(speed) AS
    CASE
        WHEN speed IS NULL THEN NULL
        WHEN isfinite(CAST(speed AS DOUBLE)) AND speed > 0 AND 1e9 / speed <= 4611686018427387904
            THEN CAST(round_even(1e9 / speed, 0) AS BIGINT)
        ELSE CAST(error(
            'speed is ' || CAST(speed AS VARCHAR) || ': give tokens a second above 0, as in 5'
        ) AS BIGINT)
    END;
