-- view: rejects
-- grain: one row a reason and place at which input rows were not measured
-- doc: Input rows that were not measured, with the rule they break.
-- column: source VARCHAR  The input as it was given or found.
-- column: run VARCHAR  The run the rows belong to; NULL if not known.
-- column: place VARCHAR  Where: a line, a row, a request.
-- column: reason VARCHAR  The rule that the rows break, by its name in sgengine.schema.rules.
-- column: count BIGINT  Rows rejected at this place.
-- column: detail VARCHAR  What was found and what is allowed.
-- column: job VARCHAR  The job of the store; NULL unless the input is a store.
-- column: day DATE  The night; NULL unless the input is a store.
-- column: commit_id VARCHAR  The commit; NULL unless the input is a store.
CREATE OR REPLACE VIEW rejects AS
SELECT
    r.source,
    r.run,
    r.place,
    r.reason,
    r.count,
    r.detail,
    r.job,
    r.day,
    r.commit_id
FROM measured_rejects AS r
ORDER BY r.day, r.job, r.source, r.reason, r.place;
