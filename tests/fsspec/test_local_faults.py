"""Full disks, refused permissions, and what a kill leaves."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fsspec.asking import put
from wrikebackup_core import AlreadyExists, SinkError, SinkFull
from wrikebackup_fsspec.local import faults
from wrikebackup_fsspec.local.sink import LocalSink

ROOT = Path(__file__).parents[2]
linux_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="needs root on Linux, to mount a small file system"
)


def run(script: str, *arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """4 MiB, and 60 inodes."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m,nr_inodes=60", "tmpfs", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs: {mounted.stderr.strip()}")
    try:
        yield tmp_path
    finally:
        # --lazy, so that a failed test whose traceback still holds a file open leaves no mount behind.
        subprocess.run(["umount", "--lazy", tmp_path], check=True)


def test_a_folder_in_the_place_of_a_file_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "a" / "first").mkdir(parents=True)
    (tmp_path / "a" / "first" / "of-somebody").write_text("else")
    with pytest.raises(AlreadyExists, match=r"a.first exists already") as caught:
        put(LocalSink(str(tmp_path)), "a/first")
    assert "a folder stands where a file belongs" in str(caught.value.hint)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["first"], "and nothing is left beside it"


@linux_root
def test_a_full_disk_says_so_and_keeps_what_it_has(small_disk: Path) -> None:
    sink = LocalSink(str(small_disk / "backups"))
    put(sink, "a/first", b"x" * 3_000_000)
    with pytest.raises(SinkFull, match=r"cannot write .*a.second: no space left on device") as caught:
        put(sink, "a/second", b"y" * 3_000_000)
    assert "make room" in str(caught.value.hint)
    assert [(entry.key, entry.size) for entry in sink.list("")] == [("a/first", 3_000_000)]
    assert sorted(path.name for path in (small_disk / "backups" / "a").iterdir()) == ["first"]
    put(sink, "a/third", b"z" * 500_000)


@linux_root
def test_a_disk_without_inodes_is_full_too(small_disk: Path) -> None:
    sink = LocalSink(str(small_disk))
    with pytest.raises(SinkFull):
        _fill(sink)
    names = [entry.key for entry in sink.list("")]
    assert 40 < len(names) < 60
    assert len(list((small_disk / "a").iterdir())) == len(names)


def _fill(sink: LocalSink) -> None:
    for number in range(100):
        put(sink, f"a/{number}")


