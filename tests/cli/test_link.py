"""What `link` promises beyond what its session in testdata/ shows."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from wrikebackup_core.errors import ExitCode
from wrikebackup_core.format.manifest import Files, Manifest

Cli = Callable[..., Any]
PROFILE = "source: awkward\nsinks: [signing: {name: far}]\n"


@pytest.fixture
def uid(place: Path, cli: Cli) -> str:
    """A backup in a sink that signs."""
    (place / "p.yaml").write_text(PROFILE)
    assert cli("backup", "-q", "p.yaml").code == 0
    return str(json.loads(cli("list", "--json", "p.yaml").out)[0]["backups"][0]["uid"])


def objects(place: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = sys.modules["wrikebackup_awkward"]._STORES[place, "far"]
    return found


def rewrite(place: Path, uid: str, files: Files) -> None:
    """The manifest names other files."""
    import msgspec

    key = f"account-IEAAAEDY/backup-{uid}/manifest.json"
    manifest = Manifest.decode(objects(place)[key], key)
    objects(place)[key] = msgspec.structs.replace(manifest, files=files, transforms=({"kind": "encrypt"},)).encode()


def test_machines_get_the_address_its_key_its_end_and_its_sink(uid: str, cli: Cli) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    ran = cli("link", "--json", "--days", "3", "p.yaml")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert set(found) == {"url", "key", "expires", "sink", "account", "backup_uid"}
    assert found["url"] == f"https://store.example/{found['key']}?seconds=259200&signature=SECRET"
    assert found["key"] == f"account-IEAAAEDY/backup-{uid}/backup-{uid}.zip"
    assert (found["sink"], found["account"], found["backup_uid"]) == ("memory:far", "IEAAAEDY", uid)
    assert timedelta(0) <= datetime.fromisoformat(found["expires"]) - before - timedelta(days=3) < timedelta(minutes=5)


def test_a_long_address_stays_on_one_line(uid: str, place: Path, cli: Cli) -> None:
    """Those of S3 with temporary keys have 2,000 characters."""
    (place / "p.yaml").write_text(PROFILE.replace("far}", f"far, token: {'t' * 5000}}}"))
    ran = cli("link", "p.yaml")
    assert ran.out.endswith(f"&signature={'t' * 5000}\n")
    assert ran.out.count("\n") == 1
    assert "ttt" not in ran.err


def test_the_newest_backup_is_given_out_and_an_older_one_by_its_name(uid: str, cli: Cli) -> None:
    assert cli("backup", "-q", "p.yaml").code == 0
    newest = json.loads(cli("link", "--json", "p.yaml").out)["backup_uid"]
    assert newest > uid
    assert json.loads(cli("link", "--json", "p.yaml", uid).out)["backup_uid"] == uid


@pytest.mark.parametrize("damage", ["cut off", "of another backup"])
def test_a_newest_backup_whose_manifest_is_damaged_is_passed_over_with_a_warning(
    damage: str, uid: str, place: Path, cli: Cli
) -> None:
    assert cli("backup", "-q", "p.yaml").code == 0
    newest = json.loads(cli("link", "--json", "p.yaml").out)["backup_uid"]
    key = f"account-IEAAAEDY/backup-{newest}/manifest.json"
    other = objects(place)[key.replace(newest, uid)]
    objects(place)[key] = objects(place)[key][:100] if damage == "cut off" else other
    ran = cli("link", "--json", "p.yaml")
    assert (ran.code, json.loads(ran.out)["backup_uid"]) == (0, uid)
    assert f"{uid} is read instead, which is older" in ran.err
    ran = cli("link", "p.yaml", newest)
    assert (ran.code, ran.out) == (ExitCode.DAMAGED, ""), "but not in place of one that was asked for"


def test_an_unfinished_backup_is_not_given_out(uid: str, place: Path, cli: Cli) -> None:
    del objects(place)[f"account-IEAAAEDY/backup-{uid}/manifest.json"]
    assert cli("link", "p.yaml").code == ExitCode.USAGE
    assert cli("link", "p.yaml", uid).code == ExitCode.USAGE


def test_an_encoded_archive_has_the_name_that_the_manifest_gives_it(uid: str, place: Path, cli: Cli) -> None:
    folder = f"account-IEAAAEDY/backup-{uid}"
    objects(place)[f"{folder}/backup-{uid}.zip.age"] = objects(place).pop(f"{folder}/backup-{uid}.zip")
    rewrite(place, uid, Files(f"backup-{uid}.zip.age", f"records-{uid}.zip.age"))
    ran = cli("link", "p.yaml")
    assert ran.out.startswith(f"https://store.example/{folder}/backup-{uid}.zip.age?")
    assert "encoded (encrypt)" in ran.err
    ran = cli("link", "--records", "p.yaml")
    assert ran.code == ExitCode.FAILED
    assert "there is no account-IEAAAEDY" in ran.err


@pytest.mark.parametrize("name", ["../../account-OTHER/secret", "..", "sub/backup.zip", ""])
def test_a_manifest_cannot_make_us_give_out_anything_else(uid: str, place: Path, cli: Cli, name: str) -> None:
    rewrite(place, uid, Files(name, None))
    ran = cli("link", "p.yaml")
    assert (ran.code, ran.out) == (ExitCode.DAMAGED, "")
    assert "names a file outside of the backup" in ran.err


def test_a_backup_without_records_has_none_to_give_out(uid: str, place: Path, cli: Cli) -> None:
    rewrite(place, uid, Files(f"backup-{uid}.zip", None))
    ran = cli("link", "--records", "p.yaml")
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert "has no records" in ran.err
