"""Progress: bars where there is a terminal, a line for each stage where there is none, events as JSON lines for machines."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import msgspec

from wrikebackup_core.cli.logs import JsonLines
from wrikebackup_core.cli.tally import Snapshot, Tally
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.cli.words import clean, count, duration, plural, size
from wrikebackup_core.model import (
    Event,
    FileFinished,
    GapFound,
    Message,
    SinkDropped,
    StageFinished,
    StageProgress,
    StageStarted,
)

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["Notify", "progress"]

Notify = Callable[[Event], None]
_FILES_SHOWN = 8
_FRAMES_A_SECOND = 8
_LOG_EVERY = 30.0  # seconds between two lines of a log on the same stage
_JSON_EVERY = 1.0  # seconds between two progress events of a stage
_NAMES = {
    StageStarted: "stage_started",
    StageFinished: "stage_finished",
    GapFound: "gap",
    SinkDropped: "sink_dropped",
    Message: "message",
}


@contextlib.contextmanager
def progress(terminal: Terminal, profile: str) -> Iterator[Notify]:
    """What a run is to tell its events to. Never raises from there: talk that nobody reads ends no run."""
    if terminal.lines is not None and not terminal.json:
        with _bound(terminal.lines, profile=profile):
            yield _Logged(terminal).take
    elif terminal.json:
        yield _Events(terminal, profile).take
    elif terminal.err.is_terminal and not terminal.err.is_dumb_terminal and not terminal.quiet:
        with _live(terminal) as notify:
            yield notify
    else:
        yield _Lines(terminal).take


class _Lines:
    """A line for each stage, and for what goes wrong."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._began: dict[str, float] = {}

    def take(self, event: Event) -> None:
        if isinstance(event, StageStarted):
            self._began[event.stage] = time.monotonic()
        elif isinstance(event, StageFinished):
            seconds = time.monotonic() - self._began.pop(event.stage, time.monotonic())
            self._stage(event, seconds)
        elif isinstance(event, SinkDropped):
            reason = event.reason.removeprefix(f"{event.sink}: ")
            self._terminal.warn(f"{event.sink} takes no further part: {reason}", event.hint)
        elif isinstance(event, Message):
            if event.warning:
                self._terminal.warn(event.text)
            else:
                self._terminal.say(event.text)

    def _stage(self, event: StageFinished, seconds: float) -> None:
        self._terminal.say(f"{event.stage}: {event.summary} ({duration(seconds)})")


class _Logged:
    """JSON lines of a log: each stage, each gap, and now and then how far a stage is."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal, self._tally = terminal, Tally()
        self._next = time.monotonic() + _LOG_EVERY

    def take(self, event: Event) -> None:
        before = self._tally.snapshot() if isinstance(event, StageFinished) else None
        self._tally.take(event)
        log, facts = self._terminal.log, _facts(event)
        if isinstance(event, StageStarted):
            self._next = time.monotonic() + _LOG_EVERY
            log("info", f"{event.stage}: begun", **facts)
        elif isinstance(event, StageFinished) and before is not None:
            numbers = {"count": before.done, "bytes": before.bytes_done, "seconds": round(before.seconds, 3)}
            log("info", f"{event.stage}: {event.summary}", **facts, **(numbers if before.stage == event.stage else {}))
        elif isinstance(event, GapFound):
            gap = event.gap
            log("warning", f"gap: {gap.kind} {gap.id or ''}".rstrip() + f": {gap.reason}", **facts)
        elif isinstance(event, SinkDropped):
            log("warning", f"{event.sink} takes no further part: {event.reason}", **facts)
        elif isinstance(event, Message):
            log("warning" if event.warning else "info", event.text, event="message")
        elif isinstance(event, FileFinished) and event.error is not None:
            log("info", f"{event.key}: {event.error}", **{**facts, "event": "file_failed"})
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + _LOG_EVERY
            now = _far(self._tally.snapshot())
            log("info", f"{now['stage']}: going on", event="progress", **now)


def _facts(event: Event) -> dict[str, object]:
    """The event's name and fields, as both kinds of JSON lines have them."""
    facts = msgspec.to_builtins(event.gap if isinstance(event, GapFound) else event)
    facts.pop("type", None)
    return {"event": _NAMES.get(type(event), type(event).__name__), **facts}


def _far(now: Snapshot) -> dict[str, object]:
    facts: dict[str, object] = {"stage": now.stage, "what": now.what, "done": now.done, "total": now.total}
    return {**facts, "bytes_done": now.bytes_done, "total_bytes": now.total_bytes}


@contextlib.contextmanager
def _bound(lines: JsonLines, **facts: str) -> Iterator[None]:
    """Every line says so meanwhile."""
    before, lines.bound = lines.bound, {**lines.bound, **facts}
    try:
        yield
    finally:
        lines.bound = before


class _StyledLines(_Lines):
    """The same lines on a terminal, aligned."""

    def _stage(self, event: StageFinished, seconds: float) -> None:
        from rich.text import Text

        mark = "✓" if self._terminal.unicode else "-"
        line = Text.assemble(
            (f"{mark} ", "green"),
            (f"{clean(event.stage):<9}", "bold"),
            clean(event.summary),
            (f"  {duration(seconds)}", "dim"),
        )
        self._terminal.talk(line)


