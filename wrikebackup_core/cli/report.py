"""`wrikebackup report`: one HTML file that shows at a glance whether all is well."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wrikebackup_core.cli.ending import Ended, worst
from wrikebackup_core.cli.reading import Held, Reading, with_keys
from wrikebackup_core.cli.session import PATH, Session, options
from wrikebackup_core.cli.words import plural
from wrikebackup_core.engine.replacing import replace_file
from wrikebackup_core.errors import ExitCode, UsageError, WrikeBackupError
from wrikebackup_core.masking import masked
from wrikebackup_core.version import __version__

if TYPE_CHECKING:
    from wrikebackup_core.engine.reporting import AccountFacts, Compared, DrillFacts, Facts, ProfileFacts, SinkFacts
    from wrikebackup_core.format.coverage import Group
    from wrikebackup_core.ports import Sink
    from wrikebackup_core.profile import Profile

__all__ = ["report"]

_SPACES = 100
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EIO}


@click.command(short_help="Write a report to look at: one HTML file.")
@click.argument("profiles", metavar="PROFILE...", nargs=-1, required=True, type=PATH)
@click.option("-o", "--output", metavar="FILE", help="Where the HTML goes; - for stdout.")
@click.option("--compare", is_flag=True, help="Also compare the two newest complete backups, record by record.")
@with_keys
@options
@click.pass_obj
def report(
    session: Session, profiles: tuple[Path, ...], *, output: str | None, compare: bool, identity: Sequence[str]
) -> None:
    """Write a report on the backups of one or several profiles: is all well, backups over time, growth, what changed, coverage, which
    backups stay, sinks, gaps.

    It is one HTML file without scripts that opens anywhere, and fetches nothing. With --json the same facts go to stdout. The account
    is not asked, and a key is needed for --compare alone. Nothing in it comes from within an encrypted backup but numbers.

    Ends with exit code 3 where a sink could not be reached; the report says so, and shows the others. So it does of several profiles
    where one cannot be used, and ends with the gravest code.
    """
    terminal = session.terminal
    if output is None and not terminal.json:
        raise UsageError("--output is missing", hint="-o report.html writes the report there; --json prints its facts")
    if output == "-" and terminal.json:
        raise UsageError("both --json and -o - want stdout", hint="give -o a file")
    facts, codes = _facts(session, profiles, identity if compare else None)
    if output is not None:
        from wrikebackup_core.cli.page import render

        _write(render(facts), output)
        if output != "-":
            terminal.say(f"{output}: {_words(facts.level.value)}")
    if terminal.json:
        terminal.document(facts)
    for one in facts.profiles:
        for sink in one.sinks:
            if sink.failed is not None:
                terminal.fail(sink.failed, sink.hint)
    raise Ended(worst([*codes, _code([sink for one in facts.profiles for sink in one.sinks])]))


def _facts(session: Session, profiles: Sequence[Path], identity: Sequence[str] | None) -> tuple[Facts, list[ExitCode]]:
    """And the exit codes of the profiles that cannot be used: an old page would go on saying that all is well. Raises where it is the only one."""
    from wrikebackup_core.engine.reporting import Facts, Level, ProfileFacts, Remark
    from wrikebackup_core.engine.reporting import worst as gravest

    now, told, codes = datetime.now(UTC), list[ProfileFacts](), list[ExitCode]()
    for path in profiles:
        try:
            told.append(_of_profile(session, path, now, identity))
        except WrikeBackupError as error:
            if len(profiles) == 1:
                raise
            codes.append(error.exit_code)
            session.terminal.fail(error.message, error.hint)
            remark = Remark(Level.BAD, f"The profile cannot be used: {masked(error.message)}.", error.hint)
            told.append(ProfileFacts(path.stem, Level.BAD, (remark,)))
    return Facts(now, __version__, gravest(Remark(one.level, "") for one in told), tuple(told)), codes


def _of_profile(session: Session, path: Path, now: datetime, identity: Sequence[str] | None) -> ProfileFacts:
    from wrikebackup_core import profile as reader
    from wrikebackup_core.cli.standings import freshness
    from wrikebackup_core.engine.reporting import Asked, gather
    from wrikebackup_core.profile import part_context

    profile = reader.load(path, session.plugins)
    plugins, context = session.plugins, part_context(profile, session.plugins)
    with _opened(session, profile) as (sinks, lost):
        parts = [plugins.make_transform(part.kind, part.options, context) for part in profile.transforms]
        objective = freshness(profile, now)
        drills = _drills(profile, {sink.name for sink in sinks})
        asked = Asked(profile.name, sinks, profile.state, plugins, parts, lost, objective, drills)
        facts, reading = gather(asked, now), Reading(session, sinks, profile)
        shown = [_with_contents(reading, account, identity) for account in facts.accounts]
    return replace(facts, accounts=tuple(shown))


def _drills(profile: Profile, sinks: set[str]) -> list[DrillFacts]:
    """The last one of each of the sinks, as this host has noted it."""
    from wrikebackup_core.engine.drill import drills_that_count
    from wrikebackup_core.engine.reporting import DrillFacts

    found, counting = list[DrillFacts](), drills_that_count(profile.state)
    for sink in sorted(sinks & counting.keys()):
        for last in (drills.last for drills in counting[sink]):
            about = f"{last.backup_uid}: " if last.backup_uid else ""
            files = f" ({plural(last.files, 'file')})" if last.files else ""
            tried = last.verdict != "not tried"
            words = f"{about}{last.words}{files}" if tried else last.error or ""
            found.append(DrillFacts(sink, last.at, last.went_well, words, tried, last.hint))
    return found


@contextlib.contextmanager
def _opened(session: Session, profile: Profile) -> Iterator[tuple[list[Sink], list[SinkFacts]]]:
    """The sinks of a profile one by one: those that cannot be opened are told of, and the others are looked at."""
    from wrikebackup_core.engine.reporting import SinkFacts
    from wrikebackup_core.profile import part_context

    context, sinks, lost = part_context(profile, session.plugins), list["Sink"](), list[SinkFacts]()
    with contextlib.ExitStack() as stack:
        for part in profile.sinks:
            try:
                sink = session.plugins.make_sink(part.kind, part.options, context)
            except WrikeBackupError as error:
                lost.append(SinkFacts(part.kind, error.message, error.hint))
                continue
            stack.callback(sink.close)
            sinks.append(sink)
        yield sinks, lost


def _with_contents(reading: Reading, account: AccountFacts, identity: Sequence[str] | None) -> AccountFacts:
    """With what stands inside of the backups themselves."""
    complete, compared = account.complete, None
    hidden: tuple[Group, ...] = ()
    if identity is not None and len(complete) > 1:
        compared = _compared(reading, account, complete[-2].uid, complete[-1].uid, identity)
    newest = next((one for one in account.backups if one.uid == account.coverage_of), None)
    if newest is not None and not newest.encoded:
        hidden = _hidden(reading, account.id, newest.uid)
    return replace(account, compared=compared, hidden=hidden)


def _held(reading: Reading, account: AccountFacts, uid: str) -> Held:
    taken = next(one for one in account.backups if one.uid == uid)
    first, *others = (sink for sink in reading.sinks if sink.name in taken.sinks)
    return Held(first, account.id, uid, tuple(others))


def _compared(reading: Reading, account: AccountFacts, old: str, new: str, identity: Sequence[str]) -> Compared:
    from wrikebackup_core.engine.reporting import Compared, compared

    try:
        return compared(*(reading.open_held(_held(reading, account, uid), identity) for uid in (old, new)))
    except WrikeBackupError as error:  # no key, most often: all else is still worth a look
        reading.session.terminal.warn(error.message, error.hint)
        return Compared(old, new, failed=error.message)


def _hidden(reading: Reading, account: str, uid: str) -> tuple[Group, ...]:
    """The spaces that are not shared with the token's user."""
    from wrikebackup_core.cli.coverage_summary import read_report
    from wrikebackup_core.decoding import Decoding
    from wrikebackup_core.store import AccountStore

    warn = reading.session.terminal.warn
    for sink in reading.sinks:
        with contextlib.suppress(WrikeBackupError):
            found = read_report(sink, account, AccountStore(sink, account).manifest(uid), Decoding([]), warn)
            if found is not None:
                return tuple(group for group in found.groups if group.space is not None and not group.visible)[:_SPACES]
    return ()


