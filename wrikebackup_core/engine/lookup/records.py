"""One record by its id: through the index that long members have, else by looking at all lines."""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO

import msgspec

from wrikebackup_core.engine.lookup.members import rows, unknown, zip_with
from wrikebackup_core.engine.opened import OpenBackup
from wrikebackup_core.errors import FormatError, UsageError
from wrikebackup_core.format.index import Block, Index, index_name
from wrikebackup_core.format.records import RecordDecoder
from wrikebackup_core.model import Record

__all__ = ["record"]

_READ = 32 << 10
_MOST = 128 << 20  # bytes of a block


class _Head(msgspec.Struct, gc=False):
    id: str | int | None = None
    uid: str | None = None


def record(backup: OpenBackup, name: str, wanted: str) -> bytes:
    """The record of a member whose id, or `uid`, is `wanted`, as it stands there.

    Raises UsageError where there is none, and what OpenBackup's methods raise.
    """
    with zip_with(backup, name) as archive:
        if archive is None:
            raise unknown(backup, name)
        found = None
        if index_name(name) in archive.namelist() and index_name(name) != name:
            # Somebody may have packed the zip anew, or it is damaged, which reading it will tell.
            with contextlib.suppress(FormatError, zlib.error, ValueError, OverflowError, OSError):
                found = _with_id(_indexed(archive, name, wanted), name, wanted)
        if found is None:  # an index may lack what is there
            found = _with_id(rows(archive, name, backup), name, wanted)
    if found is None:
        raise UsageError(f"{backup.uid} has no {wanted} in {name}")
    return found


def _with_id(records: Iterable[bytes], name: str, wanted: str) -> bytes | None:
    decode, plain = RecordDecoder(name, _Head), wanted.encode(errors="replace")
    for one in records:
        if plain in one or b"\\u" in one:
            head = decode(Record(one))
            if wanted in (head.uid, None if head.id is None else str(head.id)):
                return one
    return None


def _indexed(archive: zipfile.ZipFile, name: str, wanted: str) -> Iterator[bytes]:
    """The records of the blocks in which it may stand."""
    file, entry, info = archive.fp, archive.getinfo(index_name(name)), archive.getinfo(name)
    assert file is not None
    if entry.compress_type != zipfile.ZIP_STORED or info.compress_type != zipfile.ZIP_DEFLATED:
        raise FormatError("an index that is not stored as it is")
    # Its data end where the next header begins: so its own need not be fetched.
    following = (one.header_offset for one in archive.infolist() if one.header_offset > entry.header_offset)
    start = min(following, default=archive.start_dir) - entry.file_size

    def read(offset: int, size: int) -> bytes:
        file.seek(start + offset)
        return file.read(min(size, entry.file_size - offset))

    for block in Index(read, entry.file_size).blocks(wanted):
        file.seek(info.header_offset + block.packed)
        yield from _inflated(file, block).removesuffix(b"\n").split(b"\n")


def _inflated(file: IO[bytes], block: Block) -> bytes:
    """The lines of a block, out of the file from where it stands on."""
    inflate, most, pieces, size = zlib.decompressobj(-15), block.size or _MOST, list[bytes](), 0
    while size < most and not inflate.eof:
        packed = inflate.unconsumed_tail or file.read(_READ)
        if not packed:
            raise FormatError("a block that ends early")
        pieces.append(inflate.decompress(packed, most - size))
        size += len(pieces[-1])
    return b"".join(pieces)
