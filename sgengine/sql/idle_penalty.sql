-- scalar macro: idle_penalty
-- doc: What waiting costs, f(l), before it is weighed with alpha: linear l; quadratic l^2; fraction
--   n min(1, l / tau); exponential n (1 - exp(-l / tau)); step n if l > 0. Another name is an error.
-- param: penalty VARCHAR  linear, quadratic, fraction, exponential or step.
-- param: idle_s DOUBLE  User idle latency l in seconds.
-- param: n INTEGER  Tokens of the request.
-- param: tau_s DOUBLE  Time constant in seconds, for fraction and exponential alone.
-- returns: DOUBLE  Tokens (linear: seconds, quadratic: seconds squared); NULL where idle_s is NULL,
--   or where n or tau_s is NULL and needed.
CREATE OR REPLACE MACRO idle_penalty(penalty, idle_s, n, tau_s) AS
    CASE penalty
        WHEN 'linear' THEN CAST(idle_s AS DOUBLE)
        WHEN 'quadratic' THEN CAST(idle_s AS DOUBLE) * idle_s
        -- least(1, NULL) is 1, and NULL > 0 takes the ELSE: both would make 0 or n of NULL.
        WHEN 'fraction' THEN
            CASE
                WHEN idle_s IS NOT NULL AND tau_s IS NOT NULL
                    THEN n * least(1.0, CAST(idle_s AS DOUBLE) / tau_s)
            END
        WHEN 'exponential' THEN n * (1.0 - exp(-CAST(idle_s AS DOUBLE) / tau_s))
        WHEN 'step' THEN
            CASE
                WHEN idle_s > 0 THEN CAST(n AS DOUBLE)
                WHEN idle_s <= 0 AND n IS NOT NULL THEN 0.0
            END
        ELSE CAST(
            error(
                'penalty is ' || coalesce(CAST(penalty AS VARCHAR), 'NULL')
                || ': give one of linear, quadratic, fraction, exponential, step'
            ) AS DOUBLE
        )
    END;
