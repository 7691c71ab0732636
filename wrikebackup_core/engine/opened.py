"""A backup opened for reading: its zips and attachments as they were before anything encoded them."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from wrikebackup_core.decoding import Decoding
from wrikebackup_core.engine.zips import open_zip
from wrikebackup_core.errors import FormatError, KeyNotFound
from wrikebackup_core.format import layout
from wrikebackup_core.format.manifest import Manifest
from wrikebackup_core.ports import Sink
from wrikebackup_core.store import AccountStore

__all__ = ["OpenBackup"]


@dataclass(frozen=True)
class OpenBackup:
    """One backup of one account in one sink. What is read raises KeyNotFound, SinkError, KeyRefused and FormatError, which name the key."""

    sink: Sink
    account: str
    manifest: Manifest
    decoding: Decoding

    @property
    def uid(self) -> str:
        return self.manifest.backup_uid

    @cached_property
    def folder(self) -> str:
        return layout.backup_folder(self.account, self.uid)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Stored bytes of what is in the backup's own folder, by key from the sink's root."""
        return {entry.key: entry.size for entry in self.sink.list(self.folder)}

    def key(self, name: str) -> str:
        """Of a file that the manifest names. What it says is not trusted to stay inside of the backup."""
        if any(part in ("", ".", "..") for part in name.split("/")):
            where = layout.manifest_key(self.account, self.uid)
            raise FormatError(f"{where}: names a file outside of the backup: {name!r}")
        return f"{self.folder}/{name}"

    @contextlib.contextmanager
    def archive(self) -> Iterator[zipfile.ZipFile]:
        """The zip of the four files. Only what is looked at is fetched."""
        with self._zip(self.manifest.files.archive) as opened:
            yield opened

    @contextlib.contextmanager
    def records(self) -> Iterator[zipfile.ZipFile | None]:
        """The zip of all records; None in a backup of Wrike's own tool, which keeps none."""
        if self.manifest.files.records is None:
            yield None
            return
        with self._zip(self.manifest.files.records) as opened:
            yield opened

    @contextlib.contextmanager
    def _zip(self, name: str) -> Iterator[zipfile.ZipFile]:
        key = self.key(name)
        size = self.sizes.get(key)
        if size is None:
            raise KeyNotFound(f"{self.sink.name}: there is no {key}")
        with self.decoding.file(self.sink, key, size) as file:
            try:
                opened = open_zip(file)
            except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
                raise FormatError(f"{key}: not a whole zip: {error}") from error
            with opened:
                yield opened

    def demand_intact(self, key: str, sha256: str) -> bool:
        """Raises FormatError where stored bytes with this hash are not those that SHA256SUMS names. False where it names none."""
        lines = AccountStore(self.sink, self.account).lines(self.uid)
        said = next((found[0] for found in lines if not isinstance(found, str) and found[1] == key), None)
        if said not in (None, sha256):
            raise FormatError(f"{key}: damaged: SHA-256 is {sha256}, should be {said}")
        return said is not None

    def attachment_keys(self, attachment_id: str, name: str) -> tuple[str, str]:
        """Where an attachment may lie: under its name, and under its id alone. One of them is there, if any is."""
        return layout.attachment_keys(self.account, attachment_id, name, self.decoding.suffix)
