"""The program: the group of all commands, and the way from a command line to an exit code."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import click

from wrikebackup_core.cli.backup import backup
from wrikebackup_core.cli.backups import list_, show
from wrikebackup_core.cli.cat import cat
from wrikebackup_core.cli.copy import copy
from wrikebackup_core.cli.diff import diff
from wrikebackup_core.cli.doctor import doctor
from wrikebackup_core.cli.drill import drill
from wrikebackup_core.cli.ending import ending
from wrikebackup_core.cli.find import find
from wrikebackup_core.cli.init import init
from wrikebackup_core.cli.installed import plugins as plugins_
from wrikebackup_core.cli.key import key
from wrikebackup_core.cli.link import link
from wrikebackup_core.cli.logs import FORMAT_VARIABLE, FORMATS, JsonLines
from wrikebackup_core.cli.notify import notify
from wrikebackup_core.cli.pin import pin, unpin
from wrikebackup_core.cli.profiles import profile
from wrikebackup_core.cli.prune import prune
from wrikebackup_core.cli.report import report
from wrikebackup_core.cli.restore import restore
from wrikebackup_core.cli.schedule import schedule
from wrikebackup_core.cli.session import Session, give_options, options
from wrikebackup_core.cli.status import status
from wrikebackup_core.cli.terminal import Terminal, logging_to
from wrikebackup_core.cli.unlock import unlock
from wrikebackup_core.cli.verify import verify
from wrikebackup_core.errors import ExitCode, UsageError
from wrikebackup_core.masking import forget_secrets
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.version import __version__

__all__ = ["command", "run"]


class _InOrder(click.Group):
    """Lists its commands in the order in which one needs them, those of plugins last."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # click would break the line, which is no line of a log
            if ctx.obj.terminal.lines is None:
                click.echo(err=True)
            raise click.Abort from None


def command(plugins: Plugins | None = None) -> click.Group:
    """The click group with all commands. Raises PluginError when two plugins want one name."""

    @click.group(
        name="wrikebackup",
        cls=_InOrder,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    @click.version_option(__version__, message="%(prog)s %(version)s")
    @options
    def wrikebackup() -> None:
        """Back up Wrike accounts, in the layout of Wrike's own backup tool.

        A profile, one YAML file, says what is backed up and to where: `wrikebackup init` writes one.
        """

    for one in (
        init,
        backup,
        status,
        notify,
        schedule,
        list_,
        show,
        cat,
        find,
        diff,
        verify,
        drill,
        restore,
        copy,
        prune,
        pin,
        unpin,
        report,
        unlock,
        link,
        key,
        profile,
        doctor,
        plugins_,
    ):
        wrikebackup.add_command(one)
    ours = set(wrikebackup.commands)
    (plugins or Plugins.load()).add_commands(wrikebackup)
    for name in wrikebackup.commands.keys() - ours:
        give_options(wrikebackup.commands[name])
    return wrikebackup


def run(arguments: Sequence[str]) -> int:
    """Runs one command line. Returns the exit code, and raises nothing."""
    terminal = Terminal()
    forget_secrets()
    with contextlib.suppress(ValueError):  # not in the main thread: whoever calls us there handles signals
        for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):  # the last one is Windows'
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _stop)
    try:
        plugins = Plugins.load()
        group = command(plugins)
        with logging_to(terminal):
            _as_environment_says(terminal)
            group.main(list(arguments), "wrikebackup", standalone_mode=False, obj=Session(terminal, plugins))
            sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - the one place where everything ends
        code = ending(error, terminal)
    else:
        code = ExitCode.DONE
    terminal.log(
        "info" if code is ExitCode.DONE else "error", f"ended with exit code {code}", event="exit", exit_code=int(code)
    )
    return int(code)


def _as_environment_says(terminal: Terminal) -> None:
    wanted = os.environ.get(FORMAT_VARIABLE)
    if wanted and wanted not in FORMATS:
        raise UsageError(f"{FORMAT_VARIABLE} is {wanted!r}", hint=f"it may be {' or '.join(FORMATS)}")
    terminal.lines = JsonLines() if wanted == "json" else None


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
