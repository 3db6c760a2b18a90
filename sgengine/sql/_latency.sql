-- scalar macro: _latency
-- doc: An aggregate: the distribution of one latency over the rows that have it; percentiles
--   interpolate linearly between order statistics (p50, p90, p95, p99, p99.9).
-- param: x NUMERIC  The latency in ns.
-- returns: STRUCT  n, mean, std (ddof 0), least, percentiles, greatest; NULL but for n if no row has it.
CREATE OR REPLACE MACRO _latency(x) AS
    {
        'n': count(x),
        'mean': avg(x),
        'std': stddev_pop(x),
        'least': min(x),
        'percentiles': quantile_cont(x, [0.5, 0.9, 0.95, 0.99, 0.999]),
        'greatest': max(x)
    };
