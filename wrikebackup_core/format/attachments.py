"""What attachment records say: which files a backup holds, and how the four files name them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from urllib.parse import parse_qs, urlsplit

import msgspec

from wrikebackup_core.errors import FormatError
from wrikebackup_core.format import ids
from wrikebackup_core.format.records import EMPTY, NULL, RecordDecoder, date, text
from wrikebackup_core.model import Attachment, AttachmentMode, Gap, Record

__all__ = ["NUMBERS", "attachments_of", "entries", "google_id", "is_stored", "numbered"]

NUMBERS = "numbers"
"""The kind of the gaps of things whose id says no number: they are in the backup, with `"id": null`."""

_ANY_TYPE = msgspec.Raw(b'"application/octet-stream"')  # what RFC 2046 says of content of unknown type
_STORED, _GOOGLE = "Wrike", "Google"
_ELSEWHERE = frozenset({"google", "box", "dropbox", "onedrive", "sharepoint", "external", "dam", "whiteboard"})
# /document/d/<id>/edit, /file/d/<id>/view, /drive/folders/<id>; published documents are at /d/e/<id>/pub
_IN_PATH = re.compile(r"/(?:d/e|folders|d(?!/e/?$))/([\w-]+)", re.ASCII)
_ID_PARAMETERS = ("id", "key", "srcid")


OnGap = Callable[[Gap], None]


class _Entry(msgspec.Struct, gc=False):
    id: msgspec.Raw
    name: msgspec.Raw = EMPTY
    createdDate: msgspec.Raw = EMPTY  # noqa: N815 - these are Wrike's names
    version: int | float | str | None = 1
    type: str | None = None
    size: int | float | str | None = None
    contentType: msgspec.Raw = _ANY_TYPE  # noqa: N815
    currentAttachmentId: msgspec.Raw = NULL  # noqa: N815
    url: msgspec.Raw = NULL


class _File(msgspec.Struct, gc=False):
    id: str
    name: str | None = None
    type: str | None = None
    size: int | float | str | None = None
    version: int | float | str | None = 1
    currentAttachmentId: str | None = None  # noqa: N815


_entry = RecordDecoder("attachments", _Entry)
_file = RecordDecoder("attachments", _File)


def is_stored(record: Record) -> bool:
    """Whether Wrike itself stores the file, so that it can be downloaded. Raises FormatError."""
    return _is_stored(_file(record))


def attachments_of(
    records: Iterable[Record], mode: AttachmentMode, on_gap: OnGap | None = None
) -> Iterator[Attachment]:
    """The files that a backup in this mode holds: stored by Wrike and, but for `ALL_VERSIONS`, not superseded.

    A record that cannot be used is a gap; raises FormatError where `on_gap` is None.
    """
    if mode is AttachmentMode.NONE:
        return
    for record in records:
        try:
            file = _file(record)
        except FormatError as error:
            if on_gap is None:
                raise
            on_gap(_file.gap(record, error))
            continue
        superseded = file.currentAttachmentId is not None and file.currentAttachmentId != file.id
        if _is_stored(file) and (mode is AttachmentMode.ALL_VERSIONS or not superseded):
            size = _figure(file.size)
            yield Attachment(
                file.id, file.name or "", size if size is not None and size >= 0 else None, _figure(file.version) or 1
            )


def _is_stored(file: _File | _Entry) -> bool:
    """By its type. Where that is missing or none that we know, by its size: a file that Wrike does not store has -1."""
    if file.type == _STORED:
        return True
    size = _figure(file.size)
    if file.type is None:
        return size is None or size >= 0
    return file.type.casefold() not in _ELSEWHERE and size is not None and size > 0


def _figure(value: float | str | None) -> int | None:
    """A whole number, however JSON has it; None for what is none."""
    try:
        return int(value) if value is not None else None
    except (ValueError, OverflowError):
        return None


def entries(records: Sequence[Record], mode: AttachmentMode, parent: bytes, on_gap: OnGap) -> tuple[bytes, bytes]:
    """The insides of an item's `attachments` and `googleDocs`. `parent` is the item's number as JSON. A record that cannot be
    used is a gap."""
    if not records:
        return b"", b""
    files: list[bytes] = []
    documents: list[bytes] = []
    for record in records:
        try:
            entry = _entry(record)
            if mode is not AttachmentMode.ALL_VERSIONS and _is_superseded(entry):
                continue
            if entry.type == _GOOGLE:
                documents.append(_document(entry, on_gap))
            else:
                files.append(_attachment(entry, parent, on_gap))
        except FormatError as error:
            on_gap(_entry.gap(record, error))
        except (TypeError, ValueError) as error:
            on_gap(_entry.gap(record, _entry.error(record, error)))
    return b",".join(files), b",".join(documents)


def numbered(what: str, id: msgspec.Raw, on_gap: OnGap) -> bytes:  # noqa: A002 - the field's name
    """The number in a JSON id as JSON; null, and a gap, where it cannot be told. Raises TypeError for what is no string."""
    readable = bytes(text(id))[1:-1].decode(errors="replace")
    number = ids.number(readable)
    if number is None:
        on_gap(Gap(NUMBERS, readable, f"the number of {what} {readable} cannot be told from its id"))
        return b"null"
    return b"%d" % number


def google_id(url: str | None) -> str | None:
    """The id of the Google file or folder that a URL of Google's leads to, None where it leads elsewhere."""
    try:
        parts = urlsplit(url or "")
        host = parts.hostname or ""
    except ValueError:
        return None
    if host != "google.com" and not host.endswith(".google.com"):
        return None
    for name in _ID_PARAMETERS:
        if found := parse_qs(parts.query).get(name):
            return found[0]
    named = _IN_PATH.search(parts.path)
    return named[1] if named else None


def _is_superseded(entry: _Entry) -> bool:
    return entry.currentAttachmentId not in (NULL, entry.id)


def _document(entry: _Entry, on_gap: OnGap) -> bytes:
    url = msgspec.json.decode(entry.url, type=str | None)
    return b'{"resourceId":%b,"id":%b,"name":%b,"dateUploaded":%b}' % (
        msgspec.json.encode(google_id(url)),
        numbered("attachment", entry.id, on_gap),
        text(entry.name),
        date(entry.createdDate),
    )


def _attachment(entry: _Entry, parent: bytes, on_gap: OnGap) -> bytes:
    return (
        b'{"contentType":%b,"version":%d,"parentId":%b,"description":"","apiId":%b,"attachType":%b,"id":%b,"name":%b,"dateUploaded":%b}'
        % (
            text(entry.contentType),
            _figure(entry.version) or 1,
            parent,
            text(entry.id),
            b'"Task"' if _is_stored(entry) else b'"External"',
            numbered("attachment", entry.id, on_gap),
            text(entry.name),
            date(entry.createdDate),
        )
    )
