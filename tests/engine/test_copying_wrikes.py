"""A folder of Wrike's own backup tool becomes a backup that says what it consists of, and can be checked."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.verify.sample import ACCOUNT, FILES, UID, Sample
from wrikebackup_core.engine.copying import Copied, CopyJob, plan_copy
from wrikebackup_core.engine.verify import verify
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.format import layout
from wrikebackup_core.model import Event, Gap, Message
from wrikebackup_core.store import AccountStore, accounts
from wrikebackup_core.testing import MemorySink

WRIKES = "4f5e9c1b7d"
TAKEN = (2025, 3, 1, 9, 30, 12)
DERIVED = "20250301T093012Z-4f5e9c1b7d"
ZIP = f"account-{ACCOUNT.id}/backup-{WRIKES}/backup-{WRIKES}.zip"
ATTACHMENTS = layout.attachments_folder(ACCOUNT.id)
Run = Callable[..., Copied]

# As the page of Wrike's help centre shows them: no time logs, and laid out for people.
MEMBERS: dict[str, Any] = {
    "users.json": [{"firstName": "n", "lastName": "n", "uid": "U2CBMkbSnC9T", "email": "e@e.tom", "userType": 1}],
    "folders.json": [{"id": 16902506, "children": [], "title": "t", "attachments": [], "googleDocs": []}],
    "tasks.json": [
        {
            "id": 16902507,
            "title": "title",
            "attachments": [
                {
                    "apiId": "IEAAAEDYIYAB7DLK",
                    "attachType": "Task",
                    "id": 2067818,
                    "name": "test+doc.webdoc",
                    "version": 1,
                },
                {"apiId": "IEAAAEDYIYAB7DLL", "attachType": "Legacy", "id": 2067819, "name": "a/b.txt", "version": 1},
                {"apiId": "IEAAAEDYIYAB7DLM", "attachType": "External", "id": 2067820, "name": "box.pdf", "version": 1},
            ],
        }
    ],
    "teams.json": [{"uid": "G~0bzLlmeRUR", "name": "Group name", "Members": ["U2CBMkbSnC9T"]}],
}
NAMED = {"IEAAAEDYIYAB7DLK-test+doc.webdoc": b"the document", "IEAAAEDYIYAB7DLL-a:b.txt": b"named in a way of its own"}


def zipped(members: dict[str, Any], when: tuple[int, ...] = TAKEN) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in members.items():
            info = zipfile.ZipInfo(name, when)  # type: ignore[arg-type]
            archive.writestr(info, value if isinstance(value, bytes) else json.dumps(value, indent=2))
    return data.getvalue()


@pytest.fixture
def source() -> MemorySink:
    sink = MemorySink("tool", {f"{ATTACHMENTS}/{name}": data for name, data in NAMED.items()})
    sink.objects[ZIP] = zipped(MEMBERS)
    return sink


def findings(sink: MemorySink, uid: str = DERIVED) -> list[tuple[str, str]]:
    return [(one.key, one.what) for one in verify(sink, ACCOUNT.id, uid, lambda _: None).findings]


def test_it_becomes_a_backup_that_is_listed_shown_and_verified(source: MemorySink, run: Run) -> None:
    target = MemorySink("target")
    done = run(target)
    assert (done.exit_code, done.targets[0].copied, done.gaps) == (ExitCode.DONE, [DERIVED], {})
    assert accounts(target) == [ACCOUNT.id]
    store = AccountStore(target, ACCOUNT.id)
    [backup] = store.backups()
    assert (backup.uid, backup.complete, backup.attachment_files) == (DERIVED, True, 2)
    assert backup.started == datetime(*TAKEN, tzinfo=UTC)
    assert backup.counts == {"contacts": 1, "folders": 1, "tasks": 1, "groups": 1}
    manifest = store.manifest(DERIVED)
    assert (manifest.source, manifest.files.records) == ("wrike-backup-tool", None)
    assert "Wrike's backup tool" in manifest.tool.name
    assert findings(target) == []
    assert target.objects[layout.archive_key(ACCOUNT.id, DERIVED)] == source.objects[ZIP]
    for name, data in NAMED.items():
        assert target.objects[f"{ATTACHMENTS}/{name}"] == data
    assert set(target.objects) == target.durable


def test_each_file_is_read_once(source: MemorySink, run: Run) -> None:
    opened: list[str] = []
    source.before = lambda operation, key: opened.append(key) if operation == "open" else None
    run(MemorySink("one"), MemorySink("two"))
    attachments = [key for key in opened if key.startswith(ATTACHMENTS)]
    assert sorted(attachments) == sorted(f"{ATTACHMENTS}/{name}" for name in NAMED)


def test_a_second_copy_finds_it_again_and_a_copy_of_the_copy_is_the_same(run: Run) -> None:
    target, second, third = MemorySink("target"), MemorySink("second"), MemorySink("third")
    run(target)
    done = run(target, second)
    assert (done.targets[0].skipped, done.targets[0].files) == ([DERIVED], 0)
    assert second.objects == target.objects
    assert run(third, source=target).exit_code is ExitCode.DONE
    assert third.objects == target.objects
    assert run(target).targets[0].skipped == [DERIVED]


def test_a_later_backup_brings_only_what_is_new(source: MemorySink, run: Run) -> None:
    target = MemorySink("target")
    run(target)
    source.objects[f"account-{ACCOUNT.id}/backup-NEXT/backup-NEXT.zip"] = zipped(MEMBERS, (2025, 3, 8, 0, 0, 0))
    done = run(target)
    [uid] = done.targets[0].copied
    assert uid.startswith("20250308T000000Z-")
    assert len(uid.rpartition("-")[2]) == 16, "what cannot end a uid is hashed"
    assert (done.targets[0].skipped, done.targets[0].files) == ([DERIVED], 1)
    assert findings(target, uid) == []


def test_it_is_chosen_by_the_tools_name_or_by_ours(run: Run) -> None:
    assert run(MemorySink("one"), backups=[WRIKES[:4]]).targets[0].copied == [DERIVED]
    assert run(MemorySink("two"), backups=["20250301"]).targets[0].copied == [DERIVED]


def test_a_file_that_is_not_there_is_a_gap_and_told(source: MemorySink, run: Run, job: Callable[..., CopyJob]) -> None:
    """But not one that Wrike does not store."""
    del source.objects[f"{ATTACHMENTS}/IEAAAEDYIYAB7DLK-test+doc.webdoc"]
    target = MemorySink("target")
    plan = plan_copy(job(target), lambda _: None)
    done = run(target)
    assert (plan.exit_code, plan.gaps) == (done.exit_code, done.gaps) == (ExitCode.PARTIAL, {DERIVED: 1})
    manifest = AccountStore(target, ACCOUNT.id).manifest(DERIVED)
    assert manifest.complete is False
    assert manifest.gaps == (Gap("attachments", "IEAAAEDYIYAB7DLK", "named in tasks.json, and not in attachments/"),)
    assert findings(target) == []


def test_damage_in_the_copy_is_found_by_verify(run: Run) -> None:
    target = MemorySink("target")
    run(target)
    key = f"{ATTACHMENTS}/IEAAAEDYIYAB7DLL-a:b.txt"
    whole = dict(target.objects)
    target.objects[key] = b"x" + target.objects[key][1:]
    assert findings(target) == [(key, "damaged")]
    del target.objects[key]
    assert findings(target) == [(key, "missing")]
    target.objects = whole
    sums = layout.sums_key(ACCOUNT.id, DERIVED)
    lines = target.objects[sums].splitlines(keepends=True)
    target.objects[sums] = b"".join(line for line in lines if b"IEAAAEDYIYAB7DLL" not in line)
    assert findings(target) == [(f"{ATTACHMENTS}/IEAAAEDYIYAB7DLL-", "missing"), (sums, "damaged")]


@pytest.mark.parametrize(
    "data",
    [
        b"no zip",
        zipped(MEMBERS)[:-30],
        zipped({name: value for name, value in MEMBERS.items() if name != "tasks.json"}),
        zipped(MEMBERS | {"tasks.json": b"[{"}),
        zipped(MEMBERS | {"tasks.json": b'{"no": "array"}'}),
        zipped({"other.txt": b""}),
        zipped(MEMBERS).replace(b"PK\x03\x04", b"PK\x03\x05"),
    ],
)
def test_a_zip_that_is_not_whole_is_damage_and_holds_up_no_other(data: bytes, source: MemorySink, run: Run) -> None:
    source.objects[ZIP.replace(WRIKES, "bad")] = data
    target = MemorySink("target")
    done = run(target)
    assert [flaw.finding.what for flaw in done.flaws] == ["damaged"]
    assert "backup-bad.zip" in done.flaws[0].finding.key
    assert (done.exit_code, done.targets[0].copied) == (ExitCode.DAMAGED, [DERIVED])
    assert run(target).exit_code is ExitCode.DAMAGED, "it is not forgotten"


def test_what_else_is_in_the_zip_and_times_that_are_none_do_no_harm(source: MemorySink, run: Run) -> None:
    zeros = zipped(MEMBERS | {"bi-export/tasks.csv": b"id\n"}, (1980, 1, 1, 0, 0, 0))
    date = b"\x21\x00"  # 1980-01-01 in DOS; zero is a date that some programs write
    source.objects[ZIP] = zeros.replace(b"\x08\x00\x00\x00" + date, b"\x08\x00\x00\x00\x00\x00")
    target = MemorySink("target")
    assert run(target).targets[0].copied == ["19800101T000000Z-4f5e9c1b7d"]
    assert findings(target, "19800101T000000Z-4f5e9c1b7d") == []


def test_files_that_no_backup_names_are_told_of(source: MemorySink, run: Run, events: list[Event]) -> None:
    source.objects[f"{ATTACHMENTS}/IEAAAEDYIYAB7DLZ-old.txt"] = b"of a version that is gone"
    target = MemorySink("target")
    for _ in range(2):  # the second finds all backups there already
        events.clear()
        assert run(target).exit_code is ExitCode.DONE
        [warning] = [event.text for event in events if isinstance(event, Message) and event.warning]
        assert "named by no backup, and not copied: 1 file in attachments" in warning
    assert f"{ATTACHMENTS}/IEAAAEDYIYAB7DLZ-old.txt" not in target.objects


def test_that_a_copy_encrypts_nothing_is_told(run: Run, events: list[Event]) -> None:
    run(MemorySink("one"))
    assert not any(isinstance(event, Message) for event in events)
    run(MemorySink("two"), transforms=["encrypt"])
    [warning] = [event.text for event in events if isinstance(event, Message) and event.warning]
    assert "not applied: encrypt" in warning


def test_an_unfinished_backup_of_ours_is_not_taken_for_one_of_wrikes(run: Run) -> None:
    source, target = MemorySink("ours"), MemorySink("target")
    Sample().store(source)
    Sample(uid="20261124T000000Z-1").store(source)
    for name in ("manifest.json", "SHA256SUMS", f"records-{UID}.zip"):
        del source.objects[f"{layout.backup_folder(ACCOUNT.id, UID)}/{name}"]
    assert run(target, source=source).targets[0].copied == ["20261124T000000Z-1"]


def test_our_own_archive_in_the_tools_layout_is_copied_too(run: Run) -> None:
    """As the format's own sample: the same four files, and files named by our rules."""
    source, target = MemorySink("ours"), MemorySink("target")
    sample = Sample()
    sample.store(source)
    folder = layout.backup_folder(ACCOUNT.id, UID)
    source.objects = {key: data for key, data in source.objects.items() if not key.startswith(folder)}
    source.objects[ZIP] = sample.archive()
    done = run(target, source=source)
    assert done.exit_code is ExitCode.DONE
    [uid] = done.targets[0].copied
    assert uid == f"20261123T153000Z-{WRIKES}"
    assert findings(target, uid) == []
    assert AccountStore(target, ACCOUNT.id).manifest(uid).attachments.total == len(FILES)


