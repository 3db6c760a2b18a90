-- scalar macro: _is_same
-- doc: Whether two rows have the same job, day or commit. Without a store all rows have NULL there. In a
--   store none has, and the macro is replaced by plain equality, through which a filter on the one
--   side of a join reaches the files of the other.
-- param: one VARCHAR  Job, day or commit of the one row.
-- param: other VARCHAR  That of the other.
-- returns: BOOLEAN  Never NULL.
CREATE OR REPLACE MACRO _is_same(one, other) AS
    one IS NOT DISTINCT FROM other;
