"""The nightly job: what is due, from which files, under which objectives, and its record."""
