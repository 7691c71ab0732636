"""What a report says to people: one line first, then what is behind it. Plain text, pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from wrikebackup_core import ExitCode, Ran, Report, SinkStanding, Standing, Trouble, of_kind
from wrikebackup_notify.options import Occasion

__all__ = ["Message", "message", "one_line", "outcome", "summary"]

_TITLE = 150
_LINE = 500
_BODY = 3500
"""Characters: the smallest of the usual services take 4,096."""
_NAMED = 10


@dataclass(frozen=True, slots=True)
class Message:
    """`good`: it is good news."""

    title: str
    body: str
    good: bool


def message(report: Report, occasions: Collection[Occasion]) -> Message | None:
    """What is to be sent after a report; None where none of the occasions has come."""
    begun = report.begun if Occasion.TROUBLE in occasions else ()
    over = report.over if Occasion.OVER in occasions else ()
    run = report.run if report.run is not None and _tells(report, report.run, occasions) else None
    if not begun and not over and run is None:
        return None
    lines = [*map(_begun, begun), *(_over(one, report.standing.at) for one in over)]
    good = not begun and (run is None or run.exit_code == ExitCode.DONE)
    if run is not None and (not begun or run.exit_code == ExitCode.DONE):
        lines.insert(0, outcome(run))
    first = lines[0] if len(lines) == 1 else f"{lines[0]} (and {len(lines) - 1} more)"
    profile = one_line(report.standing.profile)
    body = "\n".join([*lines[:_NAMED], *_more(lines), *_hints(report, run), "", *_background(report)])
    return Message(_cut(f"{profile}: {first}", _TITLE), _cut(body, _BODY), good)


def outcome(run: Ran) -> str:
    """What came of the run, in words that stand alone."""
    return f"backup {'' if run.exit_code in (ExitCode.DONE, ExitCode.PARTIAL) else 'failed: '}{one_line(run.words)}"


def summary(run: Ran) -> str:
    """One line on a run, and its hint in a second one where it has one."""
    text = f"{outcome(run)} (exit code {run.exit_code})"
    return text if run.hint is None else f"{text}\nhint: {one_line(run.hint)}"


def one_line(text: str) -> str:
    """Names of other people's things may hold anything: no line breaks, no control characters, no end."""
    return _cut(" ".join("".join(char if char.isprintable() else " " for char in text).split()), _LINE)


def _tells(report: Report, run: Ran, occasions: Collection[Occasion]) -> bool:
    """Whether the run itself is worth a message, apart from troubles that began or are over."""
    if run.exit_code == ExitCode.DONE:
        return Occasion.SUCCESS in occasions
    known = bool(report.standing.troubles) or bool(report.begun)
    return Occasion.FAILURE in occasions or (Occasion.TROUBLE in occasions and not known)


def _begun(trouble: Trouble) -> str:
    return f"{one_line(trouble.text)}, since {_time(trouble.since)}"


def _over(trouble: Trouble, now: datetime) -> str:
    return f"over after {_span(now - trouble.since)}: {one_line(trouble.text)}"


def _more(lines: Sequence[str]) -> Iterator[str]:
    if len(lines) > _NAMED:
        yield f"and {len(lines) - _NAMED} more"


def _hints(report: Report, run: Ran | None) -> Iterator[str]:
    hints = [trouble.hint for trouble in report.begun] + ([] if run is None else [run.hint])
    for hint in dict.fromkeys(one_line(hint) for hint in hints if hint):
        yield f"hint: {hint}"


def _background(report: Report) -> Iterator[str]:
    standing = report.standing
    yield f"Profile {one_line(standing.profile)} on {one_line(standing.host)}, {_time(standing.at)}"
    if report.run is not None:
        yield from _of_run(report.run)
    yield from map(_of_sink, standing.sinks[:_NAMED])
    new = {trouble.id for trouble in report.begun}
    for trouble in [one for one in standing.troubles if one.id not in new][:_NAMED]:
        yield f"Still: {_begun(trouble)}"
    yield from _of_schedule(standing)


def _of_run(run: Ran) -> Iterator[str]:
    yield f"Run: {outcome(run)}; exit code {run.exit_code}, {_span(run.ended - run.started)}"
    if run.counts:
        yield "Records: " + ", ".join(of_kind(number, one_line(kind)) for kind, number in run.counts.items())
    if run.attachments_total:
        yield f"Attachments: {run.attachments_total:,}, {run.attachments_new:,} of them new ({_size(run.bytes_new)})"
    if run.gaps:
        yield f"Gaps: {run.gaps:,}"


def _of_sink(sink: SinkStanding) -> str:
    name = f"Sink {one_line(sink.sink)}: "
    if sink.problem is not None:
        return name + one_line(sink.problem)
    if sink.newest_complete is None:
        return name + "no complete backup"
    return f"{name}last complete backup of {_time(sink.newest_complete)}, {sink.backups:,} in all"


def _of_schedule(standing: Standing) -> Iterator[str]:
    if standing.next_run is not None:
        yield f"Next run: {_time(standing.next_run)}"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _span(time: timedelta) -> str:
    """`3 days`, `1 minute`: the largest unit of which there are two, rounded down."""
    seconds = max(int(time.total_seconds()), 0)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}s"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def _size(number: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} TB"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
