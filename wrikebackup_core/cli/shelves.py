"""What sinks hold, account by account, and which backup somebody means by a name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wrikebackup_core.errors import UsageError
from wrikebackup_core.model import Backup

if TYPE_CHECKING:
    from wrikebackup_core.ports import Sink

__all__ = ["Shelf", "named", "shelves"]


@dataclass(frozen=True, slots=True)
class Shelf:
    """One account in one sink."""

    sink: Sink
    account: str
    backups: Sequence[Backup]
    unfinished: Sequence[str]


def shelves(sink: Sink) -> Iterator[Shelf]:
    """What a sink holds, account by account. Raises SinkError."""
    from wrikebackup_core.store import AccountStore, accounts

    for account in accounts(sink):
        yield Shelf(sink, account, *AccountStore(sink, account).contents())


def named(uids: Collection[str], wanted: str) -> str:
    """The one of the uids that is `wanted` or starts so. Raises UsageError where that is none, or several."""
    fitting = sorted({uid for uid in uids if wanted and uid.startswith(wanted)})
    if wanted in fitting:
        return wanted
    if len(fitting) > 1:
        raise UsageError(f"several backups start with {wanted}", hint=f"they are {', '.join(fitting[:5])}")
    if not fitting:
        newest = ", ".join(sorted(set(uids))[:-4:-1])
        raise UsageError(f"there is no backup {wanted}", hint=f"the newest ones are {newest}" if newest else None)
    return fitting[0]
