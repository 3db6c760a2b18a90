"""REQUESTS -> group figures: streaming, mergeable, the contract for every figure."""

from sgengine.aggregate.aggregator import WHOLE_RULES, Aggregator, pooled_samples
from sgengine.aggregate.distribution import QUANTILES, STATISTICS, Distribution, distribution
from sgengine.aggregate.gap_table import GapTable
from sgengine.aggregate.keys import Key, group_rows
from sgengine.aggregate.pool import GapPool
from sgengine.aggregate.ranks import Gathering, RankSearch
from sgengine.aggregate.settings import DEFAULT_BY, SummarySettings
from sgengine.aggregate.windows import HOUR_NS, SLICES, Span, span_of, window

__all__ = [
    "DEFAULT_BY",
    "HOUR_NS",
    "QUANTILES",
    "SLICES",
    "STATISTICS",
    "WHOLE_RULES",
    "Aggregator",
    "Distribution",
    "GapPool",
    "GapTable",
    "Gathering",
    "Key",
    "RankSearch",
    "Span",
    "SummarySettings",
    "distribution",
    "group_rows",
    "pooled_samples",
    "span_of",
    "window",
]
