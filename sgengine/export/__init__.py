"""Aggregates in the forms that others read."""
