-- scalar macro: _held
-- doc: Which clauses of an SLO a request keeps; an absent clause is kept.
-- param: n INTEGER  Tokens of the request.
-- param: k INTEGER  Chunks of the request; NULL where chunk times are not known.
-- param: first_ns BIGINT  t_1.
-- param: last_ns BIGINT  t_n.
-- param: gap_ns BIGINT  The longest gap between chunks.
-- param: hull STRUCT(token INTEGER, time_ns BIGINT)[]  Column envelope.
-- param: hull_min STRUCT(token INTEGER, time_ns BIGINT)[]  Column envelope_min.
-- param: hull_max STRUCT(token INTEGER, time_ns BIGINT)[]  Column envelope_max.
-- param: late INTEGER  Late tokens of the SLO's reader; NULL if not known for it.
-- param: s STRUCT  The settings.
-- returns: STRUCT  ttft, tbt, tpot, e2e, pace, tokens; each NULL where its clause is open.
CREATE OR REPLACE MACRO _held(
    n, k, first_ns, last_ns, gap_ns, hull, hull_min, hull_max, late, s
) AS
    {
        'ttft': _holds_within(n, first_ns, s.max_ttft_ns),
        'tbt': _holds_tbt(n, k, gap_ns, last_ns - first_ns, s.max_tbt_ns),
        'tpot': _holds_tpot(n, last_ns - first_ns, s.max_tpot_ns),
        'e2e': _holds_within(n, last_ns, s.max_e2e_ns),
        'pace': _holds_pace(n, hull, hull_min, hull_max, s.pace_first_ns, s.pace_ns),
        'tokens': _holds_tokens(n, late, s.tokens_share_num, s.tokens_share_den)
    };
