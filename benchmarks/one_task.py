"""How much of an encrypted backup of 200,000 tasks is fetched to read one of them: `python benchmarks/one_task.py [TASKS]`."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from _peers import WRIKEBACKUP

from wrikebackup_age.age.x25519 import X25519Identity
from wrikebackup_age.encryption import Encryption
from wrikebackup_core.cli.reading import open_sink
from wrikebackup_core.decoding import Decoding
from wrikebackup_core.engine.lookup.records import record
from wrikebackup_core.engine.opened import OpenBackup
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.store import AccountStore, accounts

TARGET = 2_000_000  # bytes
LOOKS = 20


class Counted:
    """A sink that counts the bytes that are read of it."""

    def __init__(self, sink: Any) -> None:
        self._sink, self.fetched = sink, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sink, name)

    def open(self, key: str, offset: int = 0) -> Any:
        return _Counting(self, self._sink.open(key, offset))


class _Counting:
    def __init__(self, sink: Counted, reader: Any) -> None:
        self._sink, self._reader = sink, reader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def read(self, size: int = -1, /) -> bytes:
        data: bytes = self._reader.read(size)
        self._sink.fetched += len(data)
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._reader.close()


@contextmanager
def backup(tasks: int, identity: X25519Identity) -> Iterator[str]:
    """A folder with an encrypted backup."""
    with tempfile.TemporaryDirectory() as name:
        profile, sink = Path(name, "bench.yaml"), Path(name, "sink")
        profile.write_text(
            f"source:\n  mock: {{tasks: {tasks}, attachments: 0}}\nstate: {name}/state\nsinks:\n  - local: {{path: {sink}}}\n"
            f"transforms:\n  - encrypt: {{recipients: [{identity.recipient()}]}}\n"
        )
        subprocess.run([*WRIKEBACKUP, "-q", "backup", profile], check=True)
        yield str(sink)


def main(tasks: int = 200_000) -> None:
    identity = X25519Identity.generate()
    with backup(tasks, identity) as folder:
        sink = Counted(open_sink(folder, Plugins.load()))
        (account,) = accounts(sink)
        store = AccountStore(sink, account)
        (uid,) = store.uids()[0]
        opened = OpenBackup(sink, account, store.manifest(uid), Decoding([Encryption(identities=[identity])]))
        with opened.records() as zipped:
            assert zipped is not None
            ids = [json.loads(line)["id"] for line in zipped.open("tasks.jsonl")]
        fetched = []
        for wanted in [ids[0], ids[-1], *random.Random(3).sample(ids, LOOKS)]:
            sink.fetched = 0
            assert json.loads(record(opened, "tasks.jsonl", wanted))["id"] == wanted
            fetched.append(sink.fetched)
        stored = opened.sizes[opened.key(opened.manifest.files.records or "")]
    print(f"one of {len(ids):,} tasks, out of {stored:,} stored bytes of records")
    print(f"  fetched: {min(fetched):,} to {max(fetched):,} bytes (target: under {TARGET:,})")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