def _words(level: str) -> str:
    return {"good": "all is well", "look": "something is worth a look", "bad": "something needs you now"}[level]


def _code(sinks: Sequence[SinkFacts]) -> ExitCode:
    lost = [one for one in sinks if one.failed is not None]
    if not lost:
        return ExitCode.DONE
    return ExitCode.FAILED if len(lost) == len(sinks) else ExitCode.PARTIAL


def _write(page: str, output: str) -> None:
    """Whole or not at all, but into what is there where that is no file: a device, a pipe. Raises UsageError where it cannot be, and
    WrikeBackupError where the disk is to blame."""
    data = page.encode("utf-8", errors="replace")
    if output == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    path = Path(os.path.realpath(output))  # what a link leads to is replaced, and not the link
    if path.is_dir():
        raise UsageError(f"{output} is a folder", hint="-o takes the name of a file in it")
    there = Path(output).exists()
    # A folder is not made for it: somebody else may be meant to look at what is there.
    if not path.parent.is_dir() and not there:
        raise UsageError(f"{output} cannot be written: there is no folder {path.parent}")
    try:
        if path.is_file() or not there:
            replace_file(path, data)
        else:  # by the name that was given: /dev/stdout leads to no path
            Path(output).write_bytes(data)
    except OSError as error:
        kind = WrikeBackupError if error.errno in _DISK else UsageError
        raise kind(f"{output} cannot be written: {(error.strerror or str(error)).lower()}") from None
