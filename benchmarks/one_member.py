"""How much is fetched from S3 to read one member out of an encrypted zip of 2 GB: `python benchmarks/one_member.py [MEGABYTES]`.

The server is SeaweedFS on this machine; what it sends is counted on the wire. The zip is the archive of a real backup, with a member before
its others that makes it as large as that of a very large account.
"""

from __future__ import annotations

import asyncio
import io
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _peers import WRIKEBACKUP, free_port
from s3 import KEY, SECRET, made_bucket, seaweedfs

from wrikebackup_age.age.x25519 import X25519Identity
from wrikebackup_age.encryption import Encryption
from wrikebackup_core import Context
from wrikebackup_core.cli.reading import open_sink
from wrikebackup_core.decoding import Decoding
from wrikebackup_core.engine.opened import OpenBackup
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.store import AccountStore, accounts

TARGET = 1_000_000  # bytes: kilobytes, not gigabytes
PIECE = 1 << 20


class Relay:
    """Passes on what two ends of a connection say, and counts what the server sends."""

    def __init__(self, port: int) -> None:
        self._to, self.port, self.sent = port, free_port(), 0
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        start = asyncio.start_server(self._passed, "127.0.0.1", self.port)
        asyncio.run_coroutine_threadsafe(start, self._loop).result()

    async def _passed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await asyncio.open_connection("127.0.0.1", self._to)
        await asyncio.gather(self._pump(reader, questions), self._pump(answers, writer, counted=True))

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, counted: bool = False) -> None:
        try:
            while piece := await source.read(1 << 16):
                self.sent += len(piece) if counted else 0
                target.write(piece)
                await target.drain()
        except ConnectionError:
            pass
        finally:
            target.close()


class Pieces(io.RawIOBase):
    """Takes what a zip file writes, and encrypts it on its way into a sink."""

    def __init__(self, writer: Any) -> None:
        self._writer, self._at = writer, 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: Any, /) -> int:
        self._writer.write(bytes(data))
        self._at += len(data)
        return len(data)


@contextmanager
def plain_backup() -> Iterator[OpenBackup]:
    with tempfile.TemporaryDirectory() as name:
        profile, folder = Path(name, "bench.yaml"), Path(name, "sink")
        profile.write_text(
            f"source:\n  mock: {{tasks: 500, attachments: 0}}\nstate: {name}/state\nsinks: [local: {{path: {folder}}}]"
        )
        subprocess.run([*WRIKEBACKUP, "-q", "backup", profile], check=True)
        sink = open_sink(str(folder), Plugins.load())
        (account,) = accounts(sink)
        store = AccountStore(sink, account)
        yield OpenBackup(sink, account, store.manifest(store.uids()[0][0]), Decoding([]))


def enlarged(backup: OpenBackup, sink: Any, encryption: Encryption, megabytes: int) -> tuple[str, bytes, int]:
    """Stores the archive, encrypted; the name of a member of it that is not the large one, its content, and how many bytes are stored."""
    key = backup.key(backup.manifest.files.archive)
    writer = encryption.encode(sink.create(key))
    with backup.archive() as archive, zipfile.ZipFile(Pieces(writer), "w") as larger:  # type: ignore[arg-type] # it needs no more
        with larger.open("filler", "w", force_zip64=True) as filler:
            for _ in range(megabytes * 1_000_000 // PIECE):
                filler.write(secrets.token_bytes(PIECE))
        for name in archive.namelist():
            larger.writestr(name, archive.read(name), zipfile.ZIP_DEFLATED)
        wanted = min(archive.infolist(), key=lambda member: member.file_size).filename
        content = archive.read(wanted)
    writer.commit()
    return wanted, content, next(entry.size for entry in sink.list(backup.folder) if entry.key == key)


def main(megabytes: int = 2000) -> None:
    os.environ |= {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1"}
    identity = X25519Identity.generate()
    encryption = Encryption([identity.recipient()], [identity])
    with tempfile.TemporaryDirectory() as name, seaweedfs(Path(name)) as url, plain_backup() as backup:
        made_bucket(url)
        relay = Relay(int(url.rpartition(":")[2]))
        plugins = Plugins.load()
        registration = plugins.sinks["s3"]
        options = {"bucket": "bench", "endpoint_url": f"http://127.0.0.1:{relay.port}"}
        sink = plugins.make_sink("s3", registration.options.model_validate(options), Context(plugins.secret))
        wanted, content, stored = enlarged(backup, sink, encryption, megabytes)
        before, begun = relay.sent, time.perf_counter()
        opened = OpenBackup(sink, backup.account, backup.manifest, Decoding([encryption]))
        with opened.archive() as archive:
            assert archive.read(wanted) == content
        seconds = time.perf_counter() - begun
        time.sleep(0.5)  # for what the server still sends
        fetched = relay.sent - before
        sink.close()
    print(f"{wanted}, {len(content):,} bytes, out of an encrypted zip of {stored:,} bytes on S3")
    print(f"  sent by the server: {fetched:,} bytes in {seconds:.2f} s (target: under {TARGET:,})")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
