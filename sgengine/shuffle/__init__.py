"""EVENTS -> DELIVERIES: pure functions over pieces of a log, in memory or through files of buckets.

``piece_of`` takes a batch of events in; ``split`` holds pieces or cuts them into buckets on disk;
``load`` brings a bucket's pieces back; ``requests_of`` and ``deliveries_of`` make requests of pieces.
"""

from sgengine.shuffle.bounds import Bounds
from sgengine.shuffle.columns import one_type_each, types_in
from sgengine.shuffle.faults import Rejected
from sgengine.shuffle.gather import Delivered, deliveries_of
from sgengine.shuffle.pieces import Piece, kinds_of, piece_of
from sgengine.shuffle.requests import Requests, requests_of
from sgengine.shuffle.spill import Place, load
from sgengine.shuffle.split import HELD_BYTES, SplitReceipt, SplitTask, buckets_for, split

__all__ = [
    "HELD_BYTES",
    "Bounds",
    "Delivered",
    "Piece",
    "Place",
    "Rejected",
    "Requests",
    "SplitReceipt",
    "SplitTask",
    "buckets_for",
    "deliveries_of",
    "kinds_of",
    "load",
    "one_type_each",
    "piece_of",
    "requests_of",
    "split",
    "types_in",
]
