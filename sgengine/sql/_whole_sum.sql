-- scalar macro: _whole_sum
-- doc: An aggregate: the sum, or NULL if any part is NULL; never a sum over the rest.
-- param: part NUMERIC  The parts.
-- returns: NUMERIC  The sum (HUGEINT for integers); NULL for no part.
CREATE OR REPLACE MACRO _whole_sum(part) AS CASE WHEN count(part) = count(*) THEN sum(part) END;
