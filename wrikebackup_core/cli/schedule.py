"""`wrikebackup schedule`: has the machine's own scheduler take backups, or is one, for containers."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wrikebackup_core.cli.ending import Ended
from wrikebackup_core.cli.session import PATH, Session, options
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.cli.words import clean
from wrikebackup_core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from wrikebackup_core.profile import Profile
    from wrikebackup_core.schedule import Schedule
    from wrikebackup_core.schedule.errands import Errand

__all__ = ["schedule"]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_KINDS = ("systemd", "crontab", "kubernetes")
_SHOWN = 5


@click.group(short_help="Have backups taken by themselves.")
@options
def schedule() -> None:
    """Have backups taken by themselves, at the times that a profile gives as its `schedule`."""


def _where(function: _Function) -> _Function:
    for option in (
        click.option(
            "--system", is_flag=True, help="systemd: for the machine and not for you. As root that is so anyway."
        ),
        click.option(
            "--as",
            "kind",
            type=click.Choice(_KINDS),
            help="Whose task it is; by default systemd's, and cron's where there is no systemd.",
        ),
    ):
        function = option(function)
    return function


def _what(function: _Function) -> _Function:
    for option in (
        click.option("--namespace", metavar="NAME", help="Kubernetes: the namespace."),
        click.option(
            "--image",
            default="wrikebackup",
            show_default=True,
            help="Kubernetes: the image, as of examples/Dockerfile.",
        ),
        click.option("--run-as", "user", metavar="USER", help="systemd with --system: the user that backups run as."),
    ):
        function = option(function)
    return _where(function)


@schedule.command(short_help="Print what `install` would write.")
@click.argument("profiles", metavar="PROFILE...", nargs=-1, required=True, type=PATH)
@_what
@options
@click.pass_obj
def show(session: Session, /, profiles: tuple[Path, ...], **how: Any) -> None:
    """Print what `install` would write, and the next five times. Writes nothing.

    With `--as kubernetes` what is printed is for `kubectl apply -f -`.
    """
    place, terminal = _Place(session.terminal, **how), session.terminal
    for path in profiles:
        loaded = _loaded(session, path)
        texts = place.texts(loaded)
        if terminal.json:
            runs = [str(run.isoformat()) for run in _next(loaded)]
            files = [{"path": name, "text": text} for name, text in texts.items()]
            terminal.document({"profile": loaded.name, "as": place.kind, "files": files, "next": runs})
            continue
        for name, text in texts.items():
            if place.kind != "kubernetes":
                terminal.line(f"# {name}")
            for line in text.splitlines():
                terminal.line(line)
            if place.kind != "kubernetes":
                terminal.line("")
        terminal.line("# The next times: " + ", ".join(f"{run:%Y-%m-%d %H:%M %Z}" for run in _next(loaded)))


@schedule.command(short_help="Have systemd or cron take backups.")
@click.argument("profiles", metavar="PROFILE...", nargs=-1, required=True, type=PATH)
@_what
@click.option("--force", is_flag=True, help="Overwrite what was edited since.")
@options
@click.pass_obj
def install(session: Session, /, profiles: tuple[Path, ...], *, force: bool, **how: Any) -> None:
    """Have the machine take backups: write a timer and a service of systemd, or a crontab's lines, and say each file and command.

    What is there and was not written by this command, or was edited since, stays as it is. A second time nothing changes.
    """
    place = _Place(session.terminal, **how)
    if place.kind == "kubernetes":
        hint = "wrikebackup schedule show --as kubernetes PROFILE | kubectl apply -f -"
        raise UsageError("a cluster is told by `kubectl`, not by this command", hint=hint)
    loaded = [_loaded(session, path) for path in profiles]  # all of them first
    for one in loaded:
        place.install(one, force=force)
        if session.terminal.json:
            runs = [run.isoformat() for run in _next(one)]
            session.terminal.document(
                {
                    "event": "schedule_installed",
                    "profile": one.name,
                    "as": place.kind,
                    "did": place.told(),
                    "next": runs,
                }
            )
    if not session.terminal.quiet and not session.terminal.json:
        for one in loaded:
            first = next(iter(_next(one)))
            session.terminal.line(f"{one.name}: the next backup is due {first:%Y-%m-%d %H:%M %Z}")


@schedule.command(short_help="Take away what `install` wrote.")
@click.argument("profiles", metavar="PROFILE...", nargs=-1, required=True, type=PATH)
@_where
@click.option("--force", is_flag=True, help="Delete what was edited since, too.")
@options
@click.pass_obj
def remove(session: Session, profiles: tuple[Path, ...], *, force: bool, kind: str | None, system: bool) -> None:
    """Take away what `install` wrote for these profiles, which need not be there any more, and nothing else."""
    place = _Place(session.terminal, kind=kind, system=system)
    if place.kind == "kubernetes":
        hint = "kubectl delete cronjob -l app.kubernetes.io/name=wrikebackup"
        raise UsageError("a cluster is told by `kubectl`, not by this command", hint=hint)
    lefts = []
    for path in profiles:
        lefts.append(place.remove(path, force=force))
        if session.terminal.json:
            session.terminal.document(
                {
                    "event": "schedule_removed",
                    "profile": str(path),
                    "as": place.kind,
                    "did": place.told(),
                    "left": lefts[-1],
                }
            )
    raise Ended(ExitCode.PARTIAL if any(lefts) else ExitCode.DONE)


@schedule.command(short_help="Stay, and take backups at their times.")
@click.argument("profiles", metavar="PROFILE...", nargs=-1, required=True, type=PATH)
@options
@click.pass_obj
def run(session: Session, profiles: tuple[Path, ...]) -> None:
    """Stay, and take backups at their times: for containers, and machines without a scheduler.

    Each backup is a process of its own. On SIGTERM or Ctrl-C the one that is at work is told to stop, which it does without losing what
    it has, and then this ends too. A time that was slept through is made up for. Profiles are read once: start anew after a change.

    Profiles with monitors are looked at once an hour as well, as by `wrikebackup notify check`, also while a backup is at work.
    """
    from wrikebackup_core.cli.keeping_time import keep_time

    keep_time(session.terminal, [_loaded(session, path) for path in profiles])


def _loaded(session: Session, path: Path) -> Profile:
    from wrikebackup_core.cli.errands import scheduled
    from wrikebackup_core.profile import load

    loaded = load(path, session.plugins)
    scheduled(loaded)
    return loaded


def _next(profile: Profile) -> list[datetime]:
    from wrikebackup_core.cli.errands import scheduled
    from wrikebackup_core.schedule import next_runs

    return list(itertools.islice(next_runs(scheduled(profile), datetime.now(UTC)), _SHOWN))


class _Place:
    """Where a schedule is kept: systemd, a crontab, or a cluster."""

    def __init__(
        self,
        terminal: Terminal,
        *,
        kind: str | None,
        system: bool,
        user: str | None = None,
        image: str = "wrikebackup",
        namespace: str | None = None,
    ) -> None:
        from wrikebackup_core.schedule.installing import runs_systemd

        self._terminal = terminal
        self._told: list[str] = []
        self.kind = kind or ("systemd" if runs_systemd() or shutil.which("crontab") is None else "crontab")
        self._system = system or (hasattr(os, "geteuid") and os.geteuid() == 0)
        self._user, self._image, self._namespace = user, image, namespace
        if user is not None and not self._system:
            raise UsageError("--run-as needs --system", hint="units of your own run as you")

    def texts(self, profile: Profile) -> dict[str, str]:
        """What would be written, by where."""
        from wrikebackup_core.schedule import crontab, kubernetes

        if self.kind == "systemd":
            return {str(path): text for path, text in self._units(self._errands(profile)).items()}
        if self.kind == "crontab":
            return {"in the crontab": crontab.block(self._for_cron(profile))}
        return {"manifest": kubernetes.manifest(self._errands(profile), image=self._image, namespace=self._namespace)}

    def install(self, profile: Profile, *, force: bool) -> None:
        from wrikebackup_core.cli.ready import doubts, refuse_shared_state, refuse_unready
        from wrikebackup_core.schedule import installing

        if self.kind == "crontab":
            cron = self._for_cron(profile)
            self._warn_of_what_cron_lacks(cron[0])
            installing.install_crontab(cron, force=force, tell=self._tell)
            return
        found = self._errands(profile)
        if self._system:
            refuse_unready(found[0], self._user)
            refuse_shared_state(found[0], self._user, installing.unit_folder(system=True))
        if self._system and self._user is None:
            self._terminal.warn("backups will run as root", "make a user for them, and name it: --run-as wrikebackup")
        units = self._units(found)
        installing.install_units(units, found[0].profile, system=self._system, force=force, tell=self._tell)
        for doubt, hint in doubts(found[0], system=self._system):
            self._terminal.warn(doubt, hint)

    def remove(self, profile: Path, *, force: bool) -> int:
        from wrikebackup_core.schedule import installing
        from wrikebackup_core.schedule.errands import named

        path = named(profile)
        if self.kind == "crontab":
            return installing.remove_crontab(path, force=force, tell=self._tell)
        folder = installing.unit_folder(system=self._system)
        return installing.remove_units(folder, path, system=self._system, force=force, tell=self._tell)

    def _errands(self, profile: Profile) -> list[Errand]:
        from wrikebackup_core.cli.errands import errands

        user = self._user if self.kind == "systemd" else None
        return errands(profile, quiet=self.kind == "crontab", container=self.kind == "kubernetes", user=user)

    def _for_cron(self, profile: Profile) -> list[Errand]:
        found = self._errands(profile)
        _in_this_zone(profile, found[0].schedule)
        return found

    def _units(self, found: list[Errand]) -> dict[Path, str]:
        from wrikebackup_core.schedule import systemd
        from wrikebackup_core.schedule.errands import mark
        from wrikebackup_core.schedule.installing import unit_folder

        folder, units = unit_folder(system=self._system), dict[Path, str]()
        for errand in found:
            service = systemd.service(errand, system=self._system, user=self._user)
            units[folder / f"wrikebackup-{errand.name}.service"] = mark(service, errand.profile)
            units[folder / f"wrikebackup-{errand.name}.timer"] = mark(systemd.timer(errand), errand.profile)
        return units

    def _warn_of_what_cron_lacks(self, errand: Errand) -> None:
        if errand.variables:
            names = ", ".join(errand.variables)
            where = "the crontab: NAME=VALUE lines above, which every program of yours can read"
            self._terminal.warn(
                f"{errand.profile} takes {names} from the environment, which a scheduler does not have",
                f"put them into {where}; better still, use file:",
            )
        if errand.credentials:
            names = ", ".join(errand.credentials)
            self._terminal.warn(f"{errand.profile} takes {names} from systemd, which cron is not", "use file: instead")

    def told(self) -> list[str]:
        """For JSON: each file and command, since this was asked before."""
        told, self._told = self._told, []
        return told

    def _tell(self, text: str) -> None:
        if self._terminal.json:
            self._told.append(text)
        elif not self._terminal.quiet:
            self._terminal.line(clean(text))


def _in_this_zone(profile: Profile, wanted: Schedule) -> None:
    """Raises UsageError where a crontab, which knows no time zones, would run at other times."""
    from wrikebackup_core.zones import machine_zone

    here = machine_zone()
    if wanted.time_zone is None or wanted.time_zone == getattr(here, "key", None):
        return
    hours = (datetime.now(UTC).timestamp() + 3600 * number for number in range(366 * 24))
    for hour in hours:
        moment = datetime.fromtimestamp(hour, UTC)
        if moment.astimezone(wanted.zone).utcoffset() != moment.astimezone(here).utcoffset():
            hint = (
                f"leave `time_zone` out, which is then that of this machine ({here}); systemd and Kubernetes can do it"
            )
            raise UsageError(f"{profile.path}: a crontab cannot run in the time zone {wanted.time_zone}", hint=hint)
