"""What `wrikebackup doctor` asks of an object store: a setting only claims it, so each promise is tried, on objects of our own."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator

from wrikebackup_core import AlreadyExists, Check, KeyNotFound, SinkError
from wrikebackup_fsspec.objects.bucket import PIECE, Bucket

__all__ = ["PROBE", "checks", "probe_name"]

PROBE = ".probe-"
_PAYLOAD = b"wrikebackup checks whether it can write here\n"


def probe_name(root: str) -> str:
    """A name that no listing of the sink shows, and that nobody else uses."""
    return f"{root}{PROBE}{secrets.token_hex(8)}.partial"


def checks(bucket: Bucket, root: str) -> Iterator[Check]:
    """One Check after the other; never raises for one that fails, and takes away what it wrote."""
    asked = _Checks(bucket.without_locks(), root)
    try:
        for name, ask in (
            ("bucket", asked.answers),
            ("writable", asked.writable),
            ("listed at once", asked.listed),
            ("written once", asked.once),
            ("whole or absent", asked.whole),
            ("large ones once", asked.large_once),
        ):
            check = _answer(name, ask)
            yield check
            if name == "writable" and not check.ok:
                return
        yield from bucket.checks(root)
        yield _answer("deleted", asked.deleted)
    finally:
        asked.clear()


def _answer(name: str, ask: Callable[[], tuple[bool | None, str] | tuple[bool | None, str, str]]) -> Check:
    try:
        ok, detail, *hint = ask()
    except SinkError as error:
        return Check(name, False, error.message, hint=error.hint)
    return Check(name, ok, detail, hint=hint[0] if hint else None)


class _Checks:
    """Each answers with `ok`, what was seen, and a hint where one helps."""

    def __init__(self, bucket: Bucket, root: str) -> None:
        self._bucket, self._root = bucket, root
        self._small, self._large = probe_name(root), probe_name(root)

    def answers(self) -> tuple[bool, str]:
        next(iter(self._bucket.list(self._root)), None)
        return True, f"{self._bucket.name} answers, and can be listed"

    def writable(self) -> tuple[bool, str]:
        self._bucket.prepare()
        self._bucket.put(self._small, _PAYLOAD)
        if bytes(self._bucket.read(self._small, 0, 1000).data) != _PAYLOAD:
            return False, "an object reads back other than it was written"
        return True, "an object can be written, and reads back the same"

    def listed(self) -> tuple[bool, str] | tuple[bool, str, str]:
        if self._is_listed(self._small):
            return True, "an object that was just written is in the listing"
        return False, "an object that was just written is not in the listing", "use a store that lists what it holds"

    def once(self) -> tuple[bool | None, str] | tuple[bool | None, str, str]:
        try:
            self._bucket.put(self._small, b"another")
        except AlreadyExists:
            return self._kept("an object that is there cannot be replaced")
        return _replaced()

    def whole(self) -> tuple[bool, str]:
        upload = self._bucket.begin(self._large)
        try:
            upload.send(bytes(PIECE))
            seen = self._is_listed(self._large) or self._is_readable(self._large)
        finally:
            upload.abort()
        if seen:
            return False, "a large object can be seen before all of it is there"
        return True, "a large object cannot be seen before all of it is there"

    def large_once(self) -> tuple[bool | None, str] | tuple[bool | None, str, str]:
        try:
            upload = self._bucket.begin(self._small)
            try:
                upload.send(bytes(PIECE))
                upload.complete(b"end")
            finally:
                upload.abort()
        except AlreadyExists:
            return self._kept("a large object cannot replace one that is there either")
        return _replaced()

    def deleted(self) -> tuple[bool, str]:
        self._bucket.delete([self._small, self._large])
        if self._is_readable(self._small) or self._is_listed(self._small):
            return False, "an object that was deleted can still be seen"
        return True, "an object can be deleted, and is gone"

    def clear(self) -> None:
        with contextlib.suppress(SinkError):
            self._bucket.delete([self._small, self._large])

    def _is_listed(self, name: str) -> bool:
        return any(entry.key == name for entry in self._bucket.list(name))

    def _is_readable(self, name: str) -> bool:
        try:
            self._bucket.read(name, 0, 1)
        except KeyNotFound:
            return False
        return True

    def _kept(self, detail: str) -> tuple[bool | None, str] | tuple[bool | None, str, str]:
        if self._bucket.conditional:
            return True, detail
        hint = "let no two machines back up to it at the same time"
        return None, "the store itself would replace an object; this program looks first", hint


def _replaced() -> tuple[bool, str, str]:
    return (
        False,
        "the store let an object be replaced",
        "use another store; on this one an older backup is not safe from a newer one",
    )
