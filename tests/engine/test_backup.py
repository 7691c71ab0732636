"""What a run promises about what it stores."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Callable

import msgspec
import pytest

from wrikebackup_core import AttachmentMode, Event, Forbidden, Gap, Kind, SinkDropped, SinkError, Transform, Writer
from wrikebackup_core.engine.backup import back_up, dry_run
from wrikebackup_core.engine.job import Job, Outcome
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.ports import Run
from wrikebackup_core.testing import MemorySink
from wrikebackup_core.transforms import Artifact

ROOT = "account-IEAAAEDY"
ONE = f"{ROOT}/attachments/IEAAAEDYIYAAAAAB-one.txt"
TWO = f"{ROOT}/attachments/IEAAAEDYIYAAAAAC-two.bin"
EMPTY = f"{ROOT}/attachments/IEAAAEDYIYAAAAAD-empty"

MakeJob = Callable[..., Job]


def run(job: Job, events: list[Event] | None = None) -> Outcome:
    return back_up(job, (events if events is not None else []).append)


def folder(outcome: Outcome) -> str:
    return f"{ROOT}/backup-{outcome.backup_uid}"


def manifest(sink: MemorySink, outcome: Outcome) -> dict[str, object]:
    found: dict[str, object] = json.loads(sink.objects[f"{folder(outcome)}/manifest.json"])
    return found


def member(sink: MemorySink, outcome: Outcome, archive: str, name: str) -> bytes:
    data = sink.objects[f"{folder(outcome)}/{archive}-{outcome.backup_uid}.zip"]
    return zipfile.ZipFile(io.BytesIO(data)).read(name)


def test_a_backup_has_the_layout_of_wrikes_own_tool_and_nothing_else(source, make_job: MakeJob) -> None:
    sink = MemorySink()
    outcome = run(make_job(sink))
    uid, inside = outcome.backup_uid, folder(outcome)
    assert set(sink.objects) == {
        ONE,
        TWO,
        EMPTY,
        f"{inside}/backup-{uid}.zip",
        f"{inside}/records-{uid}.zip",
        f"{inside}/SHA256SUMS",
        f"{inside}/manifest.json",
    }
    assert sink.objects[TWO] == source.files["IEAAAEDYIYAAAAAC"]
    assert outcome.complete
    assert outcome.exit_code is ExitCode.DONE
    assert (outcome.attachments_total, outcome.attachments_new) == (3, 3)


def test_every_object_of_the_backup_stands_in_its_checksums(make_job: MakeJob) -> None:
    sink = MemorySink()
    outcome = run(make_job(sink))
    lines = sink.objects[f"{folder(outcome)}/SHA256SUMS"].decode().splitlines()
    sums = {line[66:]: line[:64] for line in lines}
    for key, data in sink.objects.items():
        name = key.rpartition("/")[2]
        if name in ("SHA256SUMS", "manifest.json"):
            continue
        path = f"../attachments/{name}" if "/attachments/" in key else name
        assert sums.pop(path) == hashlib.sha256(data).hexdigest()
    assert not sums


def test_records_come_back_as_the_source_gave_them(source, make_job: MakeJob) -> None:
    sink = MemorySink()
    outcome = run(make_job(sink))
    lines = member(sink, outcome, "records", "tasks.jsonl").splitlines()
    assert [json.loads(line) for line in lines] == source.listing[Kind.TASKS]
    archive = json.loads(member(sink, outcome, "backup", "tasks.json"))
    assert [task["id"] for task in archive] == [1, 2, 3, 4, 5]
    assert archive[0]["attachments"][0]["apiId"] == "IEAAAEDYIYAAAAAB"


def test_everything_is_durable_before_the_manifest_says_so(make_job: MakeJob) -> None:
    sink = MemorySink()

    def before(operation: str, key: str) -> None:
        if operation == "commit" and key.endswith("manifest.json"):
            assert set(sink.objects) <= sink.durable

    sink.before = before
    outcome = run(make_job(sink))
    assert set(sink.objects) == sink.durable
    sink.power_cut()
    assert manifest(sink, outcome)["complete"] is True


def test_a_later_run_downloads_only_what_is_new(source, make_job: MakeJob) -> None:
    sink = MemorySink()
    run(make_job(sink))
    source.attach("IEAAAEDYIYAAAAAE", "new.txt", b"new", "T0000001")
    source.asked.clear()
    outcome = run(make_job(sink))
    assert [key for key in source.asked if key.startswith("file:")] == ["file:IEAAAEDYIYAAAAAE"]
    assert (outcome.attachments_total, outcome.attachments_new, outcome.bytes_new) == (4, 1, 3)
    assert manifest(sink, outcome)["attachments"]["new"] == 1  # type: ignore[index]
    assert sink.calls["read"] > 0


def test_one_download_serves_all_sinks(source, make_job: MakeJob) -> None:
    first, second = MemorySink("a"), MemorySink("b")
    outcome = run(make_job(first, second))
    assert source.asked["file:IEAAAEDYIYAAAAAC"] == 1
    assert {key: first.objects[key] for key in first.objects if "/attachments/" in key} == {
        key: second.objects[key] for key in second.objects if "/attachments/" in key
    }
    assert set(outcome.sinks.values()) == {None}


@pytest.mark.parametrize("operation", ["create", "write", "commit", "sync", "list"])
def test_a_sink_that_fails_is_reported_and_the_others_commit(operation: str, make_job: MakeJob) -> None:
    good, bad = MemorySink("good"), MemorySink("bad")
    bad.fail(operation, times=None)
    events: list[Event] = []
    outcome = run(make_job(good, bad), events)
    assert outcome.exit_code is ExitCode.PARTIAL
    assert outcome.sinks["memory:good"] is None
    assert outcome.sinks["memory:bad"] is not None
    assert [event.sink for event in events if isinstance(event, SinkDropped)] == ["memory:bad"]
    assert manifest(good, outcome)["complete"] is True
    assert not any(key.endswith("manifest.json") for key in bad.objects)
    bad.heal()
    healed = run(make_job(good, bad))
    assert healed.exit_code is ExitCode.DONE
    assert ONE in bad.objects


@pytest.mark.parametrize("operation", ["create", "write", "commit"])
def test_a_sink_that_fails_does_not_take_along_one_that_has_all_files(
    operation: str, source, make_job: MakeJob
) -> None:
    """A second disk that is full, say, beside a first that lacks nothing."""
    good, bad = MemorySink("good"), MemorySink("bad")
    run(make_job(good))
    source.asked.clear()
    bad.fail(operation, times=None)
    outcome = run(dataclasses.replace(make_job(good, bad), transfers=1))
    assert outcome.exit_code is ExitCode.PARTIAL
    assert outcome.sinks["memory:good"] is None
    assert manifest(good, outcome)["complete"] is True
    downloads = sum(number for key, number in source.asked.items() if key.startswith("file:"))
    assert downloads < len(source.files), "files are downloaded for a sink that is out of the run"


def test_a_run_without_any_sink_left_fails_and_commits_nothing(make_job: MakeJob) -> None:
    sink = MemorySink()
    sink.fail("commit", keys="*/backup-*.zip", times=None)
    with pytest.raises(SinkError):
        run(make_job(sink))
    assert not any(key.endswith("manifest.json") for key in sink.objects)


def test_a_forbidden_kind_is_a_gap_and_not_the_end(source, make_job: MakeJob) -> None:
    source.refuse[Kind.AUDIT_LOG] = Forbidden("the token may not read the audit log", hint="grant amReadOnlyAuditLog")
    sink = MemorySink()
    outcome = run(make_job(sink))
    assert outcome.exit_code is ExitCode.PARTIAL
    assert outcome.gaps == (Gap("audit_log", None, "the token may not read the audit log", "grant amReadOnlyAuditLog"),)
    assert manifest(sink, outcome)["complete"] is False


def test_a_kind_that_the_profile_skips_is_no_gap_and_the_manifest_says_so(source, make_job: MakeJob) -> None:
    source.refuse[Kind.AUDIT_LOG] = Forbidden("no")
    sink = MemorySink()
    outcome = run(make_job(sink, skip=frozenset({Kind.AUDIT_LOG})))
    assert outcome.complete
    assert manifest(sink, outcome)["skipped"] == ["audit_log"]


def test_a_gap_inside_a_kind_reaches_the_manifest(source, make_job: MakeJob) -> None:
    source.page_gaps[Kind.TASKS] = [Gap("comments", "T0000001", "refused")]
    outcome = run(make_job(MemorySink()))
    assert outcome.gaps == (Gap("comments", "T0000001", "refused"),)


def test_attachment_modes_say_which_files_are_stored(source, make_job: MakeJob) -> None:
    source.attach("IEAAAEDYIYAAAAAA", "one.txt", b"old one", "T0000001", currentAttachmentId="IEAAAEDYIYAAAAAB")
    stored = {}
    for mode in AttachmentMode:
        sink = MemorySink()
        run(make_job(sink, mode=mode, fingerprint=mode.value))
        stored[mode] = sum("/attachments/" in key for key in sink.objects)
    assert stored == {AttachmentMode.LATEST: 3, AttachmentMode.ALL_VERSIONS: 4, AttachmentMode.NONE: 0}


def test_files_of_the_recycle_bin_are_left_out(source, make_job: MakeJob) -> None:
    task = source.task(9, scope="RbTask")
    source.attach("IEAAAEDYIYAAAAAF", "gone.txt", b"gone", task)
    sink = MemorySink()
    outcome = run(make_job(sink))
    assert outcome.attachments_total == 3
    assert 9 not in [found["id"] for found in json.loads(member(sink, outcome, "backup", "tasks.json"))]


def test_files_of_what_a_look_up_found_in_the_recycle_bin_are_left_out(source, make_job: MakeJob) -> None:
    source.attach("IEAAAEDYIYAAAAAF", "gone.txt", b"gone", "T0000099")
    source.listing[Kind.COMMENTS] = [{"id": "IEAAAEDYIMAAAAAB", "text": "x", "taskId": "T0000099"}]
    source.recycled = ["T0000099"]
    outcome = run(make_job(MemorySink()))
    assert outcome.attachments_total == 3
    assert outcome.complete


def test_a_dry_run_stores_nothing_and_the_real_run_goes_on_from_it(source, make_job: MakeJob) -> None:
    sink = MemorySink()
    plan = dry_run(make_job(sink), lambda _: None)
    assert not sink.objects
    assert (plan.attachments_total, plan.attachments_new, plan.per_sink) == (3, 3, {sink.name: 3})
    source.asked.clear()
    outcome = run(make_job(sink))
    assert outcome.resumed
    assert not [key for key in source.asked if key.startswith("tasks")]


class Shout(Transform):
    """Changes every byte, adds a file, and a suffix."""

    kind = "shout"
    suffix = ".loud"

    def encode(self, target: Writer) -> Writer:
        class Loud:
            def write(self, data: bytes | bytearray | memoryview, /) -> int:
                target.write(bytes(byte ^ 0xFF for byte in bytes(data)))
                return len(data)

            def commit(self) -> None:
                target.write(b"!")
                target.commit()

            def discard(self) -> None:
                target.discard()

        return Loud()

    def add(self, run: Run) -> object:  # type: ignore[override]
        yield Artifact("extra/hello.txt", lambda: iter([b"hello ", run.account.name.encode()]))


def test_transforms_change_every_file_and_its_name_and_may_add_some(source, make_job: MakeJob) -> None:
    sink = MemorySink()
    outcome = run(make_job(sink, transforms=[Shout()]))
    assert sink.objects[ONE + ".loud"] == bytes(byte ^ 0xFF for byte in b"first") + b"!"
    assert f"{folder(outcome)}/extra/hello.txt.loud" in sink.objects
    stored = manifest(sink, outcome)
    assert stored["transforms"] == [{"kind": "shout", "suffix": ".loud"}]
    assert stored["files"]["artifacts"] == ["extra/hello.txt.loud"]  # type: ignore[index]
    source.asked.clear()
    again = run(make_job(sink, transforms=[Shout()]))
    assert again.attachments_new == 0
    assert not [key for key in source.asked if key.startswith("file:")]


def test_the_spool_is_gone_when_the_backup_is_committed(tmp_path, make_job: MakeJob) -> None:
    run(make_job(MemorySink()))
    left = {path.suffix for path in (tmp_path / "state").rglob("*") if path.is_file()}
    assert left <= {".lock", ".writer", ".lease", ".json"}


def test_a_record_with_half_a_character_is_kept_as_it_came(source, make_job: MakeJob) -> None:
    """JSON allows a lone surrogate; it must not end a backup."""
    source.task(6, title="half \ud83d")
    sink = MemorySink()
    outcome = run(make_job(sink))
    assert outcome.complete
    line = member(sink, outcome, "records", "tasks.jsonl").splitlines()[-1]
    assert json.loads(line)["title"] == "half \ud83d"
    assert json.loads(member(sink, outcome, "backup", "tasks.json"))[-1]["title"] == "half \ufffd"


def test_events_are_frozen_values_that_encode_as_json(make_job: MakeJob) -> None:
    events: list[Event] = []
    run(make_job(MemorySink()), events)
    assert events
    for event in events:
        msgspec.json.encode(event)
