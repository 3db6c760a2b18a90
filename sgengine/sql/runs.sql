-- view: runs
-- grain: one row a source and run, of each night in a store
-- doc: Where the measured rows came from, and the window of each run.
-- column: source VARCHAR  The input as it was given or found.
-- column: run VARCHAR  The run.
-- column: system VARCHAR  The serving system, the first of the run.
-- column: workload VARCHAR  The workload, the first of the run.
-- column: format VARCHAR  The format the source was read as.
-- column: client_version VARCHAR  The client that wrote the source, and its version; NULL if the source does not say.
-- column: content_hash VARCHAR  sha256 of the source's bytes, in hex; of several event files, of their hashes; NULL if the source is not a file, or nobody asked.
-- column: clock VARCHAR  unix, monotonic or none.
-- column: origin VARCHAR  scheduled, sent or accepted.
-- column: request_rate DOUBLE  The offered rate as the source states it; NULL if closed loop, or not stated.
-- column: stated_duration_ns BIGINT  The run's duration by the client's own clock; NULL if the source does not state one.
-- column: first_arrival_ns BIGINT  Earliest arrival of the measured rows; NULL if no arrival is known.
-- column: last_end_ns BIGINT  max(arrival + max(last chunk, end)) of the measured rows; NULL if no arrival is known.
-- column: window_start_ns BIGINT  Start of the chosen window within the run, on its clock; NULL if no window was chosen.
-- column: window_end_ns BIGINT  End of that window; NULL if no window was chosen.
-- column: n_chunks BIGINT  Chunks measured.
-- column: n_output_tokens BIGINT  Output tokens measured.
-- column: rows_in BIGINT  Rows found.
-- column: rows_measured BIGINT  Rows measured.
-- column: rows_rejected BIGINT  Rows rejected.
-- column: notes VARCHAR  What the reader decided about this source, a sentence each; NULL if nothing to say.
-- column: duration_s DOUBLE  T of the run (of all its sources together), in seconds; NULL if 0, or if no window was chosen, nothing is stated and no arrival is known.
-- column: job VARCHAR  The job of the store; NULL unless the input is a store.
-- column: day DATE  The night; NULL unless the input is a store.
-- column: commit_id VARCHAR  The commit; NULL unless the input is a store.
CREATE OR REPLACE VIEW runs AS
SELECT
    r.source,
    r.run,
    r.system,
    r.workload,
    r.format,
    r.client_version,
    r.content_hash,
    r.clock,
    r.origin,
    r.request_rate,
    r.stated_duration_ns,
    r.first_arrival_ns,
    r.last_end_ns,
    r.window_start_ns,
    r.window_end_ns,
    r.n_chunks,
    r.n_output_tokens,
    r.rows_in,
    r.rows_measured,
    r.rows_rejected,
    r.notes,
    _seconds(w.duration_ns) AS duration_s,
    r.job,
    r.day,
    r.commit_id
FROM measured_runs AS r
JOIN _run_windows AS w
    ON r.run = w.run
    AND _is_same(r.job, w.job)
    AND _is_same(r.day, w.day)
    AND _is_same(r.commit_id, w.commit_id)
ORDER BY r.day, r.job, r.run, r.source;
