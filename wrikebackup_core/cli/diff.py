"""`wrikebackup diff`: what changed in the account between two backups."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import click

from wrikebackup_core.cli.ending import Ended
from wrikebackup_core.cli.reading import Held, answering, open_reading, with_keys
from wrikebackup_core.cli.session import Session, options
from wrikebackup_core.cli.shelves import named
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.cli.words import clean, count, size
from wrikebackup_core.errors import ExitCode, UsageError, WrikeBackupError

if TYPE_CHECKING:
    from rich.text import Text

    from wrikebackup_core.engine.lookup.differences import Change, Changes, Comparison, Count

__all__ = ["diff"]

_SHOWN = 40  # characters of a value
_BEFORE = 12  # of those, the ones before what differs
_ITEMS = 4  # of a list
_SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


@click.command(short_help="Compare two backups, record by record.")
@click.argument("place")
@click.argument("old", metavar="A")
@click.argument("new", metavar="[B]", required=False)
@click.option(
    "--kind", "kinds", multiple=True, metavar="KIND", help="Only this kind, such as tasks; may be given more than once."
)
@click.option("--stat", is_flag=True, help="Only how many of each kind.")
@click.option(
    "--all-fields", is_flag=True, help="Also records in which only updatedDate differs, or the order of a list."
)
@with_keys
@options
@click.pass_obj
def diff(
    session: Session,
    place: str,
    *,
    old: str,
    new: str | None,
    kinds: Sequence[str],
    identity: Sequence[str],
    stat: bool,
    all_fields: bool,
) -> None:
    """Show what was added, removed and changed in the account between the backups A and B: records by kind, fields with what they
    were and are, attachments with their sizes.

    PLACE is a profile, a folder with backups, or the address of a store: s3://bucket/prefix. A and B are the beginnings of backups'
    names. Without B it is the newest; A may be `previous`, which is the one before B.

    With --json a line for each record, and one with the numbers at the end. Ends with exit code 0 when nothing differs, 1 when
    something does, as diff does, and 3 when something could not be compared.
    """
    from wrikebackup_core.engine.lookup.differences import Changes, Comparison

    terminal = session.terminal
    with answering(terminal), open_reading(session, place) as reading:
        one, other = _pair(reading.backups(), old, new)
        opened = [reading.open_held(held, identity) for held in (one, other)]
        with Comparison(*opened, all_fields=all_fields) as comparison, Changes() as changes:
            lacking = _wanted(comparison, kinds)
            shelf = None if stat else changes
            counts = _compared(terminal, comparison, kinds, lacking, shelf)
            if terminal.json:
                _summary(terminal, (one, other), counts, lacking)
            else:
                _print(terminal, comparison, (one, other), counts, shelf)
            for kind, why in lacking.items():
                terminal.warn(f"{kind} not compared: {why}")
    raise Ended(ExitCode.PARTIAL if lacking else ExitCode.FAILED if any(counts) else ExitCode.DONE)


def _pair(held: Sequence[Held], old: str, new: str | None) -> tuple[Held, Held]:
    """Of one account. Raises UsageError."""
    uids = [one.uid for one in held]
    if new == "previous":
        raise UsageError("`previous` is for A, and means the backup before B")
    if new is None and old != "previous":
        first = _one(held, named(uids, old))
        return first, [one for one in held if one.account == first.account][-1]
    second = held[-1] if new is None else _one(held, named(uids, new))
    of_account = [one for one in held if one.account == second.account]
    if old == "previous":
        at = of_account.index(second)
        if not at:
            raise UsageError(f"there is no backup before {second.uid}")
        return of_account[at - 1], second
    first = _one(held, named(uids, old))
    if first.account != second.account:
        raise UsageError(f"{first.uid} is of the account {first.account}, {second.uid} of {second.account}")
    return first, second


def _one(held: Sequence[Held], uid: str) -> Held:
    return next(one for one in held if one.uid == uid)


def _wanted(comparison: Comparison, kinds: Collection[str]) -> dict[str, str]:
    """Of the kinds that are asked for, those that cannot be compared. Raises UsageError for one that is not there."""
    there, lacking = comparison.kinds(), comparison.lacking()
    for kind in kinds:
        if kind not in there and kind not in lacking:
            raise UsageError(f"there are no {kind} in these backups", hint=f"there are {', '.join(there)}")
    return {kind: why for kind, why in lacking.items() if not kinds or kind in kinds}


def _compared(
    terminal: Terminal,
    comparison: Comparison,
    kinds: Collection[str],
    lacking: dict[str, str],
    changes: Changes | None,
) -> list[Count]:
    """Reads both backups. With --json changes are told at once, else they are put away in `changes`; None for the numbers alone."""
    from wrikebackup_core.engine.lookup.differences import Count

    counts = []
    for kind in comparison.kinds():
        if kind in comparison.lacking() or (kinds and kind not in kinds):
            continue
        found = Count(kind)
        try:
            for change in comparison.changes(kind, found):
                if change.what == "touched":
                    continue
                if changes is not None and terminal.json:
                    _document(terminal, change)
                elif changes is not None:
                    changes.add(change)
        except WrikeBackupError as error:
            terminal.fail(error.message, error.hint)
            lacking[kind] = "it could not be read"
        counts.append(found)
    return counts


def _document(terminal: Terminal, change: Change) -> None:
    fields = {name: {"old": old, "new": new} for name, (old, new) in change.fields.items()}
    head = {"kind": change.kind, "change": change.what, "id": change.id, "title": change.title}
    terminal.document(
        head | ({"size": change.size} if change.size is not None else {}) | ({"fields": fields} if fields else {})
    )


def _summary(terminal: Terminal, pair: tuple[Held, Held], counts: Sequence[Count], lacking: dict[str, str]) -> None:
    terminal.document(
        {
            "event": "summary",
            "account": pair[1].account,
            "old": pair[0].uid,
            "new": pair[1].uid,
            "kinds": counts,
            "not_compared": lacking,
        }
    )


def _print(
    terminal: Terminal,
    comparison: Comparison,
    pair: tuple[Held, Held],
    counts: Sequence[Count],
    changes: Changes | None,
) -> None:
    from rich.text import Text

    same = not any(found or found.touched for found in counts)
    head = Text.assemble((f"{pair[0].uid} -> {pair[1].uid}", "bold"), ": nothing differs" if same else "")
    terminal.show(head)
    if not comparison.whole_records:
        terminal.say("one of them is of Wrike's own tool: only the four files are compared")
    width = max((len(found.kind) for found in counts if found or found.touched), default=0)
    for found in counts:
        if found or found.touched:
            terminal.styled(_numbers(found, width))
    if changes is None or not any(counts):
        return
    terminal.show()
    for found in counts:
        for change in changes.of(found.kind):
            _print_change(terminal, change)


def _numbers(found: Count, width: int) -> Text:
    from rich.text import Text

    line = Text(f"  {found.kind:<{width}}")
    for what, number in (("added", found.added), ("removed", found.removed), ("changed", found.changed)):
        sign, style = _SIGNS[what]
        if number:
            line.append("  ").append(f"{sign}{count(number)}", style)
    if found.touched:
        line.append(f"  {count(found.touched)} only touched", "dim")
    return line


def _print_change(terminal: Terminal, change: Change) -> None:
    from rich.text import Text

    sign, style = _SIGNS[change.what]
    line = Text.assemble((sign, style), f" {change.kind} ", (clean(change.id) or "without an id", "dim"))
    if change.title:
        line.append(f"  {_shortened(change.title)}", "bold")
    if change.size is not None:
        line.append(f"  {size(change.size)}")
    terminal.styled(line)
    for name, (old, new) in change.fields.items():
        terminal.styled(Text.assemble((f"    {clean(name)}: ", "dim"), " ".join(_words(old, new))))


def _words(old: object, new: object) -> Iterator[str]:
    """What a field was and is, in short."""
    if _is_plain_list(old) and _is_plain_list(new):
        gone = [f"-{_shown(one)}" for one in old if one not in new]
        come = [f"+{_shown(one)}" for one in new if one not in old]
        every = [*gone, *come]
        yield from every[:_ITEMS] or ["in another order"]
        if len(every) > _ITEMS:
            yield f"and {count(len(every) - _ITEMS)} more"
        return
    start = 0
    if isinstance(old, str) and isinstance(new, str):
        same = next(
            (at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), min(len(old), len(new))
        )
        start = max(same - _BEFORE, 0) if max(len(old), len(new)) > _SHOWN else 0
    yield from (_shown(old, start), "->", _shown(new, start))


def _is_plain_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list) and not any(isinstance(one, dict | list) for one in value)


def _shown(value: object, start: int = 0) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f'"{"…" if start else ""}{_shortened(value[start:])}"'
    return _shortened(json.dumps(value, ensure_ascii=False))


def _shortened(text: str) -> str:
    return clean(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")
