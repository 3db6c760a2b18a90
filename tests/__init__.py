"""Tests; a package so that they share the reference implementation and the golden table."""
