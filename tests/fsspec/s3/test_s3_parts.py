"""How large objects are cut into parts."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import Future
from typing import Any

import pytest

from tests.fsspec.asking import get, put
from tests.fsspec.proxy import Proxy
from tests.fsspec.s3.stores import SECRETS, Store
from wrikebackup_core import SinkError

MIB = 1 << 20


def test_the_first_42_gb_go_in_equal_parts(moto: Store) -> None:
    """R2 takes no upload whose parts differ, the last one aside."""
    sink = moto.sink()
    sink.create("a/b").discard()
    upload: Any = sink._bucket.begin("a/b")
    sent: Future[str] = Future()
    sent.set_result('"0"')
    for number in (1, 2, 2_000, 4_000, 4_999):
        upload._sent += [sent] * (number - 1 - len(upload._sent))
        assert upload.send(b"") == 8 * MIB
    assert upload.send(b"") == 64 * MIB
    upload.abort()


def test_parts_grow_beyond_that_and_the_object_is_whole(moto: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wrikebackup_fsspec.s3.upload._EQUAL", 2)
    monkeypatch.setattr("wrikebackup_fsspec.s3.upload._LARGER", 20 * MIB)
    data = bytes(range(256)) * (45 * MIB // 256)
    with Proxy(moto.url) as proxy:
        sink = moto.sink(endpoint_url=proxy.url)
        put(sink, "a/b", data)
        parts = sorted(
            (asked.query.partition("&")[2], asked.size) for asked in proxy.asked if "partNumber" in asked.query
        )
        assert [size // MIB for _, size in parts] == [8, 8, 20, 9]
        assert get(sink, "a/b") == data


def test_an_object_of_more_parts_than_there_can_be_is_refused(moto: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wrikebackup_fsspec.s3.upload._MAX_PARTS", 2)
    bucket = moto.bucket()
    sink = moto.sink(bucket)
    with pytest.raises(SinkError, match="too large"):
        put(sink, "a/b", bytes(25 * MIB))
    assert moto.uploads(bucket) == []


MEMORY = """
import sys
from wrikebackup_core import Context
from wrikebackup_fsspec.options import S3Options
from wrikebackup_fsspec.s3 import upload
from wrikebackup_fsspec.s3.opening import open_sink
secrets = {"test:a": sys.argv[3], "test:s": sys.argv[4]}
options = S3Options(bucket=sys.argv[2], endpoint_url=sys.argv[1], access_key="test:a", secret_key="test:s")
sink = open_sink(options, Context(secret=secrets.__getitem__))
count, size, upload._EQUAL = map(int, sys.argv[5:])
writers = [sink.create(f"a/{number}") for number in range(count)]
chunk = bytes(1 << 20)
for _ in range(size):
    for writer in writers:
        writer.write(chunk)
for writer in writers:
    writer.commit()
with sink.open("a/0") as reader:
    while reader.read(1 << 20):
        pass
(peak,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
@pytest.mark.parametrize(("objects", "mib", "equal"), [(4, 100, 5_000), (1, 400, 1)], ids=["several", "of large parts"])
def test_memory_stays_bounded_with_large_objects_on_their_way(
    seaweedfs: Store, objects: int, mib: int, equal: int
) -> None:
    keys_ = [SECRETS["test:access"], SECRETS["test:secret"]]
    how = [str(objects), str(mib), str(equal)]
    command = [sys.executable, "-c", MEMORY, seaweedfs.url, seaweedfs.bucket(), *keys_, *how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert int(done.stdout) < 300
