"""`wrikebackup backup`: runs profiles, one after the other, and says how each ended."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from wrikebackup_core.cli.ending import Ended, ending, hang_up, worst
from wrikebackup_core.cli.heaps import keep_heaps_small
from wrikebackup_core.cli.not_due import tell_not_due
from wrikebackup_core.cli.progress import progress
from wrikebackup_core.cli.session import PATH, Session, options
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.cli.watch import Watch
from wrikebackup_core.errors import ExitCode

if TYPE_CHECKING:
    from wrikebackup_core.engine.job import DryRun, Outcome
    from wrikebackup_core.profile import Profile

__all__ = ["backup", "reader_may_leave"]

_LOGGED = (
    "event",
    "backup_uid",
    "complete",
    "counts",
    "sinks",
    "attachments_total",
    "attachments_new",
    "bytes_new",
    "seconds",
    "resumed",
)
"""Of how a run ended, in a log: what has no end of its own, such as gaps, is told there one by one."""


@dataclass(slots=True)
class _Task:
    """One profile of the command line, and how it went."""

    path: Path
    profile: Profile | None = None
    code: ExitCode = ExitCode.DONE
    words: str = ""
    last: bool = False


@click.command(short_help="Take a backup, or finish one.")
@click.argument("profiles", metavar="PROFILE...", nargs=-1, required=True, type=PATH)
@click.option(
    "--dry-run", is_flag=True, help="Read the account and say what would be fetched and stored; store nothing."
)
@click.option("--force", is_flag=True, help="Take one even if the last is younger than the profile's `min_interval`.")
@options
@click.pass_obj
def backup(session: Session, profiles: tuple[Path, ...], *, dry_run: bool, force: bool) -> None:
    """Take a backup, or finish the one that was interrupted.

    A profile with a `min_interval` is done at once while every sink has a complete backup that is younger than that.

    Several profiles run one after the other; one that fails does not stop the others, and the exit code is the gravest.
    """
    keep_heaps_small()
    terminal = session.terminal
    terminal.interrupted = "run the same command again: it goes on where this run stopped"
    tasks = [_loaded(session, path) for path in profiles]  # all of them first: a mistake is told now and not in an hour
    tasks[-1].last = True
    for task in tasks:
        if task.profile is not None:
            whenever = dry_run or force
            task.code = _run(
                session, task, task.profile, dry_run=dry_run, whenever=whenever, one_of_several=len(tasks) > 1
            )
    terminal.bind()
    code = worst(task.code for task in tasks)
    _conclude(terminal, tasks, code)
    raise Ended(code)


def _loaded(session: Session, path: Path) -> _Task:
    from wrikebackup_core import profile

    task = _Task(path)
    try:
        task.profile = profile.load(path, session.plugins)
    except Exception as error:  # noqa: BLE001 - told here; the other profiles run
        task.code, task.words = ending(error, session.terminal), "not started: the profile cannot be used"
    return task


def _run(
    session: Session, task: _Task, profile: Profile, *, dry_run: bool, whenever: bool, one_of_several: bool
) -> ExitCode:
    from wrikebackup_core import profile as profiles
    from wrikebackup_core.engine.backup import back_up
    from wrikebackup_core.engine.backup import dry_run as plan
    from wrikebackup_core.engine.job import Outcome
    from wrikebackup_core.engine.recency import recent_enough

    terminal = session.terminal
    watch = None if dry_run else Watch(session, profile)
    terminal.bind(profile=profile.name)
    if one_of_several and not terminal.json:
        terminal.say(f"{task.path}:", style="bold")
    try:
        with profiles.open_job(profile, session.plugins) as job, progress(terminal, profile.name) as notify:
            if not whenever and (recent := recent_enough(job, profile.min_interval, datetime.now(UTC), notify)):
                task.words = tell_not_due(terminal, profile, recent)
                return ExitCode.DONE
            if watch is not None:
                watch.begins(job)
                notify = watch.hears(notify)  # noqa: PLW2901 - the same listener, overheard
            result: Outcome | DryRun = plan(job, notify) if dry_run else back_up(job, notify)
    except KeyboardInterrupt as error:
        if watch is not None:
            watch.failed(error, ExitCode.INTERRUPTED)
        raise
    except Exception as error:  # noqa: BLE001 - told here; the other profiles run
        task.words = "failed: " + (" ".join(str(error).split()) or type(error).__name__)
        code = ending(error, terminal, about=str(task.path) if one_of_several else None)
        if watch is not None:
            with _nobody_need_wait(task):
                watch.failed(error, code)
        return code
    code = _tell(terminal, task, profile, result)
    if watch is not None and isinstance(result, Outcome):
        with _nobody_need_wait(task):
            watch.ended(result, task.words)
    return code


@contextlib.contextmanager
def _nobody_need_wait(task: _Task) -> Iterator[None]:
    """Who interrupts while monitors are told is tired of waiting for them: the run is over, and its end stands. It is an interruption
    only of the profiles that are yet to run."""
    try:
        yield
    except KeyboardInterrupt:
        if not task.last:
            raise


def _tell(terminal: Terminal, task: _Task, profile: Profile, result: Outcome | DryRun) -> ExitCode:
    from wrikebackup_core.cli import summary
    from wrikebackup_core.engine.job import Outcome

    facts = msgspec.to_builtins(result)
    if isinstance(result, Outcome):
        code, task.words, view = result.exit_code, summary.verdict(result), summary.outcome(result, profile)
        facts = {"event": "outcome", **facts, "exit_code": int(code)}
    else:
        code, task.words, view = ExitCode.DONE, "dry run: nothing was stored", summary.dry_run(result, profile)
        facts = {"event": "dry_run", **facts}
    terminal.log(
        "info" if code is ExitCode.DONE else "error",
        task.words,
        **{name: facts.get(name) for name in _LOGGED},
        exit_code=int(code),
    )
    with reader_may_leave():
        if terminal.json:
            terminal.document(facts)
        elif not terminal.quiet or code is not ExitCode.DONE:
            terminal.show(view)
    return code


def _conclude(terminal: Terminal, tasks: list[_Task], code: ExitCode) -> None:
    """The last word on several profiles."""
    if len(tasks) < 2:
        return
    from wrikebackup_core.cli import summary

    with reader_may_leave():
        if terminal.json:
            results = [{"profile": str(task.path), "exit_code": int(task.code), "result": task.words} for task in tasks]
            terminal.document({"event": "summary", "profiles": results, "exit_code": int(code)})
        elif not terminal.quiet or code is not ExitCode.DONE:
            terminal.show(summary.several([(str(task.path), task.code, task.words) for task in tasks]))


@contextlib.contextmanager
def reader_may_leave() -> Iterator[None]:
    """The backup stands, whether or not anybody reads the summary."""
    try:
        yield
    except BrokenPipeError:
        hang_up()
