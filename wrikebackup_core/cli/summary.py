"""The last screen of a run: what is stored where, and what is missing from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from wrikebackup_core.cli.words import among, clean, count, duration, plural, size
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.format import layout
from wrikebackup_core.model import AttachmentMode, Gap

if TYPE_CHECKING:
    from wrikebackup_core.engine.job import DryRun, Outcome
    from wrikebackup_core.profile import Profile

__all__ = ["dry_run", "facts", "gap_lines", "named_counts", "outcome", "several", "verdict"]

_COLOURS = {ExitCode.DONE: "green", ExitCode.PARTIAL: "yellow"}


def verdict(result: Outcome) -> str:
    """In a few words, and never more than is true: `complete`, or what keeps it from being so."""
    lost = [name for name, reason in result.sinks.items() if reason is not None]
    what = "complete" if result.complete else "incomplete"
    if result.gaps:
        what += f": {_extent(result.gaps)} missing"
    if not lost:
        return what
    stored = len(result.sinks) - len(lost)
    if not stored:
        return "failed: stored in none of the sinks"
    return f"{what}; stored in {stored} of {len(result.sinks)} sinks only"


def _extent(gaps: Sequence[Gap]) -> str:
    kinds = len({gap.kind for gap in gaps if gap.id is None})
    files = sum(gap.id is not None and gap.kind == "attachments" for gap in gaps)
    others = sum(gap.id is not None for gap in gaps) - files
    parts = [
        plural(number, word) for number, word in ((kinds, "whole kind"), (files, "file"), (others, "record")) if number
    ]
    return ", ".join(parts)


def outcome(result: Outcome, profile: Profile) -> RenderableType:
    """The summary of a backup."""
    code = result.exit_code
    head = Text.assemble(
        (clean(result.account.name or result.account.id), "bold"),
        f"  backup {result.backup_uid}  ",
        (verdict(result), f"bold {_COLOURS.get(code, 'red')}"),
    )
    rows: list[tuple[str, RenderableType]] = []
    folder = layout.backup_folder(result.account.id, result.backup_uid)
    for name, reason in result.sinks.items():
        place = Text(f"{clean(name)}/{folder}") if reason is None else Text(f"{clean(name)}: {clean(reason)}", "red")
        rows.append(("stored in" if reason is None else "failed", place))
    rows.append(("records", Text(_records(result.counts))))
    files = f"{plural(result.attachments_total, 'file')}, {size(result.attachments_bytes)}"
    files += (
        f"; {count(result.attachments_new)} new, {size(result.bytes_new)}" if result.attachments_new else "; none new"
    )
    rows += _left_out(profile, files)
    if result.unresolved:
        unresolved = ", ".join(f"{count(number)} {kind}" for kind, number in sorted(result.unresolved.items()))
        rows.append(("unresolved", Text(f"{unresolved} that are referred to and were not in the account's lists")))
    rows.append(
        ("took", Text(duration(result.seconds) + (", going on with a run that was stopped" if result.resumed else "")))
    )
    return Group(head, facts(rows), *_missing(result.gaps))


def dry_run(result: DryRun, profile: Profile) -> RenderableType:
    """What a run would do."""
    head = Text.assemble(
        (clean(result.account.name or result.account.id), "bold"), "  dry run: ", ("nothing was stored", "bold")
    )
    files = f"{plural(result.attachments_total, 'file')}; to fetch: {count(result.attachments_new)}, {size(result.bytes_new)}"
    rows: list[tuple[str, RenderableType]] = [("records", Text(_records(result.counts)))]
    rows += _left_out(profile, files)
    rows += [
        ("sink", Text(f"{clean(name)}: {'lacks ' + plural(lacking, 'file') if lacking else 'has all files'}"))
        for name, lacking in result.per_sink.items()
    ]
    return Group(head, facts(rows), *_missing(result.gaps))


def several(results: Iterable[tuple[str, ExitCode, str]]) -> RenderableType:
    """A line for each profile of a call."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    for path, code, words in results:
        table.add_row(Text(clean(path), "bold"), Text(clean(words), _COLOURS.get(code, "red")))
    return Group(Text(""), table)


def facts(rows: Iterable[tuple[str, RenderableType]]) -> RenderableType:
    """Names on the left, what is to be known on the right."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True, min_width=11)
    table.add_column(overflow="fold")
    before = ""
    for name, value in rows:
        table.add_row(name if name != before else "", value)
        before = name
    return Padding(table, (0, 0, 0, 2))


def _records(counts: Mapping[str, int]) -> str:
    return f"{count(sum(counts.values()))}: {named_counts(counts)}" if counts else "none"


def named_counts(counts: Mapping[str, int]) -> str:
    """`2,000 tasks, 300 folders`, most first, empty kinds left out."""
    named = sorted(((number, kind) for kind, number in counts.items() if number), key=lambda pair: (-pair[0], pair[1]))
    return ", ".join(f"{count(number)} {kind.replace('_', ' ')}" for number, kind in named)


def _left_out(profile: Profile, files: str) -> list[tuple[str, RenderableType]]:
    """The attachments, and what the profile does not want."""
    none = profile.attachments is AttachmentMode.NONE
    rows: list[tuple[str, RenderableType]] = [("attachments", Text("left out by the profile" if none else files))]
    if profile.skip:
        kinds = ", ".join(sorted(kind.value for kind in profile.skip))
        rows.append(("skipped", Text(f"{kinds}, by the profile")))
    return rows


def _missing(gaps: Sequence[Gap]) -> list[RenderableType]:
    if not gaps:
        return []
    title = Text(
        f"\n{plural(len(gaps), 'gap')}: in the account, as far as can be told, and not in this backup", "bold yellow"
    )
    return [title, *gap_lines(gaps)]


def gap_lines(gaps: Iterable[Gap]) -> list[RenderableType]:
    """The gaps, those of one kind, reason and hint together."""
    groups: dict[tuple[str, str, str | None], list[str | None]] = {}
    for gap in gaps:
        groups.setdefault((gap.kind, gap.reason, gap.hint), []).append(gap.id)
    lines: list[RenderableType] = []
    for (kind, reason, hint), ids in groups.items():
        named = [clean(name) for name in ids if name is not None]
        what = f"{clean(kind)} ({among(named)})" if named else f"{clean(kind)}, all of them"
        text = Text.assemble((what, "yellow"), f": {clean(reason)}")
        if hint:
            text.append(f"\nhint: {clean(hint)}", "dim")
        lines.append(Padding(text, (0, 0, 0, 2)))
    return lines
