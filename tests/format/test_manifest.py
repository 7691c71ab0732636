"""manifest.json: read back as written, tolerant of what a later version adds, clear about what it cannot read."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from wrikebackup_core.errors import ExitCode, FormatError
from wrikebackup_core.format.manifest import Attachments, Files, Manifest, Tool, intact
from wrikebackup_core.model import Account, AttachmentMode, Gap

UID = "20261123T153000Z-7f3a9c"
KEYS = [
    "format", "tool", "backupUID", "account", "source", "started", "finished", "complete", "counts", "attachments", "files",
    "transforms", "skipped", "gaps", "sha256sums", "previous", "coverage", "checksum",
]  # fmt: skip


def manifest(**more: object) -> Manifest:
    values: dict[str, object] = {
        "tool": Tool("wrikebackup", "1.2.3"),
        "backup_uid": UID,
        "account": Account("IEAAAEDY", "Acme ✈"),
        "source": "wrike",
        "started": datetime(2026, 11, 23, 15, 30, tzinfo=UTC),
        "finished": datetime(2026, 11, 23, 15, 45, tzinfo=UTC),
        "complete": False,
        "counts": {"tasks": 3, "account": 1},
        "attachments": Attachments(AttachmentMode.ALL_VERSIONS, total=5, new=2, bytes=1000, new_bytes=400),
        "files": Files(f"backup-{UID}.zip.age", f"records-{UID}.zip.age", ("bi-export/user.csv.age",)),
        "transforms": ({"kind": "encrypt", "suffix": ".age", "recipients": ["age1…"]},),
        "skipped": ("audit_log",),
        "gaps": (Gap("attachments", "IEAAAEDYIYAB7DLK", "gone"), Gap("audit_log", None, "not allowed", "ask an admin")),
    }
    return Manifest(**{**values, **more})  # type: ignore[arg-type]


def test_it_is_read_back_as_it_was_written() -> None:
    assert Manifest.decode(manifest().encode(), "m") == manifest()


def test_people_can_read_it_and_its_keys_keep_their_order() -> None:
    text = manifest().encode().decode()
    assert list(json.loads(text)) == KEYS
    assert text.startswith('{\n  "format": 1,\n  "tool": {\n    "name": "wrikebackup",\n')
    assert text.endswith("}\n")
    assert "Acme ✈" in text
    assert json.loads(text)["attachments"] == {
        "mode": "all versions",
        "total": 5,
        "new": 2,
        "bytes": 1000,
        "newBytes": 400,
    }


def test_times_are_whole_seconds_in_utc() -> None:
    there = datetime(2026, 11, 23, 17, 30, 0, 123456, timezone(timedelta(hours=2)))
    assert json.loads(manifest(started=there).encode())["started"] == "2026-11-23T15:30:00Z"


def test_a_lone_surrogate_in_a_name_does_not_cost_the_backup() -> None:
    odd = manifest(gaps=(Gap("attachments", "x", "cannot get a\ud800b.txt"),))
    assert Manifest.decode(odd.encode(), "m").gaps[0].reason == "cannot get a?b.txt"


def test_keys_that_a_later_version_adds_are_passed_over() -> None:
    later = json.loads(manifest().encode()) | {"signature": "…"}
    later["account"]["plan"] = "Business"
    later["gaps"][0]["since"] = "yesterday"
    assert Manifest.decode(json.dumps(later).encode(), "m") == manifest()


def test_any_change_to_its_bytes_shows() -> None:
    whole = manifest().encode()
    assert intact(whole)
    for place in range(len(whole)):
        assert not intact(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert not intact(whole[:place])
    assert not intact(whole + b"\n")


def test_its_checksum_can_be_checked_by_hand() -> None:
    whole = manifest().encode()
    said = json.loads(whole)["checksum"]
    assert hashlib.sha256(whole.replace(said.encode(), b"0" * 64)).hexdigest() == said


@pytest.mark.parametrize("version", [0, 2, 99, -1])
def test_another_format_is_refused_by_its_number(version: int) -> None:
    other = json.dumps({"format": version, "everything": "else"}).encode()
    with pytest.raises(FormatError, match=rf"^here/manifest.json: format {version} ") as caught:
        Manifest.decode(other, "here/manifest.json")
    assert caught.value.exit_code is ExitCode.DAMAGED
    assert (caught.value.hint == "use a newer wrikebackup") == (version > 1)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda m: m.pop("account"), "account"),
        (lambda m: m["account"].update(id=7), r"account\.id"),
        (lambda m: m.update(complete="yes"), "complete"),
        (lambda m: m.update(started="2026-11-23T15:30:00"), "started"),
        (lambda m: m["counts"].update(tasks=-1), "counts"),
        (lambda m: m["attachments"].update(mode="some"), r"attachments\.mode"),
        (lambda m: m.pop("format"), "format"),
    ],
)
def test_a_wrong_value_is_named_with_the_key_of_the_file(damage: object, named: str) -> None:
    broken = json.loads(manifest().encode())
    damage(broken)  # type: ignore[operator]
    with pytest.raises(FormatError, match=rf"^here/manifest.json: not a manifest: .*{named}"):
        Manifest.decode(json.dumps(broken).encode(), "here/manifest.json")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"format": 1', b'{"format": "1"}'])
def test_what_is_no_manifest_is_a_format_error(data: bytes) -> None:
    with pytest.raises(FormatError, match=r"^m: not a manifest"):
        Manifest.decode(data, "m")


def test_what_is_nested_without_end_is_a_format_error() -> None:
    with pytest.raises(FormatError, match=r"^m: not a manifest: nested too deeply$"):
        Manifest.decode(b'{"format":1,"transforms":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "m")


@pytest.mark.parametrize("odd", [{"kind": ["x"], "suffix": 5}, {"kind": ["x"]}, {"kind": "x", "suffix": None}])
def test_a_transform_whose_kind_or_suffix_is_no_text_is_a_format_error(odd: dict[str, object]) -> None:
    with pytest.raises(FormatError, match=r"^m: not a manifest: .*transforms"):
        Manifest.decode(manifest(transforms=(odd,)).encode(), "m")


def test_every_cut_of_a_manifest_is_a_format_error() -> None:
    whole = manifest().encode().rstrip()
    for end in range(len(whole)):
        with pytest.raises(FormatError):
            Manifest.decode(whole[:end], "m")
