"""Keys of format 1, and what a key says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core.errors import FormatError
from wrikebackup_core.format import layout

UID = "20261123T153000Z-7f3a9c"
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(9998, 1, 1), timezones=st.timezones())  # noqa: DTZ001 - zones are drawn


def test_the_keys_are_those_of_the_format() -> None:
    assert layout.account_folder("IEAAAEDY") == "account-IEAAAEDY"
    assert layout.attachments_folder("IEAAAEDY") == "account-IEAAAEDY/attachments"
    key = "account-IEAAAEDY/attachments/IEAAAEDYIYAB7DLK-plan.pdf.age"
    assert layout.attachment_key("IEAAAEDY", "IEAAAEDYIYAB7DLK", "plan.pdf", ".age") == key
    folder = f"account-IEAAAEDY/backup-{UID}"
    assert layout.backup_folder("IEAAAEDY", UID) == folder
    assert layout.archive_key("IEAAAEDY", UID, ".age") == f"{folder}/backup-{UID}.zip.age"
    assert layout.records_key("IEAAAEDY", UID) == f"{folder}/records-{UID}.zip"
    assert layout.sums_key("IEAAAEDY", UID) == f"{folder}/SHA256SUMS"
    assert layout.manifest_key("IEAAAEDY", UID) == f"{folder}/manifest.json"


@pytest.mark.parametrize("account", ["", ".", "..", "a/b", "a\\b", "-x", "A\n", "ä", "x" * 65, "A:B"])
def test_an_account_id_cannot_lead_elsewhere(account: str) -> None:
    with pytest.raises(FormatError, match="account id"):
        layout.account_folder(account)


@pytest.mark.parametrize(
    "uid", ["", "..", "20261123T153000Z", "20261323T153000Z-a", "20261123T153000Z-A", f"{UID}/x", f"{UID}\n"]
)
def test_what_is_not_a_backup_uid_names_no_folder(uid: str) -> None:
    assert layout.started(uid) is None
    with pytest.raises(FormatError, match="backup uid"):
        layout.backup_folder("IEAAAEDY", uid)


def test_a_backup_uid_tells_when_the_backup_was_begun() -> None:
    now = datetime(2026, 11, 23, 16, 30, 0, 999, timezone(timedelta(hours=1)))
    assert layout.new_backup_uid(now, "7f3a9c") == UID
    assert layout.started(UID) == datetime(2026, 11, 23, 15, 30, tzinfo=UTC)


@given(TIMES, TIMES)
def test_sorting_uids_is_sorting_times(first: datetime, second: datetime) -> None:
    seconds = [moment.astimezone(UTC).replace(microsecond=0) for moment in (first, second)]
    uids = [layout.new_backup_uid(moment, "0") for moment in (first, second)]
    assert (uids[0] < uids[1]) == (seconds[0] < seconds[1])
    assert [layout.started(uid) for uid in uids] == seconds


def test_a_time_without_its_zone_makes_no_uid() -> None:
    with pytest.raises(ValueError, match="zone"):
        layout.new_backup_uid(datetime(2026, 11, 23), "7f3a9c")  # noqa: DTZ001 - the point


@pytest.mark.parametrize(
    ("key", "account"),
    [
        ("account-IEAAAEDY", "IEAAAEDY"),
        ("account-IEAAAEDY/", "IEAAAEDY"),
        (f"account-IEAAAEDY/backup-{UID}/manifest.json", "IEAAAEDY"),
        ("account-", None),
        ("account-../x", None),
        ("x/account-IEAAAEDY/y", None),
        ("lost+found/x", None),
        ("", None),
    ],
)
def test_a_key_tells_its_account_or_that_it_is_none_of_ours(key: str, account: str | None) -> None:
    assert layout.account_id_of(key) == account
