"""Looking inside an archive of Wrike's own backup tool.

Wrike documents it with one sample of each file, and says of time logs only that they are in it. So nothing is asked of it but what
the sample shows and a backup needs: that it is a whole zip with the four files, each an array, and which attachments they name.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import msgspec

from wrikebackup_core.engine.contents import UNREADABLE, MemberFindings, by_element, one_line
from wrikebackup_core.engine.elements import pieces
from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.engine.zips import open_zip
from wrikebackup_core.format import schema
from wrikebackup_core.format.manifest import Manifest

__all__ = ["SOURCE_KIND", "Counted", "NamedFile", "is_foreign", "look_into"]

SOURCE_KIND = "wrike-backup-tool"
"""The source of a backup that Wrike's own tool took, in its manifest."""

_ELSEWHERE = "External"  # Wrike has a link only; the tool does not back up what lies there


@dataclass(frozen=True, slots=True)
class NamedFile:
    """An attachment that `member` names, and whether Wrike stores the file."""

    id: str
    stored: bool
    member: str


@dataclass(frozen=True, slots=True)
class Counted:
    """How many elements one of the four files has."""

    member: str
    number: int


class _Attachment(msgspec.Struct, gc=False):
    apiId: str | None = None  # noqa: N815 - Wrike's name
    attachType: str | None = None  # noqa: N815


class _Row(msgspec.Struct, gc=False):
    attachments: list[_Attachment] | None = None


def is_foreign(manifest: Manifest | None) -> bool:
    """Whether Wrike's own tool took a backup that was copied: it keeps no records."""
    return manifest is not None and manifest.files.records is None


def look_into(key: str, file: IO[bytes]) -> Iterator[Finding | NamedFile | Counted]:
    """What is wrong with the archive at `key`, and what is in it."""
    try:
        with open_zip(file) as archive:
            names = archive.namelist()
            for name in schema.FILES:
                if name not in names:
                    yield Finding(key, "damaged", f"holds no {name}")
            for name in dict.fromkeys(names):
                if name in schema.FILES:
                    yield from _member(key, archive, name)
                else:
                    _read_through(archive, name)
    except UNREADABLE as error:
        yield Finding(key, "damaged", f"not a whole zip: {one_line(error)}")


def _member(key: str, archive: zipfile.ZipFile, name: str) -> Iterator[Finding | NamedFile | Counted]:
    findings, number = MemberFindings(key, name), 0
    try:
        with archive.open(name) as member:
            for row in by_element(member, _Row, findings):
                number += 1
                for attachment in row.attachments or ():
                    if attachment.apiId:
                        yield NamedFile(attachment.apiId, attachment.attachType != _ELSEWHERE, name)
    except UNREADABLE as error:
        findings.add(one_line(error))
    yield from findings.all()
    yield Counted(name, number)


def _read_through(archive: zipfile.ZipFile, name: str) -> None:
    """What else is in it, such as a BI export: its checksum is compared at its end."""
    with archive.open(name) as member:
        for _ in pieces(member):
            pass
