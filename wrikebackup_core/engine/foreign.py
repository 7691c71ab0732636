"""Looking inside an archive of Wrike's own backup tool.

Wrike documents it with one sample of each file, and says of time logs only that they are in it. So nothing is asked of it but what
the sample shows and a backup needs: that it is a whole zip with the four files, each an array, and which attachments they name.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from typing import IO

import msgspec

from wrikebackup_core.engine.contents import UNREADABLE, MemberFindings, by_token, one_line
from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.format import schema

__all__ = ["SOURCE_KIND", "NoteFile", "look_into"]

SOURCE_KIND = "wrike-backup-tool"
"""The source of a backup that Wrike's own tool took, in its manifest."""

NoteFile = Callable[[str, bool, str], None]
"""Called with an attachment's id, whether Wrike stores the file, and the member that names it."""

_ELSEWHERE = "External"  # Wrike has a link only; the tool does not back up what lies there
_PIECE = 1 << 20


class _Attachment(msgspec.Struct, gc=False):
    apiId: str | None = None  # noqa: N815 - Wrike's name
    attachType: str | None = None  # noqa: N815


class _Row(msgspec.Struct, gc=False):
    attachments: list[_Attachment] | None = None


def look_into(key: str, file: IO[bytes], note: NoteFile) -> Iterator[Finding | tuple[str, int]]:
    """What is wrong with the archive at `key`; and for each of the four files its name and the number of its elements."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            for name in schema.FILES:
                if name not in names:
                    yield Finding(key, "damaged", f"holds no {name}")
            for name in dict.fromkeys(names):
                if name in schema.FILES:
                    yield from _member(key, archive, name, note)
                else:
                    _read_through(archive, name)
    except UNREADABLE as error:
        yield Finding(key, "damaged", f"not a whole zip: {one_line(error)}")


def _member(key: str, archive: zipfile.ZipFile, name: str, note: NoteFile) -> Iterator[Finding | tuple[str, int]]:
    findings, number = MemberFindings(key, name), 0
    try:
        with archive.open(name) as member:
            for row in by_token(member, _Row, findings):
                number += 1
                for attachment in row.attachments or ():
                    if attachment.apiId:
                        note(attachment.apiId, attachment.attachType != _ELSEWHERE, name)
    except UNREADABLE as error:
        findings.add(one_line(error))
    yield from findings.all()
    yield name, number


def _read_through(archive: zipfile.ZipFile, name: str) -> None:
    """What else is in it, such as a BI export: its checksum is compared at its end."""
    with archive.open(name) as member:
        while member.read(_PIECE):
            pass
