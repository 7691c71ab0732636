"""Looking inside a backup's zips: whole, of the format's schema, and in line with manifest and attachments. Damage never raises."""

from __future__ import annotations

import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import IO, TypeVar

import msgspec

from wrikebackup_core.decoders import json_decoder
from wrikebackup_core.engine.elements import LONGEST, elements, pieces
from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.engine.inventory import Inventory
from wrikebackup_core.engine.reconciliation import Head, Reconciliation
from wrikebackup_core.engine.zips import open_zip
from wrikebackup_core.errors import FormatError, WrikeBackupError
from wrikebackup_core.format import layout, official, schema
from wrikebackup_core.format.index import index_name
from wrikebackup_core.format.names import hidden_file_name
from wrikebackup_core.format.records import RecordDecoder
from wrikebackup_core.model import AttachmentMode, Kind, Record
from wrikebackup_core.plurals import plural

__all__ = ["UNREADABLE", "Contents", "MemberFindings", "by_element", "one_line"]

_SHOWN = 20  # findings of one kind in one member, before they are only counted
_RECORDS = ".jsonl"
# JSON allows one without its other half, and msgspec does not.
_SURROGATE = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_UNKNOWN = rb"\ufffd"
_Row = schema.User | schema.Folder | schema.Task | schema.Team
_AnyRow = TypeVar("_AnyRow", bound=msgspec.Struct)
Tell = Callable[[str, int], None]
"""Called now and then with a member and the number of its records read."""

_TELL = 1000
UNREADABLE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError,
    OverflowError, MemoryError, WrikeBackupError,
)  # fmt: skip
"""What reading a damaged zip raises: zipfile's own error, those of its decompressors, and what nonsense in its fields leads to."""


class _AnyRecord(msgspec.Struct, gc=False):
    """Any JSON object."""


class _OtherLayout(Exception):
    """The JSON is not laid out one record to a line."""


class MemberFindings:
    """Findings about one member of a zip; of many, the first ones and the number of the rest."""

    def __init__(self, key: str, member: str) -> None:
        self._key, self._member = key, member
        self._found: list[Finding] = []
        self._more = 0

    def add(self, detail: object) -> None:
        if len(self._found) < _SHOWN:
            self._found.append(Finding(self._key, "damaged", f"{self._member}: {detail}"))
        else:
            self._more += 1

    def all(self) -> Iterator[Finding]:
        yield from self._found
        if self._more:
            yield Finding(self._key, "damaged", f"{self._member}: {plural(self._more, 'more finding')} of this kind")

    def __bool__(self) -> bool:
        return bool(self._found)


