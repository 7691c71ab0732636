"""Copies of real backups, by the program itself: whole or not at all, wherever it is killed and whatever is wrong."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import TOKEN, Place, Run, environment, program, started
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer

pytestmark = pytest.mark.slow

KILLS = 8
SEED = 20261124
FILES = 900


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sink with two backups, made by the program from the mock source."""
    place = Place(tmp_path_factory.mktemp("backed-up"))
    place.profile.write_text(
        f"source: {{mock: {{tasks: 40, attachments: {FILES}, attachment_size: 9000}}}}\n"
        f"sinks: [local: {{path: {place.sink}}}]\nstate: {place.root / 'state'}\n"
    )
    for _ in range(2):
        subprocess.run(
            [program(), "-q", "backup", place.profile],
            env=environment(place),
            cwd=place.root,
            check=True,
            timeout=300,
        )
    return place.sink


@pytest.fixture
def copying(place: Place, backed_up: Path) -> Place:
    """A profile with that sink, in a copy that a test may damage, and an empty one, `copy`."""
    shutil.copytree(backed_up, place.sink)
    write(place, place.sink, place.root / "copy")
    return place


def write(place: Place, *sinks: Path) -> None:
    listed = "".join(f"  - local: {{path: {sink}}}\n" for sink in sinks)
    place.profile.write_text(f"source: mock\nsinks:\n{listed}state: {place.root / 'state'}\n")


