"""`wrikebackup doctor`: tries everything that a run needs, and says what to do about what fails."""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wrikebackup_core.cli.ending import Ended
from wrikebackup_core.cli.other_runs import account_of, other_runs
from wrikebackup_core.cli.secret_checks import secret_checks
from wrikebackup_core.cli.session import PATH, Session, options
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.cli.words import clean, size
from wrikebackup_core.errors import ExitCode, WrikeBackupError
from wrikebackup_core.monitors import Monitor
from wrikebackup_core.ports import Check, Sink, Source

if TYPE_CHECKING:
    from rich.table import Table

    from wrikebackup_core.plugins import Plugins
    from wrikebackup_core.profile import Profile
    from wrikebackup_core.transforms import Transform

__all__ = ["checks_of", "doctor", "print_checks"]

_LITTLE_ROOM = 1 << 30  # bytes; the spool of a million tasks takes a few times this


@click.command(short_help="Try everything that a run needs.")
@click.argument("profile", type=PATH)
@options
@click.pass_obj
def doctor(session: Session, profile: Path) -> None:
    """Try everything that a run needs: token and rights, sinks, keys, plugins, the state folder. Stores nothing."""
    from wrikebackup_core.profile import load

    loaded = load(profile, session.plugins)
    groups = _groups(loaded, session.plugins)
    terminal, done = session.terminal, list[tuple[str, Check]]()
    for title, checks in groups:
        told = list(checks)
        done += ((title, check) for check in told)
        if not terminal.json:
            print_checks(terminal, title, [one for one in told if not terminal.quiet or one.ok is False])
    failed = sum(check.ok is False for _, check in done)
    if terminal.json:
        plain = [
            {"part": title, "name": one.name, "ok": one.ok, "detail": one.detail, "hint": one.hint}
            for title, one in done
        ]
        terminal.document({"ok": not failed, "checks": plain})
    raise Ended(ExitCode.FAILED if failed else ExitCode.DONE)


def _groups(profile: Profile, plugins: Plugins) -> Iterator[tuple[str, Iterable[Check]]]:
    """Lazily: each is printed before the next is tried."""
    from wrikebackup_core.profile import part_context

    context = part_context(profile, plugins)
    yield "this machine", _machine(profile, plugins)
    yield "secrets", secret_checks(profile, plugins)
    kind, options_ = profile.source.kind, profile.source.options
    yield f"source {kind}", checks_of(lambda: plugins.make_source(kind, options_, context))
    account = functools.cache(lambda: account_of(functools.partial(plugins.make_source, kind, options_, context)))
    for part in profile.sinks:
        make = functools.partial(plugins.make_sink, part.kind, part.options, context)
        yield f"sink {part.kind}", itertools.chain(checks_of(make), other_runs(make, account))
    transforms = (
        _transform(part.kind, functools.partial(plugins.make_transform, part.kind, part.options, context))
        for part in profile.transforms
    )
    if profile.transforms:
        yield "transforms", itertools.chain.from_iterable(transforms)
    for part in profile.monitors:
        monitor = functools.partial(plugins.make_monitor, part.kind, part.options, context)
        yield f"monitor {part.kind}", checks_of(monitor)


def checks_of(make: Callable[[], Source | Sink | Monitor]) -> Iterator[Check]:
    """The checks of a part. One that cannot even be opened, or breaks its promise not to raise, is a failed check."""
    try:
        part = make()
    except Exception as error:  # noqa: BLE001 - that is what the doctor is for
        yield _failed("opens", error)
        return
    try:
        yield from part.checks()
    except Exception as error:  # noqa: BLE001
        yield _failed("checks", error)
    finally:
        part.close()


def _transform(name: str, make: Callable[[], Transform]) -> Iterator[Check]:
    try:
        transform = make()
    except Exception as error:  # noqa: BLE001
        yield _failed(name, error)
        return
    yield Check(name, True, "opens")
    try:
        yield from transform.checks()
    except Exception as error:  # noqa: BLE001
        yield _failed(name, error)


def _failed(name: str, error: Exception) -> Check:
    if isinstance(error, WrikeBackupError):
        return Check(name, False, error.message, error.hint)
    return Check(name, False, f"{type(error).__name__}: {error}")


def _machine(profile: Profile, plugins: Plugins) -> Iterator[Check]:
    for broken in plugins.broken:
        # Whether the profile needs it is told by whether it loads; it did.
        yield Check(f"plugin {broken.name}", None, f"set aside: {broken.reason}", f"it is of {broken.distribution}")
    yield _state(profile.state)
    yield from _room(profile.state)


def _state(state: Path) -> Check:
    hint = "give `state:` in the profile a folder that you may write to"
    folder = _existing(state)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"probe")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Check("state folder", False, f"{folder}: {(error.strerror or str(error)).lower()}", hint)
    where = str(state) if folder == state else f"{state}, to be made below {folder}"
    return Check("state folder", True, f"writable: {where}")


def _room(state: Path) -> Iterator[Check]:
    try:
        free = shutil.disk_usage(_existing(state)).free
    except OSError as error:
        yield Check("room for the spool", None, (error.strerror or str(error)).lower())
        return
    enough = True if free >= _LITTLE_ROOM else None
    hint = None if enough else "the spool takes about 4 kB for each task"
    yield Check("room for the spool", enough, f"{size(free)} free", hint)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that there is."""
    folder = folder.absolute()
    while not folder.is_dir() and folder.parent != folder:
        if folder.exists():
            return folder  # a file is in the way: the probe will say so
        folder = folder.parent
    return folder


def print_checks(terminal: Terminal, title: str, checks: Iterable[Check]) -> None:
    """A table of checks on stdout, hints below what they are for."""
    from rich.text import Text

    table = _table()
    for check in checks:
        mark = {True: ("ok", "green"), False: ("failed", "bold red"), None: ("unsure", "yellow")}[check.ok]
        detail = Text(clean(check.detail))
        if check.hint:
            detail.append(f"\nhint: {clean(check.hint)}", "dim")
        table.add_row(Text(*mark), Text(clean(check.name)), detail)
    if table.row_count:
        terminal.show(Text(clean(title), "bold"))
        terminal.show(table)


def _table() -> Table:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(width=8, no_wrap=True)
    table.add_column(min_width=18, max_width=32, overflow="fold")
    table.add_column(overflow="fold")
    return table
