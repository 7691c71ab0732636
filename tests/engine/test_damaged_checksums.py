"""Checksums that are damaged: nothing is taken for whole by them, and nothing that they may have named is thrown away."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.test_backup import TWO, folder, manifest, run
from tests.engine.test_copying import MANIFEST, SUMS, later
from tests.engine.test_copying_wrikes import MEMBERS, ZIP, zipped
from tests.verify.sample import ACCOUNT, UID, Sample
from wrikebackup_core import Transform, Writer
from wrikebackup_core.engine.copying import Copied, CopyJob, copy
from wrikebackup_core.engine.job import Job
from wrikebackup_core.engine.verify import verify
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.testing import MemorySink

MakeJob = Callable[..., Job]


class _Salted:
    """Other bytes each time, as encryption makes them."""

    def __init__(self, target: Writer) -> None:
        self._target = target
        target.write(os.urandom(8))

    def write(self, data: bytes) -> int:
        return self._target.write(data)

    def commit(self) -> None:
        self._target.commit()

    def discard(self) -> None:
        self._target.discard()


class Salt(Transform):
    kind = "salt"
    suffix = ".salt"

    def encode(self, target: Writer) -> Writer:
        return _Salted(target)  # type: ignore[return-value] # bytes are all that it is handed


def copied(folder: Path, source: MemorySink, target: MemorySink, *uids: str) -> Copied:
    job = CopyJob(source=source, targets=(target,), state=folder, plugins=Plugins(), transfers=4, backups=uids)
    return copy(job, lambda _: None)


def garbled(sums: bytes) -> bytes:
    return b"garbage\n" + sums.partition(b"\n")[2]


def without_a_line(sums: bytes) -> bytes:
    return sums.partition(b"\n")[2]


def cut_in_a_name(sums: bytes) -> bytes:
    return sums[: sums.index(b"\n") - 3]


HARMS = pytest.mark.parametrize("harm", [garbled, without_a_line, cut_in_a_name])


@HARMS
def test_a_run_deletes_nothing_that_a_backup_with_damaged_checksums_may_need(
    harm: Callable[[bytes], bytes], source, make_job: MakeJob
) -> None:
    sink = MemorySink()
    first = run(make_job(sink, transforms=[Salt()]))
    sums = f"{folder(first)}/SHA256SUMS"
    sink.objects[sums] = harm(sink.objects[sums])
    before = dict(sink.objects)
    second = run(make_job(sink, transforms=[Salt()]))
    assert {key: sink.objects.get(key) for key in before} == before
    assert second.exit_code is ExitCode.PARTIAL
    assert not manifest(sink, second)["complete"]


@HARMS
def test_verify_tells_of_damaged_checksums_where_nothing_can_be_looked_into(harm: Callable[[bytes], bytes]) -> None:
    sink = MemorySink()
    Sample(suffix=".age", encoded=lambda data: data[::-1]).store(sink)
    sink.objects[SUMS] = harm(sink.objects[SUMS])
    assert (SUMS, "damaged") in {(one.key, one.what) for one in verify(sink, ACCOUNT.id, UID, lambda _: None).findings}


@HARMS
def test_a_copy_deletes_nothing_that_a_backup_with_damaged_checksums_may_need(
    harm: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    target = MemorySink("target")
    Sample(suffix=".age", encoded=lambda data: data[::-1] + b"1").store(target)
    target.objects[SUMS] = harm(target.objects[SUMS])
    before = dict(target.objects)
    other, source = later(), MemorySink("source")
    other.suffix, other.encoded = ".age", lambda data: data[::-1] + b"2"
    other.store(source)
    assert copied(tmp_path, source, target).exit_code is ExitCode.DAMAGED
    assert {key: target.objects.get(key) for key in before} == before


@pytest.mark.parametrize("lines", [0, 2, -1])
def test_checksums_that_end_early_are_damage_and_not_a_smaller_backup(tmp_path: Path, lines: int) -> None:
    source, target = MemorySink("source"), MemorySink("target")
    Sample().store(source)
    source.objects[SUMS] = b"".join(source.objects[SUMS].splitlines(keepends=True)[:lines])
    assert copied(tmp_path, source, target, UID).exit_code is ExitCode.DAMAGED
    assert MANIFEST not in target.objects


def test_one_zip_that_cannot_be_read_does_not_keep_the_others_from_being_copied(tmp_path: Path) -> None:
    source, target = MemorySink("source"), MemorySink("target")
    Sample().store(source)
    source.objects[ZIP] = zipped(MEMBERS)
    source.fail("open", keys=ZIP, times=None)
    assert copied(tmp_path, source, target).exit_code is ExitCode.DAMAGED
    assert MANIFEST in target.objects


def test_a_holder_that_is_known_to_be_damaged_never_commits_a_complete_backup(source, make_job: MakeJob) -> None:
    """Also where the sink that the file was for fails before it can be put right."""
    holder, lacking = MemorySink("holder"), MemorySink("lacking")
    run(make_job(holder))
    holder.objects[TWO] = bytes(len(holder.objects[TWO]))
    lacking.fail("create", keys=f"{TWO}*", times=None, skip=1)
    outcome = run(make_job(holder, lacking))
    assert outcome.exit_code is ExitCode.PARTIAL
    assert not manifest(holder, outcome)["complete"]


def test_checksums_that_are_not_those_of_the_manifest_are_never_relied_on(make_job: MakeJob) -> None:
    """A digit that changed leaves a line that looks like any other."""
    sink = MemorySink()
    first = run(make_job(sink))
    key = f"account-IEAAAEDY/backup-{first.backup_uid}/SHA256SUMS"
    line = next(line for line in sink.objects[key].splitlines() if b"attachments/" in line)
    other = (b"0" if line[:1] != b"0" else b"1") + line[1:]
    sink.objects[key] = sink.objects[key].replace(line, other)
    files = {key: data for key, data in sink.objects.items() if "/attachments/" in key}
    second = run(make_job(sink))
    assert {key: data for key, data in sink.objects.items() if "/attachments/" in key} == files
    assert other[:64] not in sink.objects[f"account-IEAAAEDY/backup-{second.backup_uid}/SHA256SUMS"]
    assert not verify(sink, "IEAAAEDY", second.backup_uid, lambda _: None).findings
