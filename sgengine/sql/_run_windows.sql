-- view: _run_windows
-- grain: one row a run
-- doc: T of a run: the window chosen of it, else what its sources state (the longest, if several do), else from the first arrival to
--   the last sign of life over all its sources.
-- column: run VARCHAR  The run.
-- column: duration_ns BIGINT  T in ns; NULL if no window was chosen, nothing is stated and no arrival is known.
-- column: start_ns BIGINT  Start of the chosen window; NULL if none was chosen.
-- column: end_ns BIGINT  End of that window; NULL if none was chosen.
CREATE OR REPLACE VIEW _run_windows AS
SELECT
    r.run,
    coalesce(
        max(r.window_end_ns) - min(r.window_start_ns),
        max(r.stated_duration_ns),
        max(r.last_end_ns) - min(r.first_arrival_ns)
    ) AS duration_ns,
    min(r.window_start_ns) AS start_ns,
    max(r.window_end_ns) AS end_ns
FROM measured_runs AS r
GROUP BY r.run;
