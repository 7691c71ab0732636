"""An object on its way into S3 in parts."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from wrikebackup_core import SinkError
from wrikebackup_fsspec.objects.bucket import PIECE
from wrikebackup_fsspec.s3.digests import Digests, content_md5
from wrikebackup_fsspec.s3.faults import Errors, failed, said

__all__ = ["PartUpload", "Parts", "Senders"]

_SENDERS = 6  # threads that send parts, for all objects of a sink together
_SENDER = "s3-part"
_ROOM = (_SENDERS + 2) * PIECE  # bytes of parts that are being sent, or wait for it
_MAX_PARTS = 10_000  # S3's own limit
# R2 demands that all parts but the last are equal, so that they grow late: after 42 GB. They end at 377 GB.
_EQUAL = 5_000
_LARGER = _ROOM


class Senders:
    """Threads that send parts, and room for as many as may wait for one: what bounds the memory of a sink."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_SENDERS, thread_name_prefix=_SENDER)
        self._free = _ROOM
        self._freed = threading.Condition()
        self._turn = threading.Lock()  # who waits for much is not passed by those who want little

    def submit(self, send: Callable[[], str], size: int) -> Future[str]:
        """Waits until there is room."""
        size = min(size, _ROOM)
        with self._turn, self._freed:
            self._freed.wait_for(lambda: self._free >= size)
            self._free -= size
        try:
            future = self._pool.submit(send)
        except RuntimeError:
            self._leave(size)
            raise SinkError("the sink was closed") from None
        future.add_done_callback(lambda _: self._leave(size))
        return future

    def _leave(self, size: int) -> None:
        with self._freed:
            self._free += size
            self._freed.notify()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class Parts:
    """Where parts go: botocore's client, the bucket, its name for people, and the threads that send."""

    client: Any
    bucket: str
    name: str
    senders: Senders


class PartUpload:
    """An Upload. Parts go out side by side; the store compares each with the MD5 that comes with it.

    `publish` is handed the request that makes the object appear, which takes the conditions under which it may, and the digests.
    """

    def __init__(
        self,
        parts: Parts,
        key: str,
        extra: Mapping[str, Any],
        publish: Callable[[Callable[[Mapping[str, str]], str], Digests], None],
    ) -> None:
        """Raises SinkError."""
        self._parts, self._key, self._publish = parts, key, publish
        self._sent: list[Future[str]] = []
        self._arrived = 0
        self._digests = Digests()
        self._open = True
        try:
            answer = parts.client.create_multipart_upload(Bucket=parts.bucket, Key=key, **extra)
            self._id: str = said(answer, "UploadId")
        except Errors as error:
            raise self._failed(error) from error

    def send(self, piece: bytes) -> int:
        while self._arrived < len(self._sent) and self._sent[self._arrived].done():
            self._sent[self._arrived].result()  # raises what went wrong
            self._arrived += 1
        number = len(self._sent) + 1
        if number > _MAX_PARTS:
            raise SinkError(f"{self._parts.name}/{self._key} is too large for the {_MAX_PARTS:,} parts that S3 allows")
        self._digests.expect(number)
        self._sent.append(self._parts.senders.submit(lambda: self._send(number, piece), len(piece)))
        return PIECE if number < _EQUAL else _LARGER

    def complete(self, rest: bytes) -> None:
        self.send(rest)
        parts = [{"PartNumber": number, "ETag": sent.result()} for number, sent in enumerate(self._sent, 1)]

        def request(conditions: Mapping[str, str]) -> str:
            answer = self._parts.client.complete_multipart_upload(
                Bucket=self._parts.bucket,
                Key=self._key,
                UploadId=self._id,
                MultipartUpload={"Parts": parts},
                **conditions,
            )
            return str(answer.get("ETag", ""))

        self._publish(request, self._digests)
        self._open = False

    def abort(self) -> None:
        if not self._open:
            return
        self._open = False
        for future in self._sent:
            future.cancel()
        if not threading.current_thread().name.startswith(_SENDER):  # where it is collected, which waits for nobody
            for future in self._sent:
                with contextlib.suppress(Exception):  # cancelled ones too
                    future.exception()  # a part that arrives after the end of its upload would stay in the store
        with contextlib.suppress(*Errors):
            self._parts.client.abort_multipart_upload(Bucket=self._parts.bucket, Key=self._key, UploadId=self._id)

    def _send(self, number: int, piece: bytes) -> str:
        md5 = self._digests.add(number, piece)
        try:
            answer = self._parts.client.upload_part(
                Bucket=self._parts.bucket,
                Key=self._key,
                UploadId=self._id,
                PartNumber=number,
                Body=piece,
                ContentMD5=content_md5(md5),
            )
            return str(said(answer, "ETag"))
        except Errors as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> SinkError:
        return failed(f"write {self._parts.name}/{self._key}", error)