def test_a_file_that_changes_while_it_is_read_is_not_kept(source: MemorySink, run: Run) -> None:
    key = f"{ATTACHMENTS}/IEAAAEDYIYAB7DLL-a:b.txt"

    def before(operation: str, opened: str) -> None:
        if operation == "open" and opened == key:
            source.objects[key] = b"grown" * 100

    source.before = before
    target = MemorySink("target")
    done = run(target)
    assert [(flaw.finding.key, flaw.finding.what) for flaw in done.flaws] == [(key, "unexpected size")]
    assert key not in target.objects


def test_what_the_target_holds_is_compared_with_the_source(source: MemorySink, run: Run) -> None:
    key, wrong = (f"{ATTACHMENTS}/{name}" for name in NAMED)
    target = MemorySink("target", {key: source.objects[key], wrong: source.objects[wrong][::-1]})
    created: list[str] = []
    target.before = lambda operation, name: created.append(name) if operation == "create" else None
    assert run(target).exit_code is ExitCode.DONE
    assert key not in created
    assert target.objects[wrong] == source.objects[wrong]
    assert findings(target) == []


def test_what_a_backup_in_the_target_calls_by_the_same_name_is_kept(source: MemorySink, run: Run) -> None:
    """A first backup over the API had other bytes under the same name."""
    target = MemorySink("target")
    run(target)
    key = f"{ATTACHMENTS}/IEAAAEDYIYAB7DLL-a:b.txt"
    before = target.objects[key]
    source.objects[key] = b"changed since"
    source.objects[ZIP.replace(WRIKES, "next")] = zipped(MEMBERS, (2025, 3, 8, 0, 0, 0))
    done = run(target)
    assert [(flaw.sink, flaw.finding.key) for flaw in done.flaws] == [(target.name, key)]
    assert "to have both, copy this one to a sink or folder of its own" in done.flaws[0].finding.detail
    assert target.objects[key] == before
    apart = MemorySink("apart")
    assert run(apart, backups=["next"]).exit_code is ExitCode.DONE
    assert apart.objects[key] == b"changed since"


def test_a_dry_run_counts_each_file_once(source: MemorySink, job: Callable[..., CopyJob]) -> None:
    source.objects[ZIP.replace(WRIKES, "next")] = zipped(MEMBERS, (2025, 3, 8, 0, 0, 0))
    target = MemorySink("target")
    plan = plan_copy(job(target), lambda _: None)
    assert [(one.files, one.found) for one in plan.backups] == [(3, 0), (1, 0)]
    assert target.objects == {}


def test_the_tools_folder_under_another_name_is_left_as_it_is(source: MemorySink, run: Run) -> None:
    """As a store that is reached in two ways."""
    source.objects |= {f"{ATTACHMENTS}/IEAAAEDYIYAB7DLZ-old": b"named by no backup"}
    same, before = MemorySink("same"), dict(source.objects)
    same.objects = source.objects
    done = run(same)
    assert (done.exit_code, list(done.targets[0].refused)) == (ExitCode.PARTIAL, [DERIVED])
    assert "copy to another place" in done.targets[0].refused[DERIVED]
    assert source.objects == before
    assert same.calls["create"] == same.calls["delete"] == 1, "the lease, and nothing else"
