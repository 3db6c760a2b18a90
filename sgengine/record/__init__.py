"""Measures inputs and commits what they leave to a store."""
