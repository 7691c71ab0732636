"""An answer of the API, checked: the envelope, and each record as the very bytes that came."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from wrikebackup_core import Record, json_decoder
from wrikebackup_wrike.refusals import Malformed

__all__ = ["Answer", "Named", "head_of", "read"]


class Named(msgspec.Struct, gc=False):
    """What every record has. Kinds whose records name others extend it."""

    id: str


_N = TypeVar("_N", bound=Named)


class _Envelope(msgspec.Struct, gc=False):
    data: list[msgspec.Raw]
    nextPageToken: str | None = None  # noqa: N815 - Wrike's name
    responseSize: int | float | None = None  # noqa: N815


@dataclass(frozen=True, slots=True)
class Answer(Generic[_N]):
    """The records of one answer; `heads` are the same ones decoded, as far as anybody looks at them.

    `total` is the API's `responseSize`: it seems to be the number of all records of the list, and is never relied on.
    """

    records: Sequence[Record]
    heads: Sequence[_N]
    token: str | None
    total: int | None
    accepted: bool = False
    """Whether the API has only begun to do what was asked: 202."""


_envelope = json_decoder(_Envelope)


def read(body: bytes | bytearray, path: str, shape: type[_N]) -> Answer[_N]:
    """Raises Malformed, naming `path`, when it is not UTF-8, not the envelope, or a record has no id."""
    try:
        if not body.isascii():
            body.decode()
        envelope = _envelope(body)
        records = [bytes(raw) for raw in envelope.data]
        if b"\n" in body or b"\r" in body:  # between tokens only: JSON has none inside strings
            records = [_one_line(record) for record in records]
        heads = [head_of(record, shape) for record in records]
        total = None if envelope.responseSize is None else int(envelope.responseSize)
    except (msgspec.MsgspecError, UnicodeDecodeError, OverflowError) as error:
        raise Malformed(f"{path}: the answer is not what the API promises: {error}") from None
    except RecursionError:
        raise Malformed(f"{path}: the answer is nested too deeply") from None
    if any(not head.id for head in heads):
        raise Malformed(f"{path}: the answer holds a record with an empty id")
    return Answer([Record(record) for record in records], heads, envelope.nextPageToken or None, total)


def _one_line(record: bytes) -> bytes:
    return msgspec.json.format(record, indent=-1) if b"\n" in record or b"\r" in record else record


def head_of(record: bytes, shape: type[_N]) -> _N:
    """What is looked at in a record. Raises msgspec.MsgspecError for one without an id, RecursionError for one nested too deeply."""
    try:
        return json_decoder(shape)(record)
    except msgspec.ValidationError:
        # A field that only the crawl looks at is null or has another shape than we know: the record itself may well be whole.
        return _piecemeal(record, shape)


def _piecemeal(record: bytes, shape: type[_N]) -> _N:
    """The fields that have the shape we know, one by one."""
    given = msgspec.json.decode(record, type=dict[str, Any])
    found: dict[str, Any] = {"id": json_decoder(Named)(record).id}
    for part in msgspec.structs.fields(shape):
        if given.get(part.encode_name) is not None:
            with contextlib.suppress(msgspec.ValidationError):
                found[part.name] = msgspec.convert(given[part.encode_name], part.type)
    return shape(**found)
