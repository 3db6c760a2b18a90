-- scalar macro: user_idle_latency_ms
-- doc: User idle latency of one envelope for any reader: how long it waited beyond what it accepted.
--   Computed on whole ns; first_ms and pace_ms are rounded to them.
-- param: envelope STRUCT(token INTEGER, time_ns BIGINT)[]  Column envelope (or envelope_min, envelope_max, for bounds).
-- param: first_ms DOUBLE  When the reader expects the first token, in ms after the arrival.
-- param: pace_ms DOUBLE  Reading time of one token, in ms.
-- returns: DOUBLE  Milliseconds; NULL for the empty or a NULL envelope.
CREATE OR REPLACE MACRO user_idle_latency_ms(envelope, first_ms, pace_ms) AS
    _idle_ns(envelope, _whole_ns(first_ms), _whole_ns(pace_ms)) / 1e6;
