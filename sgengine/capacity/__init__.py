"""Capacity and best rate, from runs at several offered rates."""
