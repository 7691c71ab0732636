"""A backup over a real socket equals the account, record for record and byte for byte."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import zipfile

import pytest

from tests.e2e.conftest import Place, Run
from wrikebackup_core import Kind
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer
from wrikebackup_mock.service import Plan

ITEMS = (Kind.FOLDERS, Kind.TASKS)


def compare(place: Place, account: MockAccount) -> None:
    """The newest backup against the account. What hangs on the recycle bin may be among the records, never among the files."""
    stored = place.records(place.backups()[-1])
    for kind in Kind:
        truth = {record["id"]: record for record in account.dicts(kind, trashed=False if kind in ITEMS else None)}
        found = {record["id"]: record for record in stored.get(kind, [])}
        assert len(found) == len(stored.get(kind, [])), f"{kind}: a record twice"
        assert found == truth, kind
    files = place.files()
    assert {id_: hashlib.sha256(path.read_bytes()).hexdigest() for id_, path in files.items()} == _files(account)


def _files(account: MockAccount) -> dict[str, str]:
    return {id_: account.sha256(id_) for id_, _, _ in account.files()}


def test_the_backup_equals_the_account(place: Place, server: MockServer, run: Run) -> None:
    place.write(server.base_url)
    done = run("backup", place.profile)
    assert done.returncode == 0, done.stderr
    compare(place, server.account)
    assert run("verify", place.profile).returncode == 0


def test_the_least_requests_are_asked(place: Place, server: MockServer, run: Run) -> None:
    """Every list once a page, every window once; nothing for each task, folder or space that need not be."""
    place.write(server.base_url, "attachments: none\ncoverage: none")
    assert run("backup", place.profile).returncode == 0
    counts = server.requests.counts
    windows = counts["GET /comments"] + counts["GET /attachments"]
    assert counts["GET /tasks"] == 1
    assert counts["GET /dependencies/{ids}"] == 1
    assert not any("{id}" in path for path in counts if "workflows" not in path)
    assert sum(counts.values()) - windows <= 1.05 * 25


def test_stock_tools_check_and_open_it(place: Place, server: MockServer, run: Run) -> None:
    place.write(server.base_url)
    assert run("backup", place.profile).returncode == 0
    backup = place.backups()[-1]
    if shutil.which("sha256sum"):
        done = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=backup, check=False)
        assert done.returncode == 0
    archive = next(backup.glob("backup-*.zip"))
    if shutil.which("unzip"):
        assert subprocess.run(["unzip", "-tq", archive], stdout=subprocess.DEVNULL, check=False).returncode == 0
    with zipfile.ZipFile(archive) as opened:
        assert opened.namelist() == ["users.json", "folders.json", "tasks.json", "teams.json"]
        tasks = json.loads(opened.read("tasks.json"))
    live = list(server.account.dicts(Kind.TASKS, trashed=False))
    assert sorted(task["id"] for task in tasks) == sorted(int(task["permalink"].partition("id=")[2]) for task in live)
    assert {path.name for path in place.account.iterdir()} == {"attachments", *(path.name for path in place.backups())}


def test_a_later_run_fetches_only_what_is_new(place: Place, server: MockServer, run: Run) -> None:
    place.write(server.base_url)
    assert run("backup", place.profile).returncode == 0
    before = set(_files(server.account))
    server.account = server.account.changed()
    server.requests.clear()
    assert run("backup", place.profile).returncode == 0
    new = set(_files(server.account)) - before
    assert new
    assert server.requests.count("GET /attachments/{id}/download") == len(new)
    stored = place.records(place.backups()[-1])
    assert {task["id"] for task in stored["tasks"]} == {
        task["id"] for task in server.account.dicts(Kind.TASKS, trashed=False)
    }
    for backup in place.backups():
        assert run("verify", place.profile, backup.name.removeprefix("backup-")).returncode == 0


@pytest.mark.parametrize("mode", ["latest", "all versions", "none"])
def test_each_attachment_mode_verifies(place: Place, server: MockServer, run: Run, mode: str) -> None:
    place.write(server.base_url, f"attachments: {mode}")
    assert run("backup", place.profile).returncode == 0
    done = run("verify", place.profile)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_plan_forbids_is_a_gap_and_exit_code_3(place: Place, run: Run) -> None:
    plan = Plan(forbidden=frozenset({"audit_log", "invitations"}))
    with MockServer(MockAccount(), token="e2e-token", plan=plan) as server:
        place.write(server.base_url)
        done = run("backup", place.profile)
        assert done.returncode == 3, done.stderr
        assert "audit_log" in done.stdout + done.stderr
        manifest = json.loads((place.backups()[-1] / "manifest.json").read_text())
        assert manifest["complete"] is False
        assert {gap["kind"] for gap in manifest["gaps"]} == {"audit_log", "invitations"}
        assert run("verify", place.profile).returncode == 0
        place.write(server.base_url, "skip: [audit_log, invitations]")
        assert run("backup", place.profile).returncode == 0


def test_comments_come_task_by_task_where_the_list_of_all_is_refused(place: Place, run: Run) -> None:
    plan = Plan(forbidden=frozenset({"account_comments"}))
    with MockServer(MockAccount(), token="e2e-token", plan=plan) as server:
        place.write(server.base_url)
        done = run("backup", place.profile)
        assert done.returncode == 0, done.stderr
        live = {task["id"] for kind in ITEMS for task in server.account.dicts(kind, trashed=False)}
        truth = {
            comment["id"]
            for comment in server.account.dicts(Kind.COMMENTS)
            if comment.get("taskId", comment.get("folderId")) in live
        }
        assert {comment["id"] for comment in place.records(place.backups()[-1])["comments"]} >= truth


@pytest.mark.parametrize(
    "fault",
    [
        "drop:every=9",
        "status:every=7,status=503",
        "rate-limit:every=11",
        "cut:path=/download,every=3,bytes=10000",
        "truncate:path=/download,every=4",
        "html:path=/download,every=5",
        "ignore-range:path=/download,every=1;cut:path=/download,every=3,bytes=10000",
        "corrupt-json:path=/tasks,at=1",
        "page-shift:path=/tasks",
    ],
)
def test_no_fault_of_the_server_makes_a_wrong_backup(place: Place, run: Run, fault: str) -> None:
    """What comes out is either the whole account, or a run that says that it is not."""
    account = MockAccount(tasks=60, attachments=40, attachment_size=30_000)
    with MockServer(account, token="e2e-token", faults=fault.split(";")) as server:
        place.write(server.base_url)
        done = run("backup", place.profile)
        for _ in range(3):
            if done.returncode == 0:
                break
            assert done.returncode in (1, 3), done.stderr
            done = run("backup", place.profile)
        assert done.returncode == 0, done.stderr
        compare(place, account)
