"""Backups of format 1 are read for ever. tests/data/format1 was written by version 0.1.0 and is never written anew."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.verify.sample import ACCOUNT, FILES, UID
from wrikebackup_core.engine.verify import verify
from wrikebackup_core.format import layout
from wrikebackup_core.model import AttachmentMode, Gap
from wrikebackup_core.store import AccountStore, accounts
from wrikebackup_core.testing import MemorySink

ROOT = Path(__file__).parents[1] / "data" / "format1"
FOLDER = ROOT / layout.backup_folder(ACCOUNT.id, UID)


@pytest.fixture
def sink() -> MemorySink:
    files = (path for path in ROOT.rglob("*") if path.is_file())
    return MemorySink(objects={path.relative_to(ROOT).as_posix(): path.read_bytes() for path in files})


def test_it_still_verifies(sink: MemorySink) -> None:
    report = verify(sink, ACCOUNT.id, None, lambda _: None)
    assert (report.backup_uid, report.objects, report.findings) == (UID, 9, ())


def test_it_is_still_listed_with_all_that_its_manifest_says(sink: MemorySink) -> None:
    assert accounts(sink) == [ACCOUNT.id]
    store = AccountStore(sink, ACCOUNT.id)
    [backup] = store.backups()
    assert (backup.uid, backup.complete, backup.gaps, backup.attachment_files) == (UID, False, 1, 4)
    assert backup.counts == {"account": 1, "contacts": 3, "groups": 1, "folders": 2, "tasks": 2, "comments": 1, "attachments": 7, "timelogs": 1}  # fmt: skip
    manifest = store.manifest(UID)
    assert manifest.attachments.mode is AttachmentMode.LATEST
    assert manifest.gaps == (Gap("audit_log", None, "the token may not read it", "ask an account admin"),)
    assert manifest.files.artifacts == ("bi-export/user.csv",)


def test_every_attachment_is_still_found_by_its_id_and_name(sink: MemorySink) -> None:
    with zipfile.ZipFile(FOLDER / f"backup-{UID}.zip") as archive:
        items = json.loads(archive.read("tasks.json")) + json.loads(archive.read("folders.json"))
    stored = [one for item in items for one in item["attachments"] if one["attachType"] == "Task"]
    keys = {one["apiId"]: layout.attachment_key(ACCOUNT.id, one["apiId"], one["name"]) for one in stored}
    assert {id_: sink.objects[key] for id_, key in keys.items()} == FILES


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="no sha256sum here")
def test_stock_sha256sum_checks_all_of_it() -> None:
    done = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=FOLDER, check=True, capture_output=True, text=True
    )
    assert done.stdout.count(": OK") == 7
    assert done.stdout.count("../attachments/") == 4


@pytest.mark.skipif(not shutil.which("unzip"), reason="no unzip here")
@pytest.mark.parametrize("name", ["backup", "records"])
def test_stock_unzip_opens_it(name: str) -> None:
    subprocess.run(["unzip", "-tqq", f"{name}-{UID}.zip"], cwd=FOLDER, check=True, capture_output=True)
