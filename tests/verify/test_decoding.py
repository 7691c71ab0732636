"""With keys, an encrypted backup is looked into as a plain one is, and every file is decoded while it is hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("cryptography", "48", reason="the extra age is not installed")

from tests.verify.sample import ACCOUNT, FILES, RECORDS, UID, Sample
from wrikebackup_age.age import files
from wrikebackup_age.age.x25519 import X25519Identity
from wrikebackup_age.encryption import Encryption
from wrikebackup_core.decoding import Decoding
from wrikebackup_core.engine.verify import Checks, Report, verify
from wrikebackup_core.errors import KeyRefused
from wrikebackup_core.format import checksums, layout, names
from wrikebackup_core.model import Event, Kind, Message, StageFinished
from wrikebackup_core.testing import MemorySink

KEY, OTHER = X25519Identity.generate(), X25519Identity.generate()
SUMS, MANIFEST = layout.sums_key(ACCOUNT.id, UID), layout.manifest_key(ACCOUNT.id, UID)
PLAN = layout.attachment_key(ACCOUNT.id, "IEAAAEDYIYAB7DLK", "plan.pdf", ".age")
Notify = Callable[[Event], None]


def encrypted(data: bytes, identity: X25519Identity = KEY) -> bytes:
    return b"".join(bytes(piece) for piece in files.encrypt([data], [identity.recipient()]))


def stored(**more: Any) -> MemorySink:
    sink = MemorySink()
    Sample(suffix=".age", encoded=encrypted, **more).store(sink)
    return sink


def check(sink: MemorySink, *keys: X25519Identity, notify: Notify = lambda _: None) -> Report:
    checks = Checks(decoding=lambda _: Decoding([Encryption(identities=keys)]) if keys else None, decode_all=True)
    return verify(sink, ACCOUNT.id, UID, notify, checks=checks)


def found(report: Report) -> list[tuple[str, str]]:
    return [(finding.key, finding.what) for finding in report.findings]


def replace(sink: MemorySink, key: str, data: bytes) -> None:
    """Another object in the place of one, with its checksum."""
    old = hashlib.sha256(sink.objects[key]).hexdigest().encode()
    sink.objects[key] = data
    sink.objects[SUMS] = sink.objects[SUMS].replace(old, hashlib.sha256(data).hexdigest().encode())


def watched(sink: MemorySink) -> list[str]:
    """Takes down which objects are opened."""
    opened: list[str] = []
    sink.before = lambda operation, key: opened.append(key) if operation == "open" else None
    return opened


def test_a_whole_encrypted_backup_is_looked_into_and_has_no_findings() -> None:
    sink, events = stored(artifacts={"bi-export/user.csv": b"id\n"}), list[Event]()
    report = check(sink, KEY, notify=events.append)
    assert report.findings == ()
    assert "2 zips looked into" in [event.summary for event in events if isinstance(event, StageFinished)]
    assert report.bytes == sum(len(data) for key, data in sink.objects.items() if key not in (SUMS, MANIFEST))


def test_each_object_is_read_once_for_its_hash_and_for_its_content() -> None:
    sink = stored()
    opened = watched(sink)
    check(sink, KEY)
    assert opened.count(PLAN) == 1


def test_without_keys_checksums_are_compared_and_that_is_said() -> None:
    sink, events = stored(), list[Event]()
    assert check(sink, notify=events.append).findings == ()
    told = [event.text for event in events if isinstance(event, Message)]
    assert any("the zips are encoded" in text and "--identity" in text for text in told)


@pytest.mark.parametrize("which", ["backup", "records"])
def test_damage_in_the_part_that_is_for_keys_is_damage_and_no_wrong_key(which: str) -> None:
    sink = stored()
    key = f"{layout.backup_folder(ACCOUNT.id, UID)}/{which}-{UID}.zip.age"
    data = bytearray(sink.objects[key])
    data[data.index(b"\n", 30) + 5] ^= 1  # in the wrapped key of the one recipient
    sink.objects[key] = bytes(data)
    report = check(sink, KEY)
    assert (key, "damaged") in found(report)
    assert {finding.key for finding in report.findings} == {key}


@pytest.mark.parametrize("kind", ["plain", "encrypted"])
@pytest.mark.parametrize("lengths", ["equal", "different"])
@pytest.mark.parametrize("with_key", [True, False])
def test_attachments_whose_contents_changed_places_are_both_damaged(kind: str, lengths: str, with_key: bool) -> None:
    """Each is whole, and decodes without fault: only its name is that of the other."""
    one, two = "IEAAAEDYIYAB7DLK", "MwAAAAEQ_HoO"
    files_ = FILES | ({one: b"the plan", two: b"the loan"} if lengths == "equal" else {})
    records = {**RECORDS, Kind.ATTACHMENTS: [r | {"size": len(files_.get(r["id"], b""))} if r["id"] in files_ else r for r in RECORDS[Kind.ATTACHMENTS]]}  # fmt: skip
    sink = MemorySink()
    sample = Sample(files=files_, records=records)
    if kind == "encrypted":
        sample.suffix, sample.encoded = ".age", encrypted
    sample.store(sink)
    assert not check(sink, KEY).findings
    keys = [
        layout.attachment_key(ACCOUNT.id, id_, name, sample.suffix)
        for id_, name in ((one, "plan.pdf"), (two, "new.txt"))
    ]
    sink.objects[keys[0]], sink.objects[keys[1]] = sink.objects[keys[1]], sink.objects[keys[0]]
    damage = [(key, what) for key, what in found(check(sink, *([KEY] if with_key else []))) if what == "damaged"]
    assert sorted(damage) == sorted((key, "damaged") for key in keys)


def test_a_file_that_fits_a_forged_checksum_and_no_key_made_is_found() -> None:
    sink = stored()
    whole = sink.objects[PLAN]
    replace(sink, PLAN, whole[:-1] + bytes([whole[-1] ^ 1]))
    (finding,) = check(sink, KEY).findings
    assert (finding.key, finding.what) == (PLAN, "damaged")
    assert "fits its checksum, and cannot be decoded" in finding.detail


def test_damage_is_told_once_though_it_also_keeps_a_file_from_being_decoded() -> None:
    sink = stored()
    sink.objects[PLAN] = sink.objects[PLAN][:-1]
    (finding,) = check(sink, KEY).findings
    assert (finding.key, finding.what) == (PLAN, "damaged")
    assert "SHA-256 is" in finding.detail


def test_a_file_of_another_length_than_its_record_says_is_found() -> None:
    sink = stored()
    replace(sink, PLAN, encrypted(b"another plan"))
    assert found(check(sink, KEY)) == [(PLAN, "unexpected size")]
    assert found(check(sink)) == []


def test_what_the_zips_say_is_compared_with_what_is_there() -> None:
    sink = stored(files={id_: data for id_, data in FILES.items() if id_ != "IEAAAEDYIYAB7DLK"})
    assert (PLAN, "missing") in found(check(sink, KEY))
    sink = stored(records=RECORDS | {Kind.COMMENTS: []})
    archive = layout.records_key(ACCOUNT.id, UID, ".age")
    replace(sink, archive, encrypted(Sample().records_zip()))
    assert (archive, "damaged") in found(check(sink, KEY))


def test_a_zip_that_was_cut_off_is_a_finding_and_raises_nothing() -> None:
    sink = stored()
    archive = layout.archive_key(ACCOUNT.id, UID, ".age")
    for length in (10, len(sink.objects[archive]) // 2, len(sink.objects[archive]) - 1):
        fresh = stored()
        replace(fresh, archive, fresh.objects[archive][:length])
        assert (archive, "damaged") in found(check(fresh, KEY))


def test_attachments_whose_names_are_hidden_are_found_by_their_ids() -> None:
    sink = stored()
    folder = layout.attachments_folder(ACCOUNT.id)
    for record in RECORDS[Kind.ATTACHMENTS]:
        named = layout.attachment_key(ACCOUNT.id, record["id"], record["name"], ".age")
        if named in sink.objects:
            sink.objects[f"{folder}/{names.hidden_file_name(record['id'], '.age')}"] = sink.objects.pop(named)
    kept = [line for line in sink.objects[SUMS].decode().splitlines(keepends=True) if "../attachments/" not in line]
    kept += [
        checksums.line(hashlib.sha256(data).hexdigest(), "../" + key.split("/", 1)[1])
        for key, data in sink.objects.items()
        if key.startswith(f"{folder}/")
    ]
    sink.objects[SUMS] = "".join(kept).encode()
    assert check(sink, KEY).findings == ()
    plan = f"{folder}/IEAAAEDYIYAB7DLK.age"
    replace(sink, plan, encrypted(b"another plan"))
    assert found(check(sink, KEY)) == [(plan, "unexpected size")]


def test_a_key_that_does_not_open_the_backup_is_told_of_before_anything_else_is_read() -> None:
    sink = stored()
    opened = watched(sink)
    with pytest.raises(KeyRefused):
        check(sink, OTHER)
    assert PLAN not in opened


def test_files_that_an_older_key_opens_are_compared_with_their_checksums() -> None:
    sink, events = stored(), list[Event]()
    replace(sink, PLAN, encrypted(b"the plan", OTHER))
    assert check(sink, KEY, notify=events.append).findings == ()
    told = [event.text for event in events if isinstance(event, Message) and event.warning]
    assert told == ["compared with checksums only, as no key opens them: 1 file"]
    assert check(sink, KEY, OTHER).findings == ()


def test_the_zips_alone_are_decoded_where_every_file_would_take_too_long() -> None:
    sink, events = stored(), list[Event]()
    replace(sink, PLAN, encrypted(b"another plan", OTHER))
    checks = Checks(decoding=lambda _: Decoding([Encryption(identities=[KEY])]))
    assert verify(sink, ACCOUNT.id, UID, events.append, checks=checks).findings == ()
    assert "2 zips looked into" in [event.summary for event in events if isinstance(event, StageFinished)]
    assert not any(isinstance(event, Message) for event in events)
