"""An object on its way into Google Cloud Storage in pieces: a resumable upload."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from wrikebackup_core import SinkError
from wrikebackup_fsspec.gcs.crc import Crc
from wrikebackup_fsspec.gcs.faults import Errors, Lost, Refused, failed
from wrikebackup_fsspec.gcs.wire import Answer
from wrikebackup_fsspec.gcs.writing import TYPE, Claim, Writing
from wrikebackup_fsspec.objects.bucket import PIECE

__all__ = ["Crowd", "GcsUpload", "Session"]

# Bytes; pieces are multiples of 256 KiB. Each waits for the one before, so larger ones are faster: as large as memory allows.
_LARGEST, _ROOM = 32 << 20, 64 << 20
_QUANTUM = 256 << 10
_GOES_ON, _DONE = 308, frozenset({200, 201})
_PERSISTED = re.compile(r"bytes=0-(\d+)")


class Session:
    """A resumable upload as the server knows it. Its methods raise Lost, Refused, GoogleAuthError."""

    def __init__(self, writing: Writing, claim: Claim, *, locked: bool = True) -> None:
        place = writing.place
        self._wire = place.wire
        body = json.dumps(writing.resource(claim, locked=locked)).encode()
        headers = {"Content-Type": "application/json; charset=UTF-8", "X-Upload-Content-Type": TYPE}
        query = {"uploadType": "resumable", **writing.query}
        answer = self._wire.patiently(
            lambda: self._wire.ask(
                "POST", place.uploads, query, headers=headers, body=[body], good=frozenset({200, 201})
            )
        )
        where = urlsplit(answer.headers.get("Location", ""))
        if not where.path:
            raise Lost("the store began no upload", hint="see whether endpoint_url is the address of a store")
        # Only ever on the server that we were sent to: the requests carry a token.
        self._path = f"{where.path}?{where.query}" if where.query else where.path

    def put(self, data: memoryview, start: int, total: int | None, crc: str | None = None) -> Answer:
        """Bytes from `start` on, at once; the last ones where `total` is told."""
        size = "*" if total is None else str(total)
        covered = f"{start}-{start + len(data) - 1}" if data else "*"
        headers = {"Content-Range": f"bytes {covered}/{size}"} | ({"X-Goog-Hash": f"crc32c={crc}"} if crc else {})
        return self._wire.ask("PUT", self._path, headers=headers, body=[data], good=_DONE | {_GOES_ON})

    def stands(self, total: int | None) -> Answer:
        """Where the session stands, or the object if it is complete."""
        headers = {"Content-Range": f"bytes */{'*' if total is None else total}"}
        return self._wire.ask("PUT", self._path, headers=headers, good=_DONE | {_GOES_ON})

    def patiently(self, request: Callable[[], Answer]) -> Answer:
        return self._wire.patiently(request)

    def cancel(self) -> None:
        self._wire.ask("DELETE", self._path, good=frozenset({200, 204, 499}))


class Crowd:
    """How many uploads are under way in a sink, which share the memory that pieces may take."""

    def __init__(self) -> None:
        self._lock, self._number = threading.Lock(), 0

    def change(self, by: int) -> None:
        with self._lock:
            self._number += by

    @property
    def piece(self) -> int:
        """How large the next piece may be."""
        return max(PIECE, min(_LARGEST, _ROOM // max(1, self._number)) & -_QUANTUM)


class GcsUpload:
    """An Upload. What a broken connection left unknown is asked for; then it goes on from there."""

    def __init__(self, writing: Writing, key: str, crowd: Crowd) -> None:
        """Raises AlreadyExists, SinkError."""
        self._writing, self._claim, self._crowd = writing, Claim(key), crowd
        self._crc = Crc()
        self._sent = 0
        try:
            self._session = Session(writing, self._claim)
        except Errors as error:
            raise writing.told(self._claim, error) from error
        self._open = True
        crowd.change(+1)

    def send(self, piece: bytes) -> int:
        self._crc.update(piece)
        try:
            self._deliver(piece, None)
        except Errors as error:
            raise failed(f"write {self._name}", error) from error
        return self._crowd.piece

    def complete(self, rest: bytes) -> None:
        self._crc.update(rest)
        crc, size = str(self._crc), self._sent + len(rest)
        with self._writing.alone(self._claim.key, kept=self._writing.promises.large):
            try:
                found: Mapping[str, Any] = self._deliver(rest, size, crc).json()
            except Errors as error:
                found = self._writing.refused(self._claim, error)
            self._end()
            self._writing.settle(self._claim, found, crc, size)

    def abort(self) -> None:
        if self._end():
            with contextlib.suppress(*Errors):
                self._session.cancel()

    def _end(self) -> bool:
        """False where it had ended before."""
        was_open, self._open = self._open, False
        if was_open:
            self._crowd.change(-1)
        return was_open

    def _deliver(self, piece: bytes, total: int | None, crc: str | None = None) -> Answer:
        """All of the piece is in the session, or, where `total` is told, in the object. Raises Lost, Refused, GoogleAuthError, SinkError."""
        view, start = memoryview(piece), self._sent
        end = start + len(view)
        at, unknown, session = start, False, self._session

        def attempt() -> Answer:
            nonlocal at, unknown
            asked = False
            while True:
                asking = unknown and not asked and self._writing.promises.stands
                unknown = True  # until there is an answer
                try:
                    answer = session.stands(total) if asking else session.put(view[at - start :], at, total, crc)
                except Refused:
                    # A server in trouble may answer every second request: right after a question it is not asked again.
                    unknown = not asked
                    raise
                unknown = False
                if answer.status in _DONE:
                    return self._ended(answer, total)
                before, at = at, self._persisted(answer, start, end)
                if at == end and total is None:
                    return answer
                if not asking and at <= before:
                    raise Lost("the store took only a part of what was sent", hint="try later")
                asked = asking

        answer = session.patiently(attempt)
        self._sent = end
        return answer

    def _persisted(self, answer: Answer, start: int, end: int) -> int:
        """How many bytes the session has. Raises SinkError where it lost some, or has more than were sent."""
        found = _PERSISTED.fullmatch(answer.headers.get("Range", ""))
        reached = int(found[1]) + 1 if found else 0
        if not start <= reached <= end:
            raise SinkError(
                f"cannot write {self._name}: the store holds {reached} bytes of an upload where it had {start}",
                hint="try again",
            )
        return reached

    def _ended(self, answer: Answer, total: int | None) -> Answer:
        """Raises SinkError where the store made an object of an upload that nobody had completed."""
        if total is None:
            gone = self._writing.withdraw(self._claim, answer.json())
            self._end()
            raise SinkError(f"cannot write {self._name}: the store ended the upload early{gone}", hint="try again")
        return answer

    @property
    def _name(self) -> str:
        return f"{self._writing.place.name}/{self._claim.key}"
