"""Every kind of finding about a results store: what is damaged, and how to make it whole again."""

from __future__ import annotations

from sgengine.check.kinds import ERROR, INFO, WARNING, Kind

_AGAIN = "measure the night again"

STORE_KINDS = (
    Kind(
        name="table_unreadable",
        severity=ERROR,
        of="tables",
        meaning="A table whose log cannot be read at all, or that is gone.",
        advice="mend what is named below, or bring the table's folder back from a copy",
    ),
    Kind(
        name="log_entry_damaged",
        severity=ERROR,
        of="log entries",
        meaning="A log entry that is empty, cut, or no JSON: power was lost, or the disk failed.",
        advice="--mend sets the newest aside; then measure its night again (nightly skips nights that are "
        "there); bring any other back from a copy",
    ),
    Kind(
        name="checkpoint_damaged",
        severity=ERROR,
        of="checkpoints",
        meaning="A checkpoint of a log that does not decode.",
        advice="--mend sets it aside: the log's entries say the same",
    ),
    Kind(
        name="log_entry_missing",
        severity=ERROR,
        of="log entries",
        meaning="A gap in the log: an entry between others is gone.",
        advice="bring it back from a copy",
    ),
    Kind(
        name="log_end_missing",
        severity=ERROR,
        of="stores",
        meaning="views.sql was made from a later version than the newest of the log.",
        advice="bring the log's newest entries back from a copy; or remove views.sql and measure the "
        "nights since again",
    ),
    Kind(
        name="foreign_commit",
        severity=ERROR,
        of="log entries",
        meaning="A commit of another program that added or removed files: compaction, an append.",
        advice="if it is the newest entry, remove it; write to a store with sgengine alone",
    ),
    Kind(
        name="protocol_feature",
        severity=ERROR,
        of="tables",
        meaning="A table on which another program switched on a Delta feature, such as deletion "
        "vectors: a list of files does not say any more which rows live.",
        advice="drop the feature with the program that switched it on",
    ),
    Kind(
        name="live_files_differ",
        severity=ERROR,
        of="tables",
        meaning="The files that are live are not those that the last commit left (its seal).",
        advice="see the damaged log entries; without any, bring the log back from a copy",
    ),
    Kind(
        name="file_missing",
        severity=ERROR,
        of="files",
        meaning="A live data file that is gone.",
        advice=f"bring it back from a copy, or {_AGAIN}",
    ),
    Kind(
        name="file_size",
        severity=ERROR,
        of="files",
        meaning="A live data file with more or fewer bytes than were committed.",
        advice=f"bring it back from a copy, or {_AGAIN}",
    ),
    Kind(
        name="file_unreadable",
        severity=ERROR,
        of="files",
        meaning="A live data file of the right size that does not decode.",
        advice=f"bring it back from a copy, or {_AGAIN}",
    ),
    Kind(
        name="file_rows",
        severity=ERROR,
        of="files",
        meaning="A live data file whose rows are not as many as were committed.",
        advice=f"bring it back from a copy, or {_AGAIN}",
    ),
    Kind(
        name="night_doubled",
        severity=ERROR,
        of="nights",
        meaning="A night (job and day) of which two commits are live: its rows count twice.",
        advice=f"{_AGAIN}: that replaces all of it",
    ),
    Kind(
        name="night_untold",
        severity=ERROR,
        of="nights",
        meaning="A night with live requests, and no row of it, or several, in the table nights.",
        advice=_AGAIN,
    ),
    Kind(
        name="night_counts",
        severity=ERROR,
        of="nights",
        meaning="A night whose live files or rows are not as many as its row in nights says.",
        advice=_AGAIN,
    ),
    Kind(
        name="layout_unreadable",
        severity=ERROR,
        of="stores",
        meaning="store.json, which says how a store is laid out, is damaged or gone.",
        advice="bring it back from a copy",
    ),
    Kind(
        name="views_stale",
        severity=WARNING,
        of="stores",
        meaning="views.sql is missing, or older than the newest commit: the DuckDB shell sees an "
        "older state. A job was killed between its commit and the views.",
        advice="the next commit writes it",
    ),
    Kind(
        name="file_writable",
        severity=WARNING,
        of="files",
        meaning="A live data file that is not read-only: a COPY in a SQL shell could overwrite it.",
        advice="chmod 0444",
    ),
    Kind(
        name="orphan_file",
        severity=INFO,
        of="files",
        meaning="Data files of no commit that is live: replaced nights, killed jobs. In no figure.",
        advice="sgengine vacuum removes those that are older than its retention",
    ),
)
"""docs/check.md is made from this list too."""