@contextlib.contextmanager
def _live(terminal: Terminal) -> Iterator[Notify]:
    from rich.live import Live
    from rich.text import Text

    tally, lines = Tally(), _StyledLines(terminal)

    def notify(event: Event) -> None:
        tally.take(event)
        lines.take(event)

    live = Live(
        console=terminal.err,
        get_renderable=lambda: _picture(tally.snapshot(), terminal.err.width, unicode=terminal.unicode),
        refresh_per_second=_FRAMES_A_SECOND,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )

    @contextlib.contextmanager
    def paused() -> Iterator[None]:
        live.stop()
        try:
            yield
        finally:
            live.start()

    with live:
        terminal.paused = paused
        try:
            yield notify
        finally:
            terminal.paused = contextlib.nullcontext
    terminal.talk(Text(""))  # between the talk and the result


def _picture(now: Snapshot, width: int, *, unicode: bool) -> Text:
    """The moving part of the screen: the stage, its numbers, and the files in flight."""
    from rich.text import Text

    if not now.stage:
        return Text("")
    rows = [*_stage_rows(now, width, unicode=unicode)]
    # Nearly done first would make the rows jump: the oldest first keeps each where it is.
    rows += [_file_row(*file, unicode=unicode) for file in now.files[:_FILES_SHOWN]]
    if len(now.files) > _FILES_SHOWN:
        rows.append(Text(f"  and {plural(len(now.files) - _FILES_SHOWN, 'more file')} in flight", style="dim"))
    for row in rows:
        row.truncate(width - 1, overflow="ellipsis" if unicode else "crop")
    return Text("\n").join(rows)


def _stage_rows(now: Snapshot, width: int, *, unicode: bool) -> Iterator[Text]:
    """With a bar where the total is known, and the numbers below it; else all in one row."""
    from rich.text import Text

    numbers = [fact for fact in (_items(now), _bytes(now), _rate(now)) if fact]
    if now.gaps:
        numbers.append(plural(now.gaps, "gap"))
    row = Text.assemble((f"  {clean(now.stage):<9}", "bold"))
    if now.fraction is None:
        yield row.append("  ".join([*numbers, duration(int(now.seconds), whole=True), clean(now.what)]))
        return
    left = now.seconds_left
    row.append_text(_bar(now.fraction, max(10, min(40, width - 40)), unicode=unicode))
    yield row.append(
        f" {now.fraction:4.0%}  {duration(left, whole=True)} left" if left is not None else f" {now.fraction:4.0%}"
    )
    if numbers:
        yield Text(f"{'':11}{'  '.join(numbers)}", style="dim")


def _items(now: Snapshot) -> str:
    if now.total is not None:
        return f"{count(now.done)} of {count(now.total)}"
    return count(now.done) if now.done else ""


def _bytes(now: Snapshot) -> str:
    if now.total_bytes:
        return f"{size(now.bytes_done)} of {size(now.total_bytes)}"
    return size(now.bytes_done) if now.bytes_done else ""


def _rate(now: Snapshot) -> str:
    if now.byte_rate:
        return f"{size(now.byte_rate)}/s"
    return f"{now.rate:,.0f}/s" if now.rate else ""


def _file_row(key: str, total: int | None, done: int, *, unicode: bool) -> Text:
    from rich.text import Text

    fraction = done / total if total else 0.0
    row = Text("  ")
    row.append_text(_bar(min(1.0, fraction), 9, unicode=unicode))
    row.append(f" {size(total) if total is not None else '?':>8}  ", style="dim")
    row.append(clean(key.rpartition("/")[2]))
    return row


def _bar(fraction: float, width: int, *, unicode: bool) -> Text:
    from rich.text import Text

    full = round(fraction * width)
    on, off = ("━", "─") if unicode else ("#", "-")  # told apart without colours, too
    return Text.assemble((on * full, "cyan"), (off * (width - full), "bright_black"))


class _Events:
    """JSON lines. Small files are not told one by one: a progress event a second says how far a stage is."""

    def __init__(self, terminal: Terminal, profile: str) -> None:
        self._terminal, self._profile = terminal, profile
        self._tally, self._lock = Tally(), threading.Lock()
        self._next = 0.0

    def take(self, event: Event) -> None:
        self._tally.take(event)
        name = _NAMES.get(type(event))
        if name is not None:
            self._write(name, msgspec.to_builtins(event))
        elif isinstance(event, FileFinished) and event.error is not None:
            self._write("file_failed", msgspec.to_builtins(event))
        elif time.monotonic() >= self._next and isinstance(event, (StageProgress, FileFinished)):
            self._next = time.monotonic() + _JSON_EVERY
            self._write("progress", _far(self._tally.snapshot()))

    def _write(self, name: str, facts: dict[str, object]) -> None:
        facts.pop("type", None)
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._terminal.document({"event": name, "profile": self._profile, **facts})
