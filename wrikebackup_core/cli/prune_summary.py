"""The plan of a prune, or what became of it: sink by sink, backup by backup."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from wrikebackup_core.cli.words import clean, plural, size
from wrikebackup_core.errors import ExitCode

if TYPE_CHECKING:
    from wrikebackup_core.engine.prune import Attachments, Place, Pruned, Remains, Verdict

__all__ = ["after_run", "pruned"]

_STATES = {"complete": "green", "partial": "yellow", "unreadable": "red", "unfinished": "yellow"}
_COLOURS = {ExitCode.DONE: "green", ExitCode.PARTIAL: "yellow"}


def pruned(result: Pruned, profile: str, width: int) -> RenderableType:
    """A table for each sink, and what all of it comes to."""
    parts: list[RenderableType] = []
    for place in result.places:
        parts += [*_place(place, result, width), Text("")]
    colour = _COLOURS.get(result.exit_code, "red")
    parts.append(Text(f"{clean(profile)}: {_verdict(result)}", f"bold {colour}"))
    if result.anything and not result.done:
        parts.append(Text("nothing deleted; --yes does it"))
    return Group(*parts)


def _verdict(result: Pruned) -> str:
    failed = sum(place.failed is not None for place in result.places)
    more = f"; {failed} of {len(result.places)} sinks failed" if failed else ""
    if failed == len(result.places):
        return "failed"
    if not result.anything:
        return f"nothing to delete{more}"
    backups = sum(not one.keep for place in result.places for one in place.backups)
    files = sum(place.attachments.files for place in result.places)
    what = f"{plural(backups, 'backup')} and {plural(files, 'attachment')}, {size(sum(place.bytes for place in result.places))}"
    return f"{what} {'deleted' if result.done else 'to delete'}{more}"


def _place(place: Place, result: Pruned, width: int) -> Iterator[RenderableType]:
    yield Text(f"{clean(place.sink)}, account {clean(place.account)}", "bold", overflow="fold")
    if place.failed is not None:
        yield Text(f"failed: {clean(place.failed.removeprefix(place.sink + ': '))}", "red")
    if place.backups or place.remains:
        yield _table(place, width)
    yield from _attachments(place.attachments, done=result.done)
    yield Text(f"frees {size(place.bytes)}" if not result.done else f"freed {size(_freed(place))}", "dim")


def _freed(place: Place) -> int:
    folders = sum(one.bytes for one in place.goes if one.deleted)
    return folders + (place.attachments.bytes if place.attachments.deleted else 0)


def _table(place: Place, width: int) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim", width=min(width, 120))
    for head in ("backup", "age", "state", "plan", "frees", "why"):
        right = head in ("age", "frees")
        table.add_column(head, justify="right" if right else "left", no_wrap=head != "why", ratio=head == "why" or None)
    now = datetime.now(UTC)
    for one in place.backups:
        table.add_row(*_row(one, one.state, _age((now - one.started).total_seconds()), ", ".join(one.reasons)))
    for rest in place.remains:
        table.add_row(*_row(rest, "unfinished", "", rest.reason))
    return table


def _row(one: Verdict | Remains, state: str, age: str, why: str) -> tuple[Text, ...]:
    plan = ("keep", "") if one.keep else ("deleted" if one.deleted else "delete", "red")
    return (
        Text(clean(one.backup_uid), "" if one.keep else "dim"),
        Text(age),
        Text(state, _STATES[state]),
        Text(*plan),
        Text("" if one.keep else size(one.bytes)),
        Text(clean(why)),
    )


def _age(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length):,} {unit}"
    return "now"


def _attachments(found: Attachments, *, done: bool) -> Iterator[Text]:
    if found.files:
        what = "deleted" if found.deleted else "not deleted" if done else "delete"
        yield Text(f"attachments that no backup needs: {what} {plural(found.files, 'file')}, {size(found.bytes)}")
    if found.locked:
        end = f"until {found.locked_until:%Y-%m-%d} " if found.locked_until and found.locked_until.year < 9999 else ""
        yield Text(f"attachments that no backup needs: {plural(found.locked, 'more file')} locked {end}at the latest")
    for reason in found.stay:
        yield Text(f"attachments stay: {clean(reason)}", "yellow")


def after_run(result: Pruned) -> Iterator[tuple[str, str]]:
    """The lines of a run's summary."""
    for place in result.places:
        backups = sum(one.deleted for one in place.backups)
        files = place.attachments.files if place.attachments.deleted else 0
        told = f"{plural(backups, 'backup')} and {plural(files, 'attachment')} deleted, {size(_freed(place))}"
        if place.failed is not None:
            told = f"failed: {place.failed.removeprefix(place.sink + ': ')}"
        elif not backups and not files:
            told = "nothing to delete"
        yield "pruned", f"{place.sink}: {told}" + ("; attachments stay" if place.attachments.stay else "")
