-- scalar macro: _chosen
-- doc: The arguments of the public macros as one row of measured_settings. d_1 follows V unless it is
--   given; alpha defaults to 2.5 for linear alone.
-- param: speed DOUBLE  Tokens a second; NULL: no reader.
-- param: first_token_ms DOUBLE  d_1; NULL: V.
-- param: alpha DOUBLE  Weight of waiting; NULL: the default.
-- param: penalty VARCHAR  The benefit function.
-- param: tau_s DOUBLE  Its time constant.
-- param: unfinished_idle_s DOUBLE  Idle time added unless ok.
-- param: max_ttft_ms DOUBLE  Clause ttft.
-- param: max_tbt_ms DOUBLE  Clause tbt.
-- param: max_tpot_ms DOUBLE  Clause tpot.
-- param: max_e2e_ms DOUBLE  Clause e2e.
-- param: on_pace BOOLEAN  Clause pace at this reader.
-- returns: STRUCT  The settings.
CREATE OR REPLACE MACRO _chosen(
    speed, first_token_ms, alpha, penalty, tau_s, unfinished_idle_s,
    max_ttft_ms, max_tbt_ms, max_tpot_ms, max_e2e_ms, on_pace
) AS
    {
        'reader_first_ns': coalesce(_whole_ns(first_token_ms), speed_pace_ns(speed)),
        'reader_pace_ns': speed_pace_ns(speed),
        'alpha': CAST(coalesce(alpha, CASE WHEN penalty = 'linear' THEN 2.5 END) AS DOUBLE),
        'penalty': CAST(penalty AS VARCHAR),
        'tau_s': CAST(tau_s AS DOUBLE),
        'unfinished_idle_s': CAST(unfinished_idle_s AS DOUBLE),
        'max_ttft_ns': _whole_ns(max_ttft_ms),
        'max_tbt_ns': _whole_ns(max_tbt_ms),
        'max_tpot_ns': _whole_ns(max_tpot_ms),
        'max_e2e_ns': _whole_ns(max_e2e_ms),
        'pace_first_ns':
            CASE WHEN on_pace THEN coalesce(_whole_ns(first_token_ms), speed_pace_ns(speed)) END,
        'pace_ns': CASE WHEN on_pace THEN speed_pace_ns(speed) END,
        'tokens_share_num': CAST(NULL AS BIGINT),
        'tokens_share_den': CAST(NULL AS BIGINT)
    };
