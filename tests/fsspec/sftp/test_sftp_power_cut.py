"""After a power cut of the server: what a barrier followed is there. The disk is an image that is copied while it is mounted; see
tests/fsspec/test_power_cut.py.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fsspec.asking import get, put
from tests.fsspec.sftp.servers import OpenSsh
from tests.fsspec.test_power_cut import mounted
from wrikebackup_fsspec.sftp.barrier import Barrier
from wrikebackup_fsspec.sftp.sink import SftpSink

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mkfs.ext4") is None,
    reason="needs root on Linux with mkfs.ext4, to mount an image",
)


async def _never(*_: object) -> bool:
    return False


@pytest.fixture(params=[True, False], ids=["before they have their names", "under their names"])
def flushed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """When files are."""
    if not request.param:
        monkeypatch.setattr(Barrier, "ahead", _never)


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[tuple[Path, Callable[[], Path]]]:
    """A disk of the server, and what cuts its power and gives the folder where it is mounted again."""
    image, copy = tmp_path / "disk", tmp_path / "disk after the cut"
    with image.open("wb") as file:
        file.truncate(48 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    with ExitStack() as stack:

        def cut() -> Path:
            shutil.copyfile(image, copy)
            return stack.enter_context(mounted(copy, tmp_path / "after", "commit=5"))

        yield stack.enter_context(mounted(image, tmp_path / "before", "commit=300")), cut


@pytest.mark.usefixtures("flushed")
def test_synced_objects_survive_and_uncommitted_ones_do_not_exist(
    make_sink: Callable[..., SftpSink], openssh: OpenSsh, disks: tuple[Path, Callable[[], Path]]
) -> None:
    disk, cut = disks
    sink = make_sink(openssh.port, disk / "new" / "root")
    for number in range(40):
        put(sink, f"account/attachments/{number}", _data(number))
    put(sink, "account/backup-1/manifest.json", _data(1000))
    sink.sync()
    unfinished = sink.create("account/backup-2/unfinished")
    unfinished.write(_data(3000) * 10)
    found = make_sink(openssh.port, cut() / "new" / "root")
    held = [entry.key for entry in found.list("")]
    assert len(held) == 41
    for key in held:
        name = key.rpartition("/")[2]
        assert get(found, key) == _data(1000 if name == "manifest.json" else int(name)), key
    found.sweep("")
    assert len(list(found.list(""))) == 41
    found.close()
    unfinished.discard()
    sink.close()


@pytest.mark.usefixtures("flushed")
def test_objects_of_a_killed_run_survive_that_another_one_names(
    make_sink: Callable[..., SftpSink], openssh: OpenSsh, disks: tuple[Path, Callable[[], Path]]
) -> None:
    disk, cut = disks
    killed = make_sink(openssh.port, disk / "new" / "root")
    names = [f"account/attachments/{number}" for number in range(40)]
    for number, name in enumerate(names):
        put(killed, name, _data(number))
    killed.close()
    sink = make_sink(openssh.port, disk / "new" / "root")
    sink.sync([*names, "account/attachments/absent"])
    sink.close()
    found = make_sink(openssh.port, cut() / "new" / "root")
    assert [get(found, name) for name in names] == [_data(number) for number in range(40)]
    found.close()


def _data(number: int) -> bytes:
    return f"{number} ".encode() * 20_000
