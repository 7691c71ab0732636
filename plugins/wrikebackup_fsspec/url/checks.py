"""What `wrikebackup doctor` asks of a store behind fsspec."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator

from wrikebackup_core import AlreadyExists, Check, KeyNotFound, Sink, SinkError

__all__ = ["checks"]

_PAYLOAD = b"wrikebackup checks whether it can write here\n"


def checks(sink: Sink) -> Iterator[Check]:
    """One Check after the other; never raises for one that fails, and takes away what it wrote."""
    folder = f".probe-{secrets.token_hex(8)}"
    key = f"{folder}/object"
    try:
        for name, ask in (
            ("reachable", lambda: _reachable(sink)),
            ("writable", lambda: _writable(sink, key)),
            ("listed at once", lambda: _listed(sink, folder)),
            ("whole or absent", lambda: _whole(sink, folder)),
            ("written once", lambda: _once(sink, key)),
            ("deleted", lambda: _deleted(sink, key)),
        ):
            check = _answer(name, ask)
            yield check
            if name in ("reachable", "writable") and not check.ok:
                return
        hint = "what the store does with what it has acknowledged is between you and it"
        yield Check("durable", None, "fsspec has no way to ask a store to flush", hint=hint)
    finally:
        with contextlib.suppress(SinkError):
            sink.delete([key])


def _answer(name: str, ask: Callable[[], tuple[bool | None, str, str | None]]) -> Check:
    try:
        ok, detail, hint = ask()
    except SinkError as error:
        return Check(name, False, error.message, hint=error.hint)
    return Check(name, ok, detail, hint=hint)


def _reachable(sink: Sink) -> tuple[bool, str, None]:
    next(iter(sink.list("")), None)
    return True, "it answers, and can be listed", None


def _put(sink: Sink, key: str, data: bytes) -> None:
    writer = sink.create(key)
    try:
        writer.write(data)
    except BaseException:
        writer.discard()
        raise
    writer.commit()


def _writable(sink: Sink, key: str) -> tuple[bool, str, None]:
    _put(sink, key, _PAYLOAD)
    with sink.open(key) as reader:
        if reader.read() != _PAYLOAD:
            return False, "an object reads back other than it was written", None
    return True, "an object can be written, and reads back the same", None


def _listed(sink: Sink, folder: str) -> tuple[bool, str, str | None]:
    if [entry.size for entry in sink.list(folder)] == [len(_PAYLOAD)]:
        return True, "an object that was just written is in the listing", None
    return False, "an object that was just written is not in the listing", "use a store that lists what it holds"


def _whole(sink: Sink, folder: str) -> tuple[bool, str, None]:
    writer = sink.create(f"{folder}/second")
    try:
        writer.write(_PAYLOAD)
        seen = any(entry.key.endswith("second") for entry in sink.list(folder))
    finally:
        writer.discard()
    if seen:
        return False, "an object can be seen before all of it is there", None
    return True, "an object cannot be seen before all of it is there", None


def _once(sink: Sink, key: str) -> tuple[bool | None, str, str]:
    try:
        _put(sink, key, b"another")
    except AlreadyExists:
        hint = "let no two machines back up to it at the same time"
        return None, "the store itself may replace an object; this program looks first", hint
    return False, "an object that is there was replaced", "use another store"


def _deleted(sink: Sink, key: str) -> tuple[bool, str, None]:
    sink.delete([key])
    try:
        sink.open(key).close()
    except KeyNotFound:
        return True, "an object can be deleted, and is gone", None
    return False, "an object that was deleted can still be read", None
