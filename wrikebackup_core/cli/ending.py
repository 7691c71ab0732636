"""How the program ends: every exception becomes an exit code and at most two lines here, and nowhere else."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from typing import Any

import click

from wrikebackup_core.addresses import without_passwords
from wrikebackup_core.cli.logs import trace
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.errors import ExitCode, ProfileError, WrikeBackupError

__all__ = ["Ended", "ending", "hang_up", "worst"]

_GRAVEST_FIRST = (
    ExitCode.INTERRUPTED,
    ExitCode.FAILED,
    ExitCode.USAGE,
    ExitCode.KEY_REFUSED,
    ExitCode.DAMAGED,
    ExitCode.LOCKED,
    ExitCode.PARTIAL,
    ExitCode.DONE,
)


_NO_ARGUMENTS: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())  # click before 8.2 has no such error


class Ended(Exception):
    """No error: a command that has said all there is to say ends with this exit code."""

    def __init__(self, code: ExitCode) -> None:
        super().__init__(code)
        self.code = code


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The gravest of several exit codes; `DONE` for none."""
    return min(codes, key=_GRAVEST_FIRST.index, default=ExitCode.DONE)


def hang_up() -> None:
    """Sends stdout nowhere, once nobody reads it: so that Python does not complain when it flushes."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def ending(error: BaseException, terminal: Terminal, *, about: str | None = None) -> ExitCode:
    """Tells of an exception, and what it is `about` where it does not say so itself, and returns the exit code that it stands for."""
    if isinstance(error, Ended):
        return error.code
    if isinstance(error, SystemExit):  # click ends so when nobody reads on
        hang_up()
        return ExitCode.DONE if not error.code else ExitCode.FAILED
    if isinstance(error, _NO_ARGUMENTS):
        if terminal.lines is None:
            click.echo(error.format_message(), err=True)
        else:
            terminal.fail(
                "missing command", f"`{error.ctx.command_path} --help` says more", exit_code=int(ExitCode.USAGE)
            )
        return ExitCode.USAGE
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        terminal.fail("interrupted", terminal.interrupted, exit_code=int(ExitCode.INTERRUPTED))
        return ExitCode.INTERRUPTED
    if isinstance(error, BrokenPipeError):
        hang_up()
        return ExitCode.FAILED
    code, found = _told(error)
    if about is not None:
        found = [
            (message if message.startswith(f"{about}:") else f"{about}: {message}", hint) for message, hint in found
        ]
    for message, hint in found:
        more = {"traceback": trace(error)} if terminal.verbosity >= 2 else {}
        terminal.fail(message, hint, exit_code=int(code), error=type(error).__name__, **more)
    if terminal.json:
        errors = [{"message": message, "hint": hint} for message, hint in found]
        terminal.document({"event": "error", "errors": errors, "exit_code": int(code)})
    terminal.traceback(error)
    return code


def _told(error: BaseException) -> tuple[ExitCode, list[tuple[str, str | None]]]:
    if isinstance(error, WrikeBackupError):
        problems: Iterable[WrikeBackupError] = getattr(error, "problems", ()) if isinstance(error, ProfileError) else ()
        return error.exit_code, [(one.message, one.hint) for one in (problems or (error,))]
    if isinstance(error, click.UsageError):
        return ExitCode.USAGE, [_usage(error)]
    return ExitCode.FAILED, [_foreign(error)]


def _foreign(error: BaseException) -> tuple[str, str | None]:
    """What is not ours: the machine's troubles, and bugs."""
    if isinstance(error, click.ClickException):
        return _lower(error.format_message()), None
    if isinstance(error, OSError):
        reason = (error.strerror or str(error) or type(error).__name__).lower()
        return (f"{error.filename}: {reason}" if error.filename else reason), None
    if isinstance(error, MemoryError):
        return "out of memory", None
    if type(error).__module__ == "sqlite3":  # not imported for the sake of this line
        hint = "see that the folder given as `state:` in the profile has room and is writable"
        return f"the spool cannot be used: {error}", hint
    message = " ".join(f"unexpected {type(error).__name__}: {error}".removesuffix(": ").split())
    message = without_passwords(message)
    return message, "this is a bug; -vv shows where it comes from, for a report"


def _usage(error: click.UsageError) -> tuple[str, str]:
    path = error.ctx.command_path if error.ctx else "wrikebackup"
    message = _lower(error.format_message())
    suggestion = ""
    if "(" in message and "possibilit" in message.lower():
        message, _, suggestion = message.partition(" (")
    elif " did you mean " in message.lower():
        at = message.lower().index(" did you mean ")
        message, suggestion = message[:at], message[at + 1 :]
    hint = f"`{path} --help` says more"
    return message.rstrip("."), f"{_lower(suggestion.rstrip(')'))} {hint}" if suggestion else hint


def _lower(text: str) -> str:
    text = " ".join(text.split()).removesuffix(".")
    return text[:1].lower() + text[1:]
