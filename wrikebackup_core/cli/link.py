"""`wrikebackup link`: an address from which anybody can fetch a backup for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wrikebackup_core.cli.places import named_sink
from wrikebackup_core.cli.session import PATH, Session, options
from wrikebackup_core.cli.shelves import named
from wrikebackup_core.cli.terminal import Terminal
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
    uid: str


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
    from wrikebackup_core.store import AccountStore

    loaded = profiles.load(profile, session.plugins)
    with profiles.open_sinks(loaded, session.plugins) as sinks:
        found = _found(_signing(loaded, sinks, name), backup, session.terminal)
        manifest = AccountStore(found.sink, found.account).manifest(found.uid)
        key = _key(found, manifest, records=records)
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
        url = found.signing.sign(key, days * 24 * 60 * 60)
    if session.terminal.json:
        facts = {"url": url, "key": key, "expires": expires, "sink": found.sink.name}
        session.terminal.document({**facts, "account": found.account, "backup_uid": found.uid})
        return
    what = "records" if records else "archive"
    until = f"until {local_time(expires)}, {plural(days, 'day')} from now"
    session.terminal.say(f"{what} of {found.uid} in {found.sink.name}, {until}; whoever has this address can read it")
    if not key.endswith(".zip"):
        session.terminal.say(f"it is encoded ({_transforms(manifest)}): whoever fetches it has to decode it")
    session.terminal.line(url)


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


def _found(able: Sequence[tuple[Sink, Signing]], backup: str | None, terminal: Terminal) -> _Found:
    """The newest backup of the first sink that has any, or the one that is asked for in the first sink that has it."""
    from wrikebackup_core.store import AccountStore, accounts

    found: list[_Found] = []
    failures: list[WrikeBackupError] = []
    for sink, signing in able:
        try:
            stores = [(account, AccountStore(sink, account)) for account in accounts(sink)]
            held = [_Found(sink, signing, account, uid) for account, store in stores for uid in store.uids()[0]]
        except WrikeBackupError as error:  # another sink may have it
            failures.append(error)
        else:
            found += sorted(held, key=lambda one: one.uid, reverse=True)
            if backup is None and held:
                break
    if not found and failures:
        raise failures[0]
    for failure in failures:
        terminal.warn(failure.message)
    if not found:
        raise UsageError(f"there are no backups in {', '.join(sink.name for sink, _ in able)} yet")
    uid = found[0].uid if backup is None else named([one.uid for one in found], backup)
    return next(one for one in found if one.uid == uid)


def _key(found: _Found, manifest: Manifest, *, records: bool) -> str:
    """Where the file lies. What a manifest says is not trusted to stay inside of its backup."""
    from wrikebackup_core.format import layout

    name = manifest.files.records if records else manifest.files.archive
    if name is None:
        raise UsageError(f"the backup {found.uid} has no records", hint="it was not taken by wrikebackup")
    if "/" in name or name in ("", ".", ".."):
        raise FormatError(
            f"{layout.manifest_key(found.account, found.uid)}: names a file outside of the backup: {name!r}"
        )
    return f"{layout.backup_folder(found.account, found.uid)}/{name}"


def _transforms(manifest: Manifest) -> str:
    return ", ".join(str(one.get("kind")) for one in manifest.transforms) or "by what, the manifest does not say"
