-- view: gaps
-- grain: one row a run, system, workload, hour and histogram bucket of inter-token gaps
-- doc: The histogram of inter-token gaps: exact below 256 ns, then 128 buckets an octave, so that the
--   middle of a bucket is within 1/256 relative of any gap in it.
-- column: run VARCHAR  The run.
-- column: system VARCHAR  The serving system.
-- column: workload VARCHAR  The workload.
-- column: hour TIMESTAMP  Start of the hour of arrival, in UTC; NULL if the clock is not unix, or the arrival is unknown.
-- column: itl_rule VARCHAR  The chunk rule: chunk, spread, token or divide.
-- column: bucket INTEGER  The bucket.
-- column: low_ms DOUBLE  Least gap of the bucket.
-- column: high_ms DOUBLE  Least gap above the bucket.
-- column: n_gaps BIGINT  Gaps in the bucket.
-- column: job VARCHAR  The job of the store; NULL unless the input is a store.
-- column: day DATE  The night; NULL unless the input is a store.
-- column: commit_id VARCHAR  The commit; NULL unless the input is a store.
CREATE OR REPLACE VIEW gaps AS
SELECT
    g.run,
    g.system,
    g.workload,
    make_timestamp(_floor_div(g.hour_ns, 1000)) AS hour,
    g.itl_rule,
    g.bucket,
    _bucket_edge_ns(g.bucket) / 1e6 AS low_ms,
    _bucket_edge_ns(g.bucket + 1) / 1e6 AS high_ms,
    g.count AS n_gaps,
    g.job,
    g.day,
    g.commit_id
FROM measured_gaps AS g;
