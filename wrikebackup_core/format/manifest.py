"""manifest.json: what a backup is, written when all else is durable. A folder without it is not a backup."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from wrikebackup_core.decoders import json_decoder
from wrikebackup_core.errors import FormatError
from wrikebackup_core.format.coverage import Coverage
from wrikebackup_core.format.records import TOO_DEEP
from wrikebackup_core.model import Account, AttachmentMode, Gap

__all__ = ["FORMAT_VERSION", "Attachments", "Files", "Manifest", "Previous", "Tool", "intact", "of_one_run"]

FORMAT_VERSION = 1

_NO_SUM = "0" * 64
_END = b'"checksum": "%b"\n}\n'

_Time = Annotated[datetime, msgspec.Meta(tz=True)]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class Tool(msgspec.Struct, frozen=True):
    """The program that wrote the backup."""

    name: str
    version: str


class Attachments(msgspec.Struct, frozen=True, rename="camel"):
    """`total` files and `bytes` (of the files as Wrike stores them) make up the backup; `new` and `new_bytes` came with this run."""

    mode: AttachmentMode
    total: _Count = 0
    new: _Count = 0
    bytes: _Count = 0
    new_bytes: _Count = 0


class Files(msgspec.Struct, frozen=True):
    """Keys relative to the backup's folder, as they are stored: `backup-….zip.age` where a transform encodes.

    `records` is None in a backup that Wrike's own tool took: it keeps no records. `attestations` vouch for SHA256SUMS and the manifest
    itself, and are in neither: signatures, such as `manifest.json.sig`.
    """

    archive: str
    records: str | None
    artifacts: tuple[str, ...] = ()
    attestations: tuple[str, ...] = ()

    def parts(self) -> tuple[str, ...]:
        """All that SHA256SUMS names too."""
        return (self.archive, *([] if self.records is None else [self.records]), *self.artifacts)


class Previous(msgspec.Struct, frozen=True):
    """The newest backup that was there when this one was begun, and the SHA-256 of its manifest, in hex."""

    backup_uid: str = msgspec.field(name="backupUID")
    manifest: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One backup. Times are aware and in UTC; `counts` go by kind.

    `transforms` are in the order in which they encode, each `{"kind": …}` with what decoding needs, never a secret.
    `skipped` are the kinds that the profile left out. `complete` is false as soon as there is a gap. `sha256sums` is the SHA-256 of
    SHA256SUMS, in hex: with it, and with `previous`, the parts of two backups cannot be mixed, nor one be replaced by an older one.
    `coverage` is what a second witness says of the backup, None where none was heard.
    """

    format: int = FORMAT_VERSION
    tool: Tool
    backup_uid: str = msgspec.field(name="backupUID")
    account: Account
    source: str
    started: _Time
    finished: _Time
    complete: bool
    counts: dict[str, _Count]
    attachments: Attachments
    files: Files
    transforms: tuple[dict[str, Any], ...] = ()
    skipped: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    sha256sums: str | None = None
    previous: Previous | None = None
    coverage: Coverage | None = None

    def encode(self) -> bytes:
        """The file's bytes: indented, keys always in the same order, seconds in UTC."""
        times = {name: getattr(self, name).astimezone(UTC).replace(microsecond=0) for name in ("started", "finished")}
        plain = msgspec.to_builtins(msgspec.structs.replace(self, **times))
        # Names and reasons may hold lone surrogates, which UTF-8 has no place for; a backup does not fail for that.
        text = json.dumps(plain | {"checksum": _NO_SUM}, ensure_ascii=False, indent=2) + "\n"
        data = text.encode(errors="replace")
        return data.removesuffix(_END % _NO_SUM.encode()) + _END % hashlib.sha256(data).hexdigest().encode()

    @staticmethod
    def decode(data: bytes, where: str) -> Manifest:
        """The manifest in `data`; keys that a later version added are passed over. Raises FormatError naming `where`."""
        try:
            version = json_decoder(_Version)(data).format
            if version == FORMAT_VERSION:
                return _checked(json_decoder(Manifest)(data))
        except RecursionError:
            raise FormatError(f"{where}: not a manifest: {TOO_DEEP}") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise FormatError(f"{where}: not a manifest: {error}") from error
        raise FormatError(
            f"{where}: format {version} is not known here; this version reads format {FORMAT_VERSION}",
            hint="use a newer wrikebackup" if version > FORMAT_VERSION else None,
        )


def intact(data: bytes) -> bool:
    """Whether a manifest is, byte for byte, what `Manifest.encode` wrote: nothing else vouches for it.

    Its last key, `checksum`, is the SHA-256 of the file with 64 zeros in the place of the checksum.
    """
    body, said = data[: -len(_END % _NO_SUM.encode())], data[-len(_END % _NO_SUM.encode()) :]
    true = hashlib.sha256(body + _END % _NO_SUM.encode()).hexdigest()
    return said == _END % true.encode()


def of_one_run(one: Manifest, other: Manifest) -> bool:
    """Whether two manifests are those of one backup in two sinks: each is committed at its own time, with what was new there, and
    behind what was there before."""
    return _common(one) == _common(other)


def _common(manifest: Manifest) -> Manifest:
    files = msgspec.structs.replace(manifest.attachments, new=0, new_bytes=0)
    return msgspec.structs.replace(manifest, finished=manifest.started, attachments=files, previous=None)


def _checked(manifest: Manifest) -> Manifest:
    for one in manifest.transforms:
        for name in ("kind", "suffix"):
            if not isinstance(one.get(name, ""), str):
                raise msgspec.ValidationError(f"Expected `str` - at `$.transforms[...].{name}`")
    return manifest


class _Version(msgspec.Struct):
    format: int
