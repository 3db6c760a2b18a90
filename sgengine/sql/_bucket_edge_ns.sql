-- scalar macro: _bucket_edge_ns
-- doc: Least gap of a bucket of the gap histogram: 1 ns each below 256, then 128 an octave.
-- param: place INTEGER  The bucket.
-- returns: DOUBLE  Nanoseconds; NULL for NULL.
CREATE OR REPLACE MACRO _bucket_edge_ns(place) AS
    CASE
        WHEN place < 256 THEN CAST(place AS DOUBLE)
        ELSE 256.0 * pow(2.0, (place - 256) // 128) * (1.0 + ((place - 256) % 128) / 128.0)
    END;
