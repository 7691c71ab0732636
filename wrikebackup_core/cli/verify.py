"""`wrikebackup verify`: reads backups again, byte by byte, and says what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from wrikebackup_core.cli.backups import Shelf, shelves
from wrikebackup_core.cli.ending import Ended, worst
from wrikebackup_core.cli.progress import progress
from wrikebackup_core.cli.session import PATH, Session, options
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.cli.words import clean, plural, size
from wrikebackup_core.errors import ExitCode, UsageError, WrikeBackupError

if TYPE_CHECKING:
    from wrikebackup_core.engine.findings import Report
    from wrikebackup_core.ports import Sink

__all__ = ["verify"]


@click.command(short_help="Read a backup again and compare.")
@click.argument("profile", type=PATH)
@click.argument("backup", required=False)
@click.option("--all", "all_", is_flag=True, help="Every backup, not only the newest.")
@options
@click.pass_obj
def verify(session: Session, profile: Path, backup: str | None, *, all_: bool) -> None:
    """Check a backup in every sink of the profile: the newest, or BACKUP.

    Every byte is read and compared with its checksum, both zips are looked into, and every file that the JSON names has to be
    there. The account is not asked. Ends with exit code 4 when something is damaged or missing.
    """
    from wrikebackup_core import profile as profiles

    if all_ and backup is not None:
        raise UsageError("give a backup or --all, not both")
    terminal, codes = session.terminal, list[ExitCode]()
    loaded = profiles.load(profile, session.plugins)
    with profiles.open_sinks(loaded, session.plugins) as sinks:
        chosen = [(shelf, uid) for sink in sinks for shelf, uid in _chosen(sink, backup, terminal, codes, all_=all_)]
        if backup is not None and not any(_has(shelf, backup) for shelf, _ in chosen) and not codes:
            raise UsageError(
                f"there is no backup {backup} in the profile's sinks", hint="`wrikebackup list` names them"
            )
        if not chosen and not codes:
            raise UsageError("there is nothing to verify: no backups in the profile's sinks yet")
        results = [_verify(terminal, shelf, uid, codes, loaded.name) for shelf, uid in chosen]
    if terminal.json:
        terminal.document([result for result in results if result is not None])
    raise Ended(worst(codes))


def _has(shelf: Shelf, uid: str) -> bool:
    return uid in shelf.unfinished or any(one.uid == uid for one in shelf.backups)


def _chosen(
    sink: Sink, backup: str | None, terminal: Terminal, codes: list[ExitCode], *, all_: bool
) -> Sequence[tuple[Shelf, str]]:
    """The backups of one sink to look at. A sink that does not answer is told of, and the others are looked at."""
    try:
        held = list(shelves(sink))
    except WrikeBackupError as error:
        terminal.fail(error.message, error.hint)
        codes.append(error.exit_code)
        return []
    if backup is not None:
        return [(shelf, backup) for shelf in held]
    if all_:
        return [(shelf, one.uid) for shelf in held for one in shelf.backups]
    return [(shelf, shelf.backups[-1].uid) for shelf in held if shelf.backups]


def _verify(
    terminal: Terminal, shelf: Shelf, uid: str, codes: list[ExitCode], profile: str
) -> dict[str, object] | None:
    from wrikebackup_core.engine.verify import verify as look

    if not _has(shelf, uid):
        terminal.warn(f"{shelf.sink.name} has no backup {uid} of account {shelf.account}")
        codes.append(ExitCode.DAMAGED)
        return {"sink": shelf.sink.name, "account": shelf.account, "backup_uid": uid, "missing": True}
    try:
        with progress(_without_events(terminal), profile) as notify:
            report = look(shelf.sink, shelf.account, uid, notify)
    except WrikeBackupError as error:
        terminal.fail(error.message, error.hint)
        codes.append(error.exit_code)
        return None
    codes.append(report.exit_code)
    if not terminal.json and (report.findings or not terminal.quiet):
        _print(terminal, shelf, report)
    return {"sink": shelf.sink.name, "account": shelf.account, **msgspec.to_builtins(report)}


def _without_events(terminal: Terminal) -> Terminal:
    """With --json the result is one document, and events would be others."""
    return Terminal(quiet=True) if terminal.json else terminal


def _print(terminal: Terminal, shelf: Shelf, report: Report) -> None:
    from rich.padding import Padding
    from rich.text import Text

    number = len(report.findings)
    head = Text.assemble(
        (clean(report.backup_uid), "bold"),
        f" in {clean(shelf.sink.name)}: ",
        ("whole", "bold green") if not number else (plural(number, "finding"), "bold red"),
        f"; {plural(report.objects, 'object')}, {size(report.bytes)} read",
    )
    terminal.show(head)
    for finding in report.findings:
        text = Text.assemble((finding.what, "red"), f"  {clean(finding.key)}\n", (clean(finding.detail), "dim"))
        terminal.show(Padding(text, (0, 0, 0, 2)))
