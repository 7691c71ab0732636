"""`wrikebackup drill`: a sample of every sink restored to a temporary place and compared, for a monthly timer."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from wrikebackup_core.addresses import without_password
from wrikebackup_core.cli.backup import reader_may_leave
from wrikebackup_core.cli.ending import Ended, ending, worst
from wrikebackup_core.cli.heaps import keep_heaps_small
from wrikebackup_core.cli.places import are_one, is_account
from wrikebackup_core.cli.progress import progress
from wrikebackup_core.cli.reading import Reading, open_reading, open_sink, with_keys
from wrikebackup_core.cli.session import Session, options
from wrikebackup_core.cli.signers import verifiers_of, with_signers
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.errors import ExitCode, UsageError, WrikeBackupError
from wrikebackup_core.homes import expand_home

if TYPE_CHECKING:
    from wrikebackup_core.engine.drill import Drilled, DrillJob

__all__ = ["drill"]

_SEEDS = 1 << 32
_TRANSFERS = 8
_SIZE = re.compile(r"([0-9]{1,12}) ?([kMGT]?)B?", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def _number(_context: click.Context, _parameter: click.Parameter, value: str) -> int | None:
    """`20`, or None for `all`."""
    if value == "all":
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 13):
        raise click.BadParameter(f"{value!r} is no number, and not 'all'")
    return int(value)


def _bytes(_context: click.Context, _parameter: click.Parameter, value: str) -> int | None:
    """`200MB` in bytes, or None for `all`."""
    if value == "all":
        return None
    found = _SIZE.fullmatch(value.strip())
    if found is None:
        raise click.BadParameter(f"{value!r} is no size such as 200MB or 2GB, and not 'all'")
    return int(found[1]) * _UNITS[found[2].lower()]


@click.command(short_help="Restore a random sample from every sink, and compare.")
@click.argument("places", nargs=-1, required=True, metavar="PROFILE...")
@click.option(
    "--files", default="20", show_default=True, callback=_number, metavar="N|all", help="How many files at most."
)
@click.option(
    "--bytes",
    "size",
    default="200MB",
    show_default=True,
    callback=_bytes,
    metavar="SIZE|all",
    help="How many bytes of files at most.",
)
@click.option(
    "--pages", default="20", show_default=True, callback=_number, metavar="N|all", help="How many tasks and folders."
)
@click.option("--older", is_flag=True, help="Drill a random older backup, too.")
@click.option("--seed", type=click.IntRange(min=0), help="Draw the same sample again that an earlier report names.")
@click.option("--to", "target", metavar="DIR", help="Restore to this new folder, and keep it.")
@with_keys
@with_signers
@options
@click.pass_obj
def drill(
    session: Session,
    /,
    places: tuple[str, ...],
    *,
    identity: tuple[str, ...],
    signer: tuple[str, ...],
    target: str | None,
    **words: Any,
) -> None:
    """Restore a random sample from every sink of the profile to a temporary place, compare it, and delete it.

    The newest complete backup of each sink is drilled: both zips, some files of every kind, size and year, and some tasks and folders as
    pages for people. They go the way that `restore` goes. What came of it is read again and compared with the checksums, the records and
    the four files, and with what other sinks hold. Nothing in the sinks is changed.

    Without a key, stored bytes of an encrypted backup are compared with SHA256SUMS, and the report says what that does not show.

    PROFILE may also be a folder, or the address of a store, with backups in it. A file that is larger than --bytes is drawn now and
    then, in proportion, so that every file gets its turn.

    Ends with exit code 4 when something is damaged or missing, with 6 when a key does not fit, and with 3 when a sink cannot be reached
    or has no complete backup while others were drilled. Where a key file that is given cannot be read nothing is tried, and the exit
    code is 2.
    """
    from wrikebackup_core.engine.drill import demand_empty

    keep_heaps_small()
    terminal, verifiers = session.terminal, tuple(verifiers_of(signer, session.plugins))
    terminal.interrupted = "nothing was noted; what was restored is deleted" if target is None else None
    keep = None if target is None else expand_home(target)
    if keep is not None:
        demand_empty(keep)
    results: list[Drilled] = []
    codes: list[ExitCode] = []
    for place in places:
        try:
            with open_reading(session, place) as reading:
                job = replace(_job(reading, identity, keep, **words), verifiers=verifiers)
                results += _drilled(reading, job, place)
        except WrikeBackupError as error:
            if len(places) == 1:
                raise
            codes.append(ending(error, terminal, about=without_password(place)))
    _tell(terminal, results)
    raise Ended(_code(results, codes))


def _job(
    reading: Reading,
    identity: Sequence[str],
    keep: Path | None,
    *,
    files: int | None,
    size: int | None,
    pages: int | None,
    older: bool,
    seed: int | None,
) -> DrillJob:
    from wrikebackup_core.engine.drill import DrillJob, Extent

    plugins = reading.session.plugins

    def open_folder(path: Path) -> Any:
        return open_sink(str(path), plugins)

    if keep is not None:
        _refuse_place(reading, keep, open_folder)
    return DrillJob(
        reading.sinks,
        open_folder,
        secrets.randbelow(_SEEDS) if seed is None else seed,
        partial(reading.decoding_at_hand, identity=identity),
        Extent(files, size, pages),
        older=older,
        transfers=reading.profile.transfers if reading.profile else _TRANSFERS,
        keep=keep,
    )


def _refuse_place(reading: Reading, keep: Path, open_folder: Any) -> None:
    """Raises UsageError where restored files would get in among backups."""
    if any(is_account(str(one)) for one in (keep, *keep.absolute().parents)):
        raise UsageError(f"{keep} is in the folder of one account in a sink", hint="give another folder")
    for above in (keep, *keep.absolute().parents):
        to = open_folder(above)
        try:
            for one in reading.sinks:
                if are_one(one, to):
                    raise UsageError(f"{keep} is where the backups are", hint="give another folder")
        finally:
            to.close()


def _drilled(reading: Reading, job: DrillJob, place: str) -> list[Drilled]:
    """Drills, and notes how it went."""
    from wrikebackup_core.engine.drill import drill as engine
    from wrikebackup_core.engine.drill import note
    from wrikebackup_core.profile.reading import default_state

    profile, terminal = reading.profile, reading.session.terminal
    title = profile.name if profile else without_password(place)
    with progress(terminal, title) as notify:
        results = engine(job, notify)
    state = profile.state if profile else default_state()
    ended = datetime.now(UTC)  # one moment for all: of two backups of a sink the one that is not whole counts
    try:
        for result in results:
            note(state, result, ended)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        terminal.warn(f"how the drill went cannot be noted in {state}: {reason}")
    return results


def _code(results: Sequence[Drilled], codes: Sequence[ExitCode]) -> ExitCode:
    """A sink that could not be drilled counts as one that is missing, where others were; else the drill has failed."""
    lost = [one for one in results if one.exit_code is ExitCode.PARTIAL]
    if lost and len(lost) == len(results):
        return worst([ExitCode.FAILED, *codes])
    return worst([*codes, *(one.exit_code for one in results)])


def _tell(terminal: Terminal, results: Sequence[Drilled]) -> None:
    from wrikebackup_core.cli import drill_summary

    for error, hint in dict.fromkeys((one.error, one.hint) for one in results):  # what this host lacks, all sinks lack
        if error is not None:
            terminal.fail(error, hint)
    with reader_may_leave():
        if terminal.json:
            terminal.document({"event": "drilled", "drills": [_facts(one) for one in results]})
            return
        shown = [one for one in results if not terminal.quiet or one.exit_code is not ExitCode.DONE]
        for number, one in enumerate(shown):
            terminal.show(drill_summary.drilled(one, first=not number))


def _facts(one: Drilled) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(one)
    del facts["hashes"], facts["usage"]  # there may be a million; the exit code says it
    return facts | {"rate": one.rate, "exit_code": int(one.exit_code)}
