-- scalar macro: _floor_div
-- doc: Integer division that rounds down, also below 0 (times before 1970).
-- param: dividend BIGINT  The dividend.
-- param: divisor BIGINT  The divisor, above 0.
-- returns: BIGINT  NULL where a part is NULL.
CREATE OR REPLACE MACRO _floor_div(dividend, divisor) AS
    dividend // divisor - CASE WHEN dividend % divisor < 0 THEN 1 ELSE 0 END;
