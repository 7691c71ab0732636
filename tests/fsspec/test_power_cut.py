"""After a power cut: what a barrier followed is there, and what was never committed is not.

A real ext4 on a loop device is copied as it lies on the disk while it is mounted, and the copy is mounted: what the journal and the disk
hold at this moment is what a machine would find after losing its power.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from wrikebackup_fsspec.local import barrier
from wrikebackup_fsspec.local.sink import LocalSink

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mkfs.ext4") is None,
    reason="needs root on Linux with mkfs.ext4, to mount an image",
)


@contextmanager
def mounted(image: Path, folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    # With the option `loop`, unmounting detaches the device too.
    done = subprocess.run(
        ["mount", "-t", "ext4", "-o", f"loop,{options}", image, folder], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"cannot mount an image: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        # --lazy, so that a failed test whose traceback still holds a file open leaves no mount behind.
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("kind", [None, barrier.FileByFile], ids=["syncfs", "file by file"])
def test_synced_objects_survive_and_uncommitted_ones_do_not_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Callable[[str], barrier.FileByFile] | None
) -> None:
    if kind is not None:
        monkeypatch.setattr("wrikebackup_fsspec.local.sink.barrier_for", kind)
    image, copy = tmp_path / "disk", tmp_path / "disk after the cut"
    with image.open("wb") as file:
        file.truncate(48 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    with ExitStack() as stack:
        # commit=300: the journal is not written by the clock, so that only barriers make anything durable.
        disk = stack.enter_context(mounted(image, tmp_path / "before", "commit=300"))
        sink = LocalSink(str(disk / "new" / "root"))
        for number in range(40):
            _put(sink, f"account/attachments/{number}", number)
        _put(sink, "account/backup-1/manifest.json", 1000)
        sink.sync()
        _put(sink, "account/attachments/late", 2000)
        for key in ("account/attachments/unfinished", "account/backup-2/unfinished"):
            unfinished = sink.create(key)
            stack.callback(unfinished.discard)
            unfinished.write(_data(3000))

        shutil.copyfile(image, copy)  # here the power goes

        after = stack.enter_context(mounted(copy, tmp_path / "after", "commit=5"))
        found = LocalSink(str(after / "new" / "root"))
        held = {entry.key: entry.size for entry in found.list("")}
        held.pop("account/attachments/late", None)  # committed, but no barrier followed: anything may have become of it
        assert len(held) == 41
        for key in held:
            name = key.rpartition("/")[2]
            with found.open(key) as reader:
                assert reader.read() == _data(1000 if name == "manifest.json" else int(name)), key
        found.sweep("")
        assert len(list(found.list(""))) in (41, 42)


def _data(number: int) -> bytes:
    return f"{number} ".encode() * 20_000


def _put(sink: LocalSink, key: str, number: int) -> None:
    writer = sink.create(key)
    writer.write(_data(number))
    writer.commit()
