"""REQUESTS -> group figures: streaming, mergeable, the contract for every figure."""

from sgengine.aggregate.activity import Activity
from sgengine.aggregate.aggregator import WHOLE_RULES, Aggregator, Each, gather_samples
from sgengine.aggregate.distribution import QUANTILES, STATISTICS, Distribution, distribution
from sgengine.aggregate.flat import APPROXIMATE, LATENCIES, flat_group
from sgengine.aggregate.focus import Focus
from sgengine.aggregate.gap_table import GapTable
from sgengine.aggregate.keys import Key, group_rows
from sgengine.aggregate.load import Load, load_of
from sgengine.aggregate.number_file import NumberFile
from sgengine.aggregate.pool import GapPool
from sgengine.aggregate.pooling import Pooling
from sgengine.aggregate.ranks import Gathering, RankSearch
from sgengine.aggregate.sections import (
    INSIDE,
    NOWHERE,
    WHERE,
    NightSections,
    Section,
    Sections,
    only,
    places,
    sections_of,
    side_of,
)
from sgengine.aggregate.selection import (
    Moment,
    Selection,
    Steady,
    TimeWindow,
    Trim,
    choose,
    parse_steady,
    parse_trim,
    parse_window,
)
from sgengine.aggregate.settings import DEFAULT_BY, SummarySettings
from sgengine.aggregate.settings_row import settings_row, summary_of
from sgengine.aggregate.sorted_spool import SortedSpool
from sgengine.aggregate.windows import HOUR_NS, SLICES, Span, span_of, window

__all__ = [
    "APPROXIMATE",
    "DEFAULT_BY",
    "HOUR_NS",
    "INSIDE",
    "LATENCIES",
    "NOWHERE",
    "QUANTILES",
    "SLICES",
    "STATISTICS",
    "WHERE",
    "WHOLE_RULES",
    "Activity",
    "Aggregator",
    "Distribution",
    "Each",
    "Focus",
    "GapPool",
    "GapTable",
    "Gathering",
    "Key",
    "Load",
    "Moment",
    "NightSections",
    "NumberFile",
    "Pooling",
    "RankSearch",
    "Section",
    "Sections",
    "Selection",
    "SortedSpool",
    "Span",
    "Steady",
    "SummarySettings",
    "TimeWindow",
    "Trim",
    "choose",
    "distribution",
    "flat_group",
    "gather_samples",
    "group_rows",
    "load_of",
    "only",
    "parse_steady",
    "parse_trim",
    "parse_window",
    "places",
    "sections_of",
    "settings_row",
    "side_of",
    "span_of",
    "summary_of",
    "window",
]
