"""Clients' own metric code, called as a library in an environment of its own (benchmarks.clients).

``drive.py`` and what it imports run in that environment, which has no sgengine: they import nothing of
this project but each other.
"""
