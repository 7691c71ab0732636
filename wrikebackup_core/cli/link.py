"""`wrikebackup link`: an address from which anybody can fetch a backup for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wrikebackup_core.cli.places import named_sink
from wrikebackup_core.cli.reading import Reading
from wrikebackup_core.cli.session import PATH, Session, options
from wrikebackup_core.cli.words import local_time, plural
from wrikebackup_core.errors import FormatError, UsageError, WrikeBackupError

if TYPE_CHECKING:
    from wrikebackup_core.format.manifest import Manifest
    from wrikebackup_core.ports import Signing, Sink
    from wrikebackup_core.profile import Profile

__all__ = ["link"]

_WEEK = 7  # days, as the links of Wrike's own tool
_MOST = 36_500
_KINDS = "sinks of the kinds s3 and gcs can"


@dataclass(frozen=True, slots=True)
class _Found:
    """A committed backup in a sink that can sign."""

    sink: Sink
    signing: Signing
    account: str
    manifest: Manifest

    @property
    def uid(self) -> str:
        return self.manifest.backup_uid


@click.command(short_help="Give out an address of a backup.")
@click.argument("profile", type=PATH)
@click.argument("backup", required=False)
@click.option(
    "--days",
    type=click.IntRange(1, _MOST),
    default=_WEEK,
    show_default=True,
    help="How long it can be fetched; a store may allow less.",
)
@click.option("--records", is_flag=True, help="The zip of all records instead of the archive.")
@click.option("--sink", "name", metavar="SINK", help="Where from. By default the first sink that can sign addresses.")
@options
@click.pass_obj
def link(session: Session, profile: Path, backup: str | None, *, days: int, records: bool, name: str | None) -> None:
    """Print an address from which anybody can fetch a backup's archive for some days, without an account at the store.

    The newest backup in the sink, or BACKUP; the beginning of its name will do. The address is a secret: whoever has it needs nothing
    else. Attachments are not in the archive. Only stores that can sign addresses can do this: sinks of the kinds s3 and gcs.

    SINK is a sink of the profile, by its kind, its number (1 is the first) or its name as `list` shows it.
    """
    from wrikebackup_core import profile as profiles

    loaded = profiles.load(profile, session.plugins)
    with profiles.open_sinks(loaded, session.plugins) as sinks:
        found = _found(session, _signing(loaded, sinks, name), backup)
        key = _key(found, records=records)
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
        url = found.signing.sign(key, days * 24 * 60 * 60)
    if session.terminal.json:
        facts = {"url": url, "key": key, "expires": expires, "sink": found.sink.name}
        whole = {**facts, "account": found.account, "backup_uid": found.uid}
        session.terminal.document(whole, secret=True)
        return
    what = "records" if records else "archive"
    until = f"until {local_time(expires)}, {plural(days, 'day')} from now"
    session.terminal.say(f"{what} of {found.uid} in {found.sink.name}, {until}; whoever has this address can read it")
    if not key.endswith(".zip"):
        session.terminal.say(f"it is encoded ({_transforms(found.manifest)}): whoever fetches it has to decode it")
    session.terminal.line(url, secret=True)


def _signing(profile: Profile, sinks: Sequence[Sink], name: str | None) -> list[tuple[Sink, Signing]]:
    """Those of the profile's sinks that can sign, in its order; of `name` alone, if it is given."""
    from wrikebackup_core.ports import Signing

    chosen = sinks if name is None else [named_sink(profile, sinks, name)]
    able: list[tuple[Sink, Signing]] = [(sink, sink) for sink in chosen if isinstance(sink, Signing)]
    if not able:
        who = f"the sink {chosen[0].name}" if name is not None else f"{profile.path}: no sink"
        verb = "cannot sign addresses" if name is not None else "can sign addresses"
        raise UsageError(f"{who} {verb} for others to read from", hint=_KINDS)
    return able


def _found(session: Session, able: Sequence[tuple[Sink, Signing]], backup: str | None) -> _Found:
    """The newest backup that can be made out of the first sink that has any, or the one that is asked for in the first sink that has it."""
    failures: list[WrikeBackupError] = []
    for sink, signing in able:
        try:
            _, account, manifest = Reading(session, [sink]).manifest(backup)
        except WrikeBackupError as error:  # another sink may have it
            failures.append(error)
            continue
        for failure in failures:
            if not isinstance(failure, UsageError):  # which says that there is no such backup
                session.terminal.warn(failure.message)
        return _Found(sink, signing, account, manifest)
    raise next((failure for failure in failures if not isinstance(failure, UsageError)), failures[0])


def _key(found: _Found, *, records: bool) -> str:
    """Where the file lies. What a manifest says is not trusted to stay inside of its backup."""
    from wrikebackup_core.format import layout

    name = found.manifest.files.records if records else found.manifest.files.archive
    if name is None:
        raise UsageError(f"the backup {found.uid} has no records", hint="it was not taken by wrikebackup")
    if "/" in name or name in ("", ".", ".."):
        raise FormatError(
            f"{layout.manifest_key(found.account, found.uid)}: names a file outside of the backup: {name!r}"
        )
    return f"{layout.backup_folder(found.account, found.uid)}/{name}"


def _transforms(manifest: Manifest) -> str:
    return ", ".join(str(one.get("kind")) for one in manifest.transforms) or "by what, the manifest does not say"
