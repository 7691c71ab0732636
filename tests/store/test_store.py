"""Which backups a sink holds, in folders that may hold anything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.verify.sample import ACCOUNT, UID, Sample
from wrikebackup_core.errors import FormatError, KeyNotFound, SinkError
from wrikebackup_core.format import layout
from wrikebackup_core.model import Gap
from wrikebackup_core.ports import Entry
from wrikebackup_core.store import AccountStore, accounts
from wrikebackup_core.testing import MemorySink

OLDER, NEWER = "20250101T000000Z-aaaaaa", "20270101T000000Z-000000"
HEX = "0" * 64


class Unbrowsable(MemorySink):
    """A store that can only list everything."""

    folders = None  # type: ignore[assignment]


@pytest.fixture(params=[MemorySink, Unbrowsable])
def sink(request: pytest.FixtureRequest) -> MemorySink:
    sink: MemorySink = request.param()
    for uid in (UID, NEWER, OLDER):
        Sample(uid=uid).store(sink)
    return sink


def garble(sink: MemorySink) -> None:
    """Things that people and programs leave in folders."""
    folder = f"account-{ACCOUNT.id}"
    for key in (
        "readme.txt", "lost+found/x", "account-", "account-../x", "account-a b/x", "accounts/IEAAAEDY", ".DS_Store",
        f"{folder}/.lease", f"{folder}/notes.txt", f"{folder}/backup-/manifest.json", f"{folder}/backup-old/manifest.json",
        f"{folder}/backup-{UID}.zip", f"{folder}/backup-20269999T999999Z-aaaaaa/manifest.json", f"{folder}/backups/manifest.json",
        f"{folder}/backup-{UID}/sub/manifest.json", f"{folder}/attachments/backup-{UID}/manifest.json", f"account-{ACCOUNT.id}",
    ):  # fmt: skip
        sink.objects[key] = b"garbage"


def test_committed_backups_come_oldest_first_as_their_manifests_tell(sink: MemorySink) -> None:
    Sample(uid="20260101T000000Z-bbbbbb", gaps=(Gap("audit_log", None, "not allowed"),)).store(sink)
    garble(sink)
    backups = AccountStore(sink, ACCOUNT.id).backups()
    assert [backup.uid for backup in backups] == [OLDER, "20260101T000000Z-bbbbbb", UID, NEWER]
    assert [backup.complete for backup in backups] == [True, False, True, True]
    assert [backup.gaps for backup in backups] == [0, 1, 0, 0]
    assert backups[2].started == layout.started(UID)
    assert backups[2].counts["tasks"] == 2
    assert (backups[2].attachment_files, backups[2].attachment_bytes) == (4, 2048 + 8 + 23)


def test_a_folder_without_a_manifest_is_not_a_backup(sink: MemorySink) -> None:
    del sink.objects[layout.manifest_key(ACCOUNT.id, NEWER)]
    garble(sink)
    store = AccountStore(sink, ACCOUNT.id)
    assert [backup.uid for backup in store.backups()] == [OLDER, UID]
    assert store.unfinished() == [NEWER]
    with pytest.raises(KeyNotFound):
        store.manifest(NEWER)


def test_a_manifest_that_cannot_be_made_out_hides_neither_its_backup_nor_the_others(sink: MemorySink) -> None:
    key = layout.manifest_key(ACCOUNT.id, UID)
    for damage in (b"", b"\xff", b'{"format": 2}', sink.objects[key][:-20]):
        sink.objects[key] = damage
        assert [(one.uid, one.complete) for one in AccountStore(sink, ACCOUNT.id).backups()] == [
            (OLDER, True),
            (UID, None),
            (NEWER, True),
        ]
        with pytest.raises(FormatError, match=key):
            AccountStore(sink, ACCOUNT.id).manifest(UID)


def test_a_backup_that_is_pruned_meanwhile_is_passed_over(sink: MemorySink) -> None:
    key = layout.manifest_key(ACCOUNT.id, UID)

    def prune(operation: str, opened: str) -> None:
        if operation == "open" and opened == key:
            sink.objects.pop(key, None)

    sink.before = prune
    assert [backup.uid for backup in AccountStore(sink, ACCOUNT.id).backups()] == [OLDER, NEWER]


def test_a_store_in_trouble_is_an_error_and_not_an_empty_store(sink: MemorySink) -> None:
    sink.fail("list", times=None)
    for ask in (
        AccountStore(sink, ACCOUNT.id).backups,
        AccountStore(sink, ACCOUNT.id).unfinished,
        lambda: accounts(sink),
    ):
        with pytest.raises(SinkError, match="told to fail"):
            ask()
    sink.heal()
    sink.fail("read", keys="*manifest.json")
    with pytest.raises(SinkError, match="told to fail"):
        AccountStore(sink, ACCOUNT.id).backups()


def test_sums_name_keys_from_the_root_of_the_sink(sink: MemorySink) -> None:
    sums = {key for _, key in AccountStore(sink, ACCOUNT.id).sums(UID)}
    assert sums == {entry.key for entry in sink.list("")} - {
        key for key in sink.objects if NEWER in key or OLDER in key or key.endswith(("SHA256SUMS", "manifest.json"))
    }


@pytest.mark.parametrize("path", ["../../account-OTHER/x", "../../../x", "..", "/etc/passwd", "../attachments/../../x"])
def test_sums_never_lead_out_of_the_account(sink: MemorySink, path: str) -> None:
    sink.objects[layout.sums_key(ACCOUNT.id, UID)] = f"{HEX}  {path}\n".encode()
    with pytest.raises(FormatError, match="leads out"):
        list(AccountStore(sink, ACCOUNT.id).sums(UID))


def test_missing_or_damaged_sums_are_named(sink: MemorySink) -> None:
    key = layout.sums_key(ACCOUNT.id, UID)
    sink.objects[key] = f"{HEX}  ok\nnonsense\n".encode()
    with pytest.raises(FormatError, match=f"{key}: line 2"):
        list(AccountStore(sink, ACCOUNT.id).sums(UID))
    del sink.objects[key]
    with pytest.raises(FormatError, match=f"{key} is missing"):
        list(AccountStore(sink, ACCOUNT.id).sums(UID))


def test_what_is_held_is_every_attachment_and_its_size(sink: MemorySink) -> None:
    sizes = {entry.key: entry.size for entry in AccountStore(sink, ACCOUNT.id).held()}
    assert sizes == {key: len(data) for key, data in sink.objects.items() if "/attachments/" in key}
    assert len(sizes) == 4


def test_accounts_are_the_folders_of_accounts_and_nothing_else(sink: MemorySink) -> None:
    garble(sink)
    sink.objects["account-IEAAAAAB/attachments/x"] = b""
    assert accounts(sink) == ["IEAAAAAB", ACCOUNT.id]
    assert accounts(MemorySink()) == []


def test_an_account_that_the_sink_does_not_know_has_no_backups(sink: MemorySink) -> None:
    store = AccountStore(sink, "IEAAAAAC")
    assert (store.backups(), store.unfinished(), list(store.held())) == ([], [], [])
    with pytest.raises(FormatError, match="account id"):
        AccountStore(sink, "../x")


class NotesListings(MemorySink):
    def list(self, prefix: str) -> Iterator[Entry]:
        self.listed = [*getattr(self, "listed", []), prefix]
        return super().list(prefix)


def test_attachments_are_not_listed_to_find_backups_where_a_store_can_name_folders() -> None:
    sink = NotesListings()
    Sample().store(sink)
    sink.listed = []
    assert accounts(sink) == [ACCOUNT.id]
    assert AccountStore(sink, ACCOUNT.id).uids() == ([UID], [])
    assert sink.listed == [layout.backup_folder(ACCOUNT.id, UID)]
