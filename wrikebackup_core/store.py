"""An account's tree in one sink: which backups there are, and what each consists of. Only reads."""

from __future__ import annotations

import contextlib
import hashlib
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import islice

from wrikebackup_core.errors import FormatError, KeyNotFound
from wrikebackup_core.format import checksums, layout
from wrikebackup_core.format.manifest import Manifest
from wrikebackup_core.format.pins import Pin
from wrikebackup_core.model import Backup
from wrikebackup_core.plurals import plural
from wrikebackup_core.ports import Browsing, Entry, Named, Naming, Sink
from wrikebackup_core.stored import chunks, open_stored

__all__ = ["AccountStore", "accounts", "described", "entries", "names"]

_ATTACHMENT = re.compile(r"\.\./attachments/([^/\0]*[^/\0.][^/\0]*)")  # no `.` or `..` among them
_NAMED = 3  # of many names, so many are shown
_LONGEST = 64 << 10  # bytes of a line
_TOGETHER = 10_000  # names
_UNKNOWN_SIZE = 1 << 62  # for reading to the end, whatever the length


def accounts(sink: Sink) -> list[str]:
    """Ids of the accounts that have a folder in the sink, sorted. What does not belong to the format is passed over."""
    if isinstance(sink, Browsing):
        found = {layout.account_id_of(name) for name in sink.folders("")}
    else:
        found = {layout.account_id_of(entry.key) for entry in sink.list("") if "/" in entry.key}
    return sorted(account for account in found if account is not None)


def entries(sink: Sink, folder: str, tell: Callable[[str], None]) -> Iterator[Entry]:
    """What the sink lists below a folder, but for names that are not Unicode, as disks may hold them: no backup of ours has one, and
    no database takes it. `tell` hears of them in one line. Raises SinkError.
    """
    strange: list[str] = []
    for entry in sink.list(folder):
        if _is_unicode(entry.key):
            yield entry
        else:
            strange.append(_shown(entry.key))
    _tell_strange(sink, strange, tell)


@contextlib.contextmanager
def names(sink: Sink, folder: str, tell: Callable[[str], None]) -> Iterator[Iterator[Named]]:
    """The same as names below the folder, many together, with what asks for the bytes of some by their places among them."""
    if not isinstance(sink, Naming):
        yield _named(entries(sink, folder, tell), len(folder) + 1)
        return
    with sink.names(folder) as listed:
        yield _unicode(sink, listed, tell)


def _named(every: Iterator[Entry], strip: int) -> Iterator[Named]:
    while listed := list(islice(every, _TOGETHER)):
        yield [entry.key[strip:] for entry in listed], partial(_sizes, listed)


def _unicode(sink: Sink, listed: Iterator[Named], tell: Callable[[str], None]) -> Iterator[Named]:
    strange = list[str]()
    for some, sizes in listed:
        if "".join(some).isascii() or all(map(_is_unicode, some)):
            yield some, sizes
        else:
            strange += [_shown(name) for name in some if not _is_unicode(name)]
            places = [at for at, name in enumerate(some) if _is_unicode(name)]
            yield [some[at] for at in places], partial(_sizes_at, sizes, places)
    _tell_strange(sink, strange, tell)


def _sizes(listed: Sequence[Entry], places: Sequence[int]) -> list[int]:
    return [listed[at].size for at in places]


def _sizes_at(
    sizes: Callable[[Sequence[int]], Iterable[int]], known: Sequence[int], places: Sequence[int]
) -> Iterable[int]:
    return sizes([known[at] for at in places])


def _shown(key: str) -> str:
    return key.encode(errors="backslashreplace").decode()


def _tell_strange(sink: Sink, strange: list[str], tell: Callable[[str], None]) -> None:
    strange = [*strange, *getattr(sink, "passed_over", ())]
    if strange:
        more = f" and {len(strange) - _NAMED:,} more" if strange[_NAMED:] else ""
        named = ", ".join(sorted(strange)[:_NAMED]) + more
        tell(f"{sink.name}: passed over, since the name is not valid Unicode: {named}")


def _is_unicode(key: str) -> bool:
    if key.isascii():
        return True
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


