-- scalar macro: _settings_are_valid
-- doc: True, or an error that says what is allowed. The same rules as for the settings of an analysis.
-- param: s STRUCT  The settings (columns of measured_settings).
-- returns: BOOLEAN  Never NULL.
CREATE OR REPLACE MACRO _settings_are_valid(s) AS
    CASE
        WHEN idle_penalty(s.penalty, 0.0, 0, 1.0) IS NULL THEN false
        WHEN s.alpha IS NULL
            THEN CAST(error(
                'penalty ' || s.penalty || ' has no default alpha: give one, as in alpha := 1'
            ) AS BOOLEAN)
        WHEN NOT (s.alpha >= 0 AND s.alpha <= 1e100)
            THEN CAST(error(
                'alpha is ' || CAST(s.alpha AS VARCHAR)
                || ': give a number of 0 or more, up to 1e+100'
            ) AS BOOLEAN)
        WHEN s.penalty IN ('fraction', 'exponential')
            AND NOT coalesce(s.tau_s > 0 AND isfinite(s.tau_s), false)
            THEN CAST(error(
                'penalty ' || s.penalty || ' needs a tau_s above 0, as in tau_s := 10'
            ) AS BOOLEAN)
        WHEN s.penalty NOT IN ('fraction', 'exponential') AND s.tau_s IS NOT NULL
            THEN CAST(error('penalty ' || s.penalty || ' takes no tau_s: leave it out') AS BOOLEAN)
        WHEN NOT coalesce(s.unfinished_idle_s >= 0 AND isfinite(s.unfinished_idle_s), false)
            THEN CAST(error(
                'unfinished_idle_s is ' || coalesce(CAST(s.unfinished_idle_s AS VARCHAR), 'NULL')
                || ': give a number of 0 or more'
            ) AS BOOLEAN)
        WHEN least(
            s.reader_first_ns, s.reader_pace_ns, s.max_ttft_ns, s.max_tbt_ns, s.max_tpot_ns,
            s.max_e2e_ns, s.pace_first_ns, s.pace_ns
        ) < 0
            THEN CAST(error('a duration is below 0: give 0 or more') AS BOOLEAN)
        ELSE true
    END;