class Contents:
    """The inside of one account's zips. Notes in the inventory which files the JSON says are stored, and in the reconciliation
    what is to be compared when both zips were looked into. `suffix` is what was added to the names of files that were encoded."""

    def __init__(
        self, account: str, inventory: Inventory, reconciliation: Reconciliation, tell: Tell, suffix: str = ""
    ) -> None:
        self._account, self._inventory, self._reconciliation, self._tell = account, inventory, reconciliation, tell
        self._suffix = suffix

    def archive(self, key: str, file: IO[bytes]) -> Iterator[Finding]:
        """The zip of the four files."""
        try:
            with open_zip(file) as archive:
                names = archive.namelist()
                if names != list(schema.FILES):
                    yield Finding(
                        key, "damaged", f"holds {', '.join(names) or 'nothing'}, not {', '.join(schema.FILES)}"
                    )
                for name in dict.fromkeys(names):
                    if name in schema.FILES:
                        yield from self._file(key, archive, name)
        except UNREADABLE as error:
            yield Finding(key, "damaged", f"not a whole zip: {one_line(error)}")

    def records(self, key: str, file: IO[bytes], counts: Mapping[str, int] | None) -> Iterator[Finding]:
        """The zip of all records; `counts` as the manifest has them, None where it cannot be read."""
        found: dict[str, int | None] = {}
        try:
            with open_zip(file) as archive:
                indexes = {index_name(name) for name in archive.namelist() if name.endswith(_RECORDS)}
                for name in archive.namelist():
                    kind = name.removesuffix(_RECORDS)
                    if name in indexes:
                        indexes.remove(name)
                        _read_through(archive, name)
                    elif not name.endswith(_RECORDS) or kind in found:
                        yield Finding(key, "damaged", f"holds {name!r}, or holds it twice")
                    else:
                        found[kind] = yield from self._lines(key, archive, name)
        except UNREADABLE as error:
            yield Finding(key, "damaged", f"not a whole zip: {one_line(error)}")
            return
        for kind in set(Kind) - found.keys():
            self._reconciliation.whole(kind)  # no records, no member
        if counts is None:
            return
        for kind in sorted(found.keys() | counts.keys()):
            has, should = found.get(kind, 0), counts.get(kind, 0)
            if has is not None and has != should:
                yield Finding(key, "damaged", f"{plural(has, 'record')} of {kind}, {should:,} by the manifest")

    def reconciled(self, key: str) -> Iterator[Finding]:
        """What of the four files, in the archive `key`, does not fit the records."""
        for file, differences in groupby(self._reconciliation.differences(), key=itemgetter(0)):
            findings = MemberFindings(key, file)
            for _, difference in differences:
                findings.add(difference)
            yield from findings.all()

    def _file(self, key: str, archive: zipfile.ZipFile, name: str) -> Iterator[Finding]:
        """One of the four: as this program lays it out, else as any JSON."""
        for rows in (_by_line, by_element):
            findings = MemberFindings(key, name)
            compare = self._reconciliation.rows(name)
            try:
                with archive.open(name) as member:
                    for number, row in enumerate(rows(member, schema.FILES[name], findings), 1):
                        self._note(row, name)
                        compare(row)
                        if not number % _TELL:
                            self._tell(name, number)
                if not findings:
                    self._reconciliation.whole(name)
            except _OtherLayout:
                continue
            except UNREADABLE as error:
                findings.add(one_line(error))
            yield from findings.all()
            return

    def _note(self, row: _Row, name: str) -> None:
        if isinstance(row, schema.Folder | schema.Task):
            for attachment in row.attachments:
                if attachment.attachType == schema.STORED:
                    key = self._key(attachment.apiId, attachment.name)
                    self._inventory.name(key, attachment.apiId, name)

    def _lines(self, key: str, archive: zipfile.ZipFile, name: str) -> Generator[Finding, None, int | None]:
        """One kind's records. Returns how many there are, None where that cannot be told."""
        kind = name.removesuffix(_RECORDS)
        compare = self._reconciliation.records(kind)
        decode = RecordDecoder[Head | _AnyRecord](kind, Head if compare else _AnyRecord)
        findings, number = MemberFindings(key, name), 0
        count: int | None = None
        try:
            with archive.open(name) as member:
                while line := member.readline(LONGEST):
                    number += 1
                    try:
                        head = decode(Record(line))
                        if compare is not None and isinstance(head, Head):
                            compare(head, Record(line))
                        if kind == Kind.ATTACHMENTS:
                            yield from self._unexpected_size(Record(line))
                    except FormatError as error:
                        findings.add(f"line {number}: {error}")
                    if not number % _TELL:
                        self._tell(name, number)
            count = number
            if not findings:
                self._reconciliation.whole(kind)
        except UNREADABLE as error:
            findings.add(one_line(error))
        yield from findings.all()
        return count

    def _unexpected_size(self, record: Record) -> Iterator[Finding]:
        """Whether the file that an attachment's record describes is as long as it says, if it is a part of this backup."""
        for attachment in official.attachments_of([record], AttachmentMode.ALL_VERSIONS):
            key = self._key(attachment.id, attachment.name)
            size = self._length(key) if self._inventory.sha256(key) is not None else None
            if size is not None and attachment.size is not None and size != attachment.size:
                yield Finding(key, "unexpected size", f"{size:,} bytes, {attachment.size:,} by its record")

    def _key(self, id_: str, name: str) -> str:
        """Where an attachment lies: under its name or, where that is not there, under its id alone."""
        key = layout.attachment_key(self._account, id_, name, self._suffix)
        if self._inventory.sha256(key) is not None:
            return key
        hidden = f"{layout.attachments_folder(self._account)}/{hidden_file_name(id_, self._suffix)}"
        return hidden if self._inventory.sha256(hidden) is not None else key

    def _length(self, key: str) -> int | None:
        """Of the file as Wrike has it; None where it is encoded, and was not decoded."""
        return self._inventory.decoded_size(key) if self._suffix else self._inventory.size(key)


def _read_through(archive: zipfile.ZipFile, name: str) -> None:
    """Compares a member with its checksum in the zip."""
    with archive.open(name) as member:
        for _ in pieces(member):
            pass


def _by_line(member: IO[bytes], row_type: type[_Row], findings: MemberFindings) -> Iterator[_Row]:
    """The records of an array with one record to a line, as this program writes it. Raises _OtherLayout for any other JSON."""
    decode = json_decoder(row_type)
    first = member.readline(LONGEST)
    if first == b"[]\n" and not member.read(1):
        return
    if first != b"[\n":
        raise _OtherLayout
    more, number = True, 1
    while more:
        line, number = member.readline(LONGEST), number + 1
        more = line.endswith(b",\n")
        try:
            yield decode(line[:-2] if more else line)
        except msgspec.ValidationError as error:
            findings.add(f"line {number}: {error}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _OtherLayout from None
    if member.readline(LONGEST) != b"]\n" or member.read(1):
        raise _OtherLayout


def by_element(member: IO[bytes], row_type: type[_AnyRow], findings: MemberFindings) -> Iterator[_AnyRow]:
    """The records of an array laid out in whatever way. Raises ValueError where it is no JSON, no array, or more than its limits."""
    decode = json_decoder(row_type)
    for number, element in enumerate(elements(member), 1):
        try:
            try:
                yield decode(element)
            except msgspec.ValidationError:
                raise
            except msgspec.DecodeError:
                yield decode(_SURROGATE.sub(lambda found: _UNKNOWN if found[1] else found[0], element))
        except msgspec.ValidationError as error:
            findings.add(f"record {number}: {error}")
        except msgspec.DecodeError as error:
            raise ValueError(f"record {number}: {error}") from error


def one_line(error: BaseException) -> str:
    """An error's first line, or its name where it has none."""
    return str(error).split("\n")[0].strip() or type(error).__name__