def tree(root: Path) -> dict[str, str]:
    """Every file, temporary ones too, with its hash."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def inodes(root: Path) -> dict[str, int]:
    """Of the files that are there under their own names."""
    files = (path for path in root.rglob("*") if path.is_file() and not path.name.startswith("."))
    files = (path for path in files if path.parent.name != ".lease")  # each run has its own
    return {str(path.relative_to(root)): path.stat().st_ino for path in files}


def backups(sink: Path) -> list[Path]:
    return sorted(path.parent for path in sink.glob("account-*/backup-*/manifest.json"))


def whole(backup: Path) -> bool:
    for line in (backup / "SHA256SUMS").read_text().splitlines():
        sha256, name = line.split("  ", 1)
        if hashlib.sha256((backup / name).read_bytes()).hexdigest() != sha256:
            return False
    return True


def an_attachment(sink: Path) -> Path:
    path = next(path for path in sorted(sink.glob("account-*/attachments/*")) if path.stat().st_size > 1000)
    path.chmod(0o600)
    return path


def test_a_copy_is_the_same_tree_and_can_be_checked_with_stock_tools(copying: Place, run: Run) -> None:
    done = run("copy", copying.profile)
    assert done.returncode == 0, done.stderr
    target = copying.root / "copy"
    assert tree(target) == tree(copying.sink)
    if shutil.which("sha256sum"):
        for backup in backups(target):
            subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=backup, check=True)
    assert run("verify", "--all", copying.profile).returncode == 0
    before = inodes(target)
    assert "2 there already" in run("copy", copying.profile).stdout
    assert inodes(target) == before


def test_kills_at_random_moments_end_with_the_same_tree(copying: Place, run: Run) -> None:
    """What stood under its name at a kill is not copied again, and no backup is there before it is whole."""
    target, chance = copying.root / "copy", random.Random(SEED)
    kept: dict[str, int] = {}
    killed = 0
    for number in sorted(chance.randrange(FILES + 8) for _ in range(KILLS)):
        killed += _killed_at(copying, target, number)
        now = inodes(target) if target.exists() else {}
        assert now.items() >= kept.items(), "a file that was there was copied again"
        kept = now
        assert all(whole(backup) for backup in backups(target))
    assert killed >= KILLS // 2, "the kills came too late to show anything"
    assert run("copy", copying.profile).returncode == 0
    assert inodes(target).items() >= kept.items()
    assert tree(target) == tree(copying.sink), "and no temporary file is left"


def _killed_at(place: Place, target: Path, files: int) -> bool:
    """Kills the copy when so many attachments are there. Whether it had not ended before."""
    process = started(place, "copy")
    while process.poll() is None and _count(target) < files:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def _count(target: Path) -> int:
    with contextlib.suppress(OSError):
        return sum(1 for _ in target.glob("account-*/attachments/*"))
    return 0


def test_a_flipped_byte_and_a_missing_file_in_the_source(copying: Place, run: Run) -> None:
    """Told by name, exit code 4, and no backup that names them is committed; mended, the copy is finished."""
    target = copying.root / "copy"
    flipped, missing = an_attachment(copying.sink), max(copying.sink.glob("account-*/attachments/*"))
    good, lost = flipped.read_bytes(), missing.read_bytes()
    flipped.write_bytes(good[:100] + bytes([good[100] ^ 1]) + good[101:])
    missing.unlink()
    done = run("copy", copying.profile)
    assert done.returncode == 4, done.stderr
    assert f"damaged  {flipped.relative_to(copying.sink)}" in done.stdout
    assert f"missing  {missing.relative_to(copying.sink)}" in done.stdout
    assert backups(target) == []
    assert not (target / flipped.relative_to(copying.sink)).exists()
    flipped.write_bytes(good)
    missing.write_bytes(lost)
    before = inodes(target)
    assert run("copy", copying.profile).returncode == 0
    assert inodes(target).items() >= before.items()
    assert tree(target) == tree(copying.sink)


def test_a_backup_whose_own_file_is_damaged_does_not_hold_up_the_other(copying: Place, run: Run) -> None:
    older, newer = backups(copying.sink)
    archive = next(older.glob("backup-*.zip"))
    archive.chmod(0o600)
    archive.write_bytes(archive.read_bytes()[:-1])
    assert run("copy", copying.profile).returncode == 4
    assert [path.name for path in backups(copying.root / "copy")] == [newer.name]


def test_a_different_backup_under_the_same_uid_is_refused(copying: Place, run: Run) -> None:
    target = copying.root / "copy"
    assert run("copy", copying.profile).returncode == 0
    other = backups(target)[0] / "manifest.json"
    said = json.loads(other.read_text())
    other.chmod(0o600)
    other.write_text(json.dumps(said | {"counts": {"tasks": 1}}))
    before = tree(target)
    done = run("copy", copying.profile)
    assert done.returncode == 3
    assert "there is a different backup under this uid" in done.stdout
    assert tree(target) == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    if sys.platform != "linux" or mount is None or os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    made = subprocess.run([mount, "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {made.stderr!r}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_fails_and_the_other_target_goes_on(copying: Place, small_disk: Path, run: Run) -> None:
    good = copying.root / "copy"
    write(copying, copying.sink, small_disk / "full", good)
    done = run("copy", copying.profile)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "no space left on device" in done.stdout
    assert tree(good) == tree(copying.sink)
    assert backups(small_disk / "full") == []
    write(copying, copying.sink, small_disk / "full")
    assert run("copy", copying.profile).returncode == 1
    before = inodes(small_disk / "full")
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    assert run("copy", copying.profile).returncode == 0
    assert inodes(small_disk / "full").items() >= before.items()
    assert tree(small_disk / "full") == tree(copying.sink)


def test_a_folder_of_wrikes_own_tool_becomes_an_off_site_copy(copying: Place, run: Run) -> None:
    """Made of a backup: its archive under another name, the attachments, and nothing else."""
    tool, target = copying.root / "tool/backups", copying.root / "copy"
    shutil.move(copying.sink, tool)
    [account] = tool.glob("account-*")
    for number, backup in enumerate(backups(tool)):
        folder = account / f"backup-20{number}AbCdEf"
        folder.mkdir()
        shutil.move(next(backup.glob("backup-*.zip")), folder / f"{folder.name}.zip")
        shutil.rmtree(backup)
    write(copying, target)
    done = run("copy", copying.profile, "--from", tool)
    assert done.returncode == 0, done.stdout + done.stderr
    made = backups(target)
    assert len(made) == 2
    assert all(whole(backup) for backup in made)
    for path in account.glob("attachments/*"):
        assert (target / path.relative_to(tool)).read_bytes() == path.read_bytes()
    assert run("verify", "--all", copying.profile).returncode == 0
    before = tree(target)
    assert "2 there already" in run("copy", copying.profile, "--from", account).stdout
    assert tree(target) == before
    an_attachment(tool).unlink()
    shutil.rmtree(target)
    done = run("copy", copying.profile, "--from", tool)
    assert (done.returncode, done.stdout.count("1 file missing")) == (3, 2)
    assert run("verify", "--all", copying.profile).returncode == 0


def test_a_copy_and_a_run_never_write_to_one_place_at_once(copying: Place, run: Run) -> None:
    """The account is the same, and the run is still reading it."""
    account = MockAccount(tasks=20, attachments=3)
    with MockServer(account, token=TOKEN, latency=0.2) as server:
        target = copying.root / "copy"
        busy = Place(copying.root / "busy")
        busy.root.mkdir()
        busy.sink = target
        busy.write(server.base_url, "attachments: none")
        busy.profile.write_text(busy.profile.read_text().replace(str(busy.root / "state"), str(copying.root / "state")))
        process = subprocess.Popen(
            [program(), "-q", "backup", busy.profile], env=environment(busy), cwd=busy.root, stderr=subprocess.DEVNULL
        )
        try:
            while server.requests.count("GET /contacts") == 0 and process.poll() is None:
                time.sleep(0.01)
            done = run("copy", copying.profile)
            if process.poll() is None:
                assert (done.returncode, "another backup, copy or restore is writing" in done.stderr) == (5, True), (
                    done.stderr
                )
        finally:
            process.wait(120)
        assert process.returncode == 0
        assert run("copy", copying.profile).returncode == 0
        assert len(backups(target)) == 3
