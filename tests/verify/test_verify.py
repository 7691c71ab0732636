"""Verify finds what is wrong, wherever it is wrong, says exactly where, and raises for none of it."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.verify.sample import ACCOUNT, FILES, RECORDS, UID, Sample
from wrikebackup_core.engine.verify import Finding, Report, verify
from wrikebackup_core.errors import ExitCode, SinkError, UsageError
from wrikebackup_core.format import checksums, layout
from wrikebackup_core.format.manifest import Manifest
from wrikebackup_core.model import AttachmentMode, Event, Gap, Kind, Message, StageFinished, StageProgress, StageStarted
from wrikebackup_core.testing import MemorySink

FOLDER = layout.backup_folder(ACCOUNT.id, UID)
ARCHIVE, RECORDS_ZIP = layout.archive_key(ACCOUNT.id, UID), layout.records_key(ACCOUNT.id, UID)
SUMS, MANIFEST = layout.sums_key(ACCOUNT.id, UID), layout.manifest_key(ACCOUNT.id, UID)
PLAN = layout.attachment_key(ACCOUNT.id, "IEAAAEDYIYAB7DLK", "plan.pdf")


def stored(**more: Any) -> MemorySink:
    sink = MemorySink()
    Sample(**more).store(sink)
    return sink


def check(sink: MemorySink, uid: str | None = UID, notify: Callable[[Event], None] = lambda _: None) -> Report:
    return verify(sink, ACCOUNT.id, uid, notify)


def found(sink: MemorySink) -> set[tuple[str, str]]:
    report = check(sink)
    assert report.exit_code is (ExitCode.DAMAGED if report.findings else ExitCode.DONE)
    return {(finding.key, finding.what) for finding in report.findings}


def reseal(sink: MemorySink) -> None:
    """Brings SHA256SUMS up to date with what was done to the objects: what is left to find is inside of them."""
    keys = [key for key in sink.objects if key not in (SUMS, MANIFEST)]
    paths = {
        key: key.removeprefix(f"{FOLDER}/") if key.startswith(FOLDER) else "../" + key.split("/", 1)[1] for key in keys
    }
    lines = (checksums.line(hashlib.sha256(sink.objects[key]).hexdigest(), paths[key]) for key in keys)
    sink.objects[SUMS] = "".join(lines).encode()


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"mode": AttachmentMode.NONE, "files": {}},
        {"mode": AttachmentMode.ALL_VERSIONS, "files": FILES | {"IEAAAEDYIYAB7DLA": b"old"}},
        {"artifacts": {"bi-export/user.csv": b"id\n1\n"}},
        {"records": {kind: [] for kind in RECORDS}, "files": {}},
        {
            "suffix": ".age",
            "encoded": lambda data: b"secret" + data[::-1],
            "artifacts": {"bi-export/user.csv": b"id\n"},
        },
    ],
    ids=["latest", "none", "all-versions", "artifacts", "empty-account", "encoded"],
)
def test_a_whole_backup_has_no_findings(more: dict[str, Any]) -> None:
    sink = stored(**more)
    report = check(sink)
    assert report.findings == ()
    assert report.objects == len(sink.objects)
    assert report.bytes == sum(len(data) for key, data in sink.objects.items() if key not in (SUMS, MANIFEST))


def test_a_flipped_bit_anywhere_is_found() -> None:
    """In every object, at every byte of the small ones and of the manifest, and at many of the others."""
    whole = stored().objects
    chance = random.Random(11)
    for key, data in whole.items():
        places = range(len(data)) if len(data) < 200 or key == MANIFEST else chance.sample(range(len(data)), 60)
        for place in places:
            damaged = bytearray(data)
            damaged[place] ^= 1 << chance.randrange(8)
            if key == SUMS and damaged.lower() == data.lower():
                continue  # sha256sum takes hex digits of either case
            findings = check(MemorySink(objects=whole | {key: bytes(damaged)})).findings
            assert findings, (key, place)
            if key not in (SUMS, MANIFEST):
                assert key in {finding.key for finding in findings}


@pytest.mark.parametrize("key", [ARCHIVE, RECORDS_ZIP, PLAN, SUMS, MANIFEST])
def test_every_truncation_is_found(key: str) -> None:
    whole = stored().objects
    data = whole[key]
    ends = range(len(data)) if len(data) < 100 else [0, 1, len(data) // 2, len(data) - 22, len(data) - 2]
    for end in ends:
        report = check(MemorySink(objects=whole | {key: data[:end]}))
        assert report.findings, end
        if key != SUMS:
            assert key in {finding.key for finding in report.findings}


def test_deleted_objects_are_missing() -> None:
    for key in (ARCHIVE, RECORDS_ZIP, PLAN):
        sink = stored()
        del sink.objects[key]
        assert found(sink) == {(key, "missing")}


def test_a_deleted_manifest_or_sums_is_missing_and_the_rest_is_looked_at_all_the_same() -> None:
    sink = stored()
    del sink.objects[MANIFEST]
    assert found(sink) == {(MANIFEST, "missing")}
    sink.objects[PLAN] = b"xxx plan"
    assert found(sink) == {(MANIFEST, "missing"), (PLAN, "damaged")}
    sink = stored()
    del sink.objects[SUMS]
    findings = found(sink)
    assert {(SUMS, "missing"), (ARCHIVE, "unlisted"), (RECORDS_ZIP, "unlisted"), (PLAN, "missing")} <= findings


def test_a_backup_of_which_hardly_anything_is_left_is_reported_and_not_refused() -> None:
    sink = MemorySink(objects={f"{FOLDER}/notes": b"x"})
    assert found(sink) == {
        (MANIFEST, "missing"), (SUMS, "missing"), (ARCHIVE, "missing"), (RECORDS_ZIP, "missing"), (f"{FOLDER}/notes", "unexpected"),
    }  # fmt: skip


def test_what_does_not_belong_to_the_backup_is_unexpected() -> None:
    sink = stored()
    sink.objects[f"{FOLDER}/extra.txt"] = b"x"
    sink.objects[f"{FOLDER}/bi-export/user.csv"] = b"x"
    assert found(sink) == {(f"{FOLDER}/extra.txt", "unexpected"), (f"{FOLDER}/bi-export/user.csv", "unexpected")}


def test_what_other_backups_hold_is_no_finding() -> None:
    sink = stored()
    Sample(uid="20270101T000000Z-aaaaaa").store(sink)
    sink.objects[f"account-{ACCOUNT.id}/attachments/IEAAAEDYIYAB7DLZ-new.txt"] = b"of another backup"
    sink.objects["account-IEAAAAAB/attachments/x"] = b"of another account"
    sink.objects["readme.txt"] = b"of nobody"
    assert found(sink) == set()


def test_a_file_of_another_size_than_its_record_says_is_found_though_its_checksum_fits() -> None:
    sink = stored()
    sink.objects[PLAN] += b"!"
    reseal(sink)
    [finding] = check(sink).findings
    assert (finding.key, finding.what) == (PLAN, "unexpected size")
    assert "9 bytes, 8 by its record" in finding.detail


def test_sizes_are_not_compared_where_a_transform_changed_the_bytes() -> None:
    sink = stored(suffix=".age", encoded=lambda data: b"longer" + data)
    told: list[Event] = []
    assert check(sink, notify=told.append).findings == ()
    assert [event.text for event in told if isinstance(event, Message) and "encoded" in event.text]


def test_damage_is_found_in_encoded_backups_too() -> None:
    sink = stored(suffix=".age", encoded=lambda data: b"longer" + data)
    sink.objects[f"{ARCHIVE}.age"] += b"x"
    del sink.objects[f"{PLAN}.age"]
    assert found(sink) == {(f"{ARCHIVE}.age", "damaged"), (f"{PLAN}.age", "missing")}


def test_a_file_that_the_json_names_and_nothing_else_knows_is_missing() -> None:
    sink = stored(files={id_: data for id_, data in FILES.items() if id_ != "IEAAAEDYIYAB7DLK"})
    [finding] = check(sink).findings
    assert (finding.key, finding.what) == (PLAN, "missing")
    assert "tasks.json" in finding.detail


def test_a_file_that_the_manifest_owns_up_to_lacking_is_no_finding() -> None:
    files = {id_: data for id_, data in FILES.items() if id_ != "IEAAAEDYIYAB7DLK"}
    assert found(stored(files=files, gaps=(Gap("attachments", "IEAAAEDYIYAB7DLK", "gone"),))) == set()
    for gap in (Gap("attachments", "IEAAAEDYIYAB7DLX", "gone"), Gap("numbers", "IEAAAEDYIYAB7DLK", "none")):
        assert found(stored(files=files, gaps=(gap,))) == {(PLAN, "missing")}


def rewritten(sink: MemorySink, change: Callable[[dict[str, Any]], None]) -> MemorySink:
    """The manifest changed, and its checksum with it."""
    manifest = json.loads(sink.objects[MANIFEST])
    change(manifest)
    sink.objects[MANIFEST] = Manifest.decode(json.dumps(manifest).encode(), MANIFEST).encode()
    return sink


def test_a_manifest_that_was_edited_is_found_though_it_can_be_read() -> None:
    sink = stored()
    sink.objects[MANIFEST] = sink.objects[MANIFEST].replace(b'"Acme"', b'"Acmf"')
    [finding] = check(sink).findings
    assert (finding.key, finding.what) == (MANIFEST, "damaged")
    assert "checksum" in finding.detail


def test_counts_of_the_manifest_that_are_not_those_of_the_records_are_found() -> None:
    for change in (
        lambda m: m["counts"].update(tasks=3),
        lambda m: m["counts"].pop("tasks"),
        lambda m: m["counts"].update(approvals=1),
    ):
        [finding] = check(rewritten(stored(), change)).findings  # type: ignore[arg-type]
        assert (finding.key, finding.what) == (RECORDS_ZIP, "damaged")
        assert "by the manifest" in finding.detail


def test_a_manifest_of_another_backup_or_account_is_found() -> None:
    for change, word in (
        (lambda m: m.update(backupUID="20270101T000000Z-aaaaaa"), "20270101T000000Z-aaaaaa"),
        (lambda m: m["account"].update(id="IEAAAAAB"), "IEAAAAAB"),
    ):
        [finding] = check(rewritten(stored(), change)).findings
        assert (finding.key, finding.what) == (MANIFEST, "damaged")
        assert word in finding.detail


def test_what_the_manifest_names_must_be_there_and_have_a_checksum() -> None:
    sink = rewritten(stored(), lambda m: m["files"].update(artifacts=["bi-export/user.csv"]))
    assert found(sink) == {(f"{FOLDER}/bi-export/user.csv", "missing")}
    sink.objects[f"{FOLDER}/bi-export/user.csv"] = b"x"
    assert found(sink) == {(f"{FOLDER}/bi-export/user.csv", "unlisted")}


def test_damaged_lines_of_sums_are_named_one_by_one_and_hide_no_others() -> None:
    sink = stored()
    lines = sink.objects[SUMS].splitlines(keepends=True)
    sink.objects[PLAN] = b"xxx plan"
    sink.objects[SUMS] = (
        b"garbage\n" + b"".join(lines) + b"\xff\xfe\n" + b"0" * 64 + b"  ../../x\n" + b"0" * 64 + lines[0][64:]
    )
    report = check(sink)
    details = [finding.detail for finding in report.findings if finding.key == SUMS]
    assert len(details) == 4
    assert any(detail.startswith("line 1 ") for detail in details)
    assert any(detail.startswith(f"line {len(lines) + 2} ") for detail in details)
    assert any("leads out" in detail for detail in details)
    assert any("contradicts" in detail for detail in details)
    assert PLAN in {finding.key for finding in report.findings}


def test_objects_that_the_store_does_not_give_out_are_unreadable_and_the_others_are_checked() -> None:
    sink = stored()
    sink.objects[PLAN] = b"xxx plan"
    sink.fail("read", keys=RECORDS_ZIP, times=None)
    assert {(RECORDS_ZIP, "unreadable"), (PLAN, "damaged")} <= found(sink)
    for key in (SUMS, MANIFEST, ARCHIVE):
        sink = stored()
        sink.fail("open", keys=key, times=None)
        assert (key, "unreadable") in found(sink)


def test_an_object_that_goes_away_between_listing_and_reading_is_missing() -> None:
    sink = stored()
    sink.before = lambda operation, key: sink.objects.pop(key, None) if operation == "open" and key == PLAN else None  # type: ignore[func-returns-value]
    assert found(sink) == {(PLAN, "missing")}


def test_a_store_that_cannot_be_listed_is_an_error() -> None:
    sink = stored()
    sink.fail("list", times=None)
    with pytest.raises(SinkError, match="told to fail"):
        check(sink)


def test_without_a_uid_the_newest_committed_backup_is_looked_at() -> None:
    sink = stored()
    Sample(uid="20270101T000000Z-aaaaaa").store(sink)
    sink.objects[f"account-{ACCOUNT.id}/backup-20280101T000000Z-aaaaaa/x"] = b"unfinished"
    told: list[Event] = []
    report = check(sink, None, told.append)
    assert (report.backup_uid, report.findings) == ("20270101T000000Z-aaaaaa", ())
    assert any(isinstance(event, Message) and "20280101T000000Z-aaaaaa" in event.text for event in told)


def test_an_only_backup_that_lost_its_manifest_is_not_passed_over_in_silence() -> None:
    sink = stored()
    del sink.objects[MANIFEST]
    assert [(finding.key, finding.what) for finding in check(sink, None).findings] == [(MANIFEST, "missing")]


def test_what_is_not_there_cannot_be_looked_at() -> None:
    for uid in ("20200101T000000Z-aaaaaa", "nonsense", "../x"):
        with pytest.raises(UsageError, match="has no backup") as caught:
            check(stored(), uid)
        assert UID in (caught.value.hint or "")
    with pytest.raises(UsageError, match="there is no backup"):
        check(MemorySink(), None)


def test_progress_is_told_by_objects_and_bytes() -> None:
    told: list[Event] = []
    report = check(stored(), notify=told.append)
    starts = [event for event in told if isinstance(event, StageStarted)]
    steps = [event for event in told if isinstance(event, StageProgress) and event.stage == "verify"]
    assert [event.stage for event in starts] == [event.stage for event in told if isinstance(event, StageFinished)]
    assert (starts[0].total, starts[0].total_bytes) == (6, report.bytes)
    assert (steps[-1].done, steps[-1].bytes_done) == (6, report.bytes)
    assert [event.done for event in steps] == sorted(event.done for event in steps)


def test_findings_come_in_the_order_of_their_keys() -> None:
    sink = stored()
    for key in (PLAN, ARCHIVE, RECORDS_ZIP):
        sink.objects[key] = b""
    findings = check(sink).findings
    assert list(findings) == sorted(findings, key=lambda finding: finding.key)
    assert isinstance(findings[0], Finding)


def test_nothing_is_written_to_the_sink() -> None:
    sink = stored()
    sink.calls.clear()
    check(sink)
    assert not sink.calls.keys() & {"create", "write", "commit", "delete", "sweep", "sync"}


def test_kinds_are_whatever_a_later_version_adds() -> None:
    sink = stored(records=RECORDS | {Kind.APPROVALS: [{"id": "IEAGXR2EMEB33OQA", "odd": None}]})
    assert found(sink) == set()
