"""Who bears a lease, and whether a bearer that was on this machine is still there."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from wrikebackup_core.format.leases import Lease

__all__ = ["Bearer", "is_gone", "process"]

_PROC = Path("/proc")
_STARTED = 19  # the field of /proc/<pid>/stat, counted behind the command's name, which may hold anything


@dataclass(frozen=True, slots=True)
class Bearer:
    """`doing` is the command and `owner` whose notes rely on what is in the sink: a spool's name, else the command again."""

    doing: str
    owner: str
    run: str = ""
    profile: str = ""
    host: str = ""

    @property
    def shown_host(self) -> str:
        return self.host or platform.node()


def process() -> str:
    """This process, in words that no other has on any machine; empty where the system does not tell (only Linux does)."""
    return _described(os.getpid()) or ""


def is_gone(lease: Lease) -> bool:
    """Whether it is certain that the process that wrote a lease has ended: it ran on this machine, since its last start.

    Containers share the machine's boot id and differ by their process namespace, where a pid comes again; the start time does not.
    """
    here = process().split(":")[:2]
    return bool(here[0]) and lease.process.split(":")[:2] == here and _described(lease.pid) != lease.process


def _described(pid: int) -> str | None:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        namespace = (_PROC / "self/ns/pid").readlink().name.strip("pid:[]")
        stat = (_PROC / str(pid) / "stat").read_text()
    except (OSError, ValueError):
        return None
    started = stat.rpartition(")")[2].split()[_STARTED]
    return f"{boot}:{namespace}:{pid}:{started}"
