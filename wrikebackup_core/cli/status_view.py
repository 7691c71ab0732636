"""How a profile's standing looks: a headline, a row for each sink, its runs, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from wrikebackup_core.cli.words import clean, count, duration, local_time, plural, size
from wrikebackup_core.engine.standing.troubles import span
from wrikebackup_core.monitors import Ran, SinkStanding, Standing

__all__ = ["lacks_backup", "picture"]

_COLOURS = {
    "ok": "green",
    "late": "bold red",
    "lost": "bold red",
    "none": "bold red",
    "gaps": "yellow",
    "ahead": "yellow",
}


def picture(standing: Standing) -> RenderableType:
    wrong = len(standing.troubles)
    verdict, style = (plural(wrong, "trouble"), "bold red") if wrong else ("all is well", "bold green")
    if not wrong and lacks_backup(standing):
        verdict, style = "no complete backup", "bold red"
    parts: list[RenderableType] = [Text(f"{clean(standing.profile)}: {verdict}", style)]
    parts += [_sinks(standing), Text(""), _facts(standing)]
    if wrong:
        parts += [Text(""), *_troubles(standing)]
    return Group(*parts, Text(""))


def lacks_backup(standing: Standing) -> bool:
    """Whether a sink has no complete backup: no trouble that is told where nothing says when one is due, but not well either."""
    return any(one.problem is None and one.newest_complete is None for one in standing.sinks)


def _sinks(standing: Standing) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", no_wrap=True)
    table.add_column("sink", overflow="fold")
    table.add_column("last complete", no_wrap=True)
    for head in ("age", "backups", "files", "size", "gaps"):
        table.add_column(head, justify="right", no_wrap=True)
    for one in standing.sinks:
        word = _word(one, standing)
        table.add_row(Text(word, _COLOURS[word]), Text(clean(one.sink)), *map(Text, _numbers(one, standing.at)))
    return table


def _word(one: SinkStanding, standing: Standing) -> str:
    if one.problem is not None:
        return "lost"
    if one.newest_complete is None:
        return "none"
    if any(trouble.id == f"late {one.sink}" for trouble in standing.troubles):
        return "late"
    if one.newest_complete > standing.at + timedelta(minutes=10):
        return "ahead"
    return "gaps" if one.gaps else "ok"


def _numbers(one: SinkStanding, now: datetime) -> Iterator[str]:
    if one.problem is not None:
        yield from ("?", "?", "?", "?", "?", "?")
    elif one.newest_complete is None:
        yield from ("none", "", count(one.backups), "", "", count(one.gaps))
    else:
        yield local_time(one.newest_complete)
        yield _age(now - one.newest_complete)
        yield from (count(one.backups), count(one.attachments), size(one.attachment_bytes), count(one.gaps))


def _age(age: timedelta) -> str:
    """`6 h`, `now`, or `in 6 h` for what is from the future."""
    seconds = age.total_seconds()
    if seconds <= -60:
        return f"in {_age(-age)}"
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= (2 if unit == "d" else 1) * length:
            return f"{int(seconds // length):,} {unit}"
    return "now"


def _facts(standing: Standing) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="dim", min_width=9)
    table.add_column(overflow="fold")
    for name, text in _lines(standing):
        table.add_row(name, Text(clean(text)))
    return table


def _lines(standing: Standing) -> Iterator[tuple[str, str]]:
    if standing.account_id is not None:
        yield "account", standing.account_id
    if standing.objective is None:
        yield "objective", "none; `objective: 26h` in the profile says when a backup is late"
    else:
        yield "objective", f"no older than {span(standing.objective)}"
    yield "last run", "none that this host remembers" if standing.last_run is None else _ran(standing.last_run)
    for work, sinks in _at_work(standing).items():
        yield "at work", f"{work}: {', '.join(sinks)}"
    if standing.next_run is not None:
        yield "next run", local_time(standing.next_run)
    for one in standing.sinks:
        if one.locked_until is not None:
            end = "without end" if one.locked_until.year == 9999 else f"until {local_time(one.locked_until)}"
            yield "locked", f"{end}: {one.sink}"
        if one.drilled is not None:
            yield "drill", f"{local_time(one.drilled)}, {one.sink}: {one.drill_words}"


def _at_work(standing: Standing) -> dict[str, list[str]]:
    """The sinks to which somebody is writing now, by who that is."""
    found: dict[str, list[str]] = {}
    for one in standing.sinks:
        if one.at_work is not None:
            found.setdefault(one.at_work, []).append(one.sink)
    return found


def _ran(ran: Ran) -> str:
    seconds = max(0.0, (ran.ended - ran.started).total_seconds())
    return f"{local_time(ran.started)}, {duration(seconds)}: {ran.words}"


def _troubles(standing: Standing) -> Iterator[Text]:
    for one in standing.troubles:
        line = Text.assemble(("! ", "bold red"), clean(one.text))
        if one.since < standing.at:
            line.append(f" (since {local_time(one.since)})", "dim")
        yield line
        if one.hint:
            yield Text(f"  {clean(one.hint)}", "dim")
