"""Compares a night with the nights before it."""
