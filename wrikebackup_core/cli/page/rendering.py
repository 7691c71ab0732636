"""From facts to HTML. Everything of the data goes through Jinja's escaping; what does not is drawn here, from numbers and dates."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Any

from wrikebackup_core.cli.page import charts, strip
from wrikebackup_core.cli.words import among, clean, count, duration, plural, singular, size
from wrikebackup_core.engine.reporting import judging
from wrikebackup_core.engine.reporting.facts import AccountFacts, Day, Facts, Level, Step
from wrikebackup_core.errors import MissingExtra

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["render"]

_HEADLINES = {Level.GOOD: "All is well.", Level.LOOK: "Worth a look.", Level.BAD: "Needs you now."}
_STEPS_DRAWN = 60
_ROWS = 400
"""Most rows of one table; `--json` has all."""


def render(facts: Facts) -> str:
    """The file. Raises MissingExtra."""
    try:
        import jinja2  # noqa: F401 - looked for here, so that what is missing is said before anything is drawn
        import vl_convert  # noqa: F401 - the same
    except ImportError:
        raise MissingExtra("the report", "report") from None
    style = _packed("report.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = _environment().from_string(_packed("report.html.jinja"))
    return page.render(facts=facts, style=style, style_hash=digest, headline=_headline(facts), rows=_ROWS)


def _packed(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _environment() -> Environment:
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )

    def drawn(svg: str) -> Markup:
        """Drawn of numbers and dates alone: nothing in it comes from the account."""
        return Markup(svg)  # noqa: S704 - see above

    environment.filters |= {
        "count": count, "size": size, "span": judging.span, "duration": duration, "among": among, "signed": _signed, "moment": _moment,
        "day": _day, "kind": _kind_name, "singular": singular, "pace": judging.pace,
    }  # fmt: skip
    environment.globals |= {
        "plural": plural, "strips": strip.strips, "marks": _marks, "months": _months, "growth": _growth, "kinds": _kinds,
        "changes": _changes, "gap_heaps": _gap_heaps, "drawn": drawn, "recent": _recent,
    }  # fmt: skip
    return environment


def _shown(value: Any) -> Any:
    """Text as a terminal would get it: without marks that reverse a line or hide in it."""
    return clean(value) if type(value) is str else value


def _headline(facts: Facts) -> str:
    if len(facts.profiles) < 2 or facts.level is Level.GOOD:
        return _HEADLINES[facts.level]
    number, total = sum(one.level is facts.level for one in facts.profiles), len(facts.profiles)
    what = "need" if number != 1 else "needs"
    return f"{number} of {total} profiles {what} {'you now' if facts.level is Level.BAD else 'a look'}."


def _moment(when: datetime) -> str:
    return f"{when.astimezone():%d %b %Y, %H:%M}"


def _day(when: datetime) -> str:
    return f"{when.astimezone():%d %b %Y}"


def _signed(number: float) -> str:
    sign = "+" if number > 0 else "\N{MINUS SIGN}" if number < 0 else "±"
    return f"{sign}{abs(int(number)):,}"


def _kind_name(kind: str) -> str:
    return kind.replace("_", " ")


def _marks(days: Sequence[Day], last: int | None = None) -> dict[str, int]:
    return dict(Counter(day.mark.value for day in (days if last is None else days[-last:])))


def _recent(days: Sequence[Day]) -> str:
    """The last thirty days in one sentence."""
    found, total = _marks(days, 30), min(len(days), 30)
    parts = [f"{count(found.get('complete', 0))} with a complete backup"]
    words = {
        "partial": "with gaps",
        "unreadable": "not readable",
        "missing": "missed",
        "pruned": "no longer kept",
        "idle": "none due",
    }
    parts += [f"{count(found[mark])} {text}" for mark, text in words.items() if found.get(mark)]
    return f"The last {plural(total, 'day')}: {', '.join(parts)}." if total > 1 else f"Today: {', '.join(parts)}."


def _months(days: Sequence[Day]) -> list[tuple[str, dict[str, int], int]]:
    """By month, the newest first: its name, days by mark, and backups."""
    found: dict[tuple[int, int], list[Day]] = {}
    for one in days:
        found.setdefault((one.day.year, one.day.month), []).append(one)
    return [
        (f"{part[0].day:%B %Y}", _marks(part), sum(one.backups for one in part))
        for _, part in sorted(found.items(), reverse=True)
    ]


def _growth(account: AccountFacts) -> list[dict[str, Any]]:
    """Charts of what there was over time; none where there is one backup only."""
    complete = account.complete
    if len(complete) < 2:
        return []
    records = [(one.started, float(one.records)) for one in complete]
    held = [(one.started, float(one.bytes)) for one in complete]
    found = [("Records", f"{complete[-1].records:,} records", records, "")]
    if any(value for _, value in held):
        found.append(("Attachments", f"{size(complete[-1].bytes)} in {plural(complete[-1].files, 'file')}", held, "B"))
    return [
        {
            "title": title,
            "label": label,
            "first": points[0][1],
            "last": points[-1][1],
            "bytes": bool(unit),
            "svg": {name: charts.area(points, label, name, unit=unit) for name in charts.WIDTHS},
        }
        for title, label, points, unit in found
    ]


def _kinds(account: AccountFacts) -> list[dict[str, Any]]:
    """By kind, the largest first, with a line of how it went."""
    complete = account.complete
    if not complete:
        return []
    names = {kind for one in complete for kind in one.counts}
    rows = []
    for name in sorted(names, key=lambda kind: (-complete[-1].counts.get(kind, 0), kind)):
        values = [one.counts.get(name, 0) for one in complete]
        path, x, y = charts.sparkline(values)
        rows.append({"name": name, "now": values[-1], "more": values[-1] - values[0], "path": path, "x": x, "y": y})
    return rows


def _changes(steps: Sequence[Step]) -> dict[str, str]:
    """Bars of how many records more or fewer, for the last backups."""
    last = steps[-_STEPS_DRAWN:]
    points = [(one.started, float(sum(one.by_kind.values()))) for one in last]
    if len(points) < 2 or not any(value for _, value in points):
        return {}
    return {name: charts.bars(points[-_STEPS_DRAWN if name == "wide" else -30 :], name) for name in charts.WIDTHS}


def _gap_heaps(gaps: Iterable[Any]) -> list[dict[str, Any]]:
    """Gaps that have kind, reason and hint in common, with the first of their ids."""
    heaps: dict[tuple[str, str, str | None], list[str]] = {}
    for gap in gaps:
        heaps.setdefault((gap.kind, gap.reason, gap.hint), []).append(gap.id or "all of them")
    return [
        {"kind": kind, "reason": reason, "hint": hint, "ids": ids[:5], "number": len(ids)}
        for (kind, reason, hint), ids in sorted(heaps.items(), key=lambda pair: -len(pair[1]))
    ]
