-- scalar macro: _window_sum
-- doc: An aggregate: T of a group from the windows of its runs (rows of _run_windows), each unit once.
-- param: part STRUCT  Column unit.
-- param: part_ns BIGINT  Column unit_ns.
-- returns: HUGEINT  Nanoseconds; NULL if T of any unit is not known.
CREATE OR REPLACE MACRO _window_sum(part, part_ns) AS
    CASE
        WHEN count(part_ns) = count(*)
            THEN list_sum([p.ns FOR p IN list(DISTINCT {'unit': part, 'ns': part_ns})])
    END;
