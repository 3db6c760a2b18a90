"""The twelve requests worked by hand (docs/metrics.md, section 8)."""
