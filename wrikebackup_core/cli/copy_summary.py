"""The last screen of a copy: what each target has now, and what it lacks."""

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
    from wrikebackup_core.engine.copying import Copied, CopyPlan, Flaw, Planned, Received

__all__ = ["copied", "plan"]

_SHOWN = 20
_COLOURS = {ExitCode.DONE: "green", ExitCode.PARTIAL: "yellow"}


def copied(result: Copied, profile: str) -> RenderableType:
    """The summary of a copy."""
    rows = [("from", result.source)]
    rows += [("to", f"{one.sink}: {_received(one)}") for one in result.targets]
    rows.append(("took", duration(result.seconds)))
    head = Text(f"{clean(profile)}: {_verdict(result)}", f"bold {_COLOURS.get(result.exit_code, 'red')}")
    return Group(
        head,
        facts(rows),
        *_refused(result.targets),
        *_failed(result.targets),
        *_gaps(result.gaps),
        *_flaws(result.flaws),
    )


def _verdict(result: Copied) -> str:
    lost = sum(one.failed is not None for one in result.targets)
    if lost == len(result.targets):
        return "failed" if lost == 1 else "failed in all sinks"
    done = any(one.copied or one.filled for one in result.targets)
    what = "copied" if done else "nothing was copied" if result.flaws or _any_refused(result) else "all there already"
    parts = [what]
    if result.flaws:
        parts.append(f"{plural(len(result.flaws), 'object')} damaged or missing")
    if lost:
        parts.append(f"{lost} of {len(result.targets)} sinks failed")
    return "; ".join(parts)


def _any_refused(result: Copied) -> bool:
    return any(one.refused for one in result.targets)


def _received(one: Received) -> str:
    parts = [
        words
        for number, words in (
            (len(one.copied), f"{plural(len(one.copied), 'backup')} copied"),
            (len(one.filled), f"{count(len(one.filled))} filled in"),
            (len(one.skipped), f"{count(len(one.skipped))} there already"),
        )
        if number
    ]
    stored = f"; {plural(one.files, 'object')}, {size(one.bytes)}" if one.files else ""
    return (", ".join(parts) or "no backup copied") + stored


def _refused(targets: Sequence[Received]) -> Iterator[RenderableType]:
    lines = [
        Text.assemble((clean(uid), "yellow"), f" in {clean(one.sink)}: {clean(why)}")
        for one in targets
        for uid, why in one.refused.items()
    ]
    yield from _section(f"{plural(len(lines), 'backup')} not copied", "yellow", lines)


def _failed(targets: Sequence[Received]) -> Iterator[RenderableType]:
    lines = [
        Text.assemble((clean(one.sink), "red"), f": {clean(one.failed.removeprefix(one.sink + ': '))}")
        for one in targets
        if one.failed is not None
    ]
    yield from _section(f"{plural(len(lines), 'sink')} failed", "red", lines)


def _gaps(gaps: dict[str, int]) -> Iterator[RenderableType]:
    lines = [
        Text.assemble((clean(uid), "yellow"), f": {plural(number, 'file')} missing; `wrikebackup show` names each")
        for uid, number in gaps.items()
    ]
    yield from _section("gaps: files that Wrike's tool has not left in attachments/", "yellow", lines)


def _flaws(flaws: Sequence[Flaw]) -> Iterator[RenderableType]:
    lines = [
        Text.assemble(
            (one.finding.what, "red"),
            f"  {clean(one.finding.key)} in {clean(one.sink)}\n",
            (clean(one.finding.detail), "dim"),
        )
        for one in flaws
    ]
    yield from _section(plural(len(lines), "finding"), "red", lines)


def _section(title: str, colour: str, lines: list[Text]) -> Iterator[RenderableType]:
    if not lines:
        return
    yield Text(f"\n{title}", f"bold {colour}")
    for line in lines[:_SHOWN]:
        yield Padding(line, (0, 0, 0, 2))
    if len(lines) > _SHOWN:
        yield Text(f"  and {len(lines) - _SHOWN:,} more; `--json` has them all", colour)


def plan(result: CopyPlan, profile: str) -> RenderableType:
    """What a copy would do."""
    rows = [("from", result.source)]
    rows += [("to", f"{one.sink}: {one.backup_uid}: {_planned(one)}") for one in result.backups]
    return Group(
        Text(f"{clean(profile)}: dry run, nothing was copied", "bold"),
        facts(rows),
        *_refused(result.targets),
        *_failed(result.targets),
        *_gaps(result.gaps),
        *_flaws(result.flaws),
    )


def _planned(one: Planned) -> str:
    found = f"; {plural(one.found, 'object')} there to be compared" if one.found else ""
    if not one.files:
        return one.what + found
    return f"{one.what}, {plural(one.files, 'object')}, {size(one.bytes)}{found}"
