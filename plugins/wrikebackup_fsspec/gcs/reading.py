"""Reading a range of an object."""

from __future__ import annotations

import re
from collections.abc import Iterator

import urllib3

from wrikebackup_core import KeyNotFound
from wrikebackup_fsspec.gcs.crc import Crc
from wrikebackup_fsspec.gcs.faults import Errors, Lost, Refused, failed
from wrikebackup_fsspec.gcs.place import Place, is_absent
from wrikebackup_fsspec.gcs.wire import told
from wrikebackup_fsspec.objects.bucket import Part

__all__ = ["Reading"]

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_CRC = re.compile(r"crc32c=([A-Za-z0-9+/]+={0,2})")
_WHOLE, _PARTIAL, _BEYOND = 200, 206, 416
_CHUNK = 1 << 20


class Reading:
    def __init__(self, place: Place) -> None:
        self._place = place

    def read(self, key: str, offset: int, length: int) -> Part:
        """Raises KeyNotFound, SinkError."""
        name = f"{self._place.name}/{key}"
        try:
            return self._place.wire.patiently(lambda: self._ask(key, offset, length))
        except Errors as error:
            if isinstance(error, Refused) and is_absent(error):
                raise KeyNotFound(f"{name} does not exist") from None
            if not isinstance(error, Refused) or error.status != _BEYOND:
                raise failed(f"read {name}", error) from error
        found = self._place.find(key, "size")  # there is nothing from there on, as in every empty object
        if found is None:
            raise KeyNotFound(f"{name} does not exist")
        return Part(memoryview(b""), int(found.get("size", 0)))

    def _ask(self, key: str, offset: int, length: int) -> Part:
        headers = {"Range": f"bytes={offset}-{offset + length - 1}"}
        path, good = self._place.object(key), frozenset({_WHOLE, _PARTIAL})
        with self._place.wire.stream("GET", path, {"alt": "media"}, headers=headers, good=good) as response, told():
            part = _whole(response, offset, length) if response.status == _WHOLE else _partial(response, offset, length)
            if offset == 0 and len(part.data) == part.size:
                _compare(part, response.headers.get("X-Goog-Hash", ""))
            return part


def _other() -> Lost:
    return Lost("the store sent other bytes than it was asked for", hint="see whether a proxy stands in the way")


def _partial(response: urllib3.BaseHTTPResponse, offset: int, length: int) -> Part:
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if found is None or int(found[1]) != offset or int(found[2]) >= offset + length:
        raise _other()
    data = response.read()
    if len(data) != int(found[2]) + 1 - offset:
        raise Lost("the answer ended early", hint="try again")
    return Part(memoryview(data), int(found[3]))


def _whole(response: urllib3.BaseHTTPResponse, offset: int, length: int) -> Part:
    """From a server that sends all of an object when it is asked for a part."""
    size = response.headers.get("Content-Length", "")
    if not size.isdecimal():
        raise _other()
    wanted = min(length, max(0, int(size) - offset))
    while offset > 0 and (skipped := len(response.read(min(offset, _CHUNK)))):
        offset -= skipped
    data = b"".join(_pieces(response, wanted))
    if len(data) != wanted:
        raise Lost("the answer ended early", hint="try again")
    return Part(memoryview(data), int(size))


def _pieces(response: urllib3.BaseHTTPResponse, wanted: int) -> Iterator[bytes]:
    while wanted > 0 and (piece := response.read(min(wanted, _CHUNK))):
        wanted -= len(piece)
        yield piece


def _compare(part: Part, told_hash: str) -> None:
    """All of an object that arrived at once, with the checksum that the store tells. Raises Lost."""
    if (found := _CRC.search(told_hash)) and str(Crc(part.data)) != found[1]:
        raise Lost("the bytes that arrived are not those that the store holds", hint="try again")