class AccountStore:
    """The backups of one account in one sink. Folders and files that are none of ours are passed over."""

    def __init__(self, sink: Sink, account_id: str) -> None:
        """Raises FormatError for an id that cannot name a folder."""
        self._sink, self._account = sink, account_id
        self.folder = layout.account_folder(account_id)

    def backups(self) -> list[Backup]:
        """The committed ones, oldest first; `complete` is None where the manifest cannot be made out. Raises SinkError."""
        return self.contents()[0]

    def unfinished(self) -> list[str]:
        """Uids of the folders without a manifest, oldest first: runs that are going on or were killed. Raises SinkError."""
        return self.uids()[1]

    def contents(self) -> tuple[list[Backup], list[str]]:
        """`backups` and `unfinished`, for the price of one."""
        committed, unfinished, pinned = self._uids()
        found = [backup for uid in committed if (backup := self._backup(uid)) is not None]
        return [replace(one, pinned=self.pinned(one.uid)) if one.uid in pinned else one for one in found], unfinished

    def manifest(self, uid: str) -> Manifest:
        """Raises KeyNotFound where the backup is not committed, FormatError naming the key, SinkError."""
        return Manifest.decode(self.manifest_bytes(uid), layout.manifest_key(self._account, uid))

    def manifest_bytes(self, uid: str) -> bytes:
        """The manifest as it is stored. Raises KeyNotFound, SinkError."""
        return b"".join(chunks(self._sink, layout.manifest_key(self._account, uid)))

    def pinned(self, uid: str) -> str | None:
        """Why the backup is to stay; None where nobody has said so. A pin that cannot be made out holds too. Raises SinkError."""
        key = layout.pin_key(self._account, uid)
        try:
            return Pin.decode(b"".join(chunks(self._sink, key)), key).reason
        except KeyNotFound:
            return None
        except FormatError:
            return "its pin.json cannot be read"

    def sums(self, uid: str) -> Iterator[tuple[str, str]]:
        """(SHA-256 in hex, key from the sink's root) of all that SHA256SUMS names, in its order.

        Raises FormatError naming the file where anything is wrong with it, at the end at the latest; SinkError.
        """
        where, digest = layout.sums_key(self._account, uid), hashlib.sha256()

        def hashed(line: bytes) -> bool:
            digest.update(line)
            return False

        for found in self.lines(uid, hashed):
            if isinstance(found, str):
                raise FormatError(f"{where}: {found}")
            yield found
        manifest = self._readable(uid)
        if manifest is not None and manifest.sha256sums not in (None, digest.hexdigest()):
            raise FormatError(f"{where}: is not the one that the manifest names")

    def lines(self, uid: str, known: Callable[[bytes], bool] = lambda _: False) -> Iterator[tuple[str, str] | str]:
        """`sums` line by line, and in place of each line that is damaged or leads out of the account's folder what is wrong with it.
        Last comes what is wrong with them all: that the file ends early. Lines of attachments that are `known` are passed over.

        Raises FormatError where the file is missing, SinkError.
        """
        attachments, named = layout.attachments_folder(self._account), 0

        def unknown(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
            nonlocal named
            for number, line in enumerate(lines, 1):
                if known(line):
                    named += 1
                else:
                    yield number, line

        try:
            with open_stored(self._sink, layout.sums_key(self._account, uid), _UNKNOWN_SIZE) as file:
                for found in checksums.read(unknown(iter(lambda: file.readline(_LONGEST), b""))):
                    plain = None if isinstance(found, str) else _ATTACHMENT.fullmatch(found[1])
                    if plain is not None:  # nearly all of them, and there may be a million
                        named += 1
                        yield found[0], f"{attachments}/{plain[1]}"
                    else:
                        yield found if isinstance(found, str) else self._resolved(uid, *found)
        except KeyNotFound as error:
            raise FormatError(f"{layout.sums_key(self._account, uid)} is missing") from error
        if (counted := self._counted(uid)) > named:
            yield f"names {plural(named, 'file')} in attachments/, of {counted:,} that the manifest counts"

    def _resolved(self, uid: str, sha256: str, path: str) -> tuple[str, str] | str:
        """With the key that a path in a backup's SHA256SUMS stands for, or that it leads out of the account's folder."""
        key = posixpath.normpath(posixpath.join(layout.backup_folder(self._account, uid), path))
        if not key.startswith(f"{self.folder}/") or posixpath.isabs(path):
            return f"leads out of the account's folder: {path!r}"
        return sha256, key

    def _counted(self, uid: str) -> int:
        """Attachments by the manifest; 0 where there is none, or a damaged one."""
        manifest = self._readable(uid)
        return manifest.attachments.total if manifest is not None else 0

    def _readable(self, uid: str) -> Manifest | None:
        """None where there is no manifest, or a damaged one, which others tell of."""
        try:
            return self.manifest(uid)
        except (KeyNotFound, FormatError):
            return None

    def held(self) -> Iterator[Entry]:
        """The attachments that are there, of whichever backup. Raises SinkError."""
        return self._sink.list(layout.attachments_folder(self._account))

    def uids(self) -> tuple[list[str], list[str]]:
        """Uids with and without a manifest, each oldest first: committed and unfinished backups. Raises SinkError."""
        return self._uids()[:2]

    def _uids(self) -> tuple[list[str], list[str], set[str]]:
        """The same, and those that are pinned."""
        seen, committed, pinned = set[str](), set[str](), set[str]()
        start = f"{self.folder}/backup-"
        for entry in self._in_backups():
            uid, slash, name = entry.key.removeprefix(start).partition("/")
            if not entry.key.startswith(start) or not slash or layout.started(uid) is None:
                continue
            seen.add(uid)
            if name == "manifest.json":
                committed.add(uid)
            elif name == "pin.json":
                pinned.add(uid)
        return sorted(committed), sorted(seen - committed), pinned

    def _in_backups(self) -> Iterator[Entry]:
        """What lies in the folders of backups, and in others where the store cannot name folders: there may be a million attachments."""
        if not isinstance(self._sink, Browsing):
            yield from self._sink.list(self.folder)
            return
        for name in self._sink.folders(self.folder):
            if layout.started(name.removeprefix("backup-")) is not None:
                yield from self._sink.list(f"{self.folder}/{name}")

    def _backup(self, uid: str) -> Backup | None:
        started = layout.started(uid)
        assert started is not None
        try:
            manifest = self.manifest(uid)
        except KeyNotFound:
            return None  # deleted since the listing
        except FormatError:
            return Backup(uid, started, complete=None)
        return described(manifest, uid, started)


def described(manifest: Manifest, uid: str, started: datetime) -> Backup:
    """A backup as its manifest describes it."""
    return Backup(
        uid,
        started,
        complete=manifest.complete,
        counts=manifest.counts,
        attachment_files=manifest.attachments.total,
        attachment_bytes=manifest.attachments.bytes,
        gaps=len(manifest.gaps),
    )
