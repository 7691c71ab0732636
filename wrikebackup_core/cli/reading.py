"""What commands that read backups share: where they are, which one is meant, and the keys to open it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import click

from wrikebackup_core.addresses import without_password
from wrikebackup_core.cli.ending import Ended, ending
from wrikebackup_core.cli.places import is_account, named_sink
from wrikebackup_core.cli.session import Session
from wrikebackup_core.cli.shelves import named
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.errors import (
    ExitCode,
    FormatError,
    KeyRefused,
    PluginError,
    SinkError,
    UsageError,
    WrikeBackupError,
)
from wrikebackup_core.masking import keep_secret
from wrikebackup_core.ports import Context
from wrikebackup_core.transforms import Keys

if TYPE_CHECKING:
    from wrikebackup_core.decoding import Decoding
    from wrikebackup_core.engine.opened import OpenBackup
    from wrikebackup_core.format.manifest import Manifest
    from wrikebackup_core.plugins import Plugins
    from wrikebackup_core.ports import Sink
    from wrikebackup_core.profile import Profile
    from wrikebackup_core.transforms import Transform

__all__ = ["IDENTITY", "Held", "Reading", "answering", "keys", "open_reading", "open_sink", "with_keys"]

IDENTITY = "WRIKEBACKUP_IDENTITY"
"""The environment variable with key files, as `--identity` takes them; several with the separator of PATH between them."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def with_keys(function: _Function) -> _Function:
    """The option `--identity`, handed on as `identity`."""
    return click.option(
        "-i",
        "--identity",
        multiple=True,
        metavar="FILE",
        help=f"A key file that opens the backup; may be given several times. Else ${IDENTITY}, else what the profile names.",
    )(function)


def keys(identity: Sequence[str], terminal: Terminal) -> Keys:
    """The key files of the command line, else of the environment, and a way to ask whoever sits at the terminal."""
    files = identity or [file for file in os.environ.get(IDENTITY, "").split(os.pathsep) if file]
    return Keys(tuple(files), partial(_ask, terminal), terminal.warn)


def _ask(terminal: Terminal, question: str) -> str | None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    with terminal.paused():
        answer: str = click.prompt(question, hide_input=True, err=True, default="", show_default=False)
    return keep_secret(answer) or None


@dataclass(frozen=True, slots=True)
class Held:
    """A backup, and where it is: in `sink`, and in `others` too."""

    sink: Sink
    account: str
    uid: str
    others: tuple[Sink, ...] = ()

    def manifest(self, warn: Callable[[str], None]) -> tuple[Sink, Manifest]:
        """From the first sink where it can be made out; what was wrong in those before it is told. Raises what the first one raised:
        KeyNotFound, SinkError, FormatError."""
        failures: list[WrikeBackupError] = []
        for sink in (self.sink, *self.others):
            try:
                manifest = self._manifest_in(sink)
            except (SinkError, FormatError) as error:
                failures.append(error)
                continue
            for failure in failures:
                warn(f"{failure.message}: {self.uid} is read from {sink.name} instead")
            return sink, manifest
        raise failures[0]

    def _manifest_in(self, sink: Sink) -> Manifest:
        from wrikebackup_core.format import layout
        from wrikebackup_core.store import AccountStore

        manifest = AccountStore(sink, self.account).manifest(self.uid)
        if manifest.backup_uid != self.uid:
            key = layout.manifest_key(self.account, self.uid)
            raise FormatError(f"{key}: is of backup {manifest.backup_uid}, not {self.uid}")
        return manifest


