"""The last screen of a drill: sink by sink, what came back and what did not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from wrikebackup_core.cli.summary import facts
from wrikebackup_core.cli.words import clean, count, duration, plural, size

if TYPE_CHECKING:
    from wrikebackup_core.engine.drill import Drilled

__all__ = ["drilled"]

_SHOWN = 20
_UNKNOWN = ("unreachable", "no backup", "not tried")
_DAY = 86_400


def drilled(one: Drilled, *, first: bool) -> RenderableType:
    """One backup of one sink."""
    colour = "green" if one.verdict == "whole" else "yellow" if one.verdict in _UNKNOWN else "red"
    backup = f"{clean(one.backup_uid)} in " if one.backup_uid else ""
    head = Text(f"{backup}{clean(one.sink)}: {_verdict(one)}", f"bold {colour}", overflow="fold")
    findings = [
        Padding(
            Text.assemble((found.what, "red"), f"  {clean(found.key)}\n", (clean(found.detail), "dim")), (0, 0, 0, 2)
        )
        for found in one.findings[:_SHOWN]
    ]
    more = len(one.findings) - len(findings)
    rest = [Text(f"  and {count(more)} more; `--json` has them all", "red")] if more > 0 else []
    return Group(*([] if first else [Text("")]), head, facts(_rows(one)), *findings, *rest)


def _verdict(one: Drilled) -> str:
    if one.verdict == "whole":
        if not one.decoded:
            return "stored bytes whole; no key, so not restored"
        return "all files came back" if one.files == one.of_files else "the sample came back whole"
    number = len(one.findings)
    return f"{one.verdict}, {plural(number, 'finding')}" if number else one.verdict


def _rows(one: Drilled) -> Iterator[tuple[str, str]]:
    if one.account:
        yield "account", one.account
    if one.started:
        yield "age", _age((datetime.now(UTC) - datetime.fromisoformat(one.started)).total_seconds())
    if one.backup_uid:
        yield "seed", str(one.seed)
    if one.bytes:
        pages = f"{plural(one.pages, 'page')} and " if one.pages else ""
        what = "came back" if one.decoded else "as SHA256SUMS says"
        yield "files", f"{count(one.whole)} of {count(one.files)} {what}; the backup has {count(one.of_files)}"
        yield "read", f"the zips, {pages}{plural(one.files, 'file')}, {size(one.bytes)}"
        rate = f", {size(one.rate)}/s" if one.rate else ""
        yield "took", f"{duration(one.seconds)}{rate}"
    if one.whole_restore is not None:
        yield "whole", f"about {duration(one.whole_restore, whole=True)} to restore all of it, to judge by this sample"
    if one.signed and one.verdict == "whole":
        yield "signature", "of a signer that is trusted"
    for text in one.not_shown:
        yield "not shown", text
    if one.kept:
        yield "kept in", one.kept


def _age(seconds: float) -> str:
    return plural(int(seconds // _DAY), "day") if seconds >= _DAY else duration(max(0.0, seconds), whole=True)
