-- view: _class_scores
-- grain: one row a request
-- doc: Every request against the settings of its class: of the classes of its commit that match its
--   workload and tenant (a dimension, if the source has it) the one of the least position.
-- column: job VARCHAR  The job of the store; NULL unless the input is a store.
-- column: day DATE  The night; NULL unless the input is a store.
-- column: commit_id VARCHAR  The commit; NULL unless the input is a store.
-- column: run VARCHAR  The run.
-- column: system VARCHAR  The serving system.
-- column: class VARCHAR  The class; NULL if none matches, and then what follows but the tokens is, too.
-- column: n_output_tokens INTEGER  Tokens delivered; NULL if unknown.
-- column: attained BOOLEAN  Whether it attains the SLO; NULL if there is no clause.
-- column: undetermined BOOLEAN  Some clause is open, whatever the status; NULL if there is no clause.
-- column: counts BOOLEAN  Whether the denominator of the class counts it.
-- column: benefit DOUBLE  n - alpha f(l'); NULL if n is unknown, or n > 0 and l is.
-- column: benefit_min DOUBLE  Least benefit the bounds allow, the benefit where it is exact.
-- column: benefit_max DOUBLE  Greatest benefit the bounds allow, the benefit where it is exact.
CREATE OR REPLACE VIEW _class_scores AS
WITH told AS (
    SELECT * FROM measured_requests
    UNION ALL BY NAME
    SELECT CAST(NULL AS VARCHAR) AS tenant WHERE false -- the column is there, whatever the source
),
configured AS (
    SELECT c AS s FROM measured_classes AS c
),
placed AS (
    SELECT
        c.s,
        row_number() OVER (
            PARTITION BY c.s.job, c.s.day, c.s.commit_id ORDER BY c.s.position, c.s.name
        ) AS place
    FROM configured AS c
    WHERE _settings_are_valid(c.s)
),
least_places AS (
    SELECT
        p.s.job AS job,
        p.s.day AS day,
        p.s.commit_id AS commit_id,
        p.s.workload AS workload,
        p.s.tenant AS tenant,
        min(p.place) AS place
    FROM placed AS p
    GROUP BY p.s.job, p.s.day, p.s.commit_id, p.s.workload, p.s.tenant
),
classed AS (
    SELECT
        r.job,
        r.day,
        r.commit_id,
        r.run,
        r.system,
        r.status,
        r.n_output_tokens,
        r.n_chunks,
        r.ttft_ns,
        r.e2e_latency_ns,
        r.itl_max_ns,
        r.envelope,
        r.envelope_min,
        r.envelope_max,
        _late_of(r.late_tokens, r.reader_first_ns, r.reader_pace_ns, p.s) AS late_tokens,
        p.s
    FROM told AS r
    LEFT JOIN least_places AS a
        ON r.job = a.job AND r.day = a.day AND r.commit_id = a.commit_id
        AND r.workload = a.workload AND r.tenant = a.tenant
    LEFT JOIN least_places AS b
        ON r.job = b.job AND r.day = b.day AND r.commit_id = b.commit_id
        AND r.workload = b.workload AND b.tenant IS NULL
    LEFT JOIN least_places AS c
        ON r.job = c.job AND r.day = c.day AND r.commit_id = c.commit_id
        AND c.workload IS NULL AND r.tenant = c.tenant
    LEFT JOIN least_places AS d
        ON r.job = d.job AND r.day = d.day AND r.commit_id = d.commit_id
        AND d.workload IS NULL AND d.tenant IS NULL
    LEFT JOIN placed AS p
        ON r.job = p.s.job AND r.day = p.s.day AND r.commit_id = p.s.commit_id
        AND p.place = least(a.place, b.place, c.place, d.place)
),
evaluated AS (
    SELECT
        c.job,
        c.day,
        c.commit_id,
        c.run,
        c.system,
        c.s,
        c.status,
        c.n_output_tokens,
        _idle_ns(c.envelope, c.s.reader_first_ns, c.s.reader_pace_ns) AS idle_ns,
        _idle_ns(c.envelope_min, c.s.reader_first_ns, c.s.reader_pace_ns) AS idle_min_ns,
        _idle_ns(c.envelope_max, c.s.reader_first_ns, c.s.reader_pace_ns) AS idle_max_ns,
        _held(
            c.n_output_tokens, c.n_chunks, c.ttft_ns, c.e2e_latency_ns, c.itl_max_ns,
            c.envelope, c.envelope_min, c.envelope_max, c.late_tokens, c.s
        ) AS held
    FROM classed AS c
)
SELECT
    e.job,
    e.day,
    e.commit_id,
    e.run,
    e.system,
    e.s.name AS class,
    e.n_output_tokens,
    _attains(e.status, e.held, e.s) AS attained,
    _is_open(e.held, e.s) AS undetermined,
    CASE
        WHEN e.s.name IS NOT NULL
            THEN _in_denominator(e.s.denominator, e.status, _is_open(e.held, e.s))
    END AS counts,
    CASE WHEN e.s.name IS NOT NULL THEN _benefit(e.n_output_tokens, e.status, e.idle_ns, e.s) END
        AS benefit,
    CASE
        WHEN e.s.name IS NOT NULL THEN
            _benefit(e.n_output_tokens, e.status, coalesce(e.idle_ns, e.idle_max_ns), e.s)
    END AS benefit_min,
    CASE
        WHEN e.s.name IS NOT NULL THEN
            _benefit(e.n_output_tokens, e.status, coalesce(e.idle_ns, e.idle_min_ns), e.s)
    END AS benefit_max
FROM evaluated AS e;