@linux_root
def test_doctor_tells_a_full_disk(small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(b"x" * 4_000_000)
    checks = {check.name: check for check in LocalSink(str(small_disk)).checks()}
    assert checks["free space"].ok is False
    assert checks["file system"].detail.startswith("tmpfs")


@linux_root
def test_a_read_only_file_system_is_named(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    sink = LocalSink(str(small_disk))
    with pytest.raises(SinkError, match="read-only file system") as caught:
        sink.create("a/b")
    assert "mounted read-only" in (caught.value.hint or "")
    assert {check.name: check.ok for check in sink.checks()}["writable"] is False


AS_NOBODY = """
import json, os, sys
from wrikebackup_core import SinkError
from wrikebackup_fsspec.local.sink import LocalSink
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
root, = sys.argv[1:]
def attempt(act):
    try:
        act()
    except SinkError as error:
        return [type(error).__name__, str(error), error.hint]
    return None
sink = LocalSink(root)
print(json.dumps({
    "create": attempt(lambda: sink.create("a/new")),
    "below": attempt(lambda: sink.create("a/deep/new")),
    "delete": attempt(lambda: sink.delete(["a/old", "a/open"])),
    "open": attempt(lambda: sink.open("a/old")),
    "list": attempt(lambda: list(sink.list("locked"))),
    "sweep": attempt(lambda: sink.sweep("a")),
    "checks": [[check.name, check.ok] for check in sink.checks()],
}))
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Unlike tmp_path, one that every user of the machine may enter."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder).resolve()
        path.chmod(0o755)
        yield path


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_what_is_not_permitted_is_told_with_path_and_hint(open_folder: Path) -> None:
    root = open_folder / "root"
    (root / "a").mkdir(parents=True)
    (root / "locked").mkdir()
    for name in ("old", ".left.partial"):
        (root / "a" / name).write_text("secret")
    for path, mode in ((root / "a" / "old", 0), (root / "a", 0o555), (root / "locked", 0), (root, 0o555)):
        path.chmod(mode)
    try:
        told = json.loads(run(AS_NOBODY, str(root)).stdout)
    finally:
        for path in (root, root / "locked", root / "a"):
            path.chmod(0o700)
    hint = "see who owns the folder and who may write there"
    assert told["create"] == ["SinkError", f"cannot write {root}/a/new: permission denied", hint]
    assert told["below"] == ["SinkError", f"cannot write {root}/a/deep/new: permission denied", hint]
    assert told["delete"] == ["SinkError", f"cannot delete {root}/a/old: permission denied", hint]
    assert told["open"] == ["SinkError", f"cannot read {root}/a/old: permission denied", hint]
    assert told["list"] == ["SinkError", f"cannot list {root}/locked: permission denied", hint]
    assert told["sweep"] == ["SinkError", f"cannot delete {root}/a/.left.partial: permission denied", hint]
    assert ["folder", True] in told["checks"]
    assert ["writable", False] in told["checks"]
    assert (root / "a" / "old").exists()


@pytest.mark.parametrize("number", [errno.EDQUOT, errno.ENOSPC])
def test_quota_and_space_are_both_a_full_store(number: int) -> None:
    assert isinstance(faults.failed("write", "x", OSError(number, os.strerror(number))), SinkFull)


KILLED = """
import hashlib, os, random, signal, sys, time
from concurrent.futures import ThreadPoolExecutor
from wrikebackup_fsspec.local.sink import LocalSink

root, seed = sys.argv[1], int(sys.argv[2])
dice = random.Random(seed)

def content(key):
    return hashlib.sha256(key.encode()).digest() * (1 + int(hashlib.sha256(key.encode()).hexdigest()[:4], 16) % 8000)

def write_for_ever(turn):
    sink = LocalSink(root)
    def work(thread):
        number = 0
        while True:
            key = f"account/attachments/{turn}-{thread}-{number}"
            number += 1
            writer, data = sink.create(key), content(key)
            for start in range(0, len(data), 65536):
                writer.write(data[start : start + 65536])
            writer.commit()
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, thread) for thread in range(4)]:
            done.result()

for turn in range(25):
    child = os.fork()
    if child == 0:
        write_for_ever(turn)
    while not any(entry.key.startswith(f"account/attachments/{turn}-") for entry in LocalSink(root).list("")):
        time.sleep(0.002)
    time.sleep(dice.random() * 0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

sink, left = LocalSink(root), len(os.listdir(f"{root}/account/attachments"))
entries = list(sink.list(""))
for entry in entries:
    with sink.open(entry.key) as reader:
        data = reader.read()
    assert data == content(entry.key) and entry.size == len(data), f"{entry.key} is torn"
sink.sweep("account")
assert len(os.listdir(f"{root}/account/attachments")) == len(entries) == len(list(sink.list("")))
print(len(entries), left - len(entries))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_of_25_killed_writers_every_object_is_whole_and_every_leftover_is_swept(tmp_path: Path) -> None:
    objects, leftovers = map(int, run(KILLED, str(tmp_path), "7").stdout.split())
    assert objects >= 25
    assert leftovers > 0, "no kill struck while a file was being written: the test proves nothing"


def test_an_object_is_right_whatever_the_operating_system_takes_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """write(2) may take less than it is given; strace and full disks do so, and files above 2 GiB."""
    really = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: really(descriptor, data[:7001]))
    sink, data = LocalSink(str(tmp_path)), hashlib.sha256(b"x").digest() * 2000
    put(sink, "a", data)
    assert (tmp_path / "a").read_bytes() == data
