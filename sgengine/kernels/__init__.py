"""Numba loops over ragged batches: single-threaded, nogil, cached, allocation-free inside."""
