-- scalar macro: _has_slo
-- doc: Whether settings state an SLO: at least one clause.
-- param: s STRUCT  The settings.
-- returns: BOOLEAN  Never NULL.
CREATE OR REPLACE MACRO _has_slo(s) AS
    coalesce(
        s.max_ttft_ns, s.max_tbt_ns, s.max_tpot_ns, s.max_e2e_ns, s.pace_ns, s.tokens_share_num
    ) IS NOT NULL;
