"""A backup that is made to do harm costs at most what is wrong with it."""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from pathlib import Path

import pytest

from tests.restore.backups import account, file, folder, local, original, restored, stored, task
from tests.verify.sample import ACCOUNT, UID, Sample
from wrikebackup_core.engine import elements
from wrikebackup_core.engine.restore import Shape
from wrikebackup_core.errors import ExitCode, FormatError, SinkError
from wrikebackup_core.format import layout
from wrikebackup_core.testing import MemorySink

ARCHIVE, RECORDS = layout.archive_key(ACCOUNT.id, UID), layout.records_key(ACCOUNT.id, UID)
SUMS, MANIFEST = layout.sums_key(ACCOUNT.id, UID), layout.manifest_key(ACCOUNT.id, UID)


def replaced(sink: MemorySink, key: str, data: bytes) -> None:
    """With checksums that fit: whoever makes a backup up makes those up, too."""
    before = hashlib.sha256(sink.objects[key]).hexdigest()
    sink.objects[key] = data
    sink.objects[SUMS] = sink.objects[SUMS].replace(before.encode(), hashlib.sha256(data).hexdigest().encode())


def zipped(**members: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", ".", 1), content)
    return data.getvalue()


@pytest.mark.parametrize("shape", list(Shape))
def test_records_that_would_fill_the_memory_are_refused_and_the_archive_serves(
    tmp_path: Path, shape: Shape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wrikebackup_core.engine.zips._FREE", 1 << 16)  # else the test would have to make a gigabyte
    source, _ = stored(Sample())
    replaced(source, RECORDS, zipped(tasks_jsonl=bytes(8 << 20)))
    target = MemorySink("target")
    result = restored(original(source, UID), target, tmp_path, shape)
    assert result.exit_code is ExitCode.PARTIAL
    assert [(one.key, one.what) for one in result.findings] == [(RECORDS, "damaged")]
    assert "when unpacked" in result.findings[0].detail
    assert any("plan.pdf" in key for key in target.objects)


def test_a_line_without_end_is_told_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wrikebackup_core.engine.restore.filling.LONGEST", 1000)
    assert elements.LONGEST > 1000
    source, _ = stored(Sample())
    replaced(
        source, RECORDS, zipped(tasks_jsonl=b'{"id":"T1","title":"' + b"x" * 5000 + b'"}\n{"id":"T2","title":"Good"}\n')
    )
    target = MemorySink("target")
    result = restored(original(source, UID), target, tmp_path, Shape.TREE)
    assert result.exit_code is ExitCode.PARTIAL
    assert "tasks.jsonl" in result.findings[0].detail
    assert "Tasks without a folder/Good/task.md" in target.objects


def test_a_long_chain_and_many_circles_of_folders_take_no_time_that_grows_with_their_square(tmp_path: Path) -> None:
    """5,000 of either: what looked at all of them for each one would not come to an end here."""
    count = 5_000
    chain = [folder(f"C{n:05}", "c", f"C{n + 1:05}") for n in range(count)]
    circles = [folder(f"R{n:05}", "r", f"R{n ^ 1:05}") for n in range(count)]
    _, backup = stored(account([*chain, *circles]))
    target = MemorySink("target")
    result = restored(backup, target, tmp_path, Shape.TREE)
    assert (result.pages, result.exit_code) == (2 * count, ExitCode.PARTIAL)
    assert result.findings[0].detail.endswith("R00000, R00002, R00004, R00006, R00008 and 2,495 more")


@pytest.mark.parametrize("name", ["../../out.zip", "/etc/out.zip", "a/../../../out.zip", ""])
def test_a_manifest_that_names_files_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    source, _ = stored(Sample())
    source.objects[MANIFEST] = source.objects[MANIFEST].replace(f'"backup-{UID}.zip"'.encode(), f'"{name}"'.encode())
    with pytest.raises(FormatError, match="outside of the backup"):
        original(source, UID)


OUTSIDE = [
    "../../evil",
    "/tmp/evil",
    "..\\..\\evil",
    "C:\\evil",
    "a/../../../evil",
    "attachments/../../evil",
    "evil\0.txt",
    ".",
]


@pytest.mark.parametrize("shape", list(Shape))
def test_members_of_a_zip_that_lead_elsewhere_are_written_nowhere(tmp_path: Path, shape: Shape) -> None:
    source, _ = stored(Sample())
    for key in (ARCHIVE, RECORDS):
        data = io.BytesIO(source.objects[key])
        with zipfile.ZipFile(data, "a") as archive:
            for name in OUTSIDE:
                archive.writestr(zipfile.ZipInfo(name), b"evil")
            link = zipfile.ZipInfo("link")
            link.external_attr = 0o120777 << 16
            archive.writestr(link, "/tmp")
        replaced(source, key, data.getvalue())
    result = restored(original(source, UID), local(tmp_path / "deep" / "out"), tmp_path / "state", shape)
    assert result.exit_code is ExitCode.DONE
    written = {path for path in tmp_path.rglob("*") if path.is_file() and "state" not in path.parts}
    assert written
    assert all(path.is_relative_to(tmp_path / "deep" / "out") for path in written)
    assert not any("evil" in path.name or path.is_symlink() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("shape", list(Shape))
@pytest.mark.parametrize("evil", OUTSIDE)
def test_an_attachment_whose_id_or_name_leads_elsewhere_stays_inside(tmp_path: Path, shape: Shape, evil: str) -> None:
    ids = [f"A{n}" for n in range(2)]
    records = [file(ids[0], evil, b"x", taskId="T1"), file(evil, "plain.txt", b"y", taskId="T1")]
    sample = account([folder("F1", evil)], [task("T1", evil, "F1")], [(records[0], b"x"), (records[1], b"y")])
    sample.files = {ids[0]: b"x"}
    source, _ = stored(sample)
    for path in (f"../attachments/{evil}-plain.txt", f"../attachments/{evil}"):
        line = hashlib.sha256(b"y").hexdigest().encode() + b"  " + path.encode() + b"\n"
        source.objects[SUMS] += line
    before = set(source.objects)
    restored(original(source, UID), local(tmp_path / "deep" / "out"), tmp_path / "state", shape)
    assert set(source.objects) == before
    written = {path for path in tmp_path.rglob("*") if path.is_file() and "state" not in path.parts}
    assert written
    assert all(path.is_relative_to(tmp_path / "deep" / "out") for path in written)
    assert not Path("/tmp/evil").exists()


@pytest.mark.parametrize("name", ["SHA256SUMS", "manifest.json", f"backup-{UID}.zip"])
def test_an_artifact_takes_no_other_file_s_place(tmp_path: Path, name: str) -> None:
    source, _ = stored(Sample())
    source.objects[MANIFEST] = source.objects[MANIFEST].replace(b'"artifacts": []', f'"artifacts": ["{name}"]'.encode())
    result = restored(original(source, UID), MemorySink("target"), tmp_path)
    assert any("artifact" in one.detail for one in result.findings)
    assert result.exit_code is ExitCode.PARTIAL


def test_checksums_that_lead_out_of_the_account_are_told_and_not_followed(tmp_path: Path) -> None:
    source, _ = stored(Sample())
    source.objects["elsewhere"] = b"x"
    source.objects[SUMS] += hashlib.sha256(b"x").hexdigest().encode() + b"  ../../elsewhere\n"
    target = MemorySink("target")
    result = restored(original(source, UID), target, tmp_path)
    assert ["leads out of the account's folder" in one.detail for one in result.findings] == [True]
    assert all(key.startswith(f"{layout.account_folder(ACCOUNT.id)}/") for key in target.objects)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own there")
def test_a_link_in_the_target_s_attachments_is_not_followed(tmp_path: Path) -> None:
    _, backup = stored(Sample())
    outside = tmp_path / "outside"
    outside.mkdir()
    inside = tmp_path / "out" / layout.account_folder(ACCOUNT.id)
    inside.mkdir(parents=True)
    (inside / "attachments").symlink_to(outside)
    with pytest.raises(SinkError, match="symbolic link"):
        restored(backup, local(tmp_path / "out"), tmp_path)
    assert list(outside.iterdir()) == []


def test_text_that_moves_the_cursor_or_loads_from_elsewhere_does_nothing_in_a_page(tmp_path: Path) -> None:
    text = "<img src='https://spy.example/p.png'><a href='javascript:x()'>go</a>\x1b[2J&#27;[31m&lt;script&gt;"
    _, backup = stored(account([], [task("T1", "a\x1b[2J\n# b", description=text)]))
    target = MemorySink("target")
    restored(backup, target, tmp_path, Shape.TREE)
    [page] = target.objects.values()
    assert b"\x1b" not in page
    assert b"![" not in page
    assert b"javascript" not in page
    assert b"\\<script" in page
    assert page.startswith(b"# a \\[2J # b\n")


def test_numbers_and_nesting_beyond_all_measure_cost_only_their_record(tmp_path: Path) -> None:
    deep = b'{"id":"T9","title":"Deep","customFields":[{"id":"C","value":' + b"[" * 50_000 + b"]" * 50_000 + b"}]}\n"
    large = b'{"id":"A1","name":"a.txt","type":"Wrike","taskId":"T1","size":' + b"9" * 40 + b"}\n"
    sample = account([], [task("T1", "Good")], [(file("A1", "a.txt", b"x", taskId="T1"), b"x")])
    source, _ = stored(sample)
    good = b'{"id":"T1","title":"Good"}\n'
    replaced(source, RECORDS, zipped(tasks_jsonl=deep + good, attachments_jsonl=large))
    target = MemorySink("target")
    result = restored(original(source, UID), target, tmp_path, Shape.TREE)
    assert [one.key for one in result.findings] == [RECORDS]
    assert sorted(target.objects) == ["Tasks without a folder/Good/a.txt", "Tasks without a folder/Good/task.md"]


def test_numbers_beyond_all_measure_in_the_archive_are_none(tmp_path: Path) -> None:
    source, _ = stored(Sample())
    tasks = b'[{"id":' + b"9" * 40 + b',"title":"Large"},{"id":7,"title":"Good"}]'
    replaced(source, ARCHIVE, zipped(users_json=b"[]", folders_json=b"[]", tasks_json=tasks, teams_json=b"[]"))
    del source.objects[RECORDS]
    target = MemorySink("target")
    restored(original(source, UID), target, tmp_path, Shape.TREE)
    assert {"Tasks without a folder/Good/task.md", "Tasks without a folder/Large/task.md"} < target.objects.keys()