@dataclass(frozen=True, slots=True)
class Reading:
    """Open sinks to read from, and the profile that names them, if one does."""

    session: Session
    sinks: Sequence[Sink]
    profile: Profile | None = None

    def backups(self) -> list[Held]:
        """What there is, oldest first, each once. A sink that does not answer is told of. Raises UsageError, SinkError."""
        from wrikebackup_core.store import AccountStore, accounts

        found: dict[tuple[str, str], Held] = {}
        failures: list[WrikeBackupError] = []
        for sink in self.sinks:
            try:
                for account in accounts(sink):
                    for uid in AccountStore(sink, account).uids()[0]:
                        held = found.get((uid, account))
                        found[uid, account] = (
                            Held(sink, account, uid) if held is None else replace(held, others=(*held.others, sink))
                        )
            except WrikeBackupError as error:
                failures.append(error)
        if not found and failures:
            raise failures[0]
        for failure in failures:
            self.session.terminal.warn(failure.message)
        if not found:
            raise UsageError(
                f"there are no backups in {', '.join(sink.name for sink in self.sinks)}",
                hint="those of Wrike's own tool are read by `restore`, and taken over by `copy --from`",
            )
        return [found[key] for key in sorted(found)]

    def manifest(self, backup: str | None) -> tuple[Sink, str, Manifest]:
        """The newest backup that can be made out, or the one whose uid starts so: the sink, the account, its manifest.

        A sink that does not answer or where it is damaged is told of, and the next one is asked; so is a backup that no sink has a whole
        manifest of, and the one before it is taken, unless it was asked for. Raises UsageError, SinkError, FormatError.
        """
        warn, held = self.session.terminal.warn, self.backups()
        if backup is not None:
            uid = named([one.uid for one in held], backup)
            one = next(one for one in held if one.uid == uid)
            sink, manifest = one.manifest(warn)
            return sink, one.account, manifest
        failures: list[WrikeBackupError] = []
        for one in reversed(held):
            try:
                sink, manifest = one.manifest(warn)
            except (SinkError, FormatError) as error:
                failures.append(error)
                continue
            for failure in failures:
                warn(f"{failure.message}: {one.uid} is read instead, which is older")
            return sink, one.account, manifest
        raise failures[0]

    def open(self, backup: str | None, identity: Sequence[str]) -> OpenBackup:
        """The backup with what opens it. Raises as `manifest` does, and KeyRefused."""
        return self._opened(*self.manifest(backup), identity)

    def open_held(self, held: Held, identity: Sequence[str]) -> OpenBackup:
        """One of `backups` with what opens it. Raises SinkError, FormatError, KeyRefused."""
        sink, manifest = held.manifest(self.session.terminal.warn)
        return self._opened(sink, held.account, manifest, identity)

    def _opened(self, sink: Sink, account: str, manifest: Manifest, identity: Sequence[str]) -> OpenBackup:
        from wrikebackup_core.engine.opened import OpenBackup

        return OpenBackup(sink, account, manifest, self.decoding(manifest, identity))

    def decoding(self, manifest: Manifest, identity: Sequence[str]) -> Decoding:
        """What undoes the transforms of a backup: with the keys that are given, else with those that the profile names."""
        given = keys(identity, self.session.terminal)
        return self._decoding(manifest, given, self._transforms(given))

    def _decoding(self, manifest: Manifest, given: Keys, made: Mapping[str, Transform]) -> Decoding:
        from wrikebackup_core.decoding import Decoding

        encoding = [one for one in manifest.transforms if one.get("suffix")]
        missing = [one for one in encoding if one.get("kind") not in made]
        others = iter(self.session.plugins.make_decoders(missing, given))
        return Decoding([made.get(str(one.get("kind"))) or next(others) for one in encoding])

    def decoding_at_hand(self, manifest: Manifest, identity: Sequence[str]) -> Decoding | None:
        """The same, and None where no keys are given and nothing here can undo the transforms."""
        given = keys(identity, self.session.terminal)
        made = self._transforms(given)
        try:
            return self._decoding(manifest, given, made)
        except (KeyRefused, PluginError, UsageError):
            if given.files:
                raise
            return None

    def _transforms(self, given: Keys) -> dict[str, Transform]:
        """Those of the profile that can decode with the keys that it names itself, if no others are given."""
        from wrikebackup_core.profile import part_context

        if self.profile is None or given.files:
            return {}
        context, plugins = part_context(self.profile, self.session.plugins), self.session.plugins
        decoders = [part for part in self.profile.transforms if plugins.transforms[part.kind].decoder is not None]
        made = {part.kind: plugins.make_transform(part.kind, part.options, context) for part in decoders}
        return {kind: transform for kind, transform in made.items() if transform.suffix and transform.has_keys}


@contextlib.contextmanager
def answering(terminal: Terminal) -> Iterator[None]:
    """For commands whose exit code 1 is an answer, as grep's and diff's is: what fails there ends with 3 instead, or a code of its own."""
    try:
        yield
    except (Ended, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, its code must not be taken for an answer
        code = ending(error, terminal)
        raise Ended(ExitCode.PARTIAL if code is ExitCode.FAILED else code) from None


@contextlib.contextmanager
def open_reading(session: Session, place: str, sink: str | None = None) -> Iterator[Reading]:
    """Opens the sinks of a profile, or `sink` of them alone; or a folder or address with backups in it, without any profile.

    Raises ProfileError, UsageError, SecretError, MissingExtra, SinkError.
    """
    from wrikebackup_core import profile as profiles

    if "://" in place or Path(place).is_dir():
        if "://" not in place and is_account(place):
            outside = Path(place).resolve().parent
            raise UsageError(
                f"{place} is the folder of one account in a sink", hint=f"give the sink's own folder: {outside}"
            )
        opened = open_sink(place, session.plugins)
        with contextlib.closing(opened):
            yield Reading(session, [opened])
        return
    if not Path(place).exists():
        raise UsageError(f"{place}: there is no such profile or folder", hint="`wrikebackup init` writes a profile")
    profile = profiles.load(Path(place), session.plugins)
    with profiles.open_sinks(profile, session.plugins) as sinks:
        yield Reading(session, sinks if sink is None else [named_sink(profile, sinks, sink)], profile)


def open_sink(place: str, plugins: Plugins) -> Sink:
    """A folder, or the address of a store: `s3://bucket/prefix`, `gs://bucket/prefix`, `sftp://user@host/path`, or what fsspec opens."""
    kind, options = _parsed(place)
    registration = plugins.sinks.get(kind)
    if registration is None:
        raise UsageError(f"{without_password(place)}: no plugin brings sinks of the kind {kind}")
    try:
        model = registration.options.model_validate(options)
    except ValueError:  # pydantic's repeats what was given
        raise UsageError(f"{without_password(place)} is no address of a sink of the kind {kind}") from None
    return plugins.make_sink(kind, model, Context(plugins.secret))


def _parsed(place: str) -> tuple[str, dict[str, object]]:
    if "://" not in place:
        return "local", {"path": place}
    try:
        parts = urlsplit(place)
        port = parts.port if parts.scheme in ("sftp", "ssh") else None
    except ValueError:  # neither it nor the place is repeated: both may hold parts of a password
        shown = place.partition("://")[0]
        raise UsageError(f"{shown}://…: this is no address of a store: look at its host and port") from None
    if parts.scheme in ("s3", "gs", "gcs"):
        if "@" in parts.netloc:
            raise UsageError(
                f"{without_password(place)}: an address holds neither user nor password of this store",
                hint="write a profile, and refer to the secrets there",
            )
        return "s3" if parts.scheme == "s3" else "gcs", {"bucket": parts.netloc, "prefix": parts.path.strip("/")}
    if parts.scheme in ("sftp", "ssh"):
        given = {"host": parts.hostname, "port": port, "user": parts.username, "path": parts.path or "."}
        return "sftp", {name: value for name, value in given.items() if value is not None}
    return "url", {"url": place}
