-- scalar macro: _histogram_percentile
-- doc: An aggregate over the buckets of one histogram: the percentile that interpolates linearly between
--   order statistics, each of which is the middle of its bucket. Ranks are whole numbers, so no
--   rounding chooses a bucket.
-- param: middle DOUBLE  The middle of the bucket.
-- param: up_to BIGINT  Samples in this bucket and all below.
-- param: total BIGINT  Samples of the histogram, the same in every row.
-- param: permille INTEGER  The percentile in thousandths: 990 for p99.
-- returns: DOUBLE  NULL for no bucket.
CREATE OR REPLACE MACRO _histogram_percentile(middle, up_to, total, permille) AS
    min(CASE WHEN up_to > permille * (total - 1) // 1000 THEN middle END)
    + (
        min(CASE WHEN up_to > (permille * (total - 1) + 999) // 1000 THEN middle END)
        - min(CASE WHEN up_to > permille * (total - 1) // 1000 THEN middle END)
    ) * (max(permille * (total - 1) % 1000) / 1000);
