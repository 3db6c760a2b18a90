"""Benchmarks: seeded workloads, contenders checked equal before they are timed, a generated table."""
