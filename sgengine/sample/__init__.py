"""Sample traces from a seeded toy of a serving system: what data/ holds and `sgengine sample` writes.

The toy decides iteration by iteration what a batch computes, so that stalls, preemptions and chunks
of several tokens come about as they do in real servers. Its constants are plausible and no more:
it shows what the engine measures and predicts nothing about any product.
"""

from sgengine.sample.sample import sample_deliveries, sample_texts, write_sample

__all__ = ["sample_deliveries", "sample_texts", "write_sample"]
