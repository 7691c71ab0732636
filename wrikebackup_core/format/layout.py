"""Where things lie in a sink: the keys of format 1, and what a key says."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from wrikebackup_core.errors import FormatError
from wrikebackup_core.format.names import attachment_file_name, hidden_file_name

__all__ = [
    "account_folder",
    "account_id_of",
    "archive_key",
    "attachment_key",
    "attachment_keys",
    "attachments_folder",
    "backup_folder",
    "manifest_key",
    "new_backup_uid",
    "pin_key",
    "records_key",
    "started",
    "sums_key",
]

_ACCOUNT_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
_ACCOUNT_FOLDER = re.compile(rf"account-({_ACCOUNT_ID.pattern})(?:/.*)?", re.DOTALL)
# Newer versions of Python take 24:00 for midnight.
_UID = re.compile(r"([0-9]{8}T(?:[01][0-9]|2[0-3])[0-9]{4})Z-[0-9a-z]{1,16}")
_UID_TIME = "%Y%m%dT%H%M%S"


def account_folder(account_id: str) -> str:
    """`account-IEAAAEDY`. Raises FormatError for an id that could lead elsewhere."""
    if not _ACCOUNT_ID.fullmatch(account_id):
        raise FormatError(f"an account id that cannot name a folder: {account_id!r}")
    return f"account-{account_id}"


def attachments_folder(account_id: str) -> str:
    """`account-IEAAAEDY/attachments`: files shared by all backups of the account."""
    return f"{account_folder(account_id)}/attachments"


def attachment_key(account_id: str, attachment_id: str, name: str, suffix: str = "") -> str:
    """`account-IEAAAEDY/attachments/IEAAAEDYIYAB7DLK-plan.pdf`: see `names.attachment_file_name`."""
    return f"{attachments_folder(account_id)}/{attachment_file_name(attachment_id, name, suffix)}"


def attachment_keys(account_id: str, attachment_id: str, name: str, suffix: str = "") -> tuple[str, str]:
    """Where an attachment may lie: under its name, and under its id alone. One of them is there, if any is."""
    hidden = f"{attachments_folder(account_id)}/{hidden_file_name(attachment_id, suffix)}"
    return attachment_key(account_id, attachment_id, name, suffix), hidden


def backup_folder(account_id: str, uid: str) -> str:
    """`account-IEAAAEDY/backup-20261123T153000Z-7f3a9c`. Raises FormatError for what is not a backup uid."""
    if started(uid) is None:
        raise FormatError(f"not a backup uid: {uid!r}")
    return f"{account_folder(account_id)}/backup-{uid}"


def archive_key(account_id: str, uid: str, suffix: str = "") -> str:
    """The zip of the four files. `suffix` is what the transforms add, such as `.age`."""
    return f"{backup_folder(account_id, uid)}/backup-{uid}.zip{suffix}"


def records_key(account_id: str, uid: str, suffix: str = "") -> str:
    """The zip of all records."""
    return f"{backup_folder(account_id, uid)}/records-{uid}.zip{suffix}"


def sums_key(account_id: str, uid: str) -> str:
    """SHA256SUMS of everything that the backup consists of but the manifest."""
    return f"{backup_folder(account_id, uid)}/SHA256SUMS"


def manifest_key(account_id: str, uid: str) -> str:
    """The manifest: written last, so that a folder without it is not a backup."""
    return f"{backup_folder(account_id, uid)}/manifest.json"


def pin_key(account_id: str, uid: str) -> str:
    """What says that the backup is to stay, where somebody has said so."""
    return f"{backup_folder(account_id, uid)}/pin.json"


def new_backup_uid(now: datetime, tail: str) -> str:
    """`20261123T153000Z-7f3a9c` from an aware time and one to sixteen random characters of `0-9a-z`."""
    uid = f"{now.astimezone(UTC):{_UID_TIME}}Z-{tail}"
    if now.tzinfo is None or started(uid) is None:
        raise ValueError(f"not a time with its zone and a tail: {now!r}, {tail!r}")
    return uid


def started(uid: str) -> datetime | None:
    """When the backup was begun, UTC; None for what is not a backup uid."""
    found = _UID.fullmatch(uid)
    try:
        return datetime.fromisoformat(f"{found[1]}+0000") if found else None
    except ValueError:
        return None


def account_id_of(key: str) -> str | None:
    """The account that a key or folder belongs to, None for something else's."""
    found = _ACCOUNT_FOLDER.fullmatch(key)
    return found[1] if found else None
