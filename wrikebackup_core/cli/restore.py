"""`wrikebackup restore`: a backup decoded, whole or in part, to a folder or to any store."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
import msgspec

from wrikebackup_core.addresses import without_password
from wrikebackup_core.cli.backup import reader_may_leave
from wrikebackup_core.cli.ending import Ended
from wrikebackup_core.cli.heaps import keep_heaps_small
from wrikebackup_core.cli.places import are_one, is_account
from wrikebackup_core.cli.progress import progress
from wrikebackup_core.cli.reading import Reading, open_reading, open_sink, with_keys
from wrikebackup_core.cli.session import Session, options
from wrikebackup_core.cli.signers import verifiers_of, with_signers
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.errors import ExitCode, UsageError
from wrikebackup_core.homes import expand_home

if TYPE_CHECKING:
    from wrikebackup_core.engine.restore import Original, Restored, RestoreJob, RestorePlan, Selection
    from wrikebackup_core.ports import Sink
    from wrikebackup_core.profile import Profile

__all__ = ["restore"]

_TRANSFERS = 8


@click.command(short_help="Restore a backup, or a part of it.")
@click.argument("place", metavar="PLACE")
@click.argument("backup", required=False)
@click.option("--to", "target", required=True, metavar="DIR|URL", help="A folder, or the address of a store.")
@click.option(
    "--as",
    "shape",
    type=click.Choice(["layout", "tree"]),
    default="layout",
    show_default=True,
    help="The layout of Wrike's own tool, or folders and pages for people.",
)
@click.option("--sink", metavar="SINK", help="Which of the profile's sinks to read from.")
@with_keys
@with_signers
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Only this task: its id, number or permalink.")
@click.option(
    "--folder",
    "folders",
    multiple=True,
    metavar="FOLDER",
    help="Only this folder, with all below: id, number, permalink, titles.",
)
@click.option("--project", "projects", multiple=True, metavar="PROJECT", help="The same for a project.")
@click.option(
    "--author", "authors", multiple=True, metavar="PERSON", help="Only by this person: name, id or e-mail address."
)
@click.option("--since", metavar="DATE", help="Only from this day on.")
@click.option("--until", metavar="DATE", help="Only up to this day, which is included.")
@click.option("--name", "names", multiple=True, metavar="GLOB", help="Only files with such a name: '*.pdf'.")
@click.option("--type", "types", multiple=True, metavar="GLOB", help="Only files of such a content type: 'image/*'.")
@click.option("--dry-run", is_flag=True, help="Say what would be written; write nothing.")
@options
@click.pass_obj
def restore(
    session: Session,
    /,
    place: str,
    backup: str | None,
    *,
    target: str,
    shape: str,
    sink: str | None,
    identity: tuple[str, ...],
    signer: tuple[str, ...],
    dry_run: bool,
    **words: Any,
) -> None:
    """Restore the newest backup, or BACKUP, to a folder or store.

    PLACE is a profile, or a folder or the address of a store with backups in it: s3://bucket/prefix. Backups of Wrike's own tool are
    restored, too. The beginning of a backup's name will do. Everything is decoded; encrypted backups need --identity.

    As `layout`, the files lie as Wrike's own tool lays them out, with checksums and a manifest. As `tree`, each folder is a folder and
    each task one in it, with its text, comments and time in a page of Markdown, and its files beside it.

    Options that select may be given several times: of one kind one has to fit, and of different kinds all. Files are chosen by who
    attached them and when; tasks by who made them and when.

    With --signer nothing is written of a backup that is not signed by one of these keys, or was altered or exchanged since: that ends
    with exit code 4.

    Every byte is compared with its checksum. What is there is compared and left, so the same command goes on with a restore that was
    interrupted, and nothing is ever overwritten. Ends with exit code 3 when something in the backup is missing or damaged, or when
    something else is in a file's place; with 6 when a key does not fit.
    """
    keep_heaps_small()
    terminal = session.terminal
    terminal.interrupted = "run the same command again: it goes on where this run stopped"
    selection, verifiers = _selection(**words), verifiers_of(signer, session.plugins)
    _refuse_file(target)
    with (
        open_reading(session, place, sink) as reading,
        contextlib.closing(open_sink(target, session.plugins)) as to,
    ):
        _refuse_place(reading, target, to)
        original = replace(_original(reading, backup, identity), verifiers=tuple(verifiers))
        title = reading.profile.name if reading.profile else without_password(place)
        result = _restored(_job(reading.profile, original, to, shape, selection), terminal, title, dry_run=dry_run)
    _tell(terminal, result)
    raise Ended(result.exit_code)


def _refuse_file(target: str) -> None:
    """Raises UsageError for a path on this host that no folder can have."""
    if "://" in target:
        return
    path = expand_home(target)
    with contextlib.suppress(OSError):  # of who may not look, the sink tells more
        there = next(one for one in (path, *path.absolute().parents) if one.exists())
        if not there.is_dir():
            raise UsageError(f"{there} is a file, and no folder", hint="--to takes a folder, or a path that is free")


def _refuse_place(reading: Reading, target: str, to: Sink) -> None:
    """Raises UsageError where restored files would get in among backups."""
    if is_account(target):
        raise UsageError(f"{target} is the folder of one account in a sink", hint="give another folder")
    for one in reading.sinks:
        if are_one(one, to):
            raise UsageError(f"{to.name} is where the backups are", hint="restore to another folder")


def _job(profile: Profile | None, original: Original, to: Sink, shape: str, selection: Selection) -> RestoreJob:
    from wrikebackup_core.engine import restore as engine
    from wrikebackup_core.profile.reading import default_state

    state, transfers = (profile.state, profile.transfers) if profile else (default_state(), _TRANSFERS)
    return engine.RestoreJob(original, to, engine.Shape(shape), selection, state, transfers)


def _restored(job: RestoreJob, terminal: Terminal, title: str, *, dry_run: bool) -> Restored | RestorePlan:
    from wrikebackup_core.engine import restore as engine

    with progress(terminal, title) as notify:
        return engine.plan_restore(job, notify) if dry_run else engine.restore(job, notify)


def _selection(*, since: str | None = None, until: str | None = None, **words: Sequence[str]) -> Selection:
    from wrikebackup_core.engine import restore as engine

    first, end = since and engine.since(since), until and engine.until(until)
    if first and end and first >= end:
        raise UsageError(
            f"nothing is from {since} on and not after {until}", hint="write the earlier day behind --since"
        )
    return engine.Selection(**words, since=first, until=end)


def _original(reading: Reading, backup: str | None, identity: Sequence[str]) -> Original:
    """One of ours, else one of Wrike's own tool."""
    from wrikebackup_core.engine import restore as engine
    from wrikebackup_core.engine.opened import OpenBackup

    try:
        sink, account, manifest = reading.manifest(backup)
    except UsageError:
        found = engine.wrikes_own(reading.sinks, backup)
        if found is None:
            raise
        return found
    return engine.Original.of(OpenBackup(sink, account, manifest, reading.decoding(manifest, identity)))


def _tell(terminal: Terminal, result: Restored | RestorePlan) -> None:
    from wrikebackup_core.cli import restore_summary
    from wrikebackup_core.engine.restore import Restored

    code = result.exit_code
    with reader_may_leave():
        if terminal.json:
            event = "restored" if isinstance(result, Restored) else "restore_dry_run"
            terminal.document({"event": event, **msgspec.to_builtins(result), "exit_code": int(code)})
        elif not terminal.quiet or code is not ExitCode.DONE:
            terminal.show(
                restore_summary.restored(result) if isinstance(result, Restored) else restore_summary.plan(result)
            )
