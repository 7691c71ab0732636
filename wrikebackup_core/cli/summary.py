"""The last screen of a run: what is stored where, and what is missing from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from wrikebackup_core.cli import coverage_summary, prune_summary
from wrikebackup_core.cli.words import among, clean, count, duration, of_kind, plural, size
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.format import layout
from wrikebackup_core.model import Account, AttachmentMode, Gap

if TYPE_CHECKING:
    from wrikebackup_core.engine.job import DryRun, Outcome
    from wrikebackup_core.profile import Profile

__all__ = ["account_words", "dry_run", "facts", "gap_lines", "named_counts", "outcome", "several", "verdict"]

_REQUEST_ID = re.compile(r" \(request id [!-~]+\)")
_GROUPS_SHOWN = 20
_COLOURS = {ExitCode.DONE: "green", ExitCode.PARTIAL: "yellow"}


def verdict(result: Outcome) -> str:
    """In a few words, and never more than is true: `complete`, or what keeps it from being so."""
    lost = [name for name, reason in result.sinks.items() if reason is not None]
    what = "complete" if result.complete else "incomplete"
    if result.gaps:
        what += f": {_extent(result.gaps)} missing"
    if not lost:
        return what if _is_pruned(result) else f"{what}; not pruned as it should be"
    stored = len(result.sinks) - len(lost)
    if not stored:
        return "failed: stored in none of the sinks"
    return f"{what}; stored in {stored} of {len(result.sinks)} sinks only"


def _is_pruned(result: Outcome) -> bool:
    return result.pruned is None or result.pruned.exit_code is ExitCode.DONE


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
    stored = [name for name, reason in result.sinks.items() if reason is None]
    rows = [
        ("account", account_words(result.account)),
        ("backup", layout.backup_folder(result.account.id, result.backup_uid)),
    ]
    rows += [("stored in", name) for name in stored]
    rows.append(("records", _records(result.counts)))
    new = f"{count(result.attachments_new)} new, {size(result.bytes_new)}" if result.attachments_new else "none new"
    files = f"{plural(result.attachments_total, 'file')}, {size(result.attachments_bytes)}; {new}"
    if result.attachments_copied:
        files += f"; {count(result.attachments_copied)} copied from one sink to another"
    rows += _left_out(profile, files)
    if result.coverage is not None:
        rows.append(("coverage", coverage_summary.line(result.coverage)))
    if result.pruned is not None:
        rows += prune_summary.after_run(result.pruned)
    rows.append(
        ("took", duration(result.seconds) + (", going on with a run that was stopped" if result.resumed else ""))
    )
    head = Text(f"{clean(profile.name)}: {verdict(result)}", f"bold {_COLOURS.get(result.exit_code, 'red')}")
    lost = {name: reason for name, reason in result.sinks.items() if reason is not None}
    return Group(head, facts(rows), *_dropped(lost), *_missing(result.gaps))


def dry_run(result: DryRun, profile: Profile) -> RenderableType:
    """What a run would do."""
    files = f"{plural(result.attachments_total, 'file')}; "
    files += (
        f"{count(result.attachments_new)} to fetch, {size(result.bytes_new)}"
        if result.attachments_new
        else "none to fetch"
    )
    if result.attachments_copied:
        files += f"; {count(result.attachments_copied)} to copy from one sink to another"
    rows = [
        ("account", account_words(result.account)),
        ("records", _records(result.counts)),
        *_left_out(profile, files),
    ]
    rows += [
        ("sink", f"{name}: {'lacks ' + plural(lacking, 'file') if lacking else 'has all files'}")
        for name, lacking in result.per_sink.items()
    ]
    rows.append(("next", "a run within 24 hours goes on with what was read now"))
    return Group(
        Text(f"{clean(profile.name)}: dry run, nothing was stored", "bold"), facts(rows), *_missing(result.gaps)
    )


def account_words(account: Account) -> str:
    """Its name and id; the id alone where nobody has said the name."""
    return f"{account.name} ({account.id})" if account.name else account.id


def _dropped(sinks: Mapping[str, str]) -> Iterator[RenderableType]:
    if sinks:
        yield Text(f"\n{plural(len(sinks), 'sink')} without this backup", "bold red")
    for name, reason in sinks.items():
        yield Padding(Text.assemble((clean(name), "red"), f": {clean(reason.removeprefix(name + ': '))}"), (0, 0, 0, 2))


def several(results: Iterable[tuple[str, ExitCode, str]]) -> RenderableType:
    """A line for each profile of a call."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    for path, code, words in results:
        table.add_row(Text(clean(path), "bold"), Text(clean(words), _COLOURS.get(code, "red")))
    return Group(Text(""), table)


def facts(rows: Iterable[tuple[str, str]]) -> RenderableType:
    """Names on the left, what is to be known on the right. Any text may be given."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True, min_width=11)
    table.add_column(overflow="fold")
    before = ""
    for name, value in rows:
        table.add_row(name if name != before else "", Text(clean(value)))
        before = name
    return Padding(table, (0, 0, 0, 2))


def _records(counts: Mapping[str, int]) -> str:
    return f"{count(sum(counts.values()))}: {named_counts(counts, most=4)}" if any(counts.values()) else "none"


def named_counts(counts: Mapping[str, int], most: int | None = None) -> str:
    """`2,000 tasks, 1 folder`, most first, empty kinds left out; `most` of them by name."""
    named = sorted(((number, kind) for kind, number in counts.items() if number), key=lambda pair: (-pair[0], pair[1]))
    words = [of_kind(number, kind) for number, kind in named]
    rest = f" and {plural(len(words) - most, 'other kind')}" if most and len(words) > most else ""
    return ", ".join(words[:most]) + rest


def _left_out(profile: Profile, files: str) -> list[tuple[str, str]]:
    """The attachments, and what the profile does not want."""
    none = profile.attachments is AttachmentMode.NONE
    rows = [("attachments", "left out by the profile" if none else files)]
    if profile.skip:
        rows.append(("skipped", f"{', '.join(sorted(kind.value for kind in profile.skip))}, by the profile"))
    return rows


def _missing(gaps: Sequence[Gap]) -> list[RenderableType]:
    if not gaps:
        return []
    title = Text(f"\n{plural(len(gaps), 'gap')}: what this backup lacks", "bold yellow")
    lines = gap_lines(gaps)
    rest = len(lines) - _GROUPS_SHOWN
    if rest > 0:
        more = Text(f"  and {plural(rest, 'more reason')}; `wrikebackup show` has them all", "yellow")
        lines[_GROUPS_SHOWN:] = [more]
    return [title, *lines]


def gap_lines(gaps: Iterable[Gap]) -> list[RenderableType]:
    """The gaps, those of one kind, reason and hint together; of reasons that differ by the id of a request alone, the first."""
    groups: dict[tuple[str, str, str | None], tuple[Gap, list[str | None]]] = {}
    for gap in gaps:
        group = gap.kind, _REQUEST_ID.sub("", gap.reason), gap.hint
        groups.setdefault(group, (gap, []))[1].append(gap.id)
    return [_gap_line(ids, first.kind, first.reason, first.hint) for first, ids in groups.values()]


def _gap_line(ids: Sequence[str | None], kind: str, reason: str, hint: str | None) -> RenderableType:
    named = [clean(name) for name in ids if name is not None]
    what = f"{clean(kind)} ({among(named)})" if named else f"all {clean(kind)}"
    text = Text.assemble((what, "yellow"), f": {clean(reason)}")
    if hint:
        text.append(f"\nhint: {clean(hint)}", "dim")
    return Padding(text, (0, 0, 0, 2))
