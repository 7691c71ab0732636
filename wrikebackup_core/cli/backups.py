"""`wrikebackup list` and `wrikebackup show`: the backups that the sinks of a profile hold. The account is not asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from wrikebackup_core.cli.ending import Ended, worst
from wrikebackup_core.cli.reading import open_reading, with_keys
from wrikebackup_core.cli.session import Session, options
from wrikebackup_core.cli.shelves import Shelf, named, shelves
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.cli.words import clean, count, duration, local_time, plural, size
from wrikebackup_core.errors import ExitCode, UsageError, WrikeBackupError
from wrikebackup_core.model import Backup

if TYPE_CHECKING:
    from rich.console import RenderableType

    from wrikebackup_core.format.coverage import Report
    from wrikebackup_core.format.manifest import Manifest
    from wrikebackup_core.ports import Sink

__all__ = ["list_", "show"]


@click.command("list", short_help="List the backups in the sinks.")
@click.argument("place")
@options
@click.pass_obj
def list_(session: Session, place: str) -> None:
    """List the backups in the sinks of a profile.

    PLACE is the profile, or a folder or the address of a store with backups in it: s3://bucket/prefix.
    """
    from wrikebackup_core.engine.remembered import recall, rolled_back

    terminal, codes, found = session.terminal, [ExitCode.DONE], list[Shelf]()
    with open_reading(session, place) as reading:
        for sink in reading.sinks:
            try:
                held = list(shelves(sink))
            except WrikeBackupError as error:  # the other sinks are still worth listing
                terminal.fail(error.message, error.hint)
                codes.append(error.exit_code)
                continue
            found += held
            if not terminal.json:
                _print(terminal, sink, held)
            for newest in () if reading.profile is None else recall(reading.profile.state, sink.name):
                if why := rolled_back(sink, newest):
                    terminal.warn(f"{sink.name}: {why}")
    if terminal.json:
        terminal.document([_plain(shelf) for shelf in found])
    raise Ended(worst(codes))


def _plain(shelf: Shelf) -> dict[str, Any]:
    return {
        "sink": shelf.sink.name,
        "account": shelf.account,
        "backups": shelf.backups,
        "unfinished": shelf.unfinished,
    }


def _print(terminal: Terminal, sink: Sink, held: Sequence[Shelf]) -> None:
    from rich.text import Text

    if not any(shelf.backups or shelf.unfinished for shelf in held):
        terminal.show(Text(f"{clean(sink.name)}: no backups yet", overflow="fold"))
    for shelf in held:
        if not (shelf.backups or shelf.unfinished):
            continue
        terminal.show(Text(f"{clean(sink.name)}, account {clean(shelf.account)}", "bold", overflow="fold"))
        if shelf.backups:
            terminal.show(_table(shelf.backups))
        for uid in shelf.unfinished:
            terminal.show(Text(f"{clean(uid)}  not finished: running, or to be gone on with", "dim"))


def _table(backups: Sequence[Backup]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for head in ("backup", "taken", "state", "tasks", "files", "size"):
        table.add_column(head, justify="right" if head in ("tasks", "files", "size") else "left", no_wrap=True)
    for one in backups:
        numbers = (count(one.counts.get("tasks", 0)), count(one.attachment_files), size(one.attachment_bytes))
        table.add_row(
            Text(clean(one.uid), "bold"),
            local_time(one.started),
            _state(one),
            *(numbers if one.complete is not None else ()),
        )
    return table


def _state(one: Backup) -> RenderableType:
    from rich.text import Text

    pinned = (", pinned", "bold") if one.pinned is not None else ""
    if one.complete is None:
        return Text.assemble(("unreadable", "red"), pinned)
    if one.gaps or not one.complete:
        return Text.assemble((plural(one.gaps, "gap"), "yellow"), pinned)
    return Text.assemble(("complete", "green"), pinned)


@click.command(short_help="Show one backup: what it holds and lacks.")
@click.argument("place")
@click.argument("backup", required=False)
@with_keys
@options
@click.pass_obj
def show(session: Session, place: str, backup: str | None, identity: Sequence[str]) -> None:
    """Show one backup: what it holds and what it lacks. Without BACKUP, the newest.

    PLACE is a profile, or a folder or the address of a store with backups in it: s3://bucket/prefix. Of an encrypted backup a key
    shows besides which spaces are not shared with the token's user, and whose they are.
    """
    from wrikebackup_core.cli.coverage_summary import read_report
    from wrikebackup_core.store import AccountStore

    warn = session.terminal.warn
    with open_reading(session, place) as reading:
        held = [shelf for sink in reading.sinks for shelf in shelves(sink)]
        if not any(shelf.backups for shelf in held):
            raise UsageError(f"there are no backups in {', '.join(sink.name for sink in reading.sinks)}")
        shelf, uid = _chosen(held, backup)
        manifest = AccountStore(shelf.sink, shelf.account).manifest(uid)
        copies = {
            other.sink.name: one
            for other in held
            for one in other.backups
            if (other.account, one.uid) == (shelf.account, uid)
        }
        report = None
        if manifest.coverage is not None:
            decoding = reading.decoding_at_hand(manifest, identity)
            report = read_report(shelf.sink, shelf.account, manifest, decoding, warn)
    if session.terminal.json:
        pins = {name: one.pinned for name, one in copies.items() if one.pinned is not None}
        session.terminal.document({"sinks": list(copies), "pinned": pins, "manifest": manifest, "coverage": report})
    else:
        session.terminal.show(_details(manifest, copies, report))


def _chosen(held: Sequence[Shelf], wanted: str | None) -> tuple[Shelf, str]:
    """The backup of that uid, or whose uid starts so; the newest that can be read for None."""
    found = sorted(
        ((one, shelf) for shelf in held for one in shelf.backups),
        key=lambda pair: (pair[0].uid, pair[0].complete is not None),
    )
    if wanted is None:
        readable = [pair for pair in found if pair[0].complete is not None]
        one, shelf = (readable or found)[-1]
        return shelf, one.uid
    uid = named([one.uid for one, _ in found], wanted)
    return next(shelf for one, shelf in reversed(found) if one.uid == uid), uid


def _details(manifest: Manifest, copies: Mapping[str, Backup], report: Report | None) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from wrikebackup_core.cli import coverage_summary
    from wrikebackup_core.cli.summary import account_words, facts, gap_lines, named_counts
    from wrikebackup_core.format.coverage import FILE

    files = manifest.attachments
    state = ("complete", "bold green") if manifest.complete else (plural(len(manifest.gaps), "gap"), "bold yellow")
    head = Text.assemble((clean(manifest.backup_uid), "bold"), "  ", state)
    took = (manifest.finished - manifest.started).total_seconds()
    attachments = f"{plural(files.total, 'file')}, {size(files.bytes)} ({files.mode.value}); {count(files.new)} new"
    lines = [
        ("account", account_words(manifest.account)),
        *(("stored in", name) for name in copies),
        *(("pinned", f"in {name}: {one.pinned}") for name, one in copies.items() if one.pinned is not None),
        ("taken", f"{local_time(manifest.started)}, took {duration(took, whole=True)}"),
        ("source", manifest.source),
        ("records", f"{count(sum(manifest.counts.values()))}: {named_counts(manifest.counts)}"),
        ("attachments", attachments),
    ]
    if manifest.skipped:
        lines.append(("skipped", f"{', '.join(manifest.skipped)}, by the profile"))
    if manifest.transforms:
        lines.append(("transforms", ", ".join(str(one.get("kind")) for one in manifest.transforms)))
    lines.append(("written by", f"{manifest.tool.name} {manifest.tool.version}, format {manifest.format}"))
    gaps = [Text(f"\n{plural(len(manifest.gaps), 'gap')}", "bold yellow"), *gap_lines(manifest.gaps)]
    sealed = FILE not in manifest.files.artifacts
    covered = () if manifest.coverage is None else coverage_summary.details(manifest.coverage, report, sealed=sealed)
    return Group(head, facts(lines), *covered, *(gaps if manifest.gaps else ()))
