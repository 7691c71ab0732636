"""`wrikebackup key check`: would the keys that are at hand open what is stored?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from wrikebackup_core.cli.ending import Ended, worst
from wrikebackup_core.cli.reading import Reading, open_reading, with_keys
from wrikebackup_core.cli.session import Session, options
from wrikebackup_core.errors import ExitCode, UsageError, WrikeBackupError

if TYPE_CHECKING:
    from wrikebackup_core.ports import Sink

__all__ = ["key"]


@click.group(short_help="Check the keys that open backups.")
@options
def key() -> None:
    """Keys that open encrypted backups. `wrikebackup keygen` makes one."""


@key.command(short_help="Would this key open the newest backup?")
@click.argument("place")
@with_keys
@options
@click.pass_obj
def check(session: Session, place: str, *, identity: tuple[str, ...]) -> None:
    """Open the newest backup in every sink of PLACE, a profile, a folder or an address, as a restore would, and say whether it can be
    read. Nothing is written anywhere, and little is fetched.

    Ends with exit code 6 where a key does not fit or is lacking.
    """
    codes, results = [ExitCode.DONE], list[dict[str, object]]()
    with open_reading(session, place) as reading:
        for sink in reading.sinks:
            try:
                results.append(_opened(Reading(session, [sink], reading.profile), sink, identity))
            except WrikeBackupError as error:
                reason = error.message.removeprefix(f"{sink.name}: ").removesuffix(f" in {sink.name}")
                session.terminal.fail(f"{sink.name}: {reason}", error.hint)
                codes.append(error.exit_code)
                results.append({"sink": sink.name, "opens": False, "reason": error.message})
    if session.terminal.json:
        session.terminal.document(results)
    raise Ended(worst(codes))


def _opened(reading: Reading, sink: Sink, identity: Sequence[str]) -> dict[str, object]:
    backup = reading.open(None, identity)
    if not backup.decoding.suffix:
        raise UsageError(f"the backup {backup.uid} is not encrypted: it needs no key")
    with backup.archive() as archive:
        names = archive.namelist()
    if not reading.session.terminal.json:
        reading.session.terminal.line(f"{backup.uid} in {sink.name}: opens, and holds {', '.join(names)}")
    return {"sink": sink.name, "backup_uid": backup.uid, "opens": True}
