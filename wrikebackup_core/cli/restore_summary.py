"""The last screen of a restore: what is there now, and what is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from wrikebackup_core.cli.summary import facts
from wrikebackup_core.cli.words import clean, count, duration, plural, size
from wrikebackup_core.errors import ExitCode

if TYPE_CHECKING:
    from wrikebackup_core.engine.findings import Finding
    from wrikebackup_core.engine.restore import Kept, Restored, RestorePlan

__all__ = ["plan", "restored"]

_SHOWN = 20
_COLOURS = {ExitCode.DONE: "green", ExitCode.PARTIAL: "yellow"}


def restored(result: Restored) -> RenderableType:
    """The summary of a restore."""
    parts = [_amount(result.files, result.pages, result.bytes) if result.files or result.pages else "nothing"]
    if result.there:
        parts.append(f"{count(result.there)} there already")
    rows = [*_places(result), ("written", "; ".join(parts)), *_left_out(result)]
    if result.gaps:
        rows.append(
            ("gaps", f"{plural(result.gaps, 'thing')} that the backup never had; `wrikebackup show` names them")
        )
    rows.append(("took", duration(result.seconds)))
    head = Text(f"{clean(result.backup_uid)}: {_verdict(result)}", f"bold {_COLOURS.get(result.exit_code, 'red')}")
    return Group(head, facts(rows), *_findings(result.findings), *_kept(result.kept))


def plan(result: RestorePlan) -> RenderableType:
    """What a restore would do."""
    words = _amount(result.files, result.pages, result.bytes)
    if result.there:
        words += f"; {count(result.there)} of them there already, to be compared"
    rows = [*_places(result), ("to write", words), *_left_out(result)]
    head = Text(f"{clean(result.backup_uid)}: dry run, nothing was written", "bold")
    return Group(head, facts(rows), *_findings(result.findings))


def _verdict(result: Restored) -> str:
    parts = []
    if result.findings:
        parts.append(f"{count(len(result.findings))} missing or damaged in the backup")
    if result.kept:
        parts.append(f"{plural(len(result.kept), 'name')} taken by something else")
    if not parts:
        return (
            "restored"
            if result.files or result.pages
            else "all there already"
            if result.there
            else "nothing to restore"
        )
    whole = result.files or result.pages or result.there
    return f"{'restored in part' if whole else 'nothing restored'}; {', '.join(parts)}"


def _places(result: Restored | RestorePlan) -> list[tuple[str, str]]:
    return [
        ("account", result.account),
        ("from", result.source),
        ("to", f"{result.target}, as {result.shape.value}"),
    ]


def _amount(files: int, pages: int, size_: int) -> str:
    parts = [plural(files, "file")] if files or not pages else []
    parts += [plural(pages, "page")] if pages else []
    return f"{' and '.join(parts)}, {size(size_)}"


def _left_out(result: Restored | RestorePlan) -> list[tuple[str, str]]:
    return [("left out", f"{plural(result.left_out, 'file')}, by the selection")] if result.left_out else []


def _findings(findings: Sequence[Finding]) -> Iterator[RenderableType]:
    lines = [
        Text.assemble((one.what, "red"), f"  {clean(one.key)}\n", (clean(one.detail), "dim"))
        for one in findings[:_SHOWN]
    ]
    yield from _section(plural(len(findings), "finding") + " in the backup", "red", lines, len(findings))


def _kept(kept: Sequence[Kept]) -> Iterator[RenderableType]:
    lines = [Text.assemble((clean(one.key), "yellow"), f"\n{clean(one.detail)}") for one in kept[:_SHOWN]]
    yield from _section("not written, since nothing is overwritten", "yellow", lines, len(kept))


def _section(title: str, colour: str, lines: Sequence[Text], number: int) -> Iterator[RenderableType]:
    if not lines:
        return
    yield Text(f"\n{title}", f"bold {colour}")
    for line in lines:
        yield Padding(line, (0, 0, 0, 2))
    if number > len(lines):
        yield Text(f"  and {number - len(lines):,} more; `--json` has them all", colour)
