"""A backup that Wrike's own tool took, on its way to one that says what it consists of.

The tool leaves `backup-<uid>/backup-<uid>.zip` and the files in `attachments/`, and neither checksums nor a manifest. The copy gets
both. Its uid is made of the time in the zip and the tool's own name for the backup, so that a second copy finds it again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime

from wrikebackup_core.engine.contents import UNREADABLE, one_line
from wrikebackup_core.engine.copying.catalog import Catalog, Wanted
from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.engine.foreign import SOURCE_KIND, Counted, look_into
from wrikebackup_core.engine.zips import open_zip
from wrikebackup_core.errors import FormatError, SinkError
from wrikebackup_core.format import checksums, layout, schema
from wrikebackup_core.format.manifest import Attachments, Files, Manifest, Tool
from wrikebackup_core.model import Account, AttachmentMode, Gap, Kind
from wrikebackup_core.ports import Sink
from wrikebackup_core.staged import batches
from wrikebackup_core.stored import hash_of, hash_stored, open_stored
from wrikebackup_core.version import __version__

__all__ = ["WrikesOwn"]

_LINES = 1000  # of SHA256SUMS, written together
_NO_TIME = datetime(1980, 1, 1, tzinfo=UTC)  # DOS time begins here
_TAIL = re.compile(r"[0-9a-z]{1,16}")
_KINDS = {
    "users.json": Kind.CONTACTS,
    "folders.json": Kind.FOLDERS,
    "tasks.json": Kind.TASKS,
    "teams.json": Kind.GROUPS,
}


class WrikesOwn:
    """One of them. `name` is the tool's uid for it, `zip` the key of its archive in the source."""

    def __init__(self, source: Sink, account: str, name: str, catalog: Catalog) -> None:
        """Raises FormatError where the zip cannot be opened, SinkError."""
        self.name = name
        self._source, self._account, self._catalog = source, account, catalog
        self.zip = f"{layout.account_folder(account)}/backup-{name}/backup-{name}.zip"
        self._size = catalog.size(self.zip) or 0
        self._taken = self._time()
        self.uid = layout.new_backup_uid(self._taken, _tail(name))
        self._archive = layout.archive_key(account, self.uid)
        self._counts: dict[str, int] = {}
        self._gaps: list[Gap] = []

    attestations = ()
    """Wrike's tool leaves nothing that vouches for its backups."""

    def attestation(self, key: str) -> Iterator[bytes]:
        raise KeyError(key)

    @property
    def gaps(self) -> int:
        return len(self._gaps)

    def is_in(self, manifest: bytes, archive: int | None) -> bool:
        try:
            found = Manifest.decode(manifest, "")
        except FormatError:
            return False
        return found.source == SOURCE_KIND and found.backup_uid == self.uid and archive in (None, self._size)

    def objects(self) -> Iterator[tuple[str, str, str | None]]:
        sha256 = hash_stored(self._source, self.zip)  # what is looked into now is what is copied later
        yield self._archive, self.zip, sha256
        for key in self._look():
            yield key, key, None

    def _look(self) -> Iterator[str]:
        """Validates the archive. The keys of the attachments that it names and that are there; the others are gaps."""
        missing: dict[str, str] = {}
        with open_stored(self._source, self.zip, self._size) as file:
            for found in look_into(self.zip, file):
                if isinstance(found, Finding):
                    raise FormatError(f"{self.zip}: {found.detail}")
                if isinstance(found, Counted):
                    self._counts[_KINDS[found.member].value] = found.number
                    continue
                entries = self._catalog.listed(f"{layout.attachments_folder(self._account)}/{found.id}-")
                yield from (entry.key for entry in entries)
                if found.stored and not entries:
                    missing[found.id] = found.member
        reason = "named in {}, and not in attachments/"
        self._gaps = [Gap(Kind.ATTACHMENTS.value, id_, reason.format(member)) for id_, member in missing.items()]

    def sums(self) -> Iterator[bytes]:
        own = f"{layout.backup_folder(self._account, self.uid)}/"
        above = f"{layout.account_folder(self._account)}/"
        for some in batches(self._catalog.objects(), _LINES):
            yield "".join(self._line(wanted, own, above) for wanted in some).encode()

    def _line(self, wanted: Wanted, own: str, above: str) -> str:
        assert wanted.sha256 is not None  # all objects are there
        inside = wanted.key.startswith(own)
        return checksums.line(
            wanted.sha256, wanted.key.removeprefix(own) if inside else f"../{wanted.key.removeprefix(above)}"
        )

    def manifest(self) -> bytes:
        """The same one whenever and wherever to it is copied: it says nothing of the copy but the program's version."""
        count, size = self._catalog.attachments()
        return Manifest(
            tool=Tool("Wrike's backup tool, copied by wrikebackup", __version__),
            backup_uid=self.uid,
            account=Account(self._account, ""),
            source=SOURCE_KIND,
            started=self._taken,
            finished=self._taken,
            complete=not self._gaps,
            counts=dict(self._counts),
            attachments=Attachments(AttachmentMode.LATEST, total=count, bytes=size),
            files=Files(f"backup-{self.uid}.zip", None),
            gaps=tuple(self._gaps),
            sha256sums=hash_of(self.sums()),
        ).encode()

    def _time(self) -> datetime:
        """The newest of the members: DOS time, which knows no zone and is taken for UTC."""
        try:
            with open_stored(self._source, self.zip, self._size) as file, open_zip(file) as archive:
                times = [one.date_time for one in archive.infolist() if one.filename in schema.FILES]
        except SinkError:
            raise
        except UNREADABLE as error:
            raise FormatError(f"{self.zip}: not a whole zip: {one_line(error)}") from error
        if not times:
            raise FormatError(f"{self.zip}: holds none of {', '.join(schema.FILES)}")
        try:
            return datetime(*max(times), tzinfo=UTC)
        except ValueError:  # a zip may leave the time out
            return _NO_TIME


def _tail(name: str) -> str:
    """The tool's uid as it is, where a uid of ours can end with it."""
    return name if _TAIL.fullmatch(name) else hashlib.sha256(name.encode()).hexdigest()[:16]
