"""Units of systemd: a service that runs the command once, and a timer that starts it."""

from __future__ import annotations

from collections.abc import Iterator

from wrikebackup_core.errors import ExitCode, UsageError
from wrikebackup_core.schedule.calendars import calendar_events
from wrikebackup_core.schedule.errands import Errand

__all__ = ["USER_CREDENTIALS", "environment_file", "service", "timer"]

USER_CREDENTIALS = ".config/credstore"
"""The folder, below a user's home, from which units of theirs are handed credentials."""

_ALWAYS = """\
# What the run cannot do, whatever happens in it.
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
UMask=0077
"""
# A manager of a user cannot do these without user namespaces, which several systems deny. ProcSubset=pid is left out: it would hide the
# boot id, by which another run knows at once that the process of a lease has been killed.
_SYSTEM = """\
ProtectSystem=strict
ProtectHome=read-only
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
PrivateTmp=yes
PrivateDevices=yes
CapabilityBoundingSet=
AmbientCapabilities=
RemoveIPC=yes
KeyringMode=private
"""


def service(errand: Errand, *, system: bool, user: str | None = None) -> str:
    """The service. `system`: for the manager of the machine, run as `user`; else for that of a user. Raises UsageError for a program that
    systemd does not run.
    """
    if any(char in "\\\"'" or not char.isprintable() for char in errand.words[0]):
        hint = "install wrikebackup below another folder"
        raise UsageError(f"systemd runs no program with quotes in its path: {errand.words[0]}", hint=hint)
    return "\n".join([*_unit(errand), *_process(errand, system=system, user=user), *_fences(errand, system=system), ""])


def _unit(errand: Errand) -> Iterator[str]:
    yield "[Unit]"
    yield f"Description={_text(errand.title)}"
    yield "Wants=network-online.target"
    yield "After=network-online.target remote-fs.target"
    if errand.mounts:
        yield f"RequiresMountsFor={' '.join(map(_word, errand.mounts))}"
    yield ""


def _process(errand: Errand, *, system: bool, user: str | None) -> Iterator[str]:
    yield "[Service]"
    yield "Type=oneshot"
    if system and user is not None:
        yield f"User={_text(user)}"
    if errand.folder is not None:
        yield f"WorkingDirectory={_text(errand.folder)}"
    if system and errand.state is None:
        yield "# The work of a run that is not finished: /var/lib/wrikebackup"
        yield "StateDirectory=wrikebackup"
        yield "StateDirectoryMode=0700"
        yield "Environment=XDG_STATE_HOME=%S"
    if errand.variables:
        yield f"# {', '.join(map(_text, errand.variables))}: a line NAME=VALUE for each, in a file of mode 0600"
        # With the dash a file that is not there stops nothing: the run itself says which variable it lacks.
        yield f"EnvironmentFile=-{environment_file(errand, system=system)}"
    for name in errand.credentials:
        # Of the machine: from a folder credstore of systemd's. The manager of a user looks into none, or into those that it may not read.
        where = "" if system else f":%h/{USER_CREDENTIALS}/{_text(name)}"
        yield f"LoadCredential={_text(name)}{where}"
    # With the colon nothing in the words is taken for a variable.
    yield f"ExecStart=:{' '.join(map(_word, errand.words))}"
    yield "TimeoutStopSec=2min"
    yield "# A run that was told to stop, which the next one goes on with, has not failed."
    yield f"SuccessExitStatus={int(ExitCode.INTERRUPTED)}"
    yield "Nice=10"
    yield "IOSchedulingClass=idle"
    yield ""


def environment_file(errand: Errand, *, system: bool) -> str:
    """Where the services of a profile look for variables of the environment, as a unit writes it: one file for all of them."""
    return f"/etc/wrikebackup/{errand.base}.env" if system else f"%h/.config/wrikebackup/{errand.base}.env"


def _fences(errand: Errand, *, system: bool) -> Iterator[str]:
    yield _ALWAYS.rstrip()
    if system:
        yield _SYSTEM.rstrip()
        folders = [*([errand.state] if errand.state is not None else []), *errand.writes]
        if folders:
            # With the dash a folder that is gone stops nothing: the run begins, tells whoever is to hear of it, and has its other sinks.
            yield f"ReadWritePaths={' '.join(_word(folder, '-') for folder in folders)}"


def timer(errand: Errand) -> str:
    """The timer. A run that the machine slept through is made up for."""
    delay = f"{errand.schedule.random_delay.total_seconds():.0f}"
    return "\n".join(
        [
            "[Unit]",
            f"Description={_text(errand.title)}: {_text(errand.schedule.expression)}",
            "",
            "[Timer]",
            *(f"OnCalendar={event}" for event in calendar_events(errand.schedule)),
            "Persistent=true",
            *([f"RandomizedDelaySec={delay}"] if delay != "0" else []),
            "AccuracySec=1min",
            "",
            "[Install]",
            "WantedBy=timers.target",
            "",
        ]
    )


def _text(text: str) -> str:
    """To the end of a line: only specifiers mean something there."""
    return text.replace("%", "%%")


def _word(text: str, sign: str = "") -> str:
    """One of several words, in quotes where it must be, with a sign of systemd's ahead."""
    plain = _text(text)
    if plain and all(char.isalnum() or char in "/._-+=:@,%" for char in plain) and plain[0] not in "-@:+!":
        return sign + plain
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{sign}' + "".join(char if char.isprintable() else _bytes(char) for char in escaped) + '"'


def _bytes(char: str) -> str:
    """`\\x` stands for a byte, of which some characters have several."""
    return "".join(f"\\x{byte:02x}" for byte in char.encode(errors="surrogateescape"))
