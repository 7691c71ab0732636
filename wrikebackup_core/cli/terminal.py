"""Where results and talk go: results to stdout, talk to stderr, in colour only where somebody looks."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from wrikebackup_core.cli.logs import JsonLines, trace
from wrikebackup_core.cli.words import clean, escaped
from wrikebackup_core.masking import masked, masked_values

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

__all__ = ["Terminal"]

_PIPE_COLUMNS = 1000  # nothing is wrapped where a program reads


@dataclass
class Terminal:
    """What the global options ask for, and the two streams. rich is imported when something is printed."""

    json: bool = False
    quiet: bool = False
    verbosity: int = 0
    color: bool = True
    lines: JsonLines | None = None
    """Takes all talk, where JSON lines are asked for; then nothing else is written to stderr."""
    interrupted: str | None = None
    """What to say on Ctrl-C, where there is more to say than that."""
    paused: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
    """Takes from the screen what moves there, while somebody is asked something."""

    @cached_property
    def out(self) -> Console:
        return self._console(sys.stdout)

    @cached_property
    def err(self) -> Console:
        return self._console(sys.stderr)

    def _console(self, stream: TextIO) -> Console:
        from rich.console import Console

        class Calm(Console):
            def on_broken_pipe(self) -> None:
                """Not the end of the program, as rich has it: a run goes on without whoever read its talk."""
                self.quiet = True
                raise BrokenPipeError

        if hasattr(stream, "reconfigure"):  # a name that the encoding lacks is escaped, and ends nothing
            stream.reconfigure(errors="backslashreplace")
        console = Calm(file=stream, markup=False, highlight=False, emoji=False, no_color=None if self.color else True)
        if not console.is_terminal:
            console.width = _PIPE_COLUMNS
        return console

    @property
    def unicode(self) -> bool:
        """Whether stderr can show bars and check marks."""
        return self.err.encoding.startswith("utf")

    def show(self, what: RenderableType = "") -> None:
        """A result, for people."""
        if self.out.is_terminal:
            self.out.print(what, soft_wrap=isinstance(what, str))
            return
        with self.out.capture() as printed:
            self.out.print(what)
        # Tables are filled up with blanks, which is no use to whoever reads a pipe.
        self.out.file.write("".join(line.rstrip() + "\n" for line in masked(printed.get()).splitlines()))
        self.out.file.flush()

    def line(self, text: str, *, secret: bool = False) -> None:
        """A result that is one line, for people and programs alike, however long. `secret`: it is one, and what was asked for."""
        sys.stdout.write((escaped(text) if secret else clean(text)) + "\n")
        sys.stdout.flush()

    def styled(self, line: Text) -> None:
        """`line` in colours, where somebody looks. Whatever is in it is clean already."""
        if self.out.is_terminal:
            self.out.print(line, soft_wrap=True)
        else:
            sys.stdout.write(line.plain + "\n")  # there may be many, and rich takes its time

    def document(self, value: Any, *, secret: bool = False) -> None:
        """A result, for machines: one JSON document on a line of its own. Plain ASCII, so that no encoding spoils it. `secret`: as above."""
        plain = msgspec.to_builtins(value)
        sys.stdout.write(json.dumps(plain if secret else masked_values(plain)) + "\n")
        sys.stdout.flush()

    def say_more(self, times: int) -> None:
        """`-v`, so many times. Options are read while logs are listened to already."""
        self.verbosity += times
        logging.getLogger().setLevel(_level(self))

    def bind(self, **facts: Any) -> None:
        """What every line of a log of JSON lines says from now on."""
        if self.lines is not None:
            self.lines.bound = facts

    def log(self, level: str, message: str, **facts: Any) -> None:
        """For logs of JSON lines alone: what people read elsewhere, as in a summary. Nothing below a warning with --quiet."""
        if self.lines is not None and not (self.quiet and level == "info"):
            self.lines.write(level, message, **facts)

    def say(self, text: str, *, style: str = "") -> None:
        """Talk: not with --quiet."""
        if not self.quiet:
            self.tell(text, style=style)

    def warn(self, text: str, hint: str | None = None) -> None:
        """Talk that --quiet does not silence."""
        if self.lines is not None:
            self.lines.write("warning", text, hint=hint)
            return
        self.tell(f"warning: {text}", head=len("warning:"), style="yellow")
        self._hint(hint)

    def fail(self, message: str, hint: str | None = None, **facts: Any) -> None:
        """An error: one line, and a hint. `facts` are for logs of JSON lines."""
        if self.lines is not None:
            self.lines.write("error", message, event="error", hint=hint, **facts)
            return
        head = "wrikebackup: error:"
        self.tell(f"{head} {message}", head=len(head), style="bold red")
        self._hint(hint)

    def _hint(self, hint: str | None) -> None:
        if hint:
            self.tell(f"hint: {hint}", head=len("hint:"), style="bold")

    def tell(self, text: str, *, style: str = "", head: int | None = None) -> None:
        """A line on stderr, of which `head` characters (None: all) are styled. A reader that has gone away ends nothing."""
        from rich.text import Text

        if self.lines is not None:
            self.lines.write("info", text)
            return
        line = Text(clean(text))
        line.stylize(style, 0, head)
        self.talk(line)

    def talk(self, line: Text) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.err.print(line, soft_wrap=True)

    def traceback(self, error: BaseException) -> None:
        """With -vv, where an error comes from: in logs of JSON lines, it is a field of what is told of the error."""
        if self.verbosity >= 2 and self.lines is None:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write(trace(error))
                sys.stderr.flush()


class _ToTerminal(logging.Handler):
    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self._terminal = terminal

    def emit(self, record: logging.LogRecord) -> None:
        try:
            traces = self._terminal.verbosity >= 2
            if self._terminal.lines is not None:
                self._terminal.lines.record(record, traces=traces)
                return
            text = record.getMessage()
            error = record.exc_info[1] if record.exc_info else None
            if error is not None:
                text += f": {type(error).__name__}: {error}"
            if record.levelno >= logging.WARNING:
                self._terminal.warn(text)
            else:
                self._terminal.tell(f"{record.name}: {text}", style="dim")
            if error is not None:
                self._terminal.traceback(error)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with telling ends nothing
            # Not as logging itself does, which prints the record whole.
            self._terminal.tell(f"{record.name}: a message that cannot be told: {type(error).__name__}")


def _level(terminal: Terminal) -> int:
    return (logging.WARNING, logging.INFO, logging.DEBUG)[min(terminal.verbosity, 2)]


@contextlib.contextmanager
def logging_to(terminal: Terminal) -> Iterator[None]:
    """Warnings of all libraries, and with -v more of our own: those of others may hold what is to stay secret."""
    root, handler = logging.getLogger(), _ToTerminal(terminal)

    def wanted(record: logging.LogRecord) -> bool:
        ours = record.name.startswith("wrikebackup")
        return record.levelno >= (_level(terminal) if ours else logging.WARNING)

    handler.addFilter(wanted)
    before = root.level
    root.addHandler(handler)
    root.setLevel(_level(terminal))
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.removeHandler(handler)
        root.setLevel(before)
