-- scalar macro: _late_of
-- doc: Late tokens of a request, if they were counted for the reader asked for.
-- param: late INTEGER  Column late_tokens.
-- param: counted_first_ns BIGINT  d_1 of the reader they were counted for.
-- param: counted_pace_ns BIGINT  V of that reader.
-- param: s STRUCT  The settings, with the reader asked for.
-- returns: INTEGER  NULL for another reader: the envelope does not know them.
CREATE OR REPLACE MACRO _late_of(late, counted_first_ns, counted_pace_ns, s) AS
    CASE
        WHEN counted_first_ns = s.reader_first_ns AND counted_pace_ns = s.reader_pace_ns THEN late
    END;
