"""The BI export as files of the backup: one for each table, and the schema."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Sequence
from functools import partial

import msgspec

from wrikebackup_bi_export.hearing import Hearing, hearing
from wrikebackup_bi_export.options import BiExportOptions, Format
from wrikebackup_bi_export.rows import TableCheck
from wrikebackup_core import Artifact, Export, Gap, Run, Table, Transform, Withdrawn, duration, read_whole

__all__ = ["BiExport", "bi_export"]

KIND = "bi-export"
FOLDER = "bi-export"
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)


def bi_export(options: BiExportOptions) -> BiExport:
    """Raises ImportError where the format takes a library that is not installed."""
    if options.format is not Format.CSV:
        importlib.import_module("wrikebackup_bi_export.parquet")  # now, not hours into a run
    return BiExport(options)


class BiExport(Transform):
    """Adds `bi-export/schema.json` and `bi-export/<table>.csv`, `.parquet`, or both.

    Every file is of one export: where another one takes its place before all are stored, they are fetched anew.
    """

    kind = KIND

    def __init__(self, options: BiExportOptions) -> None:
        self._max_age = duration(options.max_age) if options.max_age else None
        self._wait, self._format = duration(options.wait), options.format
        self._texts: dict[str, set[str]] = {}

    def add(self, run: Run) -> Iterator[Artifact | Gap]:
        export = run.source.export(self._max_age, self._wait)
        run.witness.begin(export.edition, export.completed)
        facts = _facts(export)
        yield Artifact(f"{FOLDER}/schema.json", lambda: iter([facts]), export.edition)
        seen: set[str] = set()
        for table in export.tables:
            if (why := _unfit(table.name, seen)) is not None:
                yield Gap(KIND, repr(table.name), why, hint="tell Wrike's support")
                continue
            seen.add(table.name.casefold())
            yield from self._artifacts(run, export, table)

    def describe(self) -> dict[str, object]:
        return {"format": self._format.value}

    def _artifacts(self, run: Run, export: Export, table: Table) -> Iterator[Artifact]:
        if self._format is not Format.PARQUET:
            yield Artifact(f"{FOLDER}/{table.name}.csv", partial(self._csv, run, export, table), export.edition)
        if self._format is not Format.CSV:
            chunks = partial(self._parquet, run, export, table)
            yield Artifact(f"{FOLDER}/{table.name}.parquet", chunks, export.edition)

    def _csv(self, run: Run, export: Export, table: Table) -> Iterator[bytes]:
        check = TableCheck(f"table {table.name}", table.columns, run.account.id)
        heard = hearing(run.witness, table, lambda: check.header)
        yield from check.through(read_whole(table.open, f"table {table.name}"), heard.take if heard else None)
        _still(run, export)
        if heard:
            heard.finish()

    def _parquet(self, run: Run, export: Export, table: Table) -> Iterator[bytes]:
        from wrikebackup_bi_export.parquet import parquet

        check = TableCheck(f"table {table.name}", table.columns, run.account.id)
        rows = check.rows(read_whole(table.open, f"table {table.name}"))
        heard = hearing(run.witness, table, lambda: check.header) if self._format is Format.PARQUET else None
        yield from parquet(table, check, _taken(heard, rows), self._texts.setdefault(table.name, set()))
        _still(run, export)
        if heard:
            heard.finish()


def _taken(heard: Hearing | None, rows: Iterator[bytes]) -> Iterator[bytes]:
    for body in rows:
        if heard is not None:
            heard.take(body)
        yield body


def _still(run: Run, export: Export) -> None:
    """Raises Withdrawn where another export is the newest one now: what comes next would not fit what is stored."""
    edition = run.source.export_edition()
    if edition != export.edition:
        raise Withdrawn(f"a newer BI export ({edition}) took the place of the one being read ({export.edition})")


def _facts(export: Export) -> bytes:
    """`schema.json`: the schema as the source gave it, and which export the tables beside it are."""
    facts = {
        "edition": export.edition,
        "completed": export.completed,
        "schemaVersion": export.schema_version,
        "schema": msgspec.Raw(export.schema),
    }
    return msgspec.json.format(msgspec.json.encode(facts), indent=1) + b"\n"


def _unfit(name: str, seen: Sequence[str] | set[str]) -> str | None:
    """Why a table's name can be no file's, in every store and on every system."""
    if not _SAFE.fullmatch(name) or _RESERVED.fullmatch(name):
        return f"the BI export names a table {name!r}, which can be no file's name"
    if name.casefold() in seen:
        return f"the BI export has two tables named {name!r}, or so that some file systems take them for the same"
    return None
