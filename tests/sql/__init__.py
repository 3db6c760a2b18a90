"""Each view and macro: hand-derived rows, audits, and a brute-force twin under hypothesis."""
