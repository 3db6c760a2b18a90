-- scalar macro: _whole_fsum
-- doc: An aggregate: the sum of doubles with compensated rounding, so that the order of the rows shows
--   in the last bits only; NULL if any part is NULL, never a sum over the rest.
-- param: part DOUBLE  The parts.
-- returns: DOUBLE  The sum; NULL for no part.
CREATE OR REPLACE MACRO _whole_fsum(part) AS CASE WHEN count(part) = count(*) THEN fsum(part) END;
