"""`wrikebackup find`: a text in the titles, descriptions, comments and names of a backup, or of all backups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from wrikebackup_core.cli.ending import Ended, hang_up, worst
from wrikebackup_core.cli.reading import Held, Reading, answering, open_reading, with_keys
from wrikebackup_core.cli.session import Session, options
from wrikebackup_core.cli.shelves import named
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.cli.words import clean
from wrikebackup_core.errors import ExitCode, UsageError, WrikeBackupError

if TYPE_CHECKING:
    from wrikebackup_core.engine.lookup.patterns import Pattern
    from wrikebackup_core.engine.lookup.searching import Hit

__all__ = ["find"]

KINDS = (
    "spaces", "folders", "tasks", "comments", "attachments", "timelogs", "approvals", "folder_blueprints", "task_blueprints",
)  # fmt: skip


@click.command(short_help="Look for a text in backups.")
@click.argument("place")
@click.argument("text")
@click.option(
    "--all", "all_", is_flag=True, help="In all backups: each hit once, with the first and the last backup that has it."
)
@click.option(
    "--backup", metavar="BACKUP", help="In this backup; the beginning of its name will do. By default the newest."
)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND",
    type=click.Choice(KINDS),
    help=f"Only in records of this kind; may be given more than once: {', '.join(KINDS)}.",
)
@click.option("--regex", is_flag=True, help="TEXT is a regular expression, as Python has them.")
@click.option("--case", is_flag=True, help="Upper and lower case differ.")
@with_keys
@options
@click.pass_obj
def find(
    session: Session,
    place: str,
    *,
    text: str,
    backup: str | None,
    kinds: Sequence[str],
    identity: Sequence[str],
    all_: bool,
    regex: bool,
    case: bool,
) -> None:
    """Look for TEXT in titles, descriptions, comments and the names of attachments.

    PLACE is a profile, a folder with backups, or the address of a store: s3://bucket/prefix. Of HTML the text counts, not the tags.

    A line for each hit: kind, id, field, title, what was found in its surroundings, and the address in Wrike. Ends with exit code 0
    when something was found, 1 when nothing was, as grep does, and 3 when a backup could not be read.
    """
    from wrikebackup_core.engine.lookup.patterns import Pattern

    if all_ and backup is not None:
        raise UsageError("give --backup or --all, not both")
    pattern, codes, some = Pattern(text, regex=regex, case=case), list[ExitCode](), False
    with answering(session.terminal), open_reading(session, place) as reading:
        held = _chosen(reading, backup, all_=all_)
        for hit in _hits(reading, held, pattern=pattern, kinds=kinds or KINDS, identity=identity, codes=codes):
            some = True
            _tell(session.terminal, hit, all_=all_)
    raise Ended(worst(codes) if codes else ExitCode.DONE if some else ExitCode.FAILED)


def _chosen(reading: Reading, backup: str | None, *, all_: bool) -> Sequence[Held]:
    """Newest first."""
    held = reading.backups()
    if all_:
        return held[::-1]
    uid = reading.manifest(None)[2].backup_uid if backup is None else named([one.uid for one in held], backup)
    return [one for one in held if one.uid == uid][:1]


def _hits(
    reading: Reading,
    held: Sequence[Held],
    *,
    pattern: Pattern,
    kinds: Sequence[str],
    identity: Sequence[str],
    codes: list[ExitCode],
) -> Iterator[Hit]:
    """As they are found in one backup; of several when all are read, each once. `codes` tell of backups that could not be read."""
    from wrikebackup_core.engine.lookup.searching import Hits, search

    if len(held) == 1:
        yield from search(reading.open_held(held[0], identity), pattern, kinds)
        return
    with Hits() as hits:
        for one in held:
            try:
                for hit in search(reading.open_held(one, identity), pattern, kinds):
                    hits.add(hit)
            except WrikeBackupError as error:
                reading.session.terminal.fail(f"{one.uid} could not be read: {error.message}", error.hint)
                codes.append(ExitCode.PARTIAL)
        yield from hits.all()


def _tell(terminal: Terminal, hit: Hit, *, all_: bool) -> None:
    try:
        (_document if terminal.json else _print)(terminal, hit, all_=all_)
    except BrokenPipeError:  # as of `head -1`: something was found, and 1 would say that nothing was
        hang_up()
        raise Ended(ExitCode.DONE) from None


def _document(terminal: Terminal, hit: Hit, *, all_: bool) -> None:
    terminal.document({name: value for name, value in asdict(hit).items() if all_ or name not in ("first", "last")})


def _print(terminal: Terminal, hit: Hit, *, all_: bool) -> None:
    from rich.text import Text

    line = Text.assemble((f"{hit.kind} {clean(hit.id)}", "dim"), "  ")
    if hit.title and hit.field not in ("title", "name"):
        line.append(f"{clean(hit.title)}  ", "bold")
    line.append(f"{hit.field}: ", "dim")
    before, match, after = hit.excerpt[: hit.start], hit.excerpt[hit.start : hit.end], hit.excerpt[hit.end :]
    line.append_text(Text.assemble(clean(before), (clean(match), "bold red"), clean(after)))
    if hit.permalink:
        line.append(f"  {clean(hit.permalink)}", "dim")
    if all_:
        line.append(f"  {hit.first if hit.first == hit.last else f'{hit.first} to {hit.last}'}", "dim")
    terminal.styled(line)
