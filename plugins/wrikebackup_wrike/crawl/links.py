"""Attachment records without the links that open the file to whoever holds them.

`withUrls=true` is the only way to learn where a file lies that Wrike does not store. For files that it does store it brings
links that work for 24 hours without any token: they are secrets while they last and useless afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec

from wrikebackup_core import Record
from wrikebackup_wrike.answer import Answer, Named
from wrikebackup_wrike.crawl.shapes import AttachmentHead

__all__ = ["without_links"]

_STORED = "Wrike"
_PREVIEWS = ("previewUrl", "playlistUrl")
_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def without_links(answer: Answer[Named]) -> Sequence[Record]:
    """The records, without the signed links of stored files and of previews; every other byte of a value stays as it came."""
    heads = cast(Sequence[AttachmentHead], answer.heads)
    return [_without(record, head) for record, head in zip(answer.records, heads, strict=True)]


def _without(record: Record, head: AttachmentHead) -> Record:
    signed = ("url", *_PREVIEWS) if head.type in (_STORED, "") else _PREVIEWS
    if not any(getattr(head, name) for name in signed):
        return record
    fields = _object(record)
    for name in signed:
        fields.pop(name, None)
    return Record(msgspec.json.encode(fields))
