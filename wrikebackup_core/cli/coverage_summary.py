"""What a second witness says of a backup, for people: a line behind a run, and in `show` a table, and names where they can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from wrikebackup_core.cli.words import among, clean, count, local_time, plural, singular, size
from wrikebackup_core.errors import FormatError, KeyMissing, KeyRefused, SinkError
from wrikebackup_core.format import layout
from wrikebackup_core.format.coverage import FILE, Coverage, Group, KindCounts, Person, Report, Things, decode_report

if TYPE_CHECKING:
    from wrikebackup_core.decoding import Decoding
    from wrikebackup_core.format.manifest import Manifest
    from wrikebackup_core.ports import Sink

__all__ = ["details", "line", "read_report"]

_WORDS = {"contacts": ("user", "users"), "timelogs": ("time log", "time logs"), "items": ("other item", "other items")}
_WITNESSES = {"bi-export": "the BI export", "listing": "a second listing"}
_COLUMNS = {
    "in both": "both",
    "not shared": "hidden",
    "missing": "missing",
    "set aside": "set_aside",
    "backup only": "only_crawl",
    "unmatched": "not_comparable",
}
_GROUPS_SHOWN = 50
_LONGEST = 64 << 20


def line(coverage: Coverage) -> str:
    """How many of how many, and what keeps it from being all."""
    kinds = coverage.kinds.values()
    both, known = sum(one.both for one in kinds), sum(one.both + one.only_witness for one in kinds)
    words = f"{count(both)} of {count(known)} things that {_witness(coverage)} knows"
    hidden, missing = sum(one.hidden for one in kinds), sum(one.missing for one in kinds)
    parts = []
    if hidden:
        spaces = (
            f", in {plural(coverage.hidden_spaces, 'space')} that it does not see" if coverage.hidden_spaces else ""
        )
        parts.append(f"{count(hidden)} not shared with the token's user{spaces}")
    if missing:
        parts.append(f"{count(missing)} missing")
    if recovered := sum(one.recovered for one in kinds):
        parts.append(f"{count(recovered)} only found by it")
    if other := sum(one.other_size for one in kinds):
        parts.append(f"{count(other)} of another size")
    return "; ".join([words, *parts])


def _witness(coverage: Coverage) -> str:
    return _WITNESSES.get(coverage.witness, coverage.witness)


def details(coverage: Coverage, report: Report | None, *, sealed: bool) -> Iterator[RenderableType]:
    """The table, what its columns need said, and what the report names. `sealed`: it takes a key to read that."""
    heard = f" of {local_time(coverage.heard)}" if coverage.heard is not None else ""
    yield Text(f"\ncoverage, by {clean(_witness(coverage))}{heard}", "bold")
    yield Padding(_table(coverage), (0, 0, 0, 2))
    for text in (*_remarks(coverage), *(_without(coverage, sealed=sealed) if report is None else ())):
        yield Padding(Text(text, "dim"), (0, 0, 0, 2))
    if report is not None:
        yield from _named(report)


def _table(coverage: Coverage) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("")
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    for kind, counts in coverage.kinds.items():
        table.add_row(
            Text(clean(_kind(kind, 2))), *(_cell(name, getattr(counts, field)) for name, field in _COLUMNS.items())
        )
    return table


def _cell(name: str, number: int) -> Text:
    return Text(count(number), "dim" if not number else "yellow" if name in ("missing", "not shared") else "")


def _remarks(coverage: Coverage) -> Iterator[str]:
    kinds = coverage.kinds
    if coverage.hidden_spaces:
        yield f"{plural(coverage.hidden_spaces, 'space')} of the account not shared with the token's user"
    if sizes := sum(one.other_size for one in kinds.values()):
        yield f"{plural(sizes, 'file')} of another size than the witness says; stored is what the account gave"
    if found := _counted(kinds, "recovered"):
        yield f"in the backup because the witness named them: {found}"
    if coverage.not_compared:
        yield f"not compared: {', '.join(clean(_kind(kind, 2)) for kind in coverage.not_compared)}"


def _without(coverage: Coverage, *, sealed: bool) -> Iterator[str]:
    if any(one.only_witness for one in coverage.kinds.values()):
        how = "a key shows it here: -i FILE" if sealed else "it cannot be read: see `wrikebackup verify`"
        yield f"{FILE} of the backup says which, and whose; {how}"


def _counted(kinds: dict[str, KindCounts], field: str) -> str:
    found = {kind: getattr(counts, field) for kind, counts in kinds.items()}
    return ", ".join(f"{count(number)} {_kind(kind, number)}" for kind, number in found.items() if number)


def _kind(kind: str, number: int) -> str:
    one, many = _WORDS.get(kind, (singular(kind), kind))
    return one if number == 1 else many


def _named(report: Report) -> Iterator[RenderableType]:
    groups = [group for group in report.groups if group.kinds]
    if groups:
        yield Text("\nnot shared with the token's user", "bold")
    for group in groups[:_GROUPS_SHOWN]:
        yield Padding(_group(group), (0, 0, 0, 2))
    if (rest := report.all_groups - min(len(groups), _GROUPS_SHOWN)) > 0:
        yield Text(f"  and in {plural(rest, 'more space')}: {FILE} of the backup", "dim")
    for kind, found in report.differences.items():
        yield from _listed(f"missing {_kind(kind, 2)}", found.missing)
        yield from _listed(f"{_kind(kind, 2)} of another size", found.other_size)


def _group(group: Group) -> Text:
    if group.space is None:
        name = "in no space that is known"
    else:
        name = f"{clean(group.space.title) or 'a space without a title'} ({group.space.number})"
    contents = ", ".join(f"{count(things.count)} {_kind(kind, things.count)}" for kind, things in group.kinds.items())
    text = Text.assemble(
        (name, "yellow"), f"{', of which others are' if group.visible and group.space else ''}: {contents}"
    )
    if group.owners:
        owners = among([_person(one) for one in group.owners], most=5)
        text.append(f"\n{'owner' if len(group.owners) == 1 else 'owners'}: {owners}", "dim")
    return text


def _person(person: Person) -> str:
    name, email = clean(person.name), clean(person.email)
    if name or email:
        return f"{name} <{email}>" if name and email else name or email
    return f"user {person.number}"


def _listed(title: str, things: Things) -> Iterator[RenderableType]:
    if things.count:
        names = []
        for one in things.first[:10]:
            sizes = (
                f", {size(one.crawled_size)} stored, {size(one.size or 0)} told" if one.crawled_size is not None else ""
            )
            names.append(
                f"{clean(one.title)} ({one.id or one.number}{sizes})" if one.title else f"{one.id or one.number}{sizes}"
            )
        more = f" and {count(things.count - len(names))} more" if things.count > len(names) else ""
        yield Text(f"\n{title}", "bold yellow")
        yield Padding(Text(", ".join(names) + more), (0, 0, 0, 2))


def read_report(
    sink: Sink, account: str, manifest: Manifest, decoding: Decoding | None, warn: Callable[[str], None]
) -> Report | None:
    """The backup's `coverage.json`; None where it has none, there is no key for it, or it cannot be read, which is told."""
    if decoding is None or f"{FILE}{decoding.suffix}" not in manifest.files.artifacts:
        return None
    key = f"{layout.backup_folder(account, manifest.backup_uid)}/{FILE}{decoding.suffix}"
    try:
        data = b"".join(_bounded(decoding.chunks(sink, key)))
        return decode_report(data)
    except KeyMissing:
        return None
    except (FormatError, KeyRefused, SinkError) as error:
        warn(error.message)
    except ValueError as error:
        warn(f"{key}: {error}")
    return None


def _bounded(pieces: Iterator[bytes]) -> Iterator[bytes]:
    length = 0
    for piece in pieces:
        length += len(piece)
        if length > _LONGEST:
            raise ValueError(f"longer than {size(_LONGEST)}")
        yield piece
