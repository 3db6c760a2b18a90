-- view: _run_windows
-- grain: one row a run
-- doc: T of a run: what its sources state (the longest, if several do), else from the first arrival to
--   the last sign of life over all its sources.
-- column: run VARCHAR  The run.
-- column: duration_ns BIGINT  T in ns; NULL if nothing is stated and no arrival is known.
CREATE OR REPLACE VIEW _run_windows AS
SELECT
    r.run,
    coalesce(max(r.stated_duration_ns), max(r.last_end_ns) - min(r.first_arrival_ns)) AS duration_ns
FROM measured_runs AS r
GROUP BY r.run;
