"""The evaluation of docs/evaluation.md: simulated systems, analysed by the engine. ``make paper``."""
