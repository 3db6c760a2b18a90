-- view: nights
-- grain: one row a job and day of the store
-- doc: What was committed of each night, and when; empty without a store. The settings of a night in full
--   are columns of measured_nights.
-- column: job VARCHAR  The job; with day the unit that a later commit replaces.
-- column: day DATE  The night: the day its requests arrived on.
-- column: commit_id VARCHAR  The commit that the store holds of it.
-- column: seq BIGINT  How often this night was committed, from 1.
-- column: committed_at TIMESTAMP  When the commit began, in UTC, by the writer's clock.
-- column: zone VARCHAR  The time zone that the night's bounds are midnights of; NULL for an ad-hoc commit.
-- column: from_ns BIGINT  Start of the night; NULL for an ad-hoc commit.
-- column: until_ns BIGINT  End of the night; NULL for an ad-hoc commit.
-- column: requests BIGINT  Requests committed.
-- column: incomplete BIGINT  Those of status incomplete, which a later commit of the night may complete.
-- column: rows_in BIGINT  Rows found.
-- column: rows_measured BIGINT  Rows measured.
-- column: rows_rejected BIGINT  Rows rejected.
-- column: sources_missing BIGINT  Configured sources of which no file was there.
-- column: files BIGINT  Data files of requests.
-- column: input_digest BIGINT  63 bits of the digest of all inputs and of the code; NULL if the job does not skip unchanged inputs.
-- column: code_version VARCHAR  The version of sgengine.
-- column: reader_first_ns BIGINT  d_1 of the reader that the night was measured with.
-- column: reader_pace_ns BIGINT  V of that reader.
-- column: settings VARCHAR  All settings of the job, as JSON; NULL if it gives none.
CREATE OR REPLACE VIEW nights AS
SELECT
    n.job,
    n.day,
    n.commit_id,
    n.seq,
    make_timestamp(_floor_div(n.committed_at_ns, 1000)) AS committed_at,
    n.zone,
    n.from_ns,
    n.until_ns,
    n.requests,
    n.incomplete,
    n.rows_in,
    n.rows_measured,
    n.rows_rejected,
    n.sources_missing,
    n.files,
    n.input_digest,
    n.code_version,
    n.reader_first_ns,
    n.reader_pace_ns,
    n.settings
FROM measured_nights AS n
ORDER BY n.day, n.job;
