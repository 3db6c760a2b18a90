-- view: _run_windows
-- grain: one row a job, day, commit and run
-- doc: T of a run: the window chosen of it, else what its sources state (the longest, if several do), else from the first arrival to
--   the last sign of life over all its sources. In a store a night with bounds is one slice of time,
--   which counts once however many runs are in it; unit says what counts once.
-- column: job VARCHAR  The job; NULL unless the input is a store.
-- column: day DATE  The night; NULL unless the input is a store.
-- column: commit_id VARCHAR  The commit; NULL unless the input is a store.
-- column: run VARCHAR  The run.
-- column: duration_ns BIGINT  T in ns; NULL if no window was chosen, nothing is stated and no arrival is known.
-- column: start_ns BIGINT  Start of the chosen window; NULL if none was chosen.
-- column: end_ns BIGINT  End of that window; NULL if none was chosen.
-- column: unit STRUCT(job VARCHAR, "day" DATE, commit_id VARCHAR, run VARCHAR)  What T is counted once for: the run, or, with run NULL, the night.
-- column: unit_ns BIGINT  T of the unit in ns; NULL where duration_ns is and the night has no bounds.
CREATE OR REPLACE VIEW _run_windows AS
WITH measured AS (
    SELECT
        r.job,
        r.day,
        r.commit_id,
        r.run,
        coalesce(
            max(r.window_end_ns) - min(r.window_start_ns),
            max(r.stated_duration_ns),
            max(r.last_end_ns) - min(r.first_arrival_ns)
        ) AS duration_ns,
        min(r.window_start_ns) AS start_ns,
        max(r.window_end_ns) AS end_ns
    FROM measured_runs AS r
    GROUP BY r.job, r.day, r.commit_id, r.run
)
SELECT
    m.job,
    m.day,
    m.commit_id,
    m.run,
    m.duration_ns,
    m.start_ns,
    m.end_ns,
    {
        'job': m.job,
        'day': m.day,
        'commit_id': m.commit_id,
        'run': CASE WHEN n.until_ns IS NULL THEN m.run END
    } AS unit,
    coalesce(n.until_ns - n.from_ns, m.duration_ns) AS unit_ns
FROM measured AS m
LEFT JOIN measured_nights AS n
    ON m.job = n.job AND m.day = n.day AND m.commit_id = n.commit_id;
