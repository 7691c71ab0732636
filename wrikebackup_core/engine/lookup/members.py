"""What is in a backup, by name, as it was before anything encoded it: a piece at a time."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Generator, Iterable, Iterator

import msgspec

from wrikebackup_core.engine.contents import UNREADABLE, one_line
from wrikebackup_core.engine.elements import LONGEST, elements
from wrikebackup_core.engine.hashing import hashing
from wrikebackup_core.engine.opened import OpenBackup
from wrikebackup_core.errors import FormatError, KeyMissing, KeyNotFound, KeyRefused, UsageError, WrikeBackupError
from wrikebackup_core.format import layout, names, schema
from wrikebackup_core.format.records import RecordDecoder
from wrikebackup_core.model import Record
from wrikebackup_core.store import AccountStore
from wrikebackup_core.stored import chunks

__all__ = ["LINES", "blocks", "content", "member_names", "read_member", "reading", "rows", "unknown", "zip_with"]

LINES = ".jsonl"
_PIECE = 1 << 20
_PLAIN = ("manifest.json", "SHA256SUMS")
_ATTACHMENTS = "attachments/"
_SHOWN = 5


class _Named(msgspec.Struct, gc=False):
    id: str | None = None
    name: str | None = None


class _Files(msgspec.Struct, gc=False):
    attachments: list[_FileEntry] = []


class _FileEntry(msgspec.Struct, gc=False):
    apiId: str | None = None  # noqa: N815 - these are Wrike's names
    name: str | None = None


_named = RecordDecoder("attachments", _Named)
_files = RecordDecoder("tasks.json", _Files)


def member_names(backup: OpenBackup) -> list[str]:
    """All that can be asked for by `content`, but for attachments. Raises what opening the zips does."""
    with backup.archive() as archive:
        found = archive.namelist()
    with backup.records() as records:
        found += records.namelist() if records is not None else []
    return [*found, *_PLAIN, *backup.manifest.files.attestations, *_encoded(backup)]


def content(backup: OpenBackup, name: str) -> Generator[bytes, None, None]:
    """A member of one of the zips, a file of the backup, or an attachment by its id, its name or its file's name.

    Raises UsageError for what is not there, what OpenBackup's methods raise, and FormatError behind a file that does not fit its
    checksum; members of zips are compared with no more than the zip's own.
    """
    if name in (*_PLAIN, *backup.manifest.files.attestations):
        yield from chunks(backup.sink, backup.key(name))
    elif (stored := _encoded(backup).get(name)) is not None:
        yield from _compared(backup, backup.key(stored))
    else:
        with zip_with(backup, name) as archive:
            if archive is not None:
                yield from read_member(archive, name, backup)
                return
        yield from _compared(backup, _attachment(backup, name))


def _compared(backup: OpenBackup, key: str) -> Iterator[bytes]:
    """A stored file, decoded. Raises FormatError, at its end at the latest, where its stored bytes are not those that SHA256SUMS names, or it names
    none."""
    refused: KeyRefused | None = None
    with backup.sink.open(key) as stored, hashing(stored) as hashed:
        try:
            yield from backup.decoding.pieces(hashed, key)
        except KeyMissing:
            raise
        except KeyRefused as error:  # or the part that is for keys is damaged
            refused = error
        hashed.rest()
    named = backup.demand_intact(key, hashed.sha256)
    if refused is not None:
        raise refused
    if not named:
        raise FormatError(f"{key}: SHA256SUMS does not name it, so nobody can tell whether it is right")


def _encoded(backup: OpenBackup) -> dict[str, str]:
    """The files of the backup that transforms have encoded: by their true names and as they are stored."""
    return {name.removesuffix(backup.decoding.suffix): name for name in backup.manifest.files.parts()}


@contextlib.contextmanager
def zip_with(backup: OpenBackup, name: str) -> Iterator[zipfile.ZipFile | None]:
    """The zip that has a member of that name; None where neither has."""
    wrikes = backup.manifest.files.records is None  # the tool's own zip may have more than the four
    if name in schema.FILES or wrikes:
        with backup.archive() as archive:
            yield archive if name in archive.namelist() else None
    elif name.endswith(LINES):
        with backup.records() as records:
            yield records if records is not None and name in records.namelist() else None
    else:
        yield None


@contextlib.contextmanager
def reading(backup: OpenBackup, name: str) -> Iterator[None]:
    """What reading a damaged member raises becomes a FormatError that names backup and member."""
    try:
        yield
    except WrikeBackupError:
        raise
    except UNREADABLE as error:
        raise FormatError(f"{backup.uid}: {name}: {one_line(error)}") from error


def read_member(archive: zipfile.ZipFile, name: str, backup: OpenBackup) -> Iterator[bytes]:
    """A member in pieces of up to 1 MiB. Raises FormatError where it is damaged, SinkError."""
    with reading(backup, name):
        member = archive.open(name)
    with member:
        while True:
            with reading(backup, name):
                piece = member.read(_PIECE)
            if not piece:
                return
            yield piece


def blocks(pieces: Iterable[bytes], what: str) -> Iterator[bytes]:
    """The same bytes in whole lines, many at a time. Raises FormatError for a line that is longer than any record may be."""
    rest: list[bytes] = []
    held = 0
    for piece in pieces:
        end = piece.rfind(b"\n") + 1
        if end:
            yield b"".join([*rest, piece[:end]])
            rest, held = [], 0
        rest.append(piece[end:])
        held += len(piece) - end
        if held > LONGEST:
            raise FormatError(f"{what}: a line is longer than {LONGEST >> 20} MiB")
    if held:
        yield b"".join(rest)


def rows(archive: zipfile.ZipFile, name: str, backup: OpenBackup) -> Iterator[bytes]:
    """The records of a member one by one: the lines of a `.jsonl`, else the elements of an array. Raises as `read_member` does."""
    if name.endswith(LINES):
        for block in blocks(read_member(archive, name, backup), f"{backup.uid}: {name}"):
            yield from block.removesuffix(b"\n").split(b"\n")
        return
    with reading(backup, name), archive.open(name) as member:
        for element in elements(member):
            yield bytes(element).strip()


def _attachment(backup: OpenBackup, wanted: str) -> str:
    """The key under which it is stored. Raises UsageError where there is no such attachment, or several."""
    name = wanted.removeprefix(_ATTACHMENTS)
    if (key := _stored(backup, {name: None})) is not None:
        return key
    found = dict(_with_name(backup, name))
    keys = {id_: key for id_, true in found.items() if (key := _stored(backup, {id_: true})) is not None}
    if len(keys) == 1:
        return next(iter(keys.values()))
    if keys:
        some = ", ".join(sorted(keys)[:_SHOWN]) + (f" and {len(keys) - _SHOWN:,} more" if len(keys) > _SHOWN else "")
        raise UsageError(
            f"{backup.uid} has {len(keys):,} attachments with the name {wanted}", hint=f"give an id: {some}"
        )
    if found:
        raise UsageError(f"{backup.uid} knows of {wanted}, and does not hold the file", hint="Wrike does not store it")
    raise unknown(backup, wanted)


def unknown(backup: OpenBackup, wanted: str) -> UsageError:
    """What to raise for a name that the backup does not have."""
    there = ", ".join(name for name in member_names(backup) if not name.endswith(".idx"))
    return UsageError(f"{backup.uid} has no {wanted}", hint=f"there are {there}, and attachments by id or name")


def _stored(backup: OpenBackup, wanted: dict[str, str | None]) -> str | None:
    """The key of an attachment by its id, or by the name of the file: by trying where its name is known, else by the checksums."""
    suffix = backup.decoding.suffix
    folder = layout.attachments_folder(backup.account)
    for id_, true in wanted.items():
        if true is not None:
            for key in backup.attachment_keys(id_, true):
                with contextlib.suppress(KeyNotFound), backup.sink.open(key):
                    return key
    files = {f"{folder}/{name}{end}" for name in wanted for end in ("", suffix)}
    hidden = {f"{folder}/{names.hidden_file_name(id_, suffix)}" for id_ in wanted}
    wrikes = backup.manifest.files.records is None  # its files keep the names that the tool gave them
    starts = tuple(
        f"{folder}/" + (f"{id_}-" if wrikes else names.attachment_file_name(id_, "").removesuffix("unnamed"))
        for id_ in wanted
        if id_
    )
    for _, key in AccountStore(backup.sink, backup.account).sums(backup.uid):
        if key in files or key in hidden or key.startswith(starts):
            return key
    return None


def _with_name(backup: OpenBackup, name: str) -> Iterator[tuple[str, str]]:
    """(id, name) of the attachments that the JSON gives this name."""
    with backup.records() as records:
        if records is not None:
            if f"attachments{LINES}" in records.namelist():
                yield from _in_records(rows(records, f"attachments{LINES}", backup), name)
            return
    with backup.archive() as archive:
        for member in ("tasks.json", "folders.json"):
            for row in rows(archive, member, backup) if member in archive.namelist() else ():
                for entry in _files(Record(row)).attachments:
                    if entry.name == name and entry.apiId:
                        yield entry.apiId, name


def _in_records(lines: Iterable[bytes], name: str) -> Iterator[tuple[str, str]]:
    for line in lines:
        record = _named(Record(line))
        if record.name == name and record.id:
            yield record.id, name
