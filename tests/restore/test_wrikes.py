"""A folder of Wrike's own backup tool, which has neither checksums nor a manifest nor records, is restored, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.test_copying_wrikes import ATTACHMENTS, DERIVED, MEMBERS, NAMED, WRIKES, ZIP, zipped
from tests.restore.backups import restored
from tests.verify.sample import ACCOUNT
from wrikebackup_core.engine.restore import Original, Selection, Shape, wrikes_own
from wrikebackup_core.engine.verify import verify
from wrikebackup_core.errors import ExitCode, FormatError
from wrikebackup_core.format import layout
from wrikebackup_core.store import AccountStore
from wrikebackup_core.testing import MemorySink


@pytest.fixture
def source() -> MemorySink:
    sink = MemorySink("tool", {f"{ATTACHMENTS}/{name}": data for name, data in NAMED.items()})
    sink.objects[ZIP] = zipped(MEMBERS)
    return sink


def found(source: MemorySink, name: str | None = None) -> Original:
    backup = wrikes_own([source], name)
    assert backup is not None
    return backup


@pytest.mark.parametrize("name", [None, WRIKES, DERIVED])
def test_it_becomes_a_backup_that_verifies(source: MemorySink, tmp_path: Path, name: str | None) -> None:
    target = MemorySink("target")
    result = restored(found(source, name), target, tmp_path)
    assert (result.exit_code, result.files) == (ExitCode.DONE, 3)
    assert target.objects[layout.archive_key(ACCOUNT.id, DERIVED)] == source.objects[ZIP]
    assert {key: data for key, data in target.objects.items() if key.startswith(ATTACHMENTS)} == {
        f"{ATTACHMENTS}/{file}": data for file, data in NAMED.items()
    }
    manifest = AccountStore(target, ACCOUNT.id).manifest(DERIVED)
    assert (manifest.complete, manifest.source, manifest.files.records) == (True, "wrike-backup-tool", None)
    assert manifest.counts == {"contacts": 1, "folders": 1, "tasks": 1}
    assert verify(target, ACCOUNT.id, DERIVED, lambda _: None).findings == ()


def test_it_becomes_a_tree(source: MemorySink, tmp_path: Path) -> None:
    target = MemorySink("target")
    assert restored(found(source), target, tmp_path, Shape.TREE).exit_code is ExitCode.DONE
    assert sorted(target.objects) == [
        "Tasks without a folder/title/a_b.txt",
        "Tasks without a folder/title/task.md",
        "Tasks without a folder/title/test+doc.webdoc",
        "t/folder.md",
    ]
    assert target.objects["Tasks without a folder/title/a_b.txt"] == b"named in a way of its own"


def test_a_file_that_is_not_there_is_told(source: MemorySink, tmp_path: Path) -> None:
    del source.objects[f"{ATTACHMENTS}/IEAAAEDYIYAB7DLK-test+doc.webdoc"]
    target = MemorySink("target")
    result = restored(found(source), target, tmp_path)
    assert (result.exit_code, [one.what for one in result.findings]) == (ExitCode.PARTIAL, ["missing"])
    assert AccountStore(target, ACCOUNT.id).manifest(DERIVED).complete is False


def test_a_task_is_selected_by_its_number(source: MemorySink, tmp_path: Path) -> None:
    result = restored(
        found(source), MemorySink("target"), tmp_path, Shape.TREE, Selection(tasks=["16902507"], names=["*.webdoc"])
    )
    assert (result.files, result.pages) == (1, 1)


def test_there_is_none_of_another_name(source: MemorySink) -> None:
    assert wrikes_own([source], "other") is None
    assert wrikes_own([MemorySink("empty")], None) is None


def test_one_that_is_damaged_is_told_only_where_it_is_meant(source: MemorySink) -> None:
    folder = layout.account_folder(ACCOUNT.id)
    source.objects[f"{folder}/backup-broken/backup-broken.zip"] = b"no zip"
    assert found(source).uid == DERIVED
    with pytest.raises(FormatError, match="not a whole zip"):
        wrikes_own([source], "broken")
    del source.objects[ZIP]
    with pytest.raises(FormatError, match="not a whole zip"):
        wrikes_own([source], None)


def test_a_document_that_is_attached_to_two_tasks_is_on_both_pages(source: MemorySink, tmp_path: Path) -> None:
    document = {"resourceId": "1NPu", "id": 7, "name": "minutes", "dateUploaded": "2025-01-01 00:00:00"}
    tasks = [{"id": number, "title": f"task {number}", "googleDocs": [document]} for number in (1, 2)]
    source.objects[ZIP] = zipped(MEMBERS | {"tasks.json": tasks})
    target = MemorySink("target")
    restored(found(source), target, tmp_path, Shape.TREE)
    pages = [data for key, data in target.objects.items() if key.endswith("task.md")]
    assert ["minutes, stored outside of Wrike" in page.decode() for page in pages] == [True, True]
