"""What the program says while it works, as JSON lines on stderr: one object a line, for whoever collects logs.

No library of log formats: what is said comes from the terminal, from events and from `logging` alike, with fields of its own, and all
that is left to do is to write them down.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

from wrikebackup_core.cli.words import clean
from wrikebackup_core.masking import masked, masked_values

__all__ = ["FORMATS", "FORMAT_VARIABLE", "JsonLines", "log_uncaught", "trace"]

FORMATS = ("text", "json")
FORMAT_VARIABLE = "WRIKEBACKUP_LOG_FORMAT"
_OWN = "wrikebackup"
_EVERY_RECORD_HAS = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


class JsonLines:
    """Safe from any thread. `bound` are fields of every line, such as the profile that is run."""

    def __init__(self) -> None:
        self.bound: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._broken = False

    def write(self, level: str, message: str, *, logger: str = _OWN, **facts: Any) -> None:
        """One line: time (UTC, RFC 3339), level, logger, message and fields. A reader that has gone away ends nothing."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told = {name: value for name, value in {**self.bound, **facts}.items() if value is not None}
        fields = masked_values(msgspec.to_builtins(told, enc_hook=str))
        line = json.dumps({"time": now, "level": level, "logger": logger, "message": masked(message), **fields})
        with self._lock, suppress(OSError, ValueError):
            # A signal may end the writing of a line halfway: the next one begins anew, at worst behind an empty one.
            start, self._broken = "\n" if self._broken else "", True
            sys.stderr.write(f"{start}{line}\n")
            self._broken = False
            sys.stderr.flush()

    def record(self, record: logging.LogRecord, *, traces: bool) -> None:
        """What a library, or a module of ours, has logged."""
        facts = {name: value for name, value in vars(record).items() if name not in _EVERY_RECORD_HAS}
        message = record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            message += f": {type(error).__name__}: {error}"
            if traces:
                facts["traceback"] = trace(error)
        self.write(record.levelname.lower(), message, logger=record.name, **facts)


def trace(error: BaseException) -> str:
    """The traceback, without secrets."""
    return masked("".join(traceback.format_exception(error)))


def log_uncaught() -> Callable[[], None]:
    """Threads that die, and what goes wrong while something is cleared away, are logged like all else: Python would print what it
    likes, and where. Returns what undoes it."""
    log = logging.getLogger(_OWN)
    before = threading.excepthook, sys.unraisablehook

    def dead(arguments: threading.ExceptHookArgs) -> None:
        name = arguments.thread.name if arguments.thread else "?"
        if arguments.exc_value is not None and not isinstance(arguments.exc_value, SystemExit):
            log.error("a thread has died: %s", clean(name), exc_info=arguments.exc_value)

    def unraisable(arguments: Any) -> None:
        if arguments.exc_value is not None:
            log.error("%s", arguments.err_msg or "an exception was ignored", exc_info=arguments.exc_value)

    def undo() -> None:
        threading.excepthook, sys.unraisablehook = before

    threading.excepthook, sys.unraisablehook = dead, unraisable
    return undo
