-- view: _measured_scores
-- grain: one row a request
-- doc: Every request against the settings that the connection was opened with.
-- columns of: _scored
-- column: hour TIMESTAMP  Start of the hour of arrival, in UTC; NULL unless the clock is unix and the arrival known.
CREATE OR REPLACE VIEW _measured_scores AS
SELECT
    s.*,
    CASE
        WHEN s.clock = 'unix' AND s.arrival_ns IS NOT NULL
            THEN make_timestamp(_floor_div(s.arrival_ns, 3600000000000) * 3600000000)
    END AS hour
FROM _scored((SELECT m FROM measured_settings AS m)) AS s;
